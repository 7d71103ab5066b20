package app_test

import (
	"context"
	"encoding/base64"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"tocsin/internal/app"
)

// Bodies by which one tells who answered.
const (
	neutral  = `{"status":"error","error":`
	uptimeIO = `{"success":false,"error":{"code":`
	soda     = `{"code":`
)

func ask(h http.Handler, method, path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// A path belongs to whoever owns the prefix above it, to the letter; what
// nobody owns tells nothing of what the server is.
func TestHandler_answersInTheShapeOfThePathsOwner(t *testing.T) {
	t.Parallel()
	h := app.Handler(openStore(t, t.TempDir()), slog.New(slog.DiscardHandler))
	for _, c := range []struct {
		method, path string
		status       int
		shape        string
	}{
		{"GET", "/", 404, neutral},
		{"GET", "/nothing", 404, neutral},
		{"GET", "/api", 404, neutral},
		{"GET", "/api/", 404, neutral},
		{"GET", "/api/incident", 404, neutral},
		{"GET", "/api/incidentsX", 404, neutral},
		{"GET", "/API/incidents", 404, neutral},
		{"GET", "//api/incidents", 404, neutral},
		{"GET", "/x/../api/incidents", 404, neutral},
		{"GET", "/healthz/", 404, neutral},
		{"POST", "/nothing", 404, neutral},
		{"POST", "/healthz", 405, neutral},
		{"DELETE", "/readyz", 405, neutral},
		{"PUT", "/metrics", 405, neutral},
		{"GET", "/api/v10/incidents", 404, neutral},

		{"GET", "/api/incidents", 401, uptimeIO},
		{"GET", "/api/incidents/x", 401, uptimeIO},
		{"GET", "/api/incidents/", 404, uptimeIO},
		{"GET", "/api/incidents/x/nothing", 404, uptimeIO},
		{"GET", "/api%2Fincidents/x", 404, uptimeIO},
		{"DELETE", "/api/incidents/x", 405, uptimeIO},

		{"GET", "/api/v1/incidents", 401, soda},
		{"GET", "/api/v1", 404, soda},
		{"GET", "/api/v1/", 404, soda},
		{"GET", "/api/v1/nothing", 404, soda},
		{"PUT", "/api/v1/incidents/x", 405, soda},
	} {
		w := ask(h, c.method, c.path)
		if w.Code != c.status || !strings.HasPrefix(w.Body.String(), c.shape) {
			t.Errorf("%s %s: %d %s; want %d %s…", c.method, c.path, w.Code, w.Body, c.status, c.shape)
		}
		if got := w.Header().Get("Content-Type"); !strings.HasPrefix(got, "application/json") {
			t.Errorf("%s %s: content type %q; want JSON", c.method, c.path, got)
		}
		if w.Header().Get("X-Request-Id") == "" {
			t.Errorf("%s %s: no X-Request-Id", c.method, c.path)
		}
	}
}

func TestOperations(t *testing.T) {
	t.Parallel()
	h := app.Handler(openStore(t, t.TempDir()), slog.New(slog.DiscardHandler))
	for path, want := range map[string]string{
		"/healthz": `{"status":"ok"}`,
		"/readyz":  `{"status":"ready"}`,
	} {
		if w := ask(h, "GET", path); w.Code != 200 || strings.TrimSpace(w.Body.String()) != want {
			t.Errorf("%s: %d %s; want 200 %s", path, w.Code, w.Body, want)
		}
		if w := ask(h, "HEAD", path); w.Code != 200 {
			t.Errorf("HEAD %s: %d; want 200", path, w.Code)
		}
		if w := ask(h, "POST", path); w.Header().Get("Allow") != "GET, HEAD" {
			t.Errorf("POST %s allows %q; want GET, HEAD", path, w.Header().Get("Allow"))
		}
	}
	w := ask(h, "GET", "/metrics")
	if want := `tocsin_http_requests_total{code="200",route="GET /healthz"} 2`; w.Code != 200 || !strings.Contains(w.Body.String(), want) {
		t.Errorf("metrics: %d, without %s, for GET and HEAD", w.Code, want)
	}
}

// A server whose database fails is alive, but must get no traffic. Why is for
// its operator.
func TestReadyz_saysNoWhileTheDatabaseFails(t *testing.T) {
	t.Parallel()
	s := &trap{Store: openStore(t, t.TempDir()), ping: func(context.Context) error { return errors.New("dial 10.0.0.7: refused") }}
	logged := &lines{}
	h := app.Handler(s, slog.New(logged))
	w := ask(h, "GET", "/readyz")
	if w.Code != 503 || strings.TrimSpace(w.Body.String()) != `{"status":"error","error":"not ready: the database cannot take changes"}` {
		t.Errorf("%d %s; want 503, what, and not why", w.Code, w.Body)
	}
	if line := logged.last(); !strings.Contains(line["error"], "10.0.0.7: refused") || line["level"] != "ERROR" {
		t.Errorf("logged %v; want why", line)
	}
	if w := ask(h, "GET", "/healthz"); w.Code != 200 {
		t.Errorf("/healthz: %d; want 200, it is no fault of the process", w.Code)
	}
	s.ping = nil
	if w := ask(h, "GET", "/readyz"); w.Code != 200 {
		t.Errorf("once it works again: %d; want 200", w.Code)
	}
}

func TestHandler_aPanicIsAnsweredInTheShapeOfThePathsOwner(t *testing.T) {
	t.Parallel()
	real := openStore(t, t.TempDir())
	actor, token := newToken(t, real)
	boom := func() { panic("secret detail") }
	logged := &lines{}
	h := app.Handler(&trap{Store: real, access: boom, ping: func(context.Context) error { boom(); return nil }}, slog.New(logged))
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(actor.Key.String()+":"+token))
	for path, c := range map[string]struct{ shape, header, value string }{
		"/readyz":           {neutral, "X", ""},
		"/api/incidents":    {uptimeIO, "X-API-Key", token},
		"/api/v1/incidents": {soda, "Authorization", basic},
	} {
		w := ask(h, "GET", path, c.header, c.value)
		if w.Code != 500 || !strings.HasPrefix(w.Body.String(), c.shape) || strings.Contains(w.Body.String(), "secret") {
			t.Errorf("%s: %d %s; want 500 %s…, without what was thrown", path, w.Code, w.Body, c.shape)
		}
		line := logged.last()
		if line["level"] != "ERROR" || !strings.Contains(line["error"], "secret detail") || !strings.Contains(line["stack"], "handler_test.go") {
			t.Errorf("%s: logged %v; want what was thrown and where", path, line)
		}
		if strings.Contains(line["stack"]+line["error"], token) {
			t.Errorf("%s: the log holds the token", path)
		}
	}
}

func TestHandler_bothDialectsTakeTheKey(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	actor, token := newToken(t, s)
	h := app.Handler(s, slog.New(slog.DiscardHandler))
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(actor.Key.String()+":"+token))
	if w := ask(h, "GET", "/api/incidents", "X-API-Key", token); w.Code != 200 {
		t.Errorf("UptimeIO: %d %s", w.Code, w.Body)
	}
	if w := ask(h, "GET", "/api/v1/test-login", "Authorization", basic); w.Code != 200 {
		t.Errorf("Soda: %d %s", w.Code, w.Body)
	}
}
