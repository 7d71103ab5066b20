package access

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"io"
	"time"

	"tocsin"
	"tocsin/internal/store"
)

// InvitationLife is how long an invitation holds where its maker says nothing,
// MaxInvitationLife how long it may hold.
const (
	InvitationLife    = 7 * 24 * time.Hour
	MaxInvitationLife = 30 * 24 * time.Hour
)

// Invite makes an invitation for somebody who will be a user with one grant,
// the same as Grant could give, and returns it with its token, which is not
// stored and cannot be had again. A life of 0 is InvitationLife.
func (s *Service) Invite(ctx context.Context, actor tocsin.Actor, email, role string, scope tocsin.Scope, scopeID tocsin.ID, life time.Duration) (*tocsin.Invitation, string, error) {
	if life == 0 {
		life = InvitationLife
	}
	problems := tocsin.UserProblems("somebody", email)
	if life < time.Second || life > MaxInvitationLife {
		problems["expires_in"] = "expires_in must be from 1 to 2592000 seconds"
	}
	if err := tocsin.InvalidFields(problems); err != nil {
		return nil, "", err
	}
	scopeID, needs, err := s.grantable(ctx, actor.Org, role, scope, scopeID)
	if err != nil {
		return nil, "", err
	}
	taken, err := s.userOf(ctx, actor.Org, email)
	if err != nil {
		return nil, "", err
	}
	secret, err := s.invitationSecret(actor.Org)
	if err != nil {
		return nil, "", err
	}
	meta := tocsin.Meta{Org: actor.Org, ID: s.newID()}
	keys := append([]store.Key{{Kind: tocsin.KindInvitation, ID: meta.ID}, {Kind: tocsin.KindUser, ID: taken}}, needs...)
	i, _, err := store.One[*tocsin.Invitation](ctx, s.store, store.Command{Actor: actor, Keys: keys, Decide: func(v store.View) (store.Change, error) {
		if err := authorise(v, actor); err != nil {
			return store.Change{}, err
		}
		// Who accepts gets a key without restrictions.
		if err := noMoreThan(v.Access, tocsin.ID{}, 0); err != nil {
			return store.Change{}, err
		}
		if err := there(v, needs); err != nil {
			return store.Change{}, err
		}
		if u, err := store.Object[*tocsin.User](v, tocsin.KindUser, taken); err == nil && u.Email == email {
			return store.Change{}, tocsin.Errorf(tocsin.Conflict, emailTaken)
		}
		return store.Change{Action: "invitation.create", Objects: []tocsin.Object{&tocsin.Invitation{
			Meta: meta, Email: email, Role: role, Scope: scope, ScopeID: scopeID,
			SecretHash: hashSecret(secret), ExpiresAt: v.Now.Add(life),
		}}}, nil
	}})
	if err != nil {
		return nil, "", err
	}
	return i, formatToken(invitationToken, meta.ID, secret), nil
}

// RevokeInvitation ends an invitation that nobody has accepted.
func (s *Service) RevokeInvitation(ctx context.Context, actor tocsin.Actor, id tocsin.ID) (*tocsin.Invitation, error) {
	return update(ctx, s.store, actor, "invitation.revoke", store.Key{Kind: tocsin.KindInvitation, ID: id}, nil, func(v store.View, i *tocsin.Invitation) error {
		switch {
		case !i.RevokedAt.IsZero():
			return nil
		case !i.AcceptedAt.IsZero():
			return tocsin.Errorf(tocsin.Conflict, "the invitation has been accepted: deactivate the user instead")
		}
		i.RevokedAt = v.Now
		return nil
	})
}

// errNoInvitation is the one answer to every invitation that does not hold.
func errNoInvitation() error {
	return tocsin.Errorf(tocsin.Unauthenticated, "the invitation is not known, or was used, was revoked or has expired")
}

