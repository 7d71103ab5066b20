package tocsin_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin"
)

func TestPermissions_haveOneNameEach(t *testing.T) {
	t.Parallel()
	names := tocsin.AllPermissions.Names()
	want := []string{"audit.view", "incidents.manage", "incidents.view", "members.manage", "projects.manage", "settings.manage"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("names of all permissions (-want +got):\n%s", diff)
	}
	if got := tocsin.Permissions(0).Names(); got == nil || len(got) != 0 {
		t.Errorf("names of no permission: %#v; want an empty list, which JSON shows as []", got)
	}
	for set := range tocsin.AllPermissions + 1 {
		if back, err := tocsin.ParsePermissions(set.Names()); back != set || err != nil {
			t.Errorf("%v reads back as %v, %v", set.Names(), back.Names(), err)
		}
	}
}

func TestParsePermissions_namesTheFirstThatIsUnknown(t *testing.T) {
	t.Parallel()
	if p, err := tocsin.ParsePermissions([]string{"incidents.view", "incidents.view"}); p != tocsin.ViewIncidents || err != nil {
		t.Errorf("a name twice: %v, %v; want it once", p.Names(), err)
	}
	for unknown, names := range map[string][]string{
		`"incidents.delete"`: {"incidents.view", "incidents.delete", "all"},
		`"Incidents.View"`:   {"Incidents.View"},
		`""`:                 {""},
	} {
		p, err := tocsin.ParsePermissions(names)
		if p != 0 || tocsin.CodeOf(err) != tocsin.Invalid || !strings.HasPrefix(err.Error(), unknown) {
			t.Errorf("ParsePermissions(%q) = %v, %v; want an Invalid error that begins with %s", names, p.Names(), err, unknown)
		}
	}
}

func TestBuiltinRole(t *testing.T) {
	t.Parallel()
	incidents := []string{"incidents.manage", "incidents.view"}
	for role, want := range map[string][]string{
		tocsin.RoleAdmin:   tocsin.AllPermissions.Names(),
		tocsin.RoleUser:    {},
		tocsin.RoleManager: {"incidents.manage", "incidents.view", "projects.manage"},
		tocsin.RoleEditor:  incidents,
		tocsin.RoleViewer:  incidents, // the Soda contract's "Manage incident" is in all three
	} {
		got, ok := tocsin.BuiltinRole(role)
		if diff := cmp.Diff(want, got.Names()); !ok || diff != "" {
			t.Errorf("%s, built in: %t (-want +got):\n%s", role, ok, diff)
		}
	}
	if p, ok := tocsin.BuiltinRole("admin"); ok || p != 0 {
		t.Errorf("admin in lower case is a built-in role with %v; want none", p.Names())
	}
}

func TestScope_Valid(t *testing.T) {
	t.Parallel()
	for scope, want := range map[tocsin.Scope]bool{
		tocsin.ScopeOrganisation: true, tocsin.ScopeProject: true, tocsin.ScopeDataset: true,
		"": false, "Project": false, "incident": false,
	} {
		if scope.Valid() != want {
			t.Errorf("scope %q valid: %t; want %t", scope, !want, want)
		}
	}
}

func TestAccess_Check(t *testing.T) {
	t.Parallel()
	now := hour(5)
	for _, c := range []struct {
		name string
		a    *tocsin.Access
		good bool
	}{
		{"no key at all", nil, false},
		{"a key without an end", withKey(tocsin.APIKey{}), true},
		{"a microsecond before it expires", withKey(tocsin.APIKey{ExpiresAt: now.Add(time.Microsecond)}), true},
		{"at the instant that it expires", withKey(tocsin.APIKey{ExpiresAt: now}), false},
		{"after it expired", withKey(tocsin.APIKey{ExpiresAt: now.Add(-time.Hour)}), false},
		{"revoked", withKey(tocsin.APIKey{RevokedAt: now.Add(-time.Hour)}), false},
		{"revoked by a clock that was ahead", withKey(tocsin.APIKey{RevokedAt: now.Add(time.Hour)}), false},
	} {
		err := c.a.Check(now)
		if c.good && err != nil || !c.good && tocsin.CodeOf(err) != tocsin.Unauthenticated {
			t.Errorf("%s: %v; good should be %t", c.name, err, c.good)
		}
	}
}

func withKey(k tocsin.APIKey, bindings ...tocsin.Binding) *tocsin.Access {
	return &tocsin.Access{Key: &k, Owner: &tocsin.User{}, Bindings: bindings}
}

