package access

import (
	"context"
	"errors"

	"tocsin"
	"tocsin/internal/store"
)

// authorise lets those pass who may manage the organisation's members.
func authorise(v store.View, actor tocsin.Actor) error {
	return v.Authorise(actor, 0, tocsin.ManageMembers, tocsin.Target{}, tocsin.KindOrganisation)
}

// there returns an error unless all of the keyed objects exist, which names the
// kind of the first that does not as a field.
func there(v store.View, keys []store.Key) error {
	for _, k := range keys {
		if _, err := store.Object[tocsin.Object](v, k.Kind, k.ID); err != nil {
			return missing(string(k.Kind))
		}
	}
	return nil
}

// missing returns the NotFound error of what a request names in a field.
func missing(field string) error {
	return &tocsin.Error{
		Code: tocsin.NotFound, Message: "there is no such " + field,
		Fields: map[string]string{field: field + " must be one of the organisation"},
	}
}

// taken gives the store's refusal of what is there already a reason that helps: the
// store does not know what of an object must be its own.
func taken(err error, reason string) error {
	var own *tocsin.Error
	if errors.As(err, &own) && own.Code == tocsin.Conflict && own.Err != nil {
		return &tocsin.Error{Code: tocsin.Conflict, Message: reason, Err: own.Err}
	}
	return err
}

// emailTaken is why there is no second user with an address.
const emailTaken = "there is a user with this email already"

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
			if err := there(v, needs); err != nil {
				return store.Change{}, err
			}
			return store.Change{Action: string(kind) + ".create", Objects: []tocsin.Object{fresh(meta)}}, nil
		},
	})
	return o, err
}

// update commits what apply makes of a copy of the object, and returns it; more
// are the keys that apply looks at beside. To come to the same is no change.
func update[T any, P interface {
	*T
	tocsin.Object
}](ctx context.Context, s store.Store, actor tocsin.Actor, action string, key store.Key, more []store.Key, apply func(store.View, P) error,
) (P, error) {
	o, _, err := store.One[P](ctx, s, store.Command{Actor: actor, Keys: append([]store.Key{key}, more...), Decide: func(v store.View) (store.Change, error) {
		if err := authorise(v, actor); err != nil {
			return store.Change{}, err
		}
		cur, err := store.Object[P](v, key.Kind, key.ID)
		if err != nil {
			return store.Change{}, err
		}
		next := *cur
		if err := apply(v, &next); err != nil {
			return store.Change{}, err
		}
		return store.Change{Action: action, Objects: []tocsin.Object{P(&next)}}, nil
	}})
	return o, err
}
