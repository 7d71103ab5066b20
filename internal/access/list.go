package access

import (
	"context"
	"time"

	"tocsin"
	"tocsin/internal/store"
)

// Users returns the organisation's users in order of creation. Like all lists
// of members it is for those who may manage them; others get Forbidden.
func (s *Service) Users(ctx context.Context, actor tocsin.Actor) ([]*tocsin.User, error) {
	return list[*tocsin.User](ctx, s.store, actor, tocsin.KindUser)
}

// Roles returns the organisation's own roles in order of creation, without the
// built-in ones.
func (s *Service) Roles(ctx context.Context, actor tocsin.Actor) ([]*tocsin.Role, error) {
	return list[*tocsin.Role](ctx, s.store, actor, tocsin.KindRole)
}

// Grants returns the organisation's grants in order of creation, the revoked
// ones among them.
func (s *Service) Grants(ctx context.Context, actor tocsin.Actor) ([]*tocsin.Grant, error) {
	return list[*tocsin.Grant](ctx, s.store, actor, tocsin.KindGrant)
}

// Keys returns the organisation's API keys in order of creation, the expired
// and revoked ones among them, and when those that were used were used last. A
// running server notes uses with some delay.
func (s *Service) Keys(ctx context.Context, actor tocsin.Actor) ([]*tocsin.APIKey, map[tocsin.ID]time.Time, error) {
	keys, err := list[*tocsin.APIKey](ctx, s.store, actor, tocsin.KindAPIKey)
	if err != nil {
		return nil, nil, err
	}
	uses, err := s.store.LastUse(ctx, actor.Org)
	return keys, uses, err
}

// list returns all objects of a kind to those who may manage members.
func list[T tocsin.Object](ctx context.Context, s store.Store, actor tocsin.Actor, kind tocsin.Kind) ([]T, error) {
	if actor.Kind != tocsin.ActorSystem {
		a, err := s.Access(ctx, actor.Key)
		if err != nil {
			return nil, err
		}
		if !a.May(tocsin.ManageMembers, tocsin.Target{}) {
			return nil, tocsin.Errorf(tocsin.Forbidden, "this key may not manage the organisation's members")
		}
	}
	objects, err := s.List(ctx, actor.Org, kind, store.Page{})
	if err != nil {
		return nil, err
	}
	found := make([]T, len(objects))
	for i, o := range objects {
		found[i] = o.(T)
	}
	return found, nil
}
