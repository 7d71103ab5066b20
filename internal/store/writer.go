package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"tocsin"
)

// Limits of the queue in front of the writer.
const (
	// MaxQueue is how many commands may wait; one more is refused as Busy.
	MaxQueue = 4096
	// MaxBatch is how many commands are committed together at most.
	MaxBatch = 256
	// MaxWait is how long a command may wait for its batch to begin.
	MaxWait = 5 * time.Second
	// maxReruns is how often a batch is run again unseen after a serialisation
	// failure or deadlock.
	maxReruns = 5
)

// Errors by which an engine says what became of a batch. Any other error from
// Execute means rolled back: certainly not done.
var (
	// ErrUnknown: COMMIT was sent and its answer is not known.
	ErrUnknown = errors.New("the outcome of the commit is not known")
	// ErrLost: the lease or the race is another's; nothing was written.
	ErrLost = errors.New("another node has taken over")
	// ErrRerun: rolled back for a reason that running it again may cure.
	ErrRerun = errors.New("the transaction lost a race with another")
)

// Executor is the part of committing that engines do differently.
type Executor interface {
	// Execute loads what b wants under the heads' locks, has it decide, writes
	// the outcome and commits. It returns nil only once the batch is durable.
	// After ErrUnknown nothing cached may be used again.
	Execute(b *Batch) error
}

// Observer is told how commits go. Its methods must be quick.
type Observer interface {
	// Committed: a batch of n commands took d, from its first read to the answer.
	Committed(n int, d time.Duration)
	// Refused: a command was turned away, because of a full queue or a long wait.
	Refused(reason string)
}

// Writer queues commands and commits them in batches, one batch at a time.
// While one is being committed the next collects; there is no other delay.
type Writer struct {
	exec         Executor
	observe      Observer
	installation tocsin.ID
	newID        func() tocsin.ID
	// fatal says that nothing may be written after an unknown outcome.
	fatal    bool
	maxBatch int

	queue   chan *job
	stop    chan struct{}
	stopped chan struct{}
	closing sync.Once
	failed  chan struct{}
	reason  atomic.Pointer[error]
}

// WriterOptions are what a Writer needs.
type WriterOptions struct {
	Executor     Executor
	Observer     Observer
	Installation tocsin.ID
	// NewID makes ids for log entries.
	NewID func() tocsin.ID
	// MaxBatch bounds a batch; 0 stands for the constant of that name.
	MaxBatch int
	// StopOnUnknown makes an unknown outcome the end: no write comes after it.
	StopOnUnknown bool
}

type jobState struct{ atomic.Int32 }

const (
	waiting int32 = iota
	taken
	withdrawn
)

// NewWriter starts a writer.
func NewWriter(o WriterOptions) *Writer {
	if o.MaxBatch == 0 {
		o.MaxBatch = MaxBatch
	}
	w := &Writer{
		maxBatch: o.MaxBatch, exec: o.Executor, observe: o.Observer, installation: o.Installation, newID: o.NewID, fatal: o.StopOnUnknown,
		queue: make(chan *job, MaxQueue), stop: make(chan struct{}), stopped: make(chan struct{}), failed: make(chan struct{}),
	}
	go w.run()
	return w
}

// Commit is Store.Commit.
func (w *Writer) Commit(ctx context.Context, cmd Command) (Result, error) {
	j := &job{cmd: cmd, done: make(chan struct{})}
	if ctx.Err() != nil {
		return Result{}, gone(ctx)
	}
	select {
	case <-w.stop:
		return Result{}, w.busy("stopping", "the server is stopping; the change was not made")
	case <-w.failed:
		return Result{}, w.busy("failed", "the server takes no changes any more; the change was not made")
	default:
	}
	select {
	case w.queue <- j:
	default:
		return Result{}, w.busy("queue_full", "too many changes are waiting; this one was not made")
	}
	late := time.NewTimer(MaxWait)
	defer late.Stop()
	select {
	case <-j.done:
		return j.result, j.err
	case <-ctx.Done():
		if j.state.CompareAndSwap(waiting, withdrawn) {
			return Result{}, gone(ctx)
		}
	case <-late.C:
		if j.state.CompareAndSwap(waiting, withdrawn) {
			return Result{}, w.busy("waited", "the change waited too long and was not made")
		}
	case <-w.stopped:
		if j.state.CompareAndSwap(waiting, withdrawn) {
			return Result{}, w.busy("stopping", "the server is stopping; the change was not made")
		}
	}
	// The batch has begun: only its outcome can be told now.
	<-j.done
	return j.result, j.err
}

