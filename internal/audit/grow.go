package audit

import (
	"context"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"tocsin"
	"tocsin/internal/audit/proof"
	"tocsin/internal/store"
)

// leavesAtOnce is how many leaf hashes are read at a time.
const leavesAtOnce = 4096

// grower appends to one log's tree and collects the tiles that change.
type grower struct {
	ctx   context.Context
	from  store.Trees
	org   tocsin.ID
	tree  *proof.Tree
	tiles map[tileID][]byte
	err   error
}

// grow appends the log's entries up to the sequence number to. The growth lacks
// its checkpoint.
func grow(ctx context.Context, from store.Trees, log store.LogState, to int64) (store.Growth, *proof.Tree, error) {
	tree, err := proof.OpenTree(log.Tree.Size, log.Tree.Edge)
	if err != nil {
		return store.Growth{}, nil, err
	}
	g := &grower{ctx: ctx, from: from, org: log.Tree.Org, tree: tree, tiles: make(map[tileID][]byte)}
	for tree.Size < to {
		leaves, err := from.LeafHashes(ctx, g.org, tree.Size, int(min(leavesAtOnce, to-tree.Size)))
		if err != nil {
			return store.Growth{}, nil, err
		}
		if len(leaves) == 0 {
			return store.Growth{}, nil, fmt.Errorf("the log of organisation %s ends at entry %d; its head says %d", g.org, tree.Size, log.Seq)
		}
		for _, h := range leaves {
			tree.Append(h, g.full)
		}
		if g.err != nil {
			return store.Growth{}, nil, g.err
		}
	}
	grown := store.Growth{From: log.Tree.Size, Tree: store.Tree{Org: g.org, Size: tree.Size, Edge: tree.EdgeBytes()}}
	for id, b := range g.tiles {
		grown.Tiles = append(grown.Tiles, store.Tile{Level: id.level, N: id.n, Hashes: b})
	}
	return grown, tree, nil
}

// full takes the next hash of a tile; one that was begun before is read first.
func (g *grower) full(level int, i int64, h tlog.Hash) {
	if g.err != nil {
		return
	}
	id := tileID{level, i / proof.TileWidth}
	have := int(i%proof.TileWidth) * tlog.HashSize
	tile, ok := g.tiles[id]
	if !ok && have > 0 {
		if tile, g.err = g.from.Tile(g.ctx, g.org, id.level, id.n); g.err != nil {
			return
		}
	}
	if len(tile) != have {
		g.err = fmt.Errorf("tile %d of level %d of organisation %s has %d bytes, not %d", id.n, level, g.org, len(tile), have)
		return
	}
	g.tiles[id] = append(tile[:have:have], h[:]...)
}
