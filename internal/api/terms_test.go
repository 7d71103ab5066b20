package api_test

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin"
	"tocsin/internal/api"
	"tocsin/internal/api/apitest"
)

// change sends a patch of the sample incident.
func change(t *testing.T, f *apitest.Fixture, body string, h http.Header) apitest.Reply {
	t.Helper()
	return f.Call(t, apitest.Request{Method: patch, Path: samplePath, Body: body, Header: h})
}

func TestTags(t *testing.T) {
	t.Parallel()
	f := apitest.New(t)
	first := f.Call(t, apitest.Request{Path: samplePath})
	tag := first.Header.Get("ETag")
	if !regexp.MustCompile(`^"[0-9a-f]+-2"$`).MatchString(tag) {
		t.Fatalf("the ETag is %q; want a strong one that ends with version 2", tag)
	}
	for name, c := range map[string]struct {
		given  string
		status int
	}{
		"the same": {tag, 304}, "weak": {"W/" + tag, 304}, "in a list": {`"x", ` + tag, 304}, "any": {"*", 304}, "another": {`"x"`, 200},
	} {
		got := f.Call(t, apitest.Request{Path: samplePath, Header: header("If-None-Match", c.given)})
		if got.Status != c.status || got.Header.Get("ETag") != tag || c.status == 304 && len(got.Body) != 0 {
			t.Errorf("%s: %d with ETag %q and %d bytes; want %d", name, got.Status, got.Header.Get("ETag"), len(got.Body), c.status)
		}
	}
	head := f.Call(t, apitest.Request{Method: http.MethodHead, Path: samplePath})
	if head.Status != 200 || head.Header.Get("ETag") != tag || head.Header.Get("Content-Length") != fmt.Sprint(len(first.Body)) {
		t.Errorf("HEAD: %d %v; want what GET has, without the body", head.Status, head.Header)
	}
	next := change(t, f, `{"severity":"minor"}`, header("If-Match", tag))
	want(t, "a change", next, 200, "")
	if next.Header.Get("ETag") == tag {
		t.Error("the ETag stayed the same over a change")
	}
	inc, err := f.Incidents.View(t.Context(), f.System, apitest.ID(api.SampleIncident))
	if err != nil {
		t.Fatal(err)
	}
	if leaf := next.Header.Get("Audit-Leaf"); leaf != fmt.Sprintf("%x", inc.Leaf) {
		t.Errorf("Audit-Leaf is %s; want the incident's leaf %x", leaf, inc.Leaf)
	}
}

