package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin"
	"tocsin/internal/api"
	"tocsin/internal/api/apitest"
)

const samplePath = "/v1/incidents/" + api.SampleIncident

// The wire forms, to the letter.
func TestWireForms(t *testing.T) {
	t.Parallel()
	f := apitest.New(t)
	for name, q := range map[string]apitest.Request{
		"incident": {Path: samplePath},
		"list":     {Path: "/v1/incidents?limit=1"},
		"invalid":  {Method: patch, Path: samplePath, Body: `{"severity":"bad","title":""}`},
		"stale":    {Method: patch, Path: samplePath, Body: `{"title":"x"}`, Header: header("If-Match", `"000000000008-1"`)},
		"move":     {Method: patch, Path: "/v1/incidents/" + closed(t, f), Body: `{"status":"open"}`},
	} {
		got := f.Call(t, q)
		text := strings.ReplaceAll(string(indented(t, got.Body)), got.Header.Get("X-Request-Id"), "0198c1a0-0000-7000-8003-000000000001")
		golden(t, "testdata/"+name+".json", []byte(text))
	}
}

// closed makes an incident that is closed.
func closed(t *testing.T, f *apitest.Fixture) string {
	t.Helper()
	id := f.Incident(t).ID.String()
	want(t, "close it", f.Call(t, apitest.Request{Method: patch, Path: "/v1/incidents/" + id, Body: `{"status":"closed"}`}), 200, "")
	return id
}

func TestCreateShowsWhereItIs(t *testing.T) {
	t.Parallel()
	f := apitest.New(t)
	body := api.Operations()[index(t, "createIncident")].Examples[1].Body
	made := f.Call(t, apitest.Request{Method: "POST", Path: "/v1/incidents", Body: body})
	want(t, "create", made, 201, "")
	found := f.Call(t, apitest.Request{Path: made.Header.Get("Location")})
	if string(found.Body) != string(made.Body) || found.Header.Get("ETag") != made.Header.Get("ETag") {
		t.Errorf("%s has %s; want what was answered: %s", made.Header.Get("Location"), found.Body, made.Body)
	}
}

func TestAPatchIsOneChange(t *testing.T) {
	t.Parallel()
	f := apitest.New(t)
	entries := f.LogLength(t)
	got := change(t, f, `{"title":"Payments fail","status":"fixing","severity":"critical","description":"line\n\tline","error_message":"x",
		"add_regions":["us"],"remove_regions":["eu-west"],"resolution_notes":"y","labels":{"team":null,"tier":"1"},"lead_id":"`+api.SampleUser+`","note":"why"}`, nil)
	want(t, "the patch", got, 200, "")
	inc := got.JSON(t)
	for name, value := range map[string]any{
		"title": "Payments fail", "status": "fixing", "severity": "critical", "description": "line\n\tline", "error_message": "x",
		"affected_regions": []any{"us"}, "resolution_notes": "y", "labels": map[string]any{"tier": "1"}, "lead_id": api.SampleUser, "version": 3.0,
		"available_transitions": []any{"open", "investigating", "resolved", "closed"},
	} {
		if diff := cmp.Diff(value, inc[name]); diff != "" {
			t.Errorf("%s is otherwise (-want +got):\n%s", name, diff)
		}
	}
	if made := f.LogLength(t) - entries; made != 1 {
		t.Errorf("the patch left %d entries; want one", made)
	}
	cleared := change(t, f, `{"description":null,"error_message":null,"resolution_notes":null,"lead_id":null}`, nil).JSON(t)
	for name, value := range map[string]any{"description": "", "error_message": "", "resolution_notes": "", "lead_id": nil} {
		if cleared[name] != value {
			t.Errorf("null leaves %s at %v; want %v", name, cleared[name], value)
		}
	}
	entry := f.Call(t, apitest.Request{Path: samplePath + "/history?limit=2"}).JSON(t)["items"].([]any)[1].(map[string]any)
	if entry["note"] != "why" || entry["version"] != 3.0 || entry["door"] != "api" {
		t.Errorf("the history has %v", entry)
	}
}

