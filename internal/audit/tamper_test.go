package audit_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"tocsin"
	"tocsin/internal/audit/verify"
	"tocsin/internal/store"
)

// places is how many random places each attack is tried at; the gate tries 200.
var places = flag.Int("places", 20, "random places that each attack is tried at")

// A scene is a database that somebody with every right to it works on.
type scene struct {
	*house
	t    *testing.T
	rand *rand.Rand
	// file is where copies of the log go.
	file string
	// records are the log as it was before, incidents the objects.
	records   []store.Record
	incidents []*tocsin.Incident
}

func newScene(t *testing.T, h *house) *scene {
	s := &scene{house: h, t: t, file: filepath.Join(t.TempDir(), "export.tar"), rand: rand.New(rand.NewPCG(4, 6))}
	for i := range 40 {
		s.incidents = append(s.incidents, h.incident(t, fmt.Sprint("incident ", i)))
	}
	for i := range 200 {
		h.describe(t, s.incidents[s.rand.IntN(40)].ID, fmt.Sprint("text ", i))
	}
	for i, inc := range s.incidents {
		h.describe(t, inc.ID, fmt.Sprint("last ", i))
		s.incidents[i] = must(store.Find[*tocsin.Incident](t.Context(), h, h.system.Org, tocsin.KindIncident, inc.ID))(t)
	}
	h.export(t, h.system) // every copy says that it was begun with this entry
	s.records = must(h.Log(t.Context(), h.system.Org, 0, 10_000))(t)
	s.sql("CREATE TABLE log_copy AS SELECT * FROM log")
	s.sql("CREATE TABLE incidents_copy AS SELECT * FROM incidents")
	return s
}

// sql runs a statement, on the organisation where it has a $1.
func (s *scene) sql(text string, args ...any) {
	s.t.Helper()
	if _, err := s.db.Exec(text, args...); err != nil {
		s.t.Fatalf("%s: %v", text, err)
	}
}

// some returns a random entry about an incident.
func (s *scene) some() store.Record {
	for {
		if r := s.records[s.rand.IntN(len(s.records))]; r.Kind == tocsin.KindIncident {
			return r
		}
	}
}

// a damage is what an attack came to: the entries and incidents it touched, and
// what an auditor must at least be told.
type damage struct {
	entries []int64
	objects []tocsin.ID
	// at is the entry that the report must name, kinds those of findings that will do.
	at    int64
	kinds []verify.Kind
	undo  func()
}

