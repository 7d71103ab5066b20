package operate_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"tocsin/internal/access"
	"tocsin/internal/demo"
	"tocsin/internal/directory"
	"tocsin/internal/incident"
	"tocsin/internal/operate"
	"tocsin/internal/pgtest"
	"tocsin/internal/secret"
	"tocsin/internal/store"
	"tocsin/internal/store/postgres"
	"tocsin/internal/store/sqlite"
	"tocsin/internal/store/sqlstore"
	"tocsin/internal/store/storetest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// engines are the two that everything here is held on.
func engines() map[string]func(*testing.T) operate.Place {
	return map[string]func(*testing.T) operate.Place{
		"sqlite":     emptyDir,
		"postgresql": emptyURL,
	}
}

func emptyDir(t *testing.T) operate.Place {
	t.Helper()
	return operate.Place{Dir: filepath.Join(t.TempDir(), "data")}
}

func emptyURL(t *testing.T) operate.Place {
	t.Helper()
	return operate.Place{URL: secret.Secret(pgtest.URL(t))}
}

func open(t *testing.T, p operate.Place) store.Store {
	t.Helper()
	s, err := openEngine(t, p)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func openEngine(t *testing.T, p operate.Place) (store.Store, error) {
	if p.URL != "" {
		return postgres.Open(t.Context(), postgres.Options{
			URL: p.URL, NewID: storetest.NewID, Now: time.Now, Observer: storetest.Observer{}, Logger: storetest.Logger(t),
		})
	}
	return sqlite.Open(t.Context(), sqlite.Options{
		Dir: p.Dir, Server: true, NewID: storetest.NewID, Now: time.Now, Observer: storetest.Observer{}, Logger: storetest.Logger(t),
	})
}

func closeStore(t *testing.T, s store.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// demonstrate fills a place with the demo's data.
func demonstrate(t *testing.T, p operate.Place) {
	t.Helper()
	s := open(t, p)
	defer closeStore(t, s)
	u := demo.UseCases{
		Access: access.New(s, storetest.NewID, rand.Reader, time.Now), Incidents: incident.New(s, storetest.NewID), Directory: directory.New(s, storetest.NewID),
	}
	if _, err := demo.Seed(t.Context(), u, time.Now()); err != nil {
		t.Fatal(err)
	}
}

// A load makes organisations on a store until it is stopped.
type load struct {
	acknowledged atomic.Int64
	stop         func()
}

func writing(t *testing.T, s store.Store) *load {
	t.Helper()
	l := &load{}
	done := make(chan struct{})
	var writers sync.WaitGroup
	for range 8 {
		writers.Go(func() {
			organisations := directory.New(s, storetest.NewID)
			for {
				select {
				case <-done:
					return
				default:
				}
				if _, err := organisations.CreateOrganisation(context.Background(), "test", "Organisation "+storetest.NewID().String()); err != nil {
					t.Errorf("a change while the backup runs: %v", err)
					return
				}
				l.acknowledged.Add(1)
			}
		})
	}
	l.stop = sync.OnceFunc(func() { close(done); writers.Wait() })
	t.Cleanup(l.stop)
	return l
}

func quiet(string, int64, int64) {}

// survey reads what a place that nobody writes to holds.
func survey(t *testing.T, p operate.Place) sqlstore.Survey {
	t.Helper()
	file := filepath.Join(t.TempDir(), "survey.backup")
	r, err := operate.Backup(t.Context(), p, file, false, quiet)
	if err != nil {
		t.Fatalf("survey the place: %v", err)
	}
	return r.Survey
}

// raw opens a place's database beside the engine, as a meddler would.
func raw(t *testing.T, p operate.Place) *sql.DB {
	t.Helper()
	driver, name := "pgx", p.URL.Reveal()
	if name == "" {
		driver, name = "sqlite", filepath.Join(p.Dir, sqlite.FileName)
	}
	db, err := sql.Open(driver, name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func exec(t *testing.T, p operate.Place, statements ...string) {
	t.Helper()
	db := raw(t, p)
	defer db.Close()
	for _, text := range statements {
		if _, err := db.ExecContext(t.Context(), text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
}

// unguarded are the statements that take the log's triggers away.
func unguarded(p operate.Place) []string {
	if p.URL != "" {
		return []string{"ALTER TABLE log DISABLE TRIGGER ALL"}
	}
	return []string{"DROP TRIGGER log_keeps_rows", "DROP TRIGGER log_keeps_leaves"}
}

// wantRefused checks that an operation failed with an error that says why.
func wantRefused(t *testing.T, what string, err error, says string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), says) {
		t.Errorf("%s: error %v; want one that says %q", what, err, says)
	}
}

// wantNothing checks that a directory is not there, or has nothing in it but
// what is named.
func wantNothing(t *testing.T, dir string, but ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for _, e := range entries {
		found := false
		for _, name := range but {
			found = found || name == e.Name()
		}
		if !found {
			t.Errorf("%s was left in %s", e.Name(), dir)
		}
	}
}
