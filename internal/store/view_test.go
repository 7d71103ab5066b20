package store_test

import (
	"slices"
	"testing"
	"testing/synctest"

	"tocsin"
	"tocsin/internal/store"
)

func TestView_authorise(t *testing.T) {
	t.Parallel()
	w := newWorld(t, store.WriterOptions{})
	shop := tocsin.Target{Project: id(10)}
	key := func(n byte, org tocsin.ID, p tocsin.Permissions, more tocsin.APIKey) tocsin.Actor {
		more.Meta = tocsin.Meta{Org: org, ID: id(n)}
		w.memory.access[id(n)] = &tocsin.Access{Key: &more, Owner: &tocsin.User{}, Bindings: []tocsin.Binding{
			{Scope: tocsin.ScopeProject, ScopeID: shop.Project, Permissions: p},
		}}
		return tocsin.Actor{Kind: tocsin.ActorUser, Org: w.actor.Org, Key: id(n)}
	}
	now := w.memory.now
	both := tocsin.ViewIncidents | tocsin.ManageIncidents
	for _, c := range []struct {
		name  string
		actor tocsin.Actor
		want  tocsin.Code
	}{
		{"the system", w.actor, ""},
		{"who may see and manage", key(20, w.actor.Org, both, tocsin.APIKey{}), ""},
		{"who may only see", key(21, w.actor.Org, tocsin.ViewIncidents, tocsin.APIKey{}), tocsin.Forbidden},
		{"who may manage what he may not see", key(22, w.actor.Org, tocsin.ManageIncidents, tocsin.APIKey{}), tocsin.NotFound},
		{"who may nothing", key(23, w.actor.Org, 0, tocsin.APIKey{}), tocsin.NotFound},
		{"a key that expires at this instant", key(24, w.actor.Org, both, tocsin.APIKey{ExpiresAt: now}), tocsin.Unauthenticated},
		{"a revoked key", key(25, w.actor.Org, both, tocsin.APIKey{RevokedAt: now}), tocsin.Unauthenticated},
		{"another organisation's key", key(26, id(2), both, tocsin.APIKey{}), tocsin.Unauthenticated},
		{"a key that is not there", tocsin.Actor{Kind: tocsin.ActorUser, Org: w.actor.Org, Key: id(27)}, tocsin.Unauthenticated},
		{"a user without a key", tocsin.Actor{Kind: tocsin.ActorUser, Org: w.actor.Org, User: id(28)}, tocsin.Unauthenticated},
	} {
		_, err := w.Commit(t.Context(), store.Command{Actor: c.actor, Decide: func(v store.View) (store.Change, error) {
			return store.Change{}, v.Authorise(c.actor, tocsin.ViewIncidents, tocsin.ManageIncidents, shop, tocsin.KindIncident)
		}})
		wantCode(t, c.name, err, c.want)
	}
	elsewhere := key(29, w.actor.Org, both, tocsin.APIKey{Project: id(11)})
	_, err := w.Commit(t.Context(), store.Command{Actor: elsewhere, Decide: func(v store.View) (store.Change, error) {
		return store.Change{}, v.Authorise(elsewhere, 0, tocsin.ManageIncidents, shop, tocsin.KindIncident)
	}})
	wantCode(t, "another project's key, where there is nothing to hide", err, tocsin.Forbidden)
}

func TestView_showsOnlyWhatTheCommandNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t, store.WriterOptions{})
	w.save(t, &tocsin.Project{Meta: w.meta(id(10)), Name: "a"})
	var codes []tocsin.Code
	_, err := w.Commit(t.Context(), store.Command{
		Actor: w.actor,
		Keys:  []store.Key{{Kind: tocsin.KindProject, ID: id(10)}, {Kind: tocsin.KindProject, ID: id(11)}},
		Decide: func(v store.View) (store.Change, error) {
			_, there := store.Object[*tocsin.Project](v, tocsin.KindProject, id(10))
			_, missing := store.Object[*tocsin.Project](v, tocsin.KindProject, id(11))
			_, unnamed := store.Object[*tocsin.Organisation](v, tocsin.KindOrganisation, w.actor.Org)
			_, ofAnotherType := store.Object[*tocsin.User](v, tocsin.KindProject, id(10))
			for _, err := range []error{there, missing, unnamed, ofAnotherType} {
				codes = append(codes, tocsin.CodeOf(err))
			}
			return store.Change{}, nil
		},
	})
	if want := []tocsin.Code{"", tocsin.NotFound, tocsin.NotFound, tocsin.NotFound}; err != nil || !slices.Equal(codes, want) {
		t.Errorf("there, missing, not named, of another type: %q, %v; want %q", codes, err, want)
	}
}

// Not even what another command of the same batch has named.
func TestView_showsNothingOfTheCommandsBesideIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, store.WriterOptions{})
		release := w.busy()
		w.send(w.naming(10, "a"))
		peeks := w.send(store.Command{Actor: w.actor, Decide: func(v store.View) (store.Change, error) {
			_, err := store.Object[*tocsin.Project](v, tocsin.KindProject, id(10))
			return store.Change{}, err
		}})
		release()
		wantCode(t, "an object that another command names", peeks.err, tocsin.NotFound)
	})
}
