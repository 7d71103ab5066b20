package directory_test

import (
	"slices"
	"testing"

	"tocsin"
	"tocsin/internal/app"
	"tocsin/internal/store"
)

// keyHolder makes a user with a role in a place, and returns the actor of a key
// that a draft restricts.
func keyHolder(t *testing.T, s app.Services, system tocsin.Actor, email, role string, scope tocsin.Scope, id tocsin.ID, d tocsin.KeyDraft) tocsin.Actor {
	t.Helper()
	ctx := t.Context()
	u := must[*tocsin.User](t)(s.Access.CreateUser(ctx, system, "Somebody", email))
	must[*tocsin.Grant](t)(s.Access.Grant(ctx, system, u.ID, role, scope, id))
	d.Owner, d.Name = u.ID, "script"
	_, token, err := s.Access.CreateKey(ctx, system, d)
	if err != nil {
		t.Fatal(err)
	}
	return must[tocsin.Actor](t)(s.Access.Authenticate(ctx, token))
}

func TestUpdateOrganisation(t *testing.T) {
	t.Parallel()
	s, ctx := open(t), t.Context()
	system := newOrganisation(t, s, "Meridian")
	admin := keyHolder(t, s, system, "ada@example.org", tocsin.RoleAdmin, tocsin.ScopeOrganisation, system.Org, tocsin.KeyDraft{})
	user := keyHolder(t, s, system, "ben@example.org", tocsin.RoleUser, tocsin.ScopeOrganisation, system.Org, tocsin.KeyDraft{})
	name, blank, yes := "Meridian Payments", " ", true
	_, err := s.Directory.UpdateOrganisation(ctx, user, &name, nil)
	wantCode(t, "by a user", err, tocsin.Forbidden)
	_, err = s.Directory.UpdateOrganisation(ctx, admin, &blank, nil)
	wantCode(t, "a blank name", err, tocsin.Invalid)
	o := must[*tocsin.Organisation](t)(s.Directory.UpdateOrganisation(ctx, admin, &name, &yes))
	if o.Name != name || !o.RequireIfMatch || o.AuditEpoch != 1 || o.Version != 2 {
		t.Errorf("the organisation is %+v", o)
	}
	if o = must[*tocsin.Organisation](t)(s.Directory.UpdateOrganisation(ctx, admin, nil, nil)); o.Version != 2 {
		t.Error("a patch of nothing is a change")
	}
	history := must[[]tocsin.Entry](t)(s.Store.History(ctx, system.Org, store.Key{Kind: tocsin.KindOrganisation, ID: system.Org}))
	if e := history[len(history)-1]; e.Action != "organisation.update" || !slices.Equal(e.Fields, []string{"name", "require_if_match"}) {
		t.Errorf("the log has %s of %v", e.Action, e.Fields)
	}
}

func TestUpdate_rules(t *testing.T) {
	t.Parallel()
	s, ctx := open(t), t.Context()
	system := newOrganisation(t, s, "Meridian")
	shop := furnish(t, s, system)
	orders := must[*tocsin.Dataset](t)(s.Directory.CreateDataset(ctx, system, shop, "orders")).ID
	all := must[[]*tocsin.Dataset](t)(s.Directory.Datasets(ctx, system))
	elsewhere := all[slices.IndexFunc(all, func(d *tocsin.Dataset) bool { return d.Name == "warehouse data" })].ID
	check := must[[]*tocsin.Check](t)(s.Directory.Checks(ctx, system))[0]

	taken, blank, fresh, bad := "warehouse", "", "webshop", "\xff"
	_, err := s.Directory.UpdateProject(ctx, system, shop, &taken)
	wantCode(t, "a project's name that is taken", err, tocsin.Conflict)
	_, err = s.Directory.UpdateProject(ctx, system, shop, &blank)
	wantCode(t, "no name", err, tocsin.Invalid)
	_, err = s.Directory.UpdateProject(ctx, system, tocsin.ID{9}, &fresh)
	wantCode(t, "no project", err, tocsin.NotFound)
	p := must[*tocsin.Project](t)(s.Directory.UpdateProject(ctx, system, shop, &fresh))
	d := must[*tocsin.Dataset](t)(s.Directory.UpdateDataset(ctx, system, orders, &fresh))
	if p.Name != fresh || d.Name != fresh || d.Project != shop {
		t.Errorf("made %+v and %+v", p, d)
	}

	for what, c := range map[string]struct {
		url   *string
		about []tocsin.ID
		want  tocsin.Code
	}{
		"a URL that is no text":           {&bad, nil, tocsin.Invalid},
		"a dataset of another project":    {nil, []tocsin.ID{orders, elsewhere}, tocsin.NotFound},
		"a dataset that is not there":     {nil, []tocsin.ID{{9}}, tocsin.NotFound},
		"no datasets":                     {&fresh, []tocsin.ID{}, ""},
		"a dataset of its own":            {nil, []tocsin.ID{orders}, ""},
		"a name that it has, and nothing": {nil, nil, ""},
	} {
		var about *[]tocsin.ID
		if c.about != nil {
			about = &c.about
		}
		_, err := s.Directory.UpdateCheck(ctx, system, check.ID, nil, c.url, about)
		wantCode(t, what, err, c.want)
	}
}

