package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin"
	"tocsin/internal/store"
)

func commitRules() []rule {
	return []rule{
		{"a new object is stored as decided", storedAsDecided},
		{"a change makes the next version", nextVersion},
		{"what differs in nothing is no change", noChange},
		{"an unkeyed object is not written", unkeyed},
		{"an error in a decision leaves nothing", failedDecision},
		{"faults stay with their cause", faultsAlone},
		{"a taken name fails alone", takenName},
		{"one command may write several objects", severalObjects},
		{"a withdrawn command is not run", withdrawn},
		{"a caller that leaves late changes nothing", leftLate},
		{"time never goes back for an object", timeForward},
		{"a closed store takes no changes", closed},
		{"a working store says so", healthy},
	}
}

func storedAsDecided(t *testing.T, w *world) {
	id := NewID()
	r, err := w.Commit(t.Context(), w.opening(id, func(i *tocsin.Incident) { i.Title = "slow" }))
	if err != nil {
		t.Fatal(err)
	}
	made := r.Objects[0].(*tocsin.Incident)
	if !r.Changed || made.Version != 1 || made.Seq != 4 || made.Number != 1 || made.Title != "slow" {
		t.Errorf("committed %+v, changed %t; want version 1, the organisation's 4th record, incident number 1", made, r.Changed)
	}
	if made.CreatedAt.IsZero() || made.CreatedAt != made.UpdatedAt || made.CreatedAt.Nanosecond()%1000 != 0 || made.CreatedAt.Location() != time.UTC {
		t.Errorf("created at %v, updated at %v; want one time, whole microseconds UTC", made.CreatedAt, made.UpdatedAt)
	}
	if diff := cmp.Diff(made, w.get(t, id)); diff != "" {
		t.Errorf("what is read differs from what was answered:\n%s", diff)
	}
	_, err = w.Get(t.Context(), w.org, store.Key{Kind: tocsin.KindIncident, ID: NewID()})
	wantCode(t, err, tocsin.NotFound)
}

func nextVersion(t *testing.T, w *world) {
	i := w.incident(t, nil)
	for n := int64(2); n < 5; n++ {
		next := w.edit(t, i.ID, func(i *tocsin.Incident) { i.FailureCount++; i.MoveTo(tocsin.Resolved, i.StartedAt) })
		if next.Version != n || next.Seq != i.Seq+n-1 || next.CreatedAt != i.CreatedAt || next.UpdatedAt.Before(i.UpdatedAt) {
			t.Errorf("change %d made %+v of %+v; want the next version and sequence number, the same creation", n-1, next.Meta, i.Meta)
		}
		if diff := cmp.Diff(next, w.get(t, i.ID)); diff != "" {
			t.Errorf("what is read differs from what was answered:\n%s", diff)
		}
	}
}

func noChange(t *testing.T, w *world) {
	i := w.incident(t, nil)
	w.unchanged(t, func() {
		r, err := w.Commit(t.Context(), w.editing(i.ID, func(*tocsin.Incident) {}))
		if err != nil || r.Changed || len(r.Objects) != 1 {
			t.Fatalf("got %+v, %v; want the object unchanged and no error", r, err)
		}
		if diff := cmp.Diff(i, r.Objects[0]); diff != "" {
			t.Errorf("the answer is not the stored object:\n%s", diff)
		}
		r, err = w.Commit(t.Context(), store.Command{Actor: w.actor, Decide: func(store.View) (store.Change, error) { return store.Change{}, nil }})
		if err != nil || r.Changed {
			t.Errorf("an empty change: got %+v, %v", r, err)
		}
	})
	if diff := cmp.Diff(i, w.get(t, i.ID)); diff != "" {
		t.Errorf("no change changed the object:\n%s", diff)
	}
}

// samples returns one object of each kind, with every field set.
func unkeyed(t *testing.T, w *world) {
	w.unchanged(t, func() {
		cmd := w.opening(NewID(), nil)
		cmd.Keys = nil
		if _, err := w.Commit(t.Context(), cmd); err == nil {
			t.Error("a decision wrote an object that its command does not name")
		}
	})
}

func failedDecision(t *testing.T, w *world) {
	i := w.incident(t, nil)
	refusal := tocsin.Errorf(tocsin.Conflict, "not now")
	for name, cmd := range map[string]store.Command{
		"error": w.editing(i.ID, func(*tocsin.Incident) {}),
		"panic": w.editing(i.ID, func(i *tocsin.Incident) { i.Title = "lost"; panic("a bug") }),
	} {
		w.unchanged(t, func() {
			decide := cmd.Decide
			cmd.Decide = func(v store.View) (store.Change, error) {
				change, err := decide(v)
				return change, errors.Join(refusal, err)
			}
			_, err := w.Commit(t.Context(), cmd)
			if name == "error" && !errors.Is(err, refusal) {
				t.Errorf("%s: got error %v; want the decision's own", name, err)
			}
			if name == "panic" {
				wantCode(t, err, tocsin.Internal)
			}
		})
	}
	if diff := cmp.Diff(i, w.get(t, i.ID)); diff != "" {
		t.Errorf("a failed decision changed the object:\n%s", diff)
	}
	w.edit(t, i.ID, func(i *tocsin.Incident) { i.Title = "after" }) // the store goes on
}

