package proof_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/tlog"

	"tocsin/internal/audit/proof"
)

// reference is a tree with all its hashes, as the checksum database keeps one.
type reference []tlog.Hash

func (r *reference) add(t testing.TB, n int64, leaf []byte) {
	t.Helper()
	hashes, err := tlog.StoredHashes(n, leaf, r)
	if err != nil {
		t.Fatal(err)
	}
	*r = append(*r, hashes...)
}

// ReadHashes is tlog.HashReader's.
func (r *reference) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		if index >= int64(len(*r)) {
			return nil, errors.New("there is no such hash")
		}
		out[i] = (*r)[index]
	}
	return out, nil
}

func TestTree_isThatOfRFC6962(t *testing.T) {
	t.Parallel()
	var want reference
	tree, err := proof.OpenTree(0, nil)
	if err != nil {
		t.Fatal(err)
	}
	tiles := make(map[int]int64)
	for n := range int64(70_000) {
		if n < 600 || n > 65_500 && n < 65_600 || n == 69_999 {
			root, err := tlog.TreeHash(n, &want)
			if err != nil || root != tree.Root() {
				t.Fatalf("the root at size %d is %s; want %s (%v)", n, tree.Root(), root, err)
			}
			if tree, err = proof.OpenTree(n, tree.EdgeBytes()); err != nil {
				t.Fatal(err)
			}
		}
		text := fmt.Append(nil, n)
		want.add(t, n, text)
		tree.Append(tlog.RecordHash(text), func(level int, i int64, h tlog.Hash) {
			if i != tiles[level] || h != want[tlog.StoredHashIndex(level*proof.TileHeight, i)] {
				t.Fatalf("hash %d of level %d is not the next, or not the one of the tree", i, level)
			}
			tiles[level]++
		})
	}
	if tiles[1] != 273 || tiles[2] != 1 { // as in the specification of tiles
		t.Errorf("the tiles above have %v hashes; want 273 and 1", tiles)
	}
}

func TestOpenTree_refusesAnEdgeThatDoesNotFit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		size  int64
		bytes int
	}{{3, 32}, {3, 65}, {0, 32}, {-1, 0}, {4, 64}} {
		if _, err := proof.OpenTree(c.size, make([]byte, c.bytes)); err == nil {
			t.Errorf("a tree of %d entries with an edge of %d bytes is taken", c.size, c.bytes)
		}
	}
}

func TestTilePath_isThatOfTheSpecification(t *testing.T) {
	t.Parallel()
	for want, got := range map[string]string{
		"tile/0/x001/x234/067":       proof.TilePath(0, 1_234_067, 256),
		"tile/1/000.p/17":            proof.TilePath(1, 0, 17),
		"tile/entries/x001/000.p/1":  proof.EntriesPath(1000, 1),
		"tile/2/999":                 proof.TilePath(2, 999, 256),
		"tile/entries/x012/x345/678": proof.EntriesPath(12_345_678, 256),
	} {
		if got != want {
			t.Errorf("the path is %s; want %s", got, want)
		}
	}
	if a, b, c := proof.Width(70_000, 0, 273), proof.Width(70_000, 1, 1), proof.Width(70_000, 2, 0); a != 112 || b != 17 || c != 1 {
		t.Errorf("the partial tiles of 70,000 entries have %d, %d and %d hashes; want 112, 17 and 1", a, b, c)
	}
}

func TestCheckpoint_comesBackAsItWasSigned(t *testing.T) {
	t.Parallel()
	signer, verifiers, _ := keys(t)
	for _, epoch := range []int64{1, 2, 17} {
		c := proof.Checkpoint{Log: log, Epoch: epoch, Size: 20_852_163, Root: tlog.RecordHash([]byte("x"))}
		text, err := proof.SignCheckpoint(c, signer)
		if err != nil {
			t.Fatal(err)
		}
		c.Text = text
		got, err := proof.OpenCheckpoint(text, verifiers)
		if err != nil || !cmp.Equal(got, c) {
			t.Errorf("error %v; differs:\n%s", err, cmp.Diff(c, got))
		}
		origin, _, _ := strings.Cut(string(text), "\n")
		if want := map[int64]string{1: log, 2: log + "/2", 17: log + "/17"}[epoch]; origin != want {
			t.Errorf("the origin of epoch %d is %s; want %s", epoch, origin, want)
		}
		forged := bytes.Replace(text, []byte("20852163"), []byte("20852164"), 1)
		if _, err := proof.OpenCheckpoint(forged, verifiers); err == nil {
			t.Error("a checkpoint that was changed is taken")
		}
	}
}

func FuzzParseCheckpoint(f *testing.F) {
	signer, verifiers, _ := keys(f)
	c := proof.Checkpoint{Log: log, Epoch: 2, Size: 5, Root: tlog.RecordHash(nil)}
	text, err := proof.SignCheckpoint(c, signer)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Fuzz(func(t *testing.T, b []byte) {
		if opened, err := proof.OpenCheckpoint(b, verifiers); err == nil && (opened.Log != c.Log || opened.Size != c.Size || opened.Root != c.Root) {
			t.Error("a checkpoint is taken that nobody signed")
		}
		got, err := proof.ParseCheckpoint(b)
		if err == nil && !bytes.HasPrefix(b, []byte(got.Body()+"\n")) {
			t.Errorf("the checkpoint reads as %q", got.Body())
		}
	})
}

func TestInclusion_leadsFromAnEntryToACheckpoint(t *testing.T) {
	t.Parallel()
	signer, verifiers, _ := keys(t)
	var all reference
	for n := range int64(300) {
		all.add(t, n, fmt.Append(nil, n))
	}
	root, err := tlog.TreeHash(300, &all)
	if err != nil {
		t.Fatal(err)
	}
	text, err := proof.SignCheckpoint(proof.Checkpoint{Log: log, Epoch: 1, Size: 300, Root: root}, signer)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int64{0, 1, 255, 256, 299} {
		path, err := tlog.ProveRecord(300, n, &all)
		if err != nil {
			t.Fatal(err)
		}
		want := proof.Inclusion{Index: n, Path: path, Checkpoint: text}
		got, err := proof.ParseInclusion(want.Format())
		if err != nil || !cmp.Equal(got, want) {
			t.Fatalf("error %v; differs:\n%s", err, cmp.Diff(want, got))
		}
		if _, err := got.Check(verifiers, tlog.RecordHash(fmt.Append(nil, n))); err != nil {
			t.Errorf("the proof of entry %d: %v", n, err)
		}
		if _, err := got.Check(verifiers, tlog.RecordHash(fmt.Append(nil, n+1))); err == nil {
			t.Errorf("the proof of entry %d holds for the next too", n)
		}
		got.Index++
		if _, err := got.Check(verifiers, tlog.RecordHash(fmt.Append(nil, n))); err == nil {
			t.Errorf("the proof of entry %d holds at the next place too", n)
		}
	}
}

func FuzzParseInclusion(f *testing.F) {
	f.Add([]byte("c2sp.org/tlog-proof@v1\nindex 73894\ngSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=\n\n" + log + "\n5\n" + tlog.RecordHash(nil).String() + "\n\n"))
	f.Add([]byte("c2sp.org/tlog-proof@v1\nextra AAAA\nindex 0\n\nx"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := proof.ParseInclusion(b)
		if err != nil || bytes.Contains(b, []byte("extra ")) {
			return
		}
		if !bytes.Equal(p.Format(), b) {
			t.Errorf("the proof comes back as %q", p.Format())
		}
	})
}
