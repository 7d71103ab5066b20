package attack_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode"

	"tocsin"
)

// native are the cases in which the native API answers otherwise than the
// dialects, or has what they have not.
func native() []attack {
	all := slices.Concat(nativeFraming(), nativeSyntax(), nativeValues(), nativeTimes(), nativeStored())
	for i := range all {
		all[i].doors = "N"
	}
	return all
}

// maxNative is the limit of a body of the native API, in bytes.
const maxNative = 64 << 10

// nativePadded is a good update in a body of n bytes.
func nativePadded(n int) string {
	const update = `{"severity":"major"}`
	return update + strings.Repeat(" ", n-len(update))
}

func nativeFraming() []attack {
	major := becomes(tocsin.Major)
	query := func(text string) func(*site, *message) {
		return func(_ *site, m *message) { m.target += "?" + text }
	}
	all := []attack{
		{number: 23, name: "fields in the query", edit: query("severity=minor&title=x"), want: []int{400}, check: parameters(400, "severity", "title")},
		{number: 23, name: "an empty one", edit: query("="), want: []int{400}},
		{number: 23, name: "known, repeated", edit: query("dry_run=false&dry_run=true"), want: []int{400}, check: parameters(400, "dry_run")},
		{number: 23, name: "known, no such value", edit: query("dry_run=yes"), want: []int{422}, check: parameters(422, "dry_run")},
		{number: 23, name: "known, in capitals", edit: query("DRY_RUN=true"), want: []int{400}, check: parameters(400, "DRY_RUN")},
		{number: 23, name: "badly encoded", edit: query("dry_run=%zz"), want: []int{400}},
		{number: 23, name: "semicolon", edit: query("dry_run=true;x=1"), want: []int{400}},
		{number: 25, name: "no media type", edit: func(_ *site, m *message) { m.drop("Content-Type") }, want: []int{415}, check: acceptsPatch},
		{number: 25, name: "merge patch", edit: replace("Content-Type: application/merge-patch+json"), want: []int{200}, effect: major},
		{number: 25, name: "two media types", edit: line("Content-Type: application/json"), want: []int{415}, check: acceptsPatch},
		{number: 26, name: "UTF-16", edit: utf16, want: []int{415}, check: acceptsPatch},
		{number: 27, name: "compressed bomb", edit: compressed, want: []int{415}},
		{number: 17, name: "GET with a body", edit: func(_ *site, m *message) { m.method = "GET" }, want: []int{200}},
	}
	for _, value := range append(otherMedia(), "application/json-patch+json", "application/problem+json") {
		all = append(all, attack{number: 24, name: value, edit: replace("Content-Type: " + value), want: []int{415}, check: acceptsPatch})
	}
	return all
}

// acceptsPatch checks that a 415 says what would be taken.
func acceptsPatch(t *testing.T, _ *site, r reply) {
	t.Helper()
	if got := r.header.Get("Accept-Patch"); !strings.Contains(got, "application/json") || !strings.Contains(got, "application/merge-patch+json") {
		t.Errorf("Accept-Patch is %q, should name both media types", got)
	}
}

