package storetest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin"
	"tocsin/internal/store"
)

func termRules() []rule {
	return []rule{
		{"a change under a stale precondition is refused with the object as it is", preconditions},
		{"of many changes under one precondition one is made", onePrecondition},
		{"a dry run says what would change and changes nothing", dryRun},
		{"a change asked for once is made once and answered alike", once},
		{"duplicates that come together are made once", onceTogether},
		{"a change that comes to nothing keeps its reply, a refusal does not", onceForNothing},
		{"a reply that cannot be rendered leaves no change", unrenderable},
		{"erased details are gone and the leaf stays", erasure},
	}
}

func under(cmd store.Command, terms tocsin.Terms) store.Command {
	cmd.Actor.Terms = terms
	return cmd
}

func retitled(title string) func(*tocsin.Incident) {
	return func(i *tocsin.Incident) { i.Title = title }
}

func preconditions(t *testing.T, w *world) {
	i := w.incident(t, nil)
	match := func(m tocsin.Match) tocsin.Terms {
		m.Kind, m.ID = tocsin.KindIncident, i.ID
		return tocsin.Terms{Match: &m}
	}
	for _, c := range []struct {
		name string
		m    tocsin.Match
		ok   bool
	}{
		{"the present version", tocsin.Match{Versions: []int64{9, 1}}, true},
		{"the version before", tocsin.Match{Versions: []int64{1}}, false},
		{"none", tocsin.Match{}, false},
		{"any", tocsin.Match{Any: true}, true},
	} {
		before := w.get(t, i.ID)
		_, err := w.Commit(t.Context(), under(w.editing(i.ID, retitled(c.name)), match(c.m)))
		var stale *tocsin.StaleError
		switch {
		case c.ok && err != nil:
			t.Errorf("%s: %v; want the change", c.name, err)
		case !c.ok && (!errors.As(err, &stale) || stale.Current.Head().Version != before.Version):
			t.Errorf("%s: %v; want it stale, with version %d", c.name, err, before.Version)
		}
	}
	// One that nothing would judge is not passed over.
	elsewhere := tocsin.Terms{Match: &tocsin.Match{Kind: tocsin.KindProject, ID: w.project, Any: true}}
	_, err := w.Commit(t.Context(), under(w.editing(i.ID, retitled("elsewhere")), elsewhere))
	wantCode(t, err, tocsin.Internal)
	// What the actor may not do is said before, what the state forbids after.
	for _, code := range []tocsin.Code{tocsin.Forbidden, tocsin.Conflict} {
		cmd := w.editing(i.ID, nil)
		cmd.Decide = func(store.View) (store.Change, error) { return store.Change{}, tocsin.Errorf(code, "no") }
		_, err := w.Commit(t.Context(), under(cmd, match(tocsin.Match{Versions: []int64{1}})))
		want := code
		if code == tocsin.Conflict {
			want = tocsin.Stale
		}
		wantCode(t, err, want)
	}
}

func onePrecondition(t *testing.T, w *world) {
	i := w.incident(t, nil)
	var wg sync.WaitGroup
	codes := make([]tocsin.Code, 64)
	for n := range codes {
		wg.Go(func() {
			_, err := w.Commit(t.Context(), under(w.editing(i.ID, retitled(fmt.Sprint(n))), tocsin.Terms{
				Match: &tocsin.Match{Kind: tocsin.KindIncident, ID: i.ID, Versions: []int64{1}},
			}))
			codes[n] = tocsin.CodeOf(err)
		})
	}
	wg.Wait()
	slices.Sort(codes)
	if codes[0] != "" || codes[1] != tocsin.Stale || codes[63] != tocsin.Stale {
		t.Errorf("outcomes %q; want one change and 63 times %q", codes, tocsin.Stale)
	}
}

