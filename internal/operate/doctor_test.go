package operate_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tocsin/internal/operate"
	"tocsin/internal/store/postgres"
	"tocsin/internal/store/sqlite"
	"tocsin/internal/store/sqlstore"
)

func examine(t *testing.T, p operate.Place) map[string]operate.Finding {
	t.Helper()
	findings, err := operate.Doctor(t.Context(), p, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	byName := make(map[string]operate.Finding)
	for _, f := range findings {
		byName[f.Check] = f
		if (f.State == operate.OK) != (f.Advice == "") || f.Detail == "" {
			t.Errorf("%+v: what is not well has advice, and what is well none", f)
		}
	}
	return byName
}

func TestDoctor_findsNothingWrongWithTheDemo(t *testing.T) {
	t.Parallel()
	for name, empty := range engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := empty(t)
			demonstrate(t, p)
			findings := examine(t, p)
			for _, f := range findings {
				if f.State == operate.Fail {
					t.Errorf("%s: %s", f.Check, f.Detail)
				}
			}
			if d := findings["logs"].Detail; !strings.Contains(d, "none missing") {
				t.Errorf("the logs: %s", d)
			}
			if d := findings["server"].Detail; !strings.Contains(d, "none is running") {
				t.Errorf("the server: %s", d)
			}
			s := open(t, p)
			defer closeStore(t, s)
			if err := s.Ping(t.Context()); err != nil {
				t.Fatal(err)
			}
			if d := examine(t, p)["server"].Detail; !strings.Contains(d, "running on this database") {
				t.Errorf("with a server: %s", d)
			}
		})
	}
}

func TestDoctor_seesAGapInALog(t *testing.T) {
	t.Parallel()
	for name, empty := range engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := empty(t)
			demonstrate(t, p)
			exec(t, p, append(unguarded(p), "DELETE FROM log WHERE seq = 3")...)
			if f := examine(t, p)["logs"]; f.State != operate.Fail {
				t.Errorf("a gap: %+v; want a failure", f)
			}
		})
	}
}

