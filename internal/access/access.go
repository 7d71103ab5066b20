// Package access says who is asking and decides who may do what: API keys and
// their checking, users, roles and grants. It must never store or log a secret:
// a key's token leaves it once, when the key is made.
package access

import (
	"context"
	"crypto/subtle"
	"io"
	"sync"
	"time"

	"tocsin"
	"tocsin/internal/store"
)

// Service is the use cases over a store.
type Service struct {
	store  store.Store
	newID  func() tocsin.ID
	random io.Reader
	now    func() time.Time

	mu   sync.Mutex
	uses map[tocsin.ID]store.KeyUse // since the last FlushUses
}

// New returns the use cases. newID makes ids, random the secrets of keys; now
// is the clock by which a key expires between two commits.
func New(s store.Store, newID func() tocsin.ID, random io.Reader, now func() time.Time) *Service {
	return &Service{store: s, newID: newID, random: random, now: now, uses: make(map[tocsin.ID]store.KeyUse)}
}

// errUnauthenticated is the one answer to every credential that does not hold.
func errUnauthenticated() error {
	return tocsin.Errorf(tocsin.Unauthenticated, "the API key is missing or not valid")
}

// Authenticate returns the actor that a token makes of a request: its owner,
// bound to the key's organisation. Every failure is the same Unauthenticated
// error after the same work.
func (s *Service) Authenticate(ctx context.Context, token string) (tocsin.Actor, error) {
	a, err := s.verify(ctx, token)
	if err != nil {
		return tocsin.Actor{}, err
	}
	return s.admit(a), nil
}

// AuthenticateKey is Authenticate for doors whose credential names the key
// beside its token: the two must agree.
func (s *Service) AuthenticateKey(ctx context.Context, keyID, token string) (tocsin.Actor, error) {
	a, err := s.verify(ctx, token)
	if err != nil {
		return tocsin.Actor{}, err
	}
	if id, ok := tocsin.ParseID(keyID); !ok || id != a.Key.ID {
		return tocsin.Actor{}, errUnauthenticated()
	}
	return s.admit(a), nil
}

// verify returns what the key of a token may do, if the token is good.
func (s *Service) verify(ctx context.Context, token string) (*tocsin.Access, error) {
	id, secret, wellFormed := parseToken(token)
	hash := hashSecret(secret)
	var stored [32]byte
	a, err := s.store.Access(ctx, id)
	switch {
	case err == nil:
		stored = a.Key.SecretHash
	case tocsin.CodeOf(err) != tocsin.NotFound:
		return nil, err
	}
	same := subtle.ConstantTimeCompare(hash[:], stored[:]) == 1
	if !wellFormed || !same || a == nil || a.Check(s.now()) != nil {
		return nil, errUnauthenticated()
	}
	return a, nil
}

// admit notes the use of a key and returns its actor.
func (s *Service) admit(a *tocsin.Access) tocsin.Actor {
	s.used(a.Key)
	return tocsin.Actor{Kind: tocsin.ActorUser, Org: a.Key.Org, User: a.Owner.ID, Key: a.Key.ID, Project: a.Key.Project}
}

// maxUses bounds how many keys' uses wait to be noted.
const maxUses = 100_000

func (s *Service) used(k *tocsin.APIKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.uses) < maxUses {
		s.uses[k.ID] = store.KeyUse{Org: k.Org, Key: k.ID, At: s.now()}
	}
}

// FlushUses notes when keys were last used: the last of each since the last
// call, so that a request costs no write.
func (s *Service) FlushUses(ctx context.Context) error {
	s.mu.Lock()
	uses := make([]store.KeyUse, 0, len(s.uses))
	for _, u := range s.uses {
		uses = append(uses, u)
	}
	clear(s.uses)
	s.mu.Unlock()
	if len(uses) == 0 {
		return nil
	}
	err := s.store.RecordUse(ctx, uses)
	if err == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, u := range uses { // for the next call, unless the key was used since
		if _, later := s.uses[u.Key]; !later {
			s.uses[u.Key] = u
		}
	}
	return err
}

