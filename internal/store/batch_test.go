package store_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin"
	"tocsin/internal/store"
)

// opening is the command that opens incident n.
func (w *world) opening(n byte) store.Command {
	return store.Command{
		Actor: w.actor,
		Keys:  []store.Key{{Kind: tocsin.KindIncident, ID: id(n)}},
		Decide: func(v store.View) (store.Change, error) {
			return store.Change{Action: "incident.create", Objects: []tocsin.Object{
				&tocsin.Incident{Meta: w.meta(id(n)), Number: v.NextNumber, Title: "slow"},
			}}, nil
		},
	}
}

// refusing is the command that decides as cmd does and then fails.
func refusing(cmd store.Command, err error) store.Command {
	decide := cmd.Decide
	cmd.Decide = func(v store.View) (store.Change, error) {
		change, _ := decide(v)
		return change, err
	}
	return cmd
}

func TestBatch_eachDecisionSeesWhatThoseBeforeItChanged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, store.WriterOptions{})
		w.save(t, &tocsin.Project{Meta: w.meta(id(10)), Name: "a"})
		w.batches = nil
		release := w.busy()
		longer := w.naming(10, "")
		longer.Decide = func(v store.View) (store.Change, error) {
			was, err := store.Object[*tocsin.Project](v, tocsin.KindProject, id(10))
			if err != nil {
				return store.Change{}, err
			}
			p := *was
			p.Name += "b"
			return store.Change{Action: "project.update", Objects: []tocsin.Object{&p}}, nil
		}
		first := w.send(longer)
		failed := w.send(refusing(longer, errors.New("changed his mind")))
		second := w.send(longer)
		release()
		if got := first.Objects[0].(*tocsin.Project); got.Name != "ab" || got.Version != 2 {
			t.Errorf("the first was told %+v; want ab, version 2", got)
		}
		if failed.err == nil {
			t.Error("the one whose decision failed was told nothing")
		}
		if got := second.Objects[0].(*tocsin.Project); got.Name != "abb" || got.Version != 3 || w.project(10) != got {
			t.Errorf("the last was told %+v, stored is %+v; want abb, version 3", got, w.project(10))
		}
		if diff := cmp.Diff([]int{1, 3}, w.batches); diff != "" {
			t.Errorf("batches (-want +got):\n%s", diff)
		}
	})
}

func TestBatch_numbersHaveNoGapWhereACommandFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, store.WriterOptions{})
		release := w.busy()
		var sent []*answer
		for n := range byte(3) {
			sent = append(sent, w.send(w.opening(10+2*n)))
			w.send(refusing(w.opening(11+2*n), errors.New("no")))
		}
		release()
		for i, a := range sent {
			if inc := a.Objects[0].(*tocsin.Incident); inc.Number != int32(i+1) || inc.Seq != int64(i+2) {
				t.Errorf("incident %d has number %d and log number %d; want %d and %d", i, inc.Number, inc.Seq, i+1, i+2)
			}
		}
		if h := w.memory.heads[w.actor.Org]; h.Number != 3 || h.Seq != 4 {
			t.Errorf("the head stands at %+v; want number 3 and log number 4", h)
		}
	})
}

func TestBatch_saysWhenIncidentNumbersAreUsedUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, store.WriterOptions{})
	w.memory.heads[w.actor.Org] = store.Head{Org: w.actor.Org, Seq: 1, Number: math.MaxInt32 - 1}
	if r, err := w.Commit(t.Context(), w.opening(10)); err != nil || r.Objects[0].(*tocsin.Incident).Number != math.MaxInt32 {
		t.Fatalf("the last number: %+v, %v", r, err)
	}
	var seen int32 = -1
	cmd := w.opening(11)
	decide := cmd.Decide
	cmd.Decide = func(v store.View) (store.Change, error) { seen = v.NextNumber; return decide(v) }
	if _, err := w.Commit(t.Context(), cmd); err == nil || seen != 0 {
		t.Errorf("after the last number: next is %d, error %v; want 0, and an incident numbered so refused", seen, err)
	}
}

// What a decision may not do: each of these is a fault of ours, and leaves nothing.
func TestBatch_refusesWhatADecisionMayNotWrite(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		objects func(*world) []tocsin.Object
		says    string
	}{
		{"an object that the command does not name", func(w *world) []tocsin.Object {
			return []tocsin.Object{&tocsin.Project{Meta: w.meta(id(11)), Name: "b"}}
		}, "does not name"},
		{"an object of another organisation", func(*world) []tocsin.Object {
			return []tocsin.Object{&tocsin.Project{Meta: tocsin.Meta{Org: id(2), ID: id(10)}, Name: "b"}}
		}, "another organisation"},
		{"an object twice", func(w *world) []tocsin.Object {
			return []tocsin.Object{&tocsin.Project{Meta: w.meta(id(10)), Name: "b"}, &tocsin.Project{Meta: w.meta(id(10)), Name: "c"}}
		}, "twice"},
		{"an incident with a number of its own", func(w *world) []tocsin.Object {
			return []tocsin.Object{&tocsin.Incident{Meta: w.meta(id(10)), Number: 7}}
		}, "number 7"},
		{"fields out of order", func(w *world) []tocsin.Object {
			return []tocsin.Object{&unruly{Meta: w.meta(id(10)), names: []string{"b", "a"}}}
		}, "not in order"},
		{"a field twice", func(w *world) []tocsin.Object {
			return []tocsin.Object{&unruly{Meta: w.meta(id(10)), names: []string{"a", "a"}}}
		}, "not in order"},
		{"more fields than a leaf holds", func(w *world) []tocsin.Object {
			var names []string
			for n := range 8_000 {
				names = append(names, fmt.Sprintf("field_%04d", n))
			}
			return []tocsin.Object{&unruly{Meta: w.meta(id(10)), names: names}}
		}, "longer than 65535"},
		{"text that is not UTF-8", func(w *world) []tocsin.Object {
			return []tocsin.Object{&tocsin.Project{Meta: w.meta(id(10)), Name: "caf\xe9"}}
		}, "UTF-8"},
	} {
		w := newWorld(t, store.WriterOptions{})
		_, err := w.Commit(t.Context(), store.Command{
			Actor: w.actor,
			Keys:  []store.Key{{Kind: tocsin.KindProject, ID: id(10)}, {Kind: tocsin.KindIncident, ID: id(10)}},
			Decide: func(store.View) (store.Change, error) {
				return store.Change{Action: "x.save", Objects: c.objects(w)}, nil
			},
		})
		if tocsin.CodeOf(err) != tocsin.Internal || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: error %v; want an internal one that says %q", c.name, err, c.says)
		}
		if len(w.records()) != 0 || w.memory.heads[w.actor.Org].Seq != 1 {
			t.Errorf("%s: something was left behind", c.name)
		}
	}
}

