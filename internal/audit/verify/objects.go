package verify

import (
	"bytes"
	"context"
	"fmt"
	"hash/maphash"
	"slices"

	"tocsin"
	"tocsin/internal/audit/proof"
)

// objects is what a replay of the log knows of every object. Values are kept as
// hashes under a key made for this run alone, so that a value that was changed
// cannot be made to look the same.
type objects struct {
	seed  maphash.Seed
	kinds map[string]*kind
	zero  [4]uint64
	// first is the object that the log begins with.
	first *object
}

// kind is what objects of one kind have in common.
type kind struct {
	name   string
	fields map[string]int // their places in an object's list
	byID   map[tocsin.ID]*object
}

// object is one object as the log has it so far, and its row in the database.
type object struct {
	// version, seq, at and leaf are those of its newest entry that was read.
	version, seq, at int64
	leaf             [32]byte
	// made is when its first entry was.
	made int64
	// atHead is its version when the reading of rows began.
	atHead int64
	// fields are hashes of the present values.
	fields []uint64
	row    *row
}

// row is an object as the database had it.
type row struct {
	version, seq     int64
	created, updated int64
	leaf             [32]byte
	fields           []uint64
	met              bool
	// misdated says that its times are not those of its entries.
	misdated bool
}

// What an object's list of fields has besides hashes.
const (
	unset   = 0 // no entry has set the field
	unknown = 1 // the entry that set it was redacted
)

func newObjects() *objects {
	o := &objects{seed: maphash.MakeSeed(), kinds: make(map[string]*kind)}
	for i, zero := range []string{`""`, `0`, `false`, `[]`} {
		o.zero[i] = o.hash([]byte(zero))
	}
	return o
}

func (o *objects) hash(value []byte) uint64 {
	return max(maphash.Bytes(o.seed, value), unknown+1)
}

func (o *objects) kind(name []byte) *kind {
	k := o.kinds[string(name)]
	if k == nil {
		k = &kind{name: string(name), fields: make(map[string]int), byID: make(map[tocsin.ID]*object)}
		o.kinds[k.name] = k
	}
	return k
}

func (k *kind) object(id tocsin.ID) *object {
	x := k.byID[id]
	if x == nil {
		x = &object{}
		k.byID[id] = x
	}
	return x
}

// maxFields is the most fields that a kind may have, several times those of any:
// each object of the kind may need room for all of them.
const maxFields = 256

// place returns where a field's value is kept.
func (v *verifier) place(k *kind, name []byte) int {
	i, ok := k.fields[string(name)]
	switch {
	case ok:
		return i
	case len(k.fields) == maxFields: // the last place is shared by what is too much
		v.found(Finding{Kind: BadForm, ObjectKind: k.name, Message: fmt.Sprintf("objects of kind %s have more fields than any kind has", k.name)})
		return maxFields
	default:
		i = len(k.fields)
		k.fields[string(name)] = i
		return i
	}
}

// set keeps a hash in a list of fields.
func set(fields []uint64, place int, hash uint64) []uint64 {
	if place >= len(fields) {
		fields = slices.Grow(fields, place+1-len(fields))[:place+1]
	}
	fields[place] = hash
	return fields
}

func get(fields []uint64, place int) uint64 {
	if place < len(fields) {
		return fields[place]
	}
	return unset
}

// readRows reads the objects as the database had them.
func (v *verifier) readRows(ctx context.Context) error {
	var buffer []byte
	var parsed proof.Row
	for _, name := range v.src.under("objects") {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var err error
		if buffer, err = v.src.read(name, buffer[:0]); err != nil {
			return err
		}
		for line := range bytes.Lines(buffer) {
			if err := proof.ParseRow(bytes.TrimSuffix(line, []byte("\n")), &parsed); err != nil {
				v.found(Finding{Kind: BadObject, Message: name + ": " + err.Error()})
				break
			}
			v.objects.addRow(v, &parsed)
		}
	}
	return nil
}

func (o *objects) addRow(v *verifier, p *proof.Row) {
	k := o.kind(p.Kind)
	x := k.object(p.ID)
	if x.row != nil {
		v.found(Finding{Kind: BadObject, Seq: p.Seq, ObjectKind: k.name, Object: p.ID, Message: "the export has the object twice"})
		return
	}
	x.row = &row{version: p.Version, seq: p.Seq, created: p.Created, updated: p.Updated, leaf: p.Leaf, fields: make([]uint64, 0, len(p.Fields))}
	for _, f := range p.Fields {
		x.row.fields = set(x.row.fields, v.place(k, f.Name), o.hash(f.Value))
	}
}