// Names are for everybody who may see the incident; where a colleague's request
// came from is not.
func TestTheHistory_tellsWhoToAllAndFromWhereToAuditors(t *testing.T) {
	t.Parallel()
	f := apitest.New(t)
	viewer := f.Holder(t, "vera", tocsin.RoleAdmin, tocsin.ScopeOrganisation, tocsin.ID{}, tocsin.KeyDraft{Permissions: tocsin.ViewIncidents})
	for token, from := range map[string]string{"": "192.0.2.10", viewer: ""} {
		items := f.Call(t, apitest.Request{Path: samplePath + "/history", Token: token}).JSON(t)["items"].([]any)
		entry := items[len(items)-1].(map[string]any)
		if who := entry["actor"].(map[string]any)["name"]; who != "Ada Okafor" || entry["address"] != from {
			t.Errorf("the history tells %v, from %q; want Ada Okafor, from %q", who, entry["address"], from)
		}
	}
}

// The history is read newest first, however small the pages.
func TestTheHistory_inPages(t *testing.T) {
	t.Parallel()
	f := apitest.New(t)
	for _, severity := range []string{"minor", "critical", "warning", "major"} {
		want(t, severity, change(t, f, `{"severity":"`+severity+`"}`, nil), 200, "")
	}
	for limit := 1; limit <= 7; limit++ {
		var versions []float64
		for path := fmt.Sprintf("%s/history?limit=%d", samplePath, limit); path != ""; {
			page := f.Call(t, apitest.Request{Path: path}).JSON(t)
			for _, e := range page["items"].([]any) {
				versions = append(versions, e.(map[string]any)["version"].(float64))
			}
			if path = ""; page["next"] != nil {
				path = fmt.Sprintf("%s/history?limit=%d&cursor=%s", samplePath, limit, page["next"])
			}
		}
		if diff := cmp.Diff([]float64{6, 5, 4, 3, 2, 1}, versions); diff != "" {
			t.Errorf("in pages of %d (-want +got):\n%s", limit, diff)
		}
	}
}

func TestTheLifecycle(t *testing.T) {
	t.Parallel()
	f := apitest.New(t)
	over := "/v1/incidents/" + closed(t, f)
	got := f.Call(t, apitest.Request{Method: patch, Path: over, Body: `{"status":"open"}`})
	want(t, "out of closed", got, 409, tocsin.Conflict)
	if _, told := got.JSON(t)["available_transitions"]; told {
		t.Errorf("there are no moves out of closed, but %s", got.Body)
	}
	want(t, "a change of a closed one", f.Call(t, apitest.Request{Method: patch, Path: over, Body: `{"title":"x"}`}), 409, tocsin.Conflict)
	want(t, "no change of a closed one", f.Call(t, apitest.Request{Method: patch, Path: over, Body: `{"status":"closed"}`}), 200, "")
	want(t, "a link to a closed one", f.Call(t, apitest.Request{Method: "POST", Path: over + "/links", Body: `{"url":"https://example.org"}`}), 409, tocsin.Conflict)
}

