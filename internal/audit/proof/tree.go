package proof

import (
	"crypto/sha256"
	"fmt"
	"strconv"

	"golang.org/x/mod/sumdb/tlog"
)

// TileWidth is how many hashes or entries a full tile has, and TileHeight the
// levels of the tree that it spans (C2SP tlog-tiles).
const (
	TileWidth  = 256
	TileHeight = 8
)

// A Tree is what must be kept of a Merkle tree (RFC 6962) to append to it: its
// size and the roots of its largest full subtrees from left to right.
type Tree struct {
	Size int64
	Edge []tlog.Hash
}

// OpenTree reads a tree of a size from its edge, 32 bytes a root.
func OpenTree(size int64, edge []byte) (*Tree, error) {
	t := &Tree{Size: size}
	for ; len(edge) >= tlog.HashSize; edge = edge[tlog.HashSize:] {
		t.Edge = append(t.Edge, tlog.Hash(edge))
	}
	if size < 0 || len(edge) > 0 || len(t.Edge) != subtrees(size) {
		return nil, fmt.Errorf("a tree of %d entries does not have an edge of %d hashes", size, len(t.Edge))
	}
	return t, nil
}

// subtrees returns how many full subtrees a tree falls into.
func subtrees(size int64) int {
	n := 0
	for ; size > 0; size &= size - 1 {
		n++
	}
	return n
}

// Append adds a leaf. It calls full for each subtree that the leaf completes and
// that is a hash of a tile above the lowest level: hash i of a level.
func (t *Tree) Append(leaf tlog.Hash, full func(level int, i int64, h tlog.Hash)) {
	h := leaf
	for height := 0; ; height++ {
		if height > 0 && height%TileHeight == 0 && full != nil {
			full(height/TileHeight, t.Size>>height, h)
		}
		if t.Size>>height&1 == 0 {
			break
		}
		h = tlog.NodeHash(t.Edge[len(t.Edge)-1], h)
		t.Edge = t.Edge[:len(t.Edge)-1]
	}
	t.Edge = append(t.Edge, h)
	t.Size++
}

// Root returns the tree's root; that of the empty tree is the hash of nothing.
func (t *Tree) Root() tlog.Hash {
	if len(t.Edge) == 0 {
		return sha256.Sum256(nil)
	}
	root := t.Edge[len(t.Edge)-1]
	for i := len(t.Edge) - 2; i >= 0; i-- {
		root = tlog.NodeHash(t.Edge[i], root)
	}
	return root
}

// EdgeBytes returns the edge as OpenTree reads it.
func (t *Tree) EdgeBytes() []byte {
	b := make([]byte, 0, len(t.Edge)*tlog.HashSize)
	for _, h := range t.Edge {
		b = append(b, h[:]...)
	}
	return b
}

// TilePath returns the path of a tile with width hashes (C2SP tlog-tiles).
func TilePath(level int, n int64, width int) string {
	return "tile/" + strconv.Itoa(level) + "/" + Numbered(n, width)
}

// EntriesPath returns the path of a bundle of width entries (C2SP tlog-tiles).
func EntriesPath(n int64, width int) string { return "tile/entries/" + Numbered(n, width) }

// Numbered returns the end of a tile's path: its number in elements of three
// digits, and its width unless it is full.
func Numbered(n int64, width int) string {
	path := fmt.Sprintf("%03d", n%1000)
	for n /= 1000; n > 0; n /= 1000 {
		path = fmt.Sprintf("x%03d/%s", n%1000, path)
	}
	if width < TileWidth {
		path += ".p/" + strconv.Itoa(width)
	}
	return path
}

// Width returns how many hashes tile n of a level has in a tree of a size: 0
// when the tree does not reach it, at most TileWidth.
func Width(size int64, level int, n int64) int {
	return int(min(max(size>>(TileHeight*level)-n*TileWidth, 0), TileWidth))
}

// Subtree returns the root of the full subtree over the hashes, 32 bytes each,
// whose number is a power of two.
func Subtree(hashes []byte) tlog.Hash {
	if len(hashes) == tlog.HashSize {
		return tlog.Hash(hashes)
	}
	half := len(hashes) / 2
	return tlog.NodeHash(Subtree(hashes[:half]), Subtree(hashes[half:]))
}