func dryRun(t *testing.T, w *world) {
	i := w.incident(t, nil)
	w.unchanged(t, func() {
		_, err := w.Commit(t.Context(), under(w.editing(i.ID, retitled("other")), tocsin.Terms{DryRun: true}))
		var p *tocsin.Preview
		if !errors.As(err, &p) || len(p.Changes) != 1 {
			t.Fatalf("a dry run: %v; want a preview of one change", err)
		}
		c := p.Changes[0]
		if c.Action != "incident.update" || c.ID != i.ID || c.Version != 2 || len(c.Fields) != 1 ||
			c.Fields[0].Name != "title" || c.Fields[0].Old.AsText() != i.Title || c.Fields[0].New.AsText() != "other" {
			t.Errorf("the preview is %+v; want version 2 with another title", c)
		}
		_, err = w.Commit(t.Context(), under(w.opening(NewID(), nil), tocsin.Terms{DryRun: true}))
		if !errors.As(err, &p) || p.Changes[0].Version != 1 {
			t.Errorf("a dry run of opening: %v; want a preview of version 1", err)
		}
	})
	if got := w.get(t, i.ID); got.Version != 1 || got.Title != i.Title {
		t.Errorf("after a dry run the incident is %+v", got)
	}
	if next := w.incident(t, nil); next.Number != i.Number+1 {
		t.Errorf("after a dry run the next incident is number %d; want %d", next.Number, i.Number+1)
	}
}

// asked returns terms for a change to be made once, whose reply tells the version.
func asked(key, fingerprint byte) tocsin.Terms {
	return tocsin.Terms{Once: &tocsin.Once{Key: [32]byte{key}, Fingerprint: [32]byte{fingerprint}, Reply: func(o []tocsin.Object) (tocsin.Reply, error) {
		return tocsin.Reply{
			Status: 201, Header: map[string]string{"Etag": fmt.Sprint(o[0].Head().Version)},
			Body: fmt.Appendf(nil, "version %d leaf %x", o[0].Head().Version, o[0].Head().Leaf),
		}, nil
	}}}
}

func wantReplay(t testing.TB, err error, version int64) {
	t.Helper()
	var r *tocsin.Replayed
	if !errors.As(err, &r) {
		t.Fatalf("asked again: %v; want a replay", err)
	}
	if r.Reply.Status != 201 || r.Reply.Header["Etag"] != fmt.Sprint(version) || len(r.Reply.Body) < 64 {
		t.Errorf("the replay is %d %v %q; want the first reply, of version %d", r.Reply.Status, r.Reply.Header, r.Reply.Body, version)
	}
}

