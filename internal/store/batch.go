package store

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"slices"
	"time"
	"unicode/utf8"

	"tocsin"
)

// A Head is an organisation's place in its own log: what the commit path locks.
type Head struct {
	Org tocsin.ID
	// Seq and Number are the last log sequence and incident number given out.
	Seq    int64
	Number int32
	// New is true until the head has been stored.
	New bool
}

// A Batch is a set of commands that will be committed as one. The engine loads
// what Wants names, calls Decide, and writes what Heads, Objects and Records
// return; Batch itself does no I/O.
type Batch struct {
	installation tocsin.ID
	newID        func() tocsin.ID
	jobs         []*job

	now     time.Time
	heads   map[tocsin.ID]*headState
	objects map[objectKey]*objectState
	access  map[tocsin.ID]*tocsin.Access
	written []*objectState
	records []Record
	// erased are the records whose details go.
	erased []Erasure
	// replies are those stored or made so far, newReplies those to be stored.
	replies    map[replyKey]StoredReply
	newReplies []StoredReply

	// before and after are the fields of the object in hand, reused.
	before, after []tocsin.Field
}

// objectKey names an object in any organisation.
type objectKey struct {
	org tocsin.ID
	Key
}

type headState struct {
	Head
	moved bool
}

// objectState is one object within a batch: as loaded, and as it stands.
type objectState struct {
	base, cur tocsin.Object
	written   bool
}

// job is one command on its way through, with what came of it.
type job struct {
	cmd    Command
	result Result
	err    error
	state  jobState
	done   chan struct{}
}

func newBatch(installation tocsin.ID, newID func() tocsin.ID, jobs []*job) *Batch {
	return &Batch{
		installation: installation,
		newID:        newID,
		jobs:         jobs,
		heads:        make(map[tocsin.ID]*headState, 1),
		objects:      make(map[objectKey]*objectState, len(jobs)),
		access:       make(map[tocsin.ID]*tocsin.Access, 4),
	}
}

// Orgs returns the organisations whose heads the engine must lock, in the order
// in which every engine on every node locks them.
func (b *Batch) Orgs() []tocsin.ID {
	orgs := make([]tocsin.ID, 0, 1)
	for _, j := range b.jobs {
		if !slices.Contains(orgs, j.cmd.Actor.Org) {
			orgs = append(orgs, j.cmd.Actor.Org)
		}
	}
	slices.SortFunc(orgs, func(a, b tocsin.ID) int { return slices.Compare(a[:], b[:]) })
	return orgs
}

// WantObjects calls yield once for each object to be loaded.
func (b *Batch) WantObjects(yield func(org tocsin.ID, key Key)) {
	for _, j := range b.jobs {
		for _, k := range j.cmd.Keys {
			ok := objectKey{j.cmd.Actor.Org, k}
			if _, seen := b.objects[ok]; !seen {
				b.objects[ok] = &objectState{}
				yield(ok.org, k)
			}
		}
	}
}

// WantAccess calls yield once for each API key whose access is to be loaded.
func (b *Batch) WantAccess(yield func(org, key tocsin.ID)) {
	for _, j := range b.jobs {
		key := j.cmd.Actor.Key
		if key.IsZero() {
			continue
		}
		if _, seen := b.access[key]; !seen {
			b.access[key] = nil
			yield(j.cmd.Actor.Org, key)
		}
	}
}

// SetNow gives the batch its time.
func (b *Batch) SetNow(now time.Time) { b.now = now.UTC().Truncate(time.Microsecond) }

// SetHead gives the batch a locked head.
func (b *Batch) SetHead(h Head) { b.heads[h.Org] = &headState{Head: h} }

// SetObject gives the batch an object as it stands under the lock.
func (b *Batch) SetObject(o tocsin.Object) {
	m := o.Head()
	b.objects[objectKey{m.Org, Key{o.Kind(), m.ID}}] = &objectState{base: o, cur: o}
}

// SetAccess gives the batch what a key may do as it stands under the lock.
func (b *Batch) SetAccess(a *tocsin.Access) { b.access[a.Key.ID] = a }

// Decide runs every command on the freshest state, each seeing what those
// before it changed. A command whose decision fails or panics leaves nothing.
func (b *Batch) Decide() {
	for _, j := range b.jobs {
		j.result, j.err = Result{}, nil
		if err := b.decide(j); err != nil {
			j.result, j.err = Result{}, err
		}
	}
}

