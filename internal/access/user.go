package access

import (
	"context"
	"time"

	"tocsin"
	"tocsin/internal/store"
)

// CreateUser adds a person to the organisation.
func (s *Service) CreateUser(ctx context.Context, actor tocsin.Actor, name, email string) (*tocsin.User, error) {
	if err := tocsin.InvalidFields(tocsin.UserProblems(name, email)); err != nil {
		return nil, err
	}
	u, err := create(ctx, s, actor, tocsin.KindUser, nil, func(m tocsin.Meta) *tocsin.User {
		return &tocsin.User{Meta: m, Name: name, Email: email}
	})
	return u, taken(err, emailTaken)
}

// UpdateUser changes a user's name and address; nil keeps.
func (s *Service) UpdateUser(ctx context.Context, actor tocsin.Actor, id tocsin.ID, name, email *string) (*tocsin.User, error) {
	u, err := update(ctx, s.store, actor, "user.update", store.Key{Kind: tocsin.KindUser, ID: id}, nil, func(_ store.View, u *tocsin.User) error {
		if name != nil {
			u.Name = *name
		}
		if email != nil {
			u.Email = *email
		}
		return tocsin.InvalidFields(tocsin.UserProblems(u.Name, u.Email))
	})
	return u, taken(err, emailTaken)
}

// DeactivateUser ends the use of all of a user's keys at once. The
// organisation's last active Admin stays; only the operator may send him away.
func (s *Service) DeactivateUser(ctx context.Context, actor tocsin.Actor, id tocsin.ID) (*tocsin.User, error) {
	isAdmin, successor, err := s.admins(ctx, actor, func(g *tocsin.Grant) bool { return g.User == id })
	if err != nil {
		return nil, err
	}
	return update(ctx, s.store, actor, "user.deactivate", store.Key{Kind: tocsin.KindUser, ID: id}, successor.keys(), func(v store.View, u *tocsin.User) error {
		if !u.DeactivatedAt.IsZero() {
			return nil
		}
		u.DeactivatedAt = v.Now
		if actor.Kind == tocsin.ActorSystem || successor.isZero() && !isAdmin {
			return nil
		}
		return successor.check(v)
	})
}

// ReactivateUser lets a user back in, with the grants and keys that he has.
func (s *Service) ReactivateUser(ctx context.Context, actor tocsin.Actor, id tocsin.ID) (*tocsin.User, error) {
	return update(ctx, s.store, actor, "user.reactivate", store.Key{Kind: tocsin.KindUser, ID: id}, accessKey(), func(_ store.View, u *tocsin.User) error {
		u.DeactivatedAt = time.Time{}
		return nil
	})
}

// accessKey names no grant. A command with it travels alone, as one must that
// decides who may do what: nothing beside it is judged on what it changes.
func accessKey() []store.Key { return []store.Key{{Kind: tocsin.KindGrant}} }

// A successor is an Admin who remains when another goes: his grant and himself.
// A decision looks at both again.
type successor struct{ grant, user tocsin.ID }

func (s successor) isZero() bool { return s.grant.IsZero() }

func (s successor) keys() []store.Key {
	if s.isZero() {
		return accessKey()
	}
	return []store.Key{{Kind: tocsin.KindGrant, ID: s.grant}, {Kind: tocsin.KindUser, ID: s.user}}
}

func (s successor) check(v store.View) error {
	g, err := store.Object[*tocsin.Grant](v, tocsin.KindGrant, s.grant)
	if err == nil && adminGrant(g) {
		if u, err := store.Object[*tocsin.User](v, tocsin.KindUser, s.user); err == nil && u.DeactivatedAt.IsZero() {
			return nil
		}
	}
	return tocsin.Errorf(tocsin.Conflict, "the organisation would be left without an active Admin: grant Admin to somebody else first")
}

// adminGrant reports whether g makes its user an Admin now.
func adminGrant(g *tocsin.Grant) bool {
	return g.Role == tocsin.RoleAdmin && g.Scope == tocsin.ScopeOrganisation && g.RevokedAt.IsZero()
}

// admins reports whether any grant that goes is an Admin's, and finds an active
// Admin by a grant that stays.
func (s *Service) admins(ctx context.Context, actor tocsin.Actor, goes func(*tocsin.Grant) bool) (leaves bool, stays successor, err error) {
	grants, err := s.store.List(ctx, actor.Org, tocsin.KindGrant, store.Page{})
	if err != nil {
		return false, successor{}, err
	}
	for _, o := range grants {
		g := o.(*tocsin.Grant)
		switch {
		case !adminGrant(g):
		case goes(g):
			leaves = true
		case stays.isZero():
			u, err := store.Find[*tocsin.User](ctx, s.store, actor.Org, tocsin.KindUser, g.User)
			if err != nil {
				return false, successor{}, err
			}
			if u.DeactivatedAt.IsZero() {
				stays = successor{g.ID, u.ID}
			}
		}
	}
	return leaves, stays, nil
}
