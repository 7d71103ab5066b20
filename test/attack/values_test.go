package attack_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"tocsin"
)

// object is the JSON of one member.
func object(name string, value any) string {
	b, err := json.Marshal(map[string]any{name: value})
	if err != nil {
		panic(err) // the cases hold only texts and lists
	}
	return string(b)
}

// errorMessage expects the error message to be stored as it was sent.
func errorMessage(want string) effect {
	return changed(func(i *tocsin.Incident) bool { return i.ErrorMessage == want }, fmt.Sprintf("error message %.60q", want))
}

// regions expects this list of regions.
func regions(want ...string) effect {
	return changed(func(i *tocsin.Incident) bool { return slices.Equal(i.AffectedRegions, want) }, fmt.Sprintf("regions %.60q", want))
}

// values are the cases of field values.
func values() []attack {
	thousand := strings.Repeat("x", 1000)
	all := []attack{
		{number: 51, doors: "S", edit: body(`{"severity":"warning"}`), want: []int{400}, check: names("severity")},
		{number: 51, doors: "UN", edit: body(`{"severity":"warning"}`), want: []int{200}, effect: becomes(tocsin.Warning)},
		{number: 52, doors: "S", edit: body(`{"severity":null,"title":null,"status":null,"description":null,"resolutionNotes":null}`), want: []int{200}, effect: nothing},
		{number: 52, doors: "UN", edit: body(`{"severity":null}`), want: []int{400, 422}, check: names("severity")},
		{number: 55, name: "null", doors: "U", edit: body(`{"error_message":null}`), want: []int{400}, check: names("error_message")},
		{number: 63, doors: "UN", edit: body(`{"affected_regions":[]}`), want: []int{200}, effect: regions(), check: func(t *testing.T, _ *site, r reply) {
			if !strings.Contains(string(r.body), `"affected_regions":[]`) {
				t.Errorf("the reply should show the cleared list as []: %s", r.body)
			}
		}},
		{number: 64, name: "101", doors: "UN", edit: body(object("affected_regions", slices.Repeat([]string{"eu"}, 101))), want: []int{400, 422}, check: names("affected_regions")},
		{number: 64, name: "one of 10 KB", doors: "UN", edit: body(object("affected_regions", []string{strings.Repeat("a", 10<<10)})), want: []int{400, 422}, check: names("affected_regions")},
		{number: 64, name: "twice the same", doors: "UN", edit: body(`{"affected_regions":["eu","eu"]}`), want: []int{200}, effect: regions("eu", "eu")},
		{number: 64, name: "another order", doors: "UN", edit: body(`{"affected_regions":["eu-west-1","us-east-1"]}`), want: []int{200}, effect: regions("eu-west-1", "us-east-1")},
		{
			number: 64, name: "100 of 255", doors: "UN", edit: body(object("affected_regions", slices.Repeat([]string{strings.Repeat("é", 255)}, 100))), want: []int{200},
			effect: regions(slices.Repeat([]string{strings.Repeat("é", 255)}, 100)...),
		},
		{number: 65, doors: "U", edit: body(`{"status":"closed","title":"x","check_id":null,"project_id":"x","created_at":0,"failure_count":99,"id":"x","version":7,"number":1}`), want: []int{200}, effect: nothing},
		{number: 66, doors: "S", edit: body(`{"number":99,"name":"x","cloudUrl":"x","lead":{"id":"x"},"reporter":{},"organisationId":"x","id":"x","error_message":"x"}`), want: []int{200}, effect: nothing},
		{number: 67, name: "blank title", doors: "SN", edit: body(`{"severity":"minor","title":" \u00a0"}`), want: []int{400, 422}, check: names("title")},
		{number: 67, name: "empty title", doors: "SN", edit: body(`{"title":""}`), want: []int{400, 422}, check: names("title")},
		{number: 67, name: "title over the body's limit", doors: "S", edit: body(object("title", strings.Repeat("a", maxBody))), want: []int{400}, closes: true},
		{number: 68, doors: "S", edit: body(`{"title":"x","severity":"minor","status":"gone","description":7}`), want: []int{400}, check: names("status", "description")},
		{number: 68, doors: "U", edit: body(`{"severity":"gone","error_message":7,"affected_regions":["eu"]}`), want: []int{400}, check: names("severity", "error_message")},
		{number: 69, run: sameAgain},
		{number: 70, doors: "UN", run: closedIsFinal},
		{number: 61, run: spellingsDiffer},
	}
	for _, word := range []string{"Critical", "critical ", "", "warn", "ｍinor", "minor\u200b", mark} {
		all = append(all, attack{number: 50, name: fmt.Sprintf("%q", word), edit: body(object("severity", word)), want: []int{400, 422}, check: listsSeverities})
	}
	for _, word := range []string{"closed", "opened", "open", "Resolved", "acknowledged", mark} {
		all = append(all, attack{number: 67, name: "status " + word, doors: "S", edit: body(object("status", word)), want: []int{400}, check: names("status")})
	}
	for _, v := range []string{"null", `"eu"`, "{}", "[1]", "[null]", `[""]`, `[["a"]]`, `["eu",null]`, "true"} {
		all = append(all, attack{number: 62, name: v, doors: "U", edit: body(`{"affected_regions":` + v + `}`), want: []int{400}, check: names("affected_regions")})
	}
	type length struct {
		number     int
		name, text string
		want       int
	}
	for _, c := range []length{
		{53, "1000 letters", thousand, 200},
		{53, "1000 emoji", strings.Repeat("🔥", 1000), 200},
		{53, "1001 letters", thousand + "x", 400},
		{53, "1001 emoji", strings.Repeat("🔥", 1001), 400},
		{54, "1000 joined emoji", strings.Repeat("👩\u200d💻", 1000), 400},
		{54, "500 letters with marks", strings.Repeat("e\u0301", 500), 200},
		{54, "501 letters with marks", strings.Repeat("e\u0301", 501), 400},
		{55, "empty", "", 200},
		{55, "spaces", "   ", 200},
		{55, "right-to-left override", "\u202e", 200},
	} {
		a := attack{number: c.number, name: c.name, doors: "UN", edit: body(object("error_message", c.text)), want: []int{c.want}, effect: errorMessage(c.text)}
		if c.want == 400 {
			a.want, a.check = []int{400, 422}, names("error_message")
		}
		all = append(all, a)
	}
	return append(everywhere(all), stored()...)
}

