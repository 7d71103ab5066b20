package api

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"tocsin"
	"tocsin/internal/strictjson"
)

// A check is a schema made ready to judge values by.
type check struct {
	kind     string
	nullable bool
	format   string
	enum     []string
	min, max *float64 // of a number, or of a length
	items    *check
	// unique: the texts of a list must all differ.
	unique bool
	// properties and required are an object's; extra is the check of its other
	// members, nil when there must be none, and names what these may be called, in
	// the words of namesDoc.
	properties map[string]*check
	required   []string
	extra      *check
	names      *regexp.Regexp
	namesDoc   string
}

// multiline is the format of texts that may hold TAB and LF.
const multiline = "multiline"

// propertyNames is JSON Schema's word for what the members of an object may be
// called.
const propertyNames = "propertyNames"

// newCheck makes a check of a schema, with what it refers to.
func newCheck(r huma.Registry, s *huma.Schema) *check {
	nullable := s.Nullable
	if s.Ref != "" {
		s = r.SchemaFromRef(s.Ref)
	}
	c := &check{kind: s.Type, nullable: nullable || s.Nullable, format: s.Format, required: s.Required}
	for _, v := range s.Enum {
		c.enum = append(c.enum, v.(string))
	}
	switch s.Type {
	case huma.TypeObject:
		c.properties = make(map[string]*check, len(s.Properties))
		for name, p := range s.Properties {
			c.properties[name] = newCheck(r, p)
		}
		if extra, ok := s.AdditionalProperties.(*huma.Schema); ok {
			c.extra = newCheck(r, extra)
		}
		if names, ok := s.Extensions[propertyNames].(map[string]any); ok {
			c.names, c.namesDoc = regexp.MustCompile(names["pattern"].(string)), names["description"].(string)
		}
		c.max = length(s.MaxProperties)
	case huma.TypeArray:
		c.items = newCheck(r, s.Items)
		c.min, c.max, c.unique = length(s.MinItems), length(s.MaxItems), s.UniqueItems
	case huma.TypeString:
		c.min, c.max = length(s.MinLength), length(s.MaxLength)
	default:
		c.min, c.max = s.Minimum, s.Maximum
	}
	return c
}

func length(n *int) *float64 {
	if n == nil {
		return nil
	}
	f := float64(*n)
	return &f
}

// A fieldProblem is one thing that is wrong with a request.
type fieldProblem struct {
	Pointer   string      `json:"pointer,omitempty" doc:"Where in the body, as a JSON pointer (RFC 6901)."`
	Parameter string      `json:"parameter,omitempty" doc:"Which query parameter or header."`
	Code      tocsin.Code `json:"code" doc:"What is wrong with it, as the code of an error."`
	Message   string      `json:"message" doc:"What is wrong with it, for people."`
}

// problems collects what is wrong with a request. Its errors never show what the
// client sent, but for names of members.
type problems struct {
	// malformed are what no reader should have to guess at (400), invalid the
	// values that break a rule (422).
	malformed, invalid []fieldProblem
}

// maxProblems bounds the answer.
const maxProblems = 100

func (p *problems) unknown(pointer string) {
	if len(p.malformed) < maxProblems {
		p.malformed = append(p.malformed, fieldProblem{Pointer: pointer, Code: badRequest, Message: "there is no such member"})
	}
}

func (p *problems) refuse(pointer, format string, args ...any) {
	if len(p.invalid) < maxProblems {
		p.invalid = append(p.invalid, fieldProblem{Pointer: pointer, Code: tocsin.Invalid, Message: fmt.Sprintf(format, args...)})
	}
}

