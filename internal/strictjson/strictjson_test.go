package strictjson_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"tocsin/internal/strictjson"
)

func TestParseAcceptsWhatEveryReaderUnderstandsAlike(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"an empty object":                  `{}`,
		"white space around everything":    " \t\r\n{ \"a\" : [ 1 , 2 ] , \"b\" : { } } \n",
		"names that differ only in case":   `{"severity":"minor","Severity":"critical"}`,
		"a name that only folds to ours":   `{"ſeverity":"critical"}`,
		"an unknown member of 60 KB":       `{"x":"` + strings.Repeat("y", 60_000) + `"}`,
		"an unknown member, nested 7 deep": `{"x":` + strings.Repeat(`{"y":`, 7) + `1` + strings.Repeat(`}`, 8),
		"names that are special elsewhere": `{"__proto__":{"isAdmin":true},"constructor":{"prototype":{}}}`,
		"a number that no float can hold":  `{"x":1e999}`,
		"a number of many digits":          `{"x":` + strings.Repeat("9", 10_000) + `}`,
		"the same name in two objects":     `{"a":{"n":1},"b":{"n":1},"n":1}`,
		"brackets inside a text":           `{"x":"}]{[","y":"\"}"}`,
		"an escaped backslash, then u0000": `{"x":"\\u0000"}`,
		"a pair of surrogates":             `{"x":"\ud83d\ude00"}`,
		"noncharacters and a BOM in text":  "{\"x\":\"\uffff\ufeff\u2028\"}",
		"the deepest nesting allowed":      nested(strictjson.MaxDepth),
	}
	for name, body := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := strictjson.Parse([]byte(body)); err != nil {
				t.Errorf("Parse refused it: %v", err)
			}
		})
	}
}