// hostileTexts are texts that are somebody's problem when they are shown, by
// the number of their case.
func hostileTexts() map[int][]string {
	return map[int][]string{
		56: {"<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<svg/onload=alert(1)>", "{{7*7}}", "${jndi:ldap://x}", "javascript:alert(1)", "</title><script>", "]]>", "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror=alert(1)&gt;\">"},
		57: {"=HYPERLINK(\"http://x\")", "+cmd|' /C calc'!A0", "-1+1", "@SUM(1)", "\tx", "\rx", "\",\""},
		58: {"line\r\nX-Evil: 1"},
		59: {"\x1b[2J", "\a", "\u009b2J", "a\u2028b", "\ufeff", "\ue000", "\uffff"},
		60: {"@channel", "<!everyone>", "<@U123>", "[bank](http://evil.example)", "mailto:a@b?bcc=c"},
		96: {"{{.Secret}}", "{{range 1000000}}x{{end}}", "{{call .F}}"},
	}
}

// stored are the hostile texts at the dialects: kept as they were sent, and
// given back as the same text.
func stored() []attack {
	var all []attack
	for number, texts := range hostileTexts() {
		for _, text := range texts {
			name := fmt.Sprintf("%.30q", text)
			all = append(all,
				attack{number: number, name: name, doors: "U", edit: body(object("error_message", text)), want: []int{200}, effect: errorMessage(text), check: showsText(text)},
				attack{
					number: number, name: name, doors: "S", edit: body(fmt.Sprintf(`{"title":%s,"description":%[1]s,"resolutionNotes":%[1]s}`, quoted(text))), want: []int{200}, check: showsText(text),
					effect: changed(func(i *tocsin.Incident) bool {
						return i.Title == text && i.Description == text && i.ResolutionNotes == text
					}, "title, description and notes "+name),
				},
			)
		}
	}
	return all
}

