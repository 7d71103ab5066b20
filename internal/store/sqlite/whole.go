package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"

	"tocsin/internal/store/sqlstore"
)

// What an operator does to a whole database: read it as of one moment, copy it,
// build a new one. No server needs any of it.

// Lock takes the lock of a server on a directory, so that none runs on it until
// the lock is closed.
func Lock(dir string) (io.Closer, error) { return lockDir(dir) }

// SyncDir makes the entries of a directory durable.
func SyncDir(dir string) error { return syncDir(dir) }

// columnsSQL selects the columns of every table.
const columnsSQL = `SELECT t.name, c.name FROM sqlite_schema t, pragma_table_info(t.name) c
WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite\_%' ESCAPE '\'`

// ReadDir opens the database in dir as it is now. A server may be running on it
// and is not held up, but its write-ahead log grows until the snapshot is closed.
func ReadDir(ctx context.Context, dir string) (*sqlstore.Snapshot, error) {
	return snapshot(ctx, sourceName(filepath.Join(dir, FileName), "rw", "query_only(1)"))
}

// ReadFile opens a database in a single file that nobody writes.
func ReadFile(ctx context.Context, path string) (*sqlstore.Snapshot, error) {
	return snapshot(ctx, fileName(path))
}

// fileName names a file that nobody writes: without locks, and without a
// write-ahead log beside it.
func fileName(path string) string {
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?mode=ro&immutable=1&_pragma=trusted_schema(0)"
}

func snapshot(ctx context.Context, name string) (*sqlstore.Snapshot, error) {
	db, err := sql.Open("sqlite", name)
	if err != nil {
		return nil, err
	}
	// Of modernc's drivers only a read-only transaction is a deferred one.
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return sqlstore.NewSnapshot(tx, columnsSQL, func() error { return errors.Join(tx.Rollback(), db.Close()) }), nil
}

// CheckFile reads every page of a database in a single file that nobody writes
// and returns an error when it is damaged.
func CheckFile(ctx context.Context, path string) error {
	db, err := sql.Open("sqlite", fileName(path))
	if err != nil {
		return err
	}
	defer db.Close()
	return checkIntegrity(ctx, db, "integrity_check")
}

func checkIntegrity(ctx context.Context, db *sql.DB, pragma string) error {
	var said string
	if err := db.QueryRowContext(ctx, "PRAGMA "+pragma+"(1)").Scan(&said); err != nil {
		return fmt.Errorf("check the database file: %w", err)
	}
	if said != "ok" {
		return fmt.Errorf("the database file is damaged: %s", said)
	}
	return nil
}

// stepPages is how many pages are copied between two looks at the context.
const stepPages = 2048

// CopyDir copies the database in dir, as it is now, to a new single file at
// path, and returns how many rows each table had. A server may be running on it.
// What was erased is not in the copy. A second file beside it, path + ".pages",
// is there meanwhile.
func CopyDir(ctx context.Context, dir, path string, progress sqlstore.Progress) (map[string]int64, error) {
	pages := path + ".pages"
	defer os.Remove(pages)
	rows, err := copyPages(ctx, dir, pages, progress)
	if err != nil {
		return nil, fmt.Errorf("copy the database: %w", err)
	}
	db, err := sql.Open("sqlite", fileName(pages))
	if err != nil {
		return nil, err
	}
	defer db.Close()
	// Free pages still hold what was erased; a rebuilt file has none, and needs
	// no write-ahead log.
	progress("packing the copy", 0, 0)
	if _, err := db.ExecContext(ctx, "VACUUM INTO $1", path); err != nil {
		return nil, fmt.Errorf("pack the copy: %w", err)
	}
	return rows, nil
}

