package postgres_test

import (
	"context"
	"database/sql"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	_ "github.com/jackc/pgx/v5/stdlib"

	"tocsin"
	"tocsin/internal/pgtest"
	"tocsin/internal/store/postgres"
	"tocsin/internal/store/sqlite"
	"tocsin/internal/store/storetest"
)

// raw opens the database beside the engine, as a meddler would.
func raw(t testing.TB, target string) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// with returns the URL with one more parameter.
func with(t testing.TB, target, name, value string) string {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set(name, value)
	u.RawQuery = q.Encode()
	return u.String()
}

func TestOpen_severalNodesStartAtOnce(t *testing.T) {
	t.Parallel()
	target := pgtest.URL(t)
	var nodes sync.WaitGroup
	installations := make([]tocsin.ID, 4)
	for n := range installations {
		nodes.Go(func() {
			s, err := postgres.Open(context.Background(), options(t, target))
			if err != nil {
				t.Errorf("node %d: %v", n, err)
				return
			}
			installations[n] = s.Installation()
			if err := s.Close(); err != nil {
				t.Errorf("node %d: %v", n, err)
			}
		})
	}
	nodes.Wait()
	for _, id := range installations {
		if id != installations[0] || id.IsZero() {
			t.Errorf("the nodes disagree on the installation: %v", installations)
			break
		}
	}
}

func TestOpen_refusesWhatWouldNotKeepItsPromises(t *testing.T) {
	t.Parallel()
	target := pgtest.URL(t)
	newer := pgtest.URL(t)
	if err := mustOpen(t, options(t, newer)).Close(); err != nil {
		t.Fatal(err)
	}
	pgtest.Exec(t, newer, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, true)")
	ascii := pgtest.URL(t)
	pgtest.Exec(t, ascii, "CREATE DATABASE tocsin_ascii TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'")
	t.Cleanup(func() { pgtest.Exec(t, ascii, "DROP DATABASE tocsin_ascii WITH (FORCE)") })
	u, err := url.Parse(ascii)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/tocsin_ascii"
	for _, c := range []struct{ name, url, says string }{
		{"commits that are not durable", with(t, target, "synchronous_commit", "off"), "synchronous_commit=off"},
		{"commits that a standby only has in memory", with(t, target, "synchronous_commit", "remote_write"), "synchronous_commit=remote_write"},
		{"a database that takes no writes", with(t, target, "default_transaction_read_only", "on"), "read only"},
		{"another encoding", u.String(), "SQL_ASCII"},
		{"a schema from the future", newer, "9999"},
		{"no database", with(t, target, "dbname", "there_is_none"), "there_is_none"},
		{"no URL", "postgres://:::", "cannot be read"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := postgres.Open(t.Context(), options(t, c.url))
			if err == nil {
				s.Close()
			}
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %v; want one that says %q", err, c.says)
			}
		})
	}
	// What is as safe as the usual setting, or safer, is let pass.
	mustOpen(t, options(t, with(t, target, "synchronous_commit", "remote_apply")))
}

func TestOpen_refusesAServerWithoutFsync(t *testing.T) {
	t.Parallel()
	server := pgtest.NewServer(t, "fsync=off")
	s, err := postgres.Open(t.Context(), options(t, server.URL))
	if err == nil {
		s.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "fsync=off") {
		t.Errorf("error %v; want one that says what to set", err)
	}
}

func TestOpen_neverTellsThePassword(t *testing.T) {
	t.Parallel()
	for _, target := range []string{
		"postgres://ann:hunter2@127.0.0.1:1/x",
		"postgres://ann:hunter2@127.0.0.1:port/x",
		"postgres://ann:hun:hunter2@[::1/x",
		"host=127.0.0.1 port=1 user=ann password='hunter2",
		"host=127.0.0.1 port=1 user=ann password=hunter2 dbname=x",
	} {
		_, err := postgres.Open(t.Context(), options(t, target))
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("error %v; want one without the password", err)
		}
	}
}

func TestLog_refusesToBeChanged(t *testing.T) {
	t.Parallel()
	target := pgtest.URL(t)
	newOrganisation(t, mustOpen(t, options(t, target)), "Acme")
	db := raw(t, target)
	storetest.CheckLogIsKept(t, db)
	if _, err := db.Exec("TRUNCATE log"); err == nil {
		t.Error("the database allowed to truncate the log")
	}
}

// column is what both schemas must agree on.
type column struct {
	Type     string
	Nullable bool
}

func TestSchema_isThatOfSQLite(t *testing.T) {
	t.Parallel()
	target, dir := pgtest.URL(t), t.TempDir()
	mustOpen(t, options(t, target))
	s, err := sqlite.Open(t.Context(), sqlite.Options{
		Dir: dir, NewID: storetest.NewID, Now: time.Now, Observer: storetest.Observer{}, Logger: storetest.Logger(t),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	embedded, err := sql.Open("sqlite", "file:"+dir+"/"+sqlite.FileName)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { embedded.Close() })

	want := columns(t, embedded, `SELECT m.name, c.name, c.type, c."notnull" = 0 AND c.pk = 0 FROM sqlite_schema m, pragma_table_info(m.name) c
WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name <> 'goose_db_version'`)
	got := columns(t, raw(t, target), `SELECT table_name, column_name, data_type, is_nullable = 'YES' FROM information_schema.columns
WHERE table_schema = 'public' AND table_name NOT IN ('goose_db_version', 'call_windows', 'leases')`) // a single server keeps both in memory
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the schemas differ (- SQLite, + PostgreSQL):\n%s", diff)
	}
}

func columns(t *testing.T, db *sql.DB, query string) map[string]column {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	kinds := map[string]string{
		"BLOB": "bytes", "bytea": "bytes", "TEXT": "text", "text": "text", "INTEGER": "integer", "bigint": "integer", "integer": "integer",
	}
	out := make(map[string]column)
	for rows.Next() {
		var table, name, kind string
		var c column
		if err := rows.Scan(&table, &name, &kind, &c.Nullable); err != nil {
			t.Fatal(err)
		}
		c.Type = kinds[kind]
		out[table+"."+name] = c
	}
	if err := rows.Err(); err != nil || len(out) == 0 {
		t.Fatalf("%d columns, %v", len(out), err)
	}
	return out
}

// A day's backlog goes some at a time, and all of it.
func TestForgetReplies_allThatAreADayOld(t *testing.T) {
	t.Parallel()
	target := pgtest.URL(t)
	s := mustOpen(t, options(t, target))
	db := raw(t, target)
	const insert = `INSERT INTO replies SELECT decode(repeat('01', 16), 'hex'), int4send(n), '', 200, '{}', '',
 (extract(epoch FROM now()) * 1000000)::bigint - CASE WHEN n > 1234 THEN 0 ELSE $1::bigint END FROM generate_series(1, 1236) AS g(n)`
	if _, err := db.Exec(insert, (tocsin.ReplyLife + time.Minute).Microseconds()); err != nil {
		t.Fatal(err)
	}
	if err := s.ForgetReplies(t.Context()); err != nil {
		t.Fatal(err)
	}
	var left int
	if err := db.QueryRow("SELECT count(*) FROM replies").Scan(&left); err != nil || left != 2 {
		t.Errorf("%d replies are left (%v); want the two that are young", left, err)
	}
}
