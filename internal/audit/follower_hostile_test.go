package audit_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tocsin/internal/audit"
	"tocsin/internal/audit/proof"
	"tocsin/internal/audit/verify"
	"tocsin/internal/store"
)

func (h *house) stateFile() string { return filepath.Join(h.node, audit.StateFile) }

// A process that dies between the database and its own file goes on as if it had
// written both, and forgets nothing that it knew.
func TestFollower_diesBetweenDatabaseAndFile(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, h *house) {
		inc := h.incident(t, "one")
		h.follow(t)
		before := must(os.ReadFile(h.stateFile()))(t)
		for i := range 300 {
			h.describe(t, inc.ID, fmt.Sprint(i))
		}
		h.follow(t)
		after := h.checkpoint(t)
		ok(t, os.WriteFile(h.stateFile(), before, 0o600))
		h.follower = h.newFollower(t, h.node)
		h.follow(t)
		if s := h.follower.Status(); s.Ready() != nil {
			t.Fatalf("after the crash readiness says %v", s.Ready())
		}
		if kept, _ := must(audit.OpenState(h.node))(t).Kept(h.system.Org); string(kept.Text) != string(after) {
			t.Errorf("after the crash the node keeps %s; want the last that was signed", kept.Text)
		}
		wantProven(t, verified(t, h.export(t, h.system), h.vkey(t), after))
	})
}

// A file that was cut off in the middle is never taken for one that knows nothing.
func TestFollower_signsNothingOnHalfAFile(t *testing.T) {
	t.Parallel()
	s, db := engines()["sqlite"](t)
	h := newHouse(t, s, db)
	whole, before := must(os.ReadFile(h.stateFile()))(t), string(h.checkpoint(t))
	h.incident(t, "one")
	for _, half := range [][]byte{whole[:len(whole)/3], whole[:len(whole)-9], append(whole[:len(whole):len(whole)], "x"...)} {
		ok(t, os.WriteFile(h.stateFile(), half, 0o600))
		f := h.newFollower(t, h.node)
		if _, err := f.Round(t.Context()); err == nil || !strings.Contains(err.Error(), "is damaged") {
			t.Errorf("with a file that was cut off a round says %v", err)
		}
		if string(h.checkpoint(t)) != before {
			t.Fatal("the follower signed without knowing what it signed before")
		}
	}
}

// Who writes a checkpoint of a new epoch into the database, as if another node
// had gone on after a restore, needs the key for it, at any time.
func TestFollower_takesNoCheckpointOfStrangers(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, h *house) {
		inc := h.incident(t, "one")
		h.follow(t)
		c := must(proof.ParseCheckpoint(h.checkpoint(t)))(t)
		kept := must(os.ReadFile(h.stateFile()))(t)
		for what, epoch := range map[string]int64{"this epoch": 1, "the next epoch": 2} {
			forged := c
			forged.Epoch = epoch
			body := forged.Body() + "\n— tocsin/" + h.Installation().String() + " Y29zaWduZWQ=\n"
			must(h.db.Exec("UPDATE trees SET checkpoint = $2 WHERE org_id = $1", h.system.Org[:], []byte(body)))(t)
			must(h.db.Exec("UPDATE organisations SET audit_epoch = $2 WHERE org_id = $1", h.system.Org[:], epoch))(t)
			h.describe(t, inc.ID, what)
			h.follow(t)
			if s := h.follower.Status(); len(s.Refused) != 1 || !strings.Contains(s.Refused[0].Reason, "not signed by this installation") {
				t.Errorf("a forged checkpoint of %s: refused are %v", what, s.Refused)
			}
			if string(h.checkpoint(t)) != body || string(must(os.ReadFile(h.stateFile()))(t)) != string(kept) {
				t.Errorf("a forged checkpoint of %s was taken up", what)
			}
		}
	})
}

// A pausing store stops between what a round has signed and its being stored.
type pausing struct {
	store.Store
	pause func()
}

