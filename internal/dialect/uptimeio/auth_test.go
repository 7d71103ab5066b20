package uptimeio_test

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
	revoked := f.KeyOf(t, f.Acme, tocsin.KeyDraft{Owner: f.editor.User, Project: f.Warehouse})
	f.Revoke(t, revoked)
	expired := f.KeyOf(t, f.Acme, tocsin.KeyDraft{Owner: f.editor.User, Project: f.Warehouse, ExpiresAt: f.Clock.Now().Add(time.Second)})
	token := f.editor.Token
	tests := map[string][]string{
		"no header":           nil,
		"empty":               {""},
		"no token of ours":    {"YOUR_API_KEY"},
		"with a scheme":       {"Bearer " + token},
		"key id alone":        {f.editor.ID.String()},
		"key id and token":    {f.editor.ID.String() + ":" + token},
		"cut short":           {token[:len(token)-1]},
		"wrong checksum":      {token[:len(token)-8] + "00000000"},
		"another key's token": {revoked.Token[:36] + token[36:]},
		"upper case":          {strings.ToUpper(token)},
		"and newline":         {token + "\n"},
		"and space":           {token + " "},
		"and NUL":             {token + "\x00"},
		"NUL":                 {"\x00"},
		"not UTF-8":           {"\xff\xfe"},
		"10 KB":               {strings.Repeat("k", 10_000)},
		"revoked":             {revoked.Token},
		"expired":             {expired.Token},
		"of no project":       {f.Admin.Token},
		"two headers":         {token, token},
		"good, then bad":      {token, "x"},
		"bad, then good":      {"x", token},
		"two in one":          {token + ", " + token},
	}
	calls := []dialecttest.Call{
		{Method: "PUT", Path: incidentPath(id), Body: `not even JSON`},
		{Method: "PUT", Path: "/api/incidents/nothing", Body: `{}`},
		{Method: "POST", Path: "/api/incidents", Body: `{}`},
		{Method: "GET", Path: "/api/incidents"},
	}
	for _, o := range operations(incidentPath(id)) {
		calls = append(calls, o.call)
	}
	before := f.State(t, id)
	var body string
	for name, values := range tests {
		t.Run(name, func(t *testing.T) {
			for _, c := range calls {
				c.Header = http.Header{"X-Api-Key": values}
				r := f.Serve(t, c)
				wantError(t, r, 401)
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

func TestKeyCountsOnlyInItsHeader(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.Incident(t)
	token := f.editor.Token
	before := f.State(t, id)
	for name, c := range map[string]dialecttest.Call{
		"query":             {Path: incidentPath(id) + "?api_key=" + token + "&X-API-Key=" + token},
		"body":              {Path: incidentPath(id), Body: `{"severity":"critical","X-API-Key":"` + token + `"}`},
		"cookie":            {Path: incidentPath(id), Header: http.Header{"Cookie": {"session=" + token + "; X-API-Key=" + token}}},
		"bearer":            {Path: incidentPath(id), Header: http.Header{"Authorization": {"Bearer " + token}}},
		"another header":    {Path: incidentPath(id), Header: http.Header{"Api-Key": {token}, "X-Auth-Token": {token}}},
		"beside a bearer":   {Path: incidentPath(id), Header: http.Header{"X-Api-Key": {token}, "Authorization": {"Bearer " + token}}},
		"beside a password": {Path: incidentPath(id), Header: http.Header{"X-Api-Key": {token}, "Authorization": {"Basic YTpi"}}},
	} {
		c.Method = "PUT"
		if c.Body == "" {
			c.Body = `{"severity":"critical"}`
		}
		if r := f.Do(t, c); r.Status != 401 {
			t.Errorf("%s: got %d %s, want 401", name, r.Status, r.Body)
		}
	}
	dialecttest.Unchanged(t, before, f.State(t, id))
}

func TestRevokedKeyFailsAtOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	c := dialecttest.Call{Method: "GET", Path: incidentPath(f.Incident(t)), Key: f.editor}
	dialecttest.WantStatus(t, f.Do(t, c), 200)
	f.Revoke(t, f.editor)
	wantError(t, f.Send(t, c), 401)
}

func TestIncidentOfAnotherProjectIsLikeAnUnknownOne(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.Incident(t)
	strangers := map[string]dialecttest.Key{
		"another organisation":             f.stranger(t),
		"another project":                  f.keyFor(t, f.Lake, dialecttest.Granted(tocsin.RoleAdmin, tocsin.ScopeOrganisation, tocsin.ID{})),
		"an admin's key for another place": f.KeyOf(t, f.Acme, tocsin.KeyDraft{Owner: f.Admin.User, Project: f.Lake}),
	}
	before := f.State(t, id)
	for name, k := range strangers {
		unknown := operations("/api/incidents/" + dialecttest.UnknownID)
		for i, o := range operations(incidentPath(id)) {
			want := f.Do(t, unknown[i].by(k))
			wantError(t, want, 404)
			for _, body := range []string{o.call.Body, `not even JSON`, `{"project_id":"` + f.Warehouse.String() + `","severity":"minor"}`} {
				c := o.by(k)
				c.Body = body
				c.Header = http.Header{"X-Org-Id": {f.Acme.String()}, "X-Tenant": {"Acme"}, "X-Project-Id": {f.Warehouse.String()}}
				if r := f.Do(t, c); r.Status != 404 || r.Body != want.Body {
					t.Errorf("%s, %s with %s: got %d %s, want the 404 of an unknown id", name, o.name, body, r.Status, r.Body)
				}
			}
		}
		list := dialecttest.Decode[envelope[listBody]](t, f.Do(t, dialecttest.Call{Method: "GET", Path: "/api/incidents?check_id=" + f.OrdersCheck.String(), Key: k}).Body)
		if list.Data.Pagination.Total != 0 {
			t.Errorf("%s: the list counts %d incidents of a place that the key does not see", name, list.Data.Pagination.Total)
		}
	}
	dialecttest.Unchanged(t, before, f.State(t, id))
}

func TestWhoMayUpdate(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	onlooker := f.Onlooker(t)
	onOrders, bare := f.Incident(t), f.Incident(t, dialecttest.WithCheck(f.DryCheck))
	limited := func(p tocsin.Permissions) dialecttest.Key {
		return f.KeyOf(t, f.Acme, tocsin.KeyDraft{Owner: f.Admin.User, Project: f.Warehouse, Permissions: p})
	}
	on := func(role string, scope tocsin.Scope, id tocsin.ID) dialecttest.Key {
		return f.keyFor(t, f.Warehouse, dialecttest.Granted(role, scope, id))
	}
	tests := map[string]struct {
		key            dialecttest.Key
		onOrders, bare int
	}{
		"admin":                        {on(tocsin.RoleAdmin, tocsin.ScopeOrganisation, tocsin.ID{}), 200, 200},
		"user without a grant":         {on(tocsin.RoleUser, tocsin.ScopeOrganisation, tocsin.ID{}), 404, 404},
		"project manager":              {on(tocsin.RoleManager, tocsin.ScopeProject, f.Warehouse), 200, 200},
		"project viewer":               {on(tocsin.RoleViewer, tocsin.ScopeProject, f.Warehouse), 200, 200},
		"dataset editor":               {on(tocsin.RoleEditor, tocsin.ScopeDataset, f.Orders), 200, 404},
		"manager of another dataset":   {on(tocsin.RoleManager, tocsin.ScopeDataset, f.Customers), 404, 404},
		"manager of another project":   {on(tocsin.RoleManager, tocsin.ScopeProject, f.Lake), 404, 404},
		"onlooker in the organisation": {on(onlooker, tocsin.ScopeOrganisation, tocsin.ID{}), 403, 403},
		"onlooker in the project":      {on(onlooker, tocsin.ScopeProject, f.Warehouse), 403, 403},
		"onlooker of the dataset":      {on(onlooker, tocsin.ScopeDataset, f.Orders), 403, 404},
		"key to look only":             {limited(tocsin.ViewIncidents), 403, 403},
		"key for no incidents":         {limited(tocsin.ManageMembers), 404, 404},
		"key to manage without a view": {limited(tocsin.ManageIncidents), 404, 404},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			for id, want := range map[tocsin.ID]int{onOrders: tt.onOrders, bare: tt.bare} {
				before := f.State(t, id)
				c := dialecttest.Call{Method: "PUT", Path: incidentPath(id), Body: `{"error_message":"by ` + name + `"}`, Key: tt.key}
				dialecttest.WantStatus(t, f.Do(t, c), want)
				if want == 200 {
					if got := f.State(t, id).Incident.ErrorMessage; got != "by "+name {
						t.Errorf("answered 200 and the error message is %q", got)
					}
					continue
				}
				// A fault in the body must not tell who may not see it.
				c.Body = `{"severity":`
				dialecttest.WantStatus(t, f.Do(t, c), want)
				dialecttest.Unchanged(t, before, f.State(t, id))
			}
		})
	}
}

func TestReadOnlyKeyReadsAndChangesNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.Incident(t)
	k := f.onlooker(t)
	before := f.State(t, id)
	for _, o := range operations(incidentPath(id)) {
		want := o.status
		if o.writes {
			want = 403
		}
		dialecttest.WantStatus(t, f.Do(t, o.by(k)), want)
	}
	create := dialecttest.Call{Method: "POST", Path: "/api/incidents", Body: draft(nil), Key: k}
	dialecttest.WantStatus(t, f.Do(t, create), 403)
	create.Body = draft(map[string]any{"title": nil, "check_id": f.OrdersCheck.String()})
	dialecttest.WantStatus(t, f.Do(t, create), 403)
	dialecttest.Unchanged(t, before, f.State(t, id))
}

