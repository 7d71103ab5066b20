package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"tocsin/internal/store/sqlstore"
)

// Health is how an embedded database is.
type Health struct {
	// Version is SQLite's own.
	Version string
	// Journal and Synchronous are its settings, as a server has them.
	Journal     string
	Synchronous int64
	// Bytes and WALBytes are the sizes of the database and its write-ahead log.
	Bytes, WALBytes int64
	// Served reports whether a server runs on it.
	Served bool
	// Damage is what a quick check of the file found, nil for nothing.
	Damage error
	// Schema is the version of the schema.
	Schema int64
	// Logs are nil when the schema is not the one that this program knows.
	Logs []sqlstore.LogHealth
}

// Examine looks at the database in dir and changes nothing. known is the newest
// version of the schema that this program knows.
func Examine(ctx context.Context, dir string, known int64) (h Health, err error) {
	path := filepath.Join(dir, FileName)
	for name, size := range map[string]*int64{path: &h.Bytes, path + "-wal": &h.WALBytes} {
		info, err := os.Stat(name)
		if err == nil {
			*size = info.Size()
		} else if !errors.Is(err, fs.ErrNotExist) {
			return h, err
		}
	}
	if h.Served, err = locked(dir); err != nil {
		return h, err
	}
	db, err := sql.Open("sqlite", sourceName(path, "rw", "query_only(1)"))
	if err != nil {
		return h, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	for text, value := range map[string]any{
		"SELECT sqlite_version()": &h.Version, "PRAGMA journal_mode": &h.Journal, "PRAGMA synchronous": &h.Synchronous,
	} {
		if err := db.QueryRowContext(ctx, text).Scan(value); err != nil {
			return h, err
		}
	}
	h.Damage = checkIntegrity(ctx, db, "quick_check")
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return h, err
	}
	s := sqlstore.NewSnapshot(tx, columnsSQL, tx.Rollback)
	defer func() { err = errors.Join(err, s.Close()) }()
	if h.Schema, err = s.Version(ctx); err == nil && h.Schema == known {
		h.Logs, err = s.Health(ctx)
	}
	return h, err
}

// locked reports whether a server holds the lock of dir, without making it.
func locked(dir string) (bool, error) {
	f, err := os.Open(filepath.Join(dir, "tocsin.lock"))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close() // lets a lock go that was taken
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return true, nil
	}
	return false, err
}