func nativeSyntax() []attack {
	nested := func(depth int) string {
		return `{"x":` + strings.Repeat(`{"a":`, depth) + "1" + strings.Repeat("}", depth) + "}"
	}
	labels := func(n int) string { return `{"labels":` + strings.ReplaceAll(manyKeys(n, "key%d"), ":1", `:""`) + `}` }
	all := []attack{
		{number: 36, edit: body(`{"severity":"minor","Severity":"critical"}`), want: []int{400}, check: points(400, "/Severity")},
		{number: 40, edit: body(`{"severity":"minor","title":"a\u0000b"}`), want: []int{422}, check: points(422, "/title")},
		{number: 40, name: "several lines", edit: body(`{"severity":"minor","description":"a\u0000b"}`), want: []int{422}, check: points(422, "/description")},
		{number: 40, name: "in an unknown member", edit: body(`{"severity":"minor","x":"a\u0000b"}`), want: []int{400}, check: points(400, "/x")},
		{number: 40, name: "in a key", edit: body(`{"severity":"minor","x\u0000":1}`), want: []int{400}},
		{number: 40, name: "in a label's key", edit: body(`{"labels":{"a\u0000":"x"}}`), want: []int{422}},
		{number: 42, name: "objects", edit: body(strings.Repeat(`{"a":`, 10_000)), want: []int{400}},
		{number: 42, name: "in a known member", edit: body(`{"labels":` + strings.Repeat(`{"a":`, 9) + "1" + strings.Repeat("}", 9) + "}"), want: []int{400}},
		{number: 43, name: "seven levels", edit: body(nested(7)), want: []int{400}, check: points(400, "/x")},
		{number: 43, name: "eight levels", edit: body(nested(8)), want: []int{400}, check: points(400)},
		{number: 43, name: "unknown member of 60 KB", edit: body(`{"x":"` + strings.Repeat("a", 60_000) + `"}`), want: []int{400}, check: points(400, "/x")},
		{number: 44, name: "distinct keys", edit: body(manyKeys(5_000, "key%d")), want: []int{400}, check: points(400)},
		{number: 44, name: "keys with one prefix", edit: body(manyKeys(900, strings.Repeat("a", 60)+"%06d")), want: []int{400}, check: points(400)},
		{number: 44, name: "64 labels", edit: body(labels(64)), want: []int{200}, effect: changed(func(i *tocsin.Incident) bool { return len(i.Labels) == 64 }, "64 labels")},
		{number: 44, name: "65 labels", edit: body(labels(65)), want: []int{400}, check: points(400)},
		{number: 44, name: "long key", edit: body(`{"` + strings.Repeat("k", 60_000) + `":1}`), want: []int{400}, check: func(t *testing.T, _ *site, r reply) {
			if len(r.body) > 2_000 {
				t.Errorf("the refusal has %d bytes, should cut a name that long", len(r.body))
			}
		}},
		{number: 45, name: "the limit", edit: body(nativePadded(maxNative)), want: []int{200}, effect: becomes(tocsin.Major)},
		{number: 45, name: "one byte more", edit: body(nativePadded(maxNative + 1)), want: []int{413}, closes: true},
		{number: 45, name: "one byte more, none of them sent", edit: func(_ *site, m *message) { m.add("Content-Length: 65537"); m.body = "" }, want: []int{413}, closes: true},
		{number: 45, name: "5 GB declared", edit: func(_ *site, m *message) { m.add("Content-Length: 5000000000") }, want: []int{413}, closes: true},
		{number: 45, name: "one byte more in chunks, the rest never sent", edit: chunks("10001\r\n" + strings.Repeat(" ", maxNative+1)), want: []int{413}, closes: true},
		{number: 47, name: "__proto__", edit: body(`{"__proto__":{"isAdmin":true,"severity":"minor"}}`), want: []int{400}, check: points(400, "/__proto__")},
		{number: 47, name: "constructor", edit: body(`{"constructor":{"prototype":{"severity":"minor"}}}`), want: []int{400}, check: points(400, "/constructor")},
		{number: 48, edit: body(`{"severity":"minor","x":` + strings.Repeat("9", maxBody) + `}`), want: []int{413}, closes: true},
		{number: 48, name: "below the limit", edit: body(`{"severity":"minor","x":` + strings.Repeat("9", maxNative/2) + `}`), want: []int{400}, check: points(400, "/x")},
		{number: 49, name: "with an unknown one", edit: body(`{"sever\u0069ty":"minor","sever\u0069tx":1}`), want: []int{400}, check: points(400, "/severitx")},
		{number: 35, name: "slash and tilde", edit: body(`{"a/b~c":1}`), want: []int{400}, check: points(400, "/a~1b~0c")},
	}
	for _, name := range []string{"Severity", "SEVERITY", "ſeverity", "severity "} {
		all = append(all, attack{number: 35, name: name, edit: body(object(name, "minor")), want: []int{400}, check: points(400, "/"+name)})
	}
	return all
}

