package storetest

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin"
	"tocsin/internal/store"
)

func accessRules() []rule {
	return []rule{
		{"access is a key, its owner and the owner's live grants", accessLoaded},
		{"access follows its changes", accessFollows},
		{"access is judged at commit", judgedAtCommit},
		{"an access change is in force for the next command", accessAlone},
		{"the last use of a key is its newest", keyUse},
		{"a window admits exactly its limit", admitExactly},
		{"a window slides", admitSlides},
	}
}

// newKey makes a user with one grant and a key of his.
func (w *world) newKey(t testing.TB, role string, scope tocsin.Scope, scopeID tocsin.ID) *tocsin.APIKey {
	t.Helper()
	user, key := NewID(), NewID()
	w.save(t, func() tocsin.Object {
		return &tocsin.User{Meta: w.meta(user), Name: "Ann", Email: user.String() + "@x.test"}
	})
	w.grant(t, user, role, scope, scopeID)
	return w.save(t, func() tocsin.Object {
		return &tocsin.APIKey{Meta: w.meta(key), Owner: user, Name: "ci", SecretHash: [32]byte{9}}
	}).(*tocsin.APIKey)
}

func (w *world) grant(t testing.TB, user tocsin.ID, role string, scope tocsin.Scope, scopeID tocsin.ID) *tocsin.Grant {
	t.Helper()
	id := NewID()
	return w.save(t, func() tocsin.Object {
		return &tocsin.Grant{Meta: w.meta(id), User: user, Role: role, Scope: scope, ScopeID: scopeID}
	}).(*tocsin.Grant)
}

// revoking is the command that revokes a key.
func (w *world) revoking(key tocsin.ID) store.Command {
	return store.Command{
		Actor: w.actor,
		Keys:  []store.Key{{Kind: tocsin.KindAPIKey, ID: key}},
		Decide: func(v store.View) (store.Change, error) {
			was, err := store.Object[*tocsin.APIKey](v, tocsin.KindAPIKey, key)
			if err != nil {
				return store.Change{}, err
			}
			k := *was
			k.RevokedAt = v.Now
			return store.Change{Action: "api_key.revoke", Objects: []tocsin.Object{&k}}, nil
		},
	}
}

// editingAs is editing, asked for with a key and authorised by it.
func (w *world) editingAs(k *tocsin.APIKey, id tocsin.ID, edit func(*tocsin.Incident)) store.Command {
	cmd := w.editing(id, edit)
	cmd.Actor = tocsin.Actor{Kind: tocsin.ActorUser, Org: w.org, User: k.Owner, Key: k.ID, Door: "test"}
	decide := cmd.Decide
	cmd.Decide = func(v store.View) (store.Change, error) {
		was, err := store.Object[*tocsin.Incident](v, tocsin.KindIncident, id)
		if err != nil {
			return store.Change{}, err
		}
		if err := v.Authorise(cmd.Actor, tocsin.ViewIncidents, tocsin.ManageIncidents, was.Target(), tocsin.KindIncident); err != nil {
			return store.Change{}, err
		}
		return decide(v)
	}
	return cmd
}

