package storetest

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin"
	"tocsin/internal/store"
)

func logRules() []rule {
	return []rule{
		{"every change is one record, without a gap", oneRecordEach},
		{"a history tells who did what", history},
		{"the log is read in pages", logPages},
		{"a replay of the log gives every object back", replay},
	}
}

// checkLog checks an organisation's whole log: order without a gap, each record
// by itself, and the chain through each object's records.
func checkLog(t testing.TB, w *world, org tocsin.ID) []store.Record {
	t.Helper()
	type chain struct {
		seq, version int64
		leaf         [32]byte
	}
	objects := make(map[store.Key]chain)
	records := w.log(t, org)
	for i, r := range records {
		if r.Org != org || r.Seq != int64(i+1) {
			t.Fatalf("record %d of organisation %s is where %d is due", r.Seq, r.Org, i+1)
		}
		if err := r.Verify(); err != nil {
			t.Errorf("verify: %v", err)
		}
		k := store.Key{Kind: r.Kind, ID: r.Object}
		before := objects[k]
		prev, err := r.Prev()
		if err != nil {
			t.Errorf("record %d: %v", r.Seq, err)
		}
		if r.Version != before.version+1 || r.PrevSeq != before.seq || prev != hex.EncodeToString(before.leaf[:]) {
			t.Errorf("record %d makes version %d of %s, after record %d (leaf %s); want %d, %d (%x)",
				r.Seq, r.Version, r.Kind, r.PrevSeq, prev, before.version+1, before.seq, before.leaf)
		}
		objects[k] = chain{r.Seq, r.Version, r.LeafHash}
	}
	for k, c := range objects {
		o, err := w.Get(t.Context(), org, k)
		if err != nil {
			t.Errorf("the %s of the log's record %d is missing: %v", k.Kind, c.seq, err)
			continue
		}
		if m := o.Head(); m.Version != c.version || m.Seq != c.seq || m.Leaf != c.leaf {
			t.Errorf("%s %s is at version %d, record %d; the log ends with %d, %d", k.Kind, k.ID, m.Version, m.Seq, c.version, c.seq)
		}
	}
	return records
}

func oneRecordEach(t *testing.T, w *world) {
	i := w.incident(t, nil)
	for n := range 5 {
		w.edit(t, i.ID, func(i *tocsin.Incident) { i.Title = fmt.Sprint(n) })
		w.incident(t, nil)
	}
	if n := len(checkLog(t, w, w.org)); n != 3+1+2*5 {
		t.Errorf("%d records for %d changes", n, 3+1+2*5)
	}
}

func history(t *testing.T, w *world) {
	i := w.incident(t, nil)
	w.incident(t, nil) // another object's record in between
	actor := tocsin.Actor{
		Kind: tocsin.ActorUser, Org: w.org, User: NewID(), Key: NewID(), Door: "soda",
		Request: "r-1", Address: "192.0.2.1", Agent: `curl/8 "x"`,
	}
	cmd := w.editing(i.ID, func(i *tocsin.Incident) { i.Title, i.FailureCount, i.AffectedRegions = "new", 3, []string{"eu"} })
	decide := cmd.Decide
	cmd.Actor = actor
	cmd.Decide = func(v store.View) (store.Change, error) {
		change, err := decide(v)
		change.Note = "because\nof tests"
		return change, err
	}
	r, err := w.Commit(t.Context(), cmd)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := w.History(t.Context(), w.org, store.Key{Kind: tocsin.KindIncident, ID: i.ID})
	if err != nil || len(entries) != 2 {
		t.Fatalf("%d entries, %v; want 2", len(entries), err)
	}
	if entries[0].Version != 1 || entries[0].Action != "incident.open" || entries[0].Actor != tocsin.ActorSystem {
		t.Errorf("the oldest entry comes first; got %+v", entries[0])
	}
	for after := range int64(4) {
		rest, err := w.HistoryAfter(t.Context(), w.org, store.Key{Kind: tocsin.KindIncident, ID: i.ID}, after)
		if want := max(0, 2-int(after)); err != nil || len(rest) != want || want > 0 && rest[want-1].ID != entries[1].ID {
			t.Errorf("behind version %d are %d entries (%v); want the last %d", after, len(rest), err, want)
		}
	}
	made := r.Objects[0].Head()
	want := tocsin.Entry{
		ID: entries[1].ID, Seq: made.Seq, Kind: tocsin.KindIncident, Object: i.ID, Version: 2, Action: "incident.update", At: made.UpdatedAt,
		Actor: actor.Kind, User: actor.User, Key: actor.Key, Door: actor.Door,
		Request: actor.Request, Address: actor.Address, Agent: actor.Agent, Note: "because\nof tests",
		Fields: []string{"affected_regions", "failure_count", "title"}, Leaf: made.Leaf,
		Changes: []tocsin.FieldChange{
			{Name: "affected_regions", Old: tocsin.List([]string{}), New: tocsin.List([]string{"eu"})},
			{Name: "failure_count", Old: tocsin.Int(0), New: tocsin.Int(3)},
			{Name: "title", Old: tocsin.Text("orders are late"), New: tocsin.Text("new")},
		},
	}
	if diff := cmp.Diff(want, entries[1]); diff != "" || want.ID.IsZero() {
		t.Error(diff)
	}
}

