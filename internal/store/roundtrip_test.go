package store_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tocsin"
	"tocsin/internal/store"
)

// anyText generates all that people and programs send, control characters,
// quotes and characters beyond the first plane among it.
func anyText() *rapid.Generator[string] {
	return rapid.OneOf(rapid.String(), rapid.StringOf(rapid.SampledFrom([]rune("\x00\x01\b\t\n\f\r\x1f\x7f\"\\/<>&'\u2028\u2029\ufeff\ufffdä\u0308\U0001f525u0000"))))
}

func anyObject(m tocsin.Meta) *rapid.Generator[*tocsin.Incident] {
	list := rapid.SliceOfN(anyText(), 0, 5)
	micros := rapid.Map(rapid.Int64Range(1, 253_402_300_799_999_999), time.UnixMicro) // to the end of the year 9999
	return rapid.Custom(func(t *rapid.T) *tocsin.Incident {
		return &tocsin.Incident{
			Meta: m, Number: 1, Title: anyText().Draw(t, "title"), Description: anyText().Draw(t, "description"),
			Severity: tocsin.Severity(anyText().Draw(t, "severity")), AffectedRegions: list.Draw(t, "regions"),
			FailureCount: rapid.Int64Range(0, 1<<53-1).Draw(t, "count"), StartedAt: micros.Draw(t, "started"),
			Lead: tocsin.ID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "lead")),
		}
	})
}

// What was sealed comes back, whatever it was: an entry is the only record of
// what an object used to be.
func TestRecord_givesBackWhatWasSealed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, store.WriterOptions{})
	var n uint64
	rapid.Check(t, func(rt *rapid.T) {
		n++
		if n > math.MaxUint16 {
			rt.Skip("out of ids")
		}
		m := w.meta(tocsin.ID{0: 1, 14: byte(n >> 8), 15: byte(n)})
		versions := []*tocsin.Incident{anyObject(m).Draw(rt, "first"), anyObject(m).Draw(rt, "second")}
		var before []tocsin.Field
		for _, inc := range versions {
			inc.Number = w.memory.heads[w.actor.Org].Number + 1
			if before != nil {
				inc.Number--
			}
			actor := w.actor
			actor.Request, actor.Address, actor.Agent = anyText().Draw(rt, "request"), anyText().Draw(rt, "address"), anyText().Draw(rt, "agent")
			note := anyText().Draw(rt, "note")
			res, err := w.Commit(t.Context(), store.Command{
				Actor: actor, Keys: []store.Key{{Kind: tocsin.KindIncident, ID: m.ID}},
				Decide: func(store.View) (store.Change, error) {
					return store.Change{Action: "incident.save", Note: note, Objects: []tocsin.Object{inc}}, nil
				},
			})
			if err != nil {
				rt.Fatal(err)
			}
			if !res.Changed {
				return
			}
			r := w.records()[len(w.records())-1]
			checkCanonical(rt, r.Leaf)
			checkCanonical(rt, r.Details)
			if err := r.Verify(); err != nil {
				rt.Fatal(err)
			}
			checkEntry(rt, r, actor, note, before, tocsin.Fields(inc))
			before = tocsin.Fields(inc)
		}
	})
}

func checkEntry(t *rapid.T, r store.Record, actor tocsin.Actor, note string, before, after []tocsin.Field) {
	e, err := r.Entry()
	if err != nil {
		t.Fatal(err)
	}
	got := [...]string{e.Request, e.Address, e.Agent, e.Note, e.Door}
	if want := [...]string{actor.Request, actor.Address, actor.Agent, note, actor.Door}; got != want {
		t.Fatalf("the entry says %q; want %q", got, want)
	}
	old, changed := tocsin.Diff(before, after)
	if len(e.Changes) != len(changed) {
		t.Fatalf("the entry has %d changes; want %d", len(e.Changes), len(changed))
	}
	for i, c := range e.Changes {
		if c.Name != changed[i].Name || !same(c.New, changed[i].Value) || old != nil && !same(c.Old, old[i].Value) {
			t.Fatalf("change %+v; want %s from %v to %v", c, changed[i].Name, old, changed[i].Value)
		}
	}
}

// same reports whether a value that was read is the one written: a time is read
// as its text.
func same(read, written tocsin.Value) bool {
	return fmt.Sprintf("%q", read.Any()) == fmt.Sprintf("%q", written.Any())
}

func FuzzRecordEntry(f *testing.F) {
	f.Add(goldenLeaf, goldenDetails)
	f.Add(goldenLeaf, []byte(`{"after":{"title":1.5},"before":{"title":[1,null,{}]}}`))
	f.Add([]byte(`{"v":1,"at":"2026-03-01T12:00:00.000000Z","fields":["x"]}`), []byte(nil))
	f.Add([]byte(`null`), []byte(`null`))
	f.Fuzz(func(t *testing.T, leaf, details []byte) {
		r := store.Record{Leaf: leaf, LeafHash: store.LeafHash(leaf), Details: details}
		e, err := r.Entry()
		if err == nil && e.At.Format(tocsin.TimeLayout) == "" {
			t.Error("an entry without a time")
		}
		if err := r.Verify(); err == nil && details != nil {
			t.Errorf("details %q pass without a nonce", details)
		}
		_, _ = r.Prev()
	})
}
