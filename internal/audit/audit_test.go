package audit_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"tocsin"
	"tocsin/internal/audit/proof"
	"tocsin/internal/store"
)

// onBoth runs a test on a house in each engine.
func onBoth(t *testing.T, test func(*testing.T, *house)) {
	for name, open := range engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, db := open(t)
			test(t, newHouse(t, s, db))
		})
	}
}

func TestExport_ofAnUntouchedLogIsProven(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, h *house) {
		var first *tocsin.Incident
		for i := range 90 {
			inc := h.incident(t, fmt.Sprintf("incident %d", i))
			if first == nil {
				first = inc
			}
			h.describe(t, inc.ID, fmt.Sprintf("more of %d", i))
			h.describe(t, first.ID, fmt.Sprintf("and again %d", i))
			must(h.incidents.Comment(t.Context(), h.system, inc.ID, "said\tsomething"))(t)
		}
		r := verified(t, h.export(t, h.system), h.vkey(t))
		wantProven(t, r)
		if r.Size < 360 || r.Through != r.Size {
			t.Errorf("proven are %d of %d entries; want all of more than 360", r.Through, r.Size)
		}
		wantProven(t, verified(t, h.export(t, tocsin.System(h.Installation(), "test")), h.vkey(t)))
	})
}

func TestProof_isCheckedByItselfWithTheKey(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, h *house) {
		for i := range 300 {
			h.incident(t, fmt.Sprint(i))
		}
		_, err := h.audit.Proof(t.Context(), h.system, 302)
		wantCode(t, "a proof of an entry that is not signed yet", err, tocsin.Busy)
		h.follow(t)
		keys := must(proof.Keys(h.vkey(t)))(t)
		for _, seq := range []int64{1, 2, 255, 256, 257, 302} {
			text := must(h.audit.Proof(t.Context(), h.system, seq))(t)
			p := must(proof.ParseInclusion(text))(t)
			record := must(h.Log(t.Context(), h.system.Org, seq-1, 1))(t)[0]
			c, err := p.Check(keys, store.LeafHash(record.Leaf))
			if err != nil || c.Size != 302 {
				t.Errorf("the proof of entry %d: %v, of a log of %d entries", seq, err, c.Size)
			}
			if _, err := p.Check(keys, store.LeafHash(append(record.Leaf, 'x'))); err == nil {
				t.Errorf("the proof of entry %d holds for another entry too", seq)
			}
		}
		_, err = h.audit.Proof(t.Context(), h.system, 303)
		wantCode(t, "a proof of an entry that is not there", err, tocsin.NotFound)
	})
}

func TestEntries_arePagedNewestFirst(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, h *house) {
		a, b := h.incident(t, "a"), h.incident(t, "b")
		for i := range 5 {
			h.describe(t, a.ID, fmt.Sprint(i))
			h.describe(t, b.ID, fmt.Sprint(i))
		}
		for name, f := range map[string]tocsin.EntryQuery{
			"by action": {Action: "incident.update"},
			"by object": {Kind: tocsin.KindIncident, Object: a.ID},
			"by none":   {},
		} {
			want := map[string]int{"by action": 10, "by object": 6, "by none": 14}[name]
			var seen []int64
			for before := int64(0); ; {
				page, next, err := h.audit.Entries(t.Context(), h.system, f, before, 3)
				ok(t, err)
				for _, e := range page {
					if n := len(seen); n > 0 && seen[n-1] <= e.Seq {
						t.Errorf("%s: entry %d comes after %d", name, e.Seq, seen[n-1])
					}
					seen = append(seen, e.Seq)
				}
				if before = next; before == 0 {
					break
				}
			}
			if len(seen) != want {
				t.Errorf("%s: %d entries in all pages; want %d", name, len(seen), want)
			}
		}
	})
}

func TestRedact_erasesAndKeepsTheProof(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, h *house) {
		inc := h.incident(t, "password is hunter2")
		h.describe(t, inc.ID, "hunter3")
		seq := must(h.History(t.Context(), h.system.Org, store.Key{Kind: tocsin.KindIncident, ID: inc.ID}))(t)[1].Seq

		_, err := h.audit.Redact(t.Context(), h.system, seq, "a password", nil)
		wantCode(t, "to redact what the incident still shows", err, tocsin.Conflict)
		h.describe(t, inc.ID, "nothing to see")
		h.describe(t, inc.ID, "nothing at all")
		r := must(h.audit.Redact(t.Context(), h.system, seq, "a password", nil))(t)
		if len(r.Entries) != 2 || r.Entries[0] != seq || r.Entries[1] != seq+1 {
			t.Errorf("redacted are %v; want %d, which set the text, and %d, which shows it as the one before", r.Entries, seq, seq+1)
		}
		if e := must(h.audit.Entry(t.Context(), h.system, seq))(t); !e.Redacted || len(e.Changes) > 0 || e.Note != "" {
			t.Errorf("the redacted entry still says %v, %q", e.Changes, e.Note)
		}
		if again := must(h.audit.Redact(t.Context(), h.system, seq, "once more", nil))(t); again.ID != r.ID || again.Version != 1 {
			t.Error("to redact an entry again made another redaction, or changed the first")
		}
		_, err = h.audit.Redact(t.Context(), h.system, r.Seq, "hide it", nil)
		wantCode(t, "to redact a redaction", err, tocsin.Conflict)
		report := verified(t, h.export(t, h.system), h.vkey(t))
		wantProven(t, report)
		if report.Redacted != 2 {
			t.Errorf("the report counts %d redacted entries; want 2", report.Redacted)
		}
	})
}