func faultsAlone(t *testing.T, w *world) {
	const n = 48
	i := w.incident(t, nil)
	release := w.blocked(t)
	var commands sync.WaitGroup
	errs := make([]error, n)
	for k := range n {
		commands.Go(func() {
			_, errs[k] = w.Commit(t.Context(), w.editing(i.ID, func(i *tocsin.Incident) {
				i.FailureCount++
				switch k % 4 {
				case 1:
					panic("a bug")
				case 2:
					i.Org = NewID()
				}
			}))
		})
	}
	release()
	commands.Wait()
	for k, err := range errs {
		if good := k%4 == 0 || k%4 == 3; good != (err == nil) {
			t.Errorf("command %d: error %v", k, err)
		}
	}
	if got := w.get(t, i.ID); got.FailureCount != n/2 || got.Version != n/2+1 {
		t.Errorf("count %d at version %d; want %d and %d: faulty commands must not touch those beside them", got.FailureCount, got.Version, n/2, n/2+1)
	}
}

func takenName(t *testing.T, w *world) {
	const n = 20
	release := w.blocked(t)
	var commands sync.WaitGroup
	errs := make([]error, n)
	for k := range n {
		name := fmt.Sprintf("project %d", k)
		if k%5 == 0 {
			name = "the same"
		}
		id := NewID()
		commands.Go(func() {
			_, errs[k] = w.Commit(t.Context(), saving(w.actor, func() tocsin.Object { return &tocsin.Project{Meta: w.meta(id), Name: name} }))
		})
	}
	release()
	commands.Wait()
	winners := 0
	for k, err := range errs {
		switch {
		case k%5 != 0 && err != nil:
			t.Errorf("project %d has a name of its own: %v", k, err)
		case k%5 == 0 && err == nil:
			winners++
		case k%5 == 0:
			wantCode(t, err, tocsin.Conflict)
		}
	}
	if winners != 1 {
		t.Errorf("%d of the projects with one name were made; want 1", winners)
	}
	checkLog(t, w, w.org)
}

func severalObjects(t *testing.T, w *world) {
	i := w.incident(t, nil)
	comment := NewID()
	cmd := w.editing(i.ID, nil)
	cmd.Keys = append(cmd.Keys, store.Key{Kind: tocsin.KindComment, ID: comment})
	cmd.Decide = func(v store.View) (store.Change, error) {
		was, err := store.Object[*tocsin.Incident](v, tocsin.KindIncident, i.ID)
		if err != nil {
			return store.Change{}, err
		}
		next := *was
		next.MoveTo(tocsin.Fixing, v.Now)
		return store.Change{Action: "incident.comment", Objects: []tocsin.Object{
			&next, &tocsin.Comment{Meta: w.meta(comment), Incident: i.ID, Message: "on it"},
		}}, nil
	}
	r, err := w.Commit(t.Context(), cmd)
	if err != nil || len(r.Objects) != 2 || r.Objects[0].Head().Seq+1 != r.Objects[1].Head().Seq {
		t.Fatalf("got %+v, %v; want two objects with records in a row", r, err)
	}
	checkLog(t, w, w.org)
}

// manyOfAKind writes three objects of each kind together, new and changed: what
// engines may write with statements of their own.
// numbered makes o the n-th of its kind.
// rename changes one field of o that may change.
func withdrawn(t *testing.T, w *world) {
	i := w.incident(t, nil)
	release := w.blocked(t)
	ctx, cancel := context.WithCancel(t.Context())
	answered := make(chan error)
	go func() {
		_, err := w.Commit(ctx, w.editing(i.ID, func(i *tocsin.Incident) { i.Title = "too late" }))
		answered <- err
	}()
	cancel()
	err := <-answered // while the writer is still busy
	release()
	wantCode(t, err, tocsin.Busy)
	w.edit(t, i.ID, func(i *tocsin.Incident) { i.FailureCount++ })
	if got := w.get(t, i.ID); got.Title != i.Title {
		t.Errorf("a command whose caller had left was run: title %q", got.Title)
	}
}

func leftLate(t *testing.T, w *world) {
	i := w.incident(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := w.Commit(ctx, w.editing(i.ID, func(i *tocsin.Incident) { cancel(); i.Title = "made" }))
	if err != nil {
		t.Errorf("the batch had begun: got %v; want its outcome", err)
	}
	if got := w.get(t, i.ID); got.Title != "made" {
		t.Errorf("title %q; a caller that leaves must not stop a commit", got.Title)
	}
}

func timeForward(t *testing.T, w *world) {
	last := w.incident(t, nil)
	for range 20 {
		var now time.Time
		cmd := w.editing(last.ID, func(i *tocsin.Incident) { i.FailureCount++ })
		decide := cmd.Decide
		cmd.Decide = func(v store.View) (store.Change, error) { now = v.Now; return decide(v) }
		r, err := w.Commit(t.Context(), cmd)
		if err != nil {
			t.Fatal(err)
		}
		next := r.Objects[0].(*tocsin.Incident)
		if next.UpdatedAt.Before(last.UpdatedAt) || next.UpdatedAt != now {
			t.Fatalf("changed at %v after %v, decided at %v", next.UpdatedAt, last.UpdatedAt, now)
		}
		last = next
	}
}

func closed(t *testing.T, w *world) {
	i := w.incident(t, nil)
	if err := w.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
	if err := w.Close(); err != nil {
		t.Errorf("close again: %v", err)
	}
	_, err := w.Commit(t.Context(), w.editing(i.ID, func(i *tocsin.Incident) { i.Title = "late" }))
	wantCode(t, err, tocsin.Busy)
}

func healthy(t *testing.T, w *world) {
	if w.Installation().IsZero() {
		t.Error("the installation has no id")
	}
	if err := w.Ping(t.Context()); err != nil {
		t.Errorf("ping: %v", err)
	}
	select {
	case <-w.Failed():
		t.Errorf("failed: %v", w.Err())
	default:
	}
	if err := w.Err(); err != nil {
		t.Errorf("err: %v", err)
	}
}
