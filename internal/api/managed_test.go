package api_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin"
	"tocsin/internal/api"
	"tocsin/internal/api/apitest"
)

// samples are the sample's objects by kind.
func samples() map[tocsin.Kind]string {
	return map[tocsin.Kind]string{
		tocsin.KindProject: api.SampleProject, tocsin.KindDataset: api.SampleDataset, tocsin.KindCheck: api.SampleCheck,
		tocsin.KindUser: api.SampleMember, tocsin.KindInvitation: api.SampleInvitation, tocsin.KindRole: api.SampleRole,
		tocsin.KindGrant: api.SampleMembership, tocsin.KindAPIKey: api.SampleKey,
	}
}

// onSamples calls test for each operation on an object that is managed.
func onSamples(t *testing.T, test func(t *testing.T, op api.Operation, path func(id string) string, sample string)) {
	t.Helper()
	for _, op := range api.Operations() {
		if sample, managed := samples()[op.On]; managed && strings.Contains(op.Path, "{id}") {
			test(t, op, func(id string) string { return strings.Replace(op.Path, "{id}", id, 1) }, sample)
		}
	}
}

func TestManaged_ofOthersIsNotThere(t *testing.T) {
	t.Parallel()
	f := apitest.New(t)
	stranger := f.Stranger(t)
	before := f.LogLength(t)
	onSamples(t, func(t *testing.T, op api.Operation, path func(string) string, sample string) {
		call := func(id string) apitest.Reply {
			return f.Call(t, apitest.Request{
				Method: op.Method, Path: path(id), Token: stranger, Body: bodyFor(op, `{broken`),
				Header: map[string][]string{"X-Org-Id": {api.SampleOrganisation}, "X-Tenant": {"Meridian"}},
			})
		}
		there, nowhere := call(sample), call(api.SampleComment)
		want(t, op.ID+" by a stranger", there, 404, tocsin.NotFound)
		if nameless(there.Body) != nameless(nowhere.Body) {
			t.Errorf("a stranger can tell: %s\n%s\n%s", op.ID, there.Body, nowhere.Body)
		}
	})
	for _, op := range api.Operations() {
		if op.Method != "GET" || strings.Contains(op.Path, "{") || strings.HasPrefix(op.Path, "/v1/audit") || op.Authority.Open() {
			continue
		}
		got := f.Call(t, apitest.Request{Path: op.Path, Token: stranger})
		for _, id := range append(sampleIDs(), api.SampleOrganisation, "ada@example.org") {
			if strings.Contains(string(got.Body), id) {
				t.Errorf("%s shows a stranger %s: %s", op.ID, id, got.Body)
			}
		}
	}
	if f.LogLength(t) != before {
		t.Error("a refusal left an entry")
	}
}

func sampleIDs() (ids []string) {
	for _, id := range samples() {
		ids = append(ids, id)
	}
	return ids
}

// A change through an If-Match that has gone stale says what the object is now,
// for every kind; one that holds is made.
func TestManaged_preconditions(t *testing.T) {
	t.Parallel()
	onSamples(t, func(t *testing.T, op api.Operation, path func(string) string, sample string) {
		if !op.Writes() {
			return
		}
		t.Run(op.ID, func(t *testing.T) {
			t.Parallel()
			f := apitest.New(t)
			body := op.Examples[0].Body
			tag := f.Call(t, apitest.Request{Path: strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(path(sample), "/deactivate"), "/reactivate"), "/rotate")}).Header.Get("ETag")
			stale := f.Call(t, apitest.Request{Method: op.Method, Path: path(sample), Body: body, Header: header("If-Match", strings.Replace(tag, "-1", "-9", 1))})
			want(t, "stale", stale, 412, tocsin.Stale)
			if current, _ := stale.JSON(t)["current"].(map[string]any); current["id"] != sample {
				t.Errorf("current is %v; want the object", stale.JSON(t)["current"])
			}
			if _, err := f.Directory.UpdateOrganisation(t.Context(), f.System, nil, new(true)); err != nil {
				t.Fatal(err)
			}
			want(t, "without one where there must be", f.Call(t, apitest.Request{Method: op.Method, Path: path(sample), Body: body}), 428, tocsin.PreconditionRequired)
			got := f.Call(t, apitest.Request{Method: op.Method, Path: path(sample), Body: body, Header: header("If-Match", tag)})
			if got.Status >= 300 || len(got.Header.Get("Audit-Leaf")) != 64 {
				t.Errorf("with the present one: %d %v %s", got.Status, got.Header, got.Body)
			}
		})
	})
}

