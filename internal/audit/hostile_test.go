package audit_test

import (
	"archive/tar"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"tocsin"
	"tocsin/internal/audit/proof"
	"tocsin/internal/audit/verify"
	"tocsin/internal/store"
)

// A parcel is the files of a .tar as somebody hostile packs them.
type parcel struct {
	t     testing.TB
	files []file
}

type file struct {
	header tar.Header
	body   []byte
}

// parcelOf takes an export apart, file by file.
func parcelOf(t testing.TB, path string) *parcel {
	t.Helper()
	p := &parcel{t: t}
	r := tar.NewReader(bytes.NewReader(must(os.ReadFile(path))(t)))
	for {
		h, err := r.Next()
		if err != nil {
			return p
		}
		var b bytes.Buffer
		must(b.ReadFrom(r))(t)
		p.files = append(p.files, file{*h, b.Bytes()})
	}
}

// with returns a copy in which the one file of that name is another.
func (p *parcel) with(name string, change func(f file) []file) *parcel {
	p.t.Helper()
	out := &parcel{t: p.t}
	met := false
	for _, f := range p.files {
		if f.header.Name != name {
			out.files = append(out.files, f)
			continue
		}
		met = true
		out.files = append(out.files, change(f)...)
	}
	if !met {
		p.t.Fatalf("the export has no file %s", name)
	}
	return out
}

// saying returns a copy in which a file says something else.
func (p *parcel) saying(name string, change func([]byte) []byte) *parcel {
	return p.with(name, func(f file) []file { return []file{{f.header, change(f.body)}} })
}

func (p *parcel) adding(name string, body []byte) *parcel {
	return &parcel{t: p.t, files: append(slices.Clone(p.files), file{tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644}, body})}
}

func (p *parcel) pack() string {
	p.t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, f := range p.files {
		if f.header.Typeflag == tar.TypeReg {
			f.header.Size = int64(len(f.body))
		} else {
			f.header.Size, f.body = 0, nil
		}
		ok(p.t, w.WriteHeader(&f.header))
		must(w.Write(f.body))(p.t)
	}
	ok(p.t, w.Close())
	path := filepath.Join(p.t.TempDir(), "hostile.tar")
	ok(p.t, os.WriteFile(path, out.Bytes(), 0o600))
	return path
}

// sparse returns a copy in which a file is packed as one with holes might be, by
// way of PAX records that tar.Writer does not write.
func (p *parcel) sparse(name string) *parcel {
	return p.with(name, func(f file) []file {
		records := fmt.Appendf(nil, "22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n")
		for _, kv := range []string{"GNU.sparse.name=" + name, fmt.Sprintf("GNU.sparse.realsize=%d", len(f.body))} {
			n := len(kv) + 2
			for len(fmt.Sprint(n))+len(kv)+2 != n {
				n++
			}
			records = fmt.Appendf(records, "%d %s\n", n, kv)
		}
		body := fmt.Appendf(nil, "1\n0\n%d\n", len(f.body))
		body = append(body, make([]byte, 512-len(body))...)
		return []file{
			{tar.Header{Typeflag: tar.TypeReg, Name: "XHEADER", Mode: 0o644}, records},
			{tar.Header{Typeflag: tar.TypeReg, Name: "GNUSparseFile.0/" + name, Mode: 0o644}, append(body, f.body...)},
		}
	})
}

// packExtended is pack, with the file XHEADER turned into a PAX header.
func (p *parcel) packExtended() string {
	path := p.pack()
	b := must(os.ReadFile(path))(p.t)
	at := bytes.Index(b, []byte("XHEADER\x00"))
	header := b[at : at+512]
	header[156] = 'x'
	copy(header[148:156], "        ")
	sum := 0
	for _, c := range header {
		sum += int(c)
	}
	copy(header[148:156], fmt.Sprintf("%06o\x00 ", sum))
	ok(p.t, os.WriteFile(path, b, 0o600))
	return path
}

// changing returns a change of bytes that must take place.
func changing(t testing.TB, from, to string) func([]byte) []byte {
	return func(b []byte) []byte {
		t.Helper()
		if !bytes.Contains(b, []byte(from)) {
			t.Fatalf("%q does not hold %q", b, from)
		}
		return bytes.Replace(b, []byte(from), []byte(to), 1)
	}
}

