package audit_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"tocsin"
	"tocsin/internal/audit"
	"tocsin/internal/audit/proof"
	"tocsin/internal/audit/verify"
)

func (h *house) checkpoint(t testing.TB) []byte {
	t.Helper()
	return must(h.audit.Checkpoint(context.Background(), h.system))(t)
}

func TestFollower_catchesUpAfterARest(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, h *house) {
		before := h.checkpoint(t)
		inc := h.incident(t, "one")
		for i := range 520 {
			h.describe(t, inc.ID, fmt.Sprint(i))
		}
		h.follower = h.newFollower(t, h.node) // a new process
		h.follow(t)
		if s := h.follower.Status(); s.Unsigned != 0 || s.Ready() != nil {
			t.Errorf("after catching up %d entries are not signed, and readiness says %v", s.Unsigned, s.Ready())
		}
		c := must(proof.ParseCheckpoint(h.checkpoint(t)))(t)
		if c.Size != 523 || c.Epoch != 1 {
			t.Errorf("the checkpoint is of %d entries in epoch %d; want 523 in epoch 1", c.Size, c.Epoch)
		}
		wantProven(t, verified(t, h.export(t, h.system), h.vkey(t), before, h.checkpoint(t)))
	})
}

func TestFollower_saysHowFarBehindItIs(t *testing.T) {
	t.Parallel()
	s, db := engines()["sqlite"](t)
	h := newHouse(t, s, db)
	key := filepath.Join(h.node, audit.KeyFile)
	ok(t, os.Rename(key, key+".away"))
	h.incident(t, "one")
	late := audit.NewFollower(audit.FollowerOptions{
		Store: h.Store, KeyFile: key, StateDir: h.node, Holder: "late", Logger: quiet(),
		Now: func() time.Time { return time.Now().Add(2 * time.Minute) },
	})
	must(late.Round(t.Context()))(t)
	if got := late.Status(); got.Lag < time.Minute || got.Ready() == nil || !strings.Contains(got.Ready().Error(), "is missing: put it back") {
		t.Errorf("without its key the lag is %s, and readiness says %v; want two minutes, and what to do", got.Lag, got.Ready())
	}
	ok(t, os.Rename(key+".away", key))
	h.follow(t)
	wantProven(t, verified(t, h.export(t, h.system), h.vkey(t)))
}

// A follower that hangs, or whose database does not answer, must not look well
// because the last look was.
func TestFollower_thatLooksNoMoreFallsBehind(t *testing.T) {
	t.Parallel()
	s, db := engines()["sqlite"](t)
	h := newHouse(t, s, db)
	now := time.Now()
	f := audit.NewFollower(audit.FollowerOptions{
		Store: h.Store, KeyFile: filepath.Join(h.node, audit.KeyFile), StateDir: h.node, Holder: "slow", Logger: quiet(),
		Now: func() time.Time { return now },
	})
	must(f.Round(t.Context()))(t)
	if got := f.Status(); got.Lag != 0 || got.Ready() != nil {
		t.Fatalf("after a look the lag is %s, and readiness says %v", got.Lag, got.Ready())
	}
	now = now.Add(2 * time.Minute)
	if got := f.Status(); got.Lag != 2*time.Minute || got.Ready() == nil {
		t.Errorf("two minutes after the last look the lag is %s, and readiness says %v; want two minutes, and not ready", got.Lag, got.Ready())
	}
}