// Every operation that makes or changes something does so once for a name, and
// nothing for a dry run.
func TestManaged_onceAndDry(t *testing.T) {
	t.Parallel()
	for _, op := range api.Operations() {
		if !op.Writes() || strings.HasPrefix(op.Path, "/v1/incidents") || strings.HasPrefix(op.Path, "/v1/audit") || op.Authority.Open() {
			continue
		}
		t.Run(op.ID, func(t *testing.T) {
			t.Parallel()
			f := apitest.New(t)
			x := op.Examples[0]
			path, _, _ := strings.Cut(x.Path, "?")
			before := f.LogLength(t)
			dry := f.Call(t, apitest.Request{Method: op.Method, Path: path + "?dry_run=true", Body: x.Body})
			want(t, "dry", dry, 200, "")
			if dry.JSON(t)["dry_run"] != true || f.LogLength(t) != before {
				t.Errorf("a dry run answers %s and leaves %d entries", dry.Body, f.LogLength(t)-before)
			}
			send := func() apitest.Reply {
				return f.Call(t, apitest.Request{Method: op.Method, Path: path, Body: x.Body, Header: header("Idempotency-Key", "a-name")})
			}
			first := send()
			made := f.LogLength(t)
			again := send()
			if op.ID == "revokeApiKey" { // it was that of the request
				want(t, "again", again, 401, tocsin.Unauthenticated)
				return
			}
			var a, b map[string]any
			if json.Unmarshal(first.Body, &a) != nil || json.Unmarshal(again.Body, &b) != nil {
				t.Fatalf("%s\n%s", first.Body, again.Body)
			}
			if token, has := a["token"]; has && (token == nil || b["token"] != nil) {
				t.Errorf("the tokens are %v and %v; want one, then null", token, b["token"])
			}
			delete(a, "token")
			delete(b, "token")
			if diff := cmp.Diff(a, b); diff != "" || again.Status != first.Status || again.Header.Get("ETag") != first.Header.Get("ETag") || f.LogLength(t) != made {
				t.Errorf("%d, then %d, with %d more entries; want the same answer and none (-first +again):\n%s", first.Status, again.Status, f.LogLength(t)-made, diff)
			}
			if again.Header.Get("Idempotent-Replayed") != "true" {
				t.Error("the second answer does not say that it is a replay")
			}
		})
	}
}

// What was changed back, or is so already, is no change.
func TestManaged_theSameAgainLeavesNoEntry(t *testing.T) {
	t.Parallel()
	f := apitest.New(t)
	onSamples(t, func(t *testing.T, op api.Operation, path func(string) string, sample string) {
		if op.Method == "GET" || op.ID == "rotateApiKey" || op.ID == "revokeApiKey" {
			return
		}
		body := ""
		if op.Method == patch {
			body = `{}`
			before := f.LogLength(t)
			want(t, op.ID+" nothing", f.Call(t, apitest.Request{Method: patch, Path: path(sample), Body: body}), 200, "")
			if f.LogLength(t) != before {
				t.Errorf("%s: an empty patch left an entry", op.ID)
			}
			return
		}
		first := f.Call(t, apitest.Request{Method: op.Method, Path: path(sample)})
		before := f.LogLength(t)
		again := f.Call(t, apitest.Request{Method: op.Method, Path: path(sample)})
		if again.Status != 200 || nameless(again.Body) != nameless(first.Body) || f.LogLength(t) != before {
			t.Errorf("%s again: %d %s; want what was answered first, and no entry", op.ID, again.Status, again.Body)
		}
	})
}

