// Package sqlite is the embedded engine: one file, one writer, pure Go.
//
// Every commit is durable before it is answered (WAL, synchronous=FULL); that
// is not a setting. The package must never be used by two servers on one file
// at once; a file lock bars it. The command line may commit beside a server,
// through this same package.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"tocsin"
	"tocsin/internal/failpoint"
	"tocsin/internal/store"
	"tocsin/internal/store/sqlstore"
)

// FileName is the database's name within its directory.
const FileName = "tocsin.db"

// Options are what Open needs.
type Options struct {
	// Dir holds the database; it is made if it is missing.
	Dir string
	// Server takes the directory's lock, so that there is only one server.
	Server bool
	// NewID makes ids for log entries; Now is the clock.
	NewID func() tocsin.ID
	Now   func() time.Time
	// MaxBatch bounds how many commands are committed together; 0 for the usual.
	MaxBatch int
	// Observer is told how commits go, Logger what the operator must know.
	Observer store.Observer
	Logger   *slog.Logger
}

// Store is the engine.
type Store struct {
	*sqlstore.Reader
	*store.Writer

	opts         Options
	installation tocsin.ID
	lock         *os.File
	readers      *sql.DB
	writers      *sql.DB
	cache        *cache
	windows      windows

	// mu guards the writing connection and what belongs to it.
	mu         sync.Mutex
	conn       *sql.Conn
	statements map[string]*sql.Stmt
	heads      map[tocsin.ID]store.Head
	version    int64 // PRAGMA data_version when last looked at

	checkpoints *sql.DB
	stop        chan struct{}
	background  sync.WaitGroup
	closed      atomic.Bool
}

var _ store.Store = (*Store)(nil)

// Open opens the database in o.Dir, making it or bringing its schema up to date
// where needed. A schema newer than this program knows is refused.
func Open(ctx context.Context, o Options) (*Store, error) {
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the data directory: %w", err)
	}
	s := &Store{opts: o, cache: newCache(), statements: make(map[string]*sql.Stmt), heads: make(map[tocsin.ID]store.Head), stop: make(chan struct{})}
	if err := s.open(ctx); err != nil {
		s.closeFiles()
		return nil, fmt.Errorf("open the database in %s: %w", o.Dir, err)
	}
	s.Reader = sqlstore.NewReader(s.readers, sqlstore.ReaderPrepares)
	s.Writer = store.NewWriter(store.WriterOptions{
		Executor: s, Observer: o.Observer, Installation: s.installation, NewID: o.NewID, MaxBatch: o.MaxBatch, StopOnUnknown: true,
	})
	s.background.Go(s.watch)
	s.background.Go(s.checkpoint)
	return s, nil
}

func (s *Store) open(ctx context.Context) error {
	path := filepath.Join(s.opts.Dir, FileName)
	if s.opts.Server {
		lock, err := lockDir(s.opts.Dir)
		if err != nil {
			return err
		}
		s.lock = lock
	}
	var err error
	if s.writers, err = connect(path, "rwc", "wal_autocheckpoint(0)", "cache_size(-65536)"); err != nil {
		return err
	}
	s.writers.SetMaxOpenConns(1)
	if err := migrate(ctx, s.writers); err != nil {
		return err
	}
	if s.installation, err = sqlstore.InstallationID(ctx, s.writers, s.opts.NewID(), s.opts.Now()); err != nil {
		return err
	}
	if s.conn, err = s.writers.Conn(ctx); err != nil {
		return err
	}
	if err := checkSettings(ctx, s.conn); err != nil {
		return err
	}
	// The directory's own entries must be on disk before anything is promised.
	if err := syncDir(s.opts.Dir); err != nil {
		return err
	}
	if s.readers, err = connect(path, "rw", "query_only(1)", "cache_size(-8192)"); err != nil {
		return err
	}
	s.readers.SetMaxOpenConns(8)
	s.readers.SetMaxIdleConns(8)
	if s.checkpoints, err = connect(path, "rw", "wal_autocheckpoint(0)", "cache_size(-1024)"); err != nil {
		return err
	}
	s.checkpoints.SetMaxOpenConns(1)
	return nil
}

