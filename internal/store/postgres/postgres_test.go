package postgres_test

import (
	"context"
	"testing"
	"time"

	"tocsin/internal/pgtest"
	"tocsin/internal/secret"
	"tocsin/internal/store"
	"tocsin/internal/store/postgres"
	"tocsin/internal/store/storetest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func options(t testing.TB, url string) postgres.Options {
	return postgres.Options{
		URL: secret.Secret(url), NewID: storetest.NewID, Now: time.Now,
		Observer: storetest.Observer{}, Logger: storetest.Logger(t),
	}
}

func mustOpen(t testing.TB, o postgres.Options) *postgres.Store {
	t.Helper()
	s, err := postgres.Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

func TestContract(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) store.Store { return mustOpen(t, options(t, pgtest.URL(t))) })
}

func TestContract_severalNodes(t *testing.T) {
	t.Parallel()
	storetest.RunNodes(t, true, func(t *testing.T) (store.Store, store.Store) {
		url := pgtest.URL(t)
		return mustOpen(t, options(t, url)), mustOpen(t, options(t, url))
	})
}
