package proof_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/note"

	"tocsin"
	"tocsin/internal/audit/proof"
	"tocsin/internal/store"
)

const (
	installation = "0190a000-0000-7000-8000-00000000000e"
	log          = "tocsin/" + installation + "/0190a000-0000-7000-8000-000000000001"
)

// zeroes is a source of randomness that makes the same key each time.
type zeroes struct{}

func (zeroes) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

func keys(t testing.TB) (note.Signer, note.Verifiers, string) {
	t.Helper()
	private, public, err := note.GenerateKey(zeroes{}, "tocsin/"+installation)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	verifiers, err := proof.Keys(public)
	if err != nil {
		t.Fatal(err)
	}
	return signer, verifiers, public
}

// leaf returns a leaf as the store writes it.
func leaf(t testing.TB) []byte {
	t.Helper()
	b, err := os.ReadFile("../../store/testdata/leaf.json")
	if err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSpace(b)
}

func details(t testing.TB) []byte {
	t.Helper()
	b, err := os.ReadFile("../../store/testdata/details.json")
	if err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSpace(b)
}

func TestParseLeaf_readsWhatTheStoreWrites(t *testing.T) {
	t.Parallel()
	b := leaf(t)
	var l proof.Leaf
	if err := proof.ParseLeaf(b, &l); err != nil {
		t.Fatal(err)
	}
	if want, got := asJSON(t, b), plain(&l); !cmp.Equal(want, got) {
		t.Errorf("the leaf differs from what encoding/json reads (-json +leaf):\n%s", cmp.Diff(want, got))
	}
}

func TestParseLeaf_takesOneFormAlone(t *testing.T) {
	t.Parallel()
	b := string(leaf(t))
	for what, bad := range map[string]string{
		"nothing":                 "",
		"white space":             strings.Replace(b, `,"actor"`, `, "actor"`, 1),
		"something behind":        b + "\n",
		"another order":           strings.Replace(b, `{"act":`, `{"at":"","act":`, 1),
		"upper-case hexadecimal":  strings.Replace(b, `"chg":"`, `"chg":"A`, 1),
		"an escape that need not": strings.Replace(b, `"act":"`, `"act":"\u0061`, 1),
		"an escaped slash":        strings.Replace(b, `"log":"tocsin/`, `"log":"tocsin\/`, 1),
		"U+0000":                  strings.Replace(b, `"act":"`, `"act":"\u0000`, 1),
		"a control character":     strings.Replace(b, `"act":"`, "\"act\":\"\x01", 1),
		"invalid UTF-8":           strings.Replace(b, `"act":"`, "\"act\":\"\xff", 1),
		"a leading zero":          strings.Replace(b, `"seq":`, `"seq":0`, 1),
		"a sign":                  strings.Replace(b, `"seq":`, `"seq":-`, 1),
		"another month":           strings.Replace(b, `"at":"2026-`, `"at":"2026-13-01T00:00:00.000000Z","x":"`, 1),
	} {
		if bad == b {
			t.Errorf("%s: the test changes nothing", what)
		}
		if err := proof.ParseLeaf([]byte(bad), new(proof.Leaf)); err == nil {
			t.Errorf("a leaf with %s is taken", what)
		}
	}
	newer := strings.Replace(b, `"v":1}`, `"v":2}`, 1)
	if err := proof.ParseLeaf([]byte(newer), new(proof.Leaf)); err != proof.ErrVersion {
		t.Errorf("a leaf of form 2: error %v; want that the form is not known", err)
	}
}

// asJSON reads a leaf as anybody would.
func asJSON(t testing.TB, b []byte) map[string]any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var m map[string]any
	if err := d.Decode(&m); err != nil {
		t.Fatalf("a leaf that is taken is not JSON: %v", err)
	}
	m["at"] = "" // compared by its own form
	return m
}

// plain returns what a leaf says as encoding/json would.
func plain(l *proof.Leaf) map[string]any {
	id := func(id tocsin.ID, prefix string) string {
		if id.IsZero() {
			return ""
		}
		return prefix + id.String()
	}
	fields := []any{}
	for _, f := range l.Fields {
		fields = append(fields, string(f))
	}
	number := func(n int64) json.Number { return json.Number(fmt.Sprint(n)) }
	return map[string]any{
		"act": string(l.Action), "at": "", "chg": fmt.Sprintf("%x", l.Commitment), "door": string(l.Door), "fields": fields, "id": id(l.ID, ""),
		"actor": map[string]any{"id": id(l.Actor, ""), "kind": string(l.ActorKind), "via": id(l.Key, "key:")},
		"log":   string(l.Log), "org": id(l.Org, ""), "prev": fmt.Sprintf("%x", l.Prev), "req": string(l.Request), "seq": number(l.Seq), "v": number(1),
		"obj": map[string]any{"id": id(l.Object, ""), "kind": string(l.Kind), "ver": number(l.Version)},
	}
}

