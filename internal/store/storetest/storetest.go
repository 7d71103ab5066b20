// Package storetest is the contract of package store as tests: every engine
// passes it, from outside, through store.Store alone.
//
// It must never know which engine it runs on; what only one engine can show is
// tested beside that engine.
package storetest

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"testing"
	"time"

	"tocsin"
	"tocsin/internal/store"
)

// Run holds an engine to the contract. Each call of open must return a new,
// empty store, to be closed when its test ends.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	for _, group := range [][]rule{commitRules(), kindRules(), isolationRules(), logRules(), accessRules(), queryRules(), termRules(), treeRules(), concurrencyRules()} {
		for _, r := range group {
			t.Run(r.name, func(t *testing.T) {
				t.Parallel()
				r.holds(t, newWorld(t, open(t)))
			})
		}
	}
}

// A rule is one sentence of the contract and what shows that it holds.
type rule struct {
	name  string
	holds func(*testing.T, *world)
}

// NewID returns a UUID that is later in order than those made before.
func NewID() tocsin.ID {
	var id tocsin.ID
	rand.Read(id[:])
	binary.BigEndian.PutUint64(id[:], uint64(time.Now().UnixNano()))
	return id
}

// Logger returns one that keeps what it is told in the test's output.
func Logger(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(writer{t}, nil))
}

type writer struct{ testing.TB }

func (w writer) Write(b []byte) (int, error) {
	if w.Context().Err() == nil { // the test is still running
		w.Logf("%s", bytes.TrimSuffix(b, []byte("\n")))
	}
	return len(b), nil
}

var _ io.Writer = writer{}

// Observer is a store.Observer that does nothing.
type Observer struct{}

// Committed does nothing.
func (Observer) Committed(int, time.Duration) {}

// Refused does nothing.
func (Observer) Refused(string) {}

// A world is a store with one organisation, a project and a dataset in it.
type world struct {
	store.Store
	org, project, dataset tocsin.ID
	// actor is the system in org.
	actor tocsin.Actor
}

func newWorld(t testing.TB, s store.Store) *world {
	t.Helper()
	w := &world{Store: s}
	w.org = w.newOrganisation(t, "Acme")
	w.actor = tocsin.System(w.org, "test")
	w.project, w.dataset = NewID(), NewID()
	w.save(t, func() tocsin.Object { return &tocsin.Project{Meta: w.meta(w.project), Name: "Shop"} })
	w.save(t, func() tocsin.Object {
		return &tocsin.Dataset{Meta: w.meta(w.dataset), Project: w.project, Name: "orders"}
	})
	return w
}

func (w *world) newOrganisation(t testing.TB, name string) tocsin.ID {
	t.Helper()
	id := NewID()
	_, err := w.Commit(t.Context(), saving(tocsin.System(id, "test"), func() tocsin.Object {
		return &tocsin.Organisation{Meta: tocsin.Meta{Org: id, ID: id}, Name: name}
	}))
	if err != nil {
		t.Fatalf("make an organisation: %v", err)
	}
	return id
}

func (w *world) meta(id tocsin.ID) tocsin.Meta { return tocsin.Meta{Org: w.org, ID: id} }

// saving is the command that stores what fresh returns, a new copy each time.
func saving(actor tocsin.Actor, fresh func() tocsin.Object) store.Command {
	o := fresh()
	return store.Command{
		Actor: actor,
		Keys:  []store.Key{{Kind: o.Kind(), ID: o.Head().ID}},
		Decide: func(store.View) (store.Change, error) {
			return store.Change{Action: string(o.Kind()) + ".save", Objects: []tocsin.Object{fresh()}}, nil
		},
	}
}

// save stores an object and returns it as it is now stored.
func (w *world) save(t testing.TB, fresh func() tocsin.Object) tocsin.Object {
	t.Helper()
	r, err := w.Commit(t.Context(), saving(w.actor, fresh))
	if err != nil {
		t.Fatalf("save a %s: %v", fresh().Kind(), err)
	}
	return r.Objects[0]
}