func TestVerify_provesNothingThatIsHostile(t *testing.T) {
	t.Parallel()
	s, db := engines()["sqlite"](t)
	h := newHouse(t, s, db)
	inc := h.incident(t, "one")
	h.describe(t, inc.ID, "two")
	path, key := h.export(t, h.system), h.vkey(t)
	p := parcelOf(t, path)
	wantProven(t, verified(t, p.pack(), key))
	size := must(proof.ParseCheckpoint(h.checkpoint(t)))(t).Size
	bundle := func(folder string) string { return folder + "/000.p/" + fmt.Sprint(size) }
	head := fmt.Sprintf(`"head": %d`, size)
	meta := func(to string) *parcel { return p.saying("meta.json", changing(t, head, to)) }
	gone := func(p *parcel) *parcel {
		return p.with("objects/incident/000.jsonl", func(file) []file { return nil })
	}
	replaced := func(f tar.Header) func(file) []file {
		return func(old file) []file { f.Name = old.header.Name; return []file{{f, nil}} }
	}
	beside := h.organisationBeside(t)
	others := untar(t, h.export(t, tocsin.System(beside, "test")))
	names := func(prefix string, n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `"%s%06d":"",`, prefix, i)
		}
		return strings.TrimSuffix(b.String(), ",")
	}
	many := p.saying("objects/incident/000.jsonl", func(b []byte) []byte {
		at := bytes.Index(b, []byte(`"fields":{`)) + len(`"fields":{`)
		for i := range 2000 {
			row := fmt.Sprintf(`%s%s}}`, b[:at], names(fmt.Sprintf("a%06d", i), 200))
			b = append(b, strings.Replace(row, inc.ID.String(), fmt.Sprintf("%08x%s", i+1, inc.ID.String()[8:]), 1)+"\n"...)
		}
		return b
	})
	for what, path := range map[string]string{
		"an incident left out, by an export that says it began before it": gone(meta(`"head": 0`)).pack(),
		"the same, begun with the first entry":                            gone(meta(`"head": 1`)).pack(),
		"the same, begun before any entry":                                gone(meta(`"head": -9007199254740993`)).pack(),
		"the same, with a head of its own spelling":                       gone(meta(head + `, "Head": 2`)).pack(),
		"an export that began after its end":                              meta(`"head": 9007199254740993`).pack(),
		"a head that is no number":                                        meta(`"head": 1e400`).pack(),
		"a form that is not known":                                        p.saying("meta.json", changing(t, `"format": 2`, `"format": -2`)).pack(),
		"a deep meta.json":                                                p.saying("meta.json", func([]byte) []byte { return bytes.Repeat([]byte(`{"a":[`), 1<<20) }).pack(),
		"meta.json of another organisation":                               p.saying("meta.json", func([]byte) []byte { return others["meta.json"] }).pack(),
		"a checkpoint of another organisation":                            p.saying("checkpoint", func([]byte) []byte { return others["checkpoint"] }).pack(),
		"an object of another organisation":                               p.adding("objects/organisation/001.jsonl", others["objects/organisation/000.jsonl"]).pack(),
		"an object twice":                                                 p.adding("objects/incident/001.jsonl", untar(t, path)["objects/incident/000.jsonl"]).pack(),
		"entries beyond the end":                                          p.adding("tile/entries/001.p/1", []byte("\x00\x02{}")).pack(),
		"other details beside the real ones":                              p.adding("details/000.jsonl", []byte("{}\n")).pack(),
		"the checkpoint as a link":                                        p.with("checkpoint", replaced(tar.Header{Typeflag: tar.TypeSymlink, Linkname: path})).pack(),
		"the entries as a hard link":                                      p.with(bundle("tile/entries"), replaced(tar.Header{Typeflag: tar.TypeLink, Linkname: "checkpoint"})).pack(),
		"the checkpoint outside":                                          p.with("checkpoint", func(f file) []file { f.header.Name = "../checkpoint"; return []file{f} }).pack(),
		"the checkpoint twice":                                            p.adding("./checkpoint", others["checkpoint"]).pack(),
		"the entries with holes":                                          p.sparse(bundle("tile/entries")).packExtended(),
		"the objects with holes":                                          p.sparse("objects/incident/000.jsonl").packExtended(),
		"a tile that is too short":                                        p.saying(bundle("tile/0"), func(b []byte) []byte { return b[:len(b)-1] }).pack(),
		"a tile that is too long":                                         p.saying(bundle("tile/0"), func(b []byte) []byte { return append(b, make([]byte, 32)...) }).pack(),
		"more behind the entries":                                         p.saying(bundle("tile/entries"), func(b []byte) []byte { return append(b, 0, 0) }).pack(),
		"fewer details":                                                   p.saying(bundle("details")+".jsonl", func(b []byte) []byte { return b[:bytes.IndexByte(b, '\n')+1] }).pack(),
		"details with a field twice":                                      p.saying(bundle("details")+".jsonl", changing(t, `"before":{`, `"before":{"a":1,"a":1,`)).pack(),
		"details in another order":                                        p.saying(bundle("details")+".jsonl", changing(t, `"prev_seq":0,"details"`, `"details":null,"prev_seq":0,"details"`)).pack(),
		"a row with a field twice":                                        p.saying("objects/incident/000.jsonl", changing(t, `"title":"one"`, `"title":"one","title":"two"`)).pack(),
		"a row whose text is spelled otherwise":                           p.saying("objects/incident/000.jsonl", changing(t, `"title":"one"`, `"title":"\u006fne"`)).pack(),
		"a row that was deeply nested":                                    p.saying("objects/incident/000.jsonl", changing(t, `"title":"one"`, `"title":`+strings.Repeat("[", 1<<20))).pack(),
		"a row with a minus":                                              p.saying("objects/incident/000.jsonl", changing(t, `"failure_count":0`, `"failure_count":-0`)).pack(),
		"rows of more fields than memory has room for":                    many.pack(),
		"a row of very many fields":                                       p.saying("objects/incident/000.jsonl", changing(t, `"fields":{`, `"fields":{`+names("a", 100_000)+",")).pack(),
		"a checkpoint with a line more":                                   p.saying("checkpoint", changing(t, "\n\n", "\nmore\n\n")).pack(),
		"a checkpoint of another epoch":                                   p.saying("checkpoint", changing(t, "\n", "/2\n")).pack(),
		"a checkpoint of a longer log":                                    p.saying("checkpoint", changing(t, fmt.Sprintf("\n%d\n", size), "\n9007199254740991\n")).pack(),
		"a checkpoint of nothing":                                         p.saying("checkpoint", func([]byte) []byte { return nil }).pack(),
	} {
		r := verified(t, path, key)
		if r.Verdict == verify.Proven || r.Message == "" {
			t.Errorf("%s: the verdict is %q, %s", what, r.Verdict, r.Message)
		}
	}
	for what, path := range map[string]string{
		"with a signature by a stranger": p.saying("checkpoint", func(b []byte) []byte { return append(b, "— witness.example Y29zaWduZWQ=\n"...) }).pack(),
		"with files of the auditor's":    p.adding("notes.txt", []byte("looks well")).pack(),
		"with a folder outside":          p.adding("../../etc/passwd", nil).pack(),
	} {
		if r := verified(t, path, key); r.Verdict != verify.Proven {
			t.Errorf("an honest export %s: the verdict is %q, %s", what, r.Verdict, r.Message)
		}
	}
}