func TestRightsAreThoseThatHoldAtCommit(t *testing.T) {
	t.Parallel()
	var meanwhile func()
	f := newFixture(t, func(d *dialect.Deps) {
		d.Incidents = dialecttest.Interrupted{Incidents: d.Incidents, Before: func() { meanwhile() }}
	})
	id := f.Incident(t)
	editor := dialecttest.Granted(tocsin.RoleEditor, tocsin.ScopeProject, f.Warehouse)
	onlooker := dialecttest.Granted(f.Onlooker(t), tocsin.ScopeProject, f.Warehouse)
	noMoreEditor := func(k dialecttest.Key) error {
		return f.Access.RevokeGrant(t.Context(), tocsin.System(f.Acme, "test"), k.Grants[0])
	}
	for name, tt := range map[string]struct {
		grants []dialecttest.Grant
		revoke func(dialecttest.Key) error
		status int
	}{
		"may only look now": {[]dialecttest.Grant{editor, onlooker}, noMoreEditor, 403},
		"may not look now":  {[]dialecttest.Grant{editor}, noMoreEditor, 404},
		"key revoked": {[]dialecttest.Grant{editor}, func(k dialecttest.Key) error {
			return f.Access.RevokeKey(t.Context(), tocsin.System(f.Acme, "test"), k.ID)
		}, 401},
	} {
		for _, o := range operations(incidentPath(id))[3:] {
			t.Run(name+", "+o.name, func(t *testing.T) {
				k := f.keyFor(t, f.Warehouse, tt.grants...)
				before := f.State(t, id)
				meanwhile = func() {
					if err := tt.revoke(k); err != nil {
						t.Error(err)
					}
				}
				wantError(t, f.Do(t, o.by(k)), tt.status)
				after := f.State(t, id)
				if diff := cmp.Diff(before.Incident, after.Incident); diff != "" || after.Log != before.Log+1 {
					t.Errorf("want nothing in the log but the revocation, got %d entries (-before +after):\n%s", after.Log-before.Log, diff)
				}
			})
		}
	}
}

