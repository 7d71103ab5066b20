package api_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin"
	"tocsin/internal/api"
	"tocsin/internal/api/apitest"
)

const patch = http.MethodPatch

// want fails the test unless a reply has a status and, for an error, a code.
func want(t *testing.T, what string, got apitest.Reply, status int, code tocsin.Code) {
	t.Helper()
	if got.Status != status || got.Code() != code {
		t.Errorf("%s: %d %s; want %d %q", what, got.Status, got.Body, status, code)
	}
}

func header(name, value string) http.Header { return http.Header{name: {value}} }

// nameless is a body without what differs from request to request.
func nameless(body []byte) string {
	return regexp.MustCompile(`"request_id":"[^"]*"`).ReplaceAllString(string(body), "")
}

func TestWithoutOneGoodKeyThereIsOne401(t *testing.T) {
	t.Parallel()
	f := apitest.New(t)
	bodies := map[string]bool{}
	for name, h := range map[string]http.Header{
		"no credential":         {},
		"a wrong token":         header("Authorization", "Bearer tcn_"+strings.Repeat("0", 104)),
		"an empty token":        header("Authorization", "Bearer "),
		"Basic":                 header("Authorization", "Basic "+f.Token),
		"two headers":           {"Authorization": {"Bearer " + f.Token, "Bearer " + f.Token}},
		"X-API-Key only":        header("X-API-Key", f.Token),
		"X-API-Key beside it":   {"Authorization": {"Bearer " + f.Token}, "X-Api-Key": {f.Token}},
		"a cookie":              header("Cookie", "session="+f.Token),
		"the token with a tail": header("Authorization", "Bearer "+f.Token+" "+f.Token),
	} {
		got := f.Call(t, apitest.Request{Path: samplePath, Token: "-", Header: h})
		want(t, name, got, 401, tocsin.Unauthenticated)
		if !strings.HasPrefix(got.Header.Get("WWW-Authenticate"), "Bearer") {
			t.Errorf("%s: WWW-Authenticate is %q; want a Bearer challenge", name, got.Header.Get("WWW-Authenticate"))
		}
		bodies[nameless(got.Body)] = true
	}
	if len(bodies) != 1 {
		t.Errorf("a 401 has %d different bodies; want one for all causes: %v", len(bodies), bodies)
	}
	want(t, "a query with the token", f.Call(t, apitest.Request{Path: "/v1/me?token=" + f.Token, Token: "-"}), 401, tocsin.Unauthenticated)
}

func TestPathsAndMethods(t *testing.T) {
	t.Parallel()
	f := apitest.New(t)
	for _, path := range []string{"/v1", "/v1/", "/v1/nothing", "/v1/incidents/", "/v1//incidents", "/v1/incidents/../me", samplePath + "/", "/v1/incidents/bulk/x", "/docs/none"} {
		want(t, path, f.Call(t, apitest.Request{Path: path}), 404, tocsin.NotFound)
	}
	for _, id := range []string{"null", "0", "*", "%2e%2e", "%00", "urn:uuid:" + api.SampleIncident, "{" + api.SampleIncident + "}", strings.ReplaceAll(api.SampleIncident, "-", ""), api.SampleComment} {
		want(t, id, f.Call(t, apitest.Request{Path: "/v1/incidents/" + id}), 404, tocsin.NotFound)
	}
	want(t, "upper case", f.Call(t, apitest.Request{Path: "/v1/incidents/" + strings.ToUpper(api.SampleIncident)}), 200, "")
	got := f.Call(t, apitest.Request{Method: http.MethodPut, Path: samplePath, Body: `{}`})
	want(t, "PUT", got, 405, "method_not_allowed")
	if allow := got.Header.Get("Allow"); allow != "GET, HEAD, PATCH" {
		t.Errorf("Allow is %q; want GET, HEAD, PATCH", allow)
	}
}