func TestFollower_signsWithNoOtherKey(t *testing.T) {
	t.Parallel()
	s, db := engines()["sqlite"](t)
	h := newHouse(t, s, db)
	key := filepath.Join(h.node, audit.KeyFile)
	old := h.vkey(t)
	ok(t, os.Rename(key, key+".away"))

	// A key that the log does not know, as of a node that was set up by itself.
	alien, aliensDB := engines()["sqlite"](t)
	other := newHouse(t, alien, aliensDB)
	ok(t, os.WriteFile(key, must(os.ReadFile(filepath.Join(other.node, audit.KeyFile)))(t), 0o600))
	h.incident(t, "one")
	before := string(h.checkpoint(t))
	h.follower = h.newFollower(t, h.node)
	h.follow(t)
	if got := h.follower.Status(); got.KeyError == "" || string(h.checkpoint(t)) != before {
		t.Errorf("with another installation's key the follower says %q and has signed: %v", got.KeyError, string(h.checkpoint(t)) != before)
	}

	// A new one that the installation's log names.
	_, err := audit.ReplaceKey(t.Context(), h.Store, "test", key, zeroes{newRand()})
	wantCode(t, "to replace a key that is still there", err, tocsin.Conflict)
	ok(t, os.Remove(key))
	must(audit.ReplaceKey(t.Context(), h.Store, "test", key, zeroes{newRand()}))(t)
	h.follow(t)
	both := h.vkey(t)
	if both == old {
		t.Fatal("the installation's log does not name the new key")
	}
	wantProven(t, verified(t, h.export(t, h.system), both, []byte(before)))
	if info := must(os.Stat(key))(t); info.Mode().Perm() != 0o600 {
		t.Errorf("the key's file has mode %v; want it for its owner alone", info.Mode())
	}
}

func TestFollower_twoAtOnceNeverFork(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, h *house) {
		second := t.TempDir()
		ok(t, os.WriteFile(filepath.Join(second, audit.KeyFile), must(os.ReadFile(filepath.Join(h.node, audit.KeyFile)))(t), 0o600))
		var mu sync.Mutex
		seen := make(map[string]bool)
		ctx, stop := context.WithCancel(t.Context())
		var group sync.WaitGroup
		for _, node := range []string{h.node, second} {
			f := h.newFollower(t, node)
			group.Go(func() {
				for i := 0; ctx.Err() == nil; i++ {
					// Both play the same holder now and then, so that the lease alone
					// does not part them.
					f.Holder = []string{node, "both"}[i/8%2]
					if _, err := f.Round(ctx); err != nil && ctx.Err() == nil {
						t.Errorf("a round: %v", err)
					}
					mu.Lock()
					seen[string(must(h.Tree(context.Background(), h.system.Org))(t).Checkpoint)] = true
					mu.Unlock()
				}
			})
		}
		inc := h.incident(t, "one")
		for i := range 300 {
			h.describe(t, inc.ID, fmt.Sprint(i))
		}
		stop()
		group.Wait()
		var saved [][]byte
		for text := range seen {
			saved = append(saved, []byte(text))
		}
		h.follower = h.newFollower(t, second)
		h.incident(t, "one more")
		for _, holder := range []string{h.node, second, "both"} {
			h.follower.Holder = holder
			if h.follow(t); h.follower.Status().Unsigned == 0 {
				break // that is who held the lease last
			}
		}
		if s := h.follower.Status(); len(s.Refused) > 0 {
			t.Errorf("the second node refuses to go on: %v", s.Refused)
		}
		wantProven(t, verified(t, h.export(t, h.system), h.vkey(t), saved...))
	})
}

// tables are all that a backup holds of these tests.
func tables() []string {
	return []string{
		"heads", "log", "organisations", "projects", "incidents", "incident_labels", "audit_exports", "installations", "registrations", "trees", "tiles",
	}
}

func (h *house) backUp(t *testing.T) {
	t.Helper()
	for _, table := range tables() {
		must(h.db.Exec("CREATE TABLE backup_of_" + table + " AS SELECT * FROM " + table))(t)
	}
}

// restore puts the backup in the database's place, as it is when a server
// starts on one.
func (h *house) restore(t *testing.T) {
	t.Helper()
	for _, table := range tables() {
		must(h.db.Exec("DELETE FROM " + table))(t)
		must(h.db.Exec("INSERT INTO " + table + " SELECT * FROM backup_of_" + table))(t)
	}
	h.follower = h.newFollower(t, h.node)
}

