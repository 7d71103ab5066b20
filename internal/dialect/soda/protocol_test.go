package soda_test

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tocsin/internal/dialect/dialecttest"
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

// conform fails unless a reply is one that the protocol has.
func conform(t testing.TB, c dialecttest.Call, r dialecttest.Reply) {
	t.Helper()
	if got := r.Header.Get("Content-Type"); got != "application/json" {
		t.Errorf("%s %s: Content-Type %q, want application/json", c.Method, c.Path, got)
	}
	if id := r.Header.Get("X-Soda-Trace-Id"); id == "" || id != r.Header.Get("X-Request-Id") {
		t.Errorf("%s %s: X-Soda-Trace-Id %q is not the request id %q", c.Method, c.Path, id, r.Header.Get("X-Request-Id"))
	}
	challenge := r.Header.Get("WWW-Authenticate")
	if want := `Basic realm="Tocsin", charset="UTF-8"`; (r.Status == 401) != (challenge == want) {
		t.Errorf("%s %s: status %d with WWW-Authenticate %q; a 401, and nothing else, has %q", c.Method, c.Path, r.Status, challenge, want)
	}
	if seconds, err := strconv.Atoi(r.Header.Get("Retry-After")); r.Status == 429 && (err != nil || seconds < 1) {
		t.Errorf("%s %s: 429 with Retry-After %q, want a whole number of seconds from 1", c.Method, c.Path, r.Header.Get("Retry-After"))
	}
	path, _, _ := strings.Cut(c.Path, "?")
	switch {
	case c.Method == "HEAD":
	case r.Status != 200:
		conformError(t, r)
	case path == "/api/v1/test-login":
		membersAre(t, r.Body, "organisationName")
	case path == "/api/v1/incidents" && c.Method == "GET":
		conformPage(t, r.Body)
	default:
		conformIncident(t, r.Body)
	}
}

func conformError(t testing.TB, r dialecttest.Reply) {
	t.Helper()
	membersAre(t, r.Body, "code", "message")
	e := dialecttest.Decode[errorBody](t, r.Body)
	if want, ok := errorCodes()[r.Status]; !ok || e.Code != want || e.Message == "" {
		t.Errorf("status %d with %s: the protocol has no such error", r.Status, r.Body)
	}
}

func conformPage(t testing.TB, body string) {
	t.Helper()
	membersAre(t, body, "content", "first", "last", "number", "size", "totalElements", "totalPages")
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
	i := dialecttest.Decode[incidentBody](t, body)
	want := []string{"id", "number", "name", "description", "severity", "status", "cloudUrl"}
	if i.ResolutionNotes != nil {
		want = append(want, "resolutionNotes")
		if *i.ResolutionNotes == "" {
			t.Errorf("resolutionNotes is there without any notes: %s", body)
		}
	}
	membersAre(t, body, want...)
	if i.Number < 1 || i.Number > math.MaxInt32 {
		t.Errorf("number %d is no int32 from 1", i.Number)
	}
	if !slices.Contains([]string{"minor", "major", "critical"}, i.Severity) {
		t.Errorf("the protocol has no severity %q", i.Severity)
	}
	if !slices.Contains([]string{"reported", "investigating", "fixing", "resolved"}, i.Status) {
		t.Errorf("the protocol has no status %q", i.Status)
	}
	if i.CloudURL != dialecttest.PublicURL+"/incidents/"+i.ID {
		t.Errorf("cloudUrl %q does not lead to the incident's page", i.CloudURL)
	}
}

// membersAre fails unless body is an object with just those members, none null.
func membersAre(t testing.TB, body string, names ...string) {
	t.Helper()
	for name, value := range dialecttest.Members(t, body, names...) {
		if string(value) == "null" {
			t.Errorf("member %s is null; the protocol leaves out what there is not", name)
		}
	}
}