// connect opens a pool in which every connection has the same settings.
func connect(path, mode string, pragmas ...string) (*sql.DB, error) {
	q := url.Values{"mode": {mode}, "_txlock": {"immediate"}}
	for _, p := range append([]string{
		"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)", "trusted_schema(0)",
	}, pragmas...) {
		q.Add("_pragma", p)
	}
	return sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+q.Encode())
}

// checkSettings refuses to work on a connection that would not be durable.
func checkSettings(ctx context.Context, conn *sql.Conn) error {
	var journal string
	var synchronous int
	if err := conn.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&journal); err != nil {
		return err
	}
	if err := conn.QueryRowContext(ctx, "PRAGMA synchronous").Scan(&synchronous); err != nil {
		return err
	}
	if journal != "wal" || synchronous != 2 {
		return fmt.Errorf("the database runs with journal_mode=%s and synchronous=%d; it must be wal and 2 (FULL)", journal, synchronous)
	}
	return nil
}

// Installation is store.Store's.
func (s *Store) Installation() tocsin.ID { return s.installation }

// Ping is store.Store's.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.Err(); err != nil {
		return err
	}
	return s.readers.PingContext(ctx)
}

// Get is store.Store's: from the cache if it can be.
func (s *Store) Get(ctx context.Context, org tocsin.ID, key store.Key) (tocsin.Object, error) {
	k := cacheKey{org, key}
	o, drops := s.cache.get(k)
	if o != nil {
		return o, nil
	}
	o, err := s.Reader.Get(ctx, org, key)
	if err != nil {
		return nil, err
	}
	s.cache.add(k, o, drops)
	return o, nil
}

// Access is store.Store's: from the cache if it can be.
func (s *Store) Access(ctx context.Context, key tocsin.ID) (*tocsin.Access, error) {
	a, drops := s.cache.getAccess(key)
	if a != nil {
		return a, nil
	}
	a, err := s.Reader.Access(ctx, key)
	if err != nil {
		return nil, err
	}
	s.cache.addAccess(a, drops)
	return a, nil
}

// Admit is store.Store's. There is one server, so its memory is enough.
func (s *Store) Admit(_ context.Context, key tocsin.ID, operation string, limit int, window time.Duration) (time.Duration, error) {
	return s.windows.admit(windowKey{key, operation}, limit, window, s.opts.Now()), nil
}

// Execute is store.Executor's.
func (s *Store) Execute(b *store.Batch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	ctx := context.Background() // a commit never runs under a request's context
	failpoint.Hit("before-transaction")
	if failpoint.Bug("ack-before-commit") {
		_ = s.commit(ctx) // the last batch, answered long ago
	}
	if err := s.exec(ctx, sqlstore.Statement{SQL: "BEGIN IMMEDIATE", Any: true}); err != nil {
		return refused(err)
	}
	if err := s.decideAndWrite(ctx, b); err != nil {
		if rerr := s.exec(ctx, sqlstore.Statement{SQL: "ROLLBACK", Any: true}); rerr != nil && !isNoTransaction(rerr) {
			return fmt.Errorf("%w: roll back after %w: %w", store.ErrUnknown, err, rerr)
		}
		return refused(err)
	}
	if b.Empty() {
		if err := s.exec(ctx, sqlstore.Statement{SQL: "ROLLBACK", Any: true}); err != nil {
			return fmt.Errorf("%w: end a transaction that wrote nothing: %w", store.ErrUnknown, err)
		}
		return nil
	}
	failpoint.Hit("before-commit")
	if !failpoint.Bug("ack-before-commit") {
		if err := s.commit(ctx); err != nil {
			return err
		}
	}
	failpoint.Hit("after-commit")
	s.publish(b)
	return nil
}