// What another organisation has is not there, and neither is what the key's
// project does not hold; the answers are the same to the byte.
func TestOthersThingsAreNotThere(t *testing.T) {
	t.Parallel()
	f := apitest.New(t)
	elsewhere := mustProject(t, f, "warehouse")
	bound := f.Holder(t, "bound", tocsin.RoleAdmin, tocsin.ScopeOrganisation, tocsin.ID{}, tocsin.KeyDraft{Project: elsewhere})
	for who, token := range map[string]string{"a stranger": f.Stranger(t), "a key of another project": bound} {
		for _, op := range api.Operations() {
			if !strings.Contains(op.Path, "{id}") || !strings.HasPrefix(op.Path, "/v1/incidents") {
				continue
			}
			call := func(id string) apitest.Reply {
				path := strings.NewReplacer("{id}", id, "{link_id}", api.SampleLink).Replace(op.Path)
				return f.Call(t, apitest.Request{Method: op.Method, Path: path, Token: token, Body: bodyFor(op, `{broken`)})
			}
			there, nowhere := call(api.SampleIncident), call(api.SampleComment)
			want(t, who+": "+op.ID, there, 404, tocsin.NotFound)
			if nameless(there.Body) != nameless(nowhere.Body) {
				t.Errorf("%s can tell: %s\n%s\n%s", who, op.ID, there.Body, nowhere.Body)
			}
		}
		create := func(project string) apitest.Reply {
			return f.Call(t, apitest.Request{Method: "POST", Path: "/v1/incidents", Token: token, Body: `{"title":"x","severity":"minor","project_id":"` + project + `"}`})
		}
		there, nowhere := create(api.SampleProject), create(api.SampleComment)
		want(t, who+" opens an incident there", there, 422, tocsin.Invalid)
		if nameless(there.Body) != nameless(nowhere.Body) {
			t.Errorf("%s can tell which projects there are:\n%s\n%s", who, there.Body, nowhere.Body)
		}
		if got := f.Call(t, apitest.Request{Path: "/v1/incidents", Token: token}); got.Status != 200 || len(got.JSON(t)["items"].([]any)) != 0 {
			t.Errorf("%s lists %d %s; want nothing", who, got.Status, got.Body)
		}
	}
}

func bodyFor(op api.Operation, body string) string {
	if op.Method == http.MethodPatch || op.Method == http.MethodPost {
		return body
	}
	return ""
}

func TestPermissions(t *testing.T) {
	t.Parallel()
	f := apitest.New(t)
	looker := f.Holder(t, "looker", tocsin.RoleAdmin, tocsin.ScopeOrganisation, tocsin.ID{}, tocsin.KeyDraft{Permissions: tocsin.ViewIncidents})
	nobody := f.Holder(t, "nobody", tocsin.RoleUser, tocsin.ScopeOrganisation, tocsin.ID{}, tocsin.KeyDraft{})
	for _, op := range api.Operations() {
		if !op.Authority.Declared() {
			t.Errorf("%s does not say who may call it: give it an Authority", op.ID)
		}
		path := op.Examples[0].Path
		send := func(token string) apitest.Reply {
			return f.Call(t, apitest.Request{Method: op.Method, Path: path, Token: token, Body: bodyFor(op, `{broken`)})
		}
		if p := op.Authority.Permission(); p != 0 {
			want(t, "nobody: "+op.ID, send(nobody), 403, tocsin.Forbidden)
			if p != tocsin.ViewIncidents {
				want(t, "a key to look: "+op.ID, send(looker), 403, tocsin.Forbidden)
			}
		}
		if !op.Authority.Open() {
			want(t, "no key: "+op.ID, send("-"), 401, tocsin.Unauthenticated)
		}
	}
}

