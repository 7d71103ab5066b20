package access

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"tocsin"
	"tocsin/internal/store"
)

// authorise lets those pass who may manage the organisation's members.
func authorise(v store.View, actor tocsin.Actor) error {
	return v.Authorise(actor, 0, tocsin.ManageMembers, tocsin.Target{}, tocsin.KindOrganisation)
}

// create commits a new object, if what it needs is there.
func create[T tocsin.Object](ctx context.Context, s *Service, actor tocsin.Actor, action string, kind tocsin.Kind, needs []store.Key, fresh func(tocsin.Meta) T) (T, error) {
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
			return store.Change{Action: action, Objects: []tocsin.Object{fresh(meta)}}, nil
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

// maxName is the most code points that a name may have.
const maxName = 255

func nameProblem(name string) error {
	if strings.TrimSpace(name) == "" || utf8.RuneCountInString(name) > maxName || strings.ContainsRune(name, 0) || !utf8.ValidString(name) {
		return tocsin.InvalidFields(map[string]string{"name": "name must be a text of 1 to 255 characters"})
	}
	return nil
}

func emailProblem(email string) error {
	at := strings.LastIndexByte(email, '@')
	if at < 1 || at == len(email)-1 || len(email) > maxName || strings.ContainsAny(email, " \t\r\n\x00<>") {
		return tocsin.InvalidFields(map[string]string{"email": "email must be an address such as ada@example.org"})
	}
	return nil
}
