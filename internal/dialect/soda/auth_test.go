package soda_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"tocsin"
	"tocsin/internal/dialect"
	"tocsin/internal/dialect/dialecttest"

	"github.com/google/go-cmp/cmp"
)

func TestEveryFailureToAuthenticateIsTheSame401(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.Incident(t)
	revoked := f.Key(t, f.Acme, dialecttest.Granted(tocsin.RoleAdmin, tocsin.ScopeOrganisation, tocsin.ID{}))
	if err := f.Access.RevokeKey(t.Context(), tocsin.System(f.Acme, "test"), revoked.ID); err != nil {
		t.Fatal(err)
	}
	expired := f.KeyOf(t, f.Acme, tocsin.KeyDraft{Owner: f.Admin.User, Name: "short", ExpiresAt: f.Clock.Now().Add(time.Second)})
	admin, token := f.Admin.ID.String(), f.Admin.Token
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
		"unknown id":           {basic(dialecttest.UnknownID + ":" + token)},
		"id of another key":    {basic(revoked.ID.String() + ":" + token)},
		"wrong secret":         {basic(admin + ":" + strings.Repeat("0", len(token)))},
		"wrong checksum":       {basic(admin + ":" + wrongSum)},
		"secret and newline":   {basic(admin + ":" + token + "\n")},
		"secret and space":     {basic(admin + ":" + token + " ")},
		"secret in upper case": {basic(admin + ":" + strings.ToUpper(token))},
		"id and space":         {basic(admin + " :" + token)},
		"10 KB":                {basic(admin + ":" + strings.Repeat("k", 10_000))},
		"NUL":                  {basic(admin + ":\x00")},
		"revoked":              {basicOf(revoked)},
		"expired":              {basicOf(expired)},
		"two headers":          {basicOf(f.Admin), basicOf(f.Admin)},
		"good, then bad":       {basicOf(f.Admin), "Basic x"},
		"bad, then good":       {"Basic x", basicOf(f.Admin)},
	}
	before := f.State(t, id)
	var body string
	for name, values := range tests {
		t.Run(name, func(t *testing.T) {
			for _, c := range []dialecttest.Call{
				{Method: "POST", Path: incidentPath(id), Body: `{"title":"T"}`},
				{Method: "POST", Path: incidentPath(id), Body: `not even JSON`},
				{Method: "POST", Path: "/api/v1/incidents", Body: `{}`},
				{Method: "GET", Path: "/api/v1/incidents"},
				{Method: "GET", Path: "/api/v1/test-login"},
			} {
				c.Header = http.Header{"Authorization": values}
				r := f.Do(t, c)
				wantError(t, r, 401, "unauthorized")
				if body == "" {
					body = r.Body
				}
				if r.Body != body {
					t.Errorf("the body %s differs from that of another failure, %s", r.Body, body)
				}
			}
		})
	}
	dialecttest.Unchanged(t, before, f.State(t, id))
}

func TestKeyCountsOnlyInTheHeader(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.Incident(t)
	token := f.Admin.Token
	for name, c := range map[string]dialecttest.Call{
		"query":          {Path: incidentPath(id) + "?api_key=" + token + "&apikey=" + token, Body: `{}`},
		"body":           {Path: incidentPath(id), Body: `{"apiKey":"` + token + `"}`},
		"cookie":         {Path: incidentPath(id), Body: `{}`, Header: http.Header{"Cookie": {"session=" + token}}},
		"X-API-Key":      {Path: incidentPath(id), Body: `{}`, Header: http.Header{"X-Api-Key": {token}}},
		"beside another": {Path: incidentPath(id), Body: `{}`, Header: http.Header{"Authorization": {basicOf(f.Admin)}, "X-Api-Key": {token}}},
		"user in it":     {Path: incidentPath(id), Body: `{}`, Header: http.Header{"Proxy-Authorization": {basicOf(f.Admin)}}},
	} {
		c.Method = "POST"
		if r := f.Do(t, c); r.Status != 401 {
			t.Errorf("%s: got %d %s, want 401", name, r.Status, r.Body)
		}
	}
}

func TestSchemeAndKeyIDAreReadWithoutCase(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, header := range []string{
		strings.Replace(basicOf(f.Admin), "Basic", "bAsIc", 1),
		basic(strings.ToUpper(f.Admin.ID.String()) + ":" + f.Admin.Token),
	} {
		dialecttest.WantStatus(t, f.Do(t, dialecttest.Call{Method: "GET", Path: "/api/v1/test-login", Header: http.Header{"Authorization": {header}}}), 200)
	}
}

func TestRevokedKeyFailsAtOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	k := f.Key(t, f.Acme)
	login := dialecttest.Call{Method: "GET", Path: "/api/v1/test-login", Key: k}
	dialecttest.WantStatus(t, f.Do(t, login), 200)
	if err := f.Access.RevokeKey(t.Context(), tocsin.System(f.Acme, "test"), k.ID); err != nil {
		t.Fatal(err)
	}
	wantError(t, f.Send(t, login), 401, "unauthorized")
}

