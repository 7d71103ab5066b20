package storetest

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"tocsin"
	"tocsin/internal/store"
)

// RunNodes holds two stores on one database to the contract that they share.
// Each call of open must return two stores on a new, empty database. Unless
// fresh is set, Get may answer from a cache that sees another node's change a
// moment late.
func RunNodes(t *testing.T, fresh bool, open func(t *testing.T) (a, b store.Store)) {
	pair := func(t *testing.T) (*world, *world) {
		t.Parallel()
		first, second := open(t)
		a := newWorld(t, first)
		b := *a
		b.Store = second
		return a, &b
	}
	t.Run("nodes are one installation", func(t *testing.T) {
		a, b := pair(t)
		if a.Installation() != b.Installation() {
			t.Errorf("two installation ids on one database: %s, %s", a.Installation(), b.Installation())
		}
	})
	t.Run("nodes lose nothing of each other's", func(t *testing.T) {
		a, b := pair(t)
		bothCount(t, a, b)
	})
	t.Run("nodes may make one organisation at once", func(t *testing.T) {
		a, b := pair(t)
		sameOrganisation(t, a, b)
	})
	t.Run("a node sees what the other changed", func(t *testing.T) {
		a, b := pair(t)
		i := a.incident(t, nil)
		b.get(t, i.ID) // remembered now, where there is a cache
		a.edit(t, i.ID, func(i *tocsin.Incident) { i.Title = "changed elsewhere" })
		eventually(t, "the change made on the other node is not seen", func() bool { return b.get(t, i.ID).Title == "changed elsewhere" })
	})
	t.Run("what is asked for once is done once through both nodes", func(t *testing.T) {
		a, b := pair(t)
		onceThroughBoth(t, a, b)
	})
	t.Run("a key revoked on one node is refused by the other", func(t *testing.T) {
		a, b := pair(t)
		revokedElsewhere(t, a, b)
	})
	t.Run("an incident is one register through both nodes", func(t *testing.T) {
		a, b := pair(t)
		if !fresh {
			t.Skip("this engine's second opener is the command line, which may see a change a moment late")
		}
		checkRegisters(t, []*world{a, b}, 32, 20)
		checkLog(t, a, a.org)
	})
}

// onceThroughBoth: a client that retries meets another node.
func onceThroughBoth(t *testing.T, a, b *world) {
	i := a.incident(t, nil)
	for round := range byte(8) {
		var wg sync.WaitGroup
		errs := make([]error, 16)
		for n := range errs {
			node := []*world{a, b}[n%2]
			wg.Go(func() {
				_, errs[n] = node.Commit(t.Context(), under(node.editing(i.ID, func(i *tocsin.Incident) { i.FailureCount++ }), asked(round, 1)))
			})
		}
		wg.Wait()
		made := 0
		for _, err := range errs {
			if err == nil {
				made++
				continue
			}
			wantReplay(t, err, int64(round)+2)
		}
		if made != 1 {
			t.Errorf("round %d: 16 duplicates on two nodes: %d made; want one", round, made)
		}
	}
	eventually(t, "the failures are not counted once a round", func() bool { return b.get(t, i.ID).FailureCount == 8 })
	checkLog(t, a, a.org)
}

// eventually polls until what is true holds.
func eventually(t *testing.T, complaint string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !holds(); {
		if time.Now().After(deadline) {
			t.Fatal(complaint)
		}
		<-time.After(10 * time.Millisecond)
	}
}

func bothCount(t *testing.T, a, b *world) {
	const n = 120
	i := a.incident(t, nil)
	var commands sync.WaitGroup
	numbers := make([]int32, n)
	for k := range n {
		w := []*world{a, b}[k%2]
		commands.Go(func() {
			if _, err := w.Commit(t.Context(), w.editing(i.ID, func(i *tocsin.Incident) { i.FailureCount++ })); err != nil {
				t.Errorf("change: %v", err)
			}
			r, err := w.Commit(t.Context(), w.opening(NewID(), nil))
			if err != nil {
				t.Errorf("open: %v", err)
				return
			}
			numbers[k] = r.Objects[0].(*tocsin.Incident).Number
		})
	}
	commands.Wait()
	for _, w := range []*world{a, b} {
		eventually(t, fmt.Sprintf("the count did not come to %d on both nodes: an update was lost", n), func() bool { return w.get(t, i.ID).FailureCount == n })
	}
	slices.Sort(numbers)
	for k, number := range numbers {
		if number != int32(k+2) {
			t.Fatalf("the numbers given by two nodes are %v; want no gap and none twice", numbers)
		}
	}
	checkLog(t, a, a.org)
}

func sameOrganisation(t *testing.T, a, b *world) {
	for n := range 10 {
		id := NewID()
		ensuring := store.Command{
			Actor: tocsin.System(id, "test"),
			Keys:  []store.Key{{Kind: tocsin.KindOrganisation, ID: id}},
			Decide: func(v store.View) (store.Change, error) {
				if _, err := store.Object[*tocsin.Organisation](v, tocsin.KindOrganisation, id); err == nil {
					return store.Change{}, nil // made already
				}
				o := &tocsin.Organisation{Meta: tocsin.Meta{Org: id, ID: id}, Name: fmt.Sprint(n)}
				return store.Change{Action: "organisation.create", Objects: []tocsin.Object{o}}, nil
			},
		}
		var made [2]bool
		var commands sync.WaitGroup
		for k, w := range []*world{a, b} {
			commands.Go(func() {
				r, err := w.Commit(t.Context(), ensuring)
				if err != nil {
					t.Errorf("make an organisation if it is missing: %v", err)
				}
				made[k] = r.Changed
			})
		}
		commands.Wait()
		if made[0] == made[1] || len(a.log(t, id)) != 1 {
			t.Errorf("made by the first %t, by the second %t, %d records; want it made once", made[0], made[1], len(a.log(t, id)))
		}
	}
}

func revokedElsewhere(t *testing.T, a, b *world) {
	i := a.incident(t, nil)
	k := a.newKey(t, tocsin.RoleEditor, tocsin.ScopeProject, a.project)
	eventually(t, "the new key is not known to the other node", func() bool {
		access, err := b.Access(t.Context(), k.ID)
		return err == nil && len(access.Bindings) == 1
	})
	if _, err := b.Commit(t.Context(), b.editingAs(k, i.ID, func(i *tocsin.Incident) { i.Title = "allowed" })); err != nil {
		t.Fatalf("a good key on the other node: %v", err)
	}
	if _, err := a.Commit(t.Context(), a.revoking(k.ID)); err != nil {
		t.Fatal(err)
	}
	// A change is judged on what holds at commit, at once and on every node.
	_, err := b.Commit(t.Context(), b.editingAs(k, i.ID, func(i *tocsin.Incident) { i.Title = "refused" }))
	wantCode(t, err, tocsin.Unauthenticated)
	eventually(t, "the other node still tells that the revoked key is good", func() bool {
		access, err := b.Access(t.Context(), k.ID)
		return err == nil && access.Check(time.Now()) != nil
	})
}