func TestFollower_refusesARestoredBackupUntilItIsRecorded(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, h *house) {
		inc := h.incident(t, "before the backup")
		h.follow(t)
		early := h.checkpoint(t)
		h.backUp(t)
		for i := range 300 {
			h.describe(t, inc.ID, fmt.Sprint("lost ", i))
		}
		gone := h.organisationBeside(t)
		h.follow(t)
		late, old := h.checkpoint(t), h.export(t, h.system)
		h.restore(t)
		h.describe(t, inc.ID, "after the restore")
		h.follow(t)
		if s := h.follower.Status(); s.Ready() == nil || !strings.Contains(s.Ready().Error(), "tocsin admin audit-epoch") {
			t.Fatalf("after a restore readiness says %v; want it to say what to do", s.Ready())
		}
		if string(h.checkpoint(t)) != string(early) {
			t.Fatal("the follower signed a log that does not continue what it signed before")
		}
		for i := range 310 { // past the length that was signed
			h.describe(t, inc.ID, fmt.Sprint("another history ", i))
		}
		h.follow(t)
		if string(h.checkpoint(t)) != string(early) {
			t.Fatal("the follower signed another log as soon as it was longer")
		}

		opened := must(audit.OpenEpoch(t.Context(), h.Store, must(audit.OpenState(h.node))(t), "cli"))(t)
		if len(opened) != 2 { // the organisation's and the installation's
			t.Errorf("opened are epochs of %v; want those of both logs that were set back, not of %s, which is gone", opened, gone)
		}
		h.follow(t)
		if s := h.follower.Status(); s.Ready() != nil || s.Unsigned != 0 {
			t.Fatalf("in the new epoch readiness says %v, %d entries are not signed", s.Ready(), s.Unsigned)
		}
		if c := must(proof.ParseCheckpoint(h.checkpoint(t)))(t); c.Epoch != 2 {
			t.Errorf("the new checkpoint is of epoch %d; want 2", c.Epoch)
		}
		again := must(audit.OpenEpoch(t.Context(), h.Store, must(audit.OpenState(h.node))(t), "cli"))(t)
		if len(again) != 0 {
			t.Errorf("to open an epoch where nothing was restored opened %v", again)
		}

		key, now := h.vkey(t), h.export(t, h.system)
		wantProven(t, verified(t, now, key, early))
		wantProven(t, verified(t, h.export(t, tocsin.System(h.Installation(), "test")), key))
		if r := verified(t, now, key, late); r.Verdict != verify.CannotTell || !strings.Contains(r.Message, "entry") {
			t.Errorf("with a checkpoint from what was lost the verdict is %q: %s; want %q, and which entry records the loss", r.Verdict, r.Message, verify.CannotTell)
		}
		if r := verified(t, old, key, h.checkpoint(t)); r.Verdict != verify.Tampered || r.Finding.Kind != verify.BadHistory {
			t.Errorf("the abandoned log, beside a checkpoint of the new epoch: %q: %s; want %q", r.Verdict, r.Message, verify.Tampered)
		}
		// The epoch holds through another restart, and another node agrees.
		h.describe(t, inc.ID, "later")
		h.follower = h.newFollower(t, h.node)
		h.follow(t)
		if s := h.follower.Status(); s.Ready() != nil || s.Unsigned != 0 {
			t.Errorf("after another start readiness says %v", s.Ready())
		}
	})
}

// organisationBeside makes another organisation and returns its id.
func (h *house) organisationBeside(t *testing.T) tocsin.ID {
	t.Helper()
	return must(h.directory.CreateOrganisation(t.Context(), "test", "Beside"))(t).ID
}

func TestFollower_refusesADamagedTree(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, h *house) {
		inc := h.incident(t, "one")
		for i := range 300 {
			h.describe(t, inc.ID, fmt.Sprint(i))
		}
		h.follow(t)
		must(h.db.Exec("UPDATE tiles SET hashes = $1", make([]byte, 32)))(t)
		h.organisationBeside(t)
		h.describe(t, inc.ID, "more")
		h.follower = h.newFollower(t, h.node)
		h.follow(t)
		s := h.follower.Status()
		if len(s.Refused) != 1 || s.Refused[0].Org != h.system.Org || !strings.Contains(s.Refused[0].Reason, "tiles") {
			t.Errorf("refused are %v; want the organisation's log alone, because of its tiles", s.Refused)
		}
		for _, log := range must(h.Logs(t.Context()))(t) {
			if log.Tree.Org != h.system.Org && log.Tree.Size != log.Seq {
				t.Errorf("the log of %s is signed to %d of %d entries; others must go on", log.Tree.Org, log.Tree.Size, log.Seq)
			}
		}
	})
}
