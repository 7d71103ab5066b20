package operate_test

import (
	"io/fs"
	"testing"
	"testing/fstest"

	"tocsin/internal/operate"
	"tocsin/internal/store/postgres"
	"tocsin/internal/store/sqlite"
)

// later returns a place's migrations and those of a release to come.
func later(t *testing.T, p operate.Place, steps ...string) fs.FS {
	t.Helper()
	own := sqlite.Migrations()
	if p.URL != "" {
		own = postgres.Migrations()
	}
	all := fstest.MapFS{}
	names, err := fs.Glob(own, "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		text, err := fs.ReadFile(own, name)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = &fstest.MapFile{Data: text}
	}
	for i, text := range steps {
		all["0090"+string(rune('0'+i))+"_later.sql"] = &fstest.MapFile{Data: []byte("-- +goose Up\n" + text + ";\n")}
	}
	return all
}

func TestMigrate_aDryRunTriesAndChangesNothing(t *testing.T) {
	t.Parallel()
	for name, empty := range engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := empty(t)
			demonstrate(t, p)
			before := survey(t, p)
			steps := later(t, p, "ALTER TABLE projects ADD COLUMN colour TEXT", "CREATE TABLE colours (name TEXT PRIMARY KEY)")
			m, err := operate.MigrateTo(t.Context(), p, steps, true)
			if err != nil || m.Known != 901 || len(m.Pending) != 2 || len(m.Ran) != 2 || m.Ran[1].Name != "00901_later.sql" {
				t.Fatalf("a dry run: %+v, %v; want two steps tried", m, err)
			}
			if after := survey(t, p); after.Version != before.Version || len(after.Tables) != len(before.Tables) {
				t.Errorf("the dry run left version %d and %d tables", after.Version, len(after.Tables))
			}
			if p.URL == "" {
				wantNothing(t, p.Dir, "tocsin.db", "tocsin.db-wal", "tocsin.db-shm", "tocsin.lock")
			}
			if m, err = operate.MigrateTo(t.Context(), p, steps, false); err != nil || m.Have != before.Version || len(m.Ran) != 2 {
				t.Fatalf("the migration itself: %+v, %v", m, err)
			}
			if m, err = operate.MigrateTo(t.Context(), p, steps, false); err != nil || m.Have != 901 || len(m.Pending) != 0 {
				t.Errorf("once more: %+v, %v; want nothing to do", m, err)
			}
			// This program, which is older, leaves it alone.
			_, err = operate.Migrate(t.Context(), p, false, quiet)
			wantRefused(t, "a newer schema", err, "run the newer program")
			_, err = operate.Backup(t.Context(), p, t.TempDir()+"/b", false, quiet)
			wantRefused(t, "a backup of a newer schema", err, "run the newer program")
		})
	}
}

func TestMigrate_saysWhichStepFails(t *testing.T) {
	t.Parallel()
	for name, empty := range engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := empty(t)
			demonstrate(t, p)
			steps := later(t, p, "CREATE TABLE colours (name TEXT PRIMARY KEY)", "ALTER TABLE there_is_none ADD COLUMN x TEXT")
			m, err := operate.MigrateTo(t.Context(), p, steps, true)
			wantRefused(t, "a step that fails", err, "00901_later.sql did not run")
			if len(m.Ran) != 1 {
				t.Errorf("%d steps ran; want the one before it", len(m.Ran))
			}
		})
	}
}

func TestMigrate_refusesADirectoryInUse(t *testing.T) {
	t.Parallel()
	p := emptyDir(t)
	s := open(t, p)
	defer closeStore(t, s)
	_, err := operate.MigrateTo(t.Context(), p, later(t, p, "CREATE TABLE colours (name TEXT PRIMARY KEY)"), false)
	wantRefused(t, "a running server", err, "stop it first")
}