func TestThePast(t *testing.T) {
	t.Parallel()
	f := apitest.New(t)
	second := f.Call(t, apitest.Request{Path: samplePath})
	want(t, "a change", change(t, f, `{"severity":"minor","status":"investigating"}`, nil), 200, "")
	updated := second.JSON(t)["updated_at"].(string)
	for _, query := range []string{"?version=2", "?at=" + updated, "?at=" + strings.Replace(updated, "Z", "%2B00:00", 1)} {
		if got := f.Call(t, apitest.Request{Path: samplePath + query}); string(got.Body) != string(second.Body) {
			t.Errorf("%s shows %s; want what it was: %s", query, got.Body, second.Body)
		}
	}
	for query, status := range map[string]int{
		"?version=4": 404, "?at=2026-01-01T00:00:00Z": 404, "?version=0": 422, "?version=x": 422, "?version=01": 422, "?at=yesterday": 422,
		"?version=1&at=" + updated: 400, "?version=1&version=1": 400, "?verion=1": 400,
	} {
		if got := f.Call(t, apitest.Request{Path: samplePath + query}); got.Status != status {
			t.Errorf("%s: %d %s; want %d", query, got.Status, got.Body, status)
		}
	}
	diff := f.Call(t, apitest.Request{Path: samplePath + "/diff?from=2&to=3"}).JSON(t)
	names := []any{}
	for _, c := range diff["fields"].([]any) {
		names = append(names, c.(map[string]any)["name"])
	}
	if d := cmp.Diff([]any{"acknowledged_at", "severity", "status"}, names); d != "" {
		t.Errorf("the diff has other fields (-want +got):\n%s", d)
	}
	want(t, "a diff without from", f.Call(t, apitest.Request{Path: samplePath + "/diff"}), 422, tocsin.Invalid)
}

func TestBulk(t *testing.T) {
	t.Parallel()
	f := apitest.New(t)
	other := f.Incident(t).ID.String()
	over := closed(t, f)
	body := `{"items":[
		{"id":"` + api.SampleIncident + `","patch":{"severity":"minor"}},
		{"id":"` + other + `","if_match":"\"x\"","patch":{"severity":"minor"}},
		{"id":"` + over + `","patch":{"severity":"minor"}},
		{"id":"` + api.SampleComment + `","patch":{}},
		{"id":"` + api.SampleLink + `","patch":{"title":" "}}]}`
	entries := f.LogLength(t)
	send := func(body string) apitest.Reply {
		return f.Call(t, apitest.Request{Method: "POST", Path: "/v1/incidents/bulk", Body: body, Header: header("Idempotency-Key", "bulk")})
	}
	first := send(body)
	want(t, "the first", first, 200, "")
	statuses := func(r apitest.Reply) (out []int, replayed []bool) {
		var b struct {
			Results []struct {
				Status   int
				Replayed bool
			}
		}
		if err := json.Unmarshal(r.Body, &b); err != nil {
			t.Fatal(err)
		}
		for _, x := range b.Results {
			out, replayed = append(out, x.Status), append(replayed, x.Replayed)
		}
		return out, replayed
	}
	got, _ := statuses(first)
	if diff := cmp.Diff([]int{200, 412, 409, 404, 404}, got); diff != "" {
		t.Errorf("the items came to (-want +got):\n%s\n%s", diff, first.Body)
	}
	got, replayed := statuses(send(body))
	if diff := cmp.Diff([]int{200, 412, 409, 404, 404}, got); diff != "" || !replayed[0] {
		t.Errorf("asked again, the items came to (-want +got):\n%s, replayed %v", diff, replayed)
	}
	if made := f.LogLength(t) - entries; made != 1 {
		t.Errorf("%d entries; want one", made)
	}
	for body, place := range map[string]string{
		`{"items":[]}`: "/items",
		`{"items":[{"id":"` + other + `","patch":{}},{"id":"` + other + `","patch":{}}]}`: "/items/1/id",
		`{"items":[{"id":"` + other + `","patch":{"severity":"x"}}]}`:                     "/items/0/patch/severity",
		`{"items":[{"id":"` + other + `"}]}`:                                              "/items/0/patch",
		`{"items":[{"id":"` + other + `","patch":{"labels":{"Team":"x"}}}]}`:              "/items/0/patch/labels/Team",
	} {
		got := f.Call(t, apitest.Request{Method: "POST", Path: "/v1/incidents/bulk", Body: body})
		want(t, body, got, 422, tocsin.Invalid)
		if diff := cmp.Diff([]string{place}, got.Places()); diff != "" {
			t.Errorf("%s points elsewhere (-want +got):\n%s", body, diff)
		}
	}
}