// commit ends the transaction. A full disk is a clean "no": SQLite has rolled
// back. Any other error leaves the outcome unknown.
func (s *Store) commit(ctx context.Context) error {
	err := s.exec(ctx, sqlstore.Statement{SQL: "COMMIT", Any: true})
	if err == nil {
		return nil
	}
	s.cache.clear()
	clear(s.heads)
	if code(err) == sqlite3.SQLITE_FULL {
		if rerr := s.exec(ctx, sqlstore.Statement{SQL: "ROLLBACK", Any: true}); rerr == nil || isNoTransaction(rerr) {
			return refused(err)
		}
	}
	return fmt.Errorf("%w: %w", store.ErrUnknown, err)
}

func (s *Store) decideAndWrite(ctx context.Context, b *store.Batch) error {
	if err := s.dropIfMoved(ctx); err != nil {
		return err
	}
	if err := s.load(ctx, b); err != nil {
		return err
	}
	b.SetNow(s.opts.Now())
	b.Decide()
	if err := b.Objects(func(before, after tocsin.Object) error {
		for _, st := range sqlstore.WriteObject(before, after) {
			if err := s.exec(ctx, st); err != nil {
				return fmt.Errorf("write %s %s: %w", after.Kind(), after.Head().ID, err)
			}
		}
		return nil
	}); err != nil {
		return err
	}
	failpoint.Hit("after-objects")
	for _, r := range b.Records() {
		if err := s.exec(ctx, sqlstore.WriteRecord(r)); err != nil {
			return fmt.Errorf("append record %d: %w", r.Seq, err)
		}
	}
	failpoint.Hit("after-records")
	return b.Heads(func(h store.Head) error { return s.exec(ctx, sqlstore.WriteHead(h)) })
}

// dropIfMoved empties the caches if another process has committed since the
// writing connection last looked.
func (s *Store) dropIfMoved(ctx context.Context) error {
	stmt, err := s.prepare(ctx, "PRAGMA data_version")
	if err != nil {
		return err
	}
	var version int64
	if err := stmt.QueryRowContext(ctx).Scan(&version); err != nil {
		return err
	}
	if version != s.version {
		s.version = version
		s.cache.clear()
		clear(s.heads)
	}
	return nil
}

// load gives the batch what it wants, from the cache where that has it: the
// requests have put it there before they queued.
func (s *Store) load(ctx context.Context, b *store.Batch) (err error) {
	for _, org := range b.Orgs() {
		h, cached := s.heads[org]
		if !cached {
			stmt, err := s.prepare(ctx, sqlstore.HeadSQL)
			if err != nil {
				return err
			}
			h = store.Head{Org: org}
			switch err := stmt.QueryRowContext(ctx, org[:]).Scan(&h.Seq, &h.Number); {
			case errors.Is(err, sql.ErrNoRows):
				continue
			case err != nil:
				return err
			}
		}
		b.SetHead(h)
	}
	b.WantObjects(func(org tocsin.ID, key store.Key) {
		o, _ := s.cache.get(cacheKey{org, key})
		if o == nil && err == nil {
			o, err = s.loadObject(ctx, org, key)
		}
		if o != nil {
			b.SetObject(o)
		}
	})
	b.WantAccess(func(_, key tocsin.ID) {
		a, _ := s.cache.getAccess(key)
		if a == nil && err == nil {
			a, err = s.loadAccess(ctx, key)
		}
		if a != nil {
			b.SetAccess(a)
		}
	})
	return err
}

func (s *Store) loadObject(ctx context.Context, org tocsin.ID, key store.Key) (tocsin.Object, error) {
	q := sqlstore.LoadObject(org, key)
	stmt, err := s.prepare(ctx, q.SQL)
	if err != nil {
		return nil, err
	}
	o, err := sqlstore.ScanObject(key.Kind, stmt.QueryRowContext(ctx, q.Args...))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return o, err
}

