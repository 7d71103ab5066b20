package attack_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tocsin"
	"tocsin/test/harness"
)

// terms are the cases of preconditions and of changes that must happen once,
// which only the native API has.
func terms() []attack {
	major := becomes(tocsin.Major)
	all := []attack{
		{number: 92, name: "64 at once, each on the version it read", run: onlyOneOfManyMatches},
		{number: 92, name: "64 at once without a condition", run: manyAtOnce},
		{number: 93, name: "the present tag", edit: ifMatch("%s"), want: []int{200}, effect: major},
		{number: 93, name: "any", edit: ifMatch("*"), want: []int{200}, effect: major},
		{number: 93, name: "any of none", edit: func(s *site, m *message) { id(nobody)(s, m); m.add("If-Match: *") }, want: []int{404}},
		{number: 93, name: "one of a list", edit: ifMatch(strings.Repeat(`"x", `, 99) + "%s"), want: []int{200}, effect: major},
		{number: 93, name: "one of two lines", edit: func(s *site, m *message) { m.add(`If-Match: "x"`); ifMatch("%s")(s, m) }, want: []int{200}, effect: major},
		{number: 93, name: "and what is no change", edit: func(s *site, m *message) { ifMatch("%s")(s, m); m.body = "{}" }, want: []int{200}},
		{number: 93, name: "stale tells what moved", run: staleTellsWhatMoved},
		{number: 93, name: "stale and forbidden", run: staleAndForbidden},
		{number: 93, name: "stale and bad values", edit: func(s *site, m *message) { m.add(`If-Match: "x"`); m.body = `{"severity":"gone"}` }, want: []int{412, 422}},
		{number: 93, name: "another incident's", run: anothersTag},
		{number: 93, name: "wanted by the organisation", run: matchRequired},
		{number: 94, name: "again", run: again},
		{number: 94, name: "again after a cut reply", run: againAfterCut},
		{number: 94, name: "while running", run: whileRunning},
		{number: 94, name: "other body, media type, query, path and method", run: otherRequest},
		{number: 94, name: "another key, another tenant", run: anothersName},
		{number: 94, name: "a refusal is not kept", run: refusalIsNotKept},
		{number: 94, name: "no change is kept too", run: noChangeIsKept},
		{number: 94, name: "trying it does not use it up", run: dryRunKeepsName},
		{number: 94, name: "again after the right was taken away", run: againWithoutRight},
		{number: 94, name: "255 characters", edit: line("Idempotency-Key: " + strings.Repeat("a", 255)), want: []int{200}, effect: major},
		{number: 96, name: "dry run", edit: func(_ *site, m *message) { m.target += "?dry_run=true" }, want: []int{200}, check: func(t *testing.T, _ *site, r reply) {
			if !strings.Contains(string(r.body), `"dry_run":true`) {
				t.Errorf("the answer should say that it was a dry run: %s", r.body)
			}
		}},
	}
	for _, tag := range []string{
		`W/%s`, "garbage", `"another"`, `""`, "", `"*"`, "%.9s", strings.TrimSuffix(strings.Repeat(`"x", `, 100), ", "), `"00000000-1"`, `%s2`,
	} {
		all = append(all, attack{number: 93, name: tag[:min(len(tag), 12)], edit: ifMatch(tag), want: []int{412}, check: currentIs(tocsin.Critical)})
	}
	for name, value := range map[string]string{
		"256 characters": strings.Repeat("a", 256), "empty": "", "empty text": `""`, "space within": "a b", "not ASCII": "é", "open text": `"a`, "text and more": `"a"b`,
		"a tab in a text": "\"a\tb\"",
	} {
		all = append(all, attack{number: 94, name: name, edit: line("Idempotency-Key: " + value), want: []int{400}})
	}
	all = append(all, attack{number: 94, name: "two keys", want: []int{400}, edit: func(_ *site, m *message) {
		m.add("Idempotency-Key: a")
		m.add("Idempotency-Key: a")
	}})
	for i := range all {
		all[i].doors = "N"
	}
	return all
}

// tag returns the incident's present ETag.
func (s *site) tag() string {
	s.t.Helper()
	r := s.send(s.t, s.edited(func(m *message) { m.method, m.body = "GET", "" }))
	tag := r.header.Get("ETag")
	if r.status != 200 || !strings.HasPrefix(tag, `"`) || !strings.HasSuffix(tag, `"`) {
		s.t.Fatalf("the incident is shown with status %d and ETag %q, should be 200 and a strong tag", r.status, tag)
	}
	return tag
}

// ifMatch returns an edit that sends a precondition; %s stands for the present tag.
func ifMatch(format string) func(*site, *message) {
	return func(s *site, m *message) {
		value := format
		if strings.Contains(format, "%") {
			value = fmt.Sprintf(format, s.tag())
		}
		m.add("If-Match: " + value)
	}
}

