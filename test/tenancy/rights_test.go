package tenancy_test

import (
	"net/http"
	"testing"

	"tocsin"
	"tocsin/test/harness"
)

// open lists the operations that need no credential, with their reason.
func open() map[string]string {
	return map[string]string{"acceptInvitation": "who is invited has no key yet: the invitation's token is his credential"}
}

func TestNativeOperationsNeedACredential(t *testing.T) {
	t.Parallel()
	h := newHouse(t, harness.Engines()[0])
	before := h.lengths(t)
	operations := h.operations(t)
	for i, o := range operations {
		if _, listed := open()[o.ID]; listed != o.Authority.Open() {
			t.Errorf("%s should be open if and only if the test lists it with a reason", o.ID)
		}
		if o.Authority.Open() {
			continue
		}
		for _, token := range []string{"", "tcn_x", h.things.InvitationToken} {
			d := native()
			if token == "" {
				d.sign = func(*http.Request, harness.Key) {}
			}
			if i > 0 && token == "tcn_x" {
				continue // failures are counted, and the form of tokens is tried elsewhere
			}
			if a := h.ask(t, d, harness.Key{Token: token}, o.Method, o.requests[0].target(), o.requests[0].body); a.status != 401 && a.status != 429 {
				t.Errorf("%s with the token %.4q is answered with %d %s, should be 401", o.ID, token, a.status, a.body)
			}
		}
	}
	if after := h.lengths(t); after != before {
		t.Errorf("the logs grew from %v to %v", before, after)
	}
}

// bits lists the single permissions of a set.
func bits(p tocsin.Permissions) []tocsin.Permissions {
	var out []tocsin.Permissions
	for bit := tocsin.Permissions(1); bit != 0 && bit <= p; bit <<= 1 {
		if p.Has(bit) {
			out = append(out, bit)
		}
	}
	return out
}

// A key that may do everything but what an operation needs is refused, and told
// so, whatever its owner may do.
func TestNativeOperationsNeedTheirPermission(t *testing.T) {
	t.Parallel()
	for _, engine := range harness.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, engine)
			keys := map[tocsin.Permissions]harness.Key{}
			for _, bit := range bits(tocsin.AllPermissions) {
				keys[bit] = h.mine.Key(tocsin.KeyDraft{Owner: h.mine.Ada, Name: "all but one", Permissions: tocsin.AllPermissions &^ bit})
			}
			before := h.lengths(t)
			for _, o := range h.operations(t) {
				for _, bit := range bits(o.Authority.Permission()) {
					for _, r := range o.requests {
						if a := h.askAPI(t, keys[bit], o, r); a.status != http.StatusForbidden {
							t.Errorf("%s without %v is answered with %d %s, should be 403", o.ID, bit.Names(), a.status, a.body)
						}
					}
				}
			}
			if after := h.lengths(t); after != before {
				t.Errorf("the logs grew from %v to %v", before, after)
			}
		})
	}
}

// private is all of mine but what every key of the organisation may see.
func (h *house) private() map[string]tocsin.ID {
	all := everything(h.mine, h.things)
	delete(all, "organisation")
	return all
}

// mustGetNothing asks everything with a key that may see and do nothing of what
// the requests are about.
func (h *house) mustGetNothing(t *testing.T, k harness.Key, except func(operation) bool) {
	t.Helper()
	before := h.lengths(t)
	for _, o := range h.operations(t) {
		if o.Authority.Open() || except(o) {
			continue
		}
		for _, r := range append(o.requests, request{path: o.requests[0].path, body: o.requests[0].body}) {
			a := h.askAPI(t, k, o, r)
			switch shown := a.shows(h.private()); {
			case o.Writes() && a.outcome() < 400:
				t.Errorf("%s %s is answered with %d %s, should be refused", o.Method, r.target(), a.status, a.body)
			case a.status < 300 && !o.Writes() && len(shown) > 0:
				t.Errorf("%s shows the %v: %s", r.target(), shown, a.body)
			case a.status >= 500:
				t.Errorf("%s is answered with %d %s", r.target(), a.status, a.body)
			}
		}
	}
	if after := h.lengths(t); after != before {
		t.Errorf("the logs grew from %v to %v", before, after)
	}
}

// Who may see the log sees the log and nothing else.
func TestAnAuditorsKeyReadsTheLogAlone(t *testing.T) {
	t.Parallel()
	h := newHouse(t, harness.Engines()[0])
	auditor := h.mine.User("Chiara Conti", "chiara@example.org")
	h.mine.Grant(auditor, tocsin.RoleAdmin, tocsin.ScopeOrganisation, h.mine.Org)
	k := h.mine.Key(tocsin.KeyDraft{Owner: auditor, Name: "auditor", Permissions: tocsin.ViewAudit})
	h.mustGetNothing(t, k, func(o operation) bool { return o.Authority.Permission() == tocsin.ViewAudit })
}

// Who may do everything in one project may see and do nothing in another, nor to
// the organisation.
func TestRightsInOneProjectAreNoneInAnother(t *testing.T) {
	t.Parallel()
	for _, engine := range harness.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, engine)
			h.mine.Role("Everything", tocsin.AllPermissions)
			somebody := h.mine.User("Chiara Conti", "chiara@example.org")
			h.mine.Grant(somebody, "Everything", tocsin.ScopeProject, h.otherProject["project"])
			k := h.mine.Key(tocsin.KeyDraft{Owner: somebody, Name: "of the warehouse"})
			h.mustGetNothing(t, k, func(operation) bool { return false })
		})
	}
}

// A key that may do less than another of its owner's makes nothing of that one:
// who finds a wallboard's key cannot become the owner, or lock him out.
func TestARestrictedKeyLeavesWiderKeysAlone(t *testing.T) {
	t.Parallel()
	h := newHouse(t, harness.Engines()[0])
	wider := "/v1/api-keys/" + h.mine.Soda.ID.String()
	for name, draft := range map[string]tocsin.KeyDraft{
		"of one permission": {Owner: h.mine.Ada, Name: "auditor", Permissions: tocsin.ViewAudit},
		"of one project":    {Owner: h.mine.Ada, Name: "pager", Project: h.mine.Project},
	} {
		k := h.mine.Key(draft)
		before := h.lengths(t)
		for _, c := range []struct{ method, path, body string }{
			{"DELETE", wider, ""},
			{"POST", wider + "/rotate", `{}`},
			{"PATCH", wider, `{"expires_at":"2099-01-01T00:00:00Z"}`},
			{"POST", "/v1/api-keys", `{"name":"wide"}`},
			{"POST", "/v1/invitations", `{"email":"eli@example.org","role":"Admin","scope":"organisation"}`},
		} {
			if a := h.ask(t, native(), k, c.method, c.path, c.body); a.status != http.StatusForbidden && a.status != http.StatusNotFound {
				t.Errorf("%s %s by a key %s is answered with %d %s, should be refused", c.method, c.path, name, a.status, a.body)
			}
		}
		if after := h.lengths(t); after != before {
			t.Errorf("a key %s made the logs grow from %v to %v", name, before, after)
		}
	}
}