func TestParseRefusesWhatReadersDisagreeOn(t *testing.T) {
	t.Parallel()
	const (
		empty     = "it is empty"
		malformed = "it is malformed"
		notObject = "it must be an object"
		follows   = "something follows the object"
		duplicate = "a name appears twice in one object"
		nul       = "a text contains U+0000"
		deep      = "it is nested too deeply"
	)
	tests := map[string]struct{ body, reason string }{
		"nothing":                           {"", empty},
		"only white space":                  {"  \n ", empty},
		"null":                              {"null", notObject},
		"a list":                            {"[]", notObject},
		"a text":                            {`"x"`, notObject},
		"a number":                          {"1", notObject},
		"a truth":                           {"true", notObject},
		"the same name twice":               {`{"severity":"minor","severity":"critical"}`, duplicate},
		"the same name twice, once escaped": {`{"severity":"minor","sever\u0069ty":"critical"}`, duplicate},
		"the same name twice, deep inside":  {`{"x":[{"y":{"a":1,"a":1}}]}`, duplicate},
		"two objects":                       {`{"severity":"minor"} {"severity":"critical"}`, follows},
		"an object and rubbish":             {`{"severity":"minor"}xyz`, follows},
		"an object and a bracket":           {`{}}`, follows},
		"a byte that is not UTF-8":          {"{\"x\":\"\xff\"}", malformed},
		"an overlong slash":                 {"{\"x\":\"\xc0\xaf\"}", malformed},
		"CESU-8":                            {"{\"x\":\"\xed\xa0\xbd\xed\xb8\x80\"}", malformed},
		"a name that is not UTF-8":          {"{\"\xff\":1}", malformed},
		"a lone high surrogate":             {`{"x":"\ud800"}`, malformed},
		"surrogates the wrong way round":    {`{"x":"\udc00\ud800"}`, malformed},
		"an escaped NUL":                    {`{"x":"a\u0000b"}`, nul},
		"an escaped NUL in a name":          {`{"a\u0000b":1}`, nul},
		"an escaped NUL deep inside":        {`{"x":[{"y":"\\\u0000"}]}`, nul},
		"a raw NUL":                         {"{\"x\":\"a\x00b\"}", malformed},
		"a raw tab in a text":               {"{\"x\":\"a\tb\"}", malformed},
		"a raw line feed in a text":         {"{\"x\":\"a\nb\"}", malformed},
		"single quotes":                     {`{'x':1}`, malformed},
		"a comment":                         {`{"x":1/*y*/}`, malformed},
		"a comma before the end":            {`{"x":1,}`, malformed},
		"a comma at the end of a list":      {`{"x":[1,]}`, malformed},
		"NaN":                               {`{"x":NaN}`, malformed},
		"a hexadecimal number":              {`{"x":0x1}`, malformed},
		"a leading zero":                    {`{"x":01}`, malformed},
		"no digit before the point":         {`{"x":.5}`, malformed},
		"a plus sign":                       {`{"x":+1}`, malformed},
		"an unknown escape":                 {`{"x":"\x41"}`, malformed},
		"a body cut short":                  {`{"x":"y`, malformed},
		"a body cut in an escape":           {`{"x":"\`, malformed},
		"a name that is no text":            {`{1:1}`, malformed},
		"a byte order mark":                 {"\ufeff{}", "it starts with a byte order mark"},
		"UTF-16":                            {"{\x00}\x00", malformed},
		"one level too many":                {nested(strictjson.MaxDepth + 1), deep},
		"ten thousand open brackets":        {strings.Repeat("[", 10_001), deep},
		"a hundred thousand open objects":   {strings.Repeat(`{"a":`, 100_000), deep},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := strictjson.Parse([]byte(test.body))
			var refused *strictjson.SyntaxError
			if !errors.As(err, &refused) {
				t.Fatalf("Parse returned %v, want a *SyntaxError", err)
			}
			if refused.Reason != test.reason {
				t.Errorf("the reason is %q, want %q", refused.Reason, test.reason)
			}
		})
	}
}

func TestErrorsShowNothingOfTheInput(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{"sesame":1,"sesame":2}`, `{"a":sesame}`, `{"a":"sesame\ud800"}`, `sesame`, `{}sesame`} {
		if _, err := strictjson.Parse([]byte(body)); err == nil || strings.Contains(err.Error(), "sesame") {
			t.Errorf("Parse(%s) returned %v, want an error without the input's words", body, err)
		}
	}
}

func TestGetIsExact(t *testing.T) {
	t.Parallel()
	o := parse(t, `{"severity":"minor","Severity":"critical","sta\u0074us":"open"}`)
	if got := text(t, o, "severity"); got != "minor" {
		t.Errorf("severity is %q, want the member of that very case", got)
	}
	if got := text(t, o, "status"); got != "open" {
		t.Errorf("status is %q, want the member whose name was escaped", got)
	}
	if _, ok := o.Get("SEVERITY"); ok {
		t.Error("Get found SEVERITY, which is not there")
	}
	if got, want := o.Names(), []string{"severity", "Severity", "status"}; !slices.Equal(got, want) {
		t.Errorf("Names is %q, want %q", got, want)
	}
}

func TestValuesAreOfOneKindOnly(t *testing.T) {
	t.Parallel()
	kinds := map[string]string{
		`null`: "null", `"x"`: "text", `"null"`: "text", `""`: "text", `"1"`: "text", `"true"`: "text",
		`0`: "int", `-0`: "int", `-1`: "int", `9223372036854775807`: "int", `-9223372036854775808`: "int",
		`9223372036854775808`: "", `1.0`: "", `1e2`: "", `1e999`: "", `0.5`: "",
		`true`: "bool", `false`: "bool",
		`[]`: "list", `[ ]`: "list", `[null]`: "list", `{}`: "object", `{ "a" : 1 }`: "object",
	}
	for raw, want := range kinds {
		v, _ := parse(t, `{"x": `+raw+` }`).Get("x")
		got := ""
		note := func(kind string, ok bool) {
			if ok {
				got += kind
			}
		}
		_, isText := v.Text()
		_, isInt := v.Int()
		_, isBool := v.Bool()
		_, isList := v.List()
		_, isObject := v.Object()
		note("null", v.IsNull())
		note("text", isText)
		note("int", isInt)
		note("bool", isBool)
		note("list", isList)
		note("object", isObject)
		if got != want {
			t.Errorf("%s reads as %q, want %q", raw, got, want)
		}
	}
}

func TestTheZeroValueIsOfNoKind(t *testing.T) {
	t.Parallel()
	var v strictjson.Value
	_, isText := v.Text()
	_, isInt := v.Int()
	_, isBool := v.Bool()
	_, isList := v.List()
	_, isObject := v.Object()
	if v.IsNull() || isText || isInt || isBool || isList || isObject {
		t.Error("the zero Value claims to be something")
	}
}

func TestValuesNestInOrder(t *testing.T) {
	t.Parallel()
	o := parse(t, `{ "list" : [ "a" , 2, [ true , {"b\"]":"\u00e9,"} ] , {} , null ] , "last" : -7 }`)
	v, _ := o.Get("list")
	list, _ := v.List()
	if len(list) != 5 {
		t.Fatalf("the list has %d elements, want 5", len(list))
	}
	if s, _ := list[0].Text(); s != "a" {
		t.Errorf("the first element is %q, want a", s)
	}
	if n, _ := list[1].Int(); n != 2 {
		t.Errorf("the second element is %d, want 2", n)
	}
	inner, _ := list[2].List()
	if len(inner) != 2 {
		t.Fatalf("the inner list has %d elements, want 2", len(inner))
	}
	deepest, _ := inner[1].Object()
	if got := text(t, deepest, `b"]`); got != "é," {
		t.Errorf("the text inside is %q, want é and a comma", got)
	}
	if !list[4].IsNull() {
		t.Error("the last element is not null")
	}
	last, _ := o.Get("last")
	if n, _ := last.Int(); n != -7 {
		t.Errorf("the member after the list is %d, want -7", n)
	}
}

func TestParseKeepsNothingOfTheBody(t *testing.T) {
	t.Parallel()
	body := []byte(`{"a":"before"}`)
	o, err := strictjson.Parse(body)
	if err != nil {
		t.Fatal(err)
	}
	copy(body, `{"b":"after!"}`)
	if got := text(t, o, "a"); got != "before" {
		t.Errorf("the text is %q after the body's memory was used again", got)
	}
}

func parse(t *testing.T, body string) strictjson.Object {
	t.Helper()
	o, err := strictjson.Parse([]byte(body))
	if err != nil {
		t.Fatalf("Parse(%s): %v", body, err)
	}
	return o
}

func text(t *testing.T, o strictjson.Object, name string) string {
	t.Helper()
	v, ok := o.Get(name)
	if !ok {
		t.Fatalf("there is no member %q", name)
	}
	s, ok := v.Text()
	if !ok {
		t.Fatalf("the member %q is no text", name)
	}
	return s
}

// nested returns an object in which depth objects and lists lie in one another.
func nested(depth int) string {
	return `{"x":` + strings.Repeat("[", depth-1) + strings.Repeat("]", depth-1) + `}`
}

func manyKeys(n int) []byte {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"field_%05d":%d`, i, i)
	}
	return []byte("{" + b.String()[1:] + "}")
}

func BenchmarkParse(b *testing.B) {
	bodies := map[string][]byte{
		"60 bytes":    []byte(`{"severity":"critical","status":"fixing","lead":"a@b.example"}`),
		"10,000 keys": manyKeys(10_000),
		"1 MiB text":  []byte(`{"x":"` + strings.Repeat("y", 1<<20) + `"}`),
		"1 MiB lists": []byte(`{"x":[` + strings.Repeat("[],", 1<<20/3) + `1]}`),
		"100,000 {":   []byte(strings.Repeat(`{"a":`, 100_000)),
	}
	for name, body := range bodies {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				o, err := strictjson.Parse(body)
				if v, ok := o.Get("severity"); ok && err == nil {
					v.Text()
				}
			}
		})
	}
}
