package soda_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The protocol's schemas, restated: what the server may send and nothing else.

type errorBody struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

type incidentBody struct {
	ID              string  `json:"id"`
	Number          int64   `json:"number"`
	Name            string  `json:"name"`
	Description     string  `json:"description"`
	Severity        string  `json:"severity"`
	Status          string  `json:"status"`
	CloudURL        string  `json:"cloudUrl"`
	ResolutionNotes *string `json:"resolutionNotes"`
}

type pageBody struct {
	Content       []incidentBody `json:"content"`
	First         bool           `json:"first"`
	Last          bool           `json:"last"`
	Number        int            `json:"number"`
	Size          int            `json:"size"`
	TotalElements int            `json:"totalElements"`
	TotalPages    int            `json:"totalPages"`
}

// errorCodes lists the codes, by status, that the protocol has.
func errorCodes() map[int]string {
	return map[int]string{
		400: "invalid_request", 401: "unauthorized", 403: "forbidden", 404: "incident_not_found",
		405: "invalid_request", 429: "too_many_requests", 500: "internal_error",
	}
}

// decode reads JSON that must have no other members than T.
func decode[T any](t testing.TB, body string) (v T) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("the body is not what the protocol has: %v\n%s", err, body)
	}
	return v
}

// conform fails unless a reply is one that the protocol has.
func conform(t testing.TB, c call, r reply) {
	t.Helper()
	if got := r.header.Get("Content-Type"); got != "application/json" {
		t.Errorf("%s %s: Content-Type %q, want application/json", c.method, c.path, got)
	}
	if id := r.header.Get("X-Soda-Trace-Id"); id == "" || id != r.header.Get("X-Request-Id") {
		t.Errorf("%s %s: X-Soda-Trace-Id %q is not the request id %q", c.method, c.path, id, r.header.Get("X-Request-Id"))
	}
	challenge := r.header.Get("WWW-Authenticate")
	if want := `Basic realm="Tocsin", charset="UTF-8"`; (r.status == 401) != (challenge == want) {
		t.Errorf("%s %s: status %d with WWW-Authenticate %q; a 401, and nothing else, has %q", c.method, c.path, r.status, challenge, want)
	}
	if seconds, err := strconv.Atoi(r.header.Get("Retry-After")); r.status == 429 && (err != nil || seconds < 1) {
		t.Errorf("%s %s: 429 with Retry-After %q, want a whole number of seconds from 1", c.method, c.path, r.header.Get("Retry-After"))
	}
	path, _, _ := strings.Cut(c.path, "?")
	switch {
	case c.method == "HEAD":
	case r.status != 200:
		conformError(t, r)
	case path == "/api/v1/test-login":
		keysAre(t, r.body, "organisationName")
	case path == "/api/v1/incidents" && c.method == "GET":
		conformPage(t, r.body)
	default:
		conformIncident(t, r.body)
	}
}

func conformError(t testing.TB, r reply) {
	t.Helper()
	keysAre(t, r.body, "code", "message")
	e := decode[errorBody](t, r.body)
	if want, ok := errorCodes()[r.status]; !ok || e.Code != want || e.Message == "" {
		t.Errorf("status %d with %s: the protocol has no such error", r.status, r.body)
	}
}

func conformPage(t testing.TB, body string) {
	t.Helper()
	keysAre(t, body, "content", "first", "last", "number", "size", "totalElements", "totalPages")
	var page struct{ Content []json.RawMessage }
	if err := json.Unmarshal([]byte(body), &page); err != nil || page.Content == nil {
		t.Errorf("content is not a list: %s", body)
	}
	for _, item := range page.Content {
		conformIncident(t, string(item))
	}
}

func conformIncident(t testing.TB, body string) {
	t.Helper()
	i := decode[incidentBody](t, body)
	want := []string{"id", "number", "name", "description", "severity", "status", "cloudUrl"}
	if i.ResolutionNotes != nil {
		want = append(want, "resolutionNotes")
		if *i.ResolutionNotes == "" {
			t.Errorf("resolutionNotes is there without any notes: %s", body)
		}
	}
	keysAre(t, body, want...)
	if i.Number < 1 || i.Number > math.MaxInt32 {
		t.Errorf("number %d is no int32 from 1", i.Number)
	}
	if !slices.Contains([]string{"minor", "major", "critical"}, i.Severity) {
		t.Errorf("the protocol has no severity %q", i.Severity)
	}
	if !slices.Contains([]string{"reported", "investigating", "fixing", "resolved"}, i.Status) {
		t.Errorf("the protocol has no status %q", i.Status)
	}
	if i.CloudURL != publicURL+"/incidents/"+i.ID {
		t.Errorf("cloudUrl %q does not lead to the incident's page", i.CloudURL)
	}
}

// keysAre fails unless body is an object with just those members, none null.
func keysAre(t testing.TB, body string, names ...string) {
	t.Helper()
	var object map[string]json.RawMessage
	if err := json.Unmarshal([]byte(body), &object); err != nil {
		t.Errorf("the body is not an object: %v\n%s", err, body)
		return
	}
	slices.Sort(names)
	if got := slices.Sorted(maps.Keys(object)); !slices.Equal(got, names) {
		t.Errorf("the body has the members %q, want %q", got, names)
	}
	for name, value := range object {
		if bytes.Equal(value, []byte("null")) {
			t.Errorf("member %s is null; the protocol leaves out what there is not", name)
		}
	}
}