func TestMediaTypesAndSizes(t *testing.T) {
	t.Parallel()
	f := apitest.New(t)
	send := func(method, path, media, body string) apitest.Reply {
		return f.Call(t, apitest.Request{Method: method, Path: path, Body: body, Media: media})
	}
	for _, media := range []string{"-", "text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-16", "application/json-patch+json"} {
		got := send(patch, samplePath, media, `{}`)
		want(t, media, got, 415, "unsupported_media_type")
		if accept := got.Header.Get("Accept-Patch"); accept != "application/json, application/merge-patch+json" {
			t.Errorf("%s: Accept-Patch is %q", media, accept)
		}
	}
	got := send("POST", "/v1/incidents", "application/merge-patch+json", `{}`)
	want(t, "POST of a patch", got, 415, "unsupported_media_type")
	if accept := got.Header.Get("Accept"); accept != "application/json" {
		t.Errorf("Accept is %q", accept)
	}
	gzip := f.Call(t, apitest.Request{Method: patch, Path: samplePath, Body: `{}`, Header: header("Content-Encoding", "gzip")})
	want(t, "gzip", gzip, 415, "unsupported_media_type")
	for _, media := range []string{"application/json", "Application/JSON; charset=UTF-8", "application/merge-patch+json"} {
		want(t, media, send(patch, samplePath, media, `{}`), 200, "")
	}
	padded := func(n int) string { return `{"title":"x"` + strings.Repeat(" ", n-len(`{"title":"x"}`)) + "}" }
	want(t, "64 KiB", send(patch, samplePath, "application/json", padded(64<<10)), 200, "")
	want(t, "64 KiB and one", send(patch, samplePath, "application/json", padded(64<<10+1)), 413, "too_large")
}

func TestMalformedBodies(t *testing.T) {
	t.Parallel()
	f := apitest.New(t)
	before := f.LogLength(t)
	wide := strings.Builder{}
	for i := range 65 {
		fmt.Fprintf(&wide, `"k%d":"",`, i)
	}
	for _, body := range []string{
		``, `   `, `null`, `[]`, `"x"`, `1`, `{"severity":"minor","severity":"critical"}`, `{"severity":"minor"} {}`, `{"severity":"minor"}x`,
		"{\"title\":\"\xff\"}", `{"title":"\ud800"}`, "{\"title\":\"a\tb\"}", `{'title':1}`, `{"title":"x",}`, "\ufeff{}",
		`{"labels":` + strings.Repeat(`{"a":`, 8) + `1` + strings.Repeat(`}`, 8) + `}`, `{"labels":{` + strings.TrimSuffix(wide.String(), ",") + `}}`,
	} {
		want(t, body, f.Call(t, apitest.Request{Method: patch, Path: samplePath, Body: body, Media: "application/json"}), 400, "bad_request")
	}
	for body, place := range map[string]string{
		`{"Severity":"critical"}`:                    "/Severity",
		`{"severity":"minor","version":9}`:           "/version",
		`{"__proto__":{"isAdmin":true}}`:             "/__proto__",
		`{"a/b~c":1}`:                                "/a~1b~0c",
		`{"check_id":"` + api.SampleCheck + `"}`:     "/check_id",
		`{"project_id":"` + api.SampleProject + `"}`: "/project_id",
	} {
		got := f.Call(t, apitest.Request{Method: patch, Path: samplePath, Body: body})
		want(t, body, got, 400, "bad_request")
		if diff := cmp.Diff([]string{place}, got.Places()); diff != "" {
			t.Errorf("%s points elsewhere (-want +got):\n%s", body, diff)
		}
	}
	for _, query := range []string{"severity=critical", "dry_run=true&dry_run=true", "%zz"} {
		want(t, query, f.Call(t, apitest.Request{Method: patch, Path: samplePath + "?" + query, Body: `{}`}), 400, "bad_request")
	}
	if after := f.LogLength(t); after != before {
		t.Errorf("refused requests left %d entries", after-before)
	}
}

