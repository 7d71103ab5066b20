package storetest

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin"
	"tocsin/internal/store"
)

func isolationRules() []rule {
	return []rule{
		{"the same id in two organisations is two objects", sameID},
		{"a decision cannot write to another organisation", foreignWrite},
		{"a decision cannot see another organisation's objects", foreignRead},
		{"another organisation's key opens nothing", foreignKey},
		{"organisations are listed in order of creation", organisations},
	}
}

func sameID(t *testing.T, w *world) {
	id := NewID()
	other := &world{Store: w.Store, org: w.newOrganisation(t, "Other"), project: w.project}
	other.actor = tocsin.System(other.org, "test")
	mine, theirs := w, other
	for _, o := range []*world{mine, theirs} {
		if _, err := o.Commit(t.Context(), o.opening(id, func(i *tocsin.Incident) { i.Datasets = []tocsin.ID{w.dataset} })); err != nil {
			t.Fatal(err)
		}
	}
	comment := NewID()
	for _, o := range []*world{mine, theirs} {
		o.save(t, func() tocsin.Object { return &tocsin.Comment{Meta: o.meta(comment), Incident: id, Message: "hello"} })
	}
	before := theirs.get(t, id)
	mine.edit(t, id, func(i *tocsin.Incident) { i.Title = "mine alone" })
	if diff := cmp.Diff(before, theirs.get(t, id)); diff != "" {
		t.Errorf("a change in one organisation reached the other:\n%s", diff)
	}
	everywhere := tocsin.IncidentQuery{Reach: tocsin.Reach{Everywhere: true}, Limit: 10}
	narrow := everywhere
	narrow.Reach, narrow.Dataset = tocsin.Reach{Datasets: []tocsin.ID{w.dataset}}, w.dataset
	for _, q := range []tocsin.IncidentQuery{everywhere, narrow} {
		page, err := mine.Incidents(t.Context(), mine.org, q)
		n, err2 := mine.CountIncidents(t.Context(), mine.org, q)
		if err := errors.Join(err, err2); err != nil || n != 1 || len(page) != 1 || page[0].Title != "mine alone" {
			t.Errorf("incidents of one organisation: %d of %d, %v; want its only one", len(page), n, err)
		}
	}
	comments, err := mine.Comments(t.Context(), mine.org, id, 0, 0)
	if err != nil || len(comments) != 1 || comments[0].Org != mine.org {
		t.Errorf("comments of one organisation: %v, %v; want its only one", comments, err)
	}
	entries, err := mine.History(t.Context(), mine.org, store.Key{Kind: tocsin.KindIncident, ID: id})
	if err != nil || len(entries) != 2 {
		t.Errorf("history in one organisation: %d entries, %v; want 2", len(entries), err)
	}
	checkLog(t, mine, mine.org)
	checkLog(t, theirs, theirs.org)
}

func foreignWrite(t *testing.T, w *world) {
	other := w.newOrganisation(t, "Other")
	id := NewID()
	w.unchanged(t, func() {
		cmd := w.opening(id, func(i *tocsin.Incident) { i.Org = other })
		if _, err := w.Commit(t.Context(), cmd); err == nil {
			t.Error("a decision for one organisation wrote to another")
		}
	})
	if n := len(w.log(t, other)); n != 1 {
		t.Errorf("the other organisation's log has %d records; want 1", n)
	}
}

func foreignRead(t *testing.T, w *world) {
	i := w.incident(t, nil)
	other := w.newOrganisation(t, "Other")
	cmd := w.editing(i.ID, func(i *tocsin.Incident) { i.Title = "stolen" })
	cmd.Actor = tocsin.System(other, "test")
	_, err := w.Commit(t.Context(), cmd)
	wantCode(t, err, tocsin.NotFound)
	_, err = w.Get(t.Context(), other, store.Key{Kind: tocsin.KindIncident, ID: i.ID})
	wantCode(t, err, tocsin.NotFound)
	_, err = w.History(t.Context(), other, store.Key{Kind: tocsin.KindIncident, ID: i.ID})
	wantCode(t, err, tocsin.NotFound)
}

func foreignKey(t *testing.T, w *world) {
	k := w.newKey(t, tocsin.RoleAdmin, tocsin.ScopeOrganisation, w.org)
	other := w.newOrganisation(t, "Other")
	_, err := w.Commit(t.Context(), store.Command{
		Actor: tocsin.Actor{Kind: tocsin.ActorUser, Org: other, User: k.Owner, Key: k.ID, Door: "test"},
		Decide: func(v store.View) (store.Change, error) {
			if v.Access != nil {
				return store.Change{}, errors.New("the view has the access of another organisation's key")
			}
			return store.Change{}, v.Access.Check(v.Now)
		},
	})
	wantCode(t, err, tocsin.Unauthenticated)
}

func organisations(t *testing.T, w *world) {
	want := []string{"Acme"}
	for _, name := range []string{"Zeta", "Alpha", "Mid"} {
		w.newOrganisation(t, name)
		want = append(want, name)
	}
	all, err := w.Organisations(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, o := range all {
		got = append(got, o.Name)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
