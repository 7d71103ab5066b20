// Package operate is what an operator does to a whole database, whichever
// engine it is on: back it up, restore it, move it, bring its schema up to date,
// and look after its health.
//
// A backup is a database of the embedded engine in a single file, sealed with
// the hash of its bytes, from either engine; so it restores to either.
//
// The package must never change what the database holds, never leave half of
// anything under a final name, and never call a copy done that it has not read
// again and compared.
package operate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"tocsin/internal/secret"
	"tocsin/internal/store/postgres"
	"tocsin/internal/store/sqlite"
	"tocsin/internal/store/sqlstore"
)

// A Place says where a database is.
type Place struct {
	// Dir is the directory of an embedded database, used when URL is empty.
	Dir string
	// URL is a PostgreSQL URL, with its password.
	URL secret.Secret
}

// embedded reports whether the place is a directory.
func (p Place) embedded() bool { return p.URL == "" }

// file is the path of the embedded database.
func (p Place) file() string { return filepath.Join(p.Dir, sqlite.FileName) }

// Progress is told what is being done and how much of it is done, in rows or
// pages; total is 0 where it is not known.
type Progress = sqlstore.Progress

// A Report is what was copied.
type Report struct {
	// Survey is what the copy holds, read from the copy itself.
	sqlstore.Survey
	// Bytes is the size of the copy's file, 0 on PostgreSQL.
	Bytes int64
	// Took is how long it all lasted.
	Took time.Duration
}

// known returns the newest version of the schema that this program knows.
func known() (int64, error) { return sqlstore.Newest(sqlite.Migrations()) }

// read opens a database as it is now.
func (p Place) read(ctx context.Context) (*sqlstore.Snapshot, error) {
	if !p.embedded() {
		return postgres.Read(ctx, p.URL)
	}
	if err := p.mustExist(); err != nil {
		return nil, err
	}
	return sqlite.ReadDir(ctx, p.Dir)
}

// mustExist refuses a directory without a database: a mistyped one.
func (p Place) mustExist() error {
	if _, err := os.Stat(p.file()); err != nil {
		return fmt.Errorf("there is no database in %s; name another directory with --data, or a PostgreSQL URL with --database", p.Dir)
	}
	return nil
}

// copied has build make a copy of from. The check that build is given reads both
// again and compares them, before anybody else can see the copy.
func copied(ctx context.Context, from *sqlstore.Snapshot, progress Progress, build func(check func(*sqlstore.Snapshot) error) error) (Report, error) {
	newest, err := known()
	if err != nil {
		return Report{}, err
	}
	version, err := from.Version(ctx)
	if err == nil {
		err = sqlstore.NewerSchema(version, newest)
	}
	if err != nil {
		return Report{}, err
	}
	var r Report
	err = build(func(built *sqlstore.Snapshot) error {
		want, err := from.Survey(ctx, newest, progress)
		if err != nil {
			return fmt.Errorf("what was to be copied is damaged: %w", err)
		}
		if r.Survey, err = built.Survey(ctx, newest, progress); err != nil {
			return fmt.Errorf("the copy is damaged: %w", err)
		}
		if what := sqlstore.Difference(want, r.Survey); what != "" {
			return errors.New("the copy is not what it was made of: " + what)
		}
		return nil
	})
	return r, err
}

// fill makes the empty place hold all that from holds, or leaves it empty.
func (p Place) fill(ctx context.Context, from *sqlstore.Snapshot, progress Progress) (Report, error) {
	return copied(ctx, from, progress, func(check func(*sqlstore.Snapshot) error) error {
		if !p.embedded() {
			return postgres.Build(ctx, p.URL, from, check, progress)
		}
		return p.place(func(path string) error { return sqlite.Build(ctx, path, from, check, progress) })
	})
}

// place puts the database that build makes at a path into the empty directory,
// where no server may run: all or nothing.
func (p Place) place(build func(path string) error) (err error) {
	made, err := makeDir(p.Dir)
	if err != nil {
		return fmt.Errorf("make the data directory: %w", err)
	}
	defer func() {
		if err != nil && made {
			_ = os.RemoveAll(p.Dir)
		}
	}()
	lock, err := sqlite.Lock(p.Dir)
	if err != nil {
		return err
	}
	defer closing(lock, &err)
	for _, name := range []string{p.file(), p.file() + "-wal"} {
		if _, err := os.Stat(name); err == nil {
			return fmt.Errorf("%s is there already, and what is in it would be lost; name an empty directory, or move the file away first", name)
		}
	}
	return publish(p.file(), build)
}

// makeDir makes a directory and reports whether it was not there before.
func makeDir(dir string) (made bool, err error) {
	_, err = os.Stat(dir)
	return errors.Is(err, fs.ErrNotExist), os.MkdirAll(dir, 0o700)
}

// publish makes a file durable under its final name, or leaves nothing.
func publish(path string, build func(path string) error) error {
	dir := filepath.Dir(path)
	scratch, err := os.MkdirTemp(dir, ".tocsin-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	made := filepath.Join(scratch, filepath.Base(path))
	if err := build(made); err != nil {
		return err
	}
	f, err := os.OpenFile(made, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Chmod(0o600), f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("make the copy durable: %w", err)
	}
	if err := os.Rename(made, path); err != nil {
		return err
	}
	return sqlite.SyncDir(dir)
}

// Copy copies a database into an empty place, as from one engine to the other.
// No server may run on a directory that it copies from or to, or what it commits
// meanwhile would be in the old place only.
func Copy(ctx context.Context, from, to Place, progress Progress) (r Report, err error) {
	began := time.Now()
	if from.embedded() {
		if err := from.mustExist(); err != nil {
			return Report{}, err
		}
		lock, lerr := sqlite.Lock(from.Dir)
		if lerr != nil {
			return Report{}, fmt.Errorf("%s: %w: stop it first", from.Dir, lerr)
		}
		defer closing(lock, &err)
	}
	source, err := from.read(ctx)
	if err != nil {
		return Report{}, err
	}
	defer closing(source, &err)
	r, err = to.fill(ctx, source, progress)
	r.Took = time.Since(began)
	return r, err
}

// closing closes c and keeps its error.
func closing(c io.Closer, err *error) { *err = errors.Join(*err, c.Close()) }
