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
	return list[*tocsin.User](ctx, s, actor, tocsin.KindUser)
}

// Roles returns the organisation's own roles in order of creation, without the
// built-in ones.
func (s *Service) Roles(ctx context.Context, actor tocsin.Actor) ([]*tocsin.Role, error) {
	return list[*tocsin.Role](ctx, s, actor, tocsin.KindRole)
}

// Grants returns the organisation's grants in order of creation, the revoked
// ones among them.
func (s *Service) Grants(ctx context.Context, actor tocsin.Actor) ([]*tocsin.Grant, error) {
	return list[*tocsin.Grant](ctx, s, actor, tocsin.KindGrant)
}

// Keys returns the organisation's API keys in order of creation, the expired
// and revoked ones among them, and when those that were used were used last. A
// running server notes uses with some delay.
func (s *Service) Keys(ctx context.Context, actor tocsin.Actor) ([]*tocsin.APIKey, map[tocsin.ID]time.Time, error) {
	keys, err := list[*tocsin.APIKey](ctx, s, actor, tocsin.KindAPIKey)
	if err != nil {
		return nil, nil, err
	}
	uses, err := s.store.LastUse(ctx, actor.Org)
	return keys, uses, err
}

// UserPage returns up to limit users with ids above after, in order of creation,
// to those who may manage members.
func (s *Service) UserPage(ctx context.Context, actor tocsin.Actor, after tocsin.ID, limit int) ([]*tocsin.User, error) {
	return managedPage(ctx, s, actor, tocsin.KindUser, after, limit, every[*tocsin.User])
}

// RolePage is UserPage for the organisation's own roles.
func (s *Service) RolePage(ctx context.Context, actor tocsin.Actor, after tocsin.ID, limit int) ([]*tocsin.Role, error) {
	return managedPage(ctx, s, actor, tocsin.KindRole, after, limit, every[*tocsin.Role])
}

// GrantPage is UserPage for grants: of one user, unless that is zero.
func (s *Service) GrantPage(ctx context.Context, actor tocsin.Actor, user, after tocsin.ID, limit int) ([]*tocsin.Grant, error) {
	return managedPage(ctx, s, actor, tocsin.KindGrant, after, limit, func(g *tocsin.Grant) bool {
		return user.IsZero() || g.User == user
	})
}

// InvitationPage is UserPage for invitations.
func (s *Service) InvitationPage(ctx context.Context, actor tocsin.Actor, after tocsin.ID, limit int) ([]*tocsin.Invitation, error) {
	return managedPage(ctx, s, actor, tocsin.KindInvitation, after, limit, every[*tocsin.Invitation])
}

// KeyPage is UserPage for API keys; those who may not manage members see their own.
func (s *Service) KeyPage(ctx context.Context, actor tocsin.Actor, after tocsin.ID, limit int) ([]*tocsin.APIKey, error) {
	err := s.MayManage(ctx, actor)
	if err != nil && tocsin.CodeOf(err) != tocsin.Forbidden {
		return nil, err
	}
	return page(ctx, s.store, actor.Org, tocsin.KindAPIKey, after, limit, func(k *tocsin.APIKey) bool {
		return err == nil || ownKey(k, actor.User, actor.Project)
	})
}

func every[T tocsin.Object](T) bool { return true }

// list returns all objects of a kind to those who may manage members.
func list[T tocsin.Object](ctx context.Context, s *Service, actor tocsin.Actor, kind tocsin.Kind) ([]T, error) {
	return managedPage(ctx, s, actor, kind, tocsin.ID{}, 0, every[T])
}

func managedPage[T tocsin.Object](ctx context.Context, s *Service, actor tocsin.Actor, kind tocsin.Kind, after tocsin.ID, limit int, show func(T) bool) ([]T, error) {
	if err := s.MayManage(ctx, actor); err != nil {
		return nil, err
	}
	return page(ctx, s.store, actor.Org, kind, after, limit, show)
}

// reading is how many objects are read at once.
const reading = 128

// page returns up to limit objects with ids above after that are shown, all of
// them for a limit of 0.
func page[T tocsin.Object](ctx context.Context, s store.Store, org tocsin.ID, kind tocsin.Kind, after tocsin.ID, limit int, show func(T) bool) ([]T, error) {
	found := []T{}
	for {
		objects, err := s.List(ctx, org, kind, store.Page{After: after, Limit: reading})
		if err != nil {
			return nil, err
		}
		for _, o := range objects {
			after = o.Head().ID
			if o := o.(T); show(o) {
				found = append(found, o)
			}
			if len(found) == limit && limit > 0 {
				return found, nil
			}
		}
		if len(objects) < reading {
			return found, nil
		}
	}
}
