package postgres_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"tocsin"
	"tocsin/internal/pgtest"
	"tocsin/internal/store"
	"tocsin/internal/store/postgres"
	"tocsin/internal/store/storetest"
)

// naming is the command that makes or renames an organisation.
func naming(id tocsin.ID, name string) store.Command {
	return store.Command{
		Actor: tocsin.System(id, "test"),
		Keys:  []store.Key{{Kind: tocsin.KindOrganisation, ID: id}},
		Decide: func(store.View) (store.Change, error) {
			return store.Change{Objects: []tocsin.Object{&tocsin.Organisation{Meta: tocsin.Meta{Org: id, ID: id}, Name: name}}}, nil
		},
	}
}

func newOrganisation(t testing.TB, s store.Store, name string) tocsin.ID {
	t.Helper()
	id := storetest.NewID()
	if _, err := s.Commit(t.Context(), naming(id, name)); err != nil {
		t.Fatal(err)
	}
	return id
}

func nameOf(t testing.TB, s store.Store, id tocsin.ID) string {
	t.Helper()
	o, err := store.Find[*tocsin.Organisation](t.Context(), s, id, tocsin.KindOrganisation, id)
	if err != nil {
		t.Fatal(err)
	}
	return o.Name
}

func wantCode(t testing.TB, err error, want tocsin.Code) {
	t.Helper()
	if got := tocsin.CodeOf(err); got != want {
		t.Errorf("error %v has code %q; want %q", err, got, want)
	}
}

// eventually polls until what is true holds.
func eventually(t testing.TB, complaint string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !holds(); {
		if time.Now().After(deadline) {
			t.Fatal(complaint)
		}
		<-time.After(10 * time.Millisecond)
	}
}

const terminateAll = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"

func TestCommit_survivesALostConnection(t *testing.T) {
	t.Parallel()
	target := pgtest.URL(t)
	s := mustOpen(t, options(t, target))
	id := newOrganisation(t, s, "Acme")
	for n := range 3 {
		pgtest.Exec(t, target, terminateAll)
		name := fmt.Sprint("Acme ", n)
		if _, err := s.Commit(t.Context(), naming(id, name)); err != nil {
			t.Errorf("a connection that broke before the commit: %v; want it to be made anew, unseen", err)
		}
		// A read may meet a dead connection of the pool, once each.
		eventually(t, "the change is not there", func() bool {
			o, err := s.Get(t.Context(), id, store.Key{Kind: tocsin.KindOrganisation, ID: id})
			return err == nil && o.(*tocsin.Organisation).Name == name
		})
	}
}

func TestCommit_serverGone(t *testing.T) {
	t.Parallel()
	server := pgtest.NewServer(t)
	s := mustOpen(t, options(t, server.URL))
	id := newOrganisation(t, s, "Acme")
	server.Stop()
	var commands sync.WaitGroup
	for range 8 {
		commands.Go(func() {
			_, err := s.Commit(context.Background(), naming(id, "Later"))
			wantCode(t, err, tocsin.Busy) // certainly not done
		})
	}
	commands.Wait()
	select {
	case <-s.Failed():
		t.Error("a lost server ended the node; it must wait for the server to come back")
	default:
	}
	if err := s.Ping(t.Context()); err == nil {
		t.Error("ping says that the server is there")
	}
}

func TestCommit_waitsForALockNoLongerThanItMay(t *testing.T) {
	t.Parallel()
	target := pgtest.URL(t)
	s := mustOpen(t, options(t, target))
	id := newOrganisation(t, s, "Acme")
	tx, err := raw(t, target).Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.Exec("SELECT FROM heads WHERE org_id = $1 FOR UPDATE", id[:]); err != nil {
		t.Fatal(err)
	}
	_, err = s.Commit(t.Context(), naming(id, "Later"))
	wantCode(t, err, tocsin.Busy)
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Commit(t.Context(), naming(id, "After")); err != nil {
		t.Errorf("after the lock was let go: %v", err)
	}
}

func TestCommit_noticesARowChangedBehindItsBack(t *testing.T) {
	t.Parallel()
	target := pgtest.URL(t)
	s := mustOpen(t, options(t, target))
	id := newOrganisation(t, s, "Acme")
	if _, err := s.Commit(t.Context(), naming(id, "Acme 2")); err != nil {
		t.Fatal(err)
	}
	// Nothing but a meddler changes a row without moving the head.
	if _, err := raw(t, target).Exec("UPDATE organisations SET version = 7"); err != nil {
		t.Fatal(err)
	}
	r, err := s.Commit(t.Context(), naming(id, "Acme 3"))
	if err != nil || r.Objects[0].Head().Version != 8 {
		t.Errorf("got %+v, %v; want version 8, made of the row as it is", r, err)
	}
}

