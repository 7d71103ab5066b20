package postgres_test

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"tocsin"
	"tocsin/internal/pgtest"
	"tocsin/internal/store"
	"tocsin/internal/store/postgres"
	"tocsin/internal/store/storetest"
)

// The benchmarks measure a change of two fields of one of many incidents, asked
// for with an API key; the pgbench ones send the same work on the same database,
// for the ratio that the engine is held to. Compare adjacent runs only.

const benchIncidents = 10_000

// bench is a database with an organisation full of incidents.
type bench struct {
	*postgres.Store
	url      string
	org, key tocsin.ID
	actor    tocsin.Actor
}

// incidentID numbers the incidents, so that pgbench can name them too.
func incidentID(n int) (id tocsin.ID) {
	binary.BigEndian.PutUint64(id[8:], uint64(n))
	return id
}

func newBench(b *testing.B) *bench {
	b.Helper()
	url := pgtest.URL(b)
	w := &bench{Store: mustOpen(b, options(b, url)), url: url, org: storetest.NewID(), key: storetest.NewID()}
	system, user, project := tocsin.System(w.org, "bench"), storetest.NewID(), storetest.NewID()
	meta := func(id tocsin.ID) tocsin.Meta { return tocsin.Meta{Org: w.org, ID: id} }
	w.write(b, system, func(store.View) []tocsin.Object {
		return []tocsin.Object{
			&tocsin.Organisation{Meta: meta(w.org), Name: "Acme"},
			&tocsin.Project{Meta: meta(project), Name: "Shop"},
			&tocsin.User{Meta: meta(user), Name: "Ann", Email: "ann@x.test"},
			&tocsin.Grant{Meta: meta(storetest.NewID()), User: user, Role: tocsin.RoleEditor, Scope: tocsin.ScopeProject, ScopeID: project},
			&tocsin.APIKey{Meta: meta(w.key), Owner: user, Name: "ci"},
		}
	})
	for n := 0; n < benchIncidents; {
		w.write(b, system, func(v store.View) []tocsin.Object {
			var objects []tocsin.Object
			for range 500 {
				n++
				objects = append(objects, &tocsin.Incident{
					Meta: meta(incidentID(n)), Number: int32(n), Project: project, Title: "orders are late",
					Description: "The nightly import has not finished.", Severity: tocsin.Major, Status: tocsin.Open,
					Source: tocsin.FromManual, StartedAt: v.Now, OpenedAt: v.Now,
				})
			}
			return objects
		})
	}
	w.actor = tocsin.Actor{
		Kind: tocsin.ActorUser, Org: w.org, User: user, Key: w.key, Door: "soda",
		Request: "01JD2Y7M3W", Address: "192.0.2.7", Agent: "python-requests/2.32",
	}
	w.sql(b, "ANALYZE")
	w.sql(b, "CREATE SEQUENCE bench_seq START 1000000000")
	return w
}

func (w *bench) write(b *testing.B, actor tocsin.Actor, objects func(store.View) []tocsin.Object) {
	b.Helper()
	made := objects(store.View{Now: time.Now()})
	cmd := store.Command{Actor: actor, Decide: func(store.View) (store.Change, error) {
		return store.Change{Action: "bench.fill", Objects: made}, nil
	}}
	for _, o := range made {
		cmd.Keys = append(cmd.Keys, store.Key{Kind: o.Kind(), ID: o.Head().ID})
	}
	if _, err := w.Commit(b.Context(), cmd); err != nil {
		b.Fatal(err)
	}
}

func (w *bench) change(n int, message string) store.Command {
	id := incidentID(n)
	return store.Command{
		Actor: w.actor,
		Keys:  []store.Key{{Kind: tocsin.KindIncident, ID: id}},
		Decide: func(v store.View) (store.Change, error) {
			was, err := store.Object[*tocsin.Incident](v, tocsin.KindIncident, id)
			if err != nil {
				return store.Change{}, err
			}
			if err := v.Authorise(w.actor, tocsin.ViewIncidents, tocsin.ManageIncidents, was.Target(), tocsin.KindIncident); err != nil {
				return store.Change{}, err
			}
			i := *was
			i.FailureCount++
			i.ErrorMessage = message
			return store.Change{Action: "incident.update", Objects: []tocsin.Object{&i}}, nil
		},
	}
}

func BenchmarkCommitLone(b *testing.B) {
	w := newBench(b)
	for b.Loop() {
		n := rand.IntN(benchIncidents) + 1
		if _, err := w.Commit(b.Context(), w.change(n, strconv.Itoa(rand.Int()))); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "changes/s")
}

func BenchmarkCommit64(b *testing.B) {
	w := newBench(b)
	b.SetParallelism(32) // times two processors
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			n := rand.IntN(benchIncidents) + 1
			if _, err := w.Commit(b.Context(), w.change(n, strconv.Itoa(rand.Int()))); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "changes/s")
}