// CreateKey makes a key and returns it with its token, which is not stored and
// cannot be had again.
func (s *Service) CreateKey(ctx context.Context, actor tocsin.Actor, d tocsin.KeyDraft) (*tocsin.APIKey, string, error) {
	if err := tocsin.InvalidFields(tocsin.NameProblems(d.Name)); err != nil {
		return nil, "", err
	}
	var secret [32]byte
	if _, err := io.ReadFull(s.random, secret[:]); err != nil {
		return nil, "", err
	}
	id := s.newID()
	keys := []store.Key{{Kind: tocsin.KindAPIKey, ID: id}, {Kind: tocsin.KindUser, ID: d.Owner}}
	if !d.Project.IsZero() {
		keys = append(keys, store.Key{Kind: tocsin.KindProject, ID: d.Project})
	}
	k, _, err := store.One[*tocsin.APIKey](ctx, s.store, store.Command{Actor: actor, Keys: keys, Decide: func(v store.View) (store.Change, error) {
		if err := authorise(v, actor); err != nil {
			return store.Change{}, err
		}
		if v.Access != nil && !within(d.Permissions, v.Access.Key.Permissions) {
			return store.Change{}, tocsin.Errorf(tocsin.Forbidden, "a restricted key cannot make one that may do more")
		}
		for _, k := range keys[1:] {
			if _, err := store.Object[tocsin.Object](v, k.Kind, k.ID); err != nil {
				return store.Change{}, err
			}
		}
		if !d.ExpiresAt.IsZero() && !d.ExpiresAt.After(v.Now) {
			return store.Change{}, tocsin.InvalidFields(map[string]string{"expires_at": "expires_at must lie in the future"})
		}
		return store.Change{Action: "api_key.create", Objects: []tocsin.Object{&tocsin.APIKey{
			Meta: tocsin.Meta{Org: actor.Org, ID: id}, Owner: d.Owner, Name: d.Name, Project: d.Project,
			Permissions: d.Permissions, SecretHash: hashSecret(secret), ExpiresAt: d.ExpiresAt.UTC().Truncate(time.Microsecond),
		}}}, nil
	}})
	if err != nil {
		return nil, "", err
	}
	return k, formatToken(id, secret), nil
}

// within reports whether a new key's restriction is no wider than another's;
// zero restricts nothing.
func within(p, limit tocsin.Permissions) bool {
	return limit == 0 || p != 0 && limit.Has(p)
}

// RevokeKey ends a key at once and for good.
func (s *Service) RevokeKey(ctx context.Context, actor tocsin.Actor, id tocsin.ID) error {
	return revoke(ctx, s.store, actor, store.Key{Kind: tocsin.KindAPIKey, ID: id}, func(k tocsin.APIKey, now time.Time) *tocsin.APIKey {
		if k.RevokedAt.IsZero() {
			k.RevokedAt = now
		}
		return &k
	})
}

// CreateUser adds a person to the organisation.
func (s *Service) CreateUser(ctx context.Context, actor tocsin.Actor, name, email string) (*tocsin.User, error) {
	if err := tocsin.InvalidFields(tocsin.UserProblems(name, email)); err != nil {
		return nil, err
	}
	return create(ctx, s, actor, tocsin.KindUser, nil, func(m tocsin.Meta) *tocsin.User {
		return &tocsin.User{Meta: m, Name: name, Email: email}
	})
}

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

// Grant gives a user a role within a scope. The scope's id is that of the
// project or dataset, and is not read for the organisation.
func (s *Service) Grant(ctx context.Context, actor tocsin.Actor, user tocsin.ID, role string, scope tocsin.Scope, scopeID tocsin.ID) (*tocsin.Grant, error) {
	needs := []store.Key{{Kind: tocsin.KindUser, ID: user}}
	switch scope {
	case tocsin.ScopeOrganisation:
		scopeID = actor.Org
	case tocsin.ScopeProject:
		needs = append(needs, store.Key{Kind: tocsin.KindProject, ID: scopeID})
	case tocsin.ScopeDataset:
		needs = append(needs, store.Key{Kind: tocsin.KindDataset, ID: scopeID})
	default:
		return nil, tocsin.InvalidFields(map[string]string{"scope": "scope must be one of: organisation, project, dataset"})
	}
	if _, builtin := tocsin.BuiltinRole(role); builtin {
		forOrganisation := role == tocsin.RoleAdmin || role == tocsin.RoleUser
		if forOrganisation != (scope == tocsin.ScopeOrganisation) {
			return nil, tocsin.InvalidFields(map[string]string{"role": "Admin and User are granted on the organisation, Manager, Editor and Viewer on a project or dataset"})
		}
	} else {
		own, err := s.roleNamed(ctx, actor.Org, role)
		if err != nil {
			return nil, err
		}
		needs = append(needs, store.Key{Kind: tocsin.KindRole, ID: own.ID})
	}
	return create(ctx, s, actor, tocsin.KindGrant, needs, func(m tocsin.Meta) *tocsin.Grant {
		return &tocsin.Grant{Meta: m, User: user, Role: role, Scope: scope, ScopeID: scopeID}
	})
}

// RevokeGrant takes a role away again.
func (s *Service) RevokeGrant(ctx context.Context, actor tocsin.Actor, id tocsin.ID) error {
	return revoke(ctx, s.store, actor, store.Key{Kind: tocsin.KindGrant, ID: id}, func(g tocsin.Grant, now time.Time) *tocsin.Grant {
		if g.RevokedAt.IsZero() {
			g.RevokedAt = now
		}
		return &g
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
	return nil, tocsin.Errorf(tocsin.NotFound, "there is no role %q", name)
}