func FuzzParseLeaf(f *testing.F) {
	f.Add(leaf(f))
	f.Add([]byte(strings.Replace(string(leaf(f)), `"act":"`, `"act":"\u001f\n\"é`, 1)))
	f.Fuzz(func(t *testing.T, b []byte) {
		var l proof.Leaf
		if proof.ParseLeaf(b, &l) != nil {
			return
		}
		if want, got := asJSON(t, b), plain(&l); !cmp.Equal(want, got) {
			t.Errorf("the leaf differs from what encoding/json reads (-json +leaf):\n%s", cmp.Diff(want, got))
		}
	})
}

func TestParseDetails_readsWhatTheStoreWrites(t *testing.T) {
	t.Parallel()
	var d proof.Details
	if err := proof.ParseDetails(details(t), &d); err != nil {
		t.Fatal(err)
	}
	if len(d.After) == 0 {
		t.Error("the details have no fields")
	}
}

func FuzzParseDetails(f *testing.F) {
	f.Add(details(f))
	f.Fuzz(func(t *testing.T, b []byte) {
		var d proof.Details
		if proof.ParseDetails(b, &d) != nil {
			return
		}
		for _, field := range append(d.After, d.Before...) {
			if !bytes.Contains(b, field.Value) || len(field.Value) == 0 {
				t.Errorf("the value %q is not in the details", field.Value)
			}
			_, _ = field.Text()
			_, _ = field.Number()
			_, _ = field.Numbers()
		}
	})
}

func TestDetailsLine_comesBackAsItWas(t *testing.T) {
	t.Parallel()
	id, _ := tocsin.ParseID(installation)
	for what, l := range map[string]proof.DetailsLine{
		"whole":  {Seq: 7, Kind: []byte("incident"), Object: id, Version: 3, PrevSeq: 2, Details: details(t), Nonce: bytes.Repeat([]byte{0xab}, 32)},
		"erased": {Seq: 7, Kind: []byte("incident"), Object: id, Version: 3, PrevSeq: 2},
	} {
		var got proof.DetailsLine
		if err := proof.ParseDetailsLine(l.Append(nil), &got); err != nil || !cmp.Equal(got, l) {
			t.Errorf("%s: error %v; differs:\n%s", what, err, cmp.Diff(l, got))
		}
	}
}

func FuzzParseDetailsLine(f *testing.F) {
	id, _ := tocsin.ParseID(installation)
	f.Add(proof.DetailsLine{Seq: 7, Kind: []byte("incident"), Object: id, Version: 3, Details: details(f), Nonce: make([]byte, 32)}.Append(nil))
	f.Add(proof.DetailsLine{Seq: 7, Kind: []byte("incident"), Object: id, Version: 3}.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		var l proof.DetailsLine
		if proof.ParseDetailsLine(b, &l) == nil && !bytes.Equal(l.Append(nil), b) && !bytes.ContainsAny(l.Kind, "\\\"\b\f\n\r\t") && !bytes.Contains(b, []byte(`\u`)) {
			t.Errorf("the line comes back as %s", l.Append(nil))
		}
	})
}

func TestRow_comesBackAsItWas(t *testing.T) {
	t.Parallel()
	id, _ := tocsin.ParseID(installation)
	o := &tocsin.Project{Meta: tocsin.Meta{Org: id, ID: id, Version: 3, Seq: 9, Leaf: [32]byte{1, 2}}, Name: "a \"b\" \\ \n ☎"}
	var r proof.Row
	if err := proof.ParseRow(proof.AppendRow(nil, o, store.CanonicalFields(o)), &r); err != nil {
		t.Fatal(err)
	}
	name, err := r.Fields[0].Text()
	if err != nil || name != o.Name || r.Version != 3 || r.Seq != 9 || r.Leaf != o.Leaf || r.ID != id || string(r.Kind) != "project" {
		t.Errorf("the row reads %+v, %q", r, name)
	}
}

func FuzzParseRow(f *testing.F) {
	id, _ := tocsin.ParseID(installation)
	o := &tocsin.Check{Meta: tocsin.Meta{Org: id, ID: id, Version: 3, Seq: 9}, Name: "x", Datasets: []tocsin.ID{id}}
	f.Add(proof.AppendRow(nil, o, store.CanonicalFields(o)))
	f.Fuzz(func(_ *testing.T, b []byte) {
		var r proof.Row
		_ = proof.ParseRow(b, &r)
	})
}
