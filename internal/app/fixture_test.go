package app_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"tocsin"
	"tocsin/internal/app"
	"tocsin/internal/metrics"
	"tocsin/internal/store"
)

func openStore(t *testing.T, dir string) store.Store {
	t.Helper()
	s, err := app.OpenStore(t.Context(), app.Database{Dir: dir}, slog.New(slog.DiscardHandler), metrics.New())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// newToken makes an organisation with an admin, and a key of his for one
// project, which both dialects take.
func newToken(t *testing.T, s store.Store) (actor tocsin.Actor, token string) {
	t.Helper()
	u := app.NewServices(s)
	ctx := t.Context()
	org, err := u.Directory.CreateOrganisation(ctx, "test", "Meridian")
	if err != nil {
		t.Fatal(err)
	}
	system := tocsin.System(org.ID, "test")
	project, err := u.Directory.CreateProject(ctx, system, "shop")
	ada, err2 := u.Access.CreateUser(ctx, system, "Ada", "ada@example.org")
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	_, err = u.Access.Grant(ctx, system, ada.ID, tocsin.RoleAdmin, tocsin.ScopeOrganisation, tocsin.ID{})
	key, token, err2 := u.Access.CreateKey(ctx, system, tocsin.KeyDraft{Owner: ada.ID, Name: "script", Project: project.ID})
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	return tocsin.Actor{Kind: tocsin.ActorUser, Org: org.ID, User: ada.ID, Key: key.ID, Project: project.ID}, token
}

// A trap is a store that springs what a test sets; the rest is the real one.
type trap struct {
	store.Store
	ping   func(context.Context) error
	access func() // runs before Access
	failed chan struct{}
	reason error
}

func (s *trap) Ping(ctx context.Context) error {
	if s.ping != nil {
		return s.ping(ctx)
	}
	return s.Store.Ping(ctx)
}

func (s *trap) Access(ctx context.Context, key tocsin.ID) (*tocsin.Access, error) {
	if s.access != nil {
		s.access()
	}
	return s.Store.Access(ctx, key)
}

func (s *trap) Failed() <-chan struct{} {
	if s.failed != nil {
		return s.failed
	}
	return s.Store.Failed()
}

func (s *trap) Err() error {
	if s.reason != nil {
		return s.reason
	}
	return s.Store.Err()
}

// lines keeps what is logged.
type lines struct {
	slog.Handler
	mu  sync.Mutex
	all []map[string]string
}

func (l *lines) Enabled(context.Context, slog.Level) bool { return true }

func (l *lines) Handle(_ context.Context, r slog.Record) error {
	line := map[string]string{"msg": r.Message, "level": r.Level.String()}
	r.Attrs(func(a slog.Attr) bool {
		line[a.Key] = a.Value.String()
		return true
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, line)
	return nil
}

func (l *lines) last() map[string]string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.all) == 0 {
		return nil
	}
	return l.all[len(l.all)-1]
}

// within returns what comes from c, or fails the test when nothing does.
func within[T any](t *testing.T, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(30 * time.Second):
		t.Fatalf("%s: nothing happened", what)
		panic("unreachable")
	}
}
