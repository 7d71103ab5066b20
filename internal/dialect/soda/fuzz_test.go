package soda_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"tocsin"
	"tocsin/internal/dialect/dialecttest"

	"github.com/google/go-cmp/cmp"
)

func FuzzUpdateBody(f *testing.F) {
	for _, seed := range []string{
		`{}`, `null`, `{"title":"T"}`, `{"title":" "}`, `{"severity":"critical","status":"resolved"}`, `{"severity":"warning"}`,
		`{"resolutionNotes":"\ud83d\ude00","description":""}`, `{"title":null,"x":[1,{"y":"z"}]}`, `{"Title":"T"}`,
		`{"title":"a","title":"b"}`, `{"title":"\ud800"}`, "{\"title\":\"\xff\"}", `{"number":9,"name":"N","id":"x","version":1}`,
	} {
		f.Add([]byte(seed))
	}
	fix := newFixture(f)
	id := fix.Incident(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		before := fix.State(t, id)
		got := fix.Serve(t, dialecttest.Call{Method: "POST", Path: incidentPath(id), Body: string(body), Key: fix.Admin})
		after := fix.State(t, id)
		switch got.Status {
		case 200:
			if want, have := expected(t, before.Incident, body), dialecttest.Fields(&after.Incident); !cmp.Equal(want, have) {
				t.Errorf("body %q made (-want +got):\n%s", body, cmp.Diff(want, have))
			}
		case 400:
			dialecttest.Unchanged(t, before, after)
		default:
			t.Errorf("body %q: got %d %s, want 200 or 400", body, got.Status, got.Body)
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
	fields := dialecttest.Fields(&i)
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
		basicOf(fix.Admin), "basic " + basicOf(fix.Admin)[6:], "Basic", "Basic ", "Bearer " + fix.Admin.Token, "Basic Og==", "Basic !",
		basic(fix.Admin.ID.String() + ":" + fix.Admin.Token + "\n"), basic(strings.ToUpper(fix.Admin.ID.String()) + ":" + fix.Admin.Token),
		basic("\x00:\xff"), "Basic  " + basicOf(fix.Admin)[6:],
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		got := fix.Serve(t, dialecttest.Call{Method: "GET", Path: "/api/v1/test-login", Header: http.Header{"Authorization": {header}}})
		want := 401
		if len(header) > 6 && strings.EqualFold(header[:6], "Basic ") {
			decoded, err := base64.StdEncoding.Strict().DecodeString(header[6:])
			id, token, _ := strings.Cut(string(decoded), ":")
			if err == nil && token == fix.Admin.Token && strings.EqualFold(id, fix.Admin.ID.String()) {
				want = 200
			}
		}
		if got.Status != want {
			t.Errorf("Authorization %q: got %d %s, want %d", header, got.Status, got.Body, want)
		}
	})
}
