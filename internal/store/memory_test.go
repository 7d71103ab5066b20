package store_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tocsin"
	"tocsin/internal/store"
)

// memory is an engine without a disk, to drive Batch and Writer: it keeps what
// is committed in maps and fails when it is told to.
type memory struct {
	mu      sync.Mutex
	now     time.Time
	heads   map[tocsin.ID]store.Head
	objects map[objectKey]tocsin.Object
	access  map[tocsin.ID]*tocsin.Access
	log     []store.Record
	orgs    [][]tocsin.ID // as each run locked them
	runs    int
	// fail, unless nil, is asked before the end of each run what becomes of it.
	// What comes with ErrUnknown is rolled back too, as it may be.
	fail func(run int, b *store.Batch) error
}

type objectKey struct {
	org tocsin.ID
	store.Key
}

func newMemory() *memory {
	return &memory{
		now:     time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
		heads:   map[tocsin.ID]store.Head{},
		objects: map[objectKey]tocsin.Object{},
		access:  map[tocsin.ID]*tocsin.Access{},
	}
}

// Execute is store.Executor's.
func (m *memory) Execute(b *store.Batch) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.runs++
	m.orgs = append(m.orgs, b.Orgs())
	for _, org := range b.Orgs() {
		if h, ok := m.heads[org]; ok {
			b.SetHead(h)
		}
	}
	b.WantObjects(func(org tocsin.ID, k store.Key) {
		if o := m.objects[objectKey{org, k}]; o != nil {
			b.SetObject(o)
		}
	})
	b.WantAccess(func(_, key tocsin.ID) {
		if a := m.access[key]; a != nil {
			b.SetAccess(a)
		}
	})
	b.SetNow(m.now)
	b.Decide()
	if m.fail != nil {
		if err := m.fail(m.runs, b); err != nil {
			return err
		}
	}
	err := b.Objects(func(before, after tocsin.Object) error {
		k := objectKey{after.Head().Org, store.Key{Kind: after.Kind(), ID: after.Head().ID}}
		if before != m.objects[k] {
			return errors.New("the batch was not given the object that is stored")
		}
		m.objects[k] = after
		return nil
	})
	m.log = append(m.log, b.Records()...)
	return errors.Join(err, b.Heads(func(h store.Head) error {
		h.New = false
		m.heads[h.Org] = h
		return nil
	}))
}

// observer keeps what a writer tells.
type observer struct {
	mu      sync.Mutex
	batches []int
	refused []string
}

func (o *observer) Committed(n int, _ time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.batches = append(o.batches, n)
}

func (o *observer) Refused(reason string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.refused = append(o.refused, reason)
}

// world is a writer over a memory with one organisation in it.
type world struct {
	*store.Writer
	*observer
	memory *memory
	actor  tocsin.Actor
}

var installation = tocsin.ID{0: 0xee}

func newWorld(t testing.TB, options store.WriterOptions) *world {
	t.Helper()
	w := &world{observer: &observer{}, memory: newMemory(), actor: tocsin.System(id(1), "test")}
	options.Executor, options.Observer, options.Installation, options.NewID = w.memory, w.observer, installation, ids()
	w.Writer = store.NewWriter(options)
	t.Cleanup(w.Close)
	w.save(t, &tocsin.Organisation{Meta: w.meta(w.actor.Org), Name: "Acme"})
	w.batches = nil
	return w
}

// id returns the id that ends in n.
func id(n byte) tocsin.ID { return tocsin.ID{15: n} }

// ids returns a source of ids that are never those of objects.
func ids() func() tocsin.ID {
	n := byte(0)
	return func() tocsin.ID { n++; return tocsin.ID{0: 0xff, 15: n} }
}

func (w *world) meta(id tocsin.ID) tocsin.Meta { return tocsin.Meta{Org: w.actor.Org, ID: id} }

// saving is the command that writes what fresh returns, a new copy each time.
func (w *world) saving(fresh func() tocsin.Object) store.Command {
	o := fresh()
	return store.Command{
		Actor: w.actor,
		Keys:  []store.Key{{Kind: o.Kind(), ID: o.Head().ID}},
		Decide: func(store.View) (store.Change, error) {
			return store.Change{Action: string(o.Kind()) + ".save", Objects: []tocsin.Object{fresh()}}, nil
		},
	}
}

// naming is the command that gives project n a name.
func (w *world) naming(n byte, name string) store.Command {
	return w.saving(func() tocsin.Object { return &tocsin.Project{Meta: w.meta(id(n)), Name: name} })
}

// save stores an object.
func (w *world) save(t testing.TB, o tocsin.Object) store.Result {
	t.Helper()
	r, err := w.Commit(t.Context(), w.saving(func() tocsin.Object { return o }))
	if err != nil {
		t.Fatalf("save a %s: %v", o.Kind(), err)
	}
	return r
}

// project returns the stored project n, or nil.
func (w *world) project(n byte) *tocsin.Project {
	w.memory.mu.Lock()
	defer w.memory.mu.Unlock()
	p, _ := w.memory.objects[objectKey{w.actor.Org, store.Key{Kind: tocsin.KindProject, ID: id(n)}}].(*tocsin.Project)
	return p
}

// records returns the organisation's log without its first record, which is
// that of the organisation.
func (w *world) records() []store.Record {
	w.memory.mu.Lock()
	defer w.memory.mu.Unlock()
	return w.memory.log[1:]
}

// busy keeps the writer in a batch of its own until release is called, so that
// what is sent meanwhile waits. It must be called in a synctest bubble.
func (w *world) busy() (release func()) {
	gate := make(chan struct{})
	w.send(store.Command{Actor: w.actor, Decide: func(store.View) (store.Change, error) {
		<-gate
		return store.Change{}, nil
	}})
	return func() {
		close(gate)
		synctest.Wait()
	}
}

// An answer is what came of a command that was sent.
type answer struct {
	store.Result
	err   error
	done  bool
	after time.Duration
}

// send commits in the background and waits until the command waits in turn.
func (w *world) send(cmd store.Command) *answer { return w.sendFor(context.Background(), cmd) }

func (w *world) sendFor(ctx context.Context, cmd store.Command) *answer {
	a, start := &answer{}, time.Now()
	go func() {
		a.Result, a.err = w.Commit(ctx, cmd)
		a.done, a.after = true, time.Since(start)
	}()
	synctest.Wait()
	return a
}

// counted counts how often a command was decided.
func counted(n *int, cmd store.Command) store.Command {
	decide := cmd.Decide
	cmd.Decide = func(v store.View) (store.Change, error) {
		*n++
		return decide(v)
	}
	return cmd
}

func wantCode(t testing.TB, what string, err error, want tocsin.Code) {
	t.Helper()
	if got := tocsin.CodeOf(err); got != want {
		t.Errorf("%s: error %v has code %q; want %q", what, err, got, want)
	}
}
