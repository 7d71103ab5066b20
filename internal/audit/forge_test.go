package audit_test

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"tocsin"
	"tocsin/internal/audit"
	"tocsin/internal/audit/proof"
	"tocsin/internal/audit/verify"
	"tocsin/internal/store"
)

// A forger has an export taken apart, and maybe the key that signs.
type forger struct {
	rand         *rand.Rand
	log          string
	leaves       [][]byte
	lines        [][]byte
	others       map[string][]byte // meta.json and the objects
	checkpoint   []byte
	signer       note.Signer
	file         string
	installation string
}

func newForger(t *testing.T, h *house) *forger {
	t.Helper()
	f := &forger{
		rand: rand.New(rand.NewPCG(1, 2)), others: make(map[string][]byte), file: filepath.Join(t.TempDir(), "forged.tar"),
		log: store.OriginOf(h.Installation(), h.system.Org), installation: h.Installation().String(),
	}
	members := untar(t, h.export(t, h.system))
	f.checkpoint = members["checkpoint"]
	c := must(proof.ParseCheckpoint(f.checkpoint))(t)
	for n := int64(0); n*proof.TileWidth < c.Size; n++ {
		width := proof.Width(c.Size, 0, n)
		for b := members[proof.EntriesPath(n, width)]; len(b) > 0; {
			end := 2 + int(binary.BigEndian.Uint16(b))
			f.leaves, b = append(f.leaves, b[2:end]), b[end:]
		}
		f.lines = append(f.lines, bytes.Split(bytes.TrimSuffix(members["details/"+proof.Numbered(n, width)+".jsonl"], []byte("\n")), []byte("\n"))...)
	}
	for name, b := range members {
		if strings.HasPrefix(name, "objects/") || name == "meta.json" {
			f.others[name] = b
		}
	}
	f.signer = must(note.NewSigner(strings.TrimSpace(string(must(os.ReadFile(filepath.Join(h.node, audit.KeyFile)))(t)))))(t)
	return f
}

func untar(t testing.TB, path string) map[string][]byte {
	t.Helper()
	members := make(map[string][]byte)
	r := tar.NewReader(bytes.NewReader(must(os.ReadFile(path))(t)))
	for {
		h, err := r.Next()
		if err != nil {
			return members
		}
		var b bytes.Buffer
		must(b.ReadFrom(r))(t)
		members[h.Name] = b.Bytes()
	}
}

// copied returns a forger with lists of its own.
func (f *forger) copied() *forger {
	c := *f
	c.leaves, c.lines = slices.Clone(f.leaves), slices.Clone(f.lines)
	c.others = make(map[string][]byte, len(f.others))
	for name, b := range f.others {
		c.others[name] = b
	}
	return &c
}

// chained makes the hashes by which entries and objects name earlier entries
// right again, so that nothing but the root can tell.
func (f *forger) chained(t testing.TB) {
	t.Helper()
	last := make(map[tocsin.ID][32]byte)
	var leaf proof.Leaf
	for i, b := range f.leaves {
		ok(t, proof.ParseLeaf(b, &leaf))
		if want := last[leaf.Object]; leaf.Prev != want {
			b = bytes.Replace(b, hexOf(leaf.Prev), hexOf(want), 1)
			f.leaves[i] = b
		}
		last[leaf.Object] = store.LeafHash(b)
	}
	var row proof.Row
	for name, b := range f.others {
		if !strings.HasPrefix(name, "objects/") {
			continue
		}
		var out []byte
		for line := range bytes.Lines(b) {
			ok(t, proof.ParseRow(bytes.TrimSpace(line), &row))
			if want, ok := last[row.ID]; ok {
				line = bytes.Replace(line, hexOf(row.Leaf), hexOf(want), 1)
			}
			out = append(out, line...)
		}
		f.others[name] = out
	}
}

func hexOf(h [32]byte) []byte { return []byte(hex.EncodeToString(h[:])) }

// signed signs what the leaves come to.
func (f *forger) signed(t testing.TB, key note.Signer) {
	t.Helper()
	var tree proof.Tree
	for _, leaf := range f.leaves {
		tree.Append(store.LeafHash(leaf), nil)
	}
	f.checkpoint = must(proof.SignCheckpoint(proof.Checkpoint{Log: f.log, Epoch: 1, Size: tree.Size, Root: tree.Root()}, key))(t)
}