func TestVerify_readsNoFileOfAnyLength(t *testing.T) {
	t.Parallel()
	s, db := engines()["sqlite"](t)
	h := newHouse(t, s, db)
	folder := t.TempDir()
	for name, b := range untar(t, h.export(t, h.system)) {
		ok(t, os.MkdirAll(filepath.Dir(filepath.Join(folder, name)), 0o700))
		ok(t, os.WriteFile(filepath.Join(folder, name), b, 0o600))
	}
	ok(t, os.Truncate(filepath.Join(folder, "objects/organisation/000.jsonl"), 1<<40))
	if r := verified(t, folder, h.vkey(t)); r.Verdict != verify.CannotTell || !strings.Contains(r.Message, "no file of an export has more") {
		t.Errorf("with a file of a terabyte the verdict is %q, %s", r.Verdict, r.Message)
	}
}

// Objects that are as long as they may be must not make an export that nobody can verify.
func TestExport_ofLongTextsIsProven(t *testing.T) {
	t.Parallel()
	s, db := engines()["sqlite"](t)
	h := newHouse(t, s, db)
	for i := range 12 {
		h.incident(t, strings.Repeat(fmt.Sprint(i%10), 1<<20))
	}
	path := h.export(t, h.system)
	wantProven(t, verified(t, path, h.vkey(t)))
	for name, b := range untar(t, path) {
		if strings.HasPrefix(name, "objects/") && len(b) > 8<<20 {
			t.Errorf("%s has %d bytes; want no page of objects to grow with their texts", name, len(b))
		}
	}
}

