package soda_test

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"tocsin"
)

// A call is a request. Without a key or an Authorization it has no credential.
type call struct {
	method, path, body string
	key                key
	header             http.Header
}

type reply struct {
	status int
	header http.Header
	body   string
}

// do sends a call after so long a pause that no limit is in the way.
func (f *fixture) do(t testing.TB, c call) reply {
	t.Helper()
	f.clock.advance(time.Minute)
	return f.send(t, c)
}

// send sends a call now, and holds the reply to the protocol.
func (f *fixture) send(t testing.TB, c call) reply {
	t.Helper()
	req, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), c.method, f.server.URL, strings.NewReader(c.body))
	if err != nil {
		t.Fatal(err)
	}
	req.URL = &url.URL{Scheme: "http", Host: req.URL.Host, Opaque: c.path} // as it is, escapes and all
	req.Header.Set("Content-Type", "application/json")
	if c.key.token != "" {
		req.Header.Set("Authorization", c.key.basic())
	}
	for name, values := range c.header {
		req.Header[name] = values
	}
	res, err := f.server.Client().Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", c.method, c.path, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%s %s: read the reply: %v", c.method, c.path, err)
	}
	r := reply{res.StatusCode, res.Header, string(body)}
	conform(t, c, r)
	return r
}

// update updates an incident as the admin.
func (f *fixture) update(t testing.TB, id tocsin.ID, body string) reply {
	t.Helper()
	return f.do(t, call{method: "POST", path: incidentPath(id), body: body, key: f.admin})
}

func incidentPath(id tocsin.ID) string { return "/api/v1/incidents/" + id.String() }

// wantError fails unless the reply is the error with that status and code, and
// its message holds each of the words.
func wantError(t testing.TB, r reply, status int, code string, words ...string) {
	t.Helper()
	e := decode[errorBody](t, r.body)
	if r.status != status || e.Code != code {
		t.Fatalf("got %d %s\nwant %d with code %s", r.status, r.body, status, code)
	}
	for _, w := range words {
		if !strings.Contains(e.Message, w) {
			t.Errorf("message %q does not say %q", e.Message, w)
		}
	}
}

// wantStatus fails unless the reply has that status.
func wantStatus(t testing.TB, r reply, status int) {
	t.Helper()
	if r.status != status {
		t.Fatalf("got %d %s, want %d", r.status, r.body, status)
	}
}