// copyPages copies page by page under one read transaction: a copy that saw
// the server's commits would have to begin again at each.
func copyPages(ctx context.Context, dir, path string, progress sqlstore.Progress) (rows map[string]int64, err error) {
	c, err := openConnection(sourceName(filepath.Join(dir, FileName), "rw", "query_only(1)"))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	if err := c.do("BEGIN DEFERRED"); err != nil {
		return nil, err
	}
	if _, err := c.row("SELECT count(*) FROM sqlite_schema"); err != nil { // the view begins with the first read
		return nil, err
	}
	b, err := c.driver.(interface {
		NewBackup(string) (*sqlite.Backup, error)
	}).NewBackup("file:" + (&url.URL{Path: path}).EscapedPath() + "?_pragma=synchronous(OFF)")
	if err != nil {
		return nil, err
	}
	for more := true; more && err == nil; {
		if err = ctx.Err(); err == nil {
			more, err = b.Step(stepPages)
			progress("copying pages", int64(b.PageCount()-b.Remaining()), int64(b.PageCount()))
		}
	}
	if err := errors.Join(err, b.Finish()); err != nil {
		return nil, err
	}
	return c.countRows()
}

// countRows returns how many rows each table has.
func (c *connection) countRows() (map[string]int64, error) {
	names, err := c.row(`SELECT group_concat(name) FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\'`)
	if err != nil {
		return nil, err
	}
	list, _ := names[0].(string)
	counts := make(map[string]int64)
	for name := range strings.SplitSeq(list, ",") {
		if counts[name], err = c.number("SELECT count(*) FROM " + name); err != nil {
			return nil, err
		}
	}
	return counts, nil
}

// Build makes a new database in a single file at path with all that from holds,
// and has check look at it. The file is not yet durable; it stays when Build
// fails.
func Build(ctx context.Context, path string, from *sqlstore.Snapshot, check func(*sqlstore.Snapshot) error, progress sqlstore.Progress) error {
	version, err := from.Version(ctx)
	if err != nil {
		return err
	}
	if err := build(ctx, path, version, from, progress); err != nil {
		return fmt.Errorf("make the copy: %w", err)
	}
	built, err := ReadFile(ctx, path)
	if err != nil {
		return err
	}
	defer built.Close()
	return check(built)
}

func build(ctx context.Context, path string, version int64, from *sqlstore.Snapshot, progress sqlstore.Progress) (err error) {
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?mode=rwc&_pragma=synchronous(OFF)&_pragma=trusted_schema(0)")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	p, err := provider(db, Migrations())
	if err != nil {
		return err
	}
	if _, err := p.UpTo(ctx, version); err != nil {
		return fmt.Errorf("make the schema: %w", err)
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := from.Copy(ctx, target{tx}, progress); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

func provider(db *sql.DB, migrations fs.FS) (*goose.Provider, error) {
	return goose.NewProvider(goose.DialectSQLite3, db, migrations, goose.WithLogger(goose.NopLogger()))
}

// A target is a database that is being built.
type target struct{ tx *sql.Tx }

// Snapshot is sqlstore.Target's.
func (t target) Snapshot() *sqlstore.Snapshot {
	return sqlstore.NewSnapshot(t.tx, columnsSQL, func() error { return nil })
}

// Insert is sqlstore.Target's.
func (t target) Insert(ctx context.Context, table sqlstore.Table, next func() ([]any, error)) error {
	stmt, err := t.tx.PrepareContext(ctx, sqlstore.InsertSQL(table))
	if err != nil {
		return err
	}
	defer stmt.Close()
	for {
		row, err := next()
		if err != nil || row == nil {
			return err
		}
		if _, err := stmt.ExecContext(ctx, row...); err != nil {
			return err
		}
	}
}

// Pending returns the version of the schema in dir and the migrations that it
// lacks; see sqlstore.Pending.
func Pending(ctx context.Context, dir string, migrations fs.FS) (have int64, pending []sqlstore.Migration, err error) {
	err = withProvider(dir, migrations, func(p *goose.Provider) (err error) {
		have, pending, err = sqlstore.Pending(ctx, p)
		return err
	})
	return have, pending, err
}

// Migrate brings the schema in dir up to date and returns what ran.
func Migrate(ctx context.Context, dir string, migrations fs.FS) (ran []sqlstore.Migration, err error) {
	err = withProvider(dir, migrations, func(p *goose.Provider) (err error) {
		ran, err = sqlstore.RunPending(ctx, p)
		return err
	})
	return ran, err
}

func withProvider(dir string, migrations fs.FS, do func(*goose.Provider) error) (err error) {
	db, err := sql.Open("sqlite", sourceName(filepath.Join(dir, FileName), "rw"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	p, err := provider(db, migrations)
	if err != nil {
		return err
	}
	return do(p)
}