func TestBadValuesAreAllTold(t *testing.T) {
	t.Parallel()
	f := apitest.New(t)
	before := f.LogLength(t)
	for body, places := range map[string][]string{
		`{"severity":"Critical","status":"opened","title":""}`:                   {"/severity", "/status", "/title"},
		`{"severity":null,"title":null,"status":null,"affected_regions":null}`:   {"/affected_regions", "/severity", "/status", "/title"},
		`{"severity":1,"title":{},"labels":[],"lead_id":"x"}`:                    {"/labels", "/lead_id", "/severity", "/title"},
		`{"error_message":"` + strings.Repeat("x", 1001) + `"}`:                  {"/error_message"},
		`{"title":"a\u0000b","description":"\u009b","error_message":"\u0007"}`:   {"/description", "/error_message", "/title"},
		`{"title":"two\nlines","note":"\\u0000 is no control, this is: \u0000"}`: {"/note", "/title"},
		`{"affected_regions":[1,null,["a"],"eu"]}`:                               {"/affected_regions/0", "/affected_regions/1", "/affected_regions/2"},
		`{"affected_regions":["","` + strings.Repeat("x", 256) + `"]}`:           {"/affected_regions/0", "/affected_regions/1"},
		`{"affected_regions":["a"],"add_regions":["b"]}`:                         {"/affected_regions"},
		`{"labels":{"Team":"a","a~/b":null},"severity":"x"}`:                     {"/labels/Team", "/labels/a~0~1b", "/severity"},
		`{"labels":{"team":1,"env":"` + strings.Repeat("x", 256) + `"}}`:         {"/labels/env", "/labels/team"},
		`{"labels":{"team":"a\nb","env":null}}`:                                  {"/labels/team"},
		`{"title":"` + strings.Repeat("x", 501) + `"}`:                           {"/title"},
		`{"description":"` + strings.Repeat("é", 10_001) + `"}`:                  {"/description"},
		`{"resolution_notes":"` + strings.Repeat("x", 10_001) + `"}`:             {"/resolution_notes"},
		`{"lead_id":"` + api.SampleIncident + `"}`:                               {"/lead_id"},
		`{"title":"   "}`: {"/title"},
	} {
		got := f.Call(t, apitest.Request{Method: patch, Path: samplePath, Body: body})
		want(t, body, got, 422, tocsin.Invalid)
		if diff := cmp.Diff(places, got.Places()); diff != "" {
			t.Errorf("%s points elsewhere (-want +got):\n%s", body, diff)
		}
	}
	for body, places := range map[string][]string{
		`{}`:                               {"/severity", "/title"},
		`{"title":"x","severity":"major"}`: {"/project_id"},
		`{"title":"x","severity":"major","project_id":"` + api.SampleUser + `"}`:                                             {"/project_id"},
		`{"title":"x","severity":"major","check_ids":[]}`:                                                                    {"/check_ids"},
		`{"title":"x","severity":"major","check_ids":["` + api.SampleUser + `"]}`:                                            {"/check_ids"},
		`{"title":"x","severity":"major","project_id":"` + api.SampleProject + `","lead_id":null}`:                           {"/lead_id"},
		`{"title":"x","severity":"major","project_id":"` + api.SampleProject + `","type":"gone"}`:                            {"/type"},
		`{"title":"x","severity":"major","project_id":"` + api.SampleProject + `","started_at":"` + `2026-02-30T00:00:00Z"}`: {"/started_at"},
	} {
		got := f.Call(t, apitest.Request{Method: "POST", Path: "/v1/incidents", Body: body})
		want(t, body, got, 422, tocsin.Invalid)
		if diff := cmp.Diff(places, got.Places()); diff != "" {
			t.Errorf("%s points elsewhere (-want +got):\n%s", body, diff)
		}
	}
	if after := f.LogLength(t); after != before {
		t.Errorf("refused requests left %d entries", after-before)
	}
}

