// Package strictjson is the one JSON decoder of the program: it reads a body of
// which every reader, in any language, must understand the same thing.
//
// It must never know a field's name, guess at a caller's intent, or show any of
// the input in an error.
package strictjson

import (
	"bytes"
	"errors"

	"github.com/go-json-experiment/json/jsontext"
)

// MaxDepth is how many objects and lists may lie inside one another, the
// outermost object counted.
const MaxDepth = 64

// A SyntaxError says why a body was refused. Reason is safe to show: it holds
// nothing of the input.
type SyntaxError struct {
	Reason string
}

func (e *SyntaxError) Error() string { return "the body is not acceptable JSON: " + e.Reason }

// Parse reads one JSON object. It refuses, with a *SyntaxError, all that RFC
// 7493 (I-JSON) refuses: bytes that are not UTF-8, lone surrogates, two members
// of one object with the same name (after unescaping); and besides a byte order
// mark, anything after the object, any other value than an object, U+0000 in
// any text, and more than MaxDepth levels. It keeps no reference to body.
func Parse(body []byte) (Object, error) {
	// This pass comes first: it bounds what deep nesting can cost the next one.
	if reason := scan(body); reason != "" {
		return Object{}, &SyntaxError{Reason: reason}
	}
	if !jsontext.Value(body).IsValid() {
		return Object{}, &SyntaxError{Reason: complaint(body)}
	}
	text := trim(string(body))
	if text[0] != '{' {
		return Object{}, &SyntaxError{Reason: "it must be an object"}
	}
	return Object{members: split(text)}, nil
}

// scan looks for what the grammar allows and this program does not: depth and
// U+0000. It says "" when it finds neither; of malformed text it may say either.
func scan(body []byte) string {
	depth, inText := 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case inText && c == '\\':
			if bytes.HasPrefix(body[i+1:], []byte("u0000")) {
				return "a text contains U+0000"
			}
			i++
		case c == '"':
			inText = !inText
		case inText:
		case c == '{' || c == '[':
			if depth++; depth > MaxDepth {
				return "it is nested too deeply"
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return ""
}

// complaint says what is wrong with a body that is known to be invalid.
func complaint(body []byte) string {
	if bytes.HasPrefix(body, []byte("\ufeff")) {
		return "it starts with a byte order mark"
	}
	if len(bytes.Trim(body, " \t\r\n")) == 0 {
		return "it is empty"
	}
	d := jsontext.NewDecoder(bytes.NewReader(body))
	_, err := d.ReadValue()
	switch {
	case err == nil:
		return "something follows the object"
	case errors.Is(err, jsontext.ErrDuplicateName):
		return "a name appears twice in one object"
	default:
		return "it is malformed"
	}
}
