package soda_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBadBodyIsRefusedWhole(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.incident(t)
	tests := map[string]string{
		"empty":                    ``,
		"only spaces":              `   `,
		"null":                     `null`,
		"array":                    `[]`,
		"string":                   `"x"`,
		"number":                   `1`,
		"true":                     `true`,
		"duplicate key":            `{"severity":"minor","severity":"critical"}`,
		"duplicate, escaped":       `{"severity":"minor","sever\u0069ty":"critical"}`,
		"duplicate unknown key":    `{"a":1,"a":2,"title":"T"}`,
		"two objects":              `{"severity":"minor"} {"severity":"critical"}`,
		"trailing text":            `{"severity":"minor"}xyz`,
		"invalid UTF-8":            "{\"title\":\"\xff\"}",
		"overlong UTF-8":           "{\"title\":\"\xc0\xaf\"}",
		"surrogate in UTF-8":       "{\"title\":\"\xed\xa0\x80\"}",
		"lone high surrogate":      `{"title":"\ud800"}`,
		"swapped surrogates":       `{"title":"\udc00\ud800"}`,
		"lone in an unknown value": `{"x":"\ud800","title":"T"}`,
		"U+0000":                   `{"title":"a\u0000b"}`,
		"U+0000 in description":    `{"description":"\u0000"}`,
		"raw tab":                  "{\"title\":\"a\tb\"}",
		"raw newline":              "{\"title\":\"a\nb\"}",
		"single quotes":            `{'title':'x'}`,
		"comment":                  `{"title":"x"/**/}`,
		"trailing comma":           `{"title":"x",}`,
		"NaN":                      `{"x":NaN}`,
		"hexadecimal":              `{"x":0x1}`,
		"leading zero":             `{"x":01}`,
		"no digit before point":    `{"x":.5}`,
		"plus":                     `{"x":+1}`,
		"byte order mark":          "\ufeff{}",
		"UTF-16":                   "\xff\xfe{\x00}\x00",
		"deep lists":               strings.Repeat("[", 10_001),
		"deep objects":             strings.Repeat(`{"a":`, 100_000),
		"too deep, well formed":    `{"x":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + `}`,
		"over 1 MiB":               `{"title":"` + strings.Repeat("t", 1<<20) + `"}`,
		"digits over 1 MiB":        `{"x":` + strings.Repeat("1", 1<<20) + `}`,
	}
	before := f.state(t, id)
	for name, body := range tests {
		t.Run(name, func(t *testing.T) {
			wantError(t, f.update(t, id, body), 400, "invalid_request")
			if diff := cmp.Diff(before, f.state(t, id)); diff != "" {
				t.Errorf("a refused update left something (-before +after):\n%s", diff)
			}
		})
	}
}

func TestBadValueIsRefusedByName(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.incident(t)
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
	before := f.state(t, id)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			wantError(t, f.update(t, id, tt.body), 400, "invalid_request", tt.names...)
			if diff := cmp.Diff(before, f.state(t, id)); diff != "" {
				t.Errorf("a refused update left something (-before +after):\n%s", diff)
			}
		})
	}
}

func TestRefusalEchoesNothingOfTheRequest(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.incident(t)
	for _, c := range []call{
		{method: "POST", path: incidentPath(id), body: `{"severity":"canary"}`},
		{method: "POST", path: incidentPath(id), body: `{"canary":canary}`},
		{method: "POST", path: incidentPath(id), body: `{"canary":1,"canary":2}`},
		{method: "POST", path: "/api/v1/incidents/canary", body: `{}`},
		{method: "GET", path: "/api/v1/incidents?status=canary&page=canary&from=canary&incidentIds=canary"},
		{method: "GET", path: "/api/v1/incidents?canary=%zz"},
		{method: "GET", path: "/api/v1/canary"},
	} {
		c.key = f.admin
		if r := f.do(t, c); strings.Contains(r.body, "canary") || r.status < 400 || r.status > 404 {
			t.Errorf("%s %s %s: got %d %s, want a refusal without the request's own text", c.method, c.path, c.body, r.status, r.body)
		}
	}
}

func TestMalformedIDIsLikeAnUnknownOne(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.incident(t)
	unknown := f.do(t, call{method: "POST", path: "/api/v1/incidents/9d1b0b5e-0000-7000-8000-00000000ffff", body: `{}`, key: f.admin})
	wantError(t, unknown, 404, "incident_not_found")
	for _, text := range []string{
		"%2e%2e", "1%2f2", "%00", "%0d%0a", "null", "undefined", "0", "-1", "*", "'%20OR%201=1--", "%F0%9F%94%A5", "%ff",
		"00000000-0000-0000-0000-000000000000", strings.Repeat("9", 10_000),
		"{" + id.String() + "}", "urn:uuid:" + id.String(), id.String()[1:], strings.ReplaceAll(id.String(), "-", ""), id.String() + "%20",
	} {
		r := f.do(t, call{method: "POST", path: "/api/v1/incidents/" + text, body: `{"title":"T"}`, key: f.admin})
		if r.status != 404 || r.body != unknown.body {
			t.Errorf("id %.60s: got %d %s, want the 404 of an unknown id", text, r.status, r.body)
		}
	}
	upper := f.do(t, call{method: "POST", path: "/api/v1/incidents/" + strings.ToUpper(id.String()), body: `{}`, key: f.admin})
	if upper.status != 200 || decode[incidentBody](t, upper.body).ID != id.String() {
		t.Errorf("an id in upper case: got %d %s, want the incident with its id in lower case", upper.status, upper.body)
	}
}

func TestRouteAndMethodComeFirst(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.incident(t)
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
		r := f.do(t, call{method: tt.method, path: tt.path})
		wantError(t, r, 405, "invalid_request")
		if got := r.header.Get("Allow"); got != tt.allow {
			t.Errorf("%s %s: Allow %q, want %q", tt.method, tt.path, got, tt.allow)
		}
	}
	for _, path := range []string{
		"/api/v1", "/api/v1/", "/api/v1/nothing", "/api/v1//incidents", "/api/v1/./incidents", "/api/v1/x/../incidents",
		"/api/v1/incidents/", incidentPath(id) + "/", incidentPath(id) + "/links", "/api/v1/Incidents",
	} {
		wantError(t, f.do(t, call{method: "POST", path: path, body: `{}`}), 404, "incident_not_found")
	}
}

func TestHugeBodyIsRefusedUnread(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.incident(t)
	before := f.state(t, id)
	r := f.update(t, id, `{"x":"`+strings.Repeat("x", 8<<20)+`"}`)
	wantError(t, r, 400, "invalid_request", strconv.Itoa(1<<20))
	if diff := cmp.Diff(before, f.state(t, id)); diff != "" {
		t.Errorf("a refused update left something (-before +after):\n%s", diff)
	}
	wantStatus(t, f.update(t, id, `{"x":"`+strings.Repeat("x", 1<<20-8)+`"}`), 200)
}
