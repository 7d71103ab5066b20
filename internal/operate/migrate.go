package operate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"tocsin/internal/store/postgres"
	"tocsin/internal/store/sqlite"
	"tocsin/internal/store/sqlstore"
)

// A Migration is one step of the schema, and how long it took if it has run.
type Migration = sqlstore.Migration

// A Migrations report says how far a schema is.
type Migrations struct {
	// Have is the version that the schema had, Known the newest one.
	Have, Known int64
	// Pending are the steps that it lacked, Ran those that ran: on a copy, or in
	// a transaction that was rolled back, when it was a dry run.
	Pending, Ran []Migration
}

// Migrate brings a schema up to date. A dry run tries it where nothing is
// changed: on a copy of an embedded database, or in a transaction on PostgreSQL
// that is rolled back, which holds the locks of the migrations meanwhile. A
// schema newer than this program knows is refused.
func Migrate(ctx context.Context, p Place, dryRun bool, progress Progress) (Migrations, error) {
	return migrate(ctx, p, p.migrations(), dryRun, progress)
}

func (p Place) migrations() fs.FS {
	if p.embedded() {
		return sqlite.Migrations()
	}
	return postgres.Migrations()
}

func migrate(ctx context.Context, p Place, steps fs.FS, dryRun bool, progress Progress) (m Migrations, err error) {
	if m.Known, err = sqlstore.Newest(steps); err != nil {
		return m, err
	}
	if !p.embedded() {
		if m.Have, m.Pending, err = postgres.Pending(ctx, p.URL, steps); err != nil || len(m.Pending) == 0 {
			return m, err
		}
		if dryRun {
			m.Ran, err = postgres.TryMigrations(ctx, p.URL, steps)
		} else {
			m.Ran, err = postgres.Migrate(ctx, p.URL, steps)
		}
		return m, explain(m, err)
	}
	if err := p.mustExist(); err != nil {
		return m, err
	}
	if m.Have, m.Pending, err = sqlite.Pending(ctx, p.Dir, steps); err != nil || len(m.Pending) == 0 {
		return m, err
	}
	if dryRun {
		m.Ran, err = tryOnCopy(ctx, p, steps, progress)
		return m, explain(m, err)
	}
	lock, err := sqlite.Lock(p.Dir)
	if err != nil {
		return m, fmt.Errorf("%w: stop it first", err)
	}
	defer closing(lock, &err)
	m.Ran, err = sqlite.Migrate(ctx, p.Dir, steps)
	return m, explain(m, err)
}

// explain says which step failed.
func explain(m Migrations, err error) error {
	if err == nil || len(m.Ran) >= len(m.Pending) {
		return err
	}
	return fmt.Errorf("%s did not run, nor did what comes after it: %w", m.Pending[len(m.Ran)].Name, err)
}

// tryOnCopy runs the steps on a copy beside the database.
func tryOnCopy(ctx context.Context, p Place, steps fs.FS, progress Progress) (ran []Migration, err error) {
	scratch, err := os.MkdirTemp(p.Dir, ".tocsin-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	if _, err := sqlite.CopyDir(ctx, p.Dir, filepath.Join(scratch, sqlite.FileName), progress); err != nil {
		return nil, err
	}
	progress("migrating the copy", 0, 0)
	return sqlite.Migrate(ctx, scratch, steps)
}