func accessLoaded(t *testing.T, w *world) {
	_, err := w.Access(t.Context(), NewID())
	wantCode(t, err, tocsin.NotFound)

	role := NewID()
	w.save(t, func() tocsin.Object {
		return &tocsin.Role{Meta: w.meta(role), Name: "Reader", Permissions: tocsin.ViewIncidents}
	})
	k := w.newKey(t, tocsin.RoleEditor, tocsin.ScopeProject, w.project)
	w.grant(t, k.Owner, "Reader", tocsin.ScopeOrganisation, w.org)
	w.grant(t, k.Owner, "No such role", tocsin.ScopeDataset, w.dataset)
	ended := w.grant(t, k.Owner, tocsin.RoleAdmin, tocsin.ScopeOrganisation, w.org)
	w.save(t, func() tocsin.Object { g := *ended; g.RevokedAt = g.CreatedAt; return &g })
	w.grant(t, NewID(), tocsin.RoleAdmin, tocsin.ScopeOrganisation, w.org) // somebody else's

	a, err := w.Access(t.Context(), k.ID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(k, a.Key); diff != "" || a.Owner.ID != k.Owner || a.Owner.Name != "Ann" {
		t.Errorf("key and owner %v:\n%s", a.Owner, diff)
	}
	want := map[tocsin.Binding]bool{
		{Scope: tocsin.ScopeProject, ScopeID: w.project, Permissions: tocsin.ViewIncidents | tocsin.ManageIncidents}: true,
		{Scope: tocsin.ScopeOrganisation, ScopeID: w.org, Permissions: tocsin.ViewIncidents}:                         true,
		{Scope: tocsin.ScopeDataset, ScopeID: w.dataset}:                                                             true,
	}
	got := make(map[tocsin.Binding]bool)
	for _, b := range a.Bindings {
		got[b] = true
	}
	if diff := cmp.Diff(want, got); diff != "" || len(a.Bindings) != len(want) {
		t.Errorf("%d bindings:\n%s", len(a.Bindings), diff)
	}

	bare := NewID()
	nobody := NewID()
	w.save(t, func() tocsin.Object { return &tocsin.User{Meta: w.meta(nobody), Email: "n@x.test"} })
	w.save(t, func() tocsin.Object { return &tocsin.APIKey{Meta: w.meta(bare), Owner: nobody} })
	if a, err := w.Access(t.Context(), bare); err != nil || len(a.Bindings) != 0 {
		t.Errorf("an owner without grants: %+v, %v; want no bindings", a, err)
	}
}

func accessFollows(t *testing.T, w *world) {
	k := w.newKey(t, tocsin.RoleEditor, tocsin.ScopeProject, w.project)
	permissions := func() (all tocsin.Permissions) {
		t.Helper()
		a, err := w.Access(t.Context(), k.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range a.Bindings {
			all |= b.Permissions
		}
		return all
	}
	if permissions().Has(tocsin.ViewAudit) {
		t.Fatal("an editor may read the audit log")
	}
	role := NewID()
	w.save(t, func() tocsin.Object {
		return &tocsin.Role{Meta: w.meta(role), Name: "R", Permissions: tocsin.ManageMembers}
	})
	w.grant(t, k.Owner, "R", tocsin.ScopeOrganisation, w.org)
	if !permissions().Has(tocsin.ManageMembers) {
		t.Error("a new grant is not seen by the node that made it")
	}
	w.save(t, func() tocsin.Object {
		return &tocsin.Role{Meta: w.meta(role), Name: "R", Permissions: tocsin.ViewAudit}
	})
	if p := permissions(); p.Has(tocsin.ManageMembers) || !p.Has(tocsin.ViewAudit) {
		t.Error("a changed role is not seen by the node that changed it")
	}
	if _, err := w.Commit(t.Context(), w.revoking(k.ID)); err != nil {
		t.Fatal(err)
	}
	if a, err := w.Access(t.Context(), k.ID); err != nil || a.Check(time.Now()) == nil {
		t.Errorf("a revoked key is still good: %v", err)
	}
}

func judgedAtCommit(t *testing.T, w *world) {
	i := w.incident(t, nil)
	k := w.newKey(t, tocsin.RoleEditor, tocsin.ScopeProject, w.project)
	set := func(title string) error {
		_, err := w.Commit(t.Context(), w.editingAs(k, i.ID, func(i *tocsin.Incident) { i.Title = title }))
		return err
	}
	if err := set("allowed"); err != nil {
		t.Fatalf("a good key: %v", err)
	}
	if _, err := w.Access(t.Context(), k.ID); err != nil { // what a request would have seen
		t.Fatal(err)
	}
	if _, err := w.Commit(t.Context(), w.revoking(k.ID)); err != nil {
		t.Fatal(err)
	}
	wantCode(t, set("refused"), tocsin.Unauthenticated)
	if got := w.get(t, i.ID); got.Title != "allowed" {
		t.Errorf("a revoked key changed the title to %q", got.Title)
	}
}

func accessAlone(t *testing.T, w *world) {
	i := w.incident(t, nil)
	k := w.newKey(t, tocsin.RoleEditor, tocsin.ScopeProject, w.project)
	var revoked atomic.Bool
	var wrong atomic.Int32
	release := w.blocked(t)
	var commands sync.WaitGroup
	for n := range 40 {
		commands.Go(func() {
			if n == 20 {
				if _, err := w.Commit(t.Context(), w.revoking(k.ID)); err != nil {
					t.Errorf("revoke: %v", err)
				}
				revoked.Store(true)
				return
			}
			known := revoked.Load()
			_, err := w.Commit(t.Context(), w.editingAs(k, i.ID, func(i *tocsin.Incident) { i.FailureCount++ }))
			if known && err == nil {
				wrong.Add(1)
			}
			if err != nil {
				wantCode(t, err, tocsin.Unauthenticated)
			}
		})
	}
	release()
	commands.Wait()
	if wrong.Load() > 0 {
		t.Errorf("%d changes were let through after the key was known to be revoked", wrong.Load())
	}
	// The log tells in which order they were judged: none after the revocation.
	seen := false
	for _, r := range checkLog(t, w, w.org) {
		if r.Kind == tocsin.KindAPIKey && r.Version == 2 {
			seen = true
		} else if seen && r.Object == i.ID {
			t.Errorf("record %d was made with a key that record order says was revoked", r.Seq)
		}
	}
}

func keyUse(t *testing.T, w *world) {
	a, b, other := NewID(), NewID(), w.newOrganisation(t, "Other")
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, uses := range [][]store.KeyUse{
		{{Org: w.org, Key: a, At: at}, {Org: w.org, Key: b, At: at}, {Org: other, Key: a, At: at.Add(time.Hour)}},
		{{Org: w.org, Key: a, At: at.Add(2)}, {Org: w.org, Key: a, At: at.Add(time.Minute)}, {Org: w.org, Key: b, At: at.Add(-time.Minute)}},
		nil,
	} {
		if err := w.RecordUse(t.Context(), uses); err != nil {
			t.Fatalf("record %d uses: %v", len(uses), err)
		}
	}
	got, err := w.LastUse(t.Context(), w.org)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[tocsin.ID]time.Time{a: at.Add(time.Minute), b: at}, got); diff != "" {
		t.Error(diff)
	}
}

// admit asks for one call and fails the test on an error.
func (w *world) admit(t testing.TB, key tocsin.ID, operation string, limit int, window time.Duration) time.Duration {
	t.Helper()
	wait, err := w.Admit(t.Context(), key, operation, limit, window)
	if err != nil {
		t.Errorf("admit: %v", err)
	}
	return wait
}

func admitExactly(t *testing.T, w *world) {
	const limit, window = 10, time.Hour
	key := NewID()
	var admitted atomic.Int32
	var calls sync.WaitGroup
	for range 200 {
		calls.Go(func() {
			if wait := w.admit(t, key, "update", limit, window); wait == 0 {
				admitted.Add(1)
			} else if wait > window {
				t.Errorf("told to wait %s in a window of %s", wait, window)
			}
		})
	}
	calls.Wait()
	if n := admitted.Load(); n != limit {
		t.Errorf("%d of 200 calls at once were admitted; want exactly %d", n, limit)
	}
	if wait := w.admit(t, key, "list", limit, window); wait != 0 {
		t.Errorf("another operation waits %s; it has a window of its own", wait)
	}
	if wait := w.admit(t, NewID(), "update", limit, window); wait != 0 {
		t.Errorf("another key waits %s; it has a window of its own", wait)
	}
}

func admitSlides(t *testing.T, w *world) {
	const limit, window = 3, 700 * time.Millisecond
	key := NewID()
	var times []time.Time // when each admitted call was asked for and answered
	for deadline := time.Now().Add(time.Minute); len(times) < 3*limit; {
		wait := w.admit(t, key, "update", limit, window)
		if wait == 0 {
			times = append(times, time.Now())
			continue
		}
		if time.Now().After(deadline) {
			t.Fatalf("only %d calls were admitted in a minute; refused calls must not count", len(times))
		}
		<-time.After(min(wait, window)) // as a client does that is told when to come again
	}
	// Answers may be late, never early: limit+1 of them span a window, but for
	// the time that the first was on its way.
	for n := limit; n < len(times); n++ {
		if span := times[n].Sub(times[n-limit]); span < window/2 {
			t.Errorf("%d calls were admitted within %s; at most %d may be in %s", limit+1, span, limit, window)
		}
	}
}