func once(t *testing.T, w *world) {
	i := w.incident(t, nil)
	cmd := under(w.editing(i.ID, retitled("once")), asked(1, 1))
	r, err := w.Commit(t.Context(), cmd)
	if err != nil || !r.Changed {
		t.Fatalf("the first time: %v, changed %t", err, r.Changed)
	}
	w.edit(t, i.ID, retitled("later"))
	w.unchanged(t, func() {
		_, err := w.Commit(t.Context(), cmd)
		wantReplay(t, err, 2)
		_, err = w.Commit(t.Context(), under(w.editing(i.ID, retitled("another")), asked(1, 2)))
		wantCode(t, err, tocsin.KeyReused)
	})
	// The same key in another organisation is another key.
	other := &world{Store: w.Store}
	other.org = w.newOrganisation(t, "Other")
	other.actor, other.project = tocsin.System(other.org, "test"), NewID()
	other.save(t, func() tocsin.Object { return &tocsin.Project{Meta: other.meta(other.project), Name: "Shop"} })
	if _, err := w.Commit(t.Context(), under(other.opening(NewID(), nil), asked(1, 2))); err != nil {
		t.Errorf("the key of another organisation: %v; want a change of its own", err)
	}
	if err := w.ForgetReplies(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err = w.Commit(t.Context(), cmd)
	wantReplay(t, err, 2) // it is not a day old
}

func onceTogether(t *testing.T, w *world) {
	i := w.incident(t, nil)
	release := w.blocked(t)
	var wg sync.WaitGroup
	errs := make([]error, 16)
	for n := range errs {
		wg.Go(func() {
			_, errs[n] = w.Commit(t.Context(), under(w.editing(i.ID, func(i *tocsin.Incident) { i.FailureCount++ }), asked(7, 7)))
		})
	}
	time.AfterFunc(20*time.Millisecond, release) // most of them share a batch; any split must do
	wg.Wait()
	made := 0
	for _, err := range errs {
		if err == nil {
			made++
			continue
		}
		wantReplay(t, err, 2)
	}
	if got := w.get(t, i.ID); made != 1 || got.FailureCount != 1 || got.Version != 2 {
		t.Errorf("16 duplicates: %d made, %d failures counted at version %d; want one", made, got.FailureCount, got.Version)
	}
}

func onceForNothing(t *testing.T, w *world) {
	i := w.incident(t, nil)
	cmd := under(w.editing(i.ID, retitled(i.Title)), asked(2, 2))
	w.unchanged(t, func() {
		if r, err := w.Commit(t.Context(), cmd); err != nil || r.Changed {
			t.Fatalf("writing back what is there: %v, changed %t", err, r.Changed)
		}
		_, err := w.Commit(t.Context(), cmd)
		wantReplay(t, err, 1)
	})
	refused := under(w.editing(i.ID, nil), asked(3, 3))
	refused.Decide = func(store.View) (store.Change, error) {
		return store.Change{}, tocsin.Errorf(tocsin.Conflict, "not now")
	}
	_, err := w.Commit(t.Context(), refused)
	wantCode(t, err, tocsin.Conflict)
	if _, err := w.Commit(t.Context(), under(w.editing(i.ID, retitled("now")), asked(3, 3))); err != nil {
		t.Errorf("after a refusal: %v; want the change", err)
	}
}

func unrenderable(t *testing.T, w *world) {
	i := w.incident(t, nil)
	w.unchanged(t, func() {
		terms := asked(4, 4)
		terms.Once.Reply = func([]tocsin.Object) (tocsin.Reply, error) { return tocsin.Reply{}, errors.New("no words") }
		if _, err := w.Commit(t.Context(), under(w.editing(i.ID, retitled("x")), terms)); err == nil {
			t.Error("a change whose reply cannot be kept was made")
		}
	})
	if diff := cmp.Diff(i, w.get(t, i.ID)); diff != "" {
		t.Errorf("the incident changed:\n%s", diff)
	}
}

func erasure(t *testing.T, w *world) {
	i := w.edit(t, w.incident(t, nil).ID, retitled("hunter2"))
	id := NewID()
	_, err := w.Commit(t.Context(), store.Command{Actor: w.actor, Keys: []store.Key{{Kind: tocsin.KindRedaction, ID: id}}, Decide: func(store.View) (store.Change, error) {
		return store.Change{Action: "audit.redact", Erase: []int64{i.Seq}, Objects: []tocsin.Object{
			&tocsin.Redaction{Meta: w.meta(id), Entries: []int64{i.Seq}, Reason: "a password"},
		}}, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	log := w.log(t, w.org)
	r := log[i.Seq-1]
	if r.Details != nil || r.Nonce != nil || r.LeafHash != i.Leaf || store.LeafHash(r.Leaf) != i.Leaf {
		t.Errorf("the erased record still has %d bytes of details, or its leaf changed", len(r.Details))
	}
	e, err := r.Entry()
	if err != nil || !e.Redacted || len(e.Changes) != 0 || !slices.Equal(e.Fields, []string{"title"}) {
		t.Errorf("its entry is %+v, %v; want it redacted, with the names of its fields", e, err)
	}
	newest, err := w.LogBefore(t.Context(), w.org, r.Seq+1, 2)
	if err != nil || len(newest) != 2 || newest[0].Seq != r.Seq || newest[1].Seq != r.Seq-1 {
		t.Errorf("the two records up to %d: %d, %v; want them newest first", r.Seq, len(newest), err)
	}
}
