package access

import (
	"context"

	"tocsin"
	"tocsin/internal/store"
)

// CreateRole makes a role of the organisation's own.
func (s *Service) CreateRole(ctx context.Context, actor tocsin.Actor, name string, p tocsin.Permissions) (*tocsin.Role, error) {
	if err := tocsin.InvalidFields(tocsin.NameProblems(name)); err != nil {
		return nil, err
	}
	if _, builtin := tocsin.BuiltinRole(name); builtin {
		return nil, tocsin.Errorf(tocsin.Conflict, "%s is a built-in role", name)
	}
	return create(ctx, s, actor, tocsin.KindRole, nil, func(m tocsin.Meta) *tocsin.Role {
		return &tocsin.Role{Meta: m, Name: name, Permissions: p}
	})
}

// UpdateRole changes what a role's holders may do, from this moment on; nil
// keeps. Its name stays: grants hold to it. A restricted key adds nothing that it
// may not do itself.
func (s *Service) UpdateRole(ctx context.Context, actor tocsin.Actor, id tocsin.ID, p *tocsin.Permissions) (*tocsin.Role, error) {
	return update(ctx, s.store, actor, "role.update", store.Key{Kind: tocsin.KindRole, ID: id}, nil, func(v store.View, r *tocsin.Role) error {
		if p == nil {
			return nil
		}
		added := *p &^ r.Permissions
		r.Permissions = *p
		return givesNoMore(v.Access, added)
	})
}

func (s *Service) roleNamed(ctx context.Context, org tocsin.ID, name string) (*tocsin.Role, error) {
	roles, err := s.store.List(ctx, org, tocsin.KindRole, store.Page{})
	if err != nil {
		return nil, err
	}
	for _, r := range roles {
		if r := r.(*tocsin.Role); r.Name == name {
			return r, nil
		}
	}
	return nil, missing("role")
}