// pack writes an export as the server would have: tiles that fit the leaves.
func (f *forger) pack(t testing.TB) string {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	put := func(name string, b []byte) {
		ok(t, w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(b)), Mode: 0o644}))
		must(w.Write(b))(t)
	}
	for name, b := range f.others {
		put(name, b)
	}
	tiles := make(map[int][]byte)
	var tree proof.Tree
	size := int64(len(f.leaves))
	for n := int64(0); n*proof.TileWidth < size; n++ {
		var entries, lines, hashes []byte
		for i := n * proof.TileWidth; i < min((n+1)*proof.TileWidth, size); i++ {
			entries = append(binary.BigEndian.AppendUint16(entries, uint16(len(f.leaves[i]))), f.leaves[i]...)
			lines = append(append(lines, f.lines[i]...), '\n')
			h := store.LeafHash(f.leaves[i])
			hashes = append(hashes, h[:]...)
			tree.Append(h, func(level int, _ int64, h tlog.Hash) { tiles[level] = append(tiles[level], h[:]...) })
		}
		width := proof.Width(size, 0, n)
		put(proof.EntriesPath(n, width), entries)
		put("details/"+proof.Numbered(n, width)+".jsonl", lines)
		put(proof.TilePath(0, n, width), hashes)
	}
	for level, b := range tiles { // fewer than 256 hashes a level
		put(proof.TilePath(level, 0, len(b)/32), b)
	}
	put("checkpoint", f.checkpoint)
	ok(t, w.Close())
	ok(t, os.WriteFile(f.file, out.Bytes(), 0o600))
	return f.file
}

// place returns a random entry, none of the last or first few.
func (f *forger) place() int { return 3 + f.rand.IntN(len(f.leaves)-5) }

// rewritten changes what entry i says, and makes all that follows fit.
func (f *forger) rewritten(t testing.TB, i int) {
	f.leaves[i] = bytes.Replace(f.leaves[i], []byte(`"door":"test"`), []byte(`"door":"cli"`), 1)
	f.chained(t)
}

// A forgery changes an export, with checkpoints that the auditor kept from
// before, and says what must be found.
type forgery func(t testing.TB, f *forger) (at int64, saved [][]byte, kinds []verify.Kind)

func forgeries() map[string]forgery {
	one := func(kinds ...verify.Kind) []verify.Kind { return kinds }
	return map[string]forgery{
		"take an entry out and close the gap": func(_ testing.TB, f *forger) (int64, [][]byte, []verify.Kind) {
			i := f.place()
			f.leaves, f.lines = slices.Delete(f.leaves, i, i+1), slices.Delete(f.lines, i, i+1)
			f.leaves, f.lines = append(f.leaves, []byte("{}")), append(f.lines, []byte("{}"))
			return int64(i + 1), nil, one(verify.BadLeaf)
		},
		"insert an entry that is dated back": func(_ testing.TB, f *forger) (int64, [][]byte, []verify.Kind) {
			i := f.place()
			last := len(f.leaves) - 1
			f.leaves, f.lines = slices.Insert(f.leaves[:last], i, f.leaves[i-1]), slices.Insert(f.lines[:last], i, f.lines[i-1])
			return int64(i + 1), nil, one(verify.BadLeaf)
		},
		"write an entry anew and all that follows": func(t testing.TB, f *forger) (int64, [][]byte, []verify.Kind) {
			i := f.place()
			f.rewritten(t, i)
			return int64(i + 1), nil, one(verify.BadLeaf)
		},
		"write it anew and sign it with another key": func(t testing.TB, f *forger) (int64, [][]byte, []verify.Kind) {
			f.rewritten(t, f.place())
			private, _, err := note.GenerateKey(zeroes{f.rand}, "tocsin/"+f.installation)
			ok(t, err)
			f.signed(t, must(note.NewSigner(private))(t))
			return 0, nil, one(verify.BadCheckpoint)
		},
		"write it anew and sign it with the right key": func(t testing.TB, f *forger) (int64, [][]byte, []verify.Kind) {
			kept := f.checkpoint
			f.rewritten(t, f.place())
			f.signed(t, f.signer)
			return 0, [][]byte{kept}, one(verify.BadHistory)
		},
		"show another auditor another log": func(t testing.TB, f *forger) (int64, [][]byte, []verify.Kind) {
			fork := f.copied()
			fork.leaves[len(fork.leaves)-1] = f.leaves[f.place()]
			fork.signed(t, f.signer)
			return 0, [][]byte{fork.checkpoint}, one(verify.BadHistory)
		},
		"cut the end off and sign the rest": func(t testing.TB, f *forger) (int64, [][]byte, []verify.Kind) {
			kept, n := f.checkpoint, f.place()
			f.leaves, f.lines = f.leaves[:n], f.lines[:n]
			f.signed(t, f.signer)
			f.others["meta.json"] = bytes.Replace(f.others["meta.json"], []byte(`"head": `), []byte(`"head": 0, "was": `), 1)
			return int64(n + 1), [][]byte{kept}, one(verify.BadHistory)
		},
		"move an entry in from another installation": func(t testing.TB, f *forger) (int64, [][]byte, []verify.Kind) {
			i := f.place()
			other := strings.Repeat("a", 8) + f.installation[8:]
			f.leaves[i] = bytes.Replace(f.leaves[i], []byte(f.installation), []byte(other), 1)
			f.chained(t)
			f.signed(t, f.signer)
			return int64(i + 1), nil, one(verify.BadForm, verify.BadChain)
		},
		"flip a bit of an entry": func(_ testing.TB, f *forger) (int64, [][]byte, []verify.Kind) {
			i := f.place()
			f.leaves[i] = f.flipped(f.leaves[i])
			return int64(i + 1), nil, one(verify.BadLeaf)
		},
		"flip a bit of details": func(_ testing.TB, f *forger) (int64, [][]byte, []verify.Kind) {
			i := f.place()
			start := bytes.Index(f.lines[i], []byte(`"details":`)) + len(`"details":`)
			f.lines[i] = append(slices.Clone(f.lines[i][:start]), f.flipped(f.lines[i][start:])...)
			return int64(i + 1), nil, one(verify.BadDetails)
		},
		"flip a bit of the checkpoint": func(_ testing.TB, f *forger) (int64, [][]byte, []verify.Kind) {
			f.checkpoint = f.flipped(f.checkpoint)
			return 0, nil, nil
		},
		"flip a bit of an object": func(_ testing.TB, f *forger) (int64, [][]byte, []verify.Kind) {
			f.others["objects/incident/000.jsonl"] = f.flipped(f.others["objects/incident/000.jsonl"])
			return 0, nil, nil
		},
	}
}

