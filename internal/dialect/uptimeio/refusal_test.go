package uptimeio_test

import (
	"strings"
	"testing"

	"tocsin/internal/dialect/dialecttest"

	"github.com/google/go-cmp/cmp"
)

func TestBadBodyIsRefusedWhole(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.Incident(t)
	before := f.State(t, id)
	for name, body := range dialecttest.MalformedBodies("error_message") {
		t.Run(name, func(t *testing.T) {
			wantError(t, f.update(t, id, body), 400, "body")
			dialecttest.Unchanged(t, before, f.State(t, id))
		})
	}
}

func TestEveryBodyIsReadByTheSameRules(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.Incident(t)
	before := f.State(t, id)
	for _, c := range []dialecttest.Call{
		{Method: "PUT", Path: incidentPath(id, "status")},
		{Method: "POST", Path: incidentPath(id, "updates")},
		{Method: "POST", Path: "/api/incidents"},
	} {
		c.Key = f.editor
		for _, body := range []string{``, `null`, `[]`, `{"message":"a","message":"b"}`, `{"message":"\ud800"}`, `{"note":"\u0000"}`, `{"x":"` + strings.Repeat("x", 1<<20) + `"}`} {
			c.Body = body
			wantError(t, f.Do(t, c), 400, "body")
		}
	}
	dialecttest.Unchanged(t, before, f.State(t, id))
}

func TestBadValueIsRefusedByName(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.Incident(t)
	const (
		severity = "severity must be one of: critical, major, minor, warning"
		text     = "error_message must be a string"
		long     = "error_message must be at most 1000 characters"
		list     = "affected_regions must be an array of strings"
		names    = "affected_regions must hold names of 1 to 255 characters"
		many     = "affected_regions must have at most 100 regions"
	)
	of := func(name, message string) map[string]string { return map[string]string{name: message} }
	regions := func(s string) string { return `{"affected_regions":` + s + `}` }
	tests := map[string]struct {
		body    string
		details map[string]string
	}{
		"severity with capital":    {`{"severity":"Critical"}`, of("severity", severity)},
		"severity with space":      {`{"severity":"critical "}`, of("severity", severity)},
		"severity empty":           {`{"severity":""}`, of("severity", severity)},
		"severity cut":             {`{"severity":"warn"}`, of("severity", severity)},
		"severity full width":      {`{"severity":"ｍinor"}`, of("severity", severity)},
		"severity zero width":      {`{"severity":"minor\u200b"}`, of("severity", severity)},
		"severity null":            {`{"severity":null}`, of("severity", severity)},
		"severity number":          {`{"severity":1}`, of("severity", severity)},
		"severity huge number":     {`{"severity":1e999}`, of("severity", severity)},
		"severity bool":            {`{"severity":true}`, of("severity", severity)},
		"severity object":          {`{"severity":{}}`, of("severity", severity)},
		"severity list":            {`{"severity":["critical"]}`, of("severity", severity)},
		"message null":             {`{"error_message":null}`, of("error_message", text)},
		"message number":           {`{"error_message":5}`, of("error_message", text)},
		"message list":             {`{"error_message":["a"]}`, of("error_message", text)},
		"message of 1001":          {`{"error_message":"` + strings.Repeat("e", 1001) + `"}`, of("error_message", long)},
		"message of 1001 emoji":    {`{"error_message":"` + strings.Repeat("🔥", 1001) + `"}`, of("error_message", long)},
		"regions null":             {regions(`null`), of("affected_regions", list)},
		"regions text":             {regions(`"eu"`), of("affected_regions", list)},
		"regions object":           {regions(`{}`), of("affected_regions", list)},
		"regions of a number":      {regions(`[1]`), of("affected_regions", list)},
		"regions of null":          {regions(`[null]`), of("affected_regions", list)},
		"regions, one of null":     {regions(`["eu",null]`), of("affected_regions", list)},
		"regions in a list":        {regions(`[["a"]]`), of("affected_regions", list)},
		"regions of nothing":       {regions(`[""]`), of("affected_regions", names)},
		"regions, one of nothing":  {regions(`["eu",""]`), of("affected_regions", names)},
		"a region of 256":          {regions(`["` + strings.Repeat("é", 256) + `"]`), of("affected_regions", names)},
		"a region of 10 KB":        {regions(`["` + strings.Repeat("r", 10_000) + `"]`), of("affected_regions", names)},
		"101 regions":              {regions(`["eu"` + strings.Repeat(`,"eu"`, 100) + `]`), of("affected_regions", many)},
		"half a million regions":   {regions(`[1` + strings.Repeat(`,1`, 500_000) + `]`), of("affected_regions", list)},
		"one good, one bad":        {`{"error_message":"Good","severity":"bad"}`, of("severity", severity)},
		"one unchanged, one bad":   {`{"severity":"major","error_message":1}`, of("error_message", text)},
		"every one, in one answer": {`{"severity":"bad","error_message":1,"affected_regions":[""]}`, map[string]string{"severity": severity, "error_message": text, "affected_regions": names}},
	}
	before := f.State(t, id)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := f.update(t, id, tt.body)
			dialecttest.WantStatus(t, r, 400)
			if diff := cmp.Diff(tt.details, detailsOf(t, r)); diff != "" {
				t.Errorf("the details (-want +got):\n%s", diff)
			}
			dialecttest.Unchanged(t, before, f.State(t, id))
		})
	}
}

