package httpkit_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"tocsin"
	"tocsin/internal/httpkit"
)

// say answers with its name and what the pattern's wildcards matched.
func say(name string, wildcards ...string) httpkit.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		answer := name
		for _, wildcard := range wildcards {
			answer += " " + wildcard + "=" + r.PathValue(wildcard)
		}
		_, err := io.WriteString(w, answer)
		return err
	}
}

func routes() []httpkit.Route {
	return []httpkit.Route{
		{Method: "GET", Pattern: "/api/incidents", Handle: say("list")},
		{Method: "POST", Pattern: "/api/incidents", Handle: say("create")},
		{Method: "PUT", Pattern: "/api/incidents/{id}", Handle: say("update", "id")},
		{Method: "GET", Pattern: "/docs/{$}", Handle: say("docs")},
		{Method: "GET", Pattern: "/static/{file...}", Handle: say("static", "file")},
		{Method: "GET", Pattern: "/tree/", Handle: say("tree")},
		{Method: "POST", Pattern: "/tree", Handle: say("plant")},
		{Method: "GET", Pattern: "/{page}", Handle: say("page", "page")},
	}
}

func TestMuxRoutesAndNeverRedirects(t *testing.T) {
	t.Parallel()
	k := start(t, nil, routes()...)
	const nothing = `{"refused":"there is nothing at this path"}`
	tests := []struct {
		method, target string
		status         int
		body, route    string
	}{
		{"GET", "/api/incidents", 200, "list", "GET /api/incidents"},
		{"GET", "/api/incidents?severity=critical&id=2", 200, "list", "GET /api/incidents"},
		{"PUT", "/api/incidents/7?id=8", 200, "update id=7", "PUT /api/incidents/{id}"},
		{"GET", "http://elsewhere.example/api/incidents", 200, "list", "GET /api/incidents"},
		{"GET", "/docs/", 200, "docs", "GET /docs/{$}"},
		{"GET", "/static/a/b.css", 200, "static file=a/b.css", "GET /static/{file...}"},
		{"GET", "/tree/leaf", 200, "tree", "GET /tree/"},
		{"POST", "/tree", 200, "plant", "POST /tree"},

		// 19: paths that are not clean.
		{"PUT", "/api//incidents/7", 404, nothing, "unmatched"},
		{"PUT", "//api/incidents/7", 404, nothing, "unmatched"},
		{"PUT", "/api/./incidents/7", 404, nothing, "unmatched"},
		{"PUT", "/api/x/../incidents/7", 404, nothing, "unmatched"},
		{"PUT", "/api/incidents/..", 404, nothing, "unmatched"},
		{"PUT", "/api/incidents/.", 404, nothing, "unmatched"},
		{"PUT", "/api/incidents/7/", 404, nothing, "unmatched"},
		{"PUT", "/api/incidents/7//", 404, nothing, "unmatched"},
		{"GET", "/api/incidents/", 404, nothing, "unmatched"},
		{"GET", "/docs", 404, nothing, "unmatched"},
		{"GET", "/docs//", 404, nothing, "unmatched"},
		{"GET", "/static", 404, nothing, "unmatched"},
		{"GET", "/static//a", 404, nothing, "unmatched"},
		{"GET", "/", 404, nothing, "unmatched"},
		{"GET", "/about", 200, "page page=about", "GET /{page}"},
		{"GET", "/no/where", 404, nothing, "unmatched"},
		{"OPTIONS", "*", 404, nothing, "unmatched"},
		{"CONNECT", "elsewhere.example:443", 404, nothing, "unmatched"},

		// 20, 21: the handler sees the id, decoded, as one segment.
		{"PUT", "/api/incidents/%2e%2e", 200, "update id=..", "PUT /api/incidents/{id}"},
		{"PUT", "/api/incidents/1%2f2", 200, "update id=1/2", "PUT /api/incidents/{id}"},
		{"PUT", "/api/incidents/%00%0d%0a", 200, "update id=\x00\r\n", "PUT /api/incidents/{id}"},
		{"PUT", "/api/incidents/" + strings.Repeat("9", 10_000), 200, "update id=" + strings.Repeat("9", 10_000), "PUT /api/incidents/{id}"},
	}
	for _, test := range tests {
		a := k.do(t, test.method+" "+test.target+" HTTP/1.1\r\nHost: x\r\n\r\n")
		if a.status != test.status || a.body != test.body {
			t.Errorf("%s %.80s is %d %.80q, want %d %.80q", test.method, test.target, a.status, a.body, test.status, test.body)
		}
		if l := k.logged(t); l["route"] != test.route || l["status"] != float64(test.status) {
			t.Errorf("%s %.80s is logged as route %v, status %v; want %s, %d", test.method, test.target, l["route"], l["status"], test.route, test.status)
		}
		if o := <-k.seen; o.route != test.route || o.status != test.status {
			t.Errorf("%s %.80s is observed as %+v, want %s, %d", test.method, test.target, o, test.route, test.status)
		}
	}
}