// judge collects everything that is wrong with a value.
func (c *check) judge(v strictjson.Value, pointer string, p *problems) {
	if v.IsNull() {
		if !c.nullable {
			p.refuse(pointer, "must not be null")
		}
		return
	}
	switch c.kind {
	case huma.TypeObject:
		if o, ok := v.Object(); ok {
			c.judgeObject(o, pointer, p)
			return
		}
		p.refuse(pointer, "must be an object")
	case huma.TypeArray:
		list, ok := v.List()
		if !ok {
			p.refuse(pointer, "must be a list")
			return
		}
		c.judgeSize(len(list), pointer, "item", p)
		seen := make(map[string]bool, len(list))
		for i, item := range list {
			at := pointer + "/" + strconv.Itoa(i)
			c.items.judge(item, at, p)
			text, _ := item.Text()
			if c.items.format == "uuid" {
				text = strings.ToLower(text)
			}
			if c.unique && text != "" && seen[text] {
				p.refuse(at, "must not be there twice")
			}
			seen[text] = true
		}
	case huma.TypeString:
		text, ok := v.Text()
		if !ok {
			p.refuse(pointer, "must be a text")
			return
		}
		c.judgeText(text, pointer, p)
	case huma.TypeInteger:
		n, ok := v.Int()
		switch {
		case !ok:
			p.refuse(pointer, "must be a whole number")
		case c.min != nil && float64(n) < *c.min, c.max != nil && float64(n) > *c.max:
			p.refuse(pointer, "must be %s", c.span())
		}
	case huma.TypeBoolean:
		if _, ok := v.Bool(); !ok {
			p.refuse(pointer, "must be true or false")
		}
	}
}

// span says which numbers are in range.
func (c *check) span() string {
	switch {
	case c.min != nil && c.max != nil:
		return fmt.Sprintf("from %.0f to %.0f", *c.min, *c.max)
	case c.min != nil:
		return fmt.Sprintf("at least %.0f", *c.min)
	default:
		return fmt.Sprintf("at most %.0f", *c.max)
	}
}

func (c *check) judgeObject(o strictjson.Object, pointer string, p *problems) {
	names := o.Names()
	c.judgeSize(len(names), pointer, "member", p)
	for _, name := range names {
		at := pointer + "/" + escapePointer(name)
		member := c.properties[name]
		if member == nil {
			member = c.extra
			if c.names != nil && !c.names.MatchString(name) {
				p.refuse(at, "the name must be %s", c.namesDoc)
				continue
			}
		}
		if member == nil {
			p.unknown(at)
			continue
		}
		v, _ := o.Get(name)
		member.judge(v, at, p)
	}
	for _, name := range c.required {
		if !slices.Contains(names, name) {
			p.refuse(pointer+"/"+escapePointer(name), "is required")
		}
	}
}

// escapePointer writes a name as RFC 6901 has it. Long names are cut: they are
// the client's.
func escapePointer(name string) string {
	if len(name) > 100 {
		name = strings.ToValidUTF8(name[:100], "") + "…"
	}
	return strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
}

func (c *check) judgeSize(n int, pointer, what string, p *problems) {
	switch {
	case c.max != nil && n > int(*c.max):
		p.refuse(pointer, "must have at most %.0f %ss", *c.max, what)
	case c.min != nil && n < int(*c.min) && *c.min == 1:
		p.refuse(pointer, "must not be empty")
	case c.min != nil && n < int(*c.min):
		p.refuse(pointer, "must have at least %.0f %ss", *c.min, what)
	}
}

func (c *check) judgeText(text, pointer string, p *problems) {
	switch {
	case c.enum != nil && !slices.Contains(c.enum, text):
		p.refuse(pointer, "must be one of: %s", strings.Join(c.enum, ", "))
		return
	case c.format == "uuid":
		if _, ok := tocsin.ParseID(text); !ok {
			p.refuse(pointer, "must be a UUID")
		}
		return
	case c.format == "date-time":
		if _, ok := parseTime(text); !ok {
			p.refuse(pointer, "must be a time such as 2026-01-31T14:30:00Z, in the years 2000 to 2100")
		}
		return
	case c.format == multiline && strings.ContainsFunc(text, func(r rune) bool { return control(r) && r != '\t' && r != '\n' }):
		p.refuse(pointer, "must have no control characters but tabs and line feeds")
		return
	case c.format != multiline && strings.ContainsFunc(text, control):
		p.refuse(pointer, "must have no control characters")
		return
	}
	c.judgeSize(utf8.RuneCountInString(text), pointer, "character", p)
}

// control reports whether r is of C0 or C1, or DEL.
func control(r rune) bool { return r < 0x20 || r >= 0x7f && r < 0xa0 }