// Who pasted a secret into one field need not change the others.
func TestRedact_ofNamedFieldsAsksForNoMore(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, h *house) {
		inc := h.incident(t, "the title stays")
		h.describe(t, inc.ID, "hunter2")
		h.describe(t, inc.ID, "nothing to see")
		history := must(h.History(t.Context(), h.system.Org, store.Key{Kind: tocsin.KindIncident, ID: inc.ID}))(t)
		_, err := h.audit.Redact(t.Context(), h.system, history[0].Seq, "a password", nil)
		wantCode(t, "to redact a title that the incident still has", err, tocsin.Conflict)
		_, err = h.audit.Redact(t.Context(), h.system, history[0].Seq, "a password", []string{"description", "colour"})
		wantCode(t, "to redact a field that the entry did not change", err, tocsin.Invalid)
		r := must(h.audit.Redact(t.Context(), h.system, history[1].Seq, "a password", []string{"description"}))(t)
		if want := []int64{history[1].Seq, history[2].Seq}; !slices.Equal(r.Entries, want) {
			t.Errorf("redacted are %v; want %v", r.Entries, want)
		}
		must(h.audit.Redact(t.Context(), h.system, history[0].Seq, "a password", []string{"description"}))(t)
		wantProven(t, verified(t, h.export(t, h.system), h.vkey(t)))
	})
}

func TestExport_whileOthersWriteAndRedact(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, h *house) {
		incidents := make([]*tocsin.Incident, 20)
		for i := range incidents {
			incidents[i] = h.incident(t, fmt.Sprint(i))
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			for i := 0; ctx.Err() == nil; i++ {
				inc := incidents[i%len(incidents)]
				h.describe(t, inc.ID, fmt.Sprint("text ", i))
				h.incident(t, fmt.Sprint("new ", i))
				if i > len(incidents) && i%3 == 0 {
					history, err := h.History(context.Background(), h.system.Org, store.Key{Kind: tocsin.KindIncident, ID: inc.ID})
					if err == nil {
						_, err = h.audit.Redact(context.Background(), h.system, history[len(history)-2].Seq, "test", nil)
					}
					if err != nil {
						t.Errorf("redact: %v", err)
					}
				}
			}
		}()
		for range 8 {
			wantProven(t, verified(t, h.export(t, h.system), h.vkey(t)))
		}
		stop()
		<-done
	})
}

func TestService_isForThoseWhoMay(t *testing.T) {
	t.Parallel()
	s, db := engines()["sqlite"](t)
	h := newHouse(t, s, db)
	stranger := tocsin.Actor{Kind: tocsin.ActorUser, Org: h.system.Org}
	_, _, err := h.audit.Entries(t.Context(), stranger, tocsin.EntryQuery{}, 0, 10)
	wantCode(t, "entries without a key", err, tocsin.Unauthenticated)
	_, err = h.audit.Redact(t.Context(), stranger, 1, "because", nil)
	wantCode(t, "a redaction without a key", err, tocsin.Unauthenticated)
	wantCode(t, "an export without a key", h.audit.Export(t.Context(), stranger, nil), tocsin.Unauthenticated)
}

// A text that came more than once goes wherever it shows, and so from the files
// of an embedded database.
func TestRedact_leavesNoOtherCopy(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, h *house) {
		const password = "correct-horse-battery-staple"
		inc := h.incident(t, "one")
		for _, text := range []string{password, "clean", password, "clean again", "other", password, "at last"} {
			h.describe(t, inc.ID, text)
		}
		history := must(h.History(t.Context(), h.system.Org, store.Key{Kind: tocsin.KindIncident, ID: inc.ID}))(t)
		r := must(h.audit.Redact(t.Context(), h.system, history[3].Seq, "a password", []string{"description"}))(t)
		var want []int64
		for _, i := range []int{1, 2, 3, 4, 6, 7} {
			want = append(want, history[i].Seq)
		}
		if !slices.Equal(r.Entries, want) {
			t.Errorf("redacted are %v; want all that showed the text, %v", r.Entries, want)
		}
		path := h.export(t, h.system)
		wantProven(t, verified(t, path, h.vkey(t)))
		if bytes.Contains(must(os.ReadFile(path))(t), []byte(password)) {
			t.Error("the export still holds the text")
		}
		for _, name := range must(filepath.Glob(filepath.Join(h.node, "*")))(t) {
			if bytes.Contains(must(os.ReadFile(name))(t), []byte(password)) {
				t.Errorf("%s still holds the text", name)
			}
		}
	})
}
