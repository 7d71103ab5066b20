package directory_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin"
	"tocsin/internal/app"
	"tocsin/internal/store"
)

func wantCode(t *testing.T, what string, err error, want tocsin.Code) {
	t.Helper()
	if got := tocsin.CodeOf(err); got != want {
		t.Errorf("%s: error %v has code %q; want %q", what, err, got, want)
	}
}

func newOrganisation(t *testing.T, s app.Services, name string) tocsin.Actor {
	t.Helper()
	o := must[*tocsin.Organisation](t)(s.Directory.CreateOrganisation(t.Context(), "test", name))
	return tocsin.System(o.ID, "test")
}

func TestCreateOrganisation_beginsALogOfItsOwn(t *testing.T) {
	t.Parallel()
	s, ctx := open(t), t.Context()
	first, second := newOrganisation(t, s, "Meridian"), newOrganisation(t, s, "Meridian") // names are not unique
	for _, actor := range []tocsin.Actor{first, second} {
		o := must[*tocsin.Organisation](t)(s.Directory.Organisation(ctx, actor))
		if o.ID != actor.Org || o.Org != actor.Org || o.Seq != 1 || o.Name != "Meridian" {
			t.Errorf("%+v; want Meridian, its own organisation, the first of its log", o)
		}
		h := must[[]tocsin.Entry](t)(s.Store.History(ctx, actor.Org, store.Key{Kind: tocsin.KindOrganisation, ID: actor.Org}))
		if len(h) != 1 || h[0].Action != "organisation.create" || h[0].Actor != tocsin.ActorSystem || h[0].Door != "test" {
			t.Errorf("history %+v; want one creation by the system through the door test", h)
		}
	}
	_, err := s.Directory.Organisation(ctx, tocsin.System(tocsin.ID{1}, "test"))
	wantCode(t, "an organisation that is not there", err, tocsin.NotFound)
}

func TestNames(t *testing.T) {
	t.Parallel()
	s, ctx := open(t), t.Context()
	system := newOrganisation(t, s, "Meridian")
	shop := must[*tocsin.Project](t)(s.Directory.CreateProject(ctx, system, "shop")).ID
	warehouse := must[*tocsin.Project](t)(s.Directory.CreateProject(ctx, system, "warehouse")).ID
	create := map[string]func(project tocsin.ID, name string) error{
		"organisation": func(_ tocsin.ID, name string) error {
			_, err := s.Directory.CreateOrganisation(ctx, "test", name)
			return err
		},
		"project": func(_ tocsin.ID, name string) error {
			_, err := s.Directory.CreateProject(ctx, system, name)
			return err
		},
		"dataset": func(project tocsin.ID, name string) error {
			_, err := s.Directory.CreateDataset(ctx, system, project, name)
			return err
		},
		"check": func(project tocsin.ID, name string) error {
			_, err := s.Directory.CreateCheck(ctx, system, project, name, "", nil)
			return err
		},
	}
	for kind, put := range create {
		for name, want := range map[string]tocsin.Code{
			"Zürich": "", "": tocsin.Invalid, " \t": tocsin.Invalid, strings.Repeat("ü", 255): "",
			strings.Repeat("ü", 256): tocsin.Invalid, "a\x00": tocsin.Invalid, "a\xff": tocsin.Invalid,
		} {
			wantCode(t, kind+" "+name, put(shop, name), want)
		}
		want := tocsin.Conflict
		if kind == "organisation" {
			want = ""
		}
		wantCode(t, kind+" with a name that is taken", put(shop, "Zürich"), want)
		wantCode(t, kind+" with a name in another case", put(shop, "zürich"), "")
	}
	wantCode(t, "a dataset's name in another project", create["dataset"](warehouse, "Zürich"), "")
	wantCode(t, "a check's name in another project", create["check"](warehouse, "Zürich"), "")
}