func TestCommentsAndLinks(t *testing.T) {
	t.Parallel()
	f := apitest.New(t)
	comment := func(body string) apitest.Reply {
		return f.Call(t, apitest.Request{Method: "POST", Path: samplePath + "/comments", Body: body})
	}
	made := comment(`{"message":"It is\nthe pool."}`)
	want(t, "a comment", made, 201, "")
	want(t, "an empty one", comment(`{"message":""}`), 422, tocsin.Invalid)
	page := f.Call(t, apitest.Request{Path: samplePath + "/comments?limit=1"}).JSON(t)
	second := f.Call(t, apitest.Request{Path: samplePath + "/comments?limit=1&cursor=" + page["next"].(string)}).JSON(t)
	if diff := cmp.Diff([]any{made.JSON(t)}, second["items"]); diff != "" || second["next"] != nil {
		t.Errorf("the second page is otherwise (-want +got):\n%s", diff)
	}

	link := func(body string) apitest.Reply {
		return f.Call(t, apitest.Request{Method: "POST", Path: samplePath + "/links", Body: body})
	}
	for _, url := range []string{"", "x", "ftp://example.org", "javascript:alert(1)", "https://", "https://example.org/a b"} {
		got := link(`{"url":"` + url + `"}`)
		want(t, url, got, 422, tocsin.Invalid)
		if diff := cmp.Diff([]string{"/url"}, got.Places()); diff != "" {
			t.Errorf("%s points elsewhere (-want +got):\n%s", url, diff)
		}
	}
	added := link(`{"url":"https://example.org/runbook","title":"Runbook"}`)
	want(t, "a link", added, 201, "")
	links := f.Call(t, apitest.Request{Path: samplePath + "/links"}).JSON(t)["items"].([]any)
	if diff := cmp.Diff(any(added.JSON(t)), links[1]); diff != "" {
		t.Errorf("the link is otherwise (-want +got):\n%s", diff)
	}
	remove := apitest.Request{Method: http.MethodDelete, Path: samplePath + "/links/" + added.JSON(t)["id"].(string)}
	if gone := f.Call(t, remove); gone.Status != 200 || len(gone.JSON(t)["links"].([]any)) != 1 {
		t.Errorf("taking it away: %d %s", gone.Status, gone.Body)
	}
	want(t, "taking it away again", f.Call(t, remove), 404, tocsin.NotFound)
}

// faulty are use cases with a fault that shows itself for one incident.
type faulty struct {
	api.Incidents
	bad tocsin.ID
}

func (i faulty) Update(ctx context.Context, actor tocsin.Actor, id tocsin.ID, p tocsin.Patch, rules tocsin.Rules) (*tocsin.Incident, error) {
	if id == i.bad {
		panic("a fault")
	}
	return i.Incidents.Update(ctx, actor, id, p, rules)
}

// A fault of ours in one item takes neither the others nor the server with it.
func TestBulk_aFaultStaysWithItsItem(t *testing.T) {
	t.Parallel()
	f := apitest.New(t, func(d *api.Deps) { d.Incidents = faulty{d.Incidents, apitest.ID(api.SampleIncident)} })
	other := f.Incident(t).ID.String()
	got := f.Call(t, apitest.Request{Method: "POST", Path: "/v1/incidents/bulk", Body: `{"items":[
		{"id":"` + api.SampleIncident + `","patch":{"severity":"minor"}},
		{"id":"` + other + `","patch":{"severity":"minor"}}]}`})
	want(t, "both", got, 200, "")
	results := got.JSON(t)["results"].([]any)
	for i, status := range []float64{500, 200} {
		if r := results[i].(map[string]any); r["status"] != status {
			t.Errorf("item %d came to %v; want %v", i, r, status)
		}
	}
}
