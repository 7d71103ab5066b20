package access

import (
	"context"
	"time"

	"tocsin"
	"tocsin/internal/store"
)

// authorise lets those pass who may manage the organisation's members.
func authorise(v store.View, actor tocsin.Actor) error {
	return v.Authorise(actor, 0, tocsin.ManageMembers, tocsin.Target{}, tocsin.KindOrganisation)
}

// create commits a new object, if what it needs is there.
func create[T tocsin.Object](ctx context.Context, s *Service, actor tocsin.Actor, kind tocsin.Kind, needs []store.Key, fresh func(tocsin.Meta) T) (T, error) {
	meta := tocsin.Meta{Org: actor.Org, ID: s.newID()}
	o, _, err := store.One[T](ctx, s.store, store.Command{
		Actor: actor,
		Keys:  append([]store.Key{{Kind: kind, ID: meta.ID}}, needs...),
		Decide: func(v store.View) (store.Change, error) {
			if err := authorise(v, actor); err != nil {
				return store.Change{}, err
			}
			for _, k := range needs {
				if _, err := store.Object[tocsin.Object](v, k.Kind, k.ID); err != nil {
					return store.Change{}, err
				}
			}
			return store.Change{Action: string(kind) + ".create", Objects: []tocsin.Object{fresh(meta)}}, nil
		},
	})
	return o, err
}

// revoke commits what end makes of the object. Doing so again changes nothing.
func revoke[T any, P interface {
	*T
	tocsin.Object
}](ctx context.Context, s store.Store, actor tocsin.Actor, key store.Key, end func(T, time.Time) *T,
) error {
	_, err := s.Commit(ctx, store.Command{Actor: actor, Keys: []store.Key{key}, Decide: func(v store.View) (store.Change, error) {
		if err := authorise(v, actor); err != nil {
			return store.Change{}, err
		}
		o, err := store.Object[P](v, key.Kind, key.ID)
		if err != nil {
			return store.Change{}, err
		}
		return store.Change{Action: string(key.Kind) + ".revoke", Objects: []tocsin.Object{P(end(*o, v.Now))}}, nil
	}})
	return err
}
