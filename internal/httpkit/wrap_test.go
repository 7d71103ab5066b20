package httpkit_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/internal/httpkit"
)

func TestOneLineARequest(t *testing.T) {
	t.Parallel()
	clock := time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)
	k := start(t, func(_ *http.Server, o *httpkit.Options) {
		o.Now = func() time.Time { clock = clock.Add(1500 * time.Microsecond); return clock }
	}, httpkit.Route{Method: "POST", Pattern: "/api/incidents/{id}/comments", Handle: func(w http.ResponseWriter, r *http.Request) error {
		httpkit.EventOf(r.Context()).Set(slog.String("organisation", "o1"), slog.Int("changes", 3))
		w.WriteHeader(http.StatusCreated)
		_, err := io.WriteString(w, "hello")
		return err
	}})
	k.do(t, "POST /api/incidents/7/comments?token=sesame HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sesame\r\n"+
		"X-API-Key: sesame\r\nCookie: s=sesame\r\nX-Request-Id: forged\r\nContent-Length: 6\r\n\r\nsesame")
	got := k.logged(t)
	want := line{
		"time": "2026-11-22T03:00:00.003Z", "level": "INFO", "msg": "request",
		"request_id": "id-1", "method": "POST", "path": "/api/incidents/7/comments",
		"route": "POST /api/incidents/{id}/comments", "status": 201.0, "bytes": 5.0, "duration_ms": 1.5,
		"client": "127.0.0.1", "organisation": "o1", "changes": 3.0,
	}
	for name := range want {
		if got[name] != want[name] {
			t.Errorf("the field %s is %v, want %v", name, got[name], want[name])
		}
	}
	if len(got) != len(want) {
		t.Errorf("the line is %v, want no other fields than %v", got, want)
	}
	if text, _ := json.Marshal(got); strings.Contains(string(text), "sesame") || strings.Contains(string(text), "forged") {
		t.Errorf("the line shows what a log must not hold: %s", text)
	}
	select {
	case l := <-k.lines:
		t.Errorf("there is a second line: %v", l)
	default:
	}
}

func TestALongPathIsCutInTheLog(t *testing.T) {
	t.Parallel()
	k := start(t, nil)
	k.do(t, "GET /"+strings.Repeat("a", 5000)+" HTTP/1.1\r\nHost: x\r\n\r\n")
	if got := k.logged(t)["path"].(string); len(got) != 200 {
		t.Errorf("the logged path has %d bytes, want 200", len(got))
	}
}

func TestEveryAnswerHasTheStandingHeaders(t *testing.T) {
	t.Parallel()
	k := start(
		t, nil,
		httpkit.Route{Method: "GET", Pattern: "/fine", Handle: say("fine")},
		httpkit.Route{Method: "GET", Pattern: "/panic", Handle: func(w http.ResponseWriter, _ *http.Request) error {
			w.Header().Set("Content-Length", "4096")
			w.Header().Set("Set-Cookie", "half=done")
			panic("disk on fire")
		}},
	)
	for i, target := range []string{"/fine", "/nowhere", "/panic"} {
		a := k.do(t, "GET "+target+" HTTP/1.1\r\nHost: x\r\nX-Request-Id: forged\r\n\r\n")
		want := "id-" + string(rune('1'+i))
		if got := a.header.Values("X-Request-Id"); !slices.Equal(got, []string{want}) {
			t.Errorf("%s: X-Request-Id is %q, want %s, an id of the server's own", target, got, want)
		}
		if got := k.logged(t)["request_id"]; got != want {
			t.Errorf("%s: the logged id is %v, want that of the answer", target, got)
		}
		if got := a.header.Get("X-Content-Type-Options"); got != "nosniff" {
			t.Errorf("%s: X-Content-Type-Options is %q, want nosniff", target, got)
		}
		if got := a.header.Get("Cache-Control"); got != "no-store" {
			t.Errorf("%s: Cache-Control is %q, want no-store", target, got)
		}
		if a.header.Get("Set-Cookie") != "" {
			t.Errorf("%s: the answer to a panic carries what the handler had meant to set", target)
		}
	}
}

func TestAHandlerMayOverrideAStandingHeaderForItselfOnly(t *testing.T) {
	t.Parallel()
	k := start(
		t, nil,
		httpkit.Route{Method: "GET", Pattern: "/asset", Handle: func(w http.ResponseWriter, _ *http.Request) error {
			w.Header().Set("Cache-Control", "max-age=60")
			w.Header().Add("X-Content-Type-Options", "more")
			return nil
		}},
		httpkit.Route{Method: "GET", Pattern: "/other", Handle: say("other")},
	)
	if got := k.do(t, "GET /asset HTTP/1.1\r\nHost: x\r\n\r\n").header.Get("Cache-Control"); got != "max-age=60" {
		t.Errorf("Cache-Control is %q, want what the handler set", got)
	}
	other := k.do(t, "GET /other HTTP/1.1\r\nHost: x\r\n\r\n").header
	if got := other.Values("X-Content-Type-Options"); other.Get("Cache-Control") != "no-store" || len(got) != 1 {
		t.Errorf("another answer has Cache-Control %q and %q, want the standing ones", other.Get("Cache-Control"), got)
	}
}