func TestIfMatch(t *testing.T) {
	t.Parallel()
	f := apitest.New(t)
	tag := f.Call(t, apitest.Request{Path: samplePath}).Header.Get("ETag")
	other := f.Incident(t)
	foreign := f.Call(t, apitest.Request{Path: "/v1/incidents/" + other.ID.String()}).Header.Get("ETag")
	foreign = strings.Replace(foreign, "-1", "-2", 1)
	hundred := strings.Repeat(`"x-1", `, 99)
	for given, status := range map[string]int{
		tag: 200, "*": 200, `"x", ` + tag: 200, hundred + tag: 200,
		"W/" + tag: 412, "garbage": 412, "": 412, foreign: 412, hundred + `"x"`: 412, strings.Trim(tag, `"`): 412,
		strings.Replace(tag, "-2", "-02", 1): 412, strings.Replace(tag, "-2", "-1", 1): 412,
	} {
		got := change(t, f, `{}`, header("If-Match", given))
		if got.Status != status {
			t.Errorf("If-Match: %.60s: %d %s; want %d", given, got.Status, got.Body, status)
		}
	}
	two := change(t, f, `{}`, http.Header{"If-Match": {`"x"`, tag}})
	want(t, "two lines, one that matches", two, 200, "")

	want(t, "a change", change(t, f, `{"severity":"minor","note":"x"}`, header("If-Match", tag)), 200, "")
	want(t, "another", change(t, f, `{"status":"investigating"}`, nil), 200, "")
	stale := change(t, f, `{"title":"Other"}`, header("If-Match", tag))
	want(t, "a stale change", stale, 412, tocsin.Stale)
	problem := stale.JSON(t)
	if diff := cmp.Diff([]any{"acknowledged_at", "severity", "status"}, problem["moved"]); diff != "" {
		t.Errorf("a stale change is told that other fields moved (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(f.Call(t, apitest.Request{Path: samplePath}).JSON(t), problem["current"]); diff != "" {
		t.Errorf("a stale change is not shown the present state (-want +got):\n%s", diff)
	}
	// What the actor may not do comes before what has changed, and so do bad values.
	want(t, "a stale and bad change", change(t, f, `{"severity":"x"}`, header("If-Match", tag)), 422, tocsin.Invalid)
	want(t, "a stale change to a closed state", change(t, f, `{"status":"open","severity":"major"}`, header("If-Match", tag)), 412, tocsin.Stale)
	create := f.Call(t, apitest.Request{Method: "POST", Path: "/v1/incidents", Body: api.Operations()[index(t, "createIncident")].Examples[0].Body, Header: header("If-Match", "*")})
	want(t, "If-Match about nothing", create, 400, "bad_request")
}

func TestAnOrganisationMayWantIfMatch(t *testing.T) {
	t.Parallel()
	f := apitest.New(t, func(d *api.Deps) { d.Directory = strict{d.Directory} })
	want(t, "without", change(t, f, `{"severity":"minor"}`, nil), 428, tocsin.PreconditionRequired)
	want(t, "malformed and without", change(t, f, `{"x":1}`, nil), 400, "bad_request")
	want(t, "with", change(t, f, `{"severity":"minor"}`, header("If-Match", "*")), 200, "")
	link := f.Call(t, apitest.Request{Method: "DELETE", Path: samplePath + "/links/" + api.SampleLink})
	want(t, "DELETE without", link, 428, tocsin.PreconditionRequired)
	comment := f.Call(t, apitest.Request{Method: "POST", Path: samplePath + "/comments", Body: `{"message":"x"}`})
	want(t, "a comment without", comment, 201, "")
	bulk := f.Call(t, apitest.Request{Method: "POST", Path: "/v1/incidents/bulk", Body: `{"items":[{"id":"` + api.SampleIncident + `","patch":{"severity":"major"}}]}`})
	if result := bulk.JSON(t)["results"].([]any)[0].(map[string]any); result["status"] != 428.0 {
		t.Errorf("an item without if_match: %v; want 428", result)
	}
}

// strict is a directory whose organisation wants If-Match.
type strict struct{ api.Directory }

func (s strict) Organisation(ctx context.Context, actor tocsin.Actor) (*tocsin.Organisation, error) {
	org, err := s.Directory.Organisation(ctx, actor)
	if err != nil {
		return nil, err
	}
	wants := *org
	wants.RequireIfMatch = true
	return &wants, nil
}

func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	f := apitest.New(t)
	create := api.Operations()[index(t, "createIncident")]
	send := func(path, body, key string) apitest.Reply {
		return f.Call(t, apitest.Request{Method: "POST", Path: path, Body: body, Header: header("Idempotency-Key", key)})
	}
	body := create.Examples[0].Body
	first := send("/v1/incidents", body, "k1")
	want(t, "the first", first, 201, "")
	if first.Header.Get("Idempotent-Replayed") != "" {
		t.Error("the first answer says that it is a replay")
	}
	entries := f.LogLength(t)
	for _, key := range []string{"k1", `"k1"`} {
		again := send("/v1/incidents", body, key)
		if string(again.Body) != string(first.Body) || again.Status != 201 || again.Header.Get("Idempotent-Replayed") != "true" {
			t.Errorf("%s again: %d %s %v; want the first answer", key, again.Status, again.Body, again.Header)
		}
		for _, name := range []string{"Location", "ETag", "Audit-Leaf", "Content-Type"} {
			if got, want := again.Header.Get(name), first.Header.Get(name); got != want || got == "" {
				t.Errorf("%s again: %s is %q; want %q as at first", key, name, got, want)
			}
		}
	}
	want(t, "another body", send("/v1/incidents", strings.Replace(body, "major", "minor", 1), "k1"), 422, tocsin.KeyReused)
	want(t, "another path", send(samplePath+"/comments", `{"message":"x"}`, "k1"), 422, tocsin.KeyReused)
	if after := f.LogLength(t); after != entries {
		t.Errorf("asking again left %d entries", after-entries)
	}
	stranger := f.Call(t, apitest.Request{Path: "/v1/me", Token: f.Stranger(t)})
	want(t, "a stranger is there", stranger, 200, "")
	want(t, "the same name, another key", f.Call(t, apitest.Request{
		Method: "POST", Path: samplePath + "/comments", Body: `{"message":"x"}`, Header: header("Idempotency-Key", "k1"),
		Token: f.Holder(t, "eve", tocsin.RoleAdmin, tocsin.ScopeOrganisation, tocsin.ID{}, tocsin.KeyDraft{}),
	}), 201, "")
	for _, key := range []string{"", " ", "a b", "é", `"open`, `"a"b`, `""`, strings.Repeat("x", 256)} {
		want(t, fmt.Sprintf("key %.20q", key), send(samplePath+"/comments", `{"message":"x"}`, key), 400, "bad_request")
	}
	want(t, "255 characters", send(samplePath+"/comments", `{"message":"x"}`, strings.Repeat("x", 255)), 201, "")
	// A refusal is not kept: the same request may succeed later.
	closed := f.Call(t, apitest.Request{Method: patch, Path: samplePath, Body: `{"severity":"bad"}`, Header: header("Idempotency-Key", "k2")})
	want(t, "a refusal", closed, 422, tocsin.Invalid)
	want(t, "its name again", change(t, f, `{"severity":"minor"}`, header("Idempotency-Key", "k2")), 200, "")
	noop := change(t, f, `{"severity":"minor"}`, header("Idempotency-Key", "k3"))
	want(t, "no change", noop, 200, "")
	want(t, "something else between", change(t, f, `{"severity":"critical"}`, nil), 200, "")
	if again := change(t, f, `{"severity":"minor"}`, header("Idempotency-Key", "k3")); string(again.Body) != string(noop.Body) {
		t.Errorf("a change that was none is made when asked again: %s", again.Body)
	}
}

