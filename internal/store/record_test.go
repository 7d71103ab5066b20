package store_test

import (
	"crypto/hmac"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin"
	"tocsin/internal/store"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// The golden record: how the first version of the leaf was written. It must be
// read, and what is the same must be written the same, for ever: a proof that
// was once given out is of these bytes. A new form gets a new number.
var (
	//go:embed testdata/leaf.json
	goldenLeaf []byte
	//go:embed testdata/details.json
	goldenDetails []byte
)

const (
	goldenHash  = "02cef04ce772434d5679b9472346a0059ecd64550b7a99fc1e63e30585faa801"
	goldenPrev  = "212506407e99da2d4ab535e31818513fa77419a1b9b417d5dbeec08ec8675dc6"
	goldenNonce = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
)

// goldenActor changes the golden incident, from version 1 to 2.
func goldenActor() tocsin.Actor {
	return tocsin.Actor{
		Kind: tocsin.ActorUser, Org: id(1), User: id(3), Key: id(4), Door: "soda",
		Request: "req-1", Address: "192.0.2.7", Agent: `curl/8 "<x>"`,
	}
}

func goldenRecord(t *testing.T) store.Record {
	t.Helper()
	unhex := func(s string) []byte {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	return store.Record{
		Org: id(1), Seq: 3, Kind: tocsin.KindIncident, Object: id(2), Version: 2, PrevSeq: 2,
		Leaf: goldenLeaf, LeafHash: [32]byte(unhex(goldenHash)), Details: goldenDetails, Nonce: unhex(goldenNonce),
	}
}

// goldenChange makes the object that the golden record is of and then changes
// it, and returns both records.
func goldenChange(t *testing.T) (made, changed store.Record) {
	t.Helper()
	w := newWorld(t, store.WriterOptions{})
	incident := func(title string, regions ...string) tocsin.Object {
		return &tocsin.Incident{
			Meta: w.meta(id(2)), Number: 1, Project: id(5), Title: title, Severity: tocsin.Major, Status: tocsin.Open,
			Source: tocsin.FromManual, AffectedRegions: regions, FailureCount: 3, StartedAt: noon, OpenedAt: noon,
		}
	}
	w.memory.now = noon
	w.save(t, incident("slow", "eu-west-1"))
	w.memory.now = noon.Add(90*time.Second + 12*time.Microsecond)
	cmd := w.saving(func() tocsin.Object { return incident("<b>down</b> \u00fc\n\u2028\x01") })
	cmd.Actor = goldenActor()
	decide := cmd.Decide
	cmd.Decide = func(v store.View) (store.Change, error) {
		change, err := decide(v)
		change.Action, change.Note = "incident.update", "seen & told"
		return change, err
	}
	if _, err := w.Commit(t.Context(), cmd); err != nil {
		t.Fatal(err)
	}
	return w.records()[0], w.records()[1]
}

func TestRecord_isWrittenAsEver(t *testing.T) {
	t.Parallel()
	made, r := goldenChange(t)
	if diff := cmp.Diff(string(goldenDetails), string(r.Details)); diff != "" {
		t.Errorf("details (-golden +written):\n%s", diff)
	}
	// Commitments depend on a nonce, which is new each time, and with them the
	// hash of the record before.
	sum := store.Commitment(r.Nonce, r.Details)
	leaf := strings.NewReplacer(
		hex.EncodeToString(sum[:]), goldenCommitment(t), hex.EncodeToString(made.LeafHash[:]), goldenPrev,
	).Replace(string(r.Leaf))
	if diff := cmp.Diff(string(goldenLeaf), leaf); diff != "" {
		t.Errorf("leaf (-golden +written):\n%s", diff)
	}
}

// goldenCommitment is HMAC-SHA256 of the golden details, made by hand.
func goldenCommitment(t *testing.T) string {
	t.Helper()
	m := hmac.New(sha256.New, goldenRecord(t).Nonce)
	m.Write(goldenDetails)
	return hex.EncodeToString(m.Sum(nil))
}

func TestRecord_isReadAsEver(t *testing.T) {
	t.Parallel()
	r := goldenRecord(t)
	if sum := sha256.Sum256(append([]byte{0}, r.Leaf...)); sum != r.LeafHash || store.LeafHash(r.Leaf) != r.LeafHash {
		t.Errorf("LeafHash is %x; want SHA-256(0x00 || leaf), %s", store.LeafHash(r.Leaf), goldenHash)
	}
	if sum := store.Commitment(r.Nonce, r.Details); hex.EncodeToString(sum[:]) != goldenCommitment(t) {
		t.Errorf("Commitment is %x; want HMAC-SHA256 under the nonce", sum)
	}
	if err := r.Verify(); err != nil {
		t.Error(err)
	}
	actor := goldenActor()
	want := tocsin.Entry{
		ID: tocsin.ID{0: 0xff, 15: 3}, Seq: 3, Kind: tocsin.KindIncident, Object: id(2), Version: 2,
		Action: "incident.update", At: noon.Add(90*time.Second + 12*time.Microsecond),
		Actor: actor.Kind, User: actor.User, Key: actor.Key, Door: actor.Door,
		Request: actor.Request, Address: actor.Address, Agent: actor.Agent, Note: "seen & told",
		Fields: []string{"affected_regions", "title"}, Leaf: r.LeafHash,
		Changes: []tocsin.FieldChange{
			{Name: "affected_regions", Old: tocsin.List([]string{"eu-west-1"}), New: tocsin.List(nil)},
			{Name: "title", Old: tocsin.Text("slow"), New: tocsin.Text("<b>down</b> \u00fc\n\u2028\x01")},
		},
	}
	got, err := r.Entry()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("entry (-want +got):\n%s", diff)
	}
}

func TestRecord_afterErasureTellsWhatHappenedWithoutTheDetails(t *testing.T) {
	t.Parallel()
	r := goldenRecord(t)
	r.Details, r.Nonce = nil, nil
	if err := r.Verify(); err != nil {
		t.Errorf("an erasure breaks the proof: %v", err)
	}
	e, err := r.Entry()
	if err != nil || e.Action != "incident.update" || e.User != id(3) {
		t.Errorf("%+v, %v; want who did what", e, err)
	}
	if len(e.Changes) != 0 || e.Note != "" || e.Address != "" || e.Agent != "" {
		t.Errorf("what was erased is told: %+v", e)
	}
}

func TestRecord_Verify_findsTampering(t *testing.T) {
	t.Parallel()
	other := [32]byte{1}
	for name, tamper := range map[string]func(*store.Record){
		"another sequence number": func(r *store.Record) { r.Seq++ },
		"another organisation":    func(r *store.Record) { r.Org = id(9) },
		"another object":          func(r *store.Record) { r.Object = id(9) },
		"another kind":            func(r *store.Record) { r.Kind = tocsin.KindComment },
		"another version":         func(r *store.Record) { r.Version++ },
		"another hash":            func(r *store.Record) { r.LeafHash = other },
		"a leaf with one letter changed": func(r *store.Record) {
			r.Leaf = []byte(strings.Replace(string(r.Leaf), `"door":"soda"`, `"door":"sode"`, 1))
		},
		"a leaf with one letter changed, hashed anew, under other columns": func(r *store.Record) {
			r.Leaf = []byte(strings.Replace(string(r.Leaf), `"seq":3`, `"seq":4`, 1))
			r.LeafHash = store.LeafHash(r.Leaf)
		},
		"a leaf of a form that is not known": func(r *store.Record) {
			r.Leaf = []byte(strings.Replace(string(r.Leaf), `"v":1}`, `"v":2}`, 1))
			r.LeafHash = store.LeafHash(r.Leaf)
		},
		"something after the leaf": func(r *store.Record) {
			r.Leaf = append(r.Leaf[:len(r.Leaf):len(r.Leaf)], "{}"...)
			r.LeafHash = store.LeafHash(r.Leaf)
		},
		"no leaf": func(r *store.Record) { r.Leaf, r.LeafHash = nil, store.LeafHash(nil) },
		"details with one letter changed": func(r *store.Record) {
			r.Details = []byte(strings.Replace(string(r.Details), "down", "gown", 1))
		},
		"white space in the details":   func(r *store.Record) { r.Details = append([]byte(" "), r.Details...) },
		"empty details":                func(r *store.Record) { r.Details = []byte{} },
		"another nonce":                func(r *store.Record) { r.Nonce = other[:] },
		"no nonce":                     func(r *store.Record) { r.Nonce = nil },
		"another record's own details": func(r *store.Record) { r.Details = []byte(`{"after":{},"before":{}}`) },
	} {
		r := goldenRecord(t)
		tamper(&r)
		if err := r.Verify(); err == nil {
			t.Errorf("%s: not found", name)
		}
	}
}

func TestRecord_unreadableOnesAreErrors(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*store.Record){
		"no leaf":           func(r *store.Record) { r.Leaf = nil },
		"half a leaf":       func(r *store.Record) { r.Leaf = r.Leaf[:40] },
		"a leaf of numbers": func(r *store.Record) { r.Leaf = []byte(`{"v":1,"act":7}`) },
		"a leaf without a time": func(r *store.Record) {
			r.Leaf = []byte(strings.Replace(string(r.Leaf), "2026-03-01T", "yesterday ", 1))
		},
		"a later form":  func(r *store.Record) { r.Leaf = []byte(strings.Replace(string(r.Leaf), `"v":1}`, `"v":2}`, 1)) },
		"half a detail": func(r *store.Record) { r.Details = r.Details[:20] },
	} {
		r := goldenRecord(t)
		spoil(&r)
		if e, err := r.Entry(); err == nil || !strings.Contains(err.Error(), "3 of organisation "+r.Org.String()) {
			t.Errorf("%s: %+v, %v; want an error that says which record", name, e, err)
		}
	}
}