// The house that the tables below speak of: two projects with a dataset each.
func houses() (org, shop, warehouse, orders, stock tocsin.ID) {
	return id(1), id(2), id(3), id(4), id(5)
}

func TestAccess_May_byScope(t *testing.T) {
	t.Parallel()
	org, shop, warehouse, orders, stock := houses()
	targets := map[string]tocsin.Target{
		"organisation":            {},
		"shop":                    {Project: shop},
		"shop, orders":            {Project: shop, Datasets: []tocsin.ID{orders}},
		"shop, orders and stock":  {Project: shop, Datasets: []tocsin.ID{stock, orders}},
		"warehouse":               {Project: warehouse},
		"warehouse, stock":        {Project: warehouse, Datasets: []tocsin.ID{stock}},
		"warehouse, a zero place": {Project: warehouse, Datasets: []tocsin.ID{{}}},
	}
	for _, c := range []struct {
		name    string
		binding tocsin.Binding
		reaches []string
	}{
		{"organisation", tocsin.Binding{Scope: tocsin.ScopeOrganisation, ScopeID: org}, []string{
			"organisation", "shop", "shop, orders", "shop, orders and stock", "warehouse", "warehouse, stock", "warehouse, a zero place",
		}},
		{"project", tocsin.Binding{Scope: tocsin.ScopeProject, ScopeID: shop}, []string{"shop", "shop, orders", "shop, orders and stock"}},
		{"dataset", tocsin.Binding{Scope: tocsin.ScopeDataset, ScopeID: orders}, []string{"shop, orders", "shop, orders and stock"}},
		{"project without an id", tocsin.Binding{Scope: tocsin.ScopeProject}, nil},
		{"no scope", tocsin.Binding{ScopeID: shop}, nil},
		{"an unknown scope", tocsin.Binding{Scope: "planet", ScopeID: shop}, nil},
	} {
		c.binding.Permissions = tocsin.ViewIncidents
		a := withKey(tocsin.APIKey{}, c.binding)
		for place, target := range targets {
			if got, want := a.May(tocsin.ViewIncidents, target), slices.Contains(c.reaches, place); got != want {
				t.Errorf("granted on %s, view in %q: %t; want %t", c.name, place, got, want)
			}
			if a.May(tocsin.ManageIncidents, target) {
				t.Errorf("granted to view on %s, may manage in %q", c.name, place)
			}
		}
	}
}

func TestAccess_May_bestOfSeveralGrants(t *testing.T) {
	t.Parallel()
	_, shop, warehouse, orders, _ := houses()
	a := withKey(tocsin.APIKey{},
		tocsin.Binding{Scope: tocsin.ScopeProject, ScopeID: shop, Permissions: tocsin.ViewIncidents},
		tocsin.Binding{Scope: tocsin.ScopeDataset, ScopeID: orders, Permissions: tocsin.ManageIncidents},
	)
	both := tocsin.ViewIncidents | tocsin.ManageIncidents
	if !a.May(both, tocsin.Target{Project: shop, Datasets: []tocsin.ID{orders}}) {
		t.Error("viewing through the project and managing through the dataset do not add up")
	}
	if a.May(both, tocsin.Target{Project: shop}) || a.May(tocsin.ViewIncidents, tocsin.Target{Project: warehouse}) {
		t.Error("grants reach further than their scopes")
	}
	if withKey(tocsin.APIKey{}).May(tocsin.ViewIncidents, tocsin.Target{Project: shop}) {
		t.Error("a key whose owner has no grant may view")
	}
}

func TestAccess_May_withinTheKeysRestrictions(t *testing.T) {
	t.Parallel()
	_, shop, warehouse, orders, _ := houses()
	everything := tocsin.Binding{Scope: tocsin.ScopeOrganisation, Permissions: tocsin.AllPermissions}
	inShop := tocsin.Target{Project: shop, Datasets: []tocsin.ID{orders}}
	for _, c := range []struct {
		name   string
		key    tocsin.APIKey
		p      tocsin.Permissions
		target tocsin.Target
		want   bool
	}{
		{"none", tocsin.APIKey{}, tocsin.ManageSettings, tocsin.Target{}, true},
		{"to view: view", tocsin.APIKey{Permissions: tocsin.ViewIncidents}, tocsin.ViewIncidents, inShop, true},
		{"to view: manage", tocsin.APIKey{Permissions: tocsin.ViewIncidents}, tocsin.ManageIncidents, inShop, false},
		{"to view: both at once", tocsin.APIKey{Permissions: tocsin.ViewIncidents}, tocsin.ViewIncidents | tocsin.ManageIncidents, inShop, false},
		{"to the shop: in it", tocsin.APIKey{Project: shop}, tocsin.ManageIncidents, inShop, true},
		{"to the shop: in another", tocsin.APIKey{Project: shop}, tocsin.ViewIncidents, tocsin.Target{Project: warehouse}, false},
		{"to the shop: the organisation", tocsin.APIKey{Project: shop}, tocsin.ManageMembers, tocsin.Target{}, false},
		{"to another: a dataset shared with it", tocsin.APIKey{Project: warehouse}, tocsin.ViewIncidents, inShop, false},
	} {
		if got := withKey(c.key, everything).May(c.p, c.target); got != c.want {
			t.Errorf("key restricted %s: %t; want %t", c.name, got, c.want)
		}
	}
	narrow := withKey(tocsin.APIKey{Permissions: tocsin.AllPermissions}, tocsin.Binding{Scope: tocsin.ScopeProject, ScopeID: shop, Permissions: tocsin.ViewIncidents})
	if narrow.May(tocsin.ManageIncidents, inShop) {
		t.Error("a key may do what its owner may not")
	}
}