func TestCommit_timeNeverGoesBack(t *testing.T) {
	t.Parallel()
	target := pgtest.URL(t)
	s := mustOpen(t, options(t, target))
	id := newOrganisation(t, s, "Acme")
	ahead := time.Now().Add(time.Hour).UTC().Truncate(time.Microsecond)
	if _, err := raw(t, target).Exec("UPDATE organisations SET updated_at = $1", ahead.UnixMicro()); err != nil {
		t.Fatal(err)
	}
	node := mustOpen(t, options(t, target))
	r, err := node.Commit(t.Context(), naming(id, "Later"))
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Objects[0].Head().UpdatedAt; !got.Equal(ahead) {
		t.Errorf("changed at %v after a change at %v; the database's clock is behind it", got, ahead)
	}
}

func TestCommit_refusesTextThatTheDatabaseCannotHold(t *testing.T) {
	t.Parallel()
	s := mustOpen(t, options(t, pgtest.URL(t)))
	id := newOrganisation(t, s, "Acme")
	for _, name := range []string{"nul\x00", "not UTF-8 \xff"} {
		_, err := s.Commit(t.Context(), naming(id, name))
		wantCode(t, err, tocsin.Internal)
	}
	if _, err := s.Commit(t.Context(), naming(id, "After")); err != nil {
		t.Errorf("after a refused text: %v", err)
	}
}

// A waiting server is one whose commits wait for a standby that is not there.
type waitingServer struct {
	*pgtest.Server
	*postgres.Store
	org tocsin.ID
}

const waitingSQL = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"

func newWaitingServer(t *testing.T, deadline time.Duration) *waitingServer {
	t.Helper()
	server := pgtest.NewServer(t)
	o := options(t, server.URL)
	o.CommitDeadline = deadline
	w := &waitingServer{Server: server, Store: mustOpen(t, o)}
	w.org = newOrganisation(t, w, "Acme")
	w.standby(t, "nobody")
	return w
}

// standby sets which standby commits wait for, "" for none.
func (w *waitingServer) standby(t *testing.T, name string) {
	t.Helper()
	// The setting must not wait for itself.
	target := with(t, w.URL, "synchronous_commit", "local")
	pgtest.Exec(t, target, "ALTER SYSTEM SET synchronous_standby_names = '"+name+"'")
	pgtest.Exec(t, target, "SELECT pg_reload_conf()")
	db := raw(t, target)
	eventually(t, "the server did not take the setting", func() bool {
		var now string
		return db.QueryRow("SHOW synchronous_standby_names").Scan(&now) == nil && now == name
	})
	// Each backend reads the file in its own time, but the checkpointer's flag
	// decides whether any waits.
	<-time.After(200 * time.Millisecond)
}

func (w *waitingServer) waiting(t *testing.T) (n int) {
	t.Helper()
	if err := raw(t, w.URL).QueryRow(waitingSQL).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestCommit_unknownWhenNoStandbyHasItInTime(t *testing.T) {
	t.Parallel()
	w := newWaitingServer(t, time.Second)
	_, err := w.Commit(t.Context(), naming(w.org, "Later"))
	wantCode(t, err, tocsin.Unknown)
	if n := w.waiting(t); n != 1 {
		t.Errorf("%d commits wait for the standby; the one given up must wait on, not be cancelled", n)
	}
	if got := nameOf(t, w, w.org); got != "Acme" {
		t.Errorf("the name reads %q: a change is visible that no standby has", got)
	}
	w.standby(t, "")
	eventually(t, "the commit did not end when the standby came", func() bool { return nameOf(t, w, w.org) == "Later" })
	if _, err := w.Commit(t.Context(), naming(w.org, "After")); err != nil {
		t.Errorf("after an unknown outcome: %v; a node goes on", err)
	}
}

func TestCommit_unknownWhenTheWaitIsCutShort(t *testing.T) {
	t.Parallel()
	for _, by := range []string{"pg_cancel_backend", "pg_terminate_backend"} {
		t.Run(by, func(t *testing.T) {
			t.Parallel()
			w := newWaitingServer(t, time.Minute)
			answer := make(chan error)
			go func() {
				_, err := w.Commit(context.Background(), naming(w.org, "Later"))
				answer <- err
			}()
			eventually(t, "the commit does not wait for the standby", func() bool { return w.waiting(t) == 1 })
			pgtest.Exec(t, w.URL, "SELECT "+by+"(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
			wantCode(t, <-answer, tocsin.Unknown)
			w.standby(t, "")
			if _, err := w.Commit(t.Context(), naming(w.org, "After")); err != nil {
				t.Errorf("after an unknown outcome: %v; a node goes on", err)
			}
		})
	}
}
