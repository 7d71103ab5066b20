package attack_test

import (
	"fmt"
	"strings"
	"testing"

	"tocsin"
)

// body returns an edit that sends this body.
func body(text string) func(*site, *message) {
	return func(_ *site, m *message) { m.body = text }
}

// maxBody is the limit of the dialects' contracts, in bytes.
const maxBody = 1 << 20

// padded is a good update in a body of n bytes.
func padded(n int) string {
	const frame = `{"severity":"major","x":""}`
	return `{"severity":"major","x":"` + strings.Repeat("a", n-len(frame)) + `"}`
}

// syntax are the cases of JSON.
func syntax() []attack {
	minor := becomes(tocsin.Minor)
	all := []attack{
		{number: 33, edit: body(`{}`), want: []int{200}, effect: nothing},
		{number: 34, edit: body(`{"severity":"minor","severity":"major"}`), want: []int{400}},
		{number: 34, name: "escaped", edit: body(`{"severity":"minor","sever\u0069ty":"major"}`), want: []int{400}},
		{number: 34, name: "below an unknown member", edit: body(`{"severity":"minor","x":{"a":1,"a":2}}`), want: []int{400}},
		{number: 36, doors: "SU", edit: body(`{"severity":"minor","Severity":"critical"}`), want: []int{200}, effect: minor},
		{number: 42, name: "lists", edit: body(strings.Repeat("[", 10_001)), want: []int{400}},
		{number: 42, name: "objects", doors: "SU", edit: body(strings.Repeat(`{"a":`, 100_000)), want: []int{400}},
		{number: 42, name: "balanced", edit: body(`{"x":` + strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001) + `}`), want: []int{400}},
		{number: 43, name: "seven levels", doors: "SU", edit: body(`{"x":` + strings.Repeat(`{"a":`, 7) + "1" + strings.Repeat("}", 7) + `}`), want: []int{200}, effect: nothing},
		{number: 43, name: "unknown member of 60 KB", doors: "SU", edit: body(`{"x":"` + strings.Repeat("a", 60_000) + `"}`), want: []int{200}, effect: nothing},
		{number: 44, name: "distinct keys", doors: "SU", edit: body(manyKeys(10_000, "key%d")), want: []int{200, 400}, effect: nothing},
		{number: 44, name: "keys with one prefix", doors: "SU", edit: body(manyKeys(10_000, strings.Repeat("a", 60)+"%06d")), want: []int{200, 400}, effect: nothing},
		{number: 45, name: "the limit", doors: "SU", edit: body(padded(maxBody)), want: []int{200}, effect: becomes(tocsin.Major)},
		{number: 45, name: "one byte more", doors: "SU", edit: body(padded(maxBody + 1)), want: []int{400}, closes: true},
		{number: 45, name: "64 KiB and a byte", doors: "SU", edit: body(padded(64<<10 + 1)), want: []int{200}, effect: becomes(tocsin.Major)},
		{number: 45, name: "5 GB declared", doors: "SU", edit: func(_ *site, m *message) { m.add("Content-Length: 5000000000") }, want: []int{400}, closes: true},
		{number: 45, name: "endless chunks", doors: "SU", edit: chunks(strings.Repeat("10000\r\n"+strings.Repeat(" ", 0x10000)+"\r\n", 24)), want: []int{400}, closes: true},
		{number: 47, name: "__proto__", doors: "SU", edit: body(`{"__proto__":{"isAdmin":true,"severity":"minor"}}`), want: []int{200}, effect: nothing},
		{number: 47, name: "constructor", doors: "SU", edit: body(`{"constructor":{"prototype":{"severity":"minor"}}}`), want: []int{200}, effect: nothing},
		{number: 48, doors: "SU", edit: body(`{"severity":"minor","x":` + strings.Repeat("9", maxBody) + `}`), want: []int{400}, closes: true},
		{number: 48, name: "below the limit", doors: "SU", edit: body(`{"severity":"minor","x":` + strings.Repeat("9", maxBody/2) + `}`), want: []int{200}, effect: minor},
		{number: 49, edit: body(`{"sever\u0069ty":"minor"}`), want: []int{200}, effect: minor},
	}
	group := func(number int, want int, bodies ...string) {
		doors := ""
		if want == 200 { // what is unknown is ignored by the dialects only
			doors = "SU"
		}
		for _, b := range bodies {
			all = append(all, attack{number: number, name: fmt.Sprintf("%.40q", b), doors: doors, edit: body(b), want: []int{want}})
		}
	}
	group(30, 400, "", "   ", "\r\n")
	group(31, 400, "null", " null ")
	group(32, 400, "[]", `"`+mark+`"`, "1", "true", `[{"severity":"minor"}]`)
	group(35, 200, `{"Severity":"minor"}`, `{"SEVERITY":"minor"}`, `{"ſeverity":"minor"}`, `{"severity ":"minor"}`, `{"severity\t":"minor"}`)
	group(37, 400, `{"severity":"minor"} {"severity":"major"}`, `{"severity":"minor"}`+mark, `{"severity":"minor"}]`, `{"severity":"minor"},`)
	group(41, 400, "{'severity':'minor'}", `{"severity":"minor",}`, `{"severity":"minor"/*`+mark+`*/}`, `{severity:"minor"}`, "{\"severity\":\"mi\tnor\"}",
		`{"severity":"minor","x":NaN}`, `{"severity":"minor","x":0x1}`, `{"severity":"minor","x":01}`, `{"severity":"minor","x":.5}`,
		`{"severity":"minor","x":+1}`, `{"severity":"minor","x":1.}`, `{"severity":"minor","x":-}`, `{"severity":"minor","x":tru}`, `{"severity":"minor","x":"\x"}`, `{"severity":"minor"`)
	for name, text := range map[string]string{
		"a raw line feed": "a\nb", "not UTF-8": "\xff", "overlong": "\xc0\xaf", "CESU-8": "\xed\xa0\x80\xed\xb0\x80", "cut short": "\xe2\x82",
		"a lone high surrogate": `\ud800`, "surrogates the wrong way round": `\udc00\ud800`, "U+0000": `a\u0000b`,
	} {
		number := map[byte]int{'a': 39, 's': 39, 'U': 40}[name[0]]
		switch {
		case name == "a raw line feed":
			number = 41
		case number == 0:
			number = 38
		}
		for doors, member := range map[string]string{"S": "title", "U": "error_message", "N": "title"} {
			if doors == "N" && number == 40 {
				continue // not malformed there, but a bad value
			}
			all = append(all,
				attack{number: number, name: name, doors: doors, edit: body(`{"severity":"minor","` + member + `":"` + text + `"}`), want: []int{400}},
				attack{number: number, name: name + " in an unknown member", doors: doors, edit: body(`{"severity":"minor","x":"` + text + `"}`), want: []int{400}},
				attack{number: number, name: name + " in a key", doors: doors, edit: body(`{"severity":"minor","x` + text + `":1}`), want: []int{400}},
			)
		}
	}
	for _, value := range []string{"1e999", "1", "true", "{}", `["minor"]`, `{"severity":"minor"}`, `""`} {
		all = append(all, attack{number: 46, name: value, edit: body(`{"severity":` + value + `}`), want: []int{400, 422}, check: names("severity")})
	}
	return everywhere(all)
}

func manyKeys(n int, format string) string {
	var b strings.Builder
	b.WriteByte('{')
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `"`+format+`":1`, i)
	}
	return b.String() + "}"
}

// names checks that a refusal names exactly the bad fields: UptimeIO in
// details, Soda in its message, the native API by pointers.
func names(fields ...string) func(*testing.T, *site, reply) {
	return func(t *testing.T, s *site, r reply) {
		t.Helper()
		if s.name == "N" {
			pointsInto(422, fields...)(t, s, r)
			return
		}
		if s.name == "S" {
			message := decode[struct{ Message string }](t, r.body).Message
			for _, f := range fields {
				if !strings.Contains(message, f) {
					t.Errorf("the message is %q, should name %s", message, f)
				}
			}
			return
		}
		details := decode[struct {
			Error struct{ Details map[string]string }
		}](t, r.body).Error.Details
		for _, f := range fields {
			if !strings.HasPrefix(details[f], f+" must ") {
				t.Errorf("details.%s is %q, should begin with %q", f, details[f], f+" must ")
			}
		}
		if len(details) != len(fields) {
			t.Errorf("details are %v, should name only %v", details, fields)
		}
	}
}
