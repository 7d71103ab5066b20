package attack_test

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin"
	"tocsin/test/harness"
)

// withChecksum ends a token's text as a real one ends.
func withChecksum(text string) string {
	return text + fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(text)))
}

// credential returns an edit that sends these header lines for a credential.
func credential(lines ...string) func(*site, *message) {
	return func(s *site, m *message) {
		m.drop("Authorization")
		m.drop("X-API-Key")
		for _, l := range lines {
			m.add(l)
		}
	}
}

// using returns an edit that sends the credential made of the tenant's key.
func using(make func(s *site, k harness.Key) []string) func(*site, *message) {
	return func(s *site, m *message) { credential(make(s, s.key)...)(s, m) }
}

// authority are the cases of authentication, authorisation and tenancy.
func authority() []attack {
	unknown := func(s *site, m *message) { m.set(s.credential(unknownKey())) }
	all := []attack{
		{number: 72, name: "no credential", edit: credential()},
		{number: 72, name: "bad base64", doors: "S", edit: credential("Authorization: Basic ####")},
		{number: 72, name: "no colon", doors: "S", edit: using(func(_ *site, k harness.Key) []string { return []string{basicOf(k.Token)} })},
		{number: 72, name: "empty user", doors: "S", edit: using(func(_ *site, k harness.Key) []string { return []string{basicOf(":" + k.Token)} })},
		{number: 72, name: "bearer", doors: "S", edit: using(func(_ *site, k harness.Key) []string { return []string{"Authorization: Bearer " + k.Token} })},
		{number: 72, name: "bearer", doors: "U", edit: using(func(_ *site, k harness.Key) []string { return []string{"Authorization: Bearer " + k.Token} })},
		{number: 72, name: "basic", doors: "N", edit: using(func(_ *site, k harness.Key) []string { return []string{basic(k)} })},
		{number: 72, name: "X-API-Key", doors: "N", edit: using(func(_ *site, k harness.Key) []string { return []string{apiKey(k)} })},
		{number: 72, name: "not a token", doors: "N", edit: credential("Authorization: Bearer x")},
		{number: 72, name: "scheme alone", doors: "N", edit: credential("Authorization: Bearer")},
		{number: 72, name: "token alone", doors: "N", edit: using(func(_ *site, k harness.Key) []string { return []string{"Authorization: " + k.Token} })},
		{number: 72, name: "empty", doors: "U", edit: credential("X-API-Key: ")},
		{number: 73, name: "twice", edit: using(func(s *site, k harness.Key) []string { return []string{s.credential(k), s.credential(k)} })},
		{number: 73, name: "twice, the first wrong", edit: using(func(s *site, k harness.Key) []string { return []string{s.credential(otherToken(k)), s.credential(k)} })},
		{number: 73, name: "twice, the second wrong", edit: using(func(s *site, k harness.Key) []string { return []string{s.credential(k), s.credential(otherToken(k))} })},
		{number: 73, name: "X-API-Key beside it", doors: "N", edit: using(func(_ *site, k harness.Key) []string { return []string{bearer(k), apiKey(k)} })},
		{number: 73, name: "two in one line", doors: "N", edit: using(func(_ *site, k harness.Key) []string { return []string{bearer(k) + ", Bearer " + k.Token} })},
		{number: 74, name: "in the query", edit: func(s *site, m *message) {
			credential()(s, m)
			m.target += "?api_key=" + s.key.Token + "&access_token=" + s.key.Token
		}},
		{number: 74, name: "in the body", edit: func(s *site, m *message) {
			credential()(s, m)
			m.body = object("X-API-Key", s.key.Token)
		}},
		{number: 75, name: "wrong secret", edit: func(s *site, m *message) { m.set(s.credential(otherToken(s.key))) }},
		{number: 75, name: "unknown id", edit: unknown},
		{number: 75, name: "revoked", edit: func(s *site, m *message) { s.RevokeKey(s.key) }},
		{number: 75, name: "bad checksum", edit: using(func(s *site, k harness.Key) []string {
			return []string{s.credential(harness.Key{ID: k.ID, Token: k.Token[:len(k.Token)-8] + "00000000"})}
		})},
		{number: 75, name: "capitals", edit: using(func(s *site, k harness.Key) []string {
			return []string{s.credential(harness.Key{ID: k.ID, Token: "tcn_" + strings.ToUpper(k.Token[4:])})}
		})},
		{number: 75, name: "8 KB", edit: credentialText(strings.Repeat("a", 6<<10))},
		{number: 75, name: "line feed behind", doors: "S", edit: using(func(_ *site, k harness.Key) []string { return []string{basicOf(k.ID.String() + ":" + k.Token + "\n")} })},
		{number: 75, name: "space behind", doors: "S", edit: using(func(_ *site, k harness.Key) []string { return []string{basicOf(k.ID.String() + ":" + k.Token + " ")} })},
		{number: 75, name: "NUL", doors: "S", edit: using(func(_ *site, k harness.Key) []string {
			return []string{basicOf(k.ID.String() + ":" + k.Token[:20] + "\x00" + k.Token[21:])}
		})},
		{number: 75, name: "another key's id", doors: "S", edit: func(s *site, m *message) { m.set(basicOf(s.Uptime.ID.String() + ":" + s.Soda.Token)) }},
		{number: 75, name: "no-break space behind", doors: "U", edit: using(func(_ *site, k harness.Key) []string { return []string{"X-API-Key: " + k.Token + "\u00a0"} })},
		{number: 75, name: "no-break space behind", doors: "N", edit: using(func(_ *site, k harness.Key) []string { return []string{bearer(k) + "\u00a0"} })},
		{number: 75, name: "two spaces before", doors: "N", edit: using(func(_ *site, k harness.Key) []string { return []string{"Authorization: Bearer  " + k.Token} })},
		{number: 75, name: "an invitation's token", doors: "N", edit: using(func(_ *site, k harness.Key) []string {
			return []string{"Authorization: Bearer " + strings.Replace(k.Token, "tcn_", "tci_", 1)}
		})},
		{number: 75, name: "a key of no project", doors: "U", edit: func(s *site, m *message) { m.set(apiKey(s.Soda)) }},
		{number: 81, name: "cookie", edit: using(func(_ *site, k harness.Key) []string {
			return []string{"Cookie: session=" + k.Token + "; X-API-Key=" + k.Token + "; Authorization=Bearer " + k.Token}
		})},
		{number: 86, name: "bad body", edit: func(s *site, m *message) { credential()(s, m); m.body = `{"severity":` }},
		{number: 86, name: "wrong media type", edit: func(s *site, m *message) { unknown(s, m); m.set("Content-Type: text/plain") }},
	}
	for i := range all {
		all[i].want, all[i].check = []int{401}, sameAsUnknownKey
	}
	all = append(all,
		attack{number: 75, name: "NUL", doors: "N", edit: credential("Authorization: Bearer tcn_\x00"), want: []int{400}, plain: true},
		attack{number: 75, name: "NUL", doors: "U", edit: credential("X-API-Key: tcn_\x00"), want: []int{400}, plain: true},
		attack{
			number: 73, name: "both schemes at once", edit: func(s *site, m *message) { m.add(apiKey(s.Uptime)); m.set(basic(s.Soda)) }, want: []int{400, 401},
		},
		attack{number: 75, name: "expired", run: expired},
		attack{number: 76, run: revokedElsewhere},
		attack{number: 77, run: foreignIsUnknown},
		attack{number: 79, name: "read-only key", run: readOnlyKey},
		attack{number: 79, name: "view without manage", run: viewWithoutManage},
		attack{number: 80, doors: "SN", run: noViewOfTheDataset},
		attack{number: 83, run: roleTakenAway},
		attack{number: 84, run: guessing},
		attack{number: 85, name: "bad body", edit: func(s *site, m *message) { id(nobody)(s, m); m.body = `{"severity":` }, want: []int{404}},
		attack{number: 85, name: "wrong media type", edit: func(s *site, m *message) { id(nobody)(s, m); m.set("Content-Type: text/plain") }, want: []int{404}},
	)
	for _, l := range []string{"X-Org-Id: ", "X-Tenant: ", "X-Organisation-Id: ", "X-Project-Id: "} {
		all = append(all, attack{number: 78, name: strings.TrimRight(l, ": "), run: foreignWith(func(theirs *site, m *message) { m.add(l + theirs.Org.String()) })})
	}
	all = append(all,
		attack{number: 78, name: "Host", run: foreignWith(func(_ *site, m *message) { m.set("Host: a.example") })},
		attack{number: 78, name: "body", run: foreignWith(func(theirs *site, m *message) {
			m.body = `{"severity":"major","org":"` + theirs.Org.String() + `","project_id":"` + theirs.Project.String() + `"}`
		})},
	)
	return everywhere(all)
}

