package crash_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"tocsin"
	"tocsin/internal/app"
	"tocsin/internal/store"
)

// A ledger reads an organisation's log as an auditor does, record by record,
// and folds it into what the objects must be.
type ledger struct {
	org tocsin.ID
	// next is the sequence number to come, newest the record before it.
	next   int64
	newest [32]byte
	// seen counts the values that the log gives to fields.
	seen    map[ack]int
	objects map[store.Key]*replayed
}

// replayed is an object as its entries make it.
type replayed struct {
	version, seq int64
	leaf         [32]byte
	fields       map[string]json.RawMessage
}

func newLedger() *ledger {
	return &ledger{next: 1, seen: map[ack]int{}, objects: map[store.Key]*replayed{}}
}

// page is how many records are read at once.
const page = 1000

// read takes in what the log has got since the last time. What was there then
// must be there still.
func (l *ledger) read(t *testing.T, s app.Services) {
	t.Helper()
	ctx := context.Background()
	orgs, err := s.Store.Organisations(ctx)
	if err != nil || len(orgs) != 1 {
		t.Fatalf("there should be one organisation, are %d: %v", len(orgs), err)
	}
	l.org = orgs[0].ID
	if l.next > 1 {
		last, err := s.Store.Log(ctx, l.org, l.next-2, 1)
		if err != nil || len(last) != 1 || last[0].Seq != l.next-1 || last[0].LeafHash != l.newest {
			t.Fatalf("record %d is not what it was before the kill: %v", l.next-1, err)
		}
	}
	for {
		records, err := s.Store.Log(ctx, l.org, l.next-1, page)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range records {
			l.add(t, r)
		}
		if len(records) < page {
			return
		}
	}
}

// add checks one record against all before it and folds it in.
func (l *ledger) add(t *testing.T, r store.Record) {
	t.Helper()
	if r.Seq != l.next {
		t.Fatalf("after record %d comes %d: the log has a gap", l.next-1, r.Seq)
	}
	if err := r.Verify(); err != nil {
		t.Error(err)
	}
	key := store.Key{Kind: r.Kind, ID: r.Object}
	o := l.objects[key]
	if o == nil {
		o = &replayed{fields: map[string]json.RawMessage{}}
		l.objects[key] = o
	}
	if prev, err := r.Prev(); err != nil || prev != hex.EncodeToString(o.leaf[:]) {
		t.Errorf("record %d does not follow version %d of its object: %v", r.Seq, o.version, err)
	}
	if r.Version != o.version+1 || r.PrevSeq != o.seq {
		t.Errorf("record %d is version %d after %d and names %d as the one before, should name %d", r.Seq, r.Version, o.version, r.PrevSeq, o.seq)
	}
	var details struct {
		After  map[string]json.RawMessage `json:"after"`
		Before map[string]json.RawMessage `json:"before"`
	}
	if err := json.Unmarshal(r.Details, &details); err != nil {
		t.Fatalf("the details of record %d: %v", r.Seq, err)
	}
	for name, was := range details.Before {
		if !bytes.Equal(o.fields[name], was) {
			t.Errorf("record %d says that %s was %s; it was %s", r.Seq, name, was, o.fields[name])
		}
	}
	o.version, o.seq, o.leaf = r.Version, r.Seq, r.LeafHash
	maps.Copy(o.fields, details.After)
	l.note(t, r, details.After)
	l.next, l.newest = r.Seq+1, r.LeafHash
}

// note counts the values, and finds a change that is there by half: clients
// send some fields in pairs, with one text.
func (l *ledger) note(t *testing.T, r store.Record, after map[string]json.RawMessage) {
	t.Helper()
	for name, raw := range after {
		var value string
		if json.Unmarshal(raw, &value) == nil {
			l.seen[ack{r.Object, name, value}]++
		}
	}
	if r.Kind != tocsin.KindIncident || r.Version == 1 {
		return
	}
	for one, other := range map[string]string{"title": "description", "error_message": "affected_regions"} {
		a, b := after[one], after[other]
		if (a == nil) != (b == nil) || a != nil && !bytes.Equal(bytes.Trim(b, "[]"), a) {
			t.Errorf("record %d holds a change by half: %s is %s and %s is %s", r.Seq, one, a, other, b)
		}
	}
}

// agrees compares every object that there is with what the log makes of it.
func (l *ledger) agrees(t *testing.T, s app.Services) {
	t.Helper()
	found := 0
	for _, o := range everything(t, s, l.org) {
		found++
		head := o.Head()
		want := l.objects[store.Key{Kind: o.Kind(), ID: head.ID}]
		if want == nil {
			t.Errorf("%s %s is in no entry of the log", o.Kind(), head.ID)
			continue
		}
		if head.Version != want.version || head.Seq != want.seq || head.Leaf != want.leaf {
			t.Errorf("%s %s is at version %d by record %d, the log says version %d by record %d", o.Kind(), head.ID, head.Version, head.Seq, want.version, want.seq)
		}
		if is, should := store.CanonicalFields(o), want.canonical(); !bytes.Equal(is, should) {
			t.Errorf("%s %s is\n%s\nand the log replays to\n%s", o.Kind(), head.ID, is, should)
		}
	}
	if found != len(l.objects) {
		t.Errorf("there are %d objects, the log speaks of %d", found, len(l.objects))
	}
}

// canonical writes the fields as the log writes them.
func (o *replayed) canonical() []byte {
	b := []byte{'{'}
	for i, name := range slices.Sorted(maps.Keys(o.fields)) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '"')
		b = append(b, name...)
		b = append(b, '"', ':')
		b = append(b, o.fields[name]...)
	}
	return append(b, '}')
}

// everything reads every object of an organisation.
func everything(t *testing.T, s app.Services, org tocsin.ID) []tocsin.Object {
	t.Helper()
	ctx := context.Background()
	own, err := s.Store.Get(ctx, org, store.Key{Kind: tocsin.KindOrganisation, ID: org})
	if err != nil {
		t.Fatal(err)
	}
	all := []tocsin.Object{own}
	for _, kind := range []tocsin.Kind{
		tocsin.KindProject, tocsin.KindDataset, tocsin.KindCheck, tocsin.KindUser, tocsin.KindRole, tocsin.KindGrant, tocsin.KindAPIKey,
		tocsin.KindIncident, tocsin.KindComment,
	} {
		objects, err := s.Store.List(ctx, org, kind, store.Page{})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, objects...)
	}
	return all
}
