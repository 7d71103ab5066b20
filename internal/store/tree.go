package store

import (
	"context"
	"time"

	"tocsin"
)

// Trees is where the follower of the logs keeps what it has computed: a Merkle
// tree a log (RFC 6962). Nothing of it is a change, and no commit waits for it.
//
// The tree's lowest level are the leaf hashes of the log itself; above it are
// tiles of up to TileWidth hashes (C2SP tlog-tiles): hash i of level l is the
// root of the entries from i*TileWidth^l up to the next.
type Trees interface {
	// Logs returns the state of every log, the installation's among them, in
	// order of their ids.
	Logs(ctx context.Context) ([]LogState, error)
	// Tree returns a log's tree, the zero Tree with Org set before there is one.
	Tree(ctx context.Context, org tocsin.ID) (Tree, error)
	// LeafHashes returns up to limit leaf hashes with a sequence number above
	// after, in order. A gap in the log is an error.
	LeafHashes(ctx context.Context, org tocsin.ID, after int64, limit int) ([][32]byte, error)
	// Tile returns the hashes of a tile of level 1 or above, as many as there
	// are; none for a tile that has not been begun.
	Tile(ctx context.Context, org tocsin.ID, level int, n int64) ([]byte, error)
	// SaveTrees stores what a follower computed, all or nothing. It must refuse,
	// with ErrLost, when the lease is no longer its holder's, or when a tree has
	// another size than the follower began with.
	SaveTrees(ctx context.Context, lease Lease, grown []Growth) error
	// Lease takes or prolongs the lease of a name, for ttl by the engine's clock,
	// and reports whether it is the holder's now. Its epoch rises with each
	// change of holder.
	Lease(ctx context.Context, name, holder string, ttl time.Duration) (Lease, bool, error)
}

// TileWidth is how many hashes a full tile has.
const TileWidth = 256

// A LogState says how far a log and its tree are.
type LogState struct {
	// Seq is the log's newest sequence number.
	Seq  int64
	Tree Tree
}

// A Tree is the state of a log's Merkle tree.
type Tree struct {
	Org tocsin.ID
	// Size is how many entries it holds: those with sequence numbers 1 to Size.
	Size int64
	// Edge has the roots of its largest full subtrees from left to right, 32
	// bytes each: what is needed to append.
	Edge []byte
	// Checkpoint is the signed note over it (C2SP tlog-checkpoint).
	Checkpoint []byte
}

// A Growth is how a tree changes.
type Growth struct {
	// From is the size that it had.
	From int64
	// Tree is what it becomes.
	Tree Tree
	// Tiles are those that the growth began, filled further or filled up.
	Tiles []Tile
}

// A Tile is a row of hashes of a tree.
type Tile struct {
	Level  int
	N      int64
	Hashes []byte
}

// A Lease is the right to do what only one node may do at a time.
type Lease struct {
	Name, Holder string
	// Epoch fences: what is written under an older one is refused.
	Epoch int64
}