// nobody is an id that names nothing.
const nobody = "00000000-0000-7000-8000-000000000000"

// unknownKey is well-formed, but was never made.
func unknownKey() harness.Key {
	id, _ := tocsin.ParseID("01234567-89ab-7def-8123-456789abcdef")
	return harness.Key{ID: id, Token: withChecksum("tcn_" + strings.ReplaceAll(id.String(), "-", "") + strings.Repeat("7", 64))}
}

// credentialText sends this text where the door expects a token.
func credentialText(token string) func(*site, *message) {
	return func(s *site, m *message) { m.set(s.credential(harness.Key{ID: s.key.ID, Token: token})) }
}

// sameAsUnknownKey checks that a 401 tells nothing about why.
func sameAsUnknownKey(t *testing.T, s *site, r reply) {
	t.Helper()
	if r.status == 401 && r.header.Get("WWW-Authenticate") == "" {
		t.Error("a 401 should come with WWW-Authenticate")
	}
	like := s.send(t, s.edited(func(m *message) { m.set(s.credential(unknownKey())) }))
	sameAnswer(t, r, like)
}

// sameAnswer compares two answers but for what is new in each.
func sameAnswer(t *testing.T, got, want reply) {
	t.Helper()
	// The native API's errors name their request.
	same := strings.ReplaceAll(string(got.body), got.header.Get("X-Request-Id"), want.header.Get("X-Request-Id"))
	if got.status != want.status || same != string(want.body) {
		t.Errorf("the answer is %d %s, should be %d %s", got.status, got.body, want.status, want.body)
	}
	if a, b := lasting(got), lasting(want); a != b {
		t.Errorf("the headers are %s, should be %s", a, b)
	}
}

