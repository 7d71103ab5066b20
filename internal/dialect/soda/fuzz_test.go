package soda_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"tocsin"

	"github.com/google/go-cmp/cmp"
)

// serve hands a request to the handler without a network.
func (f *fixture) serve(r *http.Request) reply {
	w := httptest.NewRecorder()
	f.handler.ServeHTTP(w, r)
	return reply{w.Code, w.Header(), w.Body.String()}
}

func FuzzUpdateBody(f *testing.F) {
	for _, seed := range []string{
		`{}`, `null`, `{"title":"T"}`, `{"title":" "}`, `{"severity":"critical","status":"resolved"}`, `{"severity":"warning"}`,
		`{"resolutionNotes":"\ud83d\ude00","description":""}`, `{"title":null,"x":[1,{"y":"z"}]}`, `{"Title":"T"}`,
		`{"title":"a","title":"b"}`, `{"title":"\ud800"}`, "{\"title\":\"\xff\"}", `{"number":9,"name":"N","id":"x","version":1}`,
	} {
		f.Add([]byte(seed))
	}
	fix := newFixture(f)
	id := fix.incident(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		fix.clock.advance(time.Minute)
		before := fix.state(t, id)
		r := httptest.NewRequest("POST", incidentPath(id), strings.NewReader(string(body)))
		r.Header.Set("Authorization", fix.admin.basic())
		got := fix.serve(r)
		after := fix.state(t, id)
		switch got.status {
		case 200:
			conformIncident(t, got.body)
			if want, have := expected(t, before.Incident, body), fieldsOf(&after.Incident); !cmp.Equal(want, have) {
				t.Errorf("body %q made (-want +got):\n%s", body, cmp.Diff(want, have))
			}
		case 400:
			conformError(t, got)
			if diff := cmp.Diff(before, after); diff != "" {
				t.Errorf("body %q was refused and something changed (-before +after):\n%s", body, diff)
			}
		default:
			t.Errorf("body %q: got %d %s, want 200 or 400", body, got.status, got.body)
		}
	})
}

// expected is what a body, as another JSON reader understands it, makes of an
// incident: the five documented members, and nothing else.
func expected(t *testing.T, i tocsin.Incident, body []byte) map[string]any {
	t.Helper()
	var members map[string]any
	if err := json.Unmarshal(body, &members); err != nil || !utf8.Valid(body) {
		t.Fatalf("body %q was accepted and is not JSON: %v", body, err)
	}
	fields := fieldsOf(&i)
	for member, field := range map[string]string{
		"title": "title", "description": "description", "resolutionNotes": "resolution_notes", "severity": "severity", "status": "status",
	} {
		if v, ok := members[member].(string); ok {
			fields[field] = v
		}
	}
	if fields["status"] == "reported" {
		fields["status"] = "open"
	}
	return fields
}

func FuzzBasicCredential(f *testing.F) {
	fix := newFixture(f)
	for _, seed := range []string{
		fix.admin.basic(), "basic " + fix.admin.basic()[6:], "Basic", "Basic ", "Bearer " + fix.admin.token, "Basic Og==", "Basic !",
		basic(fix.admin.id.String() + ":" + fix.admin.token + "\n"), basic(strings.ToUpper(fix.admin.id.String()) + ":" + fix.admin.token),
		basic("\x00:\xff"), "Basic  " + fix.admin.basic()[6:],
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		fix.clock.advance(time.Minute)
		r := httptest.NewRequest("GET", "/api/v1/test-login", http.NoBody)
		r.Header["Authorization"] = []string{header}
		got := fix.serve(r)
		want := 401
		if len(header) > 6 && strings.EqualFold(header[:6], "Basic ") {
			decoded, err := base64.StdEncoding.Strict().DecodeString(header[6:])
			id, token, _ := strings.Cut(string(decoded), ":")
			if err == nil && token == fix.admin.token && strings.EqualFold(id, fix.admin.id.String()) {
				want = 200
			}
		}
		if got.status != want {
			t.Errorf("Authorization %q: got %d %s, want %d", header, got.status, got.body, want)
		}
	})
}
