package storetest

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin"
	"tocsin/internal/store"
)

func treeRules() []rule {
	return []rule{
		{"leaf hashes are those of the log", leafHashes},
		{"a tree is stored whole, by the lease's holder, from the size that it had", trees},
		{"a lease has one holder", leases},
	}
}

func leafHashes(t *testing.T, w *world) {
	for range 5 {
		w.incident(t, nil)
	}
	log := w.log(t, w.org)
	hashes, err := w.LeafHashes(t.Context(), w.org, 2, 4)
	if err != nil || len(hashes) != 4 {
		t.Fatalf("four hashes after the second: %d, %v", len(hashes), err)
	}
	for n, h := range hashes {
		if h != log[n+2].LeafHash {
			t.Errorf("hash %d is not that of entry %d", n, n+3)
		}
	}
}

func (w *world) lease(t testing.TB, holder string) store.Lease {
	t.Helper()
	l, mine, err := w.Lease(t.Context(), "audit", holder, time.Minute)
	if err != nil || !mine {
		t.Fatalf("take a free lease: %t, %v", mine, err)
	}
	return l
}

func trees(t *testing.T, w *world) {
	if tree, err := w.Tree(t.Context(), w.org); err != nil || tree.Size != 0 || tree.Org != w.org {
		t.Errorf("before there is one: %+v, %v; want the empty tree", tree, err)
	}
	mine := w.lease(t, "me")
	other := w.newOrganisation(t, "Other")
	edge := bytes.Repeat([]byte{1}, 64)
	grow := func(from, to int64, tiles ...store.Tile) store.Growth {
		return store.Growth{From: from, Tree: store.Tree{Org: w.org, Size: to, Edge: edge, Checkpoint: []byte("note\n")}, Tiles: tiles}
	}
	first := store.Tile{Level: 1, N: 0, Hashes: edge[:32]}
	if err := w.SaveTrees(t.Context(), mine, []store.Growth{grow(0, 3, first)}); err != nil {
		t.Fatalf("store the first growth: %v", err)
	}
	first.Hashes = edge
	if err := w.SaveTrees(t.Context(), mine, []store.Growth{grow(3, 3), grow(3, 4, first, store.Tile{Level: 2, N: 7, Hashes: edge})}); err != nil {
		t.Fatalf("store further growth: %v", err)
	}
	for name, refused := range map[string]func() error{
		"from another size": func() error { return w.SaveTrees(t.Context(), mine, []store.Growth{grow(4, 5), grow(3, 6)}) },
		"from nothing":      func() error { return w.SaveTrees(t.Context(), mine, []store.Growth{grow(0, 5)}) },
		"under an old lease": func() error {
			old := mine
			old.Epoch--
			return w.SaveTrees(t.Context(), old, []store.Growth{grow(4, 5)})
		},
		"of no tree": func() error {
			g := grow(2, 5)
			g.Tree.Org = other
			return w.SaveTrees(t.Context(), mine, []store.Growth{g})
		},
	} {
		if err := refused(); !errors.Is(err, store.ErrLost) {
			t.Errorf("growth %s: %v; want it refused with ErrLost", name, err)
		}
	}
	want := store.Tree{Org: w.org, Size: 4, Edge: edge, Checkpoint: []byte("note\n")}
	if got, err := w.Tree(t.Context(), w.org); err != nil || cmp.Diff(want, got) != "" {
		t.Errorf("the tree is %+v, %v; want %+v", got, err, want)
	}
	if hashes, err := w.Tile(t.Context(), w.org, 1, 0); err != nil || !bytes.Equal(hashes, edge) {
		t.Errorf("the tile has %d bytes, %v; want %d", len(hashes), err, len(edge))
	}
	if hashes, err := w.Tile(t.Context(), w.org, 1, 1); err != nil || len(hashes) != 0 {
		t.Errorf("a tile not begun has %d bytes, %v", len(hashes), err)
	}
	logs, err := w.Logs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	found := map[tocsin.ID]store.LogState{}
	for _, l := range logs {
		found[l.Tree.Org] = l
	}
	if l := found[w.org]; l.Seq != int64(len(w.log(t, w.org))) || l.Tree.Size != 4 {
		t.Errorf("the log's state is %+v", l)
	}
	if l, there := found[other]; !there || l.Seq != 1 || l.Tree.Size != 0 {
		t.Errorf("the state of a log without a tree is %+v, there %t", l, there)
	}
}

func leases(t *testing.T, w *world) {
	first := w.lease(t, "me")
	if again := w.lease(t, "me"); again != first {
		t.Errorf("prolonged, the lease is %+v; want %+v", again, first)
	}
	if l, yours, err := w.Lease(t.Context(), "audit", "you", time.Minute); err != nil || yours {
		t.Errorf("a held lease was given away: %+v, %v", l, err)
	}
	if _, _, err := w.Lease(t.Context(), "audit", "me", -time.Second); err != nil { // let it run out
		t.Fatal(err)
	}
	if yours := w.lease(t, "you"); yours.Epoch != first.Epoch+1 {
		t.Errorf("the next holder has epoch %d; want %d", yours.Epoch, first.Epoch+1)
	}
	if err := w.SaveTrees(t.Context(), first, nil); !errors.Is(err, store.ErrLost) {
		t.Errorf("the holder before stored something: %v; want ErrLost", err)
	}
}