func nativeValues() []attack {
	all := []attack{
		{number: 55, name: "null", edit: body(`{"error_message":null}`), want: []int{200}, effect: errorMessage("")},
		{number: 59, name: "tab and line feed in many lines", edit: body(`{"description":"a\tb\nc"}`), want: []int{200}, effect: description("a\tb\nc")},
		{number: 59, name: "tab and line feed in one line", edit: body(`{"title":"a\tb"}`), want: []int{422}, check: points(422, "/title")},
		{number: 59, name: "DEL", edit: body(`{"description":"a\u007fb"}`), want: []int{422}, check: points(422, "/description")},
		{number: 59, name: "in a region", edit: body(`{"affected_regions":["eu","a\u009bb"]}`), want: []int{422}, check: points(422, "/affected_regions/1")},
		{number: 59, name: "in a note", edit: body(`{"severity":"minor","note":"\u001b[2J"}`), want: []int{422}, check: points(422, "/note")},
		{
			number: 65, name: "what is not the caller's to say", edit: body(`{"check_id":null,"project_id":"x","created_at":0,"failure_count":99,"id":"x","version":7,"number":1,"org_id":"x","seq":1,"leaf":"x"}`), want: []int{400},
			check: points(400, "/check_id", "/created_at", "/failure_count", "/id", "/leaf", "/number", "/org_id", "/project_id", "/seq", "/version"),
		},
		{
			number: 65, name: "times and people", edit: body(`{"severity":"minor","updated_at":"x","opened_at":"x","resolved_at":null,"reporter_id":null,"source":"manual","type":"timeout","links":[],"dataset_ids":[]}`), want: []int{400},
			check: points(400, "/dataset_ids", "/links", "/opened_at", "/reporter_id", "/resolved_at", "/source", "/type", "/updated_at"),
		},
		{
			number: 66, edit: body(`{"number":99,"name":"x","cloudUrl":"x","lead":{"id":"x"},"reporter":{},"organisationId":"x","resolutionNotes":"x"}`), want: []int{400},
			check: points(400, "/cloudUrl", "/lead", "/name", "/number", "/organisationId", "/reporter", "/resolutionNotes"),
		},
		{number: 67, name: "null title", edit: body(`{"title":null}`), want: []int{422}, check: points(422, "/title")},
		{number: 67, name: "title over the body's limit", edit: body(object("title", strings.Repeat("a", maxNative))), want: []int{413}, closes: true},
		{
			number: 68, name: "nothing of it", edit: body(`{"title":"x","severity":"gone","status":"gone","description":7,"affected_regions":["eu",1],"lead_id":"x","labels":[]}`), want: []int{422},
			check: points(422, "/affected_regions/1", "/description", "/labels", "/lead_id", "/severity", "/status"),
		},
		{number: 68, name: "unknown and bad", edit: body(`{"x":1,"severity":"gone"}`), want: []int{400}, check: points(400, "/x")},
		{number: 68, name: "regions said twice", edit: body(`{"affected_regions":["eu"],"add_regions":["us"]}`), want: []int{422}, check: points(422, "/affected_regions")},
		{number: 68, name: "lead unknown", edit: body(object("lead_id", nobody)), want: []int{422}, check: points(422, "/lead_id")},
		{number: 68, name: "label keys", edit: body(`{"labels":{"A":"x"}}`), want: []int{422}, check: points(422, "/labels/A")},
		{number: 68, name: "label of another type", edit: body(`{"labels":{"a":1}}`), want: []int{422}, check: points(422, "/labels/a")},
		{number: 70, name: "a move that there is not", run: noSuchMove},
	}
	for _, word := range []string{"opened", "Resolved", "acknowledged", "reported", "", mark} {
		all = append(all, attack{number: 67, name: "status " + word, edit: body(object("status", word)), want: []int{422}, check: names("status")})
	}
	for v, at := range map[string]string{
		"null": "", `"eu"`: "", "{}": "", "[1]": "/0", "[null]": "/0", `[""]`: "/0", `[["a"]]`: "/0", `["eu",null]`: "/1", "true": "",
	} {
		all = append(all, attack{number: 62, name: v, edit: body(`{"affected_regions":` + v + `}`), want: []int{422}, check: points(422, "/affected_regions"+at)})
	}
	return all
}

