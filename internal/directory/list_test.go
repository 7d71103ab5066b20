package directory_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin"
	"tocsin/internal/app"
)

type unobserved struct{}

func (unobserved) Committed(int, time.Duration) {}
func (unobserved) Refused(string)               {}

func open(t *testing.T) app.Services {
	t.Helper()
	s, err := app.OpenStore(t.Context(), app.Database{Dir: t.TempDir()}, slog.New(slog.DiscardHandler), unobserved{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return app.NewServices(s)
}

// must returns what a step made, or fails the test.
func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// places are the names of what one actor is shown.
type places struct{ Projects, Datasets, Checks []string }

func shown(t *testing.T, s app.Services, actor tocsin.Actor) (p places) {
	t.Helper()
	for _, o := range must[[]*tocsin.Project](t)(s.Directory.Projects(t.Context(), actor)) {
		p.Projects = append(p.Projects, o.Name)
	}
	for _, o := range must[[]*tocsin.Dataset](t)(s.Directory.Datasets(t.Context(), actor)) {
		p.Datasets = append(p.Datasets, o.Name)
	}
	for _, o := range must[[]*tocsin.Check](t)(s.Directory.Checks(t.Context(), actor)) {
		p.Checks = append(p.Checks, o.Name)
	}
	return p
}

// furnish makes two projects with a dataset and a check each.
func furnish(t *testing.T, s app.Services, actor tocsin.Actor) (shop tocsin.ID) {
	t.Helper()
	ctx := t.Context()
	for _, name := range []string{"shop", "warehouse"} {
		p := must[*tocsin.Project](t)(s.Directory.CreateProject(ctx, actor, name))
		d := must[*tocsin.Dataset](t)(s.Directory.CreateDataset(ctx, actor, p.ID, name+" data"))
		must[*tocsin.Check](t)(s.Directory.CreateCheck(ctx, actor, p.ID, name+" check", "https://example.com", []tocsin.ID{d.ID}))
		if name == "shop" {
			shop = p.ID
		}
	}
	return shop
}

func TestListsShowWhatTheActorMayManage(t *testing.T) {
	t.Parallel()
	s, ctx := open(t), t.Context()
	system := tocsin.System(must[*tocsin.Organisation](t)(s.Directory.CreateOrganisation(ctx, "test", "Meridian")).ID, "test")
	other := tocsin.System(must[*tocsin.Organisation](t)(s.Directory.CreateOrganisation(ctx, "test", "Harbour")).ID, "test")
	shop := furnish(t, s, system)

	// holder returns the actor of a key whose owner has a role in a place.
	holder := func(email, role string, scope tocsin.Scope, id, within tocsin.ID) tocsin.Actor {
		u := must[*tocsin.User](t)(s.Access.CreateUser(ctx, system, "Somebody", email))
		must[*tocsin.Grant](t)(s.Access.Grant(ctx, system, u.ID, role, scope, id))
		draft := tocsin.KeyDraft{Owner: u.ID, Name: "script"}
		draft.Project = within
		_, token, err := s.Access.CreateKey(ctx, system, draft)
		if err != nil {
			t.Fatal(err)
		}
		return must[tocsin.Actor](t)(s.Access.Authenticate(ctx, token))
	}
	all := places{
		Projects: []string{"shop", "warehouse"},
		Datasets: []string{"shop data", "warehouse data"},
		Checks:   []string{"shop check", "warehouse check"},
	}
	ofShop := places{Projects: []string{"shop"}, Datasets: []string{"shop data"}, Checks: []string{"shop check"}}
	var nowhere tocsin.ID
	for who, c := range map[string]struct {
		actor tocsin.Actor
		want  places
	}{
		"the operator":                       {system, all},
		"the operator elsewhere":             {other, places{}},
		"an admin":                           {holder("ada@example.org", tocsin.RoleAdmin, tocsin.ScopeOrganisation, nowhere, nowhere), all},
		"an admin's key for one project":     {holder("eve@example.org", tocsin.RoleAdmin, tocsin.ScopeOrganisation, nowhere, shop), ofShop},
		"a project's manager":                {holder("ben@example.org", tocsin.RoleManager, tocsin.ScopeProject, shop, nowhere), ofShop},
		"an editor, who manages no projects": {holder("chiara@example.org", tocsin.RoleEditor, tocsin.ScopeProject, shop, nowhere), places{}},
	} {
		if diff := cmp.Diff(c.want, shown(t, s, c.actor)); diff != "" {
			t.Errorf("%s is shown other places (-want +got):\n%s", who, diff)
		}
	}
}

func TestTheOperatorSeesEveryOrganisation(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, name := range []string{"Meridian", "Harbour"} {
		must[*tocsin.Organisation](t)(s.Directory.CreateOrganisation(t.Context(), "test", name))
	}
	all := must[[]*tocsin.Organisation](t)(s.Directory.Organisations(t.Context()))
	if len(all) != 2 || all[0].Name != "Meridian" || all[1].Name != "Harbour" {
		t.Errorf("Organisations returns %d of them; want Meridian and Harbour, in order of creation", len(all))
	}
}