func TestDoctor_seesADamagedFile(t *testing.T) {
	t.Parallel()
	p := emptyDir(t)
	demonstrate(t, p)
	file := filepath.Join(p.Dir, sqlite.FileName)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for i := 8192; i < len(text); i += 4096 {
		copy(text[i:], "no page of a tree begins like this")
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	findings := examine(t, p)
	if findings["file"].State != operate.Fail && findings["database"].State != operate.Fail {
		t.Errorf("a damaged file: %+v", findings)
	}
}

func TestDoctor_saysWhatKeepsItFromADatabase(t *testing.T) {
	t.Parallel()
	_, err := operate.Doctor(t.Context(), emptyDir(t), time.Now)
	wantRefused(t, "no directory", err, "there is no database")
	f := examine(t, operate.Place{URL: "postgres://tocsin:hunter2@127.0.0.1:1/tocsin"})["database"]
	if f.State != operate.Fail || strings.Contains(f.Detail, "hunter2") {
		t.Errorf("no server: %+v; want a failure without the password", f)
	}
	f = examine(t, emptyURL(t))["schema"]
	if f.State != operate.Warn {
		t.Errorf("a database without a schema: %+v; want a warning", f)
	}
}

// well is what an installation in good health looks like.
func well() operate.Facts {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	return operate.Facts{
		Known: 3,
		Host: operate.Host{Now: now, User: 7, OpenFiles: 4096, Dir: &operate.DataDir{
			Path: "/data", Mode: 0o700, Owner: 7, Free: 50e9, Sync: time.Millisecond,
		}},
		SQLite: &sqlite.Health{
			Version: "3.54.1", Journal: "wal", Synchronous: 2, Served: true, Schema: 3,
			Logs: []sqlstore.LogHealth{{Head: 5, Entries: 5, First: 1, Last: 5, Tree: 5, Signed: true, Newest: now}},
		},
	}
}

func wellOnPostgres() operate.Facts {
	f := well()
	f.PostgreSQL = &postgres.Health{
		Version: "15.18", Encoding: "UTF8", Collation: "C", SynchronousCommit: "on", FullPageWrites: "on", Checksums: "on",
		Limit: 100, Used: 20, Nodes: 1, MayCreate: true, Schema: 3, Logs: f.SQLite.Logs,
	}
	f.SQLite, f.Host.Dir = nil, nil
	return f
}

func TestJudge(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		facts   func() operate.Facts
		change  func(*operate.Facts)
		check   string
		want    operate.State
		mention string
	}{
		{"a directory that others may enter", well, func(f *operate.Facts) { f.Host.Dir.Mode = 0o755 }, "directory", operate.Warn, "0755"},
		{"somebody else's directory", well, func(f *operate.Facts) { f.Host.User = 0 }, "owner", operate.Warn, "user 7"},
		{"a stranger's file", well, func(f *operate.Facts) { f.Host.Dir.Strangers = []string{"tocsin.db"} }, "owner", operate.Fail, "tocsin.db"},
		{"little space", well, func(f *operate.Facts) { f.Host.Dir.Free = 500e6 }, "disk space", operate.Warn, "500 MB"},
		{"no space", well, func(f *operate.Facts) { f.Host.Dir.Free = 5e6 }, "disk space", operate.Fail, "5 MB"},
		{"a disk that cannot sync", well, func(f *operate.Facts) { f.Host.Dir.SyncError = errors.New("I/O error") }, "disk sync", operate.Fail, "I/O error"},
		{"memory for a disk", well, func(f *operate.Facts) { f.Host.Dir.Sync = time.Microsecond }, "disk sync", operate.OK, "less than a disk"},
		{"few files", well, func(f *operate.Facts) { f.Host.OpenFiles = 256 }, "open files", operate.Warn, "256"},
		{"an engine that does not open", well, func(f *operate.Facts) { f.EngineError = errors.New("no such file") }, "database", operate.Fail, "no such file"},
		{"another journal", well, func(f *operate.Facts) { f.SQLite.Journal = "delete" }, "sqlite", operate.Fail, "delete"},
		{"a damaged file", well, func(f *operate.Facts) { f.SQLite.Damage = errors.New("page 7") }, "file", operate.Fail, "page 7"},
		{"a long write-ahead log", well, func(f *operate.Facts) { f.SQLite.WALBytes = 2e9 }, "write-ahead log", operate.Warn, "2000 MB"},
		{"an older schema", well, func(f *operate.Facts) { f.SQLite.Schema = 2 }, "schema", operate.Warn, "version 2"},
		{"a newer schema", well, func(f *operate.Facts) { f.SQLite.Schema = 4 }, "schema", operate.Fail, "version 4"},
		{"a missing entry", well, func(f *operate.Facts) { f.SQLite.Logs[0].Entries = 4 }, "logs", operate.Fail, "4 entries"},
		{"a cut tail", well, func(f *operate.Facts) { f.SQLite.Logs[0].Entries, f.SQLite.Logs[0].Last = 4, 4 }, "logs", operate.Fail, "its head says 5"},
		{"a tree of more than there is", well, func(f *operate.Facts) { f.SQLite.Logs[0].Tree = 6 }, "audit trees", operate.Fail, "holds 6"},
		{"a tree that is behind", well, func(f *operate.Facts) {
			f.SQLite.Logs[0].Tree, f.SQLite.Logs[0].Waiting = 4, f.Host.Now.Add(-time.Minute)
		}, "audit trees", operate.Warn, "1m0s"},
		{"a tree that nobody works on", well, func(f *operate.Facts) {
			f.SQLite.Served, f.SQLite.Logs[0].Tree, f.SQLite.Logs[0].Waiting = false, 4, f.Host.Now.Add(-time.Minute)
		}, "audit trees", operate.OK, "1 entries wait"},
		{"a clock from long ago", well, func(f *operate.Facts) { f.Host.Now = time.Unix(0, 0) }, "clock", operate.Fail, "1970"},
		{"an entry from the future", well, func(f *operate.Facts) { f.SQLite.Logs[0].Newest = f.Host.Now.Add(time.Hour) }, "clock", operate.Warn, "1h0m0s"},
		{"torn pages", wellOnPostgres, func(f *operate.Facts) { f.PostgreSQL.FullPageWrites = "off" }, "durability", operate.Warn, "off"},
		{"no checksums", wellOnPostgres, func(f *operate.Facts) { f.PostgreSQL.Checksums = "off" }, "durability", operate.Warn, "off"},
		{"few connections left", wellOnPostgres, func(f *operate.Facts) { f.PostgreSQL.Used = 95 }, "connections", operate.Warn, "95 of 100"},
		{"a role without rights", wellOnPostgres, func(f *operate.Facts) { f.PostgreSQL.MayCreate = false }, "role", operate.Fail, "create"},
		{"a role with all rights", wellOnPostgres, func(f *operate.Facts) { f.PostgreSQL.Superuser = true }, "role", operate.Warn, "superuser"},
		{"a standby that is gone", wellOnPostgres, func(f *operate.Facts) { f.PostgreSQL.SynchronousNames = "s1" }, "standbys", operate.Warn, "s1"},
		{"clocks apart", wellOnPostgres, func(f *operate.Facts) { f.PostgreSQL.Skew = -5 * time.Second }, "clock", operate.Warn, "-5s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			facts := c.facts()
			for _, f := range operate.Judge(facts) {
				if f.State != operate.OK {
					t.Errorf("in good health: %+v", f)
				}
			}
			c.change(&facts)
			for _, f := range operate.Judge(facts) {
				if f.Check == c.check {
					if f.State != c.want || !strings.Contains(f.Detail+f.Advice, c.mention) {
						t.Errorf("%+v; want %s and a word on %q", f, c.want, c.mention)
					}
					return
				}
			}
			t.Errorf("nothing was said about %s", c.check)
		})
	}
}

func TestDoctor_endsWithItsContext(t *testing.T) {
	t.Parallel()
	p := emptyDir(t)
	demonstrate(t, p)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := operate.Doctor(ctx, p, time.Now); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}