// lasting is the header without what is another's in each answer.
func lasting(r reply) string {
	h := r.header.Clone()
	for _, name := range []string{"Date", "X-Request-Id", "X-Soda-Trace-Id", "Connection", "Ratelimit"} {
		h.Del(name)
	}
	b, _ := json.Marshal(h) // a map of texts always encodes
	return string(b)
}

// expired: a key's last moment is the one before its expiry.
func expired(t *testing.T, s *site) {
	draft := tocsin.KeyDraft{Owner: s.Ada, Name: "short", ExpiresAt: time.Now().Add(time.Second)}
	if s.name == "U" {
		draft.Project = s.Project
	}
	s.key = s.Key(draft)
	for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		before := s.state(t)
		r := s.send(t, s.withBody(`{}`))
		if r.status == 401 {
			sameAsUnknownKey(t, s, r)
			nothing(t, before, s.state(t))
			return
		}
		if time.Now().After(end) {
			t.Fatalf("the key still works %s after its expiry", patience)
		}
	}
}

// revokedElsewhere: a key revoked by another process opens nothing here, from
// the next change on.
func revokedElsewhere(t *testing.T, s *site) {
	if r := s.send(t, s.withBody(`{}`)); r.status != 200 {
		t.Fatalf("the key should work first: %d", r.status)
	}
	s.RevokeKey(s.key)
	before := s.state(t)
	r := s.send(t, s.message())
	if r.status != 401 {
		t.Errorf("the answer is %d, should be 401", r.status)
	}
	refuses(t, s.door, r, false)
	nothing(t, before, s.state(t))
}