func logPages(t *testing.T, w *world) {
	for range 7 {
		w.incident(t, nil)
	}
	for _, c := range []struct {
		after int64
		limit int
		want  []int64
	}{{0, 3, []int64{1, 2, 3}}, {3, 4, []int64{4, 5, 6, 7}}, {8, 100, []int64{9, 10}}, {10, 5, nil}, {99, 5, nil}} {
		page, err := w.Log(t.Context(), w.org, c.after, c.limit)
		if err != nil {
			t.Fatal(err)
		}
		var got []int64
		for _, r := range page {
			got = append(got, r.Seq)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("up to %d after %d:\n%s", c.limit, c.after, diff)
		}
	}
}

func replay(t *testing.T, w *world) {
	for _, fresh := range w.samples() {
		w.save(t, fresh)
	}
	i := w.incident(t, nil)
	for n := range 10 {
		w.edit(t, i.ID, func(i *tocsin.Incident) {
			i.FailureCount = int64(n)
			i.MoveTo(tocsin.Statuses()[n%5], i.StartedAt)
			i.AffectedRegions = []string{fmt.Sprint(n), "é\n\""}
		})
	}
	fields := make(map[store.Key]map[string]json.RawMessage)
	for _, r := range checkLog(t, w, w.org) {
		var details struct{ After map[string]json.RawMessage }
		if err := json.Unmarshal(r.Details, &details); err != nil {
			t.Fatalf("details of record %d: %v", r.Seq, err)
		}
		k := store.Key{Kind: r.Kind, ID: r.Object}
		if fields[k] == nil {
			fields[k] = make(map[string]json.RawMessage)
		}
		for name, value := range details.After {
			fields[k][name] = value
		}
	}
	kinds := make(map[tocsin.Kind]bool)
	for k, folded := range fields {
		kinds[k.Kind] = true
		o, err := w.Get(t.Context(), w.org, k)
		if err != nil {
			t.Fatal(err)
		}
		var stored map[string]json.RawMessage
		if err := json.Unmarshal(store.CanonicalFields(o), &stored); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(texts(stored), texts(folded)); diff != "" {
			t.Errorf("the log replayed differs from the stored %s:\n%s", k.Kind, diff)
		}
	}
	if len(kinds) != len(w.samples()) {
		t.Errorf("the log speaks of %d kinds; want %d", len(kinds), len(w.samples()))
	}
}

func texts(raw map[string]json.RawMessage) map[string]string {
	out := make(map[string]string, len(raw))
	for name, value := range raw {
		out[name] = string(value)
	}
	return out
}
