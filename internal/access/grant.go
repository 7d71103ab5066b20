package access

import (
	"context"

	"tocsin"
	"tocsin/internal/store"
)

// Grant gives a user a role within a scope. The scope's id is that of the
// project or dataset, and is not read for the organisation. The same live grant
// twice is refused with Conflict. A restricted key gives no role that may do
// more than itself.
func (s *Service) Grant(ctx context.Context, actor tocsin.Actor, user tocsin.ID, role string, scope tocsin.Scope, scopeID tocsin.ID) (*tocsin.Grant, error) {
	scopeID, needs, err := s.grantable(ctx, actor.Org, role, scope, scopeID)
	if err != nil {
		return nil, err
	}
	needs = append(needs, store.Key{Kind: tocsin.KindUser, ID: user})
	same, err := s.sameGrant(ctx, actor.Org, user, role, scope, scopeID)
	if err != nil {
		return nil, err
	}
	meta := tocsin.Meta{Org: actor.Org, ID: s.newID()}
	keys := append([]store.Key{{Kind: tocsin.KindGrant, ID: meta.ID}, {Kind: tocsin.KindGrant, ID: same}}, needs...)
	g, _, err := store.One[*tocsin.Grant](ctx, s.store, store.Command{Actor: actor, Keys: keys, Decide: func(v store.View) (store.Change, error) {
		if err := authorise(v, actor); err != nil {
			return store.Change{}, err
		}
		if err := there(v, needs); err != nil {
			return store.Change{}, err
		}
		if err := givesNoMore(v.Access, permissionsOf(v, role, needs)); err != nil {
			return store.Change{}, err
		}
		if g, err := store.Object[*tocsin.Grant](v, tocsin.KindGrant, same); err == nil && g.RevokedAt.IsZero() {
			return store.Change{}, tocsin.Errorf(tocsin.Conflict, grantTaken)
		}
		return store.Change{Action: "grant.create", Objects: []tocsin.Object{
			&tocsin.Grant{Meta: meta, User: user, Role: role, Scope: scope, ScopeID: scopeID},
		}}, nil
	}})
	return g, taken(err, grantTaken) // by one who asked at the same moment
}

// grantTaken is why there is no second grant of the same.
const grantTaken = "the user has this role there already"

// RevokeGrant is EndGrant for those whom the grant does not interest any more.
func (s *Service) RevokeGrant(ctx context.Context, actor tocsin.Actor, id tocsin.ID) error {
	_, err := s.EndGrant(ctx, actor, id)
	return err
}

// EndGrant takes a role away again and returns its grant. The last grant that
// makes an active Admin stays; only the operator may take it.
func (s *Service) EndGrant(ctx context.Context, actor tocsin.Actor, id tocsin.ID) (*tocsin.Grant, error) {
	_, successor, err := s.admins(ctx, actor, func(g *tocsin.Grant) bool { return g.ID == id })
	if err != nil {
		return nil, err
	}
	return update(ctx, s.store, actor, "grant.revoke", store.Key{Kind: tocsin.KindGrant, ID: id}, successor.keys(), func(v store.View, g *tocsin.Grant) error {
		if !g.RevokedAt.IsZero() {
			return nil
		}
		if adminGrant(g) && actor.Kind != tocsin.ActorSystem {
			if err := successor.check(v); err != nil {
				return err
			}
		}
		g.RevokedAt = v.Now
		return nil
	})
}

// grantable says what a role's grant within a scope needs to be there, and the
// scope's id; or what is wrong with it.
func (s *Service) grantable(ctx context.Context, org tocsin.ID, role string, scope tocsin.Scope, scopeID tocsin.ID) (tocsin.ID, []store.Key, error) {
	var needs []store.Key
	switch scope {
	case tocsin.ScopeOrganisation:
		scopeID = org
	case tocsin.ScopeProject:
		needs = append(needs, store.Key{Kind: tocsin.KindProject, ID: scopeID})
	case tocsin.ScopeDataset:
		needs = append(needs, store.Key{Kind: tocsin.KindDataset, ID: scopeID})
	default:
		return scopeID, nil, tocsin.InvalidFields(map[string]string{"scope": "scope must be one of: organisation, project, dataset"})
	}
	if _, builtin := tocsin.BuiltinRole(role); builtin {
		forOrganisation := role == tocsin.RoleAdmin || role == tocsin.RoleUser
		if forOrganisation != (scope == tocsin.ScopeOrganisation) {
			return scopeID, nil, tocsin.InvalidFields(map[string]string{"role": "Admin and User are granted on the organisation, Manager, Editor and Viewer on a project or dataset"})
		}
		return scopeID, needs, nil
	}
	own, err := s.roleNamed(ctx, org, role)
	if err != nil {
		return scopeID, nil, err
	}
	return scopeID, append(needs, store.Key{Kind: tocsin.KindRole, ID: own.ID}), nil
}

// permissionsOf returns what a role may do: a built-in one, or the one among the
// keyed objects.
func permissionsOf(v store.View, role string, needs []store.Key) tocsin.Permissions {
	p, _ := tocsin.BuiltinRole(role)
	for _, k := range needs {
		if own, err := store.Object[*tocsin.Role](v, k.Kind, k.ID); err == nil {
			p = own.Permissions
		}
	}
	return p
}

// sameGrant returns the id of a live grant of the same, zero when there is none.
func (s *Service) sameGrant(ctx context.Context, org, user tocsin.ID, role string, scope tocsin.Scope, scopeID tocsin.ID) (tocsin.ID, error) {
	grants, err := s.store.List(ctx, org, tocsin.KindGrant, store.Page{})
	if err != nil {
		return tocsin.ID{}, err
	}
	for _, o := range grants {
		g := o.(*tocsin.Grant)
		if g.User == user && g.Role == role && g.Scope == scope && g.ScopeID == scopeID && g.RevokedAt.IsZero() {
			return g.ID, nil
		}
	}
	return tocsin.ID{}, nil
}
