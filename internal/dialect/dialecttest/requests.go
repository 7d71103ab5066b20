package dialecttest

import (
	"net/http"
	"strings"

	"tocsin"
)

// UnknownID is the id of nothing.
const UnknownID = "9d1b0b5e-0000-7000-8000-00000000ffff"

// MalformedBodies are bodies that must be refused as a whole, by what is wrong
// with them. The name of a member that holds text, beside severity, makes them
// bodies of a protocol.
func MalformedBodies(text string) map[string]string {
	bodies := map[string]string{
		"empty":                    ``,
		"only spaces":              `   `,
		"null":                     `null`,
		"array":                    `[]`,
		"string":                   `"x"`,
		"number":                   `1`,
		"true":                     `true`,
		"duplicate key":            `{"severity":"minor","severity":"critical"}`,
		"duplicate, escaped":       `{"severity":"minor","sever\u0069ty":"critical"}`,
		"duplicate unknown key":    `{"a":1,"a":2,"TEXT":"T"}`,
		"two objects":              `{"severity":"minor"} {"severity":"critical"}`,
		"trailing text":            `{"severity":"minor"}xyz`,
		"invalid UTF-8":            "{\"TEXT\":\"\xff\"}",
		"overlong UTF-8":           "{\"TEXT\":\"\xc0\xaf\"}",
		"surrogate in UTF-8":       "{\"TEXT\":\"\xed\xa0\x80\"}",
		"lone high surrogate":      `{"TEXT":"\ud800"}`,
		"swapped surrogates":       `{"TEXT":"\udc00\ud800"}`,
		"lone in an unknown value": `{"x":"\ud800","TEXT":"T"}`,
		"U+0000":                   `{"TEXT":"a\u0000b"}`,
		"U+0000 in an unknown":     `{"x":"\u0000","TEXT":"T"}`,
		"raw tab":                  "{\"TEXT\":\"a\tb\"}",
		"raw newline":              "{\"TEXT\":\"a\nb\"}",
		"single quotes":            `{'TEXT':'x'}`,
		"comment":                  `{"TEXT":"x"/**/}`,
		"trailing comma":           `{"TEXT":"x",}`,
		"NaN":                      `{"x":NaN}`,
		"hexadecimal":              `{"x":0x1}`,
		"leading zero":             `{"x":01}`,
		"no digit before point":    `{"x":.5}`,
		"plus":                     `{"x":+1}`,
		"byte order mark":          "\ufeff{}",
		"UTF-16":                   "\xff\xfe{\x00}\x00",
		"deep lists":               strings.Repeat("[", 10_001),
		"deep objects":             strings.Repeat(`{"a":`, 100_000),
		"too deep, well formed":    `{"x":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + `}`,
		"over 1 MiB":               `{"TEXT":"` + strings.Repeat("t", 1<<20) + `"}`,
		"digits over 1 MiB":        `{"x":` + strings.Repeat("1", 1<<20) + `}`,
	}
	for name, body := range bodies {
		bodies[name] = strings.ReplaceAll(body, "TEXT", text)
	}
	return bodies
}

// MalformedIDs are texts, escaped for a path, that name nothing: some of them
// for being nearly id.
func MalformedIDs(id tocsin.ID) []string {
	return []string{
		"%2e%2e", "1%2f2", "%00", "%0d%0a", "null", "undefined", "0", "-1", "*", "'%20OR%201=1--", "%F0%9F%94%A5", "%ff",
		tocsin.ID{}.String(), strings.Repeat("9", 10_000),
		"{" + id.String() + "}", "urn:uuid:" + id.String(), id.String()[1:], strings.ReplaceAll(id.String(), "-", ""), id.String() + "%20",
	}
}

// A MediaType is how a body may be declared, and whether it must be taken.
type MediaType struct {
	Header http.Header
	Taken  bool
}

// MediaTypes lists ways to declare a body of JSON.
func MediaTypes() []MediaType {
	as := func(types ...string) http.Header { return http.Header{"Content-Type": types} }
	return []MediaType{
		{as("Application/JSON"), true},
		{as("Application/JSON; charset=UTF-8"), true},
		{as(), true},
		{as("text/plain"), false},
		{as("application/x-www-form-urlencoded"), false},
		{as("multipart/form-data; boundary=x"), false},
		{as("application/json; charset=utf-16"), false},
		{as("application/json", "application/json"), false},
		{http.Header{"Content-Encoding": {"gzip"}}, false},
	}
}
