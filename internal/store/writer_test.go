package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin"
	"tocsin/internal/store"
)

func TestWriter_commitsTogetherWhatWaited(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, store.WriterOptions{MaxBatch: 3})
		release := w.busy()
		var sent []*answer
		for n := range byte(5) {
			sent = append(sent, w.send(w.naming(10+n, fmt.Sprint("p", n))))
		}
		if w.Waiting() != 5 {
			t.Errorf("%d commands wait; want 5", w.Waiting())
		}
		release()
		for n, a := range sent {
			if a.err != nil || !a.Changed || a.Objects[0].(*tocsin.Project).Name != fmt.Sprint("p", n) {
				t.Errorf("command %d: %+v, %v; want its own project", n, a.Result, a.err)
			}
		}
		if diff := cmp.Diff([]int{1, 3, 2}, w.batches); diff != "" {
			t.Errorf("commands in each batch, of at most 3 (-want +got):\n%s", diff)
		}
	})
}

func TestWriter_refusesOneMoreThanTheQueueHolds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, store.WriterOptions{})
		release := w.busy()
		var all sync.WaitGroup
		for range store.MaxQueue {
			all.Go(func() {
				if _, err := w.Commit(context.Background(), w.naming(10, "waits")); err != nil {
					t.Errorf("a command that found a place: %v", err)
				}
			})
		}
		synctest.Wait()
		ran := 0
		_, err := w.Commit(t.Context(), counted(&ran, w.naming(11, "too many")))
		wantCode(t, "a full queue", err, tocsin.Busy)
		if e := (*tocsin.Error)(nil); !errors.As(err, &e) || e.RetryAfter <= 0 {
			t.Errorf("%v does not say when to come again", err)
		}
		release()
		all.Wait()
		if ran != 0 || w.project(11) != nil {
			t.Error("the command that was refused has been run")
		}
		if diff := cmp.Diff([]string{"queue_full"}, w.refused); diff != "" {
			t.Errorf("refusals that were observed (-want +got):\n%s", diff)
		}
	})
}

func TestWriter_refusesWhatWaitedTooLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, store.WriterOptions{})
		release := w.busy()
		ran := 0
		early := w.send(counted(&ran, w.naming(10, "too late")))
		time.Sleep(time.Second)
		later := w.send(w.naming(11, "in time"))
		time.Sleep(store.MaxWait - time.Second)
		synctest.Wait()
		if !early.done || early.after != store.MaxWait {
			t.Fatalf("answered: %t, after %v; want %v", early.done, early.after, store.MaxWait)
		}
		wantCode(t, "after the longest wait", early.err, tocsin.Busy)
		release()
		if ran != 0 {
			t.Error("the command that was refused has been run")
		}
		if later.err != nil || !later.Changed {
			t.Errorf("a command that waited less: %+v, %v", later.Result, later.err)
		}
		if diff := cmp.Diff([]string{"waited"}, w.refused); diff != "" {
			t.Errorf("refusals that were observed (-want +got):\n%s", diff)
		}
	})
}

// From the start of its batch on a command's outcome is awaited, however long
// that takes: to say "not made" would be a guess.
func TestWriter_awaitsABatchThatBegan(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, store.WriterOptions{})
		ctx, cancel := context.WithCancel(t.Context())
		gate := make(chan struct{})
		cmd := w.naming(10, "slow")
		decide := cmd.Decide
		cmd.Decide = func(v store.View) (store.Change, error) { <-gate; return decide(v) }
		a := w.sendFor(ctx, cmd)
		cancel()
		time.Sleep(2 * store.MaxWait)
		synctest.Wait()
		if a.done {
			t.Fatalf("answered before its batch ended: %v", a.err)
		}
		close(gate)
		synctest.Wait()
		if a.err != nil || w.project(10) == nil {
			t.Errorf("%v; want the change made and told", a.err)
		}
	})
}