func quoted(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		panic(err) // a text always encodes
	}
	return string(b)
}

// showsText checks that an answer gives a text back as it was sent, and as
// text: nothing of it became a header.
func showsText(text string) func(*testing.T, *site, reply) {
	return func(t *testing.T, s *site, r reply) {
		t.Helper()
		var got string
		switch s.name {
		case "S":
			got = decode[struct{ Name string }](t, r.body).Name
		case "N":
			got = decode[struct{ Description string }](t, r.body).Description
		default:
			got = decode[struct {
				Data struct {
					Incident struct {
						Message string `json:"error_message"`
					}
				}
			}](t, r.body).Data.Incident.Message
		}
		if got != text {
			t.Errorf("the answer shows %q, should be %q", got, text)
		}
		if r.header.Get("X-Evil") != "" || r.header.Get("X-Content-Type-Options") != "nosniff" || r.header.Get("Content-Type") != "application/json" {
			t.Errorf("the headers are %v", r.header)
		}
	}
}

// listsSeverities checks that a refusal says which words there are.
func listsSeverities(t *testing.T, s *site, r reply) {
	t.Helper()
	names("severity")(t, s, r)
	words := "critical, major, minor, warning"
	if s.name == "S" {
		words = "minor, major, critical"
	}
	if !strings.Contains(string(r.body), words) {
		t.Errorf("the answer is %s, should list %s", r.body, words)
	}
}

// sameAgain: what is already so is no change, however often it is said.
func sameAgain(t *testing.T, s *site) {
	times := map[string]int{"S": 10, "U": 1000, "N": 1000}[s.name] // Soda has a limit of 10
	before := s.state(t)
	c := s.dial(t)
	defer c.Close()
	text := s.withBody(`{"severity":"critical","title":` + quoted(before.Title) + `,"error_message":` + quoted(before.ErrorMessage) + `}`).String()
	for i := range times {
		c.write(text)
		if r, err := c.read(s.method); err != nil || r.status != 200 {
			t.Fatalf("time %d is answered with %d, %v", i+1, r.status, err)
		}
	}
	nothing(t, before, s.state(t))
}

// closedIsFinal: a closed incident takes no change, and a no-op is none.
func closedIsFinal(t *testing.T, s *site) {
	s.Incident = s.NewIncident(s.Check, tocsin.Closed)
	before := s.state(t)
	r := s.send(t, s.message())
	if want := map[string]int{"U": 400, "N": 409}[s.name]; r.status != want {
		t.Errorf("a change is answered with %d, should be %d", r.status, want)
	}
	refuses(t, s.door, r, false)
	if r := s.send(t, s.withBody(`{"severity":"critical"}`)); r.status != 200 {
		t.Errorf("a change that is none is answered with %d, should be 200", r.status)
	}
	nothing(t, before, s.state(t))
}

// spellingsDiffer: two spellings of one text are two texts.
func spellingsDiffer(t *testing.T, s *site) {
	member := map[string]string{"S": "title", "U": "error_message", "N": "title"}[s.name]
	before := s.state(t)
	for _, text := range []string{"caf\u00e9", "cafe\u0301"} {
		if r := s.send(t, s.withBody(object(member, text))); r.status != 200 {
			t.Errorf("%q is answered with %d", text, r.status)
		}
	}
	after := s.state(t)
	if after.Version != before.Version+2 || after.entries != before.entries+2 {
		t.Errorf("there should be two changes; the version went from %d to %d", before.Version, after.Version)
	}
}