// Lists give every object once, however small the pages.
func TestManaged_pages(t *testing.T) {
	t.Parallel()
	f := apitest.New(t)
	for i := range 4 {
		n := fmt.Sprint(i)
		for path, body := range map[string]string{
			"/v1/projects": `{"name":"p` + n + `"}`, "/v1/datasets": `{"name":"d` + n + `","project_id":"` + api.SampleProject + `"}`,
			"/v1/checks": `{"name":"c` + n + `","project_id":"` + api.SampleProject + `"}`, "/v1/users": `{"name":"u","email":"u` + n + `@example.org"}`,
			"/v1/roles": `{"name":"r` + n + `","permissions":[]}`, "/v1/api-keys": `{"name":"k"}`,
			"/v1/invitations": `{"email":"i` + n + `@example.org","role":"User","scope":"organisation"}`,
		} {
			want(t, path, f.Call(t, apitest.Request{Method: "POST", Path: path, Body: body}), 201, "")
		}
	}
	for path, count := range map[string]int{
		"/v1/projects": 5, "/v1/datasets": 5, "/v1/checks": 5, "/v1/users": 6, "/v1/roles": 10, "/v1/api-keys": 5, "/v1/invitations": 5, "/v1/role-bindings": 2,
	} {
		whole := f.Call(t, apitest.Request{Path: path}).JSON(t)["items"].([]any)
		if len(whole) != count {
			t.Errorf("%s has %d items; want %d", path, len(whole), count)
		}
		for limit := 1; limit <= 7; limit += 2 {
			var got []any
			cursor := ""
			for range count + 1 {
				page := f.Call(t, apitest.Request{Path: fmt.Sprintf("%s?limit=%d%s", path, limit, cursor)}).JSON(t)
				got = append(got, page["items"].([]any)...)
				next, more := page["next"].(string)
				if !more {
					break
				}
				cursor = "&cursor=" + next
				if other := "/v1/projects"; path != other {
					want(t, "another list's cursor", f.Call(t, apitest.Request{Path: other + "?cursor=" + next}), 400, "bad_request")
				}
			}
			if diff := cmp.Diff(whole, got); diff != "" {
				t.Errorf("%s by pages of %d (-whole +pages):\n%s", path, limit, diff)
			}
		}
	}
}

