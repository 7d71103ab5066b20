package soda_test

import (
	"strconv"
	"strings"
	"testing"

	"tocsin/internal/dialect/dialecttest"
)

func TestBadBodyIsRefusedWhole(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.Incident(t)
	before := f.State(t, id)
	for name, body := range dialecttest.MalformedBodies("title") {
		t.Run(name, func(t *testing.T) {
			wantError(t, f.update(t, id, body), 400, "invalid_request")
			dialecttest.Unchanged(t, before, f.State(t, id))
		})
	}
}

func TestBadValueIsRefusedByName(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.Incident(t)
	tests := map[string]struct {
		body  string
		names []string
	}{
		"severity with capital":      {`{"severity":"Critical"}`, []string{"severity", "minor, major, critical"}},
		"severity with space":        {`{"severity":"critical "}`, []string{"severity"}},
		"severity empty":             {`{"severity":""}`, []string{"severity"}},
		"severity cut":               {`{"severity":"warn"}`, []string{"severity"}},
		"severity full width":        {`{"severity":"ｍinor"}`, []string{"severity"}},
		"severity zero width":        {`{"severity":"minor\u200b"}`, []string{"severity"}},
		"severity warning":           {`{"severity":"warning"}`, []string{"severity"}},
		"severity number":            {`{"severity":1}`, []string{"severity"}},
		"severity huge number":       {`{"severity":1e999}`, []string{"severity"}},
		"severity bool":              {`{"severity":true}`, []string{"severity"}},
		"severity object":            {`{"severity":{}}`, []string{"severity"}},
		"severity list":              {`{"severity":["critical"]}`, []string{"severity"}},
		"status closed":              {`{"status":"closed"}`, []string{"status", "reported, investigating, fixing, resolved"}},
		"status open":                {`{"status":"open"}`, []string{"status"}},
		"status opened":              {`{"status":"opened"}`, []string{"status"}},
		"status with capital":        {`{"status":"Resolved"}`, []string{"status"}},
		"status number":              {`{"status":2}`, []string{"status"}},
		"title empty":                {`{"title":""}`, []string{"title", "blank"}},
		"title of spaces":            {`{"title":" \t\u00a0\u3000"}`, []string{"title", "blank"}},
		"title number":               {`{"title":5}`, []string{"title"}},
		"description number":         {`{"description":5}`, []string{"description"}},
		"description object":         {`{"description":{"a":1}}`, []string{"description"}},
		"notes bool":                 {`{"resolutionNotes":false}`, []string{"resolutionNotes"}},
		"one good, one bad":          {`{"title":"Good","severity":"bad"}`, []string{"severity"}},
		"all bad, all named at once": {`{"title":"","description":1,"severity":"x","status":"x","resolutionNotes":[]}`, []string{"title", "description", "severity", "status", "resolutionNotes"}},
	}
	before := f.State(t, id)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			wantError(t, f.update(t, id, tt.body), 400, "invalid_request", tt.names...)
			dialecttest.Unchanged(t, before, f.State(t, id))
		})
	}
}

func TestRefusalEchoesNothingOfTheRequest(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.Incident(t)
	for _, c := range []dialecttest.Call{
		{Method: "POST", Path: incidentPath(id), Body: `{"severity":"canary"}`},
		{Method: "POST", Path: incidentPath(id), Body: `{"canary":canary}`},
		{Method: "POST", Path: incidentPath(id), Body: `{"canary":1,"canary":2}`},
		{Method: "POST", Path: "/api/v1/incidents/canary", Body: `{}`},
		{Method: "GET", Path: "/api/v1/incidents?status=canary&page=canary&from=canary&incidentIds=canary"},
		{Method: "GET", Path: "/api/v1/incidents?canary=%zz"},
		{Method: "GET", Path: "/api/v1/canary"},
	} {
		c.Key = f.Admin
		if r := f.Do(t, c); strings.Contains(r.Body, "canary") || r.Status < 400 || r.Status > 404 {
			t.Errorf("%s %s %s: got %d %s, want a refusal without the request's own text", c.Method, c.Path, c.Body, r.Status, r.Body)
		}
	}
}

func TestMalformedIDIsLikeAnUnknownOne(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.Incident(t)
	unknown := f.Do(t, dialecttest.Call{Method: "POST", Path: "/api/v1/incidents/" + dialecttest.UnknownID, Body: `{}`, Key: f.Admin})
	wantError(t, unknown, 404, "incident_not_found")
	for _, text := range dialecttest.MalformedIDs(id) {
		r := f.Do(t, dialecttest.Call{Method: "POST", Path: "/api/v1/incidents/" + text, Body: `{"title":"T"}`, Key: f.Admin})
		if r.Status != 404 || r.Body != unknown.Body {
			t.Errorf("id %.60s: got %d %s, want the 404 of an unknown id", text, r.Status, r.Body)
		}
	}
	upper := f.Do(t, dialecttest.Call{Method: "POST", Path: "/api/v1/incidents/" + strings.ToUpper(id.String()), Body: `{}`, Key: f.Admin})
	if upper.Status != 200 || dialecttest.Decode[incidentBody](t, upper.Body).ID != id.String() {
		t.Errorf("an id in upper case: got %d %s, want the incident with its id in lower case", upper.Status, upper.Body)
	}
}

func TestRouteAndMethodComeFirst(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.Incident(t)
	for _, tt := range []struct {
		method, path, allow string
	}{
		{"GET", incidentPath(id), "POST"},
		{"PATCH", incidentPath(id), "POST"},
		{"DELETE", incidentPath(id), "POST"},
		{"TRACE", incidentPath(id), "POST"},
		{"put", incidentPath(id), "POST"},
		{"POST", "/api/v1/test-login", "GET, HEAD"},
		{"DELETE", "/api/v1/incidents", "GET, HEAD, POST"},
	} {
		r := f.Do(t, dialecttest.Call{Method: tt.method, Path: tt.path})
		wantError(t, r, 405, "invalid_request")
		if got := r.Header.Get("Allow"); got != tt.allow {
			t.Errorf("%s %s: Allow %q, want %q", tt.method, tt.path, got, tt.allow)
		}
	}
	for _, path := range []string{
		"/api/v1", "/api/v1/", "/api/v1/nothing", "/api/v1//incidents", "/api/v1/./incidents", "/api/v1/x/../incidents",
		"/api/v1/incidents/", incidentPath(id) + "/", incidentPath(id) + "/links", "/api/v1/Incidents",
	} {
		wantError(t, f.Do(t, dialecttest.Call{Method: "POST", Path: path, Body: `{}`}), 404, "incident_not_found")
	}
}

func TestHugeBodyIsRefusedUnread(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.Incident(t)
	before := f.State(t, id)
	r := f.update(t, id, `{"x":"`+strings.Repeat("x", 8<<20)+`"}`)
	wantError(t, r, 400, "invalid_request", strconv.Itoa(1<<20))
	dialecttest.Unchanged(t, before, f.State(t, id))
	dialecttest.WantStatus(t, f.update(t, id, `{"x":"`+strings.Repeat("x", 1<<20-8)+`"}`), 200)
}
