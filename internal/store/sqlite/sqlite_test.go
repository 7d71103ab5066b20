package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tocsin"
	"tocsin/internal/store"
	"tocsin/internal/store/sqlite"
	"tocsin/internal/store/storetest"
)

func open(t testing.TB, dir string, server bool, now func() time.Time) (*sqlite.Store, error) {
	t.Helper()
	s, err := sqlite.Open(context.Background(), sqlite.Options{
		Dir: dir, Server: server, NewID: storetest.NewID, Now: now,
		Observer: storetest.Observer{}, Logger: storetest.Logger(t),
	})
	if err == nil {
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		})
	}
	return s, err
}

func mustOpen(t testing.TB, dir string, server bool) *sqlite.Store {
	t.Helper()
	s, err := open(t, dir, server, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestContract(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) store.Store { return mustOpen(t, t.TempDir(), true) })
}

func TestContract_commandLineBesideServer(t *testing.T) {
	t.Parallel()
	storetest.RunNodes(t, false, func(t *testing.T) (store.Store, store.Store) {
		dir := t.TempDir()
		return mustOpen(t, dir, true), mustOpen(t, dir, false)
	})
}

func TestOpen_barsASecondServer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mustOpen(t, dir, true)
	if _, err := open(t, dir, true, time.Now); err == nil || !strings.Contains(err.Error(), "another server is running") {
		t.Errorf("a second server: error %v; want one that says that another is running", err)
	}
}

func TestOpen_keepsWhatWasCommitted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := mustOpen(t, dir, true)
	org := newOrganisation(t, s, "Acme")
	installation, secret := s.Installation(), s.Secret()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = mustOpen(t, dir, true)
	o, err := store.Find[*tocsin.Organisation](t.Context(), s, org, tocsin.KindOrganisation, org)
	if err != nil || o.Name != "Acme" {
		t.Errorf("after a restart: %+v, %v", o, err)
	}
	if s.Installation() != installation || s.Secret() != secret {
		t.Error("a restart made a new installation")
	}
}

func TestOpen_refusesANewerSchema(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := mustOpen(t, dir, true).Close(); err != nil {
		t.Fatal(err)
	}
	db := raw(t, dir)
	if _, err := db.Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)"); err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, dir, true, time.Now); err == nil || !strings.Contains(err.Error(), "9999") {
		t.Errorf("a schema from the future: error %v; want a refusal that names its version", err)
	}
}

func TestCommit_timeNeverGoesBack(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	s, err := open(t, t.TempDir(), true, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	org := newOrganisation(t, s, "Acme")
	now = now.Add(-time.Hour)
	var seen time.Time
	r, err := s.Commit(t.Context(), store.Command{
		Actor: tocsin.System(org, "test"),
		Keys:  []store.Key{{Kind: tocsin.KindOrganisation, ID: org}},
		Decide: func(v store.View) (store.Change, error) {
			seen = v.Now
			return store.Change{Objects: []tocsin.Object{&tocsin.Organisation{Meta: tocsin.Meta{Org: org, ID: org}, Name: "Later"}}}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if m := r.Objects[0].Head(); m.UpdatedAt.Before(m.CreatedAt) || seen != m.UpdatedAt {
		t.Errorf("the clock went back an hour: created %v, then changed %v, decided at %v", m.CreatedAt, m.UpdatedAt, seen)
	}
}

func TestLog_refusesToBeChanged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	newOrganisation(t, mustOpen(t, dir, true), "Acme")
	storetest.CheckLogIsKept(t, raw(t, dir))
}

// raw opens the database beside the engine, as a meddler would.
func raw(t testing.TB, dir string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, sqlite.FileName)+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func newOrganisation(t testing.TB, s store.Store, name string) tocsin.ID {
	t.Helper()
	id := storetest.NewID()
	_, err := s.Commit(t.Context(), store.Command{
		Actor: tocsin.System(id, "test"),
		Keys:  []store.Key{{Kind: tocsin.KindOrganisation, ID: id}},
		Decide: func(store.View) (store.Change, error) {
			return store.Change{Objects: []tocsin.Object{&tocsin.Organisation{Meta: tocsin.Meta{Org: id, ID: id}, Name: name}}}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// A day's backlog goes some at a time, and all of it.
func TestForgetReplies_allThatAreADayOld(t *testing.T) {
	t.Parallel()
	var hours atomic.Int64
	begin := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	now := func() time.Time { return begin.Add(time.Duration(hours.Load()) * time.Hour) }
	s, err := open(t, t.TempDir(), true, now)
	if err != nil {
		t.Fatal(err)
	}
	org := newOrganisation(t, s, "Acme")
	ask := func(n int) error {
		actor := tocsin.System(org, "test")
		actor.Terms.Once = &tocsin.Once{
			Key:   [32]byte{byte(n), byte(n >> 8)},
			Reply: func([]tocsin.Object) (tocsin.Reply, error) { return tocsin.Reply{Body: []byte("done")}, nil },
		}
		_, err := s.Commit(t.Context(), store.Command{
			Actor: actor, Keys: []store.Key{{Kind: tocsin.KindOrganisation, ID: org}},
			Decide: func(store.View) (store.Change, error) { return store.Change{}, nil },
		})
		return err
	}
	var asking sync.WaitGroup
	for n := range 1234 {
		asking.Go(func() {
			if err := ask(n); err != nil {
				t.Error(err)
			}
		})
	}
	asking.Wait()
	hours.Store(25)
	if err := ask(5000); err != nil {
		t.Fatal(err)
	}
	if err := s.ForgetReplies(t.Context()); err != nil {
		t.Fatal(err)
	}
	if old, err := s.AnyReplyBefore(t.Context(), now().Add(-tocsin.ReplyLife)); old || err != nil {
		t.Errorf("old replies are left (%v)", err)
	}
	var replayed *tocsin.Replayed
	if err := ask(5000); !errors.As(err, &replayed) {
		t.Errorf("a young reply is gone: %v", err)
	}
}