func TestIncidentOfAnotherOrganisationIsLikeAnUnknownOne(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.Incident(t)
	rival := f.Organisation(t, "Rival")
	stranger := f.Key(t, rival, dialecttest.Granted(tocsin.RoleAdmin, tocsin.ScopeOrganisation, tocsin.ID{}))
	unknown := f.Do(t, dialecttest.Call{Method: "POST", Path: "/api/v1/incidents/" + dialecttest.UnknownID, Body: `{}`, Key: stranger})
	wantError(t, unknown, 404, "incident_not_found")
	before := f.State(t, id)
	for _, c := range []dialecttest.Call{
		{Body: `{"title":"T"}`},
		{Body: `not even JSON`},
		{Body: `{"organisationId":"` + f.Acme.String() + `","title":"T"}`},
		{Body: `{}`, Header: http.Header{"X-Org-Id": {f.Acme.String()}, "X-Tenant": {"Acme"}}},
	} {
		c.Method, c.Path, c.Key = "POST", incidentPath(id), stranger
		if r := f.Do(t, c); r.Status != 404 || r.Body != unknown.Body {
			t.Errorf("%s: got %d %s, want the 404 of an unknown id", c.Body, r.Status, r.Body)
		}
	}
	dialecttest.Unchanged(t, before, f.State(t, id))
	page := dialecttest.Decode[pageBody](t, f.Do(t, dialecttest.Call{Method: "GET", Path: "/api/v1/incidents?incidentIds=" + id.String(), Key: stranger}).Body)
	if page.TotalElements != 0 {
		t.Errorf("a stranger's list counts %d incidents of another organisation", page.TotalElements)
	}
}

func TestWhoMayUpdate(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	onlooker := f.Onlooker(t)
	onOrders, bare := f.Incident(t), f.Incident(t, dialecttest.WithCheck(f.DryCheck))
	limited := func(d tocsin.KeyDraft) dialecttest.Key {
		d.Owner, d.Name = f.Admin.User, "limited"
		return f.KeyOf(t, f.Acme, d)
	}
	on := func(role string, scope tocsin.Scope, id tocsin.ID) dialecttest.Key {
		return f.Key(t, f.Acme, dialecttest.Granted(role, scope, id))
	}
	tests := map[string]struct {
		key            dialecttest.Key
		onOrders, bare int
	}{
		"admin":                            {f.Admin, 200, 200},
		"user without a grant":             {on(tocsin.RoleUser, tocsin.ScopeOrganisation, tocsin.ID{}), 404, 404},
		"project manager":                  {on(tocsin.RoleManager, tocsin.ScopeProject, f.Warehouse), 200, 200},
		"project viewer":                   {on(tocsin.RoleViewer, tocsin.ScopeProject, f.Warehouse), 200, 200},
		"dataset manager":                  {on(tocsin.RoleManager, tocsin.ScopeDataset, f.Orders), 200, 404},
		"dataset editor":                   {on(tocsin.RoleEditor, tocsin.ScopeDataset, f.Orders), 200, 404},
		"dataset viewer":                   {on(tocsin.RoleViewer, tocsin.ScopeDataset, f.Orders), 200, 404},
		"manager of another dataset":       {on(tocsin.RoleManager, tocsin.ScopeDataset, f.Customers), 404, 404},
		"manager of another project":       {on(tocsin.RoleManager, tocsin.ScopeProject, f.Lake), 404, 404},
		"onlooker in the organisation":     {on(onlooker, tocsin.ScopeOrganisation, tocsin.ID{}), 403, 403},
		"onlooker in the project":          {on(onlooker, tocsin.ScopeProject, f.Warehouse), 403, 403},
		"onlooker of the dataset":          {on(onlooker, tocsin.ScopeDataset, f.Orders), 403, 404},
		"the best of two grants":           {f.Key(t, f.Acme, dialecttest.Granted(onlooker, tocsin.ScopeProject, f.Warehouse), dialecttest.Granted(tocsin.RoleViewer, tocsin.ScopeDataset, f.Orders)), 200, 403},
		"admin's key to look only":         {limited(tocsin.KeyDraft{Permissions: tocsin.ViewIncidents}), 403, 403},
		"admin's key for no incidents":     {limited(tocsin.KeyDraft{Permissions: tocsin.ManageMembers}), 404, 404},
		"admin's key for the project":      {limited(tocsin.KeyDraft{Project: f.Warehouse}), 200, 200},
		"admin's key for another project":  {limited(tocsin.KeyDraft{Project: f.Lake}), 404, 404},
		"admin's key, both restrictions":   {limited(tocsin.KeyDraft{Project: f.Warehouse, Permissions: tocsin.ViewIncidents}), 403, 403},
		"admin's key, manage without view": {limited(tocsin.KeyDraft{Permissions: tocsin.ManageIncidents}), 404, 404},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			for id, want := range map[tocsin.ID]int{onOrders: tt.onOrders, bare: tt.bare} {
				before := f.State(t, id)
				dialecttest.WantStatus(t, f.Do(t, dialecttest.Call{Method: "POST", Path: incidentPath(id), Body: `{"title":"by ` + name + `"}`, Key: tt.key}), want)
				after := f.State(t, id)
				if want == 200 && after.Incident.Title != "by "+name {
					t.Errorf("answered 200 and the title is %q", after.Incident.Title)
				}
				if want != 200 && !cmp.Equal(before, after) {
					t.Errorf("answered %d and something changed:\n%s", want, cmp.Diff(before, after))
				}
				// A fault in the body must not tell who may not see it.
				if want != 200 {
					dialecttest.WantStatus(t, f.Do(t, dialecttest.Call{Method: "POST", Path: incidentPath(id), Body: `{"title":`, Key: tt.key}), want)
				}
			}
		})
	}
}