func TestVerify_takesAKeyTwiceForOne(t *testing.T) {
	t.Parallel()
	s, db := engines()["sqlite"](t)
	h := newHouse(t, s, db)
	key := h.vkey(t)
	wantProven(t, verified(t, h.export(t, h.system), key+"\n"+key+"\n", h.checkpoint(t)))
}

// An export that says that it began long before its log ends leaves room for
// objects to be left out, and is not taken.
func TestVerify_saysAsOfWhenObjectsAre(t *testing.T) {
	t.Parallel()
	s, db := engines()["sqlite"](t)
	h := newHouse(t, s, db)
	early := verified(t, h.export(t, h.system), h.vkey(t))
	wantProven(t, early)
	h.incident(t, "left out")
	f := newForger(t, h)
	f.others["meta.json"] = bytes.Replace(f.others["meta.json"], fmt.Appendf(nil, `"head": %d`, len(f.leaves)), fmt.Appendf(nil, `"head": %d`, early.AsOf), 1)
	delete(f.others, "objects/incident/000.jsonl")
	if r := verified(t, f.pack(t), h.vkey(t)); r.AsOf != early.AsOf || !r.AsOfTime.Equal(early.AsOfTime) {
		t.Errorf("the verdict is %q as of entry %d; want what it holds for said: %d", r.Verdict, r.AsOf, early.AsOf)
	}
	last := &f.leaves[len(f.leaves)-1]
	at := bytes.Index(*last, []byte(`"at":"2`)) + len(`"at":"2`)
	*last = slices.Concat((*last)[:at], []byte("9"), (*last)[at+1:])
	delete(f.others, "objects/audit_export/000.jsonl")
	f.signed(t, f.signer)
	if r := verified(t, f.pack(t), h.vkey(t)); r.Verdict == verify.Proven {
		t.Errorf("an export that took centuries is proven as of entry %d", r.AsOf)
	}
}

func TestVerify_findsRedactionsThatAreNone(t *testing.T) {
	t.Parallel()
	s, db := engines()["sqlite"](t)
	h := newHouse(t, s, db)
	inc := h.incident(t, "one")
	redact := func(id byte, seqs ...int64) *tocsin.Redaction {
		r := &tocsin.Redaction{Meta: tocsin.Meta{Org: h.system.Org, ID: tocsin.ID{id}}, Entries: seqs, Reason: "because"}
		made, _, err := store.One[*tocsin.Redaction](t.Context(), h, store.Command{
			Actor: h.system, Keys: []store.Key{{Kind: tocsin.KindRedaction, ID: r.ID}},
			Decide: func(store.View) (store.Change, error) {
				return store.Change{Action: "audit.redact", Objects: []tocsin.Object{r}}, nil
			},
		})
		return must(made, err)(t)
	}
	erase := func(seq int64) {
		must(h.db.Exec("UPDATE log SET details = NULL, nonce = NULL WHERE org_id = $1 AND seq = $2", h.system.Org[:], seq))(t)
	}
	first := redact(1, inc.Seq)
	erase(inc.Seq)
	key := h.vkey(t)
	wantProven(t, verified(t, h.export(t, h.system), key))

	redact(2, first.Seq)
	erase(first.Seq)
	wantFound(t, verified(t, h.export(t, h.system), key), 0, verify.SilentRedaction)

	for _, seq := range []int64{100, 1 << 50} {
		h2, db := engines()["sqlite"](t)
		h = newHouse(t, h2, db)
		r := redact(3, seq)
		wantFound(t, verified(t, h.export(t, h.system), h.vkey(t)), r.Seq, verify.BadDetails)
	}
}

