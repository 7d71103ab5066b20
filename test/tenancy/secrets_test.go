package tenancy_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"tocsin/test/harness"
)

// A token is shown once, to whom it is made for: no later answer holds it, not
// that of the same request sent again, nor what is kept of it.
func TestTokensAreShownOnce(t *testing.T) {
	t.Parallel()
	for _, engine := range harness.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, engine)
			once := native()
			once.sign = func(r *http.Request, k harness.Key) {
				if k.Token != "" {
					native().sign(r, k)
				}
				r.Header.Set("Idempotency-Key", "once")
			}
			for _, c := range []struct{ path, body string }{
				{"/v1/api-keys", `{"name":"Wallboard"}`},
				{"/v1/api-keys/" + h.mine.Uptime.ID.String() + "/rotate", `{"overlap_seconds":0}`},
				{"/v1/invitations", `{"email":"eli@example.org","role":"User","scope":"organisation"}`},
				{"/v1/invitations/accept", `{"token":"` + h.things.InvitationToken + `","name":"Dana Dahl"}`},
			} {
				k := h.key(native())
				if strings.HasSuffix(c.path, "/accept") {
					k = harness.Key{}
				}
				first := h.ask(t, once, k, "POST", c.path, c.body)
				token := decodeToken(t, first)
				if first.status != http.StatusCreated || token == nil {
					t.Fatalf("%s is answered with %d and the token %v, should be 201 with one", c.path, first.status, token)
				}
				h.mine.Secrets.Add(*token) // from now on nothing may show it
				if again := h.ask(t, once, k, "POST", c.path, c.body); again.status != first.status || decodeToken(t, again) != nil {
					t.Errorf("%s sent again is answered with %d %s, should be the same without the token", c.path, again.status, again.body)
				}
			}
			k := h.key(native())
			for _, o := range h.operations(t) {
				if !o.Writes() {
					for _, r := range append(o.requests, request{path: o.requests[0].path}.with("limit", "100")) {
						h.askAPI(t, k, o, r)
					}
				}
			}
		})
	}
}

// decodeToken returns the token that an answer shows, nil for none.
func decodeToken(t *testing.T, a answer) *string {
	t.Helper()
	var shown struct{ Token *string }
	if err := json.Unmarshal([]byte(a.body), &shown); err != nil {
		t.Fatalf("%s: %v", a.body, err)
	}
	return shown.Token
}

// A check that finds nothing must find what is there.
func TestSecretsAreFoundWhereTheyAre(t *testing.T) {
	t.Parallel()
	token := "tcn_" + strings.Repeat("01", 16) + strings.Repeat("ab", 32) + "00000000"
	var s harness.Secrets
	s.Add(token)
	raw, err := hex.DecodeString(strings.Repeat("ab", 32))
	if err != nil {
		t.Fatal(err)
	}
	hash := sha256.Sum256(raw)
	for text, want := range map[string][2]bool{
		"x" + token + "y":                                {true, false},
		strings.ToUpper(token):                           {true, false},
		base64.StdEncoding.EncodeToString(raw):           {true, false},
		`{"hash":"` + hex.EncodeToString(hash[:]) + `"}`: {false, true},
		base64.StdEncoding.EncodeToString(hash[:]):       {false, true},
		token[:80]: {false, false},
	} {
		if secret, hash := s.In([]byte(text)); secret != want[0] || hash != want[1] {
			t.Errorf("in %q there is a secret: %v, a hash: %v; should be %v", text, secret, hash, want)
		}
		if strings.Contains(strings.ToLower(text), "tcn_") != harness.ShowsToken([]byte(text)) {
			t.Errorf("%q: what looks like a token should be known as one", text)
		}
	}
}
