package strictjson

import (
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// An Object is a JSON object whose whole text is known to be valid.
// The zero Object is empty.
type Object struct {
	members []member
}

type member struct {
	name string
	raw  string
}

// Get returns the member of that very name: case counts, byte for byte.
func (o Object) Get(name string) (Value, bool) {
	for i := range o.members {
		if o.members[i].name == name {
			return Value{raw: o.members[i].raw}, true
		}
	}
	return Value{}, false
}

// Names returns the members' names in order of appearance.
func (o Object) Names() []string {
	names := make([]string, len(o.members))
	for i := range o.members {
		names[i] = o.members[i].name
	}
	return names
}

// A Value is any JSON value: its own text, known to be valid. Nothing in it is
// read before it is asked for. The zero Value is of no kind, not even null.
type Value struct {
	raw string
}

// IsNull reports whether v is null.
func (v Value) IsNull() bool { return v.raw == "null" }

// Text returns the text of v; false unless v is a string. It is a copy, so that
// a short text does not keep a long body in memory.
func (v Value) Text() (string, bool) {
	if v.raw == "" || v.raw[0] != '"' {
		return "", false
	}
	return strings.Clone(unquote(v.raw)), true
}

// Int returns the number of v; false unless v is a number written without
// fraction or exponent and in the range of int64.
func (v Value) Int() (int64, bool) {
	n, err := strconv.ParseInt(v.raw, 10, 64)
	return n, err == nil
}

// Bool returns the truth of v; false unless v is true or false.
func (v Value) Bool() (value, ok bool) {
	return v.raw == "true", v.raw == "true" || v.raw == "false"
}

// List returns the elements of v; false unless v is a list.
func (v Value) List() ([]Value, bool) {
	if v.raw == "" || v.raw[0] != '[' {
		return nil, false
	}
	list := []Value{}
	for rest := trim(v.raw[1:]); rest[0] != ']'; {
		n := width(rest)
		list = append(list, Value{raw: rest[:n]})
		rest = next(rest[n:])
	}
	return list, true
}

// Object returns v as an object; false unless it is one.
func (v Value) Object() (Object, bool) {
	if v.raw == "" || v.raw[0] != '{' {
		return Object{}, false
	}
	return Object{members: split(v.raw)}, true
}

// The rest walks text that is known to be valid, and looks at no more of it
// than it needs to find where things end.

// split returns the members of the object that text starts with.
func split(text string) []member {
	var members []member
	for rest := trim(text[1:]); rest[0] != '}'; {
		n := width(rest)
		m := member{name: unquote(rest[:n])}
		rest = trim(trim(rest[n:])[1:]) // the colon
		n = width(rest)
		m.raw = rest[:n]
		members = append(members, m)
		rest = next(rest[n:])
	}
	return members
}

// next skips to the next element, or to the bracket that ends them.
func next(rest string) string {
	rest = trim(rest)
	if rest[0] == ',' {
		rest = trim(rest[1:])
	}
	return rest
}

// width returns how many bytes the value at the start of text has.
func width(text string) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			i += textWidth(text[i:]) - 1
		case '{', '[':
			depth++
			continue
		case '}', ']':
			depth--
		default:
			if depth > 0 {
				continue
			}
			return i + literalWidth(text[i:])
		}
		if depth == 0 {
			return i + 1
		}
	}
	return len(text)
}

func textWidth(text string) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(text)
}

func literalWidth(text string) int {
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case ',', ']', '}', ' ', '\t', '\r', '\n':
			return i
		}
	}
	return len(text)
}

func trim(text string) string {
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case ' ', '\t', '\r', '\n':
		default:
			return text[i:]
		}
	}
	return ""
}

// unquote returns what a string's own text stands for, sharing memory with it
// where nothing is escaped.
func unquote(raw string) string {
	inner := raw[1 : len(raw)-1]
	if strings.IndexByte(inner, '\\') < 0 {
		return inner
	}
	text, _ := jsontext.AppendUnquote(nil, raw) // valid, so there is no error
	return string(text)
}
