package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/pressly/goose/v3"

	"tocsin/internal/store/sqlstore"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations are the schema's versions, in order.
func Migrations() fs.FS {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic(err) // the folder is embedded above
	}
	return sub
}

// migrate brings the schema up to date, or refuses one that is newer than ours.
func migrate(ctx context.Context, db *sql.DB) error {
	p, err := goose.NewProvider(goose.DialectSQLite3, db, Migrations(), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return err
	}
	return sqlstore.Migrate(ctx, p)
}

// lockDir takes the lock that one server holds as long as it runs.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "tocsin.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, errors.New("another server is running on this directory")
	}
	return f, nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// Sizes of the write-ahead log, in bytes, at which the checkpointer acts.
const (
	// checkpointAt: copy pages into the database, beside the writer.
	checkpointAt = 16 << 20
	// restartAt: finish the copying under the writer's lock, so that the next
	// commit writes the log from its beginning and the file stops growing.
	restartAt = 64 << 20
)

// checkpoint keeps the write-ahead log short without slowing commits: it copies
// on its own connection, beside the writer, and only now and then finishes the
// short rest under the writer's lock.
func (s *Store) checkpoint() {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-tick.C:
		}
		if err := s.shortenLog(); err != nil {
			s.opts.Logger.Error("checkpoint failed; the write-ahead log grows until one succeeds", "err", err)
		}
	}
}

func (s *Store) shortenLog() error {
	frames, copied, err := s.walCheckpoint("NOOP")
	if err != nil || (frames-copied)*pageSize < checkpointAt {
		return err
	}
	if _, _, err = s.walCheckpoint("PASSIVE"); err != nil || frames*pageSize < restartAt {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _, err = s.walCheckpoint("PASSIVE")
	return err
}

// pageSize is SQLite's default, which the schema does not change.
const pageSize = 4096

// walCheckpoint runs a checkpoint and returns how many frames the log holds and
// how many of them are in the database.
func (s *Store) walCheckpoint(mode string) (frames, copied int64, err error) {
	var busy int64
	err = s.checkpoints.QueryRow("PRAGMA wal_checkpoint("+mode+")").Scan(&busy, &frames, &copied)
	return frames, copied, err
}