// attacks are done with SQL, on the rows of a log that was signed before.
func attacks() map[string]func(*scene) damage {
	return map[string]func(*scene) damage{
		"edit a leaf": func(s *scene) damage {
			r := s.some()
			s.sql("UPDATE log SET leaf = $3 WHERE org_id = $1 AND seq = $2", r.Org[:], r.Seq, s.edited(r.Leaf))
			return damage{entries: []int64{r.Seq}, at: r.Seq, kinds: []verify.Kind{verify.BadLeaf}}
		},
		"edit a leaf and its hash": func(s *scene) damage {
			r := s.some()
			leaf := bytes.Replace(r.Leaf, []byte(`"act":"incident.`), []byte(`"act":"incidemt.`), 1)
			hash := store.LeafHash(leaf)
			s.sql("UPDATE log SET leaf = $3, leaf_hash = $4 WHERE org_id = $1 AND seq = $2", r.Org[:], r.Seq, leaf, hash[:])
			return damage{entries: []int64{r.Seq}, at: r.Seq, kinds: []verify.Kind{verify.BadLeaf}}
		},
		"edit a hash": func(s *scene) damage {
			r := s.some()
			s.sql("UPDATE log SET leaf_hash = $3 WHERE org_id = $1 AND seq = $2", r.Org[:], r.Seq, s.flipped(r.LeafHash[:]))
			return damage{entries: []int64{r.Seq}, at: r.Seq, kinds: []verify.Kind{verify.BadTile}}
		},
		"edit details": func(s *scene) damage {
			r := s.some()
			s.sql("UPDATE log SET details = $3 WHERE org_id = $1 AND seq = $2", r.Org[:], r.Seq, s.flipped(r.Details))
			return damage{entries: []int64{r.Seq}, at: r.Seq, kinds: []verify.Kind{verify.BadDetails}}
		},
		"edit a nonce": func(s *scene) damage {
			r := s.some()
			s.sql("UPDATE log SET nonce = $3 WHERE org_id = $1 AND seq = $2", r.Org[:], r.Seq, s.flipped(r.Nonce))
			return damage{entries: []int64{r.Seq}, at: r.Seq, kinds: []verify.Kind{verify.BadDetails}}
		},
		"edit an index column": func(s *scene) damage {
			r := s.some()
			column := []string{"version", "prev_seq"}[s.rand.IntN(2)]
			s.sql("UPDATE log SET "+column+" = "+column+" + 1 WHERE org_id = $1 AND seq = $2", r.Org[:], r.Seq)
			return damage{entries: []int64{r.Seq}, at: r.Seq, kinds: []verify.Kind{verify.BadColumn}}
		},
		"give an entry to another object": func(s *scene) damage {
			r := s.some()
			other := s.incidents[s.rand.IntN(len(s.incidents))].ID
			if other == r.Object {
				other = s.project
			}
			s.sql("UPDATE log SET object_id = $3 WHERE org_id = $1 AND seq = $2", r.Org[:], r.Seq, other[:])
			return damage{entries: []int64{r.Seq}, at: r.Seq, kinds: []verify.Kind{verify.BadColumn}}
		},
		"delete an entry in the middle": func(s *scene) damage {
			r := s.some()
			s.sql("DELETE FROM log WHERE org_id = $1 AND seq = $2", r.Org[:], r.Seq)
			return damage{entries: []int64{r.Seq}, at: r.Seq, kinds: []verify.Kind{verify.MissingEntry, verify.BadLeaf}}
		},
		"delete an incident with all its entries": func(s *scene) damage {
			r := s.some()
			d := damage{objects: []tocsin.ID{r.Object}, kinds: []verify.Kind{verify.MissingEntry, verify.BadLeaf}}
			for _, other := range s.records {
				if other.Object == r.Object {
					d.entries = append(d.entries, other.Seq)
				}
			}
			d.at = d.entries[0]
			s.sql("DELETE FROM log WHERE org_id = $1 AND object_id = $2", r.Org[:], r.Object[:])
			s.sql("DELETE FROM incidents WHERE org_id = $1 AND id = $2", r.Org[:], r.Object[:])
			return d
		},
		"change the order of two entries": func(s *scene) damage {
			a, b := s.some(), s.some()
			for b.Seq == a.Seq {
				b = s.some()
			}
			const text = "UPDATE log SET kind = $3, object_id = $4, version = $5, prev_seq = $6, leaf = $7, leaf_hash = $8, details = $9, nonce = $10 WHERE org_id = $1 AND seq = $2"
			for _, x := range [][2]store.Record{{a, b}, {b, a}} {
				s.sql(text, x[0].Org[:], x[0].Seq, string(x[1].Kind), x[1].Object[:], x[1].Version, x[1].PrevSeq, x[1].Leaf, x[1].LeafHash[:], x[1].Details, x[1].Nonce)
			}
			return damage{entries: []int64{a.Seq, b.Seq}, at: min(a.Seq, b.Seq), kinds: []verify.Kind{verify.BadLeaf}}
		},
		"erase details without a word": func(s *scene) damage {
			r := s.some()
			s.sql("UPDATE log SET details = NULL, nonce = NULL WHERE org_id = $1 AND seq = $2", r.Org[:], r.Seq)
			return damage{entries: []int64{r.Seq}, at: r.Seq, kinds: []verify.Kind{verify.SilentRedaction}}
		},
		"edit an incident alone": func(s *scene) damage {
			i := s.incidents[s.rand.IntN(len(s.incidents))]
			column := []string{"title = 'all is well'", "severity = 'minor'", "status = 'resolved'", "number = number + 100000", "labels = '[]'", "started_at = started_at + 1"}[s.rand.IntN(6)]
			s.sql("UPDATE incidents SET "+column+" WHERE org_id = $1 AND id = $2", i.Org[:], i.ID[:])
			return damage{objects: []tocsin.ID{i.ID}, at: i.Seq, kinds: []verify.Kind{verify.BadObject}}
		},
		"delete an incident alone": func(s *scene) damage {
			i := s.incidents[s.rand.IntN(len(s.incidents))]
			s.sql("DELETE FROM incidents WHERE org_id = $1 AND id = $2", i.Org[:], i.ID[:])
			return damage{objects: []tocsin.ID{i.ID}, at: i.Seq, kinds: []verify.Kind{verify.BadObject}}
		},
		"put an older version of an incident back": func(s *scene) damage {
			i := s.incidents[s.rand.IntN(len(s.incidents))]
			var was store.Record
			for _, r := range s.records {
				if r.Object == i.ID && r.Version == i.Version-1 {
					was = r
				}
			}
			before := must(s.History(s.t.Context(), i.Org, store.Key{Kind: tocsin.KindIncident, ID: i.ID}))(s.t)
			text := before[len(before)-1].Changes[0].Old.AsText()
			s.sql("UPDATE incidents SET description = $3, version = $4, seq = $5, leaf = $6 WHERE org_id = $1 AND id = $2",
				i.Org[:], i.ID[:], text, was.Version, was.Seq, was.LeafHash[:])
			return damage{objects: []tocsin.ID{i.ID}, at: i.Seq, kinds: []verify.Kind{verify.BadObject}}
		},
		"date an incident back": func(s *scene) damage {
			i := s.incidents[s.rand.IntN(len(s.incidents))]
			column := []string{"created_at", "updated_at"}[s.rand.IntN(2)]
			s.sql("UPDATE incidents SET "+column+" = "+column+" - 1 WHERE org_id = $1 AND id = $2", i.Org[:], i.ID[:])
			return damage{objects: []tocsin.ID{i.ID}, at: i.Seq, kinds: []verify.Kind{verify.BadObject}}
		},
		"invent an incident": func(s *scene) damage {
			i := s.incidents[s.rand.IntN(len(s.incidents))]
			var id tocsin.ID
			for n := range id {
				id[n] = byte(s.rand.IntN(256))
			}
			s.sql("UPDATE incidents SET id = $3 WHERE org_id = $1 AND id = $2", i.Org[:], i.ID[:], id[:])
			return damage{objects: []tocsin.ID{i.ID, id}, at: i.Seq, kinds: []verify.Kind{verify.BadObject}}
		},
		"edit a hash of the tree": func(s *scene) damage {
			tile := must(s.Tile(s.t.Context(), s.system.Org, 1, 0))(s.t)
			forged := slices.Clone(tile)
			forged[s.rand.IntN(32)] ^= 1 << s.rand.IntN(8)
			s.sql("UPDATE tiles SET hashes = $2 WHERE org_id = $1 AND level = 1 AND n = 0", s.system.Org[:], forged)
			return damage{at: 1, kinds: []verify.Kind{verify.BadTile}, undo: func() {
				now := must(s.Tile(s.t.Context(), s.system.Org, 1, 0))(s.t)
				s.sql("UPDATE tiles SET hashes = $2 WHERE org_id = $1 AND level = 1 AND n = 0", s.system.Org[:], append(slices.Clone(tile[:32]), now[32:]...))
			}}
		},
	}
}

