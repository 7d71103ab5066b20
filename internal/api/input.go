package api

import (
	"encoding/json"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"tocsin"
	"tocsin/internal/strictjson"
)

// An input is how the type of an operation's request is filled. Fields tagged
// path:"name" and query:"name" come from there, one named Body from the body.
type input struct {
	path  []slot
	query []slot
	body  *slot
}

// A slot is one field of an input.
type slot struct {
	name  string
	index []int
	// list: the parameter may be repeated.
	list bool
	// required: the parameter must be there.
	required bool
	check    *check
	schema   *huma.Schema
}

// newInput reads what a type says of itself. It panics on one that says
// something else than it can: that is a mistake in this package.
func newInput(r huma.Registry, t reflect.Type) input {
	var in input
	for _, f := range reflect.VisibleFields(t) {
		if f.Anonymous {
			continue
		}
		s := slot{index: f.Index}
		switch {
		case f.Name == "Body":
			s.schema = r.Schema(f.Type, true, "")
			s.check = newCheck(r, s.schema)
			in.body = &s
			continue
		case f.Tag.Get("path") != "":
			s.name = f.Tag.Get("path")
		case f.Tag.Get("query") != "":
			s.name, s.required = f.Tag.Get("query"), f.Tag.Get("required") == "true"
		default:
			panic(fmt.Sprintf("field %s of %s comes from nowhere", f.Name, t))
		}
		s.schema = huma.SchemaFromField(r, f, "")
		s.check = newCheck(r, s.schema)
		if s.list = s.check.kind == huma.TypeArray; s.list {
			s.schema.Nullable = false
			s.check = s.check.items
		}
		if f.Tag.Get("path") != "" {
			in.path = append(in.path, s)
		} else {
			in.query = append(in.query, s)
		}
	}
	return in
}

// readPath fills the fields that come from the path. What is not well formed
// names nothing.
func (in input) readPath(value func(string) string, into reflect.Value) error {
	for _, s := range in.path {
		var p problems
		if s.set(value(s.name), into, &p); len(p.invalid) > 0 {
			return tocsin.Errorf(tocsin.NotFound, "there is nothing at this path")
		}
	}
	return nil
}

// readQuery fills the fields that come from the query string.
func (in input) readQuery(rawQuery string, extra []string, into reflect.Value, p *problems) {
	if rawQuery == "" && len(in.query) == 0 {
		return
	}
	values, err := url.ParseQuery(rawQuery)
	if err != nil {
		p.malformed = append(p.malformed, fieldProblem{Parameter: "?", Code: badRequest, Message: "the query string is malformed; percent-encode its values"})
		return
	}
	for name, given := range values {
		at := slices.IndexFunc(in.query, func(s slot) bool { return s.name == name })
		switch {
		case at < 0 && !slices.Contains(extra, name):
			p.malformed = append(p.malformed, fieldProblem{Parameter: clip(name), Code: badRequest, Message: "there is no such parameter"})
		case len(given) > 1 && (at < 0 || !in.query[at].list), len(given) > maxProblems:
			p.malformed = append(p.malformed, fieldProblem{Parameter: name, Code: badRequest, Message: "must not be repeated"})
		case at >= 0:
			for _, text := range given {
				if !utf8.ValidString(text) {
					p.malformed = append(p.malformed, fieldProblem{Parameter: name, Code: badRequest, Message: "must be UTF-8"})
					continue
				}
				in.query[at].setParameter(text, into, p)
			}
		}
	}
	for _, s := range in.query {
		if s.required && len(values[s.name]) == 0 {
			p.invalid = append(p.invalid, fieldProblem{Parameter: s.name, Code: tocsin.Invalid, Message: "is required"})
		}
	}
	slices.SortFunc(p.malformed, byPlace)
	slices.SortFunc(p.invalid, byPlace)
}

// setParameter is set, with its problems told by the parameter's name.
func (s slot) setParameter(text string, into reflect.Value, p *problems) {
	var own problems
	s.set(text, into, &own)
	for _, bad := range own.invalid {
		bad.Pointer, bad.Parameter = "", s.name
		p.invalid = append(p.invalid, bad)
	}
}

// set checks a text as if it were JSON, and fills the field with it.
func (s slot) set(text string, into reflect.Value, p *problems) {
	raw := text
	if s.check.kind == huma.TypeString {
		quoted, _ := json.Marshal(text) // a string is always marshalled
		raw = string(quoted)
	} else if n, err := strconv.ParseInt(text, 10, 64); s.check.kind == huma.TypeInteger && (err != nil || strconv.FormatInt(n, 10) != text) {
		raw = "{}" // of no type that a parameter has
	}
	o, err := strictjson.Parse([]byte(`{"v":` + raw + `}`))
	if err != nil {
		o, _ = strictjson.Parse([]byte(`{"v":{}}`))
	}
	v, _ := o.Get("v")
	before := len(p.invalid)
	if s.check.judge(v, "", p); len(p.invalid) > before {
		return
	}
	field := into.FieldByIndex(s.index)
	if s.list {
		field.Set(reflect.Append(field, reflect.Zero(field.Type().Elem())))
		field = field.Index(field.Len() - 1)
	}
	if err := json.Unmarshal([]byte(raw), field.Addr().Interface()); err != nil {
		p.refuse("", "is not valid")
	}
}

// clip shortens what a client wrote, to be shown to him.
func clip(s string) string { return escapePointer(s) }

func byPlace(a, b fieldProblem) int {
	if a.Pointer+a.Parameter < b.Pointer+b.Parameter {
		return -1
	}
	if a.Pointer+a.Parameter > b.Pointer+b.Parameter {
		return 1
	}
	return 0
}
