package verify

import (
	"bytes"
	"crypto/sha256"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"tocsin/internal/audit/proof"
)

// readTiles compares the tiles above the lowest level with what the entries come
// to. They are evidence of where the entries differ, and themselves to be right.
func (v *verifier) readTiles() error {
	below := v.log.bundles
	for level := 1; len(below) > 0; level++ {
		var above [][32]byte
		for n := int64(0); n*proof.TileWidth < int64(len(below)); n++ {
			computed := below[n*proof.TileWidth : min((n+1)*proof.TileWidth, int64(len(below)))]
			stored, err := v.src.read(proof.TilePath(level, n, len(computed)), nil)
			if err != nil {
				return err
			}
			var joined []byte
			for i, h := range computed {
				joined = append(joined, h[:]...)
				if at := i * sha256.Size; at+sha256.Size > len(stored) || !bytes.Equal(stored[at:at+sha256.Size], h[:]) {
					v.badTile(level, n*proof.TileWidth+int64(i))
				}
			}
			if len(stored) > len(joined) {
				v.found(longTile(level, n))
			}
			if len(computed) == proof.TileWidth {
				above = append(above, proof.Subtree(joined))
			}
		}
		below = above
	}
	return nil
}

func longTile(level int, n int64) Finding {
	return Finding{Kind: BadForm, Message: fmt.Sprintf("tile %d of level %d has more hashes than the log entries for them", n, level)}
}

func (v *verifier) badTile(level int, i int64) {
	span := int64(1) << (proof.TileHeight * level)
	v.found(Finding{Kind: BadTile, Seq: i*span + 1, Last: (i + 1) * span, Message: fmt.Sprintf(
		"the hash that the tree keeps for entries %d to %d is not what they come to", i*span+1, (i+1)*span)})
}

// locate finds where the entries differ from those under the signed root.
func (v *verifier) locate() Finding {
	f := Finding{Kind: BadLeaf, Seq: 1, Last: v.checkpoint.Size, Message: "the entries are not those under the signed root"}
	within := func(seq int64) bool { return true }
	if exact, ok := v.rootOfTiles(0); ok && exact == v.checkpoint.Root {
		// The kept hashes are the signed ones: the first that an entry lacks is it.
		if seq := v.first(BadTile); seq > 0 {
			f.Seq, f.Last = seq, 0
			f.Message = fmt.Sprintf("entry %d is not the one that was signed", seq)
			return f
		}
	} else if root, ok := v.rootOfTiles(1); ok && root == v.checkpoint.Root {
		bad := v.badBundles()
		within = func(seq int64) bool { return bad[(seq-1)/proof.TileWidth] }
		for n := int64(0); n*proof.TileWidth < v.checkpoint.Size; n++ {
			if bad[n] {
				f.Seq, f.Last = n*proof.TileWidth+1, min((n+1)*proof.TileWidth, v.checkpoint.Size)
				f.Message = fmt.Sprintf("an entry among %d to %d is not the one that was signed", f.Seq, f.Last)
				break
			}
		}
	}
	if seq := v.suspect(within); seq > 0 {
		f.Seq, f.Last = seq, 0
		f.Message = fmt.Sprintf("entry %d is not the one that was signed", seq)
	}
	return f
}

// first returns the lowest entry with a finding of a kind about it alone.
func (v *verifier) first(kinds ...Kind) int64 {
	var lowest int64
	for _, f := range v.findings {
		for _, k := range kinds {
			if f.Kind == k && f.Last == 0 && f.Seq > 0 && (lowest == 0 || f.Seq < lowest) {
				lowest = f.Seq
			}
		}
	}
	return lowest
}

// suspect returns the entry that speaks most against itself, 0 for none: one
// that breaks the form, else one whose kept hash differs, else the one whose
// neighbours of the same object contradict it most.
func (v *verifier) suspect(within func(int64) bool) int64 {
	for _, kind := range []Kind{MissingEntry, BadForm, BadTile} {
		if seq := v.first(kind); seq > 0 && within(seq) {
			return seq
		}
	}
	against := make(map[int64]int)
	for _, c := range v.log.contradictions {
		against[c.doubted] += 2 // one contradiction is rather about the doubted
		against[c.witness]++
	}
	var worst int64
	for seq, n := range against {
		if seq > 0 && within(seq) && (n > against[worst] || n == against[worst] && seq < worst || worst == 0) {
			worst = seq
		}
	}
	return worst
}

// judgeChains reports contradictions where the tree is as it was signed: then
// it was signed so.
func (v *verifier) judgeChains() {
	for _, c := range v.log.contradictions {
		f := Finding{Kind: BadChain, Seq: c.witness, Message: fmt.Sprintf("entry %d names another entry before it than entry %d", c.witness, c.doubted)}
		if c.witness == 0 {
			f.Kind, f.Seq = BadObject, c.doubted
			f.Message = fmt.Sprintf("the database names another entry than %d as the one that made an object what it is", c.doubted)
		}
		v.found(f)
	}
}

// rootOfTiles returns the root that the stored tiles of a level come to, with
// the hashes of lower levels that no tile of it covers.
func (v *verifier) rootOfTiles(level int) (tlog.Hash, bool) {
	var hashes []tlog.Hash
	size := v.checkpoint.Size
	for l := level; l >= 0; l-- {
		covered := size >> (proof.TileHeight * (l + 1)) << proof.TileHeight
		if l == level {
			covered = 0
		}
		for i := covered; i < size>>(proof.TileHeight*l); {
			n := i / proof.TileWidth
			tile, err := v.src.read(proof.TilePath(l, n, proof.Width(size, l, n)), nil)
			if err != nil || len(tile) != proof.Width(size, l, n)*tlog.HashSize {
				return tlog.Hash{}, false
			}
			for ; i < n*proof.TileWidth+int64(len(tile)/tlog.HashSize); i++ {
				hashes = append(hashes, tlog.Hash(tile[(i%proof.TileWidth)*tlog.HashSize:]))
			}
		}
	}
	return join(hashes, size, level), true
}

// join computes the root of a tree of a size from the hashes of a level followed
// by those of the levels below that it leaves over.
func join(hashes []tlog.Hash, size int64, level int) tlog.Hash {
	span := int64(1) << (proof.TileHeight * level)
	var tree proof.Tree
	// Append knows only leaves: a tree over hashes of a level is one of its own,
	// of which the edge is joined to what is left over.
	whole := size / span
	for _, h := range hashes[:whole] {
		tree.Append(h, nil)
	}
	if rest := size % span; rest > 0 && level > 0 {
		tree.Edge = append(tree.Edge, join(hashes[whole:], rest, level-1))
	}
	return tree.Root()
}

// badBundles returns the bundles whose entries do not come to the hash that the
// tiles of level 1 keep, and the last one if it is not full and the kept hashes
// of its entries differ.
func (v *verifier) badBundles() map[int64]bool {
	bad := make(map[int64]bool)
	for n, computed := range v.log.bundles {
		tile := int64(n) / proof.TileWidth
		stored, err := v.src.read(proof.TilePath(1, tile, proof.Width(v.checkpoint.Size, 1, tile)), nil)
		at := n % proof.TileWidth * sha256.Size
		if err != nil || at+sha256.Size > len(stored) || !bytes.Equal(stored[at:at+sha256.Size], computed[:]) {
			bad[int64(n)] = true
		}
	}
	if seq := v.first(BadTile); seq > int64(len(v.log.bundles))*proof.TileWidth {
		bad[int64(len(v.log.bundles))] = true
	}
	return bad
}