// flipped returns a copy with one bit the other way.
func (s *scene) flipped(b []byte) []byte {
	b = slices.Clone(b)
	b[s.rand.IntN(len(b))] ^= 1 << s.rand.IntN(8)
	return b
}

// edited returns a copy with one byte that is another letter.
func (s *scene) edited(b []byte) []byte {
	b = slices.Clone(b)
	for {
		if i := s.rand.IntN(len(b)); b[i] != 'x' {
			b[i] = 'x'
			return b
		}
	}
}

// repair puts everything back.
func (s *scene) repair(d damage) {
	for _, seq := range d.entries {
		s.sql("DELETE FROM log WHERE org_id = $1 AND seq = $2", s.system.Org[:], seq)
		s.sql("INSERT INTO log SELECT * FROM log_copy WHERE org_id = $1 AND seq = $2", s.system.Org[:], seq)
	}
	for _, id := range d.objects {
		s.sql("DELETE FROM incidents WHERE org_id = $1 AND id = $2", s.system.Org[:], id[:])
	}
	for _, id := range d.objects {
		s.sql("INSERT INTO incidents SELECT * FROM incidents_copy WHERE org_id = $1 AND id = $2", s.system.Org[:], id[:])
	}
	if d.undo != nil {
		d.undo()
	}
}

func TestVerify_findsWhatWasDoneToTheDatabase(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, h *house) {
		s := newScene(t, h)
		key := h.vkey(t)
		for name, attack := range attacks() {
			t.Run(name, func(t *testing.T) {
				s.t = t
				for range *places {
					s.suffer(t, attack, key)
				}
				wantProven(t, verified(t, s.copy(t), key))
			})
		}
	})
}

// suffer lets one attack happen and wants it found.
func (s *scene) suffer(t *testing.T, attack func(*scene) damage, key string) {
	t.Helper()
	d := attack(s)
	defer s.repair(d)
	wantFound(t, verified(t, s.copy(t), key), d.at, d.kinds...)
}

// copy exports the log as it is, without a trace.
func (s *scene) copy(t testing.TB) string {
	t.Helper()
	var b bytes.Buffer
	ok(t, s.audit.ExportUnrecorded(context.Background(), s.system.Org, int64(len(s.records)), &b))
	ok(t, os.WriteFile(s.file, b.Bytes(), 0o600))
	return s.file
}

// wantFound fails the test unless a report says that an entry was tampered with.
func wantFound(t testing.TB, r verify.Report, at int64, kinds ...verify.Kind) {
	t.Helper()
	if r.Verdict != verify.Tampered || !slices.Contains(kinds, r.Finding.Kind) {
		t.Fatalf("the verdict is %q of kind %q: %s; want it tampered, of a kind among %v; others: %v", r.Verdict, r.Finding.Kind, r.Message, kinds, r.Others)
	}
	if at > 0 && r.Seq != at && (r.Last == 0 || at < r.Seq || r.Last < at) {
		t.Fatalf("entry %d was tampered with; the report names %d to %d: %s; others: %v", at, r.Seq, r.Last, r.Message, r.Others)
	}
}
