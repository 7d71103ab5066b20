package soda_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"tocsin"
	"tocsin/internal/access"
	"tocsin/internal/dialect"

	"github.com/google/go-cmp/cmp"
)

func TestEveryFailureToAuthenticateIsTheSame401(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.incident(t)
	revoked := f.key(t, f.acme, grant{tocsin.RoleAdmin, tocsin.ScopeOrganisation, tocsin.ID{}})
	if err := f.access.RevokeKey(t.Context(), tocsin.System(f.acme, "test"), revoked.id); err != nil {
		t.Fatal(err)
	}
	expired := f.keyOf(t, f.acme, access.KeyDraft{Owner: f.admin.user, Name: "short", ExpiresAt: f.clock.Now().Add(time.Second)})
	admin, token := f.admin.id.String(), f.admin.token
	strayBits := strings.TrimRight(basic(admin+":"+token), "=")
	strayBits = strayBits[:len(strayBits)-1] + string(strayBits[len(strayBits)-1]+1) + "=="
	wrongSum := token[:len(token)-8] + "00000000"
	tests := map[string][]string{
		"no header":            nil,
		"empty":                {""},
		"another scheme":       {"Bearer " + token},
		"scheme alone":         {"Basic"},
		"no credential":        {"Basic "},
		"bad base64":           {"Basic !!!"},
		"base64 without pad":   {strings.TrimRight(basic(admin+":"+token), "=")},
		"base64 of other bits": {strayBits},
		"no colon":             {basic(admin + token)},
		"empty id":             {basic(":" + token)},
		"empty secret":         {basic(admin + ":")},
		"both empty":           {basic(":")},
		"unknown id":           {basic("9d1b0b5e-0000-7000-8000-00000000ffff:" + token)},
		"id of another key":    {basic(revoked.id.String() + ":" + token)},
		"wrong secret":         {basic(admin + ":" + strings.Repeat("0", len(token)))},
		"wrong checksum":       {basic(admin + ":" + wrongSum)},
		"secret and newline":   {basic(admin + ":" + token + "\n")},
		"secret and space":     {basic(admin + ":" + token + " ")},
		"secret in upper case": {basic(admin + ":" + strings.ToUpper(token))},
		"id and space":         {basic(admin + " :" + token)},
		"10 KB":                {basic(admin + ":" + strings.Repeat("k", 10_000))},
		"NUL":                  {basic(admin + ":\x00")},
		"revoked":              {revoked.basic()},
		"expired":              {expired.basic()},
		"two headers":          {f.admin.basic(), f.admin.basic()},
		"good, then bad":       {f.admin.basic(), "Basic x"},
		"bad, then good":       {"Basic x", f.admin.basic()},
	}
	before := f.state(t, id)
	var body string
	for name, values := range tests {
		t.Run(name, func(t *testing.T) {
			for _, c := range []call{
				{method: "POST", path: incidentPath(id), body: `{"title":"T"}`},
				{method: "POST", path: incidentPath(id), body: `not even JSON`},
				{method: "POST", path: "/api/v1/incidents", body: `{}`},
				{method: "GET", path: "/api/v1/incidents"},
				{method: "GET", path: "/api/v1/test-login"},
			} {
				c.header = http.Header{"Authorization": values}
				r := f.do(t, c)
				wantError(t, r, 401, "unauthorized")
				if body == "" {
					body = r.body
				}
				if r.body != body {
					t.Errorf("the body %s differs from that of another failure, %s", r.body, body)
				}
			}
		})
	}
	if diff := cmp.Diff(before, f.state(t, id)); diff != "" {
		t.Errorf("an unauthenticated call left something (-before +after):\n%s", diff)
	}
}

func TestKeyCountsOnlyInTheHeader(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.incident(t)
	token := f.admin.token
	for name, c := range map[string]call{
		"query":      {path: incidentPath(id) + "?api_key=" + token + "&apikey=" + token, body: `{}`},
		"body":       {path: incidentPath(id), body: `{"apiKey":"` + token + `"}`},
		"cookie":     {path: incidentPath(id), body: `{}`, header: http.Header{"Cookie": {"session=" + token}}},
		"X-API-Key":  {path: incidentPath(id), body: `{}`, header: http.Header{"X-Api-Key": {token}}},
		"user in it": {path: incidentPath(id), body: `{}`, header: http.Header{"Proxy-Authorization": {f.admin.basic()}}},
	} {
		c.method = "POST"
		if r := f.do(t, c); r.status != 401 {
			t.Errorf("%s: got %d %s, want 401", name, r.status, r.body)
		}
	}
}

func TestSchemeAndKeyIDAreReadWithoutCase(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, header := range []string{
		strings.Replace(f.admin.basic(), "Basic", "bAsIc", 1),
		basic(strings.ToUpper(f.admin.id.String()) + ":" + f.admin.token),
	} {
		wantStatus(t, f.do(t, call{method: "GET", path: "/api/v1/test-login", header: http.Header{"Authorization": {header}}}), 200)
	}
}

func TestRevokedKeyFailsAtOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	k := f.key(t, f.acme)
	login := call{method: "GET", path: "/api/v1/test-login", key: k}
	wantStatus(t, f.do(t, login), 200)
	if err := f.access.RevokeKey(t.Context(), tocsin.System(f.acme, "test"), k.id); err != nil {
		t.Fatal(err)
	}
	wantError(t, f.send(t, login), 401, "unauthorized")
}

func TestIncidentOfAnotherOrganisationIsLikeAnUnknownOne(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.incident(t)
	rival := f.organisation(t, "Rival")
	stranger := f.key(t, rival, grant{tocsin.RoleAdmin, tocsin.ScopeOrganisation, tocsin.ID{}})
	unknown := f.do(t, call{method: "POST", path: "/api/v1/incidents/9d1b0b5e-0000-7000-8000-00000000ffff", body: `{}`, key: stranger})
	wantError(t, unknown, 404, "incident_not_found")
	before := f.state(t, id)
	for _, c := range []call{
		{body: `{"title":"T"}`},
		{body: `not even JSON`},
		{body: `{"organisationId":"` + f.acme.String() + `","title":"T"}`},
		{body: `{}`, header: http.Header{"X-Org-Id": {f.acme.String()}, "X-Tenant": {"Acme"}}},
	} {
		c.method, c.path, c.key = "POST", incidentPath(id), stranger
		if r := f.do(t, c); r.status != 404 || r.body != unknown.body {
			t.Errorf("%s: got %d %s, want the 404 of an unknown id", c.body, r.status, r.body)
		}
	}
	if diff := cmp.Diff(before, f.state(t, id)); diff != "" {
		t.Errorf("a stranger left something (-before +after):\n%s", diff)
	}
	page := decode[pageBody](t, f.do(t, call{method: "GET", path: "/api/v1/incidents?incidentIds=" + id.String(), key: stranger}).body)
	if page.TotalElements != 0 {
		t.Errorf("a stranger's list counts %d incidents of another organisation", page.TotalElements)
	}
}

func TestWhoMayUpdate(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	onlooker := f.viewerRole(t)
	onOrders, bare := f.incident(t), f.incident(t, withCheck(f.dryCheck))
	limited := func(d access.KeyDraft) key {
		d.Owner, d.Name = f.admin.user, "limited"
		return f.keyOf(t, f.acme, d)
	}
	on := func(role string, scope tocsin.Scope, id tocsin.ID) key {
		return f.key(t, f.acme, grant{role, scope, id})
	}
	tests := map[string]struct {
		key            key
		onOrders, bare int
	}{
		"admin":                            {f.admin, 200, 200},
		"user without a grant":             {on(tocsin.RoleUser, tocsin.ScopeOrganisation, tocsin.ID{}), 404, 404},
		"project manager":                  {on(tocsin.RoleManager, tocsin.ScopeProject, f.warehouse), 200, 200},
		"project viewer":                   {on(tocsin.RoleViewer, tocsin.ScopeProject, f.warehouse), 200, 200},
		"dataset manager":                  {on(tocsin.RoleManager, tocsin.ScopeDataset, f.orders), 200, 404},
		"dataset editor":                   {on(tocsin.RoleEditor, tocsin.ScopeDataset, f.orders), 200, 404},
		"dataset viewer":                   {on(tocsin.RoleViewer, tocsin.ScopeDataset, f.orders), 200, 404},
		"manager of another dataset":       {on(tocsin.RoleManager, tocsin.ScopeDataset, f.customers), 404, 404},
		"manager of another project":       {on(tocsin.RoleManager, tocsin.ScopeProject, f.lake), 404, 404},
		"onlooker in the organisation":     {on(onlooker, tocsin.ScopeOrganisation, tocsin.ID{}), 403, 403},
		"onlooker in the project":          {on(onlooker, tocsin.ScopeProject, f.warehouse), 403, 403},
		"onlooker of the dataset":          {on(onlooker, tocsin.ScopeDataset, f.orders), 403, 404},
		"the best of two grants":           {f.key(t, f.acme, grant{onlooker, tocsin.ScopeProject, f.warehouse}, grant{tocsin.RoleViewer, tocsin.ScopeDataset, f.orders}), 200, 403},
		"admin's key to look only":         {limited(access.KeyDraft{Permissions: tocsin.ViewIncidents}), 403, 403},
		"admin's key for no incidents":     {limited(access.KeyDraft{Permissions: tocsin.ManageMembers}), 404, 404},
		"admin's key for the project":      {limited(access.KeyDraft{Project: f.warehouse}), 200, 200},
		"admin's key for another project":  {limited(access.KeyDraft{Project: f.lake}), 404, 404},
		"admin's key, both restrictions":   {limited(access.KeyDraft{Project: f.warehouse, Permissions: tocsin.ViewIncidents}), 403, 403},
		"admin's key, manage without view": {limited(access.KeyDraft{Permissions: tocsin.ManageIncidents}), 404, 404},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			for id, want := range map[tocsin.ID]int{onOrders: tt.onOrders, bare: tt.bare} {
				before := f.state(t, id)
				wantStatus(t, f.do(t, call{method: "POST", path: incidentPath(id), body: `{"title":"by ` + name + `"}`, key: tt.key}), want)
				after := f.state(t, id)
				if want == 200 && after.Incident.Title != "by "+name {
					t.Errorf("answered 200 and the title is %q", after.Incident.Title)
				}
				if want != 200 && !cmp.Equal(before, after) {
					t.Errorf("answered %d and something changed:\n%s", want, cmp.Diff(before, after))
				}
				// A fault in the body must not tell who may not see it.
				if want != 200 {
					wantStatus(t, f.do(t, call{method: "POST", path: incidentPath(id), body: `{"title":`, key: tt.key}), want)
				}
			}
		})
	}
}

