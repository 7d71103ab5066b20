package attack_test

import (
	"slices"
	"strings"
	"testing"
)

// A problem is an error of the native API (RFC 9457).
type problem struct {
	Type, Title, Detail, Code string
	Status                    int
	RequestID                 string `json:"request_id"`
	Errors                    []struct {
		Pointer, Parameter *string
		Code, Message      string
	}
}

// hasProblem checks the error shape of the native API.
func hasProblem(t *testing.T, r reply) {
	t.Helper()
	most := []string{"available_transitions", "code", "current", "detail", "errors", "moved", "request_id", "status", "title", "type"}
	got := keys(t, r.body)
	for _, name := range got {
		if !slices.Contains(most, name) {
			t.Errorf("the problem has the member %s, which no problem has", name)
		}
	}
	p := decode[problem](t, r.body)
	want := map[int][]string{
		400: {"bad_request"}, 401: {"unauthenticated"}, 403: {"forbidden"}, 404: {"not_found"}, 405: {"method_not_allowed"}, 409: {"conflict"}, 412: {"stale"},
		413: {"too_large"}, 415: {"unsupported_media_type"}, 422: {"invalid", "idempotency_key_reused"}, 428: {"precondition_required"}, 429: {"rate_limited"},
	}[r.status]
	if p.Status != r.status || !slices.Contains(want, p.Code) || p.Title == "" || p.Detail == "" {
		t.Errorf("status %d came with %s; should have the same status, one of the codes %v, a title and a detail", r.status, r.body, want)
	}
	if !strings.HasPrefix(p.Type, "http") || !strings.HasSuffix(p.Type, "/docs/errors#"+p.Code) {
		t.Errorf("the type is %q, should be an address that ends in /docs/errors#%s", p.Type, p.Code)
	}
	if p.RequestID == "" || p.RequestID != r.header.Get("X-Request-Id") {
		t.Errorf("request_id is %q and X-Request-Id %q, should be the same", p.RequestID, r.header.Get("X-Request-Id"))
	}
	if r.header.Get("Cache-Control") != "no-store" || r.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("the headers are %v, should have no-store and nosniff", r.header)
	}
	if (r.status == 412) != slices.Contains(got, "current") {
		t.Errorf("the object as it is goes with 412 and nothing else: %d %s", r.status, r.body)
	}
	for _, e := range p.Errors {
		if e.Pointer != nil && e.Parameter != nil || e.Code == "" || e.Message == "" {
			t.Errorf("an error should have a code, a message, and a pointer or a parameter but not both: %s", r.body)
		}
	}
}

// points checks that a refusal has the status and points at these members of
// the body, sorted, and at nothing else.
func points(status int, at ...string) func(*testing.T, *site, reply) {
	return func(t *testing.T, _ *site, r reply) {
		t.Helper()
		if r.status != status {
			t.Errorf("the answer is %d, should be %d", r.status, status)
		}
		var got []string
		for _, e := range decode[problem](t, r.body).Errors {
			switch {
			case e.Pointer != nil:
				got = append(got, *e.Pointer)
			case e.Parameter != nil:
				got = append(got, "parameter "+*e.Parameter)
			default:
				got = append(got, "nothing")
			}
		}
		if slices.Sort(at); !slices.Equal(got, at) {
			t.Errorf("the problem points at %q, should point at %q: %s", got, at, r.body)
		}
	}
}

// pointsInto checks that a refusal has the status and points at these fields of
// the body, or at what is in them, and at nothing else.
func pointsInto(status int, fields ...string) func(*testing.T, *site, reply) {
	return func(t *testing.T, _ *site, r reply) {
		t.Helper()
		var got []string
		for _, e := range decode[problem](t, r.body).Errors {
			if e.Pointer != nil {
				field, _, _ := strings.Cut(strings.TrimPrefix(*e.Pointer, "/"), "/")
				got = append(got, field)
			}
		}
		slices.Sort(got)
		got = slices.Compact(got)
		if slices.Sort(fields); r.status != status || !slices.Equal(got, fields) {
			t.Errorf("the answer is %d and points into %q, should be %d and point into %q", r.status, got, status, fields)
		}
	}
}

// parameters checks that a refusal has the status and names these parameters of
// the query, sorted, and nothing else.
func parameters(status int, named ...string) func(*testing.T, *site, reply) {
	for i, name := range named {
		named[i] = "parameter " + name
	}
	return points(status, named...)
}
