// Package postgres is the engine for several nodes: stateless servers on one
// PostgreSQL database, which may have standbys of its own.
//
// A commit takes two round trips on a connection kept for it: one locks the
// organisations' heads and reads what the commands want, the other writes and
// commits. Every other statement goes through a pool of readers.
//
// The package must never commit under a request's context, never cancel a
// commit under way, and never take an unsure outcome for a certain one.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"tocsin"
	"tocsin/internal/secret"
	"tocsin/internal/store"
	"tocsin/internal/store/sqlstore"
)

// Options are what Open needs.
type Options struct {
	// URL is the database's, in the form of libpq: as URL or as keywords and
	// values. It may name several hosts; the one that takes writes is used.
	URL secret.Secret
	// NewID makes ids for log entries; Now is the node's clock, used only for
	// how long something may be remembered. Changes bear the database's time.
	NewID func() tocsin.ID
	Now   func() time.Time
	// Observer is told how commits go, Logger what the operator must know.
	Observer store.Observer
	Logger   *slog.Logger
	// CommitDeadline is how long to wait for the answer to a COMMIT before its
	// outcome counts as unknown; zero means 30 seconds.
	CommitDeadline time.Duration
}

// Store is the engine.
type Store struct {
	*sqlstore.Reader
	*store.Writer

	opts     Options
	identity store.Identity
	config   *pgxpool.Config
	pool     *pgxpool.Pool
	access   accessCache
	refusals refusals
	closed   atomic.Bool

	// conn is the committing connection, nil until it is needed and after it
	// broke. Only Execute, which never runs twice at once, and Close use it.
	conn *conn
	// written counts the log records since Open, up to analyseAfter.
	written int
	// ending is closed when a rollback left behind by Execute has ended; nil
	// without one.
	ending chan struct{}
}

var _ store.Store = (*Store)(nil)

// closeWait is how long Close waits for reads under way.
const closeWait = 5 * time.Second

// Open connects to the database at o.URL, making its schema or bringing it up to
// date where needed; several nodes may do so at once. A schema newer than this
// program knows is refused, as is a server older than version 15 or one that
// would answer before a change is durable.
func Open(ctx context.Context, o Options) (*Store, error) {
	if o.CommitDeadline == 0 {
		o.CommitDeadline = 30 * time.Second
	}
	s := &Store{opts: o}
	if err := s.open(ctx); err != nil {
		if s.pool != nil {
			s.pool.Close()
		}
		return nil, fmt.Errorf("open the PostgreSQL database: %w", err)
	}
	s.Reader = sqlstore.NewReader(stdlib.OpenDBFromPool(s.pool), sqlstore.DriverPrepares)
	s.Writer = store.NewWriter(store.WriterOptions{
		Executor: s, Observer: o.Observer, Installation: s.identity.ID, NewID: o.NewID,
	})
	return s, nil
}

func (s *Store) open(ctx context.Context) (err error) {
	if s.config, err = configure(s.opts.URL); err != nil {
		return err
	}
	if s.identity, err = prepareDatabase(ctx, s.config, s.opts); err != nil {
		return err
	}
	readers := s.config.Copy()
	readers.ConnConfig.RuntimeParams["statement_timeout"] = readTimeout
	if s.pool, err = pgxpool.NewWithConfig(ctx, readers); err != nil {
		return err
	}
	return s.analyse(ctx)
}

// Installation is store.Store's.
func (s *Store) Installation() tocsin.ID { return s.identity.ID }

// Secret is store.Store's.
func (s *Store) Secret() [32]byte { return s.identity.Secret }

// Ping is store.Store's.
func (s *Store) Ping(ctx context.Context) error {
	var readOnly bool
	if err := s.pool.QueryRow(ctx, "SELECT pg_is_in_recovery()").Scan(&readOnly); err != nil {
		return fmt.Errorf("ask the database whether it takes writes: %w", err)
	}
	if readOnly {
		s.pool.Reset() // the primary is elsewhere now; new connections find it
		return errors.New("the database is a standby that takes no writes")
	}
	return nil
}

// Close is store.Store's. It waits for a commit under way no longer than the
// commit's deadline, and for reads no longer than closeWait.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	s.Writer.Close()
	s.awaitRollback()
	if s.conn != nil {
		s.conn.close()
	}
	done := make(chan struct{})
	go func() { s.pool.Close(); close(done) }()
	select {
	case <-done:
		return nil
	case <-time.After(closeWait):
		return fmt.Errorf("reads were still under way %s after the last commit", closeWait)
	}
}