func TestGuessingKeysIsSlowedDown(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	good := dialecttest.Call{Method: "GET", Path: "/api/incidents", Key: f.editor}
	bad := dialecttest.Call{Method: "GET", Path: "/api/incidents", Header: http.Header{"X-Api-Key": {"guess"}}}
	for i := range 60 {
		if r := f.Send(t, bad); r.Status != 401 {
			t.Fatalf("failure %d: got %d, want 401", i+1, r.Status)
		}
	}
	wantError(t, f.Send(t, bad), 429)
	dialecttest.WantStatus(t, f.Send(t, good), 200)
	f.Clock.Advance(time.Minute)
	wantError(t, f.Send(t, bad), 401)
}

func TestGoodCallsHaveNoLimit(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	c := dialecttest.Call{Method: "PUT", Path: incidentPath(f.Incident(t)), Body: `{}`, Key: f.editor}
	for range 100 {
		dialecttest.WantStatus(t, f.Send(t, c), 200)
	}
}

func TestSecretsStayOutOfTheLog(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.Incident(t)
	f.update(t, id, `{"severity":"critical"}`)
	f.Do(t, dialecttest.Call{
		Method: "PUT", Path: incidentPath(id) + "?key=" + f.editor.Token,
		Header: http.Header{"X-Api-Key": {f.editor.Token, "x"}, "Authorization": {f.editor.Token}},
	})
	logged := f.Log.String()
	for _, secret := range []string{f.editor.Token, f.editor.Token[36:]} {
		if strings.Contains(logged, secret) {
			t.Errorf("the log holds a credential:\n%s", logged)
		}
	}
	for _, want := range []string{"key=" + f.editor.ID.String(), "org=" + f.Acme.String(), "incident=" + id.String(), `route="PUT /api/incidents/{id}"`} {
		if !strings.Contains(logged, want) {
			t.Errorf("the log does not say %s:\n%s", want, logged)
		}
	}
}
