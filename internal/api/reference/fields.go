package reference

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"unicode"

	"github.com/danielgtaylor/huma/v2"

	"tocsin"
	"tocsin/internal/api"
)

// members describes the members of the object that a schema is of, each with an id
// below prefix. In a request it says which are required and describes objects
// within objects on the spot; inside has those that it is in already.
func (b *builder) members(prefix, schema string, request bool, inside []string) []field {
	var out []field
	s := b.schema(schema)
	for _, name := range b.order(schema) {
		member := s.Properties[name]
		f := b.field(prefix, name, member)
		required := slices.Contains(s.Required, name)
		switch {
		case request && required:
			f.Mark = "required"
		case !request && !required:
			f.Mark = "not always there"
		}
		inner := refOf(member)
		switch {
		case inner == "":
		case request && b.bodies[inner] != "":
			f.TypeLink = b.bodies[inner]
			f.Text = strings.TrimSpace(f.Text + " As the body of that operation.")
		case !request && b.homes[inner] != "":
			f.TypeLink = b.homes[inner]
		case !slices.Contains(inside, inner):
			f.Fields = b.members(f.ID, inner, request, append(slices.Clone(inside), inner))
		}
		out = append(out, f)
	}
	return out
}

// within lists the schemas with names that an object's members are of, or members
// of its members without a name.
func (b *builder) within(schema string) []string {
	var out []string
	for _, name := range b.order(schema) {
		switch inner := refOf(b.schema(schema).Properties[name]); {
		case inner == "":
		case b.named(inner):
			out = append(out, inner)
		default:
			out = append(out, b.within(inner)...)
		}
	}
	return out
}

func (b *builder) schema(name string) *huma.Schema { return b.doc.Components.Schemas.Map()[name] }

// goType is the type that a schema was made from.
func (b *builder) goType(schema string) reflect.Type {
	t := b.doc.Components.Schemas.TypeFromRef("#/components/schemas/" + schema)
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

// named reports whether a schema is that of a Go type with a name: others are
// described where they are used.
func (b *builder) named(schema string) bool {
	t := b.goType(schema)
	return t != nil && t.Name() != ""
}

// order lists the names of an object's members as its Go type has them: a schema
// forgets that.
func (b *builder) order(schema string) []string {
	var names []string
	properties := b.schema(schema).Properties
	if t := b.goType(schema); t != nil && t.Kind() == reflect.Struct {
		for _, f := range reflect.VisibleFields(t) {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if properties[name] != nil && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// parameter describes a parameter of an operation.
func (b *builder) parameter(prefix string, p *huma.Param) field {
	f := b.field(prefix, p.Name, p.Schema)
	f.Text = p.Description
	if p.Required && p.In != "path" {
		f.Mark = "required"
	}
	return f
}

// field describes what its schema alone says.
func (b *builder) field(prefix, name string, s *huma.Schema) field {
	f := field{ID: prefix + "." + name, Name: name, Type: b.typeOf(s), Text: s.Description, Limits: limitsOf(s)}
	leaf := s
	if s.Items != nil {
		leaf = s.Items
		f.Limits = append(f.Limits, limitsOf(leaf)...)
	}
	for _, v := range leaf.Enum {
		value := fmt.Sprint(v)
		f.Values = append(f.Values, link{Text: value, Target: meaning(value, leaf.Enum), Code: true})
	}
	return f
}

// meaning is where the glossary explains a value, "" where it does not: a glossary
// is of an enumeration when it has all its values, and so is the page of errors.
func meaning(value string, enum []any) string {
	for _, g := range glossaries() {
		known := func(v any) bool {
			return slices.ContainsFunc(g.words, func(w word) bool { return w.name == v })
		}
		if !slices.ContainsFunc(enum, func(v any) bool { return !known(v) }) {
			return guidePath + "#" + g.id + "." + value
		}
	}
	isCode := func(v any) bool { return slices.Contains(api.Codes(), tocsin.Code(fmt.Sprint(v))) }
	if !slices.ContainsFunc(enum, func(v any) bool { return !isCode(v) }) {
		return errorsPath + "#" + value
	}
	return ""
}

// refOf is the name of the schema that a value is of, or its items or members are
// of; "" for none.
func refOf(s *huma.Schema) string {
	switch {
	case s.Ref != "":
		return nameOf(s.Ref)
	case s.Items != nil:
		return refOf(s.Items)
	}
	if extra, ok := s.AdditionalProperties.(*huma.Schema); ok {
		return refOf(extra)
	}
	return ""
}

// typeOf is the type of a value in words.
func (b *builder) typeOf(s *huma.Schema) string {
	text := s.Type
	extra, isMap := s.AdditionalProperties.(*huma.Schema)
	switch {
	case s.Ref != "" && b.named(nameOf(s.Ref)):
		text = spaced(nameOf(s.Ref))
	case s.Ref != "":
		text = huma.TypeObject
	case s.Type == "":
		text = "any value"
	case s.Items != nil:
		text = "array of " + b.typeOf(s.Items)
	case isMap:
		text = "object, each member: " + b.typeOf(extra)
	case s.Format == "uuid":
		text = "UUID"
	case s.Format == "date-time":
		text = "time"
	case s.Format == "uri":
		text = "URL"
	case s.Format == "multiline":
		text = "string of one or more lines"
	case s.Type == huma.TypeInteger:
		text = "whole number"
	}
	if s.Nullable {
		text += ", or null"
	}
	return text
}

// limitsOf are the bounds of a value and its default, in words.
func limitsOf(s *huma.Schema) []string {
	var out []string
	out = appendSpan(out, s.Minimum, s.Maximum, "")
	out = appendSpan(out, s.MinLength, s.MaxLength, " characters")
	out = appendSpan(out, s.MinItems, s.MaxItems, " items")
	if s.Pattern != "" {
		out = append(out, "matches "+s.Pattern)
	}
	if s.Default != nil {
		text, err := json.Marshal(s.Default)
		if err == nil {
			out = append(out, "default "+strings.Trim(string(text), `"`))
		}
	}
	return out
}

func appendSpan[N int | float64](out []string, low, high *N, unit string) []string {
	number := func(n *N) string { return fmt.Sprintf("%.0f", float64(*n)) }
	switch {
	case low != nil && high != nil:
		return append(out, number(low)+" to "+number(high)+unit)
	case low != nil && *low == 1 && unit != "":
		return append(out, "not empty")
	case low != nil:
		return append(out, "at least "+number(low)+unit)
	case high != nil:
		return append(out, "at most "+number(high)+unit)
	}
	return out
}

// spaced is the name of a schema as people write it: "APIKey" is "API key".
func spaced(name string) string {
	letters := []rune(name)
	var b strings.Builder
	for i, r := range letters {
		starts := i > 0 && unicode.IsUpper(r) && (!unicode.IsUpper(letters[i-1]) || i+1 < len(letters) && unicode.IsLower(letters[i+1]))
		if starts {
			b.WriteByte(' ')
		}
		if starts && (i+1 == len(letters) || !unicode.IsUpper(letters[i+1])) {
			r = unicode.ToLower(r)
		}
		b.WriteRune(r)
	}
	return b.String()
}

// oneOf is the object that an answer is, or the first of a list.
func oneOf(answer json.RawMessage, list bool) (json.RawMessage, bool) {
	if !list {
		return answer, true
	}
	var page struct{ Items []json.RawMessage }
	if err := json.Unmarshal(answer, &page); err != nil || len(page.Items) == 0 {
		return nil, false
	}
	return page.Items[0], true
}
