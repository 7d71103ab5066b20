package audit

import (
	"context"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"tocsin"
	"tocsin/internal/audit/proof"
	"tocsin/internal/store"
)

// hashes reads the hashes of a log's tree from its tiles and leaf hashes. It
// keeps what it has read, and so is for one piece of work.
type hashes struct {
	ctx  context.Context
	from store.Trees
	org  tocsin.ID
	read map[tileID][]byte
}

// tileID names a tile; level 0 are the leaf hashes of the log.
type tileID struct {
	level int
	n     int64
}

func newHashes(ctx context.Context, from store.Trees, org tocsin.ID) *hashes {
	return &hashes{ctx: ctx, from: from, org: org, read: make(map[tileID][]byte)}
}

// ReadHashes is tlog.HashReader's.
func (r *hashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		height, n := tlog.SplitStoredHashIndex(index)
		h, err := r.hash(height, n)
		if err != nil {
			return nil, err
		}
		out[i] = h
	}
	return out, nil
}

// hash returns the root of the full subtree n of a height: within a tile, that
// of the tile's hashes below it.
func (r *hashes) hash(height int, n int64) (tlog.Hash, error) {
	level, rest := height/proof.TileHeight, height%proof.TileHeight
	first := n << rest
	tile, err := r.tile(tileID{level, first / proof.TileWidth})
	if err != nil {
		return tlog.Hash{}, err
	}
	from := int(first%proof.TileWidth) * tlog.HashSize
	to := from + tlog.HashSize<<rest
	if to > len(tile) {
		return tlog.Hash{}, fmt.Errorf("the tree of organisation %s lacks hash %d at height %d", r.org, n, height)
	}
	return proof.Subtree(tile[from:to]), nil
}

func (r *hashes) tile(id tileID) ([]byte, error) {
	if b, ok := r.read[id]; ok {
		return b, nil
	}
	b, err := r.load(id)
	if err == nil {
		r.read[id] = b
	}
	return b, err
}

func (r *hashes) load(id tileID) ([]byte, error) {
	if id.level > 0 {
		return r.from.Tile(r.ctx, r.org, id.level, id.n)
	}
	leaves, err := r.from.LeafHashes(r.ctx, r.org, id.n*proof.TileWidth, proof.TileWidth)
	if err != nil {
		return nil, err
	}
	b := make([]byte, 0, len(leaves)*tlog.HashSize)
	for _, h := range leaves {
		b = append(b, h[:]...)
	}
	return b, nil
}