func TestRefusalEchoesNothingOfTheRequest(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.Incident(t)
	for _, c := range []dialecttest.Call{
		{Method: "PUT", Path: incidentPath(id), Body: `{"severity":"canary"}`},
		{Method: "PUT", Path: incidentPath(id), Body: `{"canary":canary}`},
		{Method: "PUT", Path: incidentPath(id), Body: `{"canary":1,"canary":2}`},
		{Method: "PUT", Path: "/api/incidents/canary", Body: `{}`},
		{Method: "PUT", Path: incidentPath(id, "status"), Body: `{"status":"canary","assignee_id":"canary"}`},
		{Method: "POST", Path: "/api/incidents", Body: draft(map[string]any{"type": "canary", "source": "canary", "started_at": "canary", "check_id": "canary"})},
		{Method: "GET", Path: "/api/incidents?status=canary&page=canary&sort_by=canary&check_id=canary"},
		{Method: "GET", Path: "/api/incidents?canary=%zz"},
		{Method: "GET", Path: incidentPath(id, "canary")},
	} {
		c.Key = f.editor
		if r := f.Do(t, c); strings.Contains(r.Body, "canary") || r.Status < 400 || r.Status > 404 {
			t.Errorf("%s %s %s: got %d %s, want a refusal without the request's own text", c.Method, c.Path, c.Body, r.Status, r.Body)
		}
	}
}

func TestMalformedIDIsLikeAnUnknownOne(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.Incident(t)
	before := f.State(t, id)
	unknown := f.Do(t, dialecttest.Call{Method: "PUT", Path: "/api/incidents/" + dialecttest.UnknownID, Body: `{}`, Key: f.editor})
	wantError(t, unknown, 404)
	for _, text := range dialecttest.MalformedIDs(id) {
		for _, o := range operations("/api/incidents/" + text) {
			if r := f.Do(t, o.by(f.editor)); r.Status != 404 || r.Body != unknown.Body {
				t.Errorf("%s of id %.60s: got %d %s, want the 404 of an unknown id", o.name, text, r.Status, r.Body)
			}
		}
	}
	dialecttest.Unchanged(t, before, f.State(t, id))
	for _, o := range operations("/api/incidents/" + strings.ToUpper(id.String())) {
		r := f.Do(t, o.by(f.editor))
		if r.Status != o.status || strings.Contains(r.Body, strings.ToUpper(id.String())) {
			t.Errorf("%s of an id in upper case: got %d %s, want the incident with its id in lower case", o.name, r.Status, r.Body)
		}
	}
}

func TestRouteAndMethodComeFirst(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	path := incidentPath(f.Incident(t))
	for _, tt := range []struct{ method, path, allow string }{
		{"POST", path, "GET, HEAD, PUT"},
		{"PATCH", path, "GET, HEAD, PUT"},
		{"DELETE", path, "GET, HEAD, PUT"},
		{"TRACE", path, "GET, HEAD, PUT"},
		{"put", path, "GET, HEAD, PUT"},
		{"GET", path + "/status", "PUT"},
		{"POST", path + "/status", "PUT"},
		{"GET", path + "/acknowledge", "POST"},
		{"PUT", path + "/acknowledge", "POST"},
		{"DELETE", path + "/updates", "GET, HEAD, POST"},
		{"PUT", "/api/incidents", "GET, HEAD, POST"},
	} {
		r := f.Do(t, dialecttest.Call{Method: tt.method, Path: tt.path})
		wantError(t, r, 405)
		if got := r.Header.Get("Allow"); got != tt.allow {
			t.Errorf("%s %s: Allow %q, want %q", tt.method, tt.path, got, tt.allow)
		}
	}
	for _, path := range []string{
		"/api/incidents/", path + "/", path + "/status/", path + "/comments", path + "/updates/1", "/api//incidents", "/api/./incidents",
		"/api/incidents/x/..", "/api/Incidents", "/api/incidents/bulk/close/all",
	} {
		wantError(t, f.Do(t, dialecttest.Call{Method: "PUT", Path: path, Body: `{}`}), 404)
	}
}

func TestHugeBodyIsRefusedUnread(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.Incident(t)
	before := f.State(t, id)
	wantError(t, f.update(t, id, `{"x":"`+strings.Repeat("x", 8<<20)+`"}`), 400, "body")
	dialecttest.Unchanged(t, before, f.State(t, id))
	dialecttest.WantStatus(t, f.update(t, id, `{"x":"`+strings.Repeat("x", 1<<20-8)+`"}`), 200)
}

func TestUnauthenticatedComesBeforeABadBody(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.Incident(t)
	for _, o := range operations(incidentPath(id)) {
		o.call.Body = `{"severity":`
		wantError(t, f.Do(t, o.call), 401)
	}
}
