// Package access says who is asking and decides who may do what: API keys and
// their checking, users, roles, grants and invitations. It must never store or log a
// secret: a token leaves it once, when its key or invitation is made.
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
	id, secret, wellFormed := parseToken(keyToken, token)
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