// Who may view the incidents somewhere sees what they live in; who manages
// projects there changes it; to others it is not there.
func TestReadAndUpdate_byWhom(t *testing.T) {
	t.Parallel()
	s, ctx := open(t), t.Context()
	system := newOrganisation(t, s, "Meridian")
	other := newOrganisation(t, s, "Harbour")
	shop := furnish(t, s, system)
	dataset := must[[]*tocsin.Dataset](t)(s.Directory.Datasets(ctx, system))[0].ID
	check := must[[]*tocsin.Check](t)(s.Directory.Checks(ctx, system))[0].ID
	warehouse := must[[]*tocsin.Project](t)(s.Directory.Projects(ctx, system))[1].ID
	const org, project, onDataset = tocsin.ScopeOrganisation, tocsin.ScopeProject, tocsin.ScopeDataset
	no, hidden := tocsin.Forbidden, tocsin.NotFound
	free := tocsin.KeyDraft{}
	for who, c := range map[string]struct {
		actor                               tocsin.Actor
		seeProject, seeDataset, seeCheck    tocsin.Code
		saveProject, saveDataset, saveCheck tocsin.Code
	}{
		"the operator":            {actor: system},
		"the operator elsewhere":  {other, hidden, hidden, hidden, hidden, hidden, hidden},
		"an admin":                {actor: keyHolder(t, s, system, "a@example.org", tocsin.RoleAdmin, org, system.Org, free)},
		"an admin's key to look":  {keyHolder(t, s, system, "b@example.org", tocsin.RoleAdmin, org, system.Org, tocsin.KeyDraft{Permissions: tocsin.ViewIncidents}), "", "", "", no, no, no},
		"an admin's key of its":   {actor: keyHolder(t, s, system, "c@example.org", tocsin.RoleAdmin, org, system.Org, tocsin.KeyDraft{Project: shop})},
		"an admin's key of other": {keyHolder(t, s, system, "d@example.org", tocsin.RoleAdmin, org, system.Org, tocsin.KeyDraft{Project: warehouse}), hidden, hidden, hidden, hidden, hidden, hidden},
		"its manager":             {actor: keyHolder(t, s, system, "e@example.org", tocsin.RoleManager, project, shop, free)},
		"its viewer":              {keyHolder(t, s, system, "f@example.org", tocsin.RoleViewer, project, shop, free), "", "", "", no, no, no},
		"its dataset's manager":   {keyHolder(t, s, system, "g@example.org", tocsin.RoleManager, onDataset, dataset, free), hidden, "", "", hidden, "", no},
		"another's manager":       {keyHolder(t, s, system, "h@example.org", tocsin.RoleManager, project, warehouse, free), hidden, hidden, hidden, hidden, hidden, hidden},
		"a user":                  {keyHolder(t, s, system, "i@example.org", tocsin.RoleUser, org, system.Org, free), hidden, hidden, hidden, hidden, hidden, hidden},
	} {
		_, err := s.Directory.Project(ctx, c.actor, shop)
		wantCode(t, who+" sees the project", err, c.seeProject)
		_, err = s.Directory.Dataset(ctx, c.actor, dataset)
		wantCode(t, who+" sees the dataset", err, c.seeDataset)
		_, err = s.Directory.Check(ctx, c.actor, check)
		wantCode(t, who+" sees the check", err, c.seeCheck)
		_, before := s.Directory.ManageableProject(ctx, c.actor, shop)
		_, err = s.Directory.UpdateProject(ctx, c.actor, shop, &who)
		wantCode(t, who+" renames the project", err, c.saveProject)
		wantCode(t, who+" is told so before", before, c.saveProject)
		_, before = s.Directory.ManageableDataset(ctx, c.actor, dataset)
		_, err = s.Directory.UpdateDataset(ctx, c.actor, dataset, &who)
		wantCode(t, who+" renames the dataset", err, c.saveDataset)
		wantCode(t, who+" is told so before", before, c.saveDataset)
		_, before = s.Directory.ManageableCheck(ctx, c.actor, check)
		_, err = s.Directory.UpdateCheck(ctx, c.actor, check, &who, nil, nil)
		wantCode(t, who+" renames the check", err, c.saveCheck)
		wantCode(t, who+" is told so before", before, c.saveCheck)
	}
}

// A page is filled with what the actor may see, however much lies between.
func TestPages_passOverWhatIsNotSeen(t *testing.T) {
	t.Parallel()
	s, ctx := open(t), t.Context()
	system := newOrganisation(t, s, "Meridian")
	shop := furnish(t, s, system)
	for _, name := range []string{"1", "2", "3"} {
		must[*tocsin.Project](t)(s.Directory.CreateProject(ctx, system, name))
		must[*tocsin.Dataset](t)(s.Directory.CreateDataset(ctx, system, shop, name))
	}
	viewer := keyHolder(t, s, system, "ada@example.org", tocsin.RoleViewer, tocsin.ScopeProject, shop, tocsin.KeyDraft{})
	if got := must[[]*tocsin.Project](t)(s.Directory.ProjectPage(ctx, viewer, tocsin.ID{}, 2)); len(got) != 1 || got[0].ID != shop {
		t.Errorf("the viewer of one project is shown %d", len(got))
	}
	first := must[[]*tocsin.Dataset](t)(s.Directory.DatasetPage(ctx, viewer, shop, tocsin.ID{}, 2))
	then := must[[]*tocsin.Dataset](t)(s.Directory.DatasetPage(ctx, viewer, shop, first[1].ID, 9))
	var names []string
	for _, d := range append(first, then...) {
		names = append(names, d.Name)
	}
	if want := []string{"shop data", "1", "2", "3"}; !slices.Equal(names, want) {
		t.Errorf("pages show %v; want %v", names, want)
	}
	if got := must[[]*tocsin.Check](t)(s.Directory.CheckPage(ctx, system, shop, tocsin.ID{}, 9)); len(got) != 1 {
		t.Errorf("%d checks of the shop; want 1", len(got))
	}
}