// An answer that was kept shows no more than its caller may see by now.
func TestAKeptAnswerIsNoWayAroundARight(t *testing.T) {
	t.Parallel()
	f := apitest.New(t)
	project := mustProject(t, f, "depot")
	token := f.Holder(t, "mona", tocsin.RoleManager, tocsin.ScopeProject, project, tocsin.KeyDraft{})
	actor, err := f.Access.Authenticate(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	// She keeps the permissions somewhere: only the place is lost.
	if _, err := f.Access.Grant(t.Context(), f.System, actor.User, tocsin.RoleManager, tocsin.ScopeProject, apitest.ID(api.SampleProject)); err != nil {
		t.Fatal(err)
	}
	send := func(path, body string) apitest.Reply {
		return f.Call(t, apitest.Request{Method: "POST", Path: path, Body: body, Token: token, Header: header("Idempotency-Key", path)})
	}
	bodies := map[string]string{
		"/v1/incidents": `{"title":"x","severity":"minor","project_id":"` + project.String() + `"}`,
		"/v1/datasets":  `{"name":"x","project_id":"` + project.String() + `"}`,
		"/v1/checks":    `{"name":"x","project_id":"` + project.String() + `"}`,
	}
	for path, body := range bodies {
		want(t, path, send(path, body), 201, "")
		want(t, path+" again", send(path, body), 201, "")
	}
	grants, err := f.Access.Grants(t.Context(), f.System)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range grants {
		if g.User == actor.User && g.ScopeID == project {
			if err := f.Access.RevokeGrant(t.Context(), f.System, g.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	for path, body := range bodies {
		want(t, path+" without the right", send(path, body), 403, tocsin.Forbidden)
	}
}

// After a day a name is free again, and is kept anew.
func TestAKeptAnswerLastsADay(t *testing.T) {
	t.Parallel()
	f := apitest.New(t)
	send := func(severity string) apitest.Reply {
		return change(t, f, `{"severity":"`+severity+`"}`, header("Idempotency-Key", "daily"))
	}
	want(t, "the first", send("minor"), 200, "")
	f.Clock.Advance(tocsin.ReplyLife - time.Minute)
	want(t, "another within the day", send("critical"), 422, tocsin.KeyReused)
	f.Clock.Advance(time.Minute)
	fresh := send("critical")
	want(t, "another after it", fresh, 200, "")
	if again := send("critical"); string(again.Body) != string(fresh.Body) || again.Header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("asked again: %s; want the second answer", again.Body)
	}
}

func index(t *testing.T, id string) int {
	t.Helper()
	for i, op := range api.Operations() {
		if op.ID == id {
			return i
		}
	}
	t.Fatalf("there is no operation %s", id)
	return 0
}

func TestParallelDuplicatesHaveOneEffect(t *testing.T) {
	t.Parallel()
	f := apitest.New(t)
	entries := f.LogLength(t)
	body := api.Operations()[index(t, "createIncident")].Examples[0].Body
	replies := together(16, func(int) apitest.Reply {
		return f.Call(t, apitest.Request{Method: "POST", Path: "/v1/incidents", Body: body, Header: header("Idempotency-Key", "once")})
	})
	fresh := 0
	for _, r := range replies {
		if r.Status != 201 || string(r.Body) != string(replies[0].Body) {
			t.Errorf("%d %s; want 201 and one body", r.Status, r.Body)
		}
		if r.Header.Get("Idempotent-Replayed") == "" {
			fresh++
		}
	}
	if made := f.LogLength(t) - entries; made != 1 || fresh != 1 {
		t.Errorf("%d entries, %d answers that are no replay; want one of each", made, fresh)
	}
}

func TestOneOfManyWithTheSameTagWins(t *testing.T) {
	t.Parallel()
	f := apitest.New(t)
	tag := f.Call(t, apitest.Request{Path: samplePath}).Header.Get("ETag")
	replies := together(64, func(i int) apitest.Reply {
		return change(t, f, fmt.Sprintf(`{"title":"Title %d"}`, i), header("If-Match", tag))
	})
	statuses := map[int]int{}
	for _, r := range replies {
		statuses[r.Status]++
	}
	if diff := cmp.Diff(map[int]int{200: 1, 412: 63}, statuses); diff != "" {
		t.Errorf("64 changes with one tag came to (-want +got):\n%s", diff)
	}
}

func TestChangesOfDifferentFieldsAllHold(t *testing.T) {
	t.Parallel()
	f := apitest.New(t)
	replies := together(40, func(i int) apitest.Reply { return change(t, f, fmt.Sprintf(`{"labels":{"k%d":"v"}}`, i), nil) })
	for _, r := range replies {
		want(t, "a change", r, 200, "")
	}
	got := f.Call(t, apitest.Request{Path: samplePath}).JSON(t)
	if labels := got["labels"].(map[string]any); len(labels) != 41 || got["version"] != 42.0 {
		t.Errorf("%d labels at version %v; want 41 at 42", len(labels), got["version"])
	}
}

// together runs n calls at once.
func together(n int, call func(int) apitest.Reply) []apitest.Reply {
	replies := make([]apitest.Reply, n)
	var wait sync.WaitGroup
	for i := range n {
		wait.Go(func() { replies[i] = call(i) })
	}
	wait.Wait()
	return replies
}

func TestDryRunChangesNothing(t *testing.T) {
	t.Parallel()
	f := apitest.New(t)
	entries, before := f.LogLength(t), f.Call(t, apitest.Request{Path: samplePath})
	for _, op := range api.Operations() {
		if !op.Writes() || op.Authority.Open() {
			continue
		}
		for _, x := range op.Examples {
			path := x.Path + "?dry_run=true"
			if strings.Contains(x.Path, "?") {
				path = x.Path
			}
			got := f.Call(t, apitest.Request{Method: op.Method, Path: path, Body: x.Body, Header: header("Idempotency-Key", "dry")})
			if got.Status != 200 || got.JSON(t)["dry_run"] != true {
				t.Errorf("%s %s: %d %s; want 200 and dry_run", op.Method, path, got.Status, got.Body)
			}
			if strings.Contains(string(got.Body), "secret") {
				t.Errorf("%s %s shows a secret: %s", op.Method, path, got.Body)
			}
		}
	}
	if after := f.LogLength(t); after != entries {
		t.Errorf("dry runs left %d entries", after-entries)
	}
	if after := f.Call(t, apitest.Request{Path: samplePath}); string(after.Body) != string(before.Body) {
		t.Errorf("dry runs changed the incident (-want +got):\n%s", cmp.Diff(string(before.Body), string(after.Body)))
	}
	got := f.Call(t, apitest.Request{Method: patch, Path: samplePath + "?dry_run=true", Body: `{"severity":"critical","note":"x"}`}).JSON(t)
	if diff := cmp.Diff(map[string]any{"dry_run": true, "changes": []any{map[string]any{
		"action": "incident.update", "kind": "incident", "id": api.SampleIncident, "version": 3.0,
		"fields": []any{map[string]any{"name": "severity", "old": "major", "new": "critical"}},
	}}}, got); diff != "" {
		t.Errorf("a dry run says otherwise (-want +got):\n%s", diff)
	}
	want(t, "a dry run that would be refused", f.Call(t, apitest.Request{Method: patch, Path: samplePath + "?dry_run=true", Body: `{"severity":"x"}`}), 422, tocsin.Invalid)
	want(t, "dry_run=maybe", f.Call(t, apitest.Request{Method: patch, Path: samplePath + "?dry_run=maybe", Body: `{}`}), 422, tocsin.Invalid)
	want(t, "dry_run of a read", f.Call(t, apitest.Request{Path: samplePath + "?dry_run=true"}), 400, "bad_request")
}

func TestTheSameStateIsNoChange(t *testing.T) {
	t.Parallel()
	f := apitest.New(t)
	entries, before := f.LogLength(t), f.Call(t, apitest.Request{Path: samplePath})
	for _, body := range []string{
		`{}`, `{"severity":"major"}`, `{"status":"open"}`, `{"labels":{"team":"payments"}}`, `{"affected_regions":["eu-west"]}`,
		`{"add_regions":["eu-west"]}`, `{"remove_regions":["mars"]}`, `{"lead_id":null}`, `{"description":null}`, `{"note":"nothing else"}`,
	} {
		got := change(t, f, body, nil)
		if got.Status != 200 || string(got.Body) != string(before.Body) || got.Header.Get("ETag") != before.Header.Get("ETag") {
			t.Errorf("%s: %d %s; want the incident as it was", body, got.Status, got.Body)
		}
	}
	if after := f.LogLength(t); after != entries {
		t.Errorf("changes to the same state left %d entries", after-entries)
	}
}