// foreignIsUnknown: an incident of another organisation or project is answered
// as one that there is not.
func foreignIsUnknown(t *testing.T, s *site) { foreignWith(func(*site, *message) {})(t, s) }

func foreignWith(edit func(theirs *site, m *message)) func(*testing.T, *site) {
	return func(t *testing.T, s *site) {
		theirs := &site{door: s.door, services: s.services, servers: s.servers}
		theirs.open(t)
		foreign := []tocsin.ID{theirs.Incident}
		if s.name == "U" {
			_, _, _, other := s.NewProject("Warehouse")
			foreign = append(foreign, other)
		}
		mine, other := s.state(t), theirs.state(t)
		like := s.send(t, s.edited(func(m *message) { id(nobody)(s, m); edit(theirs, m) }))
		for _, incident := range foreign {
			r := s.send(t, s.edited(func(m *message) { id(incident.String())(s, m); edit(theirs, m) }))
			if r.status != 404 {
				t.Errorf("the answer is %d, should be 404", r.status)
			}
			refuses(t, s.door, r, false)
			sameAnswer(t, r, like)
		}
		nothing(t, mine, s.state(t))
		nothing(t, other, theirs.state(t))
	}
}

// expect sends a good update, which must be refused with one of the statuses.
func (s *site) expect(t *testing.T, statuses ...int) {
	t.Helper()
	before := s.state(t)
	r := s.send(t, s.message())
	if !slices.Contains(statuses, r.status) {
		t.Errorf("the answer is %d %s, should be one of %v", r.status, r.body, statuses)
	}
	refuses(t, s.door, r, false)
	nothing(t, before, s.state(t))
}

func readOnlyKey(t *testing.T, s *site) {
	draft := tocsin.KeyDraft{Owner: s.Ada, Name: "wallboard", Permissions: tocsin.ViewIncidents}
	if s.name == "U" {
		draft.Project = s.Project
	}
	s.key = s.Key(draft)
	s.expect(t, 403)
}

// ben gives the site the key of somebody who holds the role there.
func ben(s *site, role string, scope tocsin.Scope, id tocsin.ID) (grant tocsin.ID) {
	user := s.User("Ben Lindqvist", "ben@example.org")
	grant = s.Grant(user, role, scope, id)
	draft := tocsin.KeyDraft{Owner: user, Name: "ben"}
	if s.name == "U" {
		draft.Project = s.Project
	}
	s.key = s.Key(draft)
	return grant
}

func viewWithoutManage(t *testing.T, s *site) {
	s.Role("Observer", tocsin.ViewIncidents)
	ben(s, "Observer", tocsin.ScopeDataset, s.Dataset)
	s.expect(t, 403)
}

func noViewOfTheDataset(t *testing.T, s *site) {
	_, other, _, _ := s.NewProject("Warehouse")
	ben(s, tocsin.RoleEditor, tocsin.ScopeDataset, other)
	s.expect(t, 404)
}

// roleTakenAway: what holds at the commit counts, whatever this node remembers.
func roleTakenAway(t *testing.T, s *site) {
	grant := ben(s, tocsin.RoleEditor, tocsin.ScopeProject, s.Project)
	if r := s.send(t, s.withBody(`{}`)); r.status != 200 {
		t.Fatalf("the key should work first: %d", r.status)
	}
	s.RevokeGrant(grant)
	if s.name == "N" { // 403 where the node knows already that he may do so nowhere
		s.expect(t, 404, 403)
		return
	}
	s.expect(t, 404)
}
