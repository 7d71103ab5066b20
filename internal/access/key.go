package access

import (
	"context"
	"io"
	"time"

	"tocsin"
	"tocsin/internal/store"
)

// CreateKey makes a key and returns it with its token, which is not stored and
// cannot be had again.
func (s *Service) CreateKey(ctx context.Context, actor tocsin.Actor, d tocsin.KeyDraft) (*tocsin.APIKey, string, error) {
	if err := tocsin.InvalidFields(tocsin.NameProblems(d.Name)); err != nil {
		return nil, "", err
	}
	secret, err := s.secret()
	if err != nil {
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
		if err := noMoreThan(v.Access, d.Project, d.Permissions); err != nil {
			return store.Change{}, err
		}
		if err := there(v, keys[1:]); err != nil {
			return store.Change{}, err
		}
		if owner, err := store.Object[*tocsin.User](v, tocsin.KindUser, d.Owner); err != nil || !owner.DeactivatedAt.IsZero() {
			return store.Change{}, tocsin.Errorf(tocsin.Conflict, "a user who has been deactivated gets no API key")
		}
		if err := toCome(d.ExpiresAt, v.Now); err != nil {
			return store.Change{}, err
		}
		return store.Change{Action: "api_key.create", Objects: []tocsin.Object{&tocsin.APIKey{
			Meta: tocsin.Meta{Org: actor.Org, ID: id}, Owner: d.Owner, Name: d.Name, Project: d.Project,
			Permissions: d.Permissions, SecretHash: hashSecret(secret), ExpiresAt: d.ExpiresAt.UTC().Truncate(time.Microsecond),
		}}}, nil
	}})
	if err != nil {
		return nil, "", err
	}
	return k, formatToken(keyToken, id, secret), nil
}

// UpdateKey changes a key's name and when it expires, the zero time for never;
// nil keeps. A key that has ended stays as it is. A restricted key lengthens the
// life of none that may do more.
func (s *Service) UpdateKey(ctx context.Context, actor tocsin.Actor, id tocsin.ID, name *string, expires *time.Time) (*tocsin.APIKey, error) {
	if name != nil {
		if err := tocsin.InvalidFields(tocsin.NameProblems(*name)); err != nil {
			return nil, err
		}
	}
	k, _, err := store.One[*tocsin.APIKey](ctx, s.store, store.Command{Actor: actor, Keys: []store.Key{{Kind: tocsin.KindAPIKey, ID: id}}, Decide: func(v store.View) (store.Change, error) {
		cur, err := visibleKey(v, actor, id)
		if err != nil {
			return store.Change{}, err
		}
		if err := authorise(v, actor); err != nil {
			return store.Change{}, err
		}
		next := *cur
		if name != nil {
			next.Name = *name
		}
		if expires != nil {
			next.ExpiresAt = expires.UTC().Truncate(time.Microsecond)
		}
		if !next.ExpiresAt.Equal(cur.ExpiresAt) {
			if err := toCome(next.ExpiresAt, v.Now); err != nil {
				return store.Change{}, err
			}
			if err := noMoreThan(v.Access, cur.Project, cur.Permissions); err != nil && outlives(&next, cur) {
				return store.Change{}, err
			}
		}
		if _, changed := tocsin.Diff(tocsin.Fields(cur), tocsin.Fields(&next)); len(changed) > 0 && ended(cur, v.Now) {
			return store.Change{}, errEnded()
		}
		return store.Change{Action: "api_key.update", Objects: []tocsin.Object{&next}}, nil
	}})
	return k, err
}

// MaxOverlap is the longest that a rotated key may go on beside the new one.
const MaxOverlap = 7 * 24 * time.Hour

// RotateKey makes a new key with the name, the owner, the restrictions and the
// end of an old one, and ends the old one after the overlap: one change. The
// token of the new one is returned with it and cannot be had again.
func (s *Service) RotateKey(ctx context.Context, actor tocsin.Actor, id tocsin.ID, overlap time.Duration) (*tocsin.APIKey, string, error) {
	if overlap < 0 || overlap > MaxOverlap {
		return nil, "", tocsin.InvalidFields(map[string]string{"overlap_seconds": "overlap_seconds must be from 0 to 604800"})
	}
	secret, err := s.secret()
	if err != nil {
		return nil, "", err
	}
	fresh := s.newID()
	keys := []store.Key{{Kind: tocsin.KindAPIKey, ID: fresh}, {Kind: tocsin.KindAPIKey, ID: id}}
	res, err := s.store.Commit(ctx, store.Command{Actor: actor, Keys: keys, Decide: func(v store.View) (store.Change, error) {
		cur, err := visibleKey(v, actor, id)
		if err != nil {
			return store.Change{}, err
		}
		if err := noMoreThan(v.Access, cur.Project, cur.Permissions); err != nil {
			return store.Change{}, err
		}
		if ended(cur, v.Now) {
			return store.Change{}, errEnded()
		}
		old, next := *cur, *cur
		next.Meta = tocsin.Meta{Org: actor.Org, ID: fresh}
		next.SecretHash = hashSecret(secret)
		if end := v.Now.Add(overlap); old.ExpiresAt.IsZero() || end.Before(old.ExpiresAt) {
			old.ExpiresAt = end
		}
		return store.Change{Action: "api_key.rotate", Objects: []tocsin.Object{&next, &old}}, nil
	}})
	if err != nil {
		return nil, "", err
	}
	return res.Objects[0].(*tocsin.APIKey), formatToken(keyToken, fresh, secret), nil
}