func TestRightsAreThoseThatHoldAtCommit(t *testing.T) {
	t.Parallel()
	var meanwhile func()
	f := newFixture(t, func(d *dialect.Deps) {
		d.Incidents = dialecttest.Interrupted{Incidents: d.Incidents, Before: func() { meanwhile() }}
	})
	id := f.Incident(t)
	onlooker := f.Onlooker(t)
	system := tocsin.System(f.Acme, "test")
	for name, tt := range map[string]struct {
		grants []dialecttest.Grant
		revoke func(dialecttest.Key) error
		status int
	}{
		"may only look now": {
			[]dialecttest.Grant{dialecttest.Granted(tocsin.RoleEditor, tocsin.ScopeProject, f.Warehouse), dialecttest.Granted(onlooker, tocsin.ScopeProject, f.Warehouse)},
			func(k dialecttest.Key) error { return f.Access.RevokeGrant(t.Context(), system, k.Grants[0]) }, 403,
		},
		"may not look now": {
			[]dialecttest.Grant{dialecttest.Granted(tocsin.RoleEditor, tocsin.ScopeProject, f.Warehouse)},
			func(k dialecttest.Key) error { return f.Access.RevokeGrant(t.Context(), system, k.Grants[0]) }, 404,
		},
		"key revoked": {
			[]dialecttest.Grant{dialecttest.Granted(tocsin.RoleEditor, tocsin.ScopeProject, f.Warehouse)},
			func(k dialecttest.Key) error { return f.Access.RevokeKey(t.Context(), system, k.ID) }, 401,
		},
	} {
		t.Run(name, func(t *testing.T) {
			k := f.Key(t, f.Acme, tt.grants...)
			before := f.State(t, id)
			meanwhile = func() {
				if err := tt.revoke(k); err != nil {
					t.Error(err)
				}
			}
			dialecttest.WantStatus(t, f.Do(t, dialecttest.Call{Method: "POST", Path: incidentPath(id), Body: `{"title":"T"}`, Key: k}), tt.status)
			after := f.State(t, id)
			if diff := cmp.Diff(before.Incident, after.Incident); diff != "" || after.Log != before.Log+1 {
				t.Errorf("want nothing in the log but the revocation, got %d entries (-before +after):\n%s", after.Log-before.Log, diff)
			}
		})
	}
}

func TestGuessingKeysIsSlowedDown(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	bad := dialecttest.Call{Method: "GET", Path: "/api/v1/test-login", Header: http.Header{"Authorization": {basic(f.Admin.ID.String() + ":guess")}}}
	for i := range 60 {
		if r := f.Send(t, bad); r.Status != 401 {
			t.Fatalf("failure %d: got %d, want 401", i+1, r.Status)
		}
	}
	wantError(t, f.Send(t, bad), 429, "too_many_requests")
	dialecttest.WantStatus(t, f.Send(t, dialecttest.Call{Method: "GET", Path: "/api/v1/test-login", Key: f.Admin}), 200)
	f.Clock.Advance(time.Minute)
	dialecttest.WantStatus(t, f.Send(t, bad), 401)
}

func TestSecretsStayOutOfTheLog(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.Incident(t)
	f.update(t, id, `{"title":"T"}`)
	f.Do(t, dialecttest.Call{Method: "POST", Path: incidentPath(id) + "?key=" + f.Admin.Token, Header: http.Header{"Authorization": {basicOf(f.Admin), "x"}}})
	logged := f.Log.String()
	for _, secret := range []string{f.Admin.Token, f.Admin.Token[4:], basicOf(f.Admin)[6:]} {
		if strings.Contains(logged, secret) {
			t.Errorf("the log holds a credential:\n%s", logged)
		}
	}
	for _, want := range []string{"key=" + f.Admin.ID.String(), "org=" + f.Acme.String(), "incident=" + id.String(), `route="POST /api/v1/incidents/{incidentId}"`} {
		if !strings.Contains(logged, want) {
			t.Errorf("the log does not say %s:\n%s", want, logged)
		}
	}
}
