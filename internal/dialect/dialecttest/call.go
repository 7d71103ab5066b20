package dialecttest

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// A Call is a request. Path goes out as it is, escapes and all. Without a Key
// it has no credential but what Header holds, which replaces what Send sets.
type Call struct {
	Method, Path, Body string
	Key                Key
	Header             http.Header
}

// A Reply is what came back.
type Reply struct {
	Status int
	Header http.Header
	Body   string
}

// Do sends a call after so long a pause that no limit is in the way.
func (f *Fixture) Do(t testing.TB, c Call) Reply {
	t.Helper()
	f.Clock.Advance(time.Minute)
	return f.Send(t, c)
}

// Send sends a call now, and holds the reply to the protocol.
func (f *Fixture) Send(t testing.TB, c Call) Reply {
	t.Helper()
	req, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), c.Method, f.Server.URL, strings.NewReader(c.Body))
	if err != nil {
		t.Fatal(err)
	}
	req.URL = &url.URL{Scheme: "http", Host: req.URL.Host, Opaque: c.Path}
	f.dress(req, c)
	res, err := f.Server.Client().Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", c.Method, c.Path, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%s %s: read the reply: %v", c.Method, c.Path, err)
	}
	r := Reply{res.StatusCode, res.Header, string(body)}
	f.door.Conform(t, c, r)
	return r
}

// Serve is Do without a network: for what no client can be made to send, and
// for fuzzing.
func (f *Fixture) Serve(t testing.TB, c Call) Reply {
	t.Helper()
	f.Clock.Advance(time.Minute)
	req := httptest.NewRequest(c.Method, "/", strings.NewReader(c.Body))
	req.URL.Path, req.URL.RawQuery, _ = strings.Cut(c.Path, "?")
	f.dress(req, c)
	w := httptest.NewRecorder()
	f.Handler.ServeHTTP(w, req)
	r := Reply{w.Code, w.Header(), w.Body.String()}
	f.door.Conform(t, c, r)
	return r
}

func (f *Fixture) dress(r *http.Request, c Call) {
	r.Header.Set("Content-Type", "application/json")
	if c.Key.Token != "" {
		name, value := f.door.Credential(c.Key)
		r.Header.Set(name, value)
	}
	for name, values := range c.Header {
		r.Header[name] = values
	}
}

// Dial opens a plain connection to the server.
func (f *Fixture) Dial(t testing.TB) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", f.Server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn
}