// currentIs checks that a 412 shows the incident as it is.
func currentIs(want tocsin.Severity) func(*testing.T, *site, reply) {
	return func(t *testing.T, s *site, r reply) {
		t.Helper()
		got := decode[struct {
			Current struct{ ID, Severity string }
		}](t, r.body).Current
		if got.ID != s.Incident.String() || got.Severity != string(want) {
			t.Errorf("the 412 shows %+v, should show the incident, %s", got, want)
		}
		if r.header.Get("ETag") != s.tag() {
			t.Errorf("the 412 has the ETag %q, should have the present one", r.header.Get("ETag"))
		}
	}
}

// together sends a message n times at once, to all servers in turn, and counts
// the answers.
func (s *site) together(t *testing.T, n int, make func(i int) *message) (counts map[int]int, replies []reply) {
	t.Helper()
	var mu sync.Mutex
	var all sync.WaitGroup
	counts = map[int]int{}
	for i := range n {
		c := dial(t, s.servers[i%len(s.servers)], s.from)
		text := make(i).String()
		all.Go(func() {
			defer c.Close()
			c.write(text)
			r, err := c.read(s.method)
			mu.Lock()
			defer mu.Unlock()
			counts[r.status]++
			replies = append(replies, r)
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	return counts, replies
}

func onlyOneOfManyMatches(t *testing.T, s *site) {
	before, tag := s.state(t), s.tag()
	counts, replies := s.together(t, 64, func(i int) *message {
		return s.edited(func(m *message) {
			m.body = object("title", fmt.Sprintf("title %d", i))
			m.add("If-Match: " + tag)
		})
	})
	if counts[200] != 1 || counts[412] != 63 {
		t.Errorf("64 changes of one version are answered with %v, should be 1 x 200 and 63 x 412", counts)
	}
	for _, r := range replies {
		if r.status == 412 {
			refuses(t, s.door, r, false)
		}
	}
	changed(func(i *tocsin.Incident) bool { return strings.HasPrefix(i.Title, "title ") }, "the winner's title")(t, before, s.state(t))
}

// manyAtOnce: without a condition nobody is refused and nothing is lost.
func manyAtOnce(t *testing.T, s *site) {
	before := s.state(t)
	counts, replies := s.together(t, 64, func(i int) *message { return s.withBody(fmt.Sprintf(`{"labels":{"key%d":"x"}}`, i)) })
	after := s.state(t)
	if counts[200] != 64 || after.Version != before.Version+64 || after.entries != before.entries+64 || len(after.Labels) != 64 {
		t.Errorf("64 changes of different labels are answered with %v, and leave %d versions and %d labels more; should all be 200, and 64",
			counts, after.Version-before.Version, len(after.Labels))
	}
	seen := map[string]bool{}
	for _, r := range replies {
		seen[r.header.Get("ETag")], seen[r.header.Get("Audit-Leaf")] = true, true
	}
	if len(seen) != 128 {
		t.Errorf("64 changes show %d different tags and leaves, should be 128", len(seen))
	}
}

func staleTellsWhatMoved(t *testing.T, s *site) {
	tag := s.tag()
	for _, body := range []string{`{"severity":"minor"}`, `{"status":"investigating"}`} {
		if r := s.send(t, s.withBody(body)); r.status != 200 {
			t.Fatalf("%s is answered with %d %s", body, r.status, r.body)
		}
	}
	before := s.state(t)
	r := s.send(t, s.edited(func(m *message) { m.add("If-Match: " + tag) }))
	if r.status != 412 {
		t.Fatalf("a stale tag is answered with %d, should be 412", r.status)
	}
	refuses(t, s.door, r, false)
	currentIs(tocsin.Minor)(t, s, r)
	moved := decode[struct{ Moved []string }](t, r.body).Moved
	if want := []string{"acknowledged_at", "severity", "status"}; !slices.Equal(moved, want) {
		t.Errorf("the fields that moved are %v, should be %v", moved, want)
	}
	nothing(t, before, s.state(t))
}

// staleAndForbidden: a precondition tells nothing to one who may not change.
func staleAndForbidden(t *testing.T, s *site) {
	readOnlyKey(t, s)
	before := s.state(t)
	r := s.send(t, s.edited(func(m *message) { m.add(`If-Match: "x"`) }))
	if r.status != 403 {
		t.Errorf("the answer is %d, should be 403", r.status)
	}
	refuses(t, s.door, r, false)
	nothing(t, before, s.state(t))
}

func anothersTag(t *testing.T, s *site) {
	other := *s
	other.Tenant = &harness.Tenant{}
	*other.Tenant = *s.Tenant
	other.Incident = s.NewIncident(s.Check, tocsin.Open)
	before := s.state(t)
	r := s.send(t, s.edited(func(m *message) { m.add("If-Match: " + other.tag()) }))
	if r.status != 412 {
		t.Errorf("another incident's tag is answered with %d, should be 412", r.status)
	}
	refuses(t, s.door, r, false)
	nothing(t, before, s.state(t))
}

// matchRequired: an organisation may want a precondition with each change.
func matchRequired(t *testing.T, s *site) {
	settings := func(m *message) { m.target, m.body = "/v1/organisation", `{"require_if_match":true}` }
	if r := s.send(t, s.edited(settings)); r.status != 200 {
		t.Fatalf("the setting is answered with %d %s", r.status, r.body)
	}
	before := s.state(t)
	r := s.send(t, s.message())
	if r.status != 428 {
		t.Errorf("a change without If-Match is answered with %d, should be 428", r.status)
	}
	refuses(t, s.door, r, false)
	if r := s.send(t, s.withBody(`{"x":1}`)); r.status != 400 {
		t.Errorf("a bad body without If-Match is answered with %d, should be 400", r.status)
	}
	nothing(t, before, s.state(t))
	tag := s.tag()
	if r := s.send(t, s.edited(func(m *message) { m.add("If-Match: " + tag) })); r.status != 200 {
		t.Errorf("a change with If-Match is answered with %d, should be 200", r.status)
	}
}

// named is a good update with an idempotency key, changed by edit.
func (s *site) named(name string, edits ...func(*message)) *message {
	m := s.edited(func(m *message) { m.add("Idempotency-Key: " + name) })
	for _, edit := range edits {
		edit(m)
	}
	return m
}

// sameReply checks that an answer is the kept one of another.
func sameReply(t *testing.T, got, first reply) {
	t.Helper()
	if got.header.Get("Idempotent-Replayed") != "true" || first.header.Get("Idempotent-Replayed") != "" {
		t.Errorf("Idempotent-Replayed is %q and was %q, should be true for the second only", got.header.Get("Idempotent-Replayed"), first.header.Get("Idempotent-Replayed"))
	}
	got.header.Del("Idempotent-Replayed")
	sameAnswer(t, got, first)
}

func again(t *testing.T, s *site) {
	major, before := becomes(tocsin.Major), s.state(t)
	first := s.send(t, s.named("once"))
	if first.status != 200 {
		t.Fatalf("the first is answered with %d %s", first.status, first.body)
	}
	major(t, before, s.state(t))
	sameReply(t, s.send(t, s.named("once")), first)
	sameReply(t, s.send(t, s.named(`"once"`)), first)
	major(t, before, s.state(t))
	if r := s.send(t, s.withBody(`{"severity":"minor"}`)); r.status != 200 {
		t.Fatalf("another change is answered with %d", r.status)
	}
	later := s.state(t)
	sameReply(t, s.send(t, s.named("once")), first) // what it was then
	s.servers = slices.Clone(s.servers)
	slices.Reverse(s.servers)
	sameReply(t, s.send(t, s.named("once")), first) // through another node
	nothing(t, later, s.state(t))
}

func againAfterCut(t *testing.T, s *site) {
	before := s.state(t)
	for range 5 {
		c := s.dial(t)
		if _, err := c.Write([]byte(s.named("once").String())); err != nil {
			t.Fatal(err)
		}
		_ = c.Close()
	}
	if r := s.send(t, s.named("once")); r.status != 200 {
		t.Errorf("asking again is answered with %d %s, should be 200", r.status, r.body)
	}
	becomes(tocsin.Major)(t, before, s.state(t))
}

// whileRunning: who asks again while the first is under way gets its reply.
func whileRunning(t *testing.T, s *site) {
	before := s.state(t)
	counts, replies := s.together(t, 32, func(int) *message { return s.named("once") })
	if counts[200] != 32 {
		t.Fatalf("the same change 32 times at once is answered with %v, should be 32 x 200", counts)
	}
	first := slices.IndexFunc(replies, func(r reply) bool { return r.header.Get("Idempotent-Replayed") == "" })
	if first < 0 {
		t.Fatal("one of the answers should not be a replay")
	}
	for i, r := range replies {
		if i != first {
			sameReply(t, r, replies[first])
		}
	}
	becomes(tocsin.Major)(t, before, s.state(t))
}

func otherRequest(t *testing.T, s *site) {
	other := s.NewIncident(s.Check, tocsin.Open)
	if r := s.send(t, s.named("once")); r.status != 200 {
		t.Fatalf("the first is answered with %d %s", r.status, r.body)
	}
	before := s.state(t)
	for name, edit := range map[string]func(*message){
		"body":       func(m *message) { m.body = `{"severity":"minor"}` },
		"spelling":   func(m *message) { m.body = `{"severity": "major"}` },
		"media type": func(m *message) { m.set("Content-Type: application/merge-patch+json") },
		"query":      func(m *message) { m.target += "?dry_run=false" },
		"path":       func(m *message) { m.target = s.pathOf(other.String()) },
		"method": func(m *message) {
			m.method, m.target, m.body = "POST", s.pathOf(s.Incident.String())+"/comments", `{"message":"x"}`
		},
	} {
		r := s.send(t, s.named("once", edit))
		if r.status != 422 || decode[problem](t, r.body).Code != "idempotency_key_reused" {
			t.Errorf("another %s is answered with %d %s, should be 422 idempotency_key_reused", name, r.status, r.body)
			continue
		}
		refuses(t, s.door, r, false)
	}
	nothing(t, before, s.state(t))
}

func anothersName(t *testing.T, s *site) {
	if r := s.send(t, s.named("once")); r.status != 200 {
		t.Fatalf("the first is answered with %d %s", r.status, r.body)
	}
	theirs := &site{door: s.door, services: s.services, servers: s.servers}
	theirs.open(t)
	before := theirs.state(t)
	if r := theirs.send(t, theirs.named("once")); r.status != 200 || r.header.Get("Idempotent-Replayed") != "" {
		t.Errorf("the same name in another organisation is answered with %d, should be a change of its own", r.status)
	}
	becomes(tocsin.Major)(t, before, theirs.state(t))
	s.key = s.Key(tocsin.KeyDraft{Owner: s.Ada, Name: "another"})
	mine := s.state(t)
	if r := s.send(t, s.named("once", func(m *message) { m.body = `{"severity":"minor"}` })); r.status != 200 {
		t.Errorf("the same name with another key is answered with %d, should be a change of its own", r.status)
	}
	becomes(tocsin.Minor)(t, mine, s.state(t))
}

func refusalIsNotKept(t *testing.T, s *site) {
	before := s.state(t)
	for name, edit := range map[string]func(*message){
		"bad value": func(m *message) { m.body = `{"severity":"gone"}` },
		"stale":     func(m *message) { m.add(`If-Match: "x"`) },
	} {
		if r := s.send(t, s.named("once", edit)); r.status < 400 {
			t.Errorf("%s is answered with %d, should be refused", name, r.status)
		}
	}
	nothing(t, before, s.state(t))
	if r := s.send(t, s.named("once")); r.status != 200 || r.header.Get("Idempotent-Replayed") != "" {
		t.Errorf("the good request with the name of refused ones is answered with %d %s, should be done", r.status, r.body)
	}
	becomes(tocsin.Major)(t, before, s.state(t))
}

func noChangeIsKept(t *testing.T, s *site) {
	before := s.state(t)
	same := func(m *message) { m.body = `{"severity":"critical"}` }
	first := s.send(t, s.named("once", same))
	if first.status != 200 {
		t.Fatalf("the first is answered with %d %s", first.status, first.body)
	}
	nothing(t, before, s.state(t))
	if r := s.send(t, s.message()); r.status != 200 {
		t.Fatalf("another change is answered with %d", r.status)
	}
	later := s.state(t)
	sameReply(t, s.send(t, s.named("once", same)), first)
	nothing(t, later, s.state(t))
}

func dryRunKeepsName(t *testing.T, s *site) {
	before := s.state(t)
	dry := s.send(t, s.named("once", func(m *message) { m.target += "?dry_run=true" }))
	if dry.status != 200 {
		t.Errorf("a dry run is answered with %d %s", dry.status, dry.body)
	}
	nothing(t, before, s.state(t))
	if r := s.send(t, s.named("once")); r.status != 200 || r.header.Get("Idempotent-Replayed") != "" {
		t.Errorf("the change behind its dry run is answered with %d %s, should be done", r.status, r.body)
	}
	becomes(tocsin.Major)(t, before, s.state(t))
}

// againWithoutRight: a kept reply is no way around what one may see now, for
// longer than a node may remember rights.
func againWithoutRight(t *testing.T, s *site) {
	grant := ben(s, tocsin.RoleEditor, tocsin.ScopeProject, s.Project)
	if r := s.send(t, s.named("once")); r.status != 200 {
		t.Fatalf("the first is answered with %d %s", r.status, r.body)
	}
	s.RevokeGrant(grant)
	before := s.state(t)
	defer func() { nothing(t, before, s.state(t)) }()
	for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		r := s.send(t, s.named("once"))
		if r.status == 403 || r.status == 404 {
			refuses(t, s.door, r, false)
			return
		}
		if r.header.Get("Idempotent-Replayed") != "true" || time.Now().After(end) {
			t.Fatalf("the kept reply is given to one who may not see it any more: %d %s", r.status, r.body)
		}
	}
}