func TestTimesAreStrict(t *testing.T) {
	t.Parallel()
	f := apitest.New(t)
	send := func(at string) apitest.Reply {
		return f.Call(t, apitest.Request{Method: "POST", Path: "/v1/incidents?dry_run=true", Body: `{"title":"x","severity":"major","project_id":"` + api.SampleProject + `","started_at":"` + at + `"}`})
	}
	for _, at := range []string{
		"2026-01-01T00:00:00,5Z", "0000-01-01T00:00:00Z", "9999-01-01T00:00:00Z", "1999-12-31T23:59:59Z", "2026-01-01T00:00:00+99:99",
		"2026-01-01T00:00:00+24:00", "2026-01-01T23:59:60Z", "2026-01-01T24:00:00Z", "2026-01-01T1:00:00Z", "2026-01-01 00:00:00Z", "2026-01-01T00:00:00", "",
	} {
		want(t, at, send(at), 422, tocsin.Invalid)
	}
	for _, at := range []string{"2026-01-01T00:00:00Z", "2026-01-01T00:00:00.123456789+05:45", "2026-01-01T00:00:00.5-00:00"} {
		want(t, at, send(at), 200, "")
	}
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	f := apitest.New(t, func(d *api.Deps) { d.RateLimit = 3 })
	for _, left := range []string{"2", "1", "0"} {
		got := f.Call(t, apitest.Request{Path: "/v1/me"})
		if policy := got.Header.Get("RateLimit-Policy"); got.Status != 200 || policy != `"api";q=3;w=60` || !strings.HasPrefix(got.Header.Get("RateLimit"), `"api";r=`+left+`;t=`) {
			t.Errorf("with %s left: %d, policy %q, state %q", left, got.Status, policy, got.Header.Get("RateLimit"))
		}
	}
	got := f.Call(t, apitest.Request{Method: patch, Path: samplePath, Body: `{broken`})
	want(t, "the fourth", got, 429, tocsin.RateLimited)
	wait := got.Header.Get("Retry-After")
	if wait == "" || wait == "0" || !strings.HasSuffix(got.Header.Get("RateLimit"), ";t="+wait) {
		t.Errorf("Retry-After is %q beside RateLimit %q; want at least a second, and not before t", wait, got.Header.Get("RateLimit"))
	}
	want(t, "another key", f.Call(t, apitest.Request{Path: "/v1/me", Token: f.Stranger(t)}), 200, "")
}

func TestManyWrongKeysFromOneAddress(t *testing.T) {
	t.Parallel()
	f := apitest.New(t)
	for range 60 {
		want(t, "a wrong key", f.Call(t, apitest.Request{Path: "/v1/me", Token: "tcn_x"}), 401, tocsin.Unauthenticated)
	}
	want(t, "one more", f.Call(t, apitest.Request{Path: "/v1/me", Token: "tcn_x"}), 429, tocsin.RateLimited)
	want(t, "the right key", f.Call(t, apitest.Request{Path: "/v1/me"}), 200, "")
}

func TestEveryCodeHasAStatus(t *testing.T) {
	t.Parallel()
	statuses := map[tocsin.Code]int{
		"invalid": 422, "bad_request": 400, "unauthenticated": 401, "forbidden": 403, "not_found": 404, "conflict": 409, "exhausted": 409,
		"rate_limited": 429, "busy": 503, "unknown": 500, "internal": 500, "stale": 412, "precondition_required": 428,
		"idempotency_key_reused": 422, "unsupported_media_type": 415, "too_large": 413, "method_not_allowed": 405,
	}
	for _, code := range api.Codes() {
		if status, title := api.StatusOf(code); status != statuses[code] || title == "" {
			t.Errorf("%s is %d %q; want %d and a title", code, status, title, statuses[code])
		}
		delete(statuses, code)
	}
	if len(statuses) > 0 {
		t.Errorf("there are no codes %v", statuses)
	}
}

func mustProject(t *testing.T, f *apitest.Fixture, name string) tocsin.ID {
	t.Helper()
	p, err := f.Directory.CreateProject(t.Context(), f.System, name)
	if err != nil {
		t.Fatal(err)
	}
	return p.ID
}
