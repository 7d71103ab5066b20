package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"tocsin/internal/secret"
	"tocsin/internal/store/sqlstore"
)

// What an operator does to a whole database: read it as of one moment, or build
// a new one. No server needs any of it.

// columnsSQL selects the columns of every table.
const columnsSQL = `SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped`

// A whole is a connection on which one transaction does everything.
type whole struct {
	conn *stdlib.Conn
	// db goes over conn; its transactions are savepoints.
	db *sql.DB
}

// begin connects to the database at target and begins a transaction as the
// statement says. Its errors do not repeat any part of the URL.
func begin(ctx context.Context, target secret.Secret, statement string) (*whole, error) {
	cfg, err := configure(target)
	if err != nil {
		return nil, err
	}
	// Between two statements the other side may have much to do.
	cfg.ConnConfig.RuntimeParams["idle_in_transaction_session_timeout"] = "0"
	raw, err := stdlib.GetConnector(*cfg.ConnConfig).Connect(ctx)
	if err != nil {
		return nil, fmt.Errorf("open the PostgreSQL database: %w", err)
	}
	w := &whole{conn: raw.(*stdlib.Conn)}
	w.db = sql.OpenDB(joinedConnector{w.conn})
	w.db.SetMaxOpenConns(1)
	if _, err := w.conn.Conn().Exec(ctx, statement); err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

// close ends the connection, and with it a transaction that has not committed.
func (w *whole) close() error { return errors.Join(w.db.Close(), w.conn.Close()) }

func (w *whole) commit(ctx context.Context) error {
	tag, err := w.conn.Conn().Exec(ctx, commitSQL)
	if err == nil && tag.String() != commitSQL {
		err = errRolledBack
	}
	return err
}

// Read opens the database at target as it is now. Nodes may be running on it.
func Read(ctx context.Context, target secret.Secret) (*sqlstore.Snapshot, error) {
	w, err := begin(ctx, target, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
	if err != nil {
		return nil, err
	}
	return sqlstore.NewSnapshot(w.db, columnsSQL, w.close), nil
}

// Build fills the empty database at target with all that from holds, and has
// check look at it before it is committed. One transaction does it all: nothing
// is left when it fails.
func Build(ctx context.Context, target secret.Secret, from *sqlstore.Snapshot, check func(*sqlstore.Snapshot) error, progress sqlstore.Progress) error {
	version, err := from.Version(ctx)
	if err != nil {
		return err
	}
	w, err := begin(ctx, target, "BEGIN")
	if err != nil {
		return err
	}
	defer func() { _ = w.close() }()
	if err := w.mustBeEmpty(ctx); err != nil {
		return err
	}
	p, err := w.provider(Migrations())
	if err != nil {
		return err
	}
	if _, err := p.UpTo(ctx, version); err != nil {
		return fmt.Errorf("make the schema: %w", err)
	}
	if err := from.Copy(ctx, w, progress); err != nil {
		return err
	}
	if err := check(w.Snapshot()); err != nil {
		return err
	}
	if err := w.commit(ctx); err != nil {
		return fmt.Errorf("commit; look whether the database has tables now before you try again: %w", err)
	}
	return nil
}

// mustBeEmpty refuses a schema that holds any table. It takes the lock that
// migrations take, so that no node starts meanwhile.
func (w *whole) mustBeEmpty(ctx context.Context) error {
	if _, err := w.conn.Conn().Exec(ctx, "SELECT pg_advisory_xact_lock($1)", lock.DefaultLockID); err != nil {
		return fmt.Errorf("is a node starting on this database?: %w", err)
	}
	tables, err := w.Snapshot().Tables(ctx)
	if err != nil {
		return err
	}
	if len(tables) > 0 {
		return fmt.Errorf("the PostgreSQL database is not empty: it has a table %s; make a fresh one, as with:\n  CREATE DATABASE tocsin TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'", tables[0].Name)
	}
	return nil
}

// provider runs migrations within the transaction.
func (w *whole) provider(migrations fs.FS) (*goose.Provider, error) {
	return goose.NewProvider(goose.DialectPostgres, w.db, migrations, goose.WithLogger(goose.NopLogger()))
}

// Snapshot is sqlstore.Target's.
func (w *whole) Snapshot() *sqlstore.Snapshot {
	return sqlstore.NewSnapshot(w.db, columnsSQL, func() error { return nil })
}

// Insert is sqlstore.Target's.
func (w *whole) Insert(ctx context.Context, t sqlstore.Table, next func() ([]any, error)) error {
	_, err := w.conn.Conn().CopyFrom(ctx, pgx.Identifier{t.Name}, t.Columns, pgx.CopyFromFunc(next))
	return err
}

// A joinedConnector always gives the one connection.
type joinedConnector struct{ conn *stdlib.Conn }

// Connect is driver.Connector's.
func (c joinedConnector) Connect(context.Context) (driver.Conn, error) { return joined{c.conn}, nil }

// Driver is driver.Connector's.
func (c joinedConnector) Driver() driver.Driver { return stdlib.GetDefaultDriver() }

// A joined connection is within a transaction already: those begun on it are
// savepoints, so that a library that commits does so only in part.
type joined struct{ *stdlib.Conn }

// BeginTx is driver.ConnBeginTx's.
func (j joined) BeginTx(ctx context.Context, _ driver.TxOptions) (driver.Tx, error) {
	_, err := j.Conn.Conn().Exec(ctx, "SAVEPOINT part")
	return savepoint{j}, err
}

// ResetSession is driver.SessionResetter's: there is nothing to reset.
func (joined) ResetSession(context.Context) error { return nil }

// Close is driver.Conn's. Whoever began the transaction closes the connection.
func (joined) Close() error { return nil }

type savepoint struct{ joined }

// Commit is driver.Tx's.
func (s savepoint) Commit() error { return s.end("RELEASE SAVEPOINT part") }

// Rollback is driver.Tx's.
func (s savepoint) Rollback() error { return s.end("ROLLBACK TO SAVEPOINT part") }

func (s savepoint) end(statement string) error {
	_, err := s.Conn.Conn().Exec(context.Background(), statement)
	return err
}

// Pending returns the version of the schema at target and the migrations that
// it lacks; see sqlstore.Pending. It writes nothing.
func Pending(ctx context.Context, target secret.Secret, migrations fs.FS) (have int64, pending []sqlstore.Migration, err error) {
	w, err := begin(ctx, target, "BEGIN")
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = w.close() }()
	p, err := w.provider(migrations)
	if err != nil {
		return 0, nil, err
	}
	return sqlstore.Pending(ctx, p)
}

// TryMigrations runs the migrations that the schema at target lacks in a
// transaction that is rolled back, and returns what ran. Until it ends it holds
// the locks that the migrations take, so changes may wait for it.
func TryMigrations(ctx context.Context, target secret.Secret, migrations fs.FS) ([]sqlstore.Migration, error) {
	w, err := begin(ctx, target, "BEGIN")
	if err != nil {
		return nil, err
	}
	defer func() { _ = w.close() }()
	p, err := w.provider(migrations)
	if err != nil {
		return nil, err
	}
	return sqlstore.RunPending(ctx, p)
}

// Migrate brings the schema at target up to date and returns what ran. Several
// nodes may do so at once.
func Migrate(ctx context.Context, target secret.Secret, migrations fs.FS) ([]sqlstore.Migration, error) {
	cfg, err := configure(target)
	if err != nil {
		return nil, err
	}
	db := stdlib.OpenDB(*cfg.ConnConfig)
	defer db.Close()
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, migrationTries))
	if err != nil {
		return nil, err
	}
	p, err := goose.NewProvider(goose.DialectPostgres, db, migrations, goose.WithLogger(goose.NopLogger()), goose.WithSessionLocker(locker))
	if err != nil {
		return nil, err
	}
	return sqlstore.RunPending(ctx, p)
}