// unruly is an object whose fields are not as an Object's must be.
type unruly struct {
	tocsin.Meta
	names []string
}

func (*unruly) Kind() tocsin.Kind { return tocsin.KindProject }

func (u *unruly) AppendFields(fields []tocsin.Field) []tocsin.Field {
	for _, name := range u.names {
		fields = append(fields, tocsin.Field{Name: name, Value: tocsin.Text("x")})
	}
	return fields
}

// Nothing can be made in an organisation that does not exist: its log begins
// with itself.
func TestBatch_aLogBeginsWithItsOrganisation(t *testing.T) {
	t.Parallel()
	w := newWorld(t, store.WriterOptions{})
	w.actor = tocsin.System(id(9), "test")
	_, err := w.Commit(t.Context(), w.naming(10, "homeless"))
	wantCode(t, "a project of no organisation", err, tocsin.NotFound)
	if _, made := w.memory.heads[id(9)]; made || len(w.records()) != 0 {
		t.Error("something was left behind")
	}
	w.save(t, &tocsin.Organisation{Meta: w.meta(id(9)), Name: "Other"})
	if _, err := w.Commit(t.Context(), w.naming(10, "at home")); err != nil {
		t.Errorf("once the organisation is there: %v", err)
	}
}

func TestBatch_whatDiffersInNothingIsNoChange(t *testing.T) {
	t.Parallel()
	w := newWorld(t, store.WriterOptions{})
	made := w.save(t, &tocsin.Project{Meta: w.meta(id(10)), Name: "a"})
	again, err := w.Commit(t.Context(), w.naming(10, "a"))
	if err != nil || again.Changed || again.Objects[0] != made.Objects[0] {
		t.Errorf("%+v, %v; want the object as it is stored, unchanged", again, err)
	}
	if len(w.records()) != 1 || w.memory.heads[w.actor.Org].Seq != 2 {
		t.Error("the log grew by a change that was none")
	}
}

func TestBatch_timeDoesNotGoBackForAnObject(t *testing.T) {
	t.Parallel()
	w := newWorld(t, store.WriterOptions{})
	noon := w.memory.now
	w.memory.now = noon.Add(1_999 * time.Nanosecond).In(time.FixedZone("", 3600))
	w.save(t, &tocsin.Project{Meta: w.meta(id(10)), Name: "a"})
	w.memory.now = noon.Add(-time.Hour)
	w.save(t, &tocsin.Project{Meta: w.meta(id(10)), Name: "b"})
	want := noon.Add(time.Microsecond)
	if p := w.project(10); p.CreatedAt != want || p.UpdatedAt != want {
		t.Errorf("created at %v, changed at %v; want both at %v, UTC", p.CreatedAt, p.UpdatedAt, want)
	}
}

func TestBatch_recordsOfAnObjectNameTheOneBefore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, store.WriterOptions{})
	for _, name := range []string{"a", "b"} {
		w.save(t, &tocsin.Project{Meta: w.meta(id(10)), Name: name})
		w.save(t, &tocsin.Project{Meta: w.meta(id(11)), Name: name})
	}
	var before store.Record
	for i, r := range w.records() {
		if err := r.Verify(); err != nil {
			t.Error(err)
		}
		if r.Seq != int64(i+2) {
			t.Errorf("record %d has number %d; want no gap", i, r.Seq)
		}
		if r.Object != id(10) {
			continue
		}
		prev, err := r.Prev()
		if err != nil || prev != fmt.Sprintf("%x", before.LeafHash) || r.PrevSeq != before.Seq || r.Version != before.Version+1 {
			t.Errorf("version %d names %s at %d, %v; want %x at %d", r.Version, prev, r.PrevSeq, err, before.LeafHash, before.Seq)
		}
		before = r
	}
	if p := w.project(10); p.Leaf != before.LeafHash || p.Seq != before.Seq {
		t.Errorf("the object points to %x at %d; want its newest record", p.Leaf, p.Seq)
	}
}

func TestBatch_headsAreLockedInOneOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, store.WriterOptions{})
		release := w.busy()
		for _, n := range []byte{3, 2, 3, 4} {
			w.send(store.Command{Actor: tocsin.System(id(n), "test"), Decide: func(store.View) (store.Change, error) { return store.Change{}, nil }})
		}
		release()
		if diff := cmp.Diff([]tocsin.ID{id(2), id(3), id(4)}, w.memory.orgs[len(w.memory.orgs)-1]); diff != "" {
			t.Errorf("organisations of the last batch, each once and in order (-want +got):\n%s", diff)
		}
	})
}