// An interrupted use case has something happen between the look at who may and
// the commit.
type interrupted struct {
	dialect.Incidents
	before func()
}

func (i interrupted) Update(ctx context.Context, actor tocsin.Actor, id tocsin.ID, p tocsin.Patch, rules tocsin.Rules) (*tocsin.Incident, error) {
	i.before()
	return i.Incidents.Update(ctx, actor, id, p, rules)
}

func TestRightsAreThoseThatHoldAtCommit(t *testing.T) {
	t.Parallel()
	var meanwhile func()
	f := newFixture(t, func(_ *fixture, d *dialect.Deps) {
		d.Incidents = interrupted{d.Incidents, func() { meanwhile() }}
	})
	id := f.incident(t)
	onlooker := f.viewerRole(t)
	system := tocsin.System(f.acme, "test")
	for name, tt := range map[string]struct {
		grants []grant
		revoke func(key) error
		status int
	}{
		"may only look now": {
			[]grant{{tocsin.RoleEditor, tocsin.ScopeProject, f.warehouse}, {onlooker, tocsin.ScopeProject, f.warehouse}},
			func(k key) error { return f.access.RevokeGrant(t.Context(), system, k.grants[0]) }, 403,
		},
		"may not look now": {
			[]grant{{tocsin.RoleEditor, tocsin.ScopeProject, f.warehouse}},
			func(k key) error { return f.access.RevokeGrant(t.Context(), system, k.grants[0]) }, 404,
		},
		"key revoked": {
			[]grant{{tocsin.RoleEditor, tocsin.ScopeProject, f.warehouse}},
			func(k key) error { return f.access.RevokeKey(t.Context(), system, k.id) }, 401,
		},
	} {
		t.Run(name, func(t *testing.T) {
			k := f.key(t, f.acme, tt.grants...)
			before := f.state(t, id)
			meanwhile = func() {
				if err := tt.revoke(k); err != nil {
					t.Error(err)
				}
			}
			wantStatus(t, f.do(t, call{method: "POST", path: incidentPath(id), body: `{"title":"T"}`, key: k}), tt.status)
			after := f.state(t, id)
			if diff := cmp.Diff(before.Incident, after.Incident); diff != "" || after.Log != before.Log+1 {
				t.Errorf("want nothing in the log but the revocation, got %d entries (-before +after):\n%s", after.Log-before.Log, diff)
			}
		})
	}
}

func TestGuessingKeysIsSlowedDown(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	bad := call{method: "GET", path: "/api/v1/test-login", header: http.Header{"Authorization": {basic(f.admin.id.String() + ":guess")}}}
	for i := range 60 {
		if r := f.send(t, bad); r.status != 401 {
			t.Fatalf("failure %d: got %d, want 401", i+1, r.status)
		}
	}
	wantError(t, f.send(t, bad), 429, "too_many_requests")
	wantStatus(t, f.send(t, call{method: "GET", path: "/api/v1/test-login", key: f.admin}), 200)
	f.clock.advance(time.Minute)
	wantStatus(t, f.send(t, bad), 401)
}

func TestSecretsStayOutOfTheLog(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.incident(t)
	f.update(t, id, `{"title":"T"}`)
	f.do(t, call{method: "POST", path: incidentPath(id) + "?key=" + f.admin.token, header: http.Header{"Authorization": {f.admin.basic(), "x"}}})
	logged := f.log.String()
	for _, secret := range []string{f.admin.token, f.admin.token[4:], f.admin.basic()[6:]} {
		if strings.Contains(logged, secret) {
			t.Errorf("the log holds a credential:\n%s", logged)
		}
	}
	for _, want := range []string{"key=" + f.admin.id.String(), "organisation=" + f.acme.String(), "incident=" + id.String(), `route="POST /api/v1/incidents/{incidentId}"`} {
		if !strings.Contains(logged, want) {
			t.Errorf("the log does not say %s:\n%s", want, logged)
		}
	}
}