func (p pausing) SaveTrees(ctx context.Context, lease store.Lease, grown []store.Growth) error {
	p.pause()
	return p.Store.SaveTrees(ctx, lease, grown)
}

// A node that stands still in the middle of a round, for longer than its lease
// lasts, must not put what it signed in the place of what others signed since.
func TestFollower_standsStillInARound(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, h *house) {
		second := t.TempDir()
		ok(t, os.WriteFile(filepath.Join(second, audit.KeyFile), must(os.ReadFile(filepath.Join(h.node, audit.KeyFile)))(t), 0o600))
		whole := h.Store
		inc := h.incident(t, "one")
		var between []byte
		once := true
		h.Store = pausing{whole, func() {
			if !once {
				return
			}
			once = false
			h.describe(t, inc.ID, "meanwhile")
			other := h.newFollower(t, second)
			other.Store, other.Holder = whole, h.node // as after the lease has run out
			must(other.Round(t.Context()))(t)
			between = must(whole.Tree(t.Context(), h.system.Org))(t).Checkpoint
		}}
		slow := h.newFollower(t, h.node)
		must(slow.Round(t.Context()))(t)
		h.Store = whole
		if now := h.checkpoint(t); between == nil || string(now) != string(between) {
			t.Fatalf("the node that stood still put\n%s in the place of\n%s", now, between)
		}
		h.follow(t)
		r := verified(t, h.export(t, h.system), h.vkey(t), between)
		if wantProven(t, r); r.Verdict != verify.Proven {
			t.Error("the log was forked")
		}
	})
}

// Commit is store.Store's.
func (p pausing) Commit(ctx context.Context, c store.Command) (store.Result, error) {
	p.pause()
	return p.Store.Commit(ctx, c)
}

// Of two nodes that begin an installation at once, each with a key of its own,
// one is late: it must not put its key in the place of that which signs already.
func TestFollower_beginsAnInstallationOnce(t *testing.T) {
	t.Parallel()
	for name, open := range engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			whole, db := open(t)
			h := &house{db: db, node: t.TempDir()}
			h.use(t, whole)
			must(h.directory.CreateOrganisation(t.Context(), "test", "Meridian"))(t)
			other := h.newFollower(t, t.TempDir())
			other.Holder = h.node // as after the lease has run out
			var first string
			h.Store = pausing{whole, func() {
				if first == "" {
					must(other.Round(t.Context()))(t)
					first = h.vkey(t)
				}
			}}
			late := h.newFollower(t, h.node)
			must(late.Round(t.Context()))(t)
			must(late.Round(t.Context()))(t)
			if now := h.vkey(t); first == "" || now != first {
				t.Errorf("the keys are now\n%s\nwant that of the first node alone:\n%s", now, first)
			}
			if late.Status().KeyError == "" {
				t.Error("the late node does not say that its key is not the one that signs")
			}
			must(other.Round(t.Context()))(t)
			if s := other.Status(); s.Ready() != nil {
				t.Errorf("the first node's readiness says %v", s.Ready())
			}
		})
	}
}

// The number of a log's epoch is the database's word; the entry that opened the
// epoch is the log's.
func TestFollower_takesNoEpochThatNoEntryOpened(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, h *house) {
		inc := h.incident(t, "one")
		h.follow(t)
		before := string(h.checkpoint(t))
		must(h.db.Exec("UPDATE organisations SET audit_epoch = 2 WHERE org_id = $1", h.system.Org[:]))(t)
		h.describe(t, inc.ID, "two")
		h.follow(t)
		if s := h.follower.Status(); len(s.Refused) != 1 || !strings.Contains(s.Refused[0].Reason, "no entry") || string(h.checkpoint(t)) != before {
			t.Errorf("in an epoch that no entry opened, refused are %v, and the newest checkpoint is\n%s", s.Refused, h.checkpoint(t))
		}
	})
}
