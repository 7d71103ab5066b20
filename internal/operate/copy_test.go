package operate_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/operate"
	"tocsin/internal/store/sqlstore"
)

func TestBackup_underLoadRestoresOnEitherEngine(t *testing.T) {
	t.Parallel()
	for name, empty := range engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := empty(t)
			demonstrate(t, p)
			s := open(t, p)
			defer closeStore(t, s)
			l := writing(t, s)
			for l.acknowledged.Load() < 50 && !t.Failed() {
				if err := s.Ping(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			before := l.acknowledged.Load()
			file := filepath.Join(t.TempDir(), "tocsin.backup")
			made, err := operate.Backup(t.Context(), p, file, false, quiet)
			if err != nil {
				t.Fatal(err)
			}
			l.stop()
			if got := rowsOf(made.Survey, "organisations"); got < before+2 {
				t.Errorf("the backup has %d organisations; %d were there before it began", got, before+2)
			}
			if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 || info.Size() != made.Bytes {
				t.Errorf("the backup is %v, %v; want a file of %d bytes for its owner only", info, err, made.Bytes)
			}
			wantNothing(t, filepath.Dir(file), "tocsin.backup")
			for other, empty := range engines() {
				to := empty(t)
				if _, err := operate.Restore(t.Context(), file, to, quiet); err != nil {
					t.Errorf("restore to %s: %v", other, err)
					continue
				}
				if what := sqlstore.Difference(made.Survey, survey(t, to)); what != "" {
					t.Errorf("restored to %s: %s", other, what)
				}
				restored := open(t, to)
				if restored.Installation() != s.Installation() {
					t.Errorf("restored to %s: another installation", other)
				}
				closeStore(t, restored)
			}
		})
	}
}

func rowsOf(s sqlstore.Survey, table string) int64 {
	for _, t := range s.Tables {
		if t.Table == table {
			return t.Rows
		}
	}
	return -1
}

func TestBackup_replacesAFileOnlyWhenTold(t *testing.T) {
	t.Parallel()
	p := emptyDir(t)
	demonstrate(t, p)
	file := filepath.Join(t.TempDir(), "b")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := operate.Backup(t.Context(), p, file, false, quiet)
	wantRefused(t, "a file that is there", err, "--force")
	if text, err := os.ReadFile(file); err != nil || string(text) != "precious" {
		t.Errorf("the file is %q now, %v", text, err)
	}
	if _, err := operate.Backup(t.Context(), p, file, true, quiet); err != nil {
		t.Error(err)
	}
}

func TestBackup_leavesNothingWhenItIsInterrupted(t *testing.T) {
	t.Parallel()
	for name, empty := range engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := empty(t)
			demonstrate(t, p)
			dir := t.TempDir()
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if _, err := operate.Backup(ctx, p, filepath.Join(dir, "b"), false, quiet); !errors.Is(err, context.Canceled) {
				t.Errorf("interrupted: %v", err)
			}
			wantNothing(t, dir)
		})
	}
}

func TestBackup_refusesADamagedDatabase(t *testing.T) {
	t.Parallel()
	for name, empty := range engines() {
		for damage, c := range map[string]struct{ text, says string }{
			"a leaf with another byte":           {"UPDATE log SET leaf = details WHERE seq = 3", "damaged"},
			"a hash of another leaf":             {"UPDATE log SET leaf_hash = nonce WHERE seq = 3", "the hash is not of the leaf"},
			"other details":                      {"UPDATE log SET details = leaf WHERE seq = 3", "the details are not those committed to"},
			"a gap":                              {"DELETE FROM log WHERE seq = 3", "after entry 2 comes 4"},
			"a cut tail":                         {"DELETE FROM log WHERE seq > 3", "its head says"},
			"a deleted object":                   {"DELETE FROM checks", "in table checks and"},
			"an object that points to old times": {"UPDATE incidents SET seq = 3", "which that entry does not"},
			"an object with another version":     {"UPDATE projects SET version = version + 1", "which that entry does not"},
		} {
			t.Run(name+"/"+damage, func(t *testing.T) {
				t.Parallel()
				p := empty(t)
				demonstrate(t, p)
				exec(t, p, append(unguarded(p), c.text)...)
				dir := t.TempDir()
				_, err := operate.Backup(t.Context(), p, filepath.Join(dir, "b"), false, quiet)
				wantRefused(t, damage, err, c.says)
				wantNothing(t, dir)
			})
		}
	}
}

