package dialecttest

import (
	"fmt"
	"testing"

	"tocsin"
	"tocsin/internal/store"
)

func (f *Fixture) populate(t testing.TB) {
	t.Helper()
	f.Acme = f.Organisation(t, "Acme")
	by := tocsin.System(f.Acme, "test")
	f.Warehouse = Must(f.Directory.CreateProject(t.Context(), by, "Warehouse"))(t).ID
	f.Orders = Must(f.Directory.CreateDataset(t.Context(), by, f.Warehouse, "orders"))(t).ID
	f.Customers = Must(f.Directory.CreateDataset(t.Context(), by, f.Warehouse, "customers"))(t).ID
	check := func(project tocsin.ID, name string, datasets ...tocsin.ID) tocsin.ID {
		return Must(f.Directory.CreateCheck(t.Context(), by, project, name, "https://data.example.org/"+name, datasets))(t).ID
	}
	f.OrdersCheck = check(f.Warehouse, "orders-fresh", f.Orders)
	f.CustomersCheck = check(f.Warehouse, "customers-complete", f.Customers)
	f.DryCheck = check(f.Warehouse, "no-dataset")
	f.Lake = Must(f.Directory.CreateProject(t.Context(), by, "Lake"))(t).ID
	f.LakeCheck = check(f.Lake, "lake-level")
	f.Admin = f.Key(t, f.Acme, Grant{tocsin.RoleAdmin, tocsin.ScopeOrganisation, tocsin.ID{}})
}

// Must turns (value, error) into the value, or the end of the test.
func Must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// Organisation makes another tenant.
func (f *Fixture) Organisation(t testing.TB, name string) tocsin.ID {
	t.Helper()
	return Must(f.Directory.CreateOrganisation(t.Context(), "test", name))(t).ID
}

// A Grant is a role within a scope; the organisation needs no ScopeID.
type Grant struct {
	Role    string
	Scope   tocsin.Scope
	ScopeID tocsin.ID
}

// Granted returns a grant.
func Granted(role string, scope tocsin.Scope, id tocsin.ID) Grant {
	return Grant{Role: role, Scope: scope, ScopeID: id}
}

// A Key is an API key as its holder has it, with the owner's grants.
type Key struct {
	ID, User tocsin.ID
	Token    string
	Grants   []tocsin.ID
}

// Key makes a user with the grants, and a key for her.
func (f *Fixture) Key(t testing.TB, org tocsin.ID, grants ...Grant) Key {
	t.Helper()
	return f.KeyOf(t, org, tocsin.KeyDraft{}, grants...)
}

// KeyOf makes a key as the draft has it; without an owner, for a new user.
func (f *Fixture) KeyOf(t testing.TB, org tocsin.ID, d tocsin.KeyDraft, grants ...Grant) Key {
	t.Helper()
	by := tocsin.System(org, "test")
	if d.Owner.IsZero() {
		email := fmt.Sprintf("ada%d@example.org", f.users.Add(1))
		d.Owner = Must(f.Access.CreateUser(t.Context(), by, "Ada", email))(t).ID
	}
	if d.Name == "" {
		d.Name = "test"
	}
	made, token, err := f.Access.CreateKey(t.Context(), by, d)
	if err != nil {
		t.Fatal(err)
	}
	k := Key{ID: made.ID, User: d.Owner, Token: token}
	for _, g := range grants {
		k.Grants = append(k.Grants, Must(f.Access.Grant(t.Context(), by, d.Owner, g.Role, g.Scope, g.ScopeID))(t).ID)
	}
	return k
}

// Revoke ends a key.
func (f *Fixture) Revoke(t testing.TB, k Key) {
	t.Helper()
	if err := f.Access.RevokeKey(t.Context(), tocsin.System(f.Acme, "test"), k.ID); err != nil {
		t.Error(err)
	}
}

// Onlooker makes a role that may see incidents and not manage them.
func (f *Fixture) Onlooker(t testing.TB) string {
	t.Helper()
	return Must(f.Access.CreateRole(t.Context(), tocsin.System(f.Acme, "test"), "Onlooker", tocsin.ViewIncidents))(t).Name
}

// Incident makes one on the orders check, changed by the given functions first.
func (f *Fixture) Incident(t testing.TB, changes ...func(*tocsin.Draft)) tocsin.ID {
	t.Helper()
	d := tocsin.Draft{
		Checks: []tocsin.ID{f.OrdersCheck}, Title: "Orders are late", Description: "No rows since noon",
		Severity: tocsin.Major, Source: tocsin.FromManual,
	}
	for _, change := range changes {
		change(&d)
	}
	return Must(f.Incidents.Create(t.Context(), tocsin.System(f.Acme, "test"), d))(t).ID
}

// WithStatus makes an incident that has the status.
func WithStatus(s tocsin.Status) func(*tocsin.Draft) {
	return func(d *tocsin.Draft) { d.Status = s }
}

// WithSeverity makes an incident that has the severity.
func WithSeverity(s tocsin.Severity) func(*tocsin.Draft) {
	return func(d *tocsin.Draft) { d.Severity = s }
}

// WithCheck makes an incident on the check.
func WithCheck(id tocsin.ID) func(*tocsin.Draft) {
	return func(d *tocsin.Draft) { d.Checks = []tocsin.ID{id} }
}

// A State is all that a refused or empty change must leave alone.
type State struct {
	Incident tocsin.Incident
	// Log is how many entries the organisation's log has.
	Log int
}

// State reads the state as it is stored.
func (f *Fixture) State(t testing.TB, id tocsin.ID) State {
	t.Helper()
	inc := Must(store.Find[*tocsin.Incident](t.Context(), f.Store, f.Acme, tocsin.KindIncident, id))(t)
	return State{*inc, f.LogLength(t)}
}

// LogLength returns how many entries the organisation's log has.
func (f *Fixture) LogLength(t testing.TB) int {
	t.Helper()
	counted := f.counted.Load() // an entry stays, so none is read twice
	counted += int64(len(Must(f.Store.Log(t.Context(), f.Acme, counted, 1_000_000))(t)))
	f.counted.Store(counted)
	return int(counted)
}

// Fields lists an incident's logged fields but the times of its lifecycle,
// which follow from the status.
func Fields(i *tocsin.Incident) map[string]any {
	fields := make(map[string]any)
	for _, f := range tocsin.Fields(i) {
		if f.Name != "acknowledged_at" && f.Name != "resolved_at" {
			fields[f.Name] = f.Value.Any()
		}
	}
	return fields
}
