package soda_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"tocsin"
	"tocsin/internal/dialect"
	"tocsin/internal/dialect/dialecttest"
	"tocsin/internal/dialect/soda"
)

// A fixture is the dialect in its test place, called as its clients call it.
type fixture struct{ *dialecttest.Fixture }

// newFixture starts one; with changes what the dialect is given.
func newFixture(t testing.TB, with ...func(*dialect.Deps)) *fixture {
	t.Helper()
	door := dialecttest.Door{
		Dialect:    soda.Dialect(),
		Credential: func(k dialecttest.Key) (name, value string) { return "Authorization", basicOf(k) },
		Conform:    conform,
	}
	return &fixture{dialecttest.New(t, door, with...)}
}

// basicOf is the Authorization header of a key.
func basicOf(k dialecttest.Key) string { return basic(k.ID.String() + ":" + k.Token) }

func basic(credential string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(credential))
}

// update updates an incident as the admin.
func (f *fixture) update(t testing.TB, id tocsin.ID, body string) dialecttest.Reply {
	t.Helper()
	return f.Do(t, dialecttest.Call{Method: "POST", Path: incidentPath(id), Body: body, Key: f.Admin})
}

func incidentPath(id tocsin.ID) string { return "/api/v1/incidents/" + id.String() }

// wantError fails unless the reply is the error with that status and code, and
// its message holds each of the words.
func wantError(t testing.TB, r dialecttest.Reply, status int, code string, words ...string) {
	t.Helper()
	e := dialecttest.Decode[errorBody](t, r.Body)
	if r.Status != status || e.Code != code {
		t.Fatalf("got %d %s\nwant %d with code %s", r.Status, r.Body, status, code)
	}
	for _, w := range words {
		if !strings.Contains(e.Message, w) {
			t.Errorf("message %q does not say %q", e.Message, w)
		}
	}
}