// badTimes are texts that some reader takes for a time, and some do not.
func badTimes() []string {
	return []string{
		"2026-01-01T00:00:00,5Z", "0000-01-01T00:00:00Z", "1999-12-31T23:59:59Z", "2101-01-01T00:00:00Z", "9999-12-31T23:59:59Z",
		"2026-01-01T00:00:00+99:99", "2026-01-01T00:00:00+24:00", "2026-12-31T23:59:60Z", "2026-02-30T00:00:00Z", "2026-01-01T24:00:00Z",
		"2026-01-01T0:00:00Z", "2026-01-01 00:00:00Z", "2026-01-01t00:00:00z", "2026-01-01T00:00:00", "2026-01-01", "1767225600", "now", " 2026-01-01T00:00:00Z", "",
	}
}

func nativeTimes() []attack {
	var all []attack
	for _, text := range badTimes() {
		all = append(all,
			attack{number: 71, name: text, want: []int{422}, check: points(422, "/started_at"), edit: func(s *site, m *message) {
				m.method, m.target = "POST", "/v1/incidents"
				m.body = fmt.Sprintf(`{"title":"x","severity":"minor","project_id":"%s","started_at":%s}`, s.Project, quoted(text))
			}},
			attack{number: 71, name: text + " in the query", want: []int{422}, check: parameters(422, "created_after"), edit: func(_ *site, m *message) {
				m.method, m.body = "GET", ""
				m.target = "/v1/incidents?created_after=" + strings.NewReplacer(" ", "%20", "+", "%2B").Replace(text)
			}},
		)
	}
	return all
}

// description expects this description.
func description(want string) effect {
	return changed(func(i *tocsin.Incident) bool { return i.Description == want }, fmt.Sprintf("description %.60q", want))
}

// nativeStored are the hostile texts of stored: those with control characters
// are refused, the others kept as they were sent.
func nativeStored() []attack {
	var all []attack
	for number, texts := range hostileTexts() {
		for _, text := range texts {
			a := attack{
				number: number, name: fmt.Sprintf("%.30q", text), want: []int{200}, check: showsText(text),
				edit: body(fmt.Sprintf(`{"title":%s,"description":%[1]s,"resolution_notes":%[1]s}`, quoted(text))),
				effect: changed(func(i *tocsin.Incident) bool {
					return i.Title == text && i.Description == text && i.ResolutionNotes == text
				}, "title, description and notes "+text),
			}
			if strings.ContainsFunc(text, unicode.IsControl) {
				a.want, a.check = []int{422}, points(422, "/description", "/resolution_notes", "/title")
				if strings.Contains(text, "\t") {
					a.check = points(422, "/title")
				}
			}
			all = append(all, a)
		}
	}
	return all
}

// noSuchMove: a status that may not follow is refused with those that may, and
// so is every other field beside it.
func noSuchMove(t *testing.T, s *site) {
	s.Incident = s.NewIncident(s.Check, tocsin.Closed)
	before := s.state(t)
	r := s.send(t, s.withBody(`{"status":"open","title":"x"}`))
	if r.status != 409 {
		t.Errorf("the answer is %d %s, should be 409", r.status, r.body)
	}
	refuses(t, s.door, r, false)
	nothing(t, before, s.state(t))
	s.Incident = s.NewIncident(s.Check, tocsin.Resolved)
	r = s.send(t, s.withBody(`{"status":"closed"}`))
	if r.status != 200 || !strings.Contains(string(r.body), `"available_transitions":[]`) {
		t.Errorf("closing what is resolved is answered with %d %s; should be 200 with no transitions left", r.status, r.body)
	}
}
