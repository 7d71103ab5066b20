package api_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"tocsin/internal/api/apitest"
)

// FuzzCursor: no cursor that the server did not give out opens a page.
func FuzzCursor(f *testing.F) {
	f.Add("")
	f.Add("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Add("=\r\n\x00é")
	fixture := apitest.New(f)
	for range 3 {
		fixture.Incident(f)
	}
	own := fixture.Call(f, apitest.Request{Path: "/v1/incidents?limit=1"}).JSON(f)["next"].(string)
	f.Add(own + "A")
	f.Add(own[1:])
	f.Fuzz(func(t *testing.T, cursor string) {
		got := fixture.Call(t, apitest.Request{Path: "/v1/incidents?limit=1&cursor=" + url.QueryEscape(cursor)})
		ours := cursor == "" || cursor == own
		if ours && got.Status != 200 || !ours && got.Status != 400 && got.Status != 422 {
			t.Errorf("cursor %q: %d %s", cursor, got.Status, got.Body)
		}
	})
}

// FuzzMergePatch: a patch is taken or refused, never a fault; and what is refused
// changes nothing.
func FuzzMergePatch(f *testing.F) {
	for _, seed := range []string{`{}`, `{"severity":"critical"}`, `{"title":null}`, `{"labels":{"a":null}}`, `{"a":`, `[`, `{"title":"\u0000"}`, `{"title":"\\u0000"}`, `{"title":1e999}`} {
		f.Add(seed)
	}
	fixture := apitest.New(f)
	f.Fuzz(func(t *testing.T, body string) {
		before := fixture.LogLength(t)
		got := fixture.Call(t, apitest.Request{Method: patch, Path: samplePath, Body: body, Media: "application/merge-patch+json"})
		switch got.Status {
		case 200:
		case 400, 409, 413, 422:
			if after := fixture.LogLength(t); after != before {
				t.Errorf("%q: %d, and %d entries", body, got.Status, after-before)
			}
		default:
			t.Errorf("%q: %d %s", body, got.Status, got.Body)
		}
	})
}

// FuzzIdempotencyKey: a key is taken or refused, and one that is taken is the
// same key when it is sent as a quoted string.
func FuzzIdempotencyKey(f *testing.F) {
	for _, seed := range []string{"", "a", `"a"`, `"a\"b"`, `"`, `a"b`, `a\b`, "é", strings.Repeat("x", 256)} {
		f.Add(seed)
	}
	fixture := apitest.New(f)
	f.Fuzz(func(t *testing.T, key string) {
		for _, r := range key {
			if r < 0x20 || r == 0x7f || r > 0xff {
				t.Skip("net/http sends no such header")
			}
		}
		send := func(key string) apitest.Reply {
			return fixture.Call(t, apitest.Request{Method: patch, Path: samplePath, Body: `{"severity":"minor"}`, Header: http.Header{"Idempotency-Key": {key}}})
		}
		first := send(key)
		if first.Status == 400 {
			return
		}
		if first.Status != 200 {
			t.Fatalf("%q: %d %s", key, first.Status, first.Body)
		}
		trimmed := strings.Trim(key, " \t")
		if strings.HasPrefix(trimmed, `"`) || strings.ContainsAny(trimmed, `\`) {
			return
		}
		quoted := `"` + strings.ReplaceAll(trimmed, `"`, `\"`) + `"`
		if again := send(quoted); again.Header.Get("Idempotent-Replayed") != "true" {
			t.Errorf("%q and %s are not the same key: %d %v", key, quoted, again.Status, again.Header)
		}
	})
}