func (s *Store) loadAccess(ctx context.Context, key tocsin.ID) (*tocsin.Access, error) {
	q := sqlstore.LoadAccess(key)
	stmt, err := s.prepare(ctx, q.SQL)
	if err != nil {
		return nil, err
	}
	rows, err := stmt.QueryContext(ctx, q.Args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	return sqlstore.ScanAccess(rows)
}

// publish lets readers see what was committed.
func (s *Store) publish(b *store.Batch) {
	if b.TouchesAccess() {
		s.cache.dropAccess()
	}
	_ = b.Heads(func(h store.Head) error {
		h.New = false
		s.heads[h.Org] = h
		return nil
	})
	_ = b.Objects(func(_, o tocsin.Object) error {
		s.cache.publish(cacheKey{o.Head().Org, store.Key{Kind: o.Kind(), ID: o.Head().ID}}, o)
		return nil
	})
}

// prepare returns the writing connection's statement for a text.
func (s *Store) prepare(ctx context.Context, text string) (*sql.Stmt, error) {
	if stmt := s.statements[text]; stmt != nil {
		return stmt, nil
	}
	stmt, err := s.conn.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	s.statements[text] = stmt
	return stmt, nil
}

func (s *Store) exec(ctx context.Context, st sqlstore.Statement) error {
	stmt, err := s.prepare(ctx, st.SQL)
	if err != nil {
		return err
	}
	res, err := stmt.ExecContext(ctx, st.Args...)
	if err != nil || st.Any {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return fmt.Errorf("a statement changed %d rows, not one: the object is not as it was loaded (%w)", n, errors.Join(store.ErrRerun, err))
	}
	return nil
}

// RecordUse is store.Store's.
func (s *Store) RecordUse(ctx context.Context, uses []store.KeyUse) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.exec(ctx, sqlstore.Statement{SQL: "BEGIN IMMEDIATE", Any: true}); err != nil {
		return err
	}
	for _, u := range uses {
		if err := s.exec(ctx, sqlstore.RecordUseOf(u)); err != nil {
			return errors.Join(err, s.exec(ctx, sqlstore.Statement{SQL: "ROLLBACK", Any: true}))
		}
	}
	return s.exec(ctx, sqlstore.Statement{SQL: "COMMIT", Any: true})
}

// watch looks twice a second whether another process has committed, so that a
// key revoked at the shell is seen at once even on an idle server.
func (s *Store) watch() {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-tick.C:
			s.mu.Lock()
			_ = s.dropIfMoved(context.Background()) // the next batch will say it
			s.mu.Unlock()
		}
	}
}

// Close is store.Store's.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	s.Writer.Close()
	close(s.stop)
	s.background.Wait()
	return s.closeFiles()
}

func (s *Store) closeFiles() error {
	var errs []error
	if s.conn != nil {
		errs = append(errs, s.conn.Close())
	}
	for _, db := range []*sql.DB{s.readers, s.checkpoints, s.writers} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
	}
	return errors.Join(errs...)
}

// code returns SQLite's primary result code, 0 for another error.
func code(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code() & 0xff
	}
	return 0
}

// refused gives an error that came before COMMIT its code.
func refused(err error) error {
	switch code(err) {
	case sqlite3.SQLITE_CONSTRAINT:
		return &tocsin.Error{Code: tocsin.Conflict, Message: "that name is taken", Err: err}
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return &tocsin.Error{Code: tocsin.Busy, Message: "the database is busy; the change was not made", RetryAfter: time.Second, Err: err}
	case sqlite3.SQLITE_FULL:
		return &tocsin.Error{Code: tocsin.Busy, Message: "the disk is full; the change was not made", RetryAfter: 5 * time.Second, Err: err}
	default:
		return err
	}
}

// isNoTransaction reports SQLite's answer to a ROLLBACK after it has already
// rolled back by itself.
func isNoTransaction(err error) bool { return code(err) == sqlite3.SQLITE_ERROR }