// A write is one object's next version, not yet applied to the batch.
type write struct {
	object tocsin.Object
	state  *objectState
	meta   tocsin.Meta
	record Record
}

func (b *Batch) decide(j *job) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in a decision: %v\n%s", p, debug.Stack())
		}
	}()
	v := b.view(j.cmd)
	// A key that is no longer good learns nothing from what a decision finds.
	if v.Access != nil {
		if err := v.Access.Check(v.Now); err != nil {
			return err
		}
	}
	if err := b.replay(j.cmd.Actor); err != nil {
		return err
	}
	change, err := j.cmd.Decide(v)
	if err := b.match(j.cmd, err); err != nil {
		return err
	}
	org := j.cmd.Actor.Org
	head := b.heads[org]
	if head == nil {
		head = &headState{Head: Head{Org: org, New: true}}
	}
	// Everything that can fail comes before the first change to the batch.
	writes, number, err := b.prepare(j, change, head.Head)
	if err != nil {
		return err
	}
	if j.cmd.Actor.Terms.DryRun {
		return preview(change.Action, writes)
	}
	reply, err := b.replyTo(j, writes)
	if err != nil {
		return err
	}
	if reply != nil {
		b.SetReply(*reply)
		b.newReplies = append(b.newReplies, *reply)
	}
	if len(writes) == 0 {
		return nil
	}
	for _, seq := range change.Erase {
		b.erased = append(b.erased, Erasure{Org: org, Seq: seq})
	}
	j.result.Changed = true
	head.Seq, head.Number, head.moved = head.Seq+int64(len(writes)), number, true
	b.heads[org] = head
	for _, w := range writes {
		*w.object.Head() = w.meta
		w.state.cur = w.object
		if !w.state.written {
			w.state.written = true
			b.written = append(b.written, w.state)
		}
		b.objects[objectKey{org, Key{w.object.Kind(), w.meta.ID}}] = w.state
		b.records = append(b.records, w.record)
	}
	return nil
}

// prepare returns what the change comes to and the last incident number after
// it, and sets the job's objects.
func (b *Batch) prepare(j *job, change Change, head Head) (writes []write, number int32, err error) {
	actor, seq, number := j.cmd.Actor, head.Seq, head.Number
	writes = make([]write, 0, len(change.Objects))
	for _, o := range change.Objects {
		switch {
		case !slices.Contains(j.cmd.Keys, Key{o.Kind(), o.Head().ID}):
			return nil, 0, fmt.Errorf("a decision wrote a %s that its command does not name", o.Kind())
		case seq == 0 && o.Kind() != b.first(actor.Org):
			return nil, 0, ErrNotFound(tocsin.KindOrganisation) // a log begins with whose it is
		}
		w, err := b.write(actor, change, o, seq+1, b.nowFor(j.cmd))
		if err != nil {
			return nil, 0, err
		}
		if w == nil {
			j.result.Objects = append(j.result.Objects, b.state(actor.Org, o).cur)
			continue
		}
		if slices.ContainsFunc(writes, func(earlier write) bool { return earlier.state == w.state }) {
			return nil, 0, fmt.Errorf("a decision wrote a %s twice", o.Kind())
		}
		if inc, ok := o.(*tocsin.Incident); ok && w.meta.Version == 1 {
			if number++; inc.Number != number {
				return nil, 0, fmt.Errorf("incident number %d was decided where %d is next", inc.Number, number)
			}
		}
		seq++
		writes = append(writes, *w)
		j.result.Objects = append(j.result.Objects, o)
	}
	return writes, number, nil
}

// first returns the kind of the object that a log begins with.
func (b *Batch) first(org tocsin.ID) tocsin.Kind {
	if org == b.installation {
		return tocsin.KindInstallation
	}
	return tocsin.KindOrganisation
}