// Accept makes the user of an invitation, with its grant and a key of his own,
// in one change whose actor he is himself. The token is all that it asks for;
// of from it takes the door, the request and the terms. The key's token is
// returned with it and cannot be had again.
func (s *Service) Accept(ctx context.Context, from tocsin.Actor, token, name string) (*tocsin.User, *tocsin.APIKey, string, error) {
	inv, err := s.invited(ctx, token)
	if err != nil {
		return nil, nil, "", err
	}
	from.Terms.Once = onceFor(inv, from.Terms.Once)
	if from.Terms.Once == nil && !holds(inv, s.now()) { // else the change may have been made before
		return nil, nil, "", errNoInvitation()
	}
	_, needs, err := s.grantable(ctx, inv.Org, inv.Role, inv.Scope, inv.ScopeID)
	if err != nil {
		return nil, nil, "", err
	}
	var secret [32]byte
	if secret, err = s.secret(); err != nil {
		return nil, nil, "", err
	}
	user, grant, key := s.newID(), s.newID(), s.newID()
	from.Kind, from.Org, from.User, from.Key = tocsin.ActorUser, inv.Org, user, tocsin.ID{}
	keys := append([]store.Key{
		{Kind: tocsin.KindInvitation, ID: inv.ID},
		{Kind: tocsin.KindUser, ID: user},
		{Kind: tocsin.KindGrant, ID: grant},
		{Kind: tocsin.KindAPIKey, ID: key},
	}, needs...)
	res, err := s.store.Commit(ctx, store.Command{Actor: from, Keys: keys, Decide: func(v store.View) (store.Change, error) {
		cur, err := store.Object[*tocsin.Invitation](v, tocsin.KindInvitation, inv.ID)
		if err != nil || !holds(cur, v.Now) {
			return store.Change{}, errNoInvitation()
		}
		if err := tocsin.InvalidFields(tocsin.NameProblems(name)); err != nil {
			return store.Change{}, err
		}
		if err := there(v, needs); err != nil {
			return store.Change{}, err
		}
		used := *cur
		used.AcceptedAt, used.User = v.Now, user
		meta := func(id tocsin.ID) tocsin.Meta { return tocsin.Meta{Org: cur.Org, ID: id} }
		return store.Change{Action: "invitation.accept", Objects: []tocsin.Object{
			&tocsin.User{Meta: meta(user), Name: name, Email: cur.Email},
			&tocsin.Grant{Meta: meta(grant), User: user, Role: cur.Role, Scope: cur.Scope, ScopeID: cur.ScopeID},
			&tocsin.APIKey{Meta: meta(key), Owner: user, Name: "first key", SecretHash: hashSecret(secret)},
			&used,
		}}, nil
	}})
	if err != nil {
		return nil, nil, "", taken(err, emailTaken+": ask for an API key of that user")
	}
	return res.Objects[0].(*tocsin.User), res.Objects[2].(*tocsin.APIKey), formatToken(keyToken, key, secret), nil
}

// onceFor makes the name of a change that must happen once the invitation's: a
// guest has no key to tell him from others who use the same name.
func onceFor(i *tocsin.Invitation, once *tocsin.Once) *tocsin.Once {
	if once == nil {
		return nil
	}
	own := *once
	own.Key = sha256.Sum256(append(i.ID[:], once.Key[:]...))
	return &own
}

// invited returns the invitation of a token, if there is such a one, whether it
// holds or not. Every failure is the same error after the same work.
func (s *Service) invited(ctx context.Context, token string) (*tocsin.Invitation, error) {
	id, secret, wellFormed := parseToken(invitationToken, token)
	hash := hashSecret(secret)
	var stored [32]byte
	i, err := store.Find[*tocsin.Invitation](ctx, s.store, organisationIn(secret), tocsin.KindInvitation, id)
	switch {
	case err == nil:
		stored = i.SecretHash
	case tocsin.CodeOf(err) != tocsin.NotFound:
		return nil, err
	}
	same := subtle.ConstantTimeCompare(hash[:], stored[:]) == 1
	if !wellFormed || !same || err != nil {
		return nil, errNoInvitation()
	}
	return i, nil
}

func holds(i *tocsin.Invitation, now time.Time) bool {
	return i.AcceptedAt.IsZero() && i.RevokedAt.IsZero() && now.Before(i.ExpiresAt)
}

// invitationSecret returns a new invitation's secret: the organisation's id and
// 128 random bits. Who comes with it has nothing else to say whose guest he is.
func (s *Service) invitationSecret(org tocsin.ID) (secret [32]byte, err error) {
	n := copy(secret[:], org[:])
	_, err = io.ReadFull(s.random, secret[n:])
	return secret, err
}

// organisationIn returns the organisation that an invitation's secret names.
func organisationIn(secret [32]byte) tocsin.ID { return tocsin.ID(secret[:16]) }

// userOf returns the id of the user with an address, zero when there is none.
func (s *Service) userOf(ctx context.Context, org tocsin.ID, email string) (tocsin.ID, error) {
	users, err := s.store.List(ctx, org, tocsin.KindUser, store.Page{})
	if err != nil {
		return tocsin.ID{}, err
	}
	for _, u := range users {
		if u.(*tocsin.User).Email == email {
			return u.Head().ID, nil
		}
	}
	return tocsin.ID{}, nil
}