// opening is the command that opens an incident.
func (w *world) opening(id tocsin.ID, fill func(*tocsin.Incident)) store.Command {
	return store.Command{
		Actor: w.actor,
		Keys:  []store.Key{{Kind: tocsin.KindIncident, ID: id}},
		Decide: func(v store.View) (store.Change, error) {
			i := &tocsin.Incident{
				Meta: w.meta(id), Number: v.NextNumber, Project: w.project, Title: "orders are late",
				Severity: tocsin.Major, Status: tocsin.Open, Source: tocsin.FromManual, StartedAt: v.Now, OpenedAt: v.Now,
			}
			if fill != nil {
				fill(i)
			}
			return store.Change{Action: "incident.open", Objects: []tocsin.Object{i}}, nil
		},
	}
}

// incident opens an incident and returns it as stored.
func (w *world) incident(t testing.TB, fill func(*tocsin.Incident)) *tocsin.Incident {
	t.Helper()
	r, err := w.Commit(t.Context(), w.opening(NewID(), fill))
	if err != nil {
		t.Fatalf("open an incident: %v", err)
	}
	return r.Objects[0].(*tocsin.Incident)
}

// editing is the command that changes an incident.
func (w *world) editing(id tocsin.ID, edit func(*tocsin.Incident)) store.Command {
	return store.Command{
		Actor: w.actor,
		Keys:  []store.Key{{Kind: tocsin.KindIncident, ID: id}},
		Decide: func(v store.View) (store.Change, error) {
			was, err := store.Object[*tocsin.Incident](v, tocsin.KindIncident, id)
			if err != nil {
				return store.Change{}, err
			}
			i := *was
			edit(&i)
			return store.Change{Action: "incident.update", Objects: []tocsin.Object{&i}}, nil
		},
	}
}

func (w *world) edit(t testing.TB, id tocsin.ID, edit func(*tocsin.Incident)) *tocsin.Incident {
	t.Helper()
	r, err := w.Commit(t.Context(), w.editing(id, edit))
	if err != nil {
		t.Fatalf("change an incident: %v", err)
	}
	return r.Objects[0].(*tocsin.Incident)
}

// get reads an incident or fails the test.
func (w *world) get(t testing.TB, id tocsin.ID) *tocsin.Incident {
	t.Helper()
	i, err := store.Find[*tocsin.Incident](t.Context(), w, w.org, tocsin.KindIncident, id)
	if err != nil {
		t.Fatalf("read incident %s: %v", id, err)
	}
	return i
}

// log reads an organisation's whole log.
func (w *world) log(t testing.TB, org tocsin.ID) []store.Record {
	t.Helper()
	var all []store.Record
	for {
		page, err := w.Log(t.Context(), org, int64(len(all)), 100)
		if err != nil {
			t.Fatalf("read the log: %v", err)
		}
		if all = append(all, page...); len(page) == 0 {
			return all
		}
	}
}

// unchanged fails the test if do adds to the organisation's log.
func (w *world) unchanged(t testing.TB, do func()) {
	t.Helper()
	before := len(w.log(t, w.org))
	do()
	if after := len(w.log(t, w.org)); after != before {
		t.Errorf("the log grew from %d to %d records; nothing may be left behind", before, after)
	}
}

func wantCode(t testing.TB, err error, want tocsin.Code) {
	t.Helper()
	if got := tocsin.CodeOf(err); got != want {
		t.Errorf("error %v has code %q; want %q", err, got, want)
	}
}

// blocked keeps the writer busy with a command of its own until release is
// called, so that the commands sent meanwhile make up the next batch.
func (w *world) blocked(t testing.TB) (release func()) {
	t.Helper()
	entered, gate, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		first := true
		_, _ = w.Commit(context.Background(), store.Command{Actor: w.actor, Decide: func(store.View) (store.Change, error) {
			if first {
				first = false
				close(entered)
				<-gate
			}
			return store.Change{}, errors.New("only to keep the writer busy")
		}})
	}()
	select {
	case <-entered:
	case <-time.After(30 * time.Second):
		t.Fatal("the writer did not begin a batch")
	}
	return func() { close(gate); <-done }
}