func (w *Writer) busy(reason, message string) error {
	w.observe.Refused(reason)
	return &tocsin.Error{Code: tocsin.Busy, Message: message, RetryAfter: time.Second}
}

func gone(ctx context.Context) error {
	return &tocsin.Error{Code: tocsin.Busy, Message: "the caller went away; the change was not made", Err: ctx.Err()}
}

// Waiting returns how many commands wait.
func (w *Writer) Waiting() int { return len(w.queue) }

// Failed and Err are as in Store.
func (w *Writer) Failed() <-chan struct{} { return w.failed }

// Err returns why Failed was closed.
func (w *Writer) Err() error {
	if err := w.reason.Load(); err != nil {
		return *err
	}
	return nil
}

// Fail ends all writing for good, because of err: what is on disk is in doubt.
func (w *Writer) Fail(err error) {
	if w.reason.CompareAndSwap(nil, &err) {
		close(w.failed)
	}
}

// Close commits what is waiting and ends the writer.
func (w *Writer) Close() {
	w.closing.Do(func() { close(w.stop) })
	<-w.stopped
}

func (w *Writer) run() {
	defer close(w.stopped)
	var held *job
	for {
		first := held
		if held = nil; first == nil {
			select {
			case first = <-w.queue:
			case <-w.stop:
				select {
				case first = <-w.queue:
				default:
					return
				}
			}
		}
		var jobs []*job
		if jobs, held = w.collect(first); len(jobs) == 0 {
			continue
		}
		w.commit(jobs)
	}
}

// collect takes what is waiting, up to a batch, beginning with first. A command
// that touches access travels alone: it ends the batch and is held for the
// next, still waiting, so that its caller may yet withdraw it.
func (w *Writer) collect(first *job) (jobs []*job, held *job) {
	for next := first; ; {
		if next.alone() && len(jobs) > 0 {
			return jobs, next
		}
		if next.state.CompareAndSwap(waiting, taken) {
			jobs = append(jobs, next)
			if next.alone() || len(jobs) == w.maxBatch {
				return jobs, nil
			}
		}
		select {
		case next = <-w.queue:
		default:
			return jobs, nil
		}
	}
}

// alone reports whether the command names a kind that decides who may do what.
func (j *job) alone() bool {
	for _, k := range j.cmd.Keys {
		if touchesAccess(k.Kind) {
			return true
		}
	}
	return false
}

// commit runs jobs as one transaction and answers them all.
func (w *Writer) commit(jobs []*job) {
	if w.Err() != nil {
		w.answer(jobs, w.busy("failed", "the server takes no changes any more; the change was not made"))
		return
	}
	start := time.Now()
	err := w.execute(jobs)
	switch {
	case err == nil:
		w.observe.Committed(len(jobs), time.Since(start))
		for _, j := range jobs {
			close(j.done)
		}
	case errors.Is(err, ErrUnknown):
		if w.fatal {
			w.Fail(err)
		}
		w.answer(jobs, &tocsin.Error{Code: tocsin.Unknown, Message: "the outcome of the change is not known", Err: err})
	case len(jobs) == 1 || tocsin.CodeOf(err) == tocsin.Busy:
		// Nothing is gained by trying each against a database that is not there.
		w.answer(jobs, err)
	default:
		// One of them spoilt the statement; let it fail by itself.
		for _, j := range jobs {
			w.commit([]*job{j})
		}
	}
}

func (w *Writer) execute(jobs []*job) error {
	var err error
	for range maxReruns {
		if err = w.exec.Execute(newBatch(w.installation, w.newID, jobs)); !errors.Is(err, ErrRerun) {
			return err
		}
	}
	return &tocsin.Error{Code: tocsin.Busy, Message: "too many changes at once; this one was not made", RetryAfter: time.Second, Err: fmt.Errorf("after %d runs: %w", maxReruns, err)}
}

func (w *Writer) answer(jobs []*job, err error) {
	for _, j := range jobs {
		j.result, j.err = Result{}, err
		close(j.done)
	}
}