func TestCreate_belongsWhereItIsPut(t *testing.T) {
	t.Parallel()
	s, ctx := open(t), t.Context()
	system, other := newOrganisation(t, s, "Meridian"), newOrganisation(t, s, "Harbour")
	shop := must[*tocsin.Project](t)(s.Directory.CreateProject(ctx, system, "shop")).ID
	warehouse := must[*tocsin.Project](t)(s.Directory.CreateProject(ctx, system, "warehouse")).ID
	orders := must[*tocsin.Dataset](t)(s.Directory.CreateDataset(ctx, system, shop, "orders")).ID
	stock := must[*tocsin.Dataset](t)(s.Directory.CreateDataset(ctx, system, warehouse, "stock")).ID
	check := func(actor tocsin.Actor, project tocsin.ID, url string, datasets ...tocsin.ID) error {
		_, err := s.Directory.CreateCheck(ctx, actor, project, "check", url, datasets)
		return err
	}
	wantCode(t, "a check of another project's dataset", check(system, shop, "", orders, stock), tocsin.NotFound)
	wantCode(t, "a check of a dataset that is not there", check(system, shop, "", tocsin.ID{9}), tocsin.NotFound)
	wantCode(t, "a check of no project", check(system, tocsin.ID{}, ""), tocsin.NotFound)
	wantCode(t, "a check in another organisation's project", check(other, shop, ""), tocsin.NotFound)
	wantCode(t, "a check whose URL is no text", check(system, shop, "\xff"), tocsin.Invalid)
	_, err := s.Directory.CreateDataset(ctx, other, shop, "orders")
	wantCode(t, "a dataset in another organisation's project", err, tocsin.NotFound)
	_, err = s.Directory.CreateProject(ctx, tocsin.System(tocsin.ID{9}, "test"), "shop")
	wantCode(t, "a project of no organisation", err, tocsin.NotFound)

	made := must[*tocsin.Check](t)(s.Directory.CreateCheck(ctx, system, shop, "check", "https://example.com", []tocsin.ID{orders}))
	stored := must[*tocsin.Check](t)(store.Find[*tocsin.Check](ctx, s.Store, system.Org, tocsin.KindCheck, made.ID))
	if diff := cmp.Diff(made, stored); diff != "" || stored.Project != shop || len(stored.Datasets) != 1 {
		t.Errorf("stored %+v (-answered +stored):\n%s", stored, diff)
	}
}

// Managing a project is for its managers and the admins; making one is for the
// admins alone.
func TestCreate_byWhom(t *testing.T) {
	t.Parallel()
	s, ctx := open(t), t.Context()
	system := newOrganisation(t, s, "Meridian")
	shop := must[*tocsin.Project](t)(s.Directory.CreateProject(ctx, system, "shop")).ID
	orders := must[*tocsin.Dataset](t)(s.Directory.CreateDataset(ctx, system, shop, "orders")).ID
	holder := func(name, role string, scope tocsin.Scope, scopeID tocsin.ID, d tocsin.KeyDraft) tocsin.Actor {
		u := must[*tocsin.User](t)(s.Access.CreateUser(ctx, system, name, name+"@example.org"))
		must[*tocsin.Grant](t)(s.Access.Grant(ctx, system, u.ID, role, scope, scopeID))
		d.Owner, d.Name = u.ID, "script"
		_, token, err := s.Access.CreateKey(ctx, system, d)
		if err != nil {
			t.Fatal(err)
		}
		return must[tocsin.Actor](t)(s.Access.Authenticate(ctx, token))
	}
	const org, project, dataset = tocsin.ScopeOrganisation, tocsin.ScopeProject, tocsin.ScopeDataset
	unbound := tocsin.KeyDraft{}
	for who, c := range map[string]struct {
		actor              tocsin.Actor
		project, inProject tocsin.Code
	}{
		"the operator":                   {system, "", ""},
		"an admin":                       {holder("ada", tocsin.RoleAdmin, org, tocsin.ID{}, unbound), "", ""},
		"an admin's key of that project": {holder("eve", tocsin.RoleAdmin, org, tocsin.ID{}, tocsin.KeyDraft{Project: shop}), tocsin.Forbidden, ""},
		"an admin's key to look":         {holder("una", tocsin.RoleAdmin, org, tocsin.ID{}, tocsin.KeyDraft{Permissions: tocsin.ViewIncidents}), tocsin.Forbidden, tocsin.Forbidden},
		"its manager":                    {holder("ben", tocsin.RoleManager, project, shop, unbound), tocsin.Forbidden, ""},
		"the manager of its dataset":     {holder("kim", tocsin.RoleManager, dataset, orders, unbound), tocsin.Forbidden, tocsin.NotFound},
		"its editor":                     {holder("jo", tocsin.RoleEditor, project, shop, unbound), tocsin.Forbidden, tocsin.Forbidden},
	} {
		_, err := s.Directory.CreateProject(ctx, c.actor, who)
		wantCode(t, who+" makes a project", err, c.project)
		_, err = s.Directory.CreateDataset(ctx, c.actor, shop, who)
		wantCode(t, who+" makes a dataset", err, c.inProject)
		_, err = s.Directory.CreateCheck(ctx, c.actor, shop, who, "", nil)
		wantCode(t, who+" makes a check", err, c.inProject)
	}
}
