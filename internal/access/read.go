package access

import (
	"context"

	"tocsin"
	"tocsin/internal/store"
)

// MayManage returns Forbidden unless the actor may manage members. Each commit
// judges again; this is for doors that must answer so before they read a body.
func (s *Service) MayManage(ctx context.Context, actor tocsin.Actor) error {
	if actor.Kind == tocsin.ActorSystem {
		return nil
	}
	a, err := s.store.Access(ctx, actor.Key)
	if err != nil {
		return err
	}
	if !a.May(tocsin.ManageMembers, tocsin.Target{}) {
		return tocsin.Errorf(tocsin.Forbidden, "this key may not manage the organisation's members")
	}
	return nil
}

// User returns a user to himself and to those who may manage members. To others
// he is not there.
func (s *Service) User(ctx context.Context, actor tocsin.Actor, id tocsin.ID) (*tocsin.User, error) {
	return own(ctx, s, actor, tocsin.KindUser, id, func(u *tocsin.User) bool { return u.ID == actor.User })
}

// Key returns an API key to its owner and to those who may manage members. To
// others it is not there, and neither are its owner's other keys to one that is
// bound to a project.
func (s *Service) Key(ctx context.Context, actor tocsin.Actor, id tocsin.ID) (*tocsin.APIKey, error) {
	return own(ctx, s, actor, tocsin.KindAPIKey, id, func(k *tocsin.APIKey) bool { return ownKey(k, actor.User, actor.Project) })
}

// ownKey reports whether a key is one that a user has, as far as his key that is
// bound to a project, or to none, sees.
func ownKey(k *tocsin.APIKey, user, project tocsin.ID) bool {
	return k.Owner == user && (project.IsZero() || k.Project == project)
}

// Role returns a role of the organisation's own to those who may manage members.
func (s *Service) Role(ctx context.Context, actor tocsin.Actor, id tocsin.ID) (*tocsin.Role, error) {
	return managed[*tocsin.Role](ctx, s, actor, tocsin.KindRole, id)
}

// Binding returns a grant to those who may manage members.
func (s *Service) Binding(ctx context.Context, actor tocsin.Actor, id tocsin.ID) (*tocsin.Grant, error) {
	return managed[*tocsin.Grant](ctx, s, actor, tocsin.KindGrant, id)
}

// Invitation returns an invitation to those who may manage members.
func (s *Service) Invitation(ctx context.Context, actor tocsin.Actor, id tocsin.ID) (*tocsin.Invitation, error) {
	return managed[*tocsin.Invitation](ctx, s, actor, tocsin.KindInvitation, id)
}

// own returns an object to the user whom it belongs to and to those who may
// manage members.
func own[T tocsin.Object](ctx context.Context, s *Service, actor tocsin.Actor, kind tocsin.Kind, id tocsin.ID, his func(T) bool) (T, error) {
	var none T
	o, err := store.Find[T](ctx, s.store, actor.Org, kind, id)
	if err != nil {
		return none, err
	}
	if !actor.User.IsZero() && his(o) {
		return o, nil
	}
	switch err := s.MayManage(ctx, actor); {
	case tocsin.CodeOf(err) == tocsin.Forbidden:
		return none, store.ErrNotFound(kind)
	case err != nil:
		return none, err
	}
	return o, nil
}

func managed[T tocsin.Object](ctx context.Context, s *Service, actor tocsin.Actor, kind tocsin.Kind, id tocsin.ID) (T, error) {
	if err := s.MayManage(ctx, actor); err != nil {
		var none T
		return none, err
	}
	return store.Find[T](ctx, s.store, actor.Org, kind, id)
}