func TestWriter_dropsACommandWhoseCallerLeftBeforeItsBatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, store.WriterOptions{})
		release := w.busy()
		ctx, leave := context.WithCancel(t.Context())
		ran := 0
		gone := w.sendFor(ctx, counted(&ran, w.naming(10, "gone")))
		stays := w.send(w.naming(11, "stays"))
		leave()
		synctest.Wait()
		if !gone.done || !errors.Is(gone.err, context.Canceled) {
			t.Fatalf("answered: %t, %v; want it at once, with the cause", gone.done, gone.err)
		}
		wantCode(t, "a caller that left", gone.err, tocsin.Busy)
		release()
		if ran != 0 || stays.err != nil || w.project(11) == nil {
			t.Errorf("ran %d times, the other: %v; want it dropped and the other made", ran, stays.err)
		}
	})
}

func TestWriter_doesNotRunWhatWasWithdrawnBeforeItWasSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, store.WriterOptions{})
	ctx, leave := context.WithCancel(t.Context())
	leave()
	ran := 0
	for range 100 { // the writer is idle: it takes a command as soon as it sees one
		_, err := w.Commit(ctx, counted(&ran, w.naming(10, "gone")))
		wantCode(t, "a context that has ended", err, tocsin.Busy)
	}
	w.Close()
	if ran != 0 {
		t.Errorf("%d of 100 commands of callers who had left were run", ran)
	}
}

func TestWriter_commandsThatTouchAccessTravelAlone(t *testing.T) {
	t.Parallel()
	for _, o := range []tocsin.Object{
		&tocsin.Role{Meta: tocsin.Meta{Org: id(1), ID: id(20)}, Name: "Observer"},
		&tocsin.Grant{Meta: tocsin.Meta{Org: id(1), ID: id(20)}},
		&tocsin.APIKey{Meta: tocsin.Meta{Org: id(1), ID: id(20)}},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, store.WriterOptions{})
			release := w.busy()
			for n := range byte(2) {
				w.send(w.naming(10+n, "before"))
			}
			touching := w.send(w.saving(func() tocsin.Object { return o }))
			for n := range byte(3) {
				w.send(w.naming(13+n, "behind"))
			}
			release()
			if touching.err != nil {
				t.Error(touching.err)
			}
			if diff := cmp.Diff([]int{1, 2, 1, 3}, w.batches); diff != "" {
				t.Errorf("commands in each batch, a %s in the middle (-want +got):\n%s", o.Kind(), diff)
			}
			for i, r := range w.records() {
				if r.Seq != int64(i+2) || i == 2 && r.Kind != o.Kind() {
					t.Errorf("record %d is of a %s with number %d; want the order of arrival", i, r.Kind, r.Seq)
				}
			}
		})
	}
}

// It is at the head of the queue, but its batch has not begun.
func TestWriter_dropsACommandThatWaitsToTravelAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, store.WriterOptions{})
		release := w.busy()
		gate := make(chan struct{})
		ahead := w.naming(10, "ahead")
		decide := ahead.Decide
		ahead.Decide = func(v store.View) (store.Change, error) { <-gate; return decide(v) }
		w.send(ahead)
		ran := 0
		role := counted(&ran, w.saving(func() tocsin.Object { return &tocsin.Role{Meta: w.meta(id(20)), Name: "Observer"} }))
		ctx, leave := context.WithCancel(t.Context())
		gone := w.sendFor(ctx, role)
		release() // the writer is now in the batch of the one ahead
		leave()
		synctest.Wait()
		if !gone.done {
			t.Error("a caller who left before his batch began is still waiting")
		}
		close(gate)
		synctest.Wait()
		if ran != 0 {
			t.Error("a command was run whose caller left before its batch began")
		}
	})
}

func TestWriter_CloseCommitsWhatWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, store.WriterOptions{MaxBatch: 2})
		release := w.busy()
		var sent []*answer
		for n := range byte(5) {
			sent = append(sent, w.send(w.naming(10+n, "waits")))
		}
		closed := false
		go func() {
			w.Close()
			closed = true
		}()
		synctest.Wait()
		_, err := w.Commit(t.Context(), w.naming(20, "too late"))
		wantCode(t, "a change after Close was called", err, tocsin.Busy)
		if closed {
			t.Error("Close returned before the batch under way ended")
		}
		release()
		for n, a := range sent {
			if a.err != nil || w.project(10+byte(n)) == nil {
				t.Errorf("command %d that waited: %v; want it made", n, a.err)
			}
		}
		if !closed {
			t.Error("Close has not returned")
		}
		w.Close() // again: nothing happens
	})
}