// BenchmarkPgbenchLone is one client doing the statements of a lone commit in
// the same two round trips.
func BenchmarkPgbenchLone(b *testing.B) {
	w := newBench(b)
	w.pgbench(b, 1, `\startpipeline
BEGIN;
SELECT seq, number FROM heads WHERE org_id = $ORG FOR NO KEY UPDATE;
SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;
SELECT k.*, u.*, g.scope, g.scope_id, g.role, r.permissions FROM api_keys k
 JOIN users u ON u.org_id = k.org_id AND u.id = k.owner_id
 LEFT JOIN grants g ON g.org_id = k.org_id AND g.user_id = k.owner_id AND g.revoked_at = 0
 LEFT JOIN roles r ON r.org_id = g.org_id AND r.name = g.role WHERE k.id = $KEY;
SELECT * FROM incidents WHERE org_id = $ORG AND id = $ID;
\endpipeline
\startpipeline
UPDATE incidents SET version = version + 1, seq = :n::bigint, leaf = $HASH, updated_at = :n::bigint, title = 'orders are late',
 description = 'The nightly import has not finished.', severity = 'major', error_message = 'error ' || :n::bigint, affected_regions = '[]',
 failure_count = failure_count + 1, resolution_notes = '', lead_id = NULL, acknowledged_at = 0, resolved_at = 0 WHERE org_id = $ORG AND id = $ID;
INSERT INTO log SELECT $ORG, nextval('bench_seq'), 'incident', $ID, 2, 1, $LEAF, $HASH, $DETAILS, $HASH;
UPDATE heads SET seq = seq + 1, number = number WHERE org_id = $ORG;
COMMIT;
\endpipeline
`)
}

// BenchmarkPgbench64 is 64 clients with one statement a change, the best that
// one transaction a change comes to: no head to wait for, nothing read first.
func BenchmarkPgbench64(b *testing.B) {
	w := newBench(b)
	w.pgbench(b, 64, `WITH i AS (UPDATE incidents SET version = version + 1, seq = :n::bigint, leaf = $HASH, updated_at = :n::bigint, error_message = 'error ' || :n::bigint,
 failure_count = failure_count + 1 WHERE org_id = $ORG AND id = $ID RETURNING id)
INSERT INTO log SELECT $ORG, nextval('bench_seq'), 'incident', id, 2, 1, $LEAF, $HASH, $DETAILS, $HASH FROM i;
`)
}

// pgbench runs a script for b's time and reports its transactions a second.
func (w *bench) pgbench(b *testing.B, clients int, script string) {
	b.Helper()
	bytea := func(raw []byte) string { return `'\x` + hex.EncodeToString(raw) + `'::bytea` }
	script = strings.NewReplacer(
		"$ORG", bytea(w.org[:]), "$KEY", bytea(w.key[:]),
		"$ID", fmt.Sprintf("decode(lpad(to_hex(:n::bigint), %d, '0'), 'hex')", 32),
		"$LEAF", bytea(make([]byte, 600)), "$DETAILS", bytea(make([]byte, 200)), "$HASH", bytea(make([]byte, 32)),
	).Replace(fmt.Sprintf("\\set n random(1, %d)\n", benchIncidents) + script)
	file := filepath.Join(b.TempDir(), "script.sql")
	if err := os.WriteFile(file, []byte(script), 0o600); err != nil {
		b.Fatal(err)
	}
	path, err := exec.LookPath("pgbench")
	if found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/pgbench"); err != nil && len(found) > 0 {
		path, err = found[len(found)-1], nil
	}
	if err != nil {
		b.Skip("pgbench is not installed")
	}
	u, err := url.Parse(w.url)
	if err != nil {
		b.Fatal(err)
	}
	threads := min(clients, 2)
	out, err := exec.Command(path, "-n", "-M", "prepared", "-c", strconv.Itoa(clients), "-j", strconv.Itoa(threads), "-T", "3",
		"-h", u.Query().Get("host"), "-U", u.Query().Get("user"), "-f", file, strings.TrimPrefix(u.Path, "/")).CombinedOutput()
	if err != nil {
		b.Fatalf("pgbench: %v\n%s", err, out)
	}
	tps := regexp.MustCompile(`tps = ([0-9.]+)`).FindSubmatch(out)
	if tps == nil {
		b.Fatalf("pgbench said:\n%s", out)
	}
	rate, err := strconv.ParseFloat(string(tps[1]), 64)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(rate, "changes/s")
}

// sql runs a statement beside the engine.
func (w *bench) sql(b *testing.B, text string) {
	b.Helper()
	pgtest.Exec(b, w.url, text)
}
