package store_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"tocsin"
	"tocsin/internal/store"
)

func TestWriter_anUnknownOutcomeIsToldToAllAndNotRunAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, store.WriterOptions{})
		release := w.busy()
		ran := 0
		sent := []*answer{w.send(counted(&ran, w.naming(10, "a"))), w.send(counted(&ran, w.naming(11, "b")))}
		w.memory.fail = failing(fmt.Errorf("%w: connection reset", store.ErrUnknown), w.memory.runs+1)
		release()
		for _, a := range sent {
			wantCode(t, "a batch with an unknown outcome", a.err, tocsin.Unknown)
			if len(a.Objects) != 0 || a.Changed {
				t.Errorf("the answer claims %+v", a.Result)
			}
		}
		if ran != 2 {
			t.Errorf("decided %d times; want each of the two once", ran)
		}
		if a := w.send(w.naming(10, "a")); a.err != nil || w.Err() != nil {
			t.Errorf("afterwards: %v, %v; want the writer to go on", a.err, w.Err())
		}
	})
}

func TestWriter_stopsAfterAnUnknownOutcome(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, store.WriterOptions{StopOnUnknown: true, MaxBatch: 1})
		release := w.busy()
		first, behind := w.send(w.naming(10, "a")), w.send(w.naming(11, "b"))
		w.memory.fail = failing(fmt.Errorf("%w: input/output error", store.ErrUnknown), w.memory.runs+1)
		release()
		wantCode(t, "the change itself", first.err, tocsin.Unknown)
		wantCode(t, "a change that waited behind it", behind.err, tocsin.Busy)
		select {
		case <-w.Failed():
		default:
			t.Error("Failed is not closed")
		}
		if !errors.Is(w.Err(), store.ErrUnknown) {
			t.Errorf("Err = %v; want the reason", w.Err())
		}
		runs := w.memory.runs
		_, err := w.Commit(t.Context(), w.naming(12, "c"))
		wantCode(t, "a change after the end", err, tocsin.Busy)
		if w.memory.runs != runs {
			t.Error("something was run after the end")
		}
	})
}

// failing returns a fail function that gives err to the named runs.
func failing(err error, at ...int) func(int, *store.Batch) error {
	return func(run int, _ *store.Batch) error {
		if slices.Contains(at, run) {
			return err
		}
		return nil
	}
}

func TestWriter_aStatementErrorStaysWithItsCommand(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, store.WriterOptions{})
		taken := tocsin.Errorf(tocsin.Conflict, "that name is taken")
		w.memory.fail = func(_ int, b *store.Batch) error {
			return b.Objects(func(_, o tocsin.Object) error {
				if p, ok := o.(*tocsin.Project); ok && p.Name == "taken" {
					return taken
				}
				return nil
			})
		}
		release := w.busy()
		before, guilty, behind := w.send(w.naming(10, "before")), w.send(w.naming(11, "taken")), w.send(w.naming(12, "behind"))
		release()
		if before.err != nil || behind.err != nil || w.project(10) == nil || w.project(12) == nil {
			t.Errorf("those beside it: %v and %v; want both made", before.err, behind.err)
		}
		if !errors.Is(guilty.err, taken) || w.project(11) != nil {
			t.Errorf("the guilty one: %v; want its own error and nothing made", guilty.err)
		}
		if len(w.records()) != 2 {
			t.Errorf("the log has %d records; want 2", len(w.records()))
		}
	})
}

func TestWriter_doesNotTryEachCommandAgainstADatabaseThatIsBusy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, store.WriterOptions{})
		release := w.busy()
		sent := []*answer{w.send(w.naming(10, "a")), w.send(w.naming(11, "b"))}
		runs := w.memory.runs
		w.memory.fail = failing(tocsin.Errorf(tocsin.Busy, "locked"), runs+1)
		release()
		for _, a := range sent {
			wantCode(t, "a busy database", a.err, tocsin.Busy)
		}
		if w.memory.runs != runs+1 {
			t.Errorf("the batch was run %d times; want once", w.memory.runs-runs)
		}
	})
}

func TestWriter_runsALostRaceAgainUnseen(t *testing.T) {
	t.Parallel()
	w := newWorld(t, store.WriterOptions{})
	ran, runs := 0, w.memory.runs
	w.memory.fail = failing(fmt.Errorf("deadlock: %w", store.ErrRerun), runs+1, runs+2)
	r, err := w.Commit(t.Context(), counted(&ran, w.naming(10, "a")))
	if err != nil || !r.Changed || ran != 3 || len(w.records()) != 1 {
		t.Errorf("%+v, %v, decided %d times, %d records; want it made by the third run, once", r, err, ran, len(w.records()))
	}
	w.memory.fail = func(int, *store.Batch) error { return store.ErrRerun }
	_, err = w.Commit(t.Context(), w.naming(11, "b"))
	wantCode(t, "a race that is lost for ever", err, tocsin.Busy)
	if w.Err() != nil {
		t.Errorf("the writer gave up: %v", w.Err())
	}
}

func TestWriter_aPanicInADecisionStaysWithItsCommand(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, store.WriterOptions{})
		release := w.busy()
		bad := w.naming(11, "bad")
		bad.Decide = func(store.View) (store.Change, error) { panic("oh no") }
		before, panics, behind := w.send(w.naming(10, "before")), w.send(bad), w.send(w.naming(12, "behind"))
		release()
		if before.err != nil || behind.err != nil {
			t.Errorf("those beside it: %v and %v; want both made", before.err, behind.err)
		}
		wantCode(t, "the one that panics", panics.err, tocsin.Internal)
		if panics.err == nil || !strings.Contains(panics.err.Error(), "oh no") || !strings.Contains(panics.err.Error(), "outcome_test.go") {
			t.Errorf("%v; want what was thrown, and where", panics.err)
		}
		if diff := cmp.Diff([]int{1, 3}, w.batches); diff != "" {
			t.Errorf("batches (-want +got):\n%s", diff)
		}
	})
}