func TestAMethodThatAPathDoesNotHave(t *testing.T) {
	t.Parallel()
	k := start(t, nil, routes()...)
	tests := []struct{ method, target, allow string }{
		{"PATCH", "/api/incidents/7", "PUT"},
		{"GET", "/api/incidents/7", "PUT"},
		{"TRACE", "/api/incidents/7", "PUT"},
		{"put", "/api/incidents/7", "PUT"},
		{"DELETE", "/api/incidents", "GET, HEAD, POST"},
		{"OPTIONS", "/api/incidents", "GET, HEAD, POST"},
		{"GET", "/tree", "POST"},
		{"POST", "/tree/", "GET, HEAD"},
	}
	for _, test := range tests {
		a := k.do(t, test.method+" "+test.target+" HTTP/1.1\r\nHost: x\r\nX-HTTP-Method-Override: PUT\r\n\r\n")
		if a.status != 405 || a.header.Get("Allow") != test.allow {
			t.Errorf("%s %s is %d with Allow %q, want 405 with %q", test.method, test.target, a.status, a.header.Get("Allow"), test.allow)
		}
		if want := `{"refused":"this path has no such method; it has ` + test.allow + `"}`; a.body != want {
			t.Errorf("%s %s has the body %s, want the dialect's own: %s", test.method, test.target, a.body, want)
		}
	}
}

func TestAMethodErrorIsInvalid(t *testing.T) {
	t.Parallel()
	if code := tocsin.CodeOf(&httpkit.MethodError{}); code != tocsin.Invalid {
		t.Errorf("the code is %q, want %q", code, tocsin.Invalid)
	}
}

func TestGetServesHead(t *testing.T) {
	t.Parallel()
	k := start(t, nil, routes()...)
	if a := k.do(t, "HEAD /api/incidents HTTP/1.1\r\nHost: x\r\n\r\n"); a.status != 200 || a.body != "" {
		t.Errorf("HEAD is %d %q, want 200 without a body", a.status, a.body)
	}
}

func TestAMethodOverrideIsIgnored(t *testing.T) {
	t.Parallel()
	k := start(t, nil, routes()...)
	a := k.do(t, "POST /api/incidents?_method=PUT HTTP/1.1\r\nHost: x\r\nX-HTTP-Method-Override: DELETE\r\nContent-Length: 0\r\n\r\n")
	if a.body != "create" {
		t.Errorf("the answer is %d %q, want that of the method itself", a.status, a.body)
	}
}

func TestHandlerErrorsAreRenderedInTheDialectsShape(t *testing.T) {
	t.Parallel()
	failing := func(err error) httpkit.Handler {
		return func(http.ResponseWriter, *http.Request) error { return err }
	}
	k := start(
		t, nil,
		httpkit.Route{Method: "GET", Pattern: "/conflict", Handle: failing(tocsin.Errorf(tocsin.Conflict, "taken"))},
		httpkit.Route{Method: "GET", Pattern: "/internal", Handle: failing(errors.New("disk on fire"))},
	)
	if a := k.do(t, "GET /conflict HTTP/1.1\r\nHost: x\r\n\r\n"); a.status != 409 || a.body != `{"refused":"taken"}` {
		t.Errorf("a coded error is %d %s, want 409 and its message", a.status, a.body)
	}
	if l := k.logged(t); l["level"] != "INFO" || l["error"] != "taken" {
		t.Errorf("a refusal is logged as %v, want level INFO with its error", l)
	}
	if a := k.do(t, "GET /internal HTTP/1.1\r\nHost: x\r\n\r\n"); a.status != 500 || strings.Contains(a.body, "fire") {
		t.Errorf("an error without a code is %d %s, want 500 without its text", a.status, a.body)
	}
	if l := k.logged(t); l["level"] != "ERROR" || l["error"] != "disk on fire" {
		t.Errorf("a fault is logged as %v, want level ERROR with its error", l)
	}
}

func TestAnAnswerThatFailsHalfwayIsCut(t *testing.T) {
	t.Parallel()
	k := start(t, nil, httpkit.Route{Method: "GET", Pattern: "/half", Handle: func(w http.ResponseWriter, _ *http.Request) error {
		_, _ = io.WriteString(w, "half of it")
		_ = http.NewResponseController(w).Flush()
		return errors.New("disk on fire")
	}})
	w := k.dial(t)
	w.send("GET /half HTTP/1.1\r\nHost: x\r\n\r\n")
	if a, ok := w.answer("GET"); ok {
		t.Errorf("the client takes %q for the whole answer", a.body)
	}
	if l := k.logged(t); l["error"] != "disk on fire" || l["status"] != 200.0 || l["bytes"] != 10.0 {
		t.Errorf("the log line is %v, want the error, status 200 and 10 bytes", l)
	}
}