// follow takes an entry into the replay: its place among the object's own, then
// what it changed. details is nil for a redacted entry.
func (o *objects) follow(v *verifier, l *proof.Leaf, leaf [32]byte, details *proof.Details, prevSeq int64) {
	k := o.kind(l.Kind)
	x := k.object(l.Object)
	if o.first == nil {
		o.first = x
	}
	about := Finding{Seq: l.Seq, ObjectKind: k.name, Object: l.Object}
	o.chain(v, x, l, about, prevSeq)
	x.version, x.seq, x.leaf, x.at = l.Version, l.Seq, leaf, max(x.at, l.At)
	if l.Version == 1 {
		x.made = l.At
	}
	if l.Seq <= v.meta.Head {
		x.atHead = l.Version
	}
	if details == nil {
		for _, name := range l.Fields {
			x.fields = set(x.fields, v.place(k, name), unknown)
		}
	} else {
		o.apply(v, k, x, l, details, about)
	}
	if r := x.row; r != nil && r.version == l.Version {
		o.compare(v, k, x, about)
	}
}

// chain checks that an entry follows the one before it of the same object.
func (o *objects) chain(v *verifier, x *object, l *proof.Leaf, about Finding, prevSeq int64) {
	about.Kind = BadChain
	switch {
	case l.Version != x.version+1:
		about.Message = fmt.Sprintf("entry %d makes version %d of a %s of which version %d was the last", l.Seq, l.Version, about.ObjectKind, x.version)
		v.found(about)
	case l.Prev != x.leaf:
		v.contradicts(x.seq, l.Seq)
	case l.At < x.at:
		about.Message = fmt.Sprintf("entry %d is dated before entry %d of the same %s", l.Seq, x.seq, about.ObjectKind)
		v.found(about)
	case prevSeq != x.seq:
		about.Kind, about.Message = BadColumn, fmt.Sprintf("the database says that the entry before %d of the same object is %d; it is %d", l.Seq, prevSeq, x.seq)
		v.found(about)
	}
}

// apply takes the values of an entry into the replay.
func (o *objects) apply(v *verifier, k *kind, x *object, l *proof.Leaf, d *proof.Details, about Finding) {
	about.Kind = BadDetails
	if !named(d.After, l.Fields) || l.Version > 1 && !named(d.Before, l.Fields) || l.Version == 1 && len(d.Before) > 0 {
		about.Message = "the details do not have the fields that the entry names"
		v.found(about)
		return
	}
	for i, f := range d.After {
		place := v.place(k, f.Name)
		if l.Version > 1 && !o.same(get(x.fields, place), o.hash(d.Before[i].Value)) {
			about.Message = fmt.Sprintf("the entry says that %s was another value than the entries before it made it", f.Name)
			v.found(about)
		}
		x.fields = set(x.fields, place, o.hash(f.Value))
	}
}

// named reports whether fields have the names, in order.
func named(fields []proof.RawField, names [][]byte) bool {
	return slices.EqualFunc(fields, names, func(f proof.RawField, name []byte) bool { return bytes.Equal(f.Name, name) })
}

// same reports whether what a replay knows of a field can be the value: one that
// no entry set, because it came with a later version of the program, is zero.
func (o *objects) same(known, value uint64) bool {
	return known == value || known == unknown || known == unset && slices.Contains(o.zero[:], value)
}

// compare holds an object's row against the replay, at the row's own version.
func (o *objects) compare(v *verifier, k *kind, x *object, about Finding) {
	r := x.row
	r.met = true
	about.Kind = BadObject
	if r.seq != x.seq {
		about.Message = fmt.Sprintf("the database says that version %d of the %s was made by entry %d; it was entry %d", r.version, k.name, r.seq, x.seq)
		v.found(about)
	}
	if r.leaf != x.leaf {
		v.contradicts(x.seq, 0)
	}
	r.misdated = r.created != x.made || r.updated != x.at
	var wrong []string
	for name, place := range k.fields {
		known, value := get(x.fields, place), get(r.fields, place)
		if value == unset && known == unset {
			continue
		}
		if value == unset || !o.same(known, value) {
			wrong = append(wrong, name)
		}
	}
	if len(wrong) > 0 {
		slices.Sort(wrong)
		about.Message = fmt.Sprintf("the %s in the database is not what its entries come to: %s", k.name, wrong)
		v.found(about)
	}
	r.fields = nil
}

// finish finds the rows and entries that were left without each other.
func (o *objects) finish(v *verifier) {
	for _, k := range o.kinds {
		for id, x := range k.byID {
			about := Finding{Kind: BadObject, Seq: x.seq, ObjectKind: k.name, Object: id}
			switch r := x.row; {
			case r == nil && x.atHead > 0:
				about.Message = fmt.Sprintf("the %s of entry %d is not in the database", k.name, x.seq)
			case r == nil:
				continue // it was made while the rows were being read
			case r.version < x.atHead:
				about.Message = fmt.Sprintf("the %s in the database is of version %d; the log had made version %d of it", k.name, r.version, x.atHead)
			case !r.met:
				about.Seq = r.seq
				about.Message = fmt.Sprintf("the database has version %d of a %s, which no entry made", r.version, k.name)
			case r.misdated:
				about.Seq = r.seq
				about.Message = fmt.Sprintf("the database dates the %s, or its last change, otherwise than its entries do", k.name)
			default:
				continue
			}
			v.found(about)
		}
	}
}