func TestManaged_badValues(t *testing.T) {
	t.Parallel()
	f := apitest.New(t)
	before := f.LogLength(t)
	long := strings.Repeat("x", 256)
	const nowhere = api.SampleComment
	for _, c := range []struct {
		method, path, body string
		status             int
		places             []string
	}{
		{"POST", "/v1/projects", `{}`, 422, []string{"/name"}},
		{"POST", "/v1/projects", `{"name":" "}`, 422, []string{"/name"}},
		{"POST", "/v1/projects", `{"name":"` + long + `"}`, 422, []string{"/name"}},
		{"POST", "/v1/projects", `{"name":"a\u0000b"}`, 422, []string{"/name"}},
		{"POST", "/v1/projects", `{"name":"a","id":"` + nowhere + `"}`, 400, []string{"/id"}},
		{"POST", "/v1/projects", `{"name":"shop"}`, 409, []string{}},
		{patch, "/v1/projects/" + api.SampleProject, `{"name":null}`, 422, []string{"/name"}},
		{"POST", "/v1/datasets", `{"name":"a","project_id":"` + nowhere + `"}`, 422, []string{"/project_id"}},
		{patch, "/v1/datasets/" + api.SampleDataset, `{"project_id":"` + api.SampleProject + `"}`, 400, []string{"/project_id"}},
		{"POST", "/v1/checks", `{"name":"a","project_id":"` + api.SampleProject + `","dataset_ids":["` + nowhere + `"]}`, 422, []string{"/dataset_ids"}},
		{patch, "/v1/checks/" + api.SampleCheck, `{"dataset_ids":["` + nowhere + `"]}`, 422, []string{"/dataset_ids"}},
		{patch, "/v1/checks/" + api.SampleCheck, `{"dataset_ids":null,"url":5}`, 422, []string{"/dataset_ids", "/url"}},
		{"POST", "/v1/users", `{"name":"","email":"x"}`, 422, []string{"/email", "/name"}},
		{"POST", "/v1/users", `{"name":"a","email":"nobody"}`, 422, []string{"/email"}},
		{"POST", "/v1/users", `{"name":"a","email":"ada@example.org"}`, 409, []string{}},
		{patch, "/v1/users/" + api.SampleMember, `{"deactivated_at":null}`, 400, []string{"/deactivated_at"}},
		{"POST", "/v1/roles", `{"name":"a","permissions":["all"]}`, 422, []string{"/permissions/0"}},
		{"POST", "/v1/roles", `{"name":"Admin","permissions":[]}`, 409, []string{}},
		{patch, "/v1/roles/" + api.SampleRole, `{"name":"x"}`, 400, []string{"/name"}},
		{"POST", "/v1/role-bindings", `{"user_id":"` + nowhere + `","role":"User","scope":"organisation"}`, 422, []string{"/user_id"}},
		{"POST", "/v1/role-bindings", `{"user_id":"` + api.SampleUser + `","role":"Janitor","scope":"organisation"}`, 422, []string{"/role"}},
		{"POST", "/v1/role-bindings", `{"user_id":"` + api.SampleUser + `","role":"Editor","scope":"project"}`, 422, []string{"/scope_id"}},
		{"POST", "/v1/role-bindings", `{"user_id":"` + api.SampleUser + `","role":"Editor","scope":"project","scope_id":"` + nowhere + `"}`, 422, []string{"/scope_id"}},
		{"POST", "/v1/role-bindings", `{"user_id":"` + api.SampleUser + `","role":"Admin","scope":"galaxy"}`, 422, []string{"/scope"}},
		{"POST", "/v1/role-bindings", `{"user_id":"` + api.SampleUser + `","role":"Admin","scope":"organisation"}`, 409, []string{}},
		{"POST", "/v1/invitations", `{"email":"ada@example.org","role":"Admin","scope":"organisation"}`, 409, []string{}},
		{"POST", "/v1/invitations", `{"email":"new@example.org","role":"Admin","scope":"organisation","expires_in":0}`, 422, []string{"/expires_in"}},
		{"POST", "/v1/api-keys", `{"name":"a","permissions":[]}`, 422, []string{"/permissions"}},
		{"POST", "/v1/api-keys", `{"name":"a","owner_id":"` + nowhere + `"}`, 422, []string{"/owner_id"}},
		{"POST", "/v1/api-keys", `{"name":"a","project_id":"` + nowhere + `"}`, 422, []string{"/project_id"}},
		{"POST", "/v1/api-keys", `{"name":"a","expires_at":"2020-01-01T00:00:00Z"}`, 422, []string{"/expires_at"}},
		{patch, "/v1/api-keys/" + api.SampleKey, `{"permissions":["incidents.view"]}`, 400, []string{"/permissions"}},
		{"POST", "/v1/api-keys/" + api.SampleKey + "/rotate", `{"overlap_seconds":604801}`, 422, []string{"/overlap_seconds"}},
		{patch, "/v1/organisation", `{"require_if_match":"yes"}`, 422, []string{"/require_if_match"}},
		{patch, "/v1/organisation", `{"audit_epoch":2}`, 400, []string{"/audit_epoch"}},
	} {
		got := f.Call(t, apitest.Request{Method: c.method, Path: c.path, Body: c.body})
		if diff := cmp.Diff(c.places, got.Places()); got.Status != c.status || diff != "" {
			t.Errorf("%s %s %s: %d %s; want %d with problems at %v", c.method, c.path, c.body, got.Status, got.Body, c.status, c.places)
		}
	}
	if f.LogLength(t) != before {
		t.Error("a refusal left an entry")
	}
}