func TestAccess_Reach(t *testing.T) {
	t.Parallel()
	_, shop, warehouse, orders, _ := houses()
	view := tocsin.ViewIncidents
	grants := []tocsin.Binding{
		{Scope: tocsin.ScopeProject, ScopeID: shop, Permissions: view | tocsin.ManageIncidents},
		{Scope: tocsin.ScopeProject, ScopeID: warehouse, Permissions: tocsin.ManageIncidents},
		{Scope: tocsin.ScopeDataset, ScopeID: orders, Permissions: view},
	}
	for _, c := range []struct {
		name string
		a    *tocsin.Access
		want tocsin.Reach
	}{
		{"no grant", withKey(tocsin.APIKey{}), tocsin.Reach{}},
		{"grants that hold it", withKey(tocsin.APIKey{}, grants...), tocsin.Reach{Projects: []tocsin.ID{shop}, Datasets: []tocsin.ID{orders}}},
		{"a key that may not", withKey(tocsin.APIKey{Permissions: tocsin.ManageIncidents}, grants...), tocsin.Reach{}},
		{
			"the organisation, a key of one project",
			withKey(tocsin.APIKey{Project: shop}, tocsin.Binding{Scope: tocsin.ScopeOrganisation, Permissions: view}),
			tocsin.Reach{Everywhere: true, Within: shop},
		},
	} {
		if diff := cmp.Diff(c.want, c.a.Reach(view)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// What a list shows and what opens one by one must be the same incidents.
func TestAccess_ReachHoldsExactlyWhatMayIsTrueOf(t *testing.T) {
	t.Parallel()
	place := rapid.Custom(func(t *rapid.T) tocsin.ID { return id(rapid.ByteRange(0, 4).Draw(t, "n")) })
	permissions := rapid.Map(rapid.Uint32Range(0, uint32(tocsin.AllPermissions)), func(n uint32) tocsin.Permissions { return tocsin.Permissions(n) })
	binding := rapid.Custom(func(t *rapid.T) tocsin.Binding {
		scopes := []tocsin.Scope{tocsin.ScopeOrganisation, tocsin.ScopeProject, tocsin.ScopeDataset}
		// A grant on nowhere is not made: ids of scopes are never zero.
		scopeID := id(rapid.ByteRange(1, 4).Draw(t, "scope id"))
		return tocsin.Binding{Scope: rapid.SampledFrom(scopes).Draw(t, "scope"), ScopeID: scopeID, Permissions: permissions.Draw(t, "granted")}
	})
	rapid.Check(t, func(t *rapid.T) {
		a := withKey(
			tocsin.APIKey{Project: place.Draw(t, "key's project"), Permissions: permissions.Draw(t, "key's permissions")},
			rapid.SliceOfN(binding, 0, 4).Draw(t, "bindings")...)
		target := tocsin.Target{Project: id(rapid.ByteRange(1, 4).Draw(t, "project")), Datasets: rapid.SliceOfN(place, 0, 3).Draw(t, "datasets")}
		r := a.Reach(tocsin.ViewIncidents)
		within := r.Within.IsZero() || r.Within == target.Project
		listed := within && (r.Everywhere || slices.Contains(r.Projects, target.Project) ||
			slices.ContainsFunc(r.Datasets, func(d tocsin.ID) bool { return slices.Contains(target.Datasets, d) }))
		if may := a.May(tocsin.ViewIncidents, target); may != listed {
			t.Fatalf("May is %t, the reach %+v shows it: %t", may, r, listed)
		}
	})
}