func (f *forger) flipped(b []byte) []byte {
	b = slices.Clone(b)
	b[f.rand.IntN(len(b))] ^= 1 << f.rand.IntN(8)
	return b
}

// zeroes is a source of randomness for keys.
type zeroes struct{ *rand.Rand }

func (z zeroes) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(z.IntN(256))
	}
	return len(b), nil
}

func TestVerify_findsForgedExports(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, h *house) {
		newScene(t, h)
		whole, key := newForger(t, h), h.vkey(t)
		wantProven(t, verified(t, whole.pack(t), key, whole.checkpoint))
		for name, forge := range forgeries() {
			t.Run(name, func(t *testing.T) {
				for range *places {
					f := whole.copied()
					at, saved, kinds := forge(t, f)
					r := verified(t, f.pack(t), key, saved...)
					if kinds == nil {
						if r.Verdict == verify.Proven {
							t.Fatal("the verdict is proven")
						}
						continue
					}
					wantFound(t, r, at, kinds...)
				}
			})
		}
	})
}

func TestVerify_saysWhatItLacks(t *testing.T) {
	t.Parallel()
	s, db := engines()["sqlite"](t)
	h := newHouse(t, s, db)
	h.incident(t, "one")
	path, key := h.export(t, h.system), h.vkey(t)
	folder := t.TempDir()
	for name, b := range untar(t, path) {
		ok(t, os.MkdirAll(filepath.Dir(filepath.Join(folder, name)), 0o700))
		ok(t, os.WriteFile(filepath.Join(folder, name), b, 0o600))
	}
	wantProven(t, verified(t, folder, key))
	ok(t, os.Remove(filepath.Join(folder, "checkpoint")))
	half := filepath.Join(t.TempDir(), "half.tar")
	whole := must(os.ReadFile(path))(t)
	ok(t, os.WriteFile(half, whole[:len(whole)/2], 0o600))
	for what, r := range map[string]verify.Report{
		"an export without a checkpoint": verified(t, folder, key),
		"half an export":                 verified(t, half, key),
		"no export":                      verified(t, t.TempDir(), key),
		"nothing":                        verified(t, "/nonexistent", key),
		"no key":                         verified(t, path, "nonsense"),
		"a checkpoint of another log":    verified(t, path, key, must(h.audit.Checkpoint(t.Context(), tocsin.System(h.Installation(), "test")))(t)),
	} {
		if r.Verdict != verify.CannotTell || r.Message == "" {
			t.Errorf("%s: the verdict is %q: %q; want %q with words", what, r.Verdict, r.Message, verify.CannotTell)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := verify.Run(ctx, path, key, nil, nil); err == nil {
		t.Error("a verification that was given up returned no error")
	}
}