// An entry that this version does not understand leaves open what follows, not
// what can be told in spite of it.
func TestVerify_isNotSilencedByAnEntryOfAnotherForm(t *testing.T) {
	t.Parallel()
	s, db := engines()["sqlite"](t)
	h := newHouse(t, s, db)
	for i := range 10 {
		h.incident(t, fmt.Sprint(i))
	}
	whole, key := newForger(t, h), h.vkey(t)
	newer := func(f *forger) {
		f.leaves = append(f.leaves, bytes.Replace(f.leaves[len(f.leaves)-1], []byte(`,"v":1}`), []byte(`,"v":2}`), 1))
		f.lines = append(f.lines, []byte("null"))
	}
	f := whole.copied()
	newer(f)
	f.signed(t, f.signer)
	if r := verified(t, f.pack(t), key, whole.checkpoint); r.Verdict != verify.CannotTell {
		t.Errorf("with an entry of another form the verdict is %q: %s; want %q", r.Verdict, r.Message, verify.CannotTell)
	}
	f.lines[4] = bytes.Replace(f.lines[4], []byte(`"title":"`), []byte(`"title":"x`), 1)
	wantFound(t, verified(t, f.pack(t), key), 5, verify.BadDetails)

	f = whole.copied()
	f.rewritten(t, 5)
	newer(f)
	f.signed(t, f.signer)
	wantFound(t, verified(t, f.pack(t), key, whole.checkpoint), 0, verify.BadHistory)
}

func TestVerify_takesNoEmptyLogForALog(t *testing.T) {
	t.Parallel()
	s, db := engines()["sqlite"](t)
	h := newHouse(t, s, db)
	f := newForger(t, h)
	f.leaves, f.lines = nil, nil
	for name := range f.others {
		if name != "meta.json" {
			delete(f.others, name)
		}
	}
	f.others["meta.json"] = bytes.Replace(f.others["meta.json"], []byte(`"head": `), []byte(`"head": 0, "was": `), 1)
	f.signed(t, f.signer)
	if r := verified(t, f.pack(t), h.vkey(t)); r.Verdict == verify.Proven {
		t.Error("a log without an entry is proven")
	}
}

// What the server gives out must be of use to who has nothing of Tocsin.
func TestProof_isCheckedWithoutAnythingOfTocsin(t *testing.T) {
	t.Parallel()
	s, db := engines()["sqlite"](t)
	h := newHouse(t, s, db)
	for i := range 300 {
		h.incident(t, fmt.Sprint(i))
	}
	h.follow(t)
	known := note.VerifierList(must(note.NewVerifier(h.vkey(t)))(t))
	const seq = 77
	leaf := must(h.audit.Entry(t.Context(), h.system, seq))(t).Leaf

	text, ok := strings.CutPrefix(string(must(h.audit.Proof(t.Context(), h.system, seq))(t)), "c2sp.org/tlog-proof@v1\n")
	head, checkpoint, whole := strings.Cut(text, "\n\n")
	if !ok || !whole {
		t.Fatalf("this is no tlog-proof: %s", text)
	}
	lines := strings.Split(head, "\n")
	var index int64
	must(fmt.Sscanf(lines[0], "index %d", &index))(t)
	var path tlog.RecordProof
	for _, line := range lines[1:] {
		path = append(path, must(tlog.ParseHash(line))(t))
	}
	opened := must(note.Open([]byte(checkpoint), known))(t)
	body := strings.Split(opened.Text, "\n")
	var size int64
	must(fmt.Sscanf(body[1], "%d", &size))(t)
	if err := tlog.CheckRecord(path, size, must(tlog.ParseHash(body[2]))(t), index, leaf); err != nil {
		t.Errorf("the proof does not hold: %v", err)
	}
	if body[0] != store.OriginOf(h.Installation(), h.system.Org) || len(body) != 4 {
		t.Errorf("the checkpoint says %q; want origin, size and root", opened.Text)
	}
}