func TestRestore_refusesABackupWithAnyOtherByte(t *testing.T) {
	t.Parallel()
	p := emptyDir(t)
	demonstrate(t, p)
	file := filepath.Join(t.TempDir(), "b")
	if _, err := operate.Backup(t.Context(), p, file, false, quiet); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	damage := map[string][]byte{"nothing": {}, "cut": whole[:len(whole)/2], "longer": append(whole[:len(whole):len(whole)], '\n')}
	for _, at := range []int{0, 30, len(whole) / 3, len(whole) / 2, len(whole) - 200, len(whole) - 50, len(whole) - 1} {
		flipped := append([]byte(nil), whole...)
		flipped[at] ^= 4
		damage["flipped "+string(rune('a'+len(damage)))] = flipped
	}
	for what, text := range damage {
		to := emptyDir(t)
		bad := filepath.Join(t.TempDir(), "bad")
		if err := os.WriteFile(bad, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := operate.Restore(t.Context(), bad, to, quiet); err == nil {
			t.Errorf("%s: the damaged backup was restored", what)
		}
		if _, err := os.Stat(to.Dir); err == nil {
			t.Errorf("%s: the directory was left", what)
		}
	}
}

func TestRestore_onlyIntoAnEmptyPlace(t *testing.T) {
	t.Parallel()
	p := emptyDir(t)
	demonstrate(t, p)
	file := filepath.Join(t.TempDir(), "b")
	if _, err := operate.Backup(t.Context(), p, file, false, quiet); err != nil {
		t.Fatal(err)
	}
	for name, empty := range engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			to := empty(t)
			s := open(t, to)
			installation := s.Installation()
			closeStore(t, s)
			_, err := operate.Restore(t.Context(), file, to, quiet)
			wantRefused(t, "a place with a database", err, "empty")
			if s = open(t, to); s.Installation() != installation {
				t.Error("the database there was replaced")
			}
			closeStore(t, s)
		})
	}
	t.Run("keeps the node's own files", func(t *testing.T) {
		t.Parallel()
		to := operate.Place{Dir: t.TempDir()}
		key := filepath.Join(to.Dir, "audit.key")
		if err := os.WriteFile(key, []byte("key"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := operate.Restore(t.Context(), file, to, quiet); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(key); err != nil {
			t.Error(err)
		}
	})
}

func TestCopy_movesTheDemoBothWays(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		from, to func(*testing.T) operate.Place
	}{
		"to PostgreSQL":   {emptyDir, emptyURL},
		"from PostgreSQL": {emptyURL, emptyDir},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			from, to := c.from(t), c.to(t)
			demonstrate(t, from)
			want := survey(t, from)
			got, err := operate.Copy(t.Context(), from, to, quiet)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, got.Survey); d != "" {
				t.Errorf("what was copied (-want +got):\n%s", d)
			}
			if d := cmp.Diff(want, survey(t, to)); d != "" {
				t.Errorf("what is there (-want +got):\n%s", d)
			}
			if len(want.Logs) < 2 || want.Logs[0].Root == want.Logs[1].Root {
				t.Errorf("the logs are %+v; want one for each organisation, with its own root", want.Logs)
			}
			// The copy takes changes where the old database stopped.
			s := open(t, to)
			l := writing(t, s)
			for l.acknowledged.Load() < 5 && !t.Failed() {
				_ = s.Ping(t.Context())
			}
			l.stop()
			closeStore(t, s)
		})
	}
}

func TestCopy_ofTamperedRowsFailsAndLeavesNothing(t *testing.T) {
	t.Parallel()
	from, to := emptyDir(t), emptyURL(t)
	demonstrate(t, from)
	exec(t, from, append(unguarded(from), "UPDATE log SET leaf_hash = nonce WHERE seq = 3")...)
	_, err := operate.Copy(t.Context(), from, to, quiet)
	wantRefused(t, "a tampered row", err, "damaged")
	var tables int
	if err := raw(t, to).QueryRow("SELECT count(*) FROM pg_class WHERE relnamespace = current_schema()::regnamespace").Scan(&tables); err != nil || tables != 0 {
		t.Errorf("%d tables and indexes were left, %v", tables, err)
	}
}

func TestCopy_refusesADirectoryInUse(t *testing.T) {
	t.Parallel()
	from := emptyDir(t)
	s := open(t, from)
	defer closeStore(t, s)
	_, err := operate.Copy(t.Context(), from, emptyDir(t), quiet)
	wantRefused(t, "a running server", err, "stop it first")
}

func TestDifference_seesOneByteOfOneRow(t *testing.T) {
	t.Parallel()
	for name, empty := range engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := empty(t)
			demonstrate(t, p)
			before := survey(t, p)
			exec(t, p, "UPDATE incidents SET title = title || '.' WHERE number = 1")
			wantSays(t, sqlstore.Difference(before, survey(t, p)), "table incidents has")
			exec(t, p, "DELETE FROM incident_datasets")
			wantSays(t, sqlstore.Difference(before, survey(t, p)), "table incident_datasets has")
		})
	}
}

func wantSays(t *testing.T, got, says string) {
	t.Helper()
	wantRefused(t, "the difference", errors.New(got), says)
}
