package audit_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"log/slog"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"tocsin"
	"tocsin/internal/audit"
	"tocsin/internal/audit/verify"
	"tocsin/internal/directory"
	"tocsin/internal/incident"
	"tocsin/internal/pgtest"
	"tocsin/internal/secret"
	"tocsin/internal/store"
	"tocsin/internal/store/postgres"
	"tocsin/internal/store/sqlite"
	"tocsin/internal/store/storetest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// A house is an organisation in a real database with its follower. The test
// ticks the follower itself.
type house struct {
	store.Store
	audit     *audit.Service
	follower  *audit.Follower
	directory *directory.Service
	incidents *incident.Service
	// db is a door to the database that nothing guards.
	db *sql.DB
	// node is the node's own directory.
	node    string
	system  tocsin.Actor
	project tocsin.ID
}

// engines are both, each as what opens an empty database of it.
func engines() map[string]func(testing.TB) (store.Store, *sql.DB) {
	return map[string]func(testing.TB) (store.Store, *sql.DB){
		"sqlite": func(t testing.TB) (store.Store, *sql.DB) {
			dir := t.TempDir()
			s := openSQLite(t, dir)
			db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, sqlite.FileName)+"?_pragma=busy_timeout(5000)")
			return s, guarded(t, db, err, "DROP TRIGGER log_keeps_rows; DROP TRIGGER log_keeps_leaves")
		},
		"postgres": func(t testing.TB) (store.Store, *sql.DB) {
			url := pgtest.URL(t)
			s := openPostgres(t, url)
			db, err := sql.Open("pgx", url)
			return s, guarded(t, db, err, "ALTER TABLE log DISABLE TRIGGER ALL")
		},
	}
}

func guarded(t testing.TB, db *sql.DB, err error, unlock string) *sql.DB {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if _, err := db.Exec(unlock); err != nil {
		t.Fatal(err)
	}
	return db
}

func openSQLite(t testing.TB, dir string) store.Store {
	t.Helper()
	s, err := sqlite.Open(context.Background(), sqlite.Options{
		Dir: dir, Server: true, NewID: storetest.NewID, Now: time.Now, Observer: storetest.Observer{}, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func openPostgres(t testing.TB, url string) store.Store {
	t.Helper()
	s, err := postgres.Open(context.Background(), postgres.Options{
		URL: secret.Secret(url), NewID: storetest.NewID, Now: time.Now, Observer: storetest.Observer{}, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func newHouse(t testing.TB, s store.Store, db *sql.DB) *house {
	t.Helper()
	h := &house{db: db, node: t.TempDir()}
	h.use(t, s)
	org := must(h.directory.CreateOrganisation(t.Context(), "test", "Meridian ☎ \"Ltd\""))(t)
	h.system = tocsin.System(org.ID, "test")
	h.project = must(h.directory.CreateProject(t.Context(), h.system, "shop"))(t).ID
	h.follow(t)
	return h
}

// use takes up work on a store.
func (h *house) use(t testing.TB, s store.Store) {
	h.Store = s
	h.directory, h.incidents = directory.New(s, storetest.NewID), incident.New(s, storetest.NewID)
	h.follower = h.newFollower(t, h.node)
	h.audit = audit.New(audit.Options{
		Store: s, NewID: storetest.NewID, Now: time.Now,
		Wait: func(ctx context.Context) error {
			h.follow(t)
			return ctx.Err()
		},
	})
}

func (h *house) newFollower(_ testing.TB, node string) *audit.Follower {
	return audit.NewFollower(audit.FollowerOptions{
		Store: h.Store, KeyFile: filepath.Join(node, audit.KeyFile), StateDir: node, Holder: node,
		Random: rand.Reader, Now: time.Now, Logger: slog.New(slog.DiscardHandler),
	})
}

// follow lets the follower do all there is.
func (h *house) follow(t testing.TB) {
	t.Helper()
	for more := true; more; {
		var err error
		if more, err = h.follower.Round(t.Context()); err != nil {
			t.Fatalf("a round of the follower: %v", err)
		}
	}
}

// must returns a value, or fails the test that it is then given.
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (h *house) vkey(t testing.TB) string {
	t.Helper()
	return strings.Join(must(h.audit.Keys(context.Background()))(t), "\n")
}

func (h *house) incident(t testing.TB, title string) *tocsin.Incident {
	t.Helper()
	return must(h.incidents.Create(context.Background(), h.system, tocsin.Draft{
		Project: h.project, Title: title, Severity: tocsin.Major, Type: "timeout", Source: tocsin.FromSystem,
		Description: "line one\nline \"two\" \\ \u2028 \U0001F525 \x01", Labels: map[string]string{"region": "eu/west"},
	}))(t)
}

func (h *house) describe(t testing.TB, id tocsin.ID, text string) {
	t.Helper()
	must(h.incidents.Update(context.Background(), h.system, id, tocsin.Patch{Description: &text, Note: "said " + text}, tocsin.Rules{}))(t)
}

// export returns the organisation's export as a file.
func (h *house) export(t testing.TB, actor tocsin.Actor) string {
	t.Helper()
	var b bytes.Buffer
	ok(t, h.audit.Export(context.Background(), actor, &b))
	path := filepath.Join(t.TempDir(), "export.tar")
	ok(t, os.WriteFile(path, b.Bytes(), 0o600))
	return path
}

// verified verifies an export with what an auditor has.
func verified(t testing.TB, path, key string, saved ...[]byte) verify.Report {
	t.Helper()
	return must(verify.Run(context.Background(), path, key, saved, nil))(t)
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func newRand() *mathrand.Rand { return mathrand.New(mathrand.NewPCG(7, 7)) }

func wantProven(t testing.TB, r verify.Report) {
	t.Helper()
	if r.Verdict != verify.Proven {
		t.Fatalf("the verdict on an untouched log is %q: %s (entry %d, %s); others: %v", r.Verdict, r.Message, r.Seq, r.Finding.Kind, r.Others)
	}
}

func wantCode(t testing.TB, what string, err error, want tocsin.Code) {
	t.Helper()
	if got := tocsin.CodeOf(err); got != want {
		t.Errorf("%s: error %v has code %q; want %q", what, err, got, want)
	}
}