// write prepares the next version of o, or returns nil when o differs in no
// field from what is stored.
func (b *Batch) write(actor tocsin.Actor, change Change, o tocsin.Object, seq int64, now time.Time) (*write, error) {
	if o.Head().Org != actor.Org {
		return nil, errors.New("a decision wrote to another organisation")
	}
	state := b.state(actor.Org, o)
	meta := tocsin.Meta{Org: actor.Org, ID: o.Head().ID, Version: 1, Seq: seq, CreatedAt: now, UpdatedAt: now}
	d := draft{actor: actor, action: change.Action, note: change.Note, kind: o.Kind()}
	fields := o.AppendFields(b.after[:0])
	b.after = fields
	if !sortedFields(fields) {
		return nil, fmt.Errorf("the fields of a %s are not in order", o.Kind())
	}
	if state.cur == nil {
		d.changed = fields
	} else {
		was := state.cur.Head()
		meta.Version, meta.CreatedAt = was.Version+1, was.CreatedAt
		d.prevSeq, d.prev = was.Seq, was.Leaf
		b.before = state.cur.AppendFields(b.before[:0])
		if d.old, d.changed = tocsin.Diff(b.before, fields); len(d.changed) == 0 {
			return nil, nil
		}
	}
	d.origin, d.id, d.meta = OriginOf(b.installation, actor.Org), b.newID(), meta
	d.nonce = make([]byte, 32)
	rand.Read(d.nonce) // never fails (crypto/rand)
	record := seal(d)
	if len(record.Leaf) > MaxLeaf {
		return nil, fmt.Errorf("a leaf of %d bytes is longer than %d", len(record.Leaf), MaxLeaf)
	}
	if !utf8.Valid(record.Leaf) || !utf8.Valid(record.Details) {
		return nil, fmt.Errorf("a text of a %s, or of what is told about its change, is not valid UTF-8", o.Kind())
	}
	meta.Leaf = record.LeafHash
	return &write{object: o, state: state, meta: meta, record: record}, nil
}

// state returns what the batch knows of an object, empty for a new one.
func (b *Batch) state(org tocsin.ID, o tocsin.Object) *objectState {
	if s := b.objects[objectKey{org, Key{o.Kind(), o.Head().ID}}]; s != nil {
		return s
	}
	return &objectState{}
}

// nowFor returns the batch's time, or that of the last change to one of the
// command's objects where the clock has gone back behind it.
func (b *Batch) nowFor(cmd Command) time.Time {
	now := b.now
	for _, k := range cmd.Keys {
		if s := b.objects[objectKey{cmd.Actor.Org, k}]; s != nil && s.cur != nil && s.cur.Head().UpdatedAt.After(now) {
			now = s.cur.Head().UpdatedAt
		}
	}
	return now
}

func (b *Batch) view(cmd Command) View {
	org := cmd.Actor.Org
	v := View{Now: b.nowFor(cmd), NextNumber: 1}
	if h := b.heads[org]; h != nil {
		if v.NextNumber = 0; h.Number < math.MaxInt32 {
			v.NextNumber = h.Number + 1
		}
	}
	// A key of another organisation opens nothing here.
	if a := b.access[cmd.Actor.Key]; a != nil && a.Key.Org == org {
		v.Access = a
	}
	v.find = func(k Key) tocsin.Object {
		if s := b.objects[objectKey{org, k}]; s != nil && slices.Contains(cmd.Keys, k) {
			return s.cur
		}
		return nil
	}
	return v
}

// Empty reports whether there is nothing to write.
func (b *Batch) Empty() bool { return len(b.records) == 0 && len(b.newReplies) == 0 }

// Heads calls yield for each head that moved.
func (b *Batch) Heads(yield func(Head) error) error {
	for _, org := range b.Orgs() {
		if h := b.heads[org]; h != nil && h.moved {
			if err := yield(h.Head); err != nil {
				return err
			}
		}
	}
	return nil
}

// Objects calls yield once for each object that changed, in order of kind and
// id, with what was loaded (nil for a new one) and what it has become.
func (b *Batch) Objects(yield func(before, after tocsin.Object) error) error {
	slices.SortFunc(b.written, func(x, y *objectState) int {
		if c := cmp.Compare(x.cur.Kind(), y.cur.Kind()); c != 0 {
			return c
		}
		return slices.Compare(x.cur.Head().ID[:], y.cur.Head().ID[:])
	})
	for _, s := range b.written {
		if err := yield(s.base, s.cur); err != nil {
			return err
		}
	}
	return nil
}

// Records returns the log records to be written, in order within each
// organisation.
func (b *Batch) Records() []Record { return b.records }

// An Erasure names a log record whose details and nonce are to be erased.
type Erasure struct {
	Org tocsin.ID
	Seq int64
}

// Erased returns the records whose details are to be erased, which may be among
// those of Records.
func (b *Batch) Erased() []Erasure { return b.erased }

// TouchesAccess reports whether the batch changes who may do what, or who a key
// acts for.
func (b *Batch) TouchesAccess() bool {
	return slices.ContainsFunc(b.records, func(r Record) bool {
		return touchesAccess(r.Kind) || r.Kind == tocsin.KindUser
	})
}