func TestAPanicIsAnsweredInTheDialectsShape(t *testing.T) {
	t.Parallel()
	k := start(t, nil, httpkit.Route{Method: "GET", Pattern: "/panic", Handle: func(http.ResponseWriter, *http.Request) error {
		panic("disk on fire")
	}})
	w := k.dial(t)
	for range 2 {
		w.send("GET /panic HTTP/1.1\r\nHost: x\r\n\r\n")
		if a, ok := w.answer("GET"); !ok || a.status != 500 || a.body != `{"refused":"internal error"}` {
			t.Fatalf("the answer is %d %s (came: %v), want the dialect's 500, and the connection still good", a.status, a.body, ok)
		}
		l := k.logged(t)
		stack, _ := l["stack"].(string)
		if l["level"] != "ERROR" || l["error"] != "panic: disk on fire" || !strings.Contains(stack, "wrap_test.go") {
			t.Errorf("the log line is %v, want level ERROR, the panic and where it came from", l)
		}
		if o := <-k.seen; o.status != 500 || o.route != "GET /panic" {
			t.Errorf("observed as %+v, want status 500 of GET /panic", o)
		}
	}
}

func TestAPanicAfterTheHeaderCutsTheConnection(t *testing.T) {
	t.Parallel()
	k := start(t, nil, httpkit.Route{Method: "GET", Pattern: "/panic", Handle: func(w http.ResponseWriter, _ *http.Request) error {
		_, _ = io.WriteString(w, "half of it")
		panic("disk on fire")
	}})
	w := k.dial(t)
	w.send("GET /panic HTTP/1.1\r\nHost: x\r\n\r\n")
	if a, ok := w.answer("GET"); ok {
		t.Errorf("the client takes %d %q for the whole answer", a.status, a.body)
	}
	if l := k.logged(t); l["level"] != "ERROR" || l["error"] != "panic: disk on fire" {
		t.Errorf("the log line is %v, want level ERROR and the panic", l)
	}
}

func TestAnInformationalStatusIsNotTheAnswer(t *testing.T) {
	t.Parallel()
	k := start(t, nil, httpkit.Route{Method: "GET", Pattern: "/hint", Handle: func(w http.ResponseWriter, _ *http.Request) error {
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusAccepted)
		return nil
	}})
	k.dial(t).send("GET /hint HTTP/1.1\r\nHost: x\r\n\r\n")
	if l := k.logged(t); l["status"] != 202.0 {
		t.Errorf("the logged status is %v, want 202", l["status"])
	}
}

func TestTheContextKnowsWhoAsks(t *testing.T) {
	t.Parallel()
	k := start(
		t, func(_ *http.Server, o *httpkit.Options) {
			o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		},
		httpkit.Route{Method: "GET", Pattern: "/who", Handle: func(w http.ResponseWriter, r *http.Request) error {
			_, err := io.WriteString(w, httpkit.Address(r.Context()).String()+" "+httpkit.EventOf(r.Context()).RequestID())
			return err
		}},
	)
	a := k.do(t, "GET /who HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n")
	if a.body != "203.0.113.9 id-1" {
		t.Errorf("the handler saw %q, want the client's address and the request's id", a.body)
	}
	if got := k.logged(t)["client"]; got != "203.0.113.9" {
		t.Errorf("the logged client is %v, want the address behind the proxy", got)
	}
}

func TestOutsideARequestThereIsAnEventThatNobodyReads(t *testing.T) {
	t.Parallel()
	e := httpkit.EventOf(context.Background())
	e.Set(slog.String("a", "b"))
	e.SetError(io.EOF)
	e.SetRoute("x")
	if e.RequestID() != "" || httpkit.Address(context.Background()).IsValid() {
		t.Error("outside a request there is an id or an address")
	}
}

// nobody takes answers for the benchmarks, without cost of its own.
type nobody struct{ header http.Header }

func (w nobody) Header() http.Header         { return w.header }
func (w nobody) Write(b []byte) (int, error) { return len(b), nil }
func (w nobody) WriteHeader(int)             {}

func BenchmarkRequest(b *testing.B) {
	answer := []byte("{}")
	bare := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(answer) })
	mux := httpkit.NewMux(render, httpkit.Route{Method: "PUT", Pattern: "/api/incidents/{id}", Handle: func(w http.ResponseWriter, r *http.Request) error {
		httpkit.EventOf(r.Context()).Set(slog.String("organisation", "o1"), slog.String("key", "k1"))
		_, err := w.Write(answer)
		return err
	}})
	wrap := func(logger *slog.Logger) http.Handler {
		return httpkit.Wrap(mux, render, httpkit.Options{
			Logger: logger, NewRequestID: func() string { return "id" }, Now: time.Now,
			Observe: func(string, int, time.Duration) {},
		})
	}
	for _, bench := range []struct {
		name    string
		handler http.Handler
	}{
		{"bare handler", bare},
		{"mux", mux},
		{"wrap and mux, no log", wrap(slog.New(slog.DiscardHandler))},
		{"wrap and mux, JSON log", wrap(slog.New(slog.NewJSONHandler(io.Discard, nil)))},
	} {
		b.Run(bench.name, func(b *testing.B) {
			r := httptest.NewRequest("PUT", "/api/incidents/7", nil)
			w := nobody{header: http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				bench.handler.ServeHTTP(w, r)
			}
		})
	}
}