// RevokeKey is EndKey for those whom the key does not interest any more.
func (s *Service) RevokeKey(ctx context.Context, actor tocsin.Actor, id tocsin.ID) error {
	_, err := s.EndKey(ctx, actor, id)
	return err
}

// EndKey revokes a key, at once and for good, and returns it. Its owner may do so
// too, but not through a restricted key where this one may do more: one that hangs
// on a wall does not lock its owner out.
func (s *Service) EndKey(ctx context.Context, actor tocsin.Actor, id tocsin.ID) (*tocsin.APIKey, error) {
	k, _, err := store.One[*tocsin.APIKey](ctx, s.store, store.Command{Actor: actor, Keys: []store.Key{{Kind: tocsin.KindAPIKey, ID: id}}, Decide: func(v store.View) (store.Change, error) {
		cur, err := visibleKey(v, actor, id)
		if err != nil {
			return store.Change{}, err
		}
		if authorise(v, actor) != nil { // it is his own
			if err := noMoreThan(v.Access, cur.Project, cur.Permissions); err != nil {
				return store.Change{}, err
			}
		}
		next := *cur
		if next.RevokedAt.IsZero() {
			next.RevokedAt = v.Now
		}
		return store.Change{Action: "api_key.revoke", Objects: []tocsin.Object{&next}}, nil
	}})
	return k, err
}

// secret returns the random part of a new token.
func (s *Service) secret() (secret [32]byte, err error) {
	_, err = io.ReadFull(s.random, secret[:])
	return secret, err
}

// visibleKey returns a key under the lock: any to those who may manage members,
// his own to its owner. Another is not there.
func visibleKey(v store.View, actor tocsin.Actor, id tocsin.ID) (*tocsin.APIKey, error) {
	k, err := store.Object[*tocsin.APIKey](v, tocsin.KindAPIKey, id)
	if err == nil && v.Access != nil && ownKey(k, v.Access.Owner.ID, v.Access.Key.Project) {
		return k, nil
	}
	switch manages := authorise(v, actor); {
	case tocsin.CodeOf(manages) == tocsin.Forbidden:
		return nil, store.ErrNotFound(tocsin.KindAPIKey)
	case manages != nil:
		return nil, manages
	}
	return k, err
}

// noMoreThan refuses to make, to keep or to end a credential that may do more than
// the key that asks for it; nil is an actor without a key.
func noMoreThan(a *tocsin.Access, project tocsin.ID, p tocsin.Permissions) error {
	if a == nil || within(p, a.Key.Permissions) && (a.Key.Project.IsZero() || a.Key.Project == project) {
		return nil
	}
	return tocsin.Errorf(tocsin.Forbidden, "a restricted key cannot do this to one that may do more")
}

// givesNoMore refuses permissions for somebody else that the key which gives them
// does not have among its own restrictions; nil is an actor without a key.
func givesNoMore(a *tocsin.Access, p tocsin.Permissions) error {
	if a == nil || a.Key.Permissions == 0 || a.Key.Permissions.Has(p) {
		return nil
	}
	return tocsin.Errorf(tocsin.Forbidden, "a restricted key cannot give permissions that it has not itself")
}

// outlives reports whether a key ends later than another.
func outlives(a, b *tocsin.APIKey) bool {
	return !b.ExpiresAt.IsZero() && (a.ExpiresAt.IsZero() || a.ExpiresAt.After(b.ExpiresAt))
}

// within reports whether a new key's restriction is no wider than another's;
// zero restricts nothing.
func within(p, limit tocsin.Permissions) bool {
	return limit == 0 || p != 0 && limit.Has(p)
}

// toCome refuses an end that is past; zero is no end.
func toCome(end, now time.Time) error {
	if !end.IsZero() && !end.After(now) {
		return tocsin.InvalidFields(map[string]string{"expires_at": "expires_at must lie in the future"})
	}
	return nil
}

func ended(k *tocsin.APIKey, now time.Time) bool {
	return !k.RevokedAt.IsZero() || !k.ExpiresAt.IsZero() && !now.Before(k.ExpiresAt)
}

func errEnded() error {
	return tocsin.Errorf(tocsin.Conflict, "this API key has ended: make a new one")
}
