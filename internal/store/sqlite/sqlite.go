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
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
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

	opts     Options
	identity store.Identity
	lock     *os.File
	readers  *sql.DB
	cache    *cache
	windows  windows
	leases   leases

	// mu guards the writing connection and what belongs to it.
	mu      sync.Mutex
	conn    *connection
	heads   map[tocsin.ID]store.Head
	version int64 // PRAGMA data_version when last looked at

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
	s := &Store{opts: o, cache: newCache(), heads: make(map[tocsin.ID]store.Head), stop: make(chan struct{})}
	if err := s.open(ctx); err != nil {
		s.closeFiles()
		return nil, fmt.Errorf("open the database in %s: %w", o.Dir, err)
	}
	s.Reader = sqlstore.NewReader(s.readers, sqlstore.ReaderPrepares)
	s.Writer = store.NewWriter(store.WriterOptions{
		Executor: s, Observer: o.Observer, Installation: s.identity.ID, NewID: o.NewID, MaxBatch: o.MaxBatch, StopOnUnknown: true,
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
	if s.checkpoints, err = sql.Open("sqlite", sourceName(path, "rwc", "wal_autocheckpoint(0)", "cache_size(-1024)")); err != nil {
		return err
	}
	s.checkpoints.SetMaxOpenConns(1)
	if err := migrate(ctx, s.checkpoints); err != nil {
		return err
	}
	if s.identity, err = sqlstore.Identify(ctx, s.checkpoints, store.NewIdentity(s.opts.NewID()), s.opts.Now()); err != nil {
		return err
	}
	if s.conn, err = openConnection(sourceName(path, "rw", "wal_autocheckpoint(0)", "cache_size(-65536)")); err != nil {
		return err
	}
	if err := s.conn.checkSettings(); err != nil {
		return err
	}
	// The directory's own entries must be on disk before anything is promised.
	if err := syncDir(s.opts.Dir); err != nil {
		return err
	}
	if s.readers, err = sql.Open("sqlite", sourceName(path, "rw", "query_only(1)", "cache_size(-8192)")); err != nil {
		return err
	}
	s.readers.SetMaxOpenConns(8)
	s.readers.SetMaxIdleConns(8)
	return nil
}

// Installation is store.Store's.
func (s *Store) Installation() tocsin.ID { return s.identity.ID }

// Secret is store.Store's.
func (s *Store) Secret() [32]byte { return s.identity.Secret }

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
		_ = s.commit() // the last batch, answered long ago
	}
	if err := s.conn.do("BEGIN IMMEDIATE"); err != nil {
		return refused(err)
	}
	if err := s.decideAndWrite(ctx, b); err != nil {
		if errors.Is(err, store.ErrRerun) {
			s.drop() // something that was loaded is not so
		}
		if rerr := s.conn.do("ROLLBACK"); rerr != nil && !isNoTransaction(rerr) {
			return fmt.Errorf("%w: roll back after %w: %w", store.ErrUnknown, err, rerr)
		}
		return refused(err)
	}
	if b.Empty() {
		if err := s.conn.do("ROLLBACK"); err != nil {
			return fmt.Errorf("%w: end a transaction that wrote nothing: %w", store.ErrUnknown, err)
		}
		return nil
	}
	failpoint.Hit("before-commit")
	if !failpoint.Bug("ack-before-commit") {
		if err := s.commit(); err != nil {
			return err
		}
	}
	failpoint.Hit("after-commit")
	s.publish(b)
	return nil
}

// commit ends the transaction. A full disk is a clean "no": SQLite has rolled
// back. Any other error leaves the outcome unknown.
func (s *Store) commit() error {
	err := s.conn.do("COMMIT")
	if err == nil {
		return nil
	}
	s.drop()
	if code(err) == sqlite3.SQLITE_FULL {
		if rerr := s.conn.do("ROLLBACK"); rerr == nil || isNoTransaction(rerr) {
			return refused(err)
		}
	}
	return fmt.Errorf("%w: %w", store.ErrUnknown, err)
}

func (s *Store) decideAndWrite(ctx context.Context, b *store.Batch) error {
	if err := s.dropIfMoved(); err != nil {
		return err
	}
	if err := s.load(ctx, b); err != nil {
		return err
	}
	b.SetNow(s.opts.Now())
	b.Decide()
	if err := b.Objects(func(before, after tocsin.Object) error {
		for _, st := range sqlstore.WriteObject(before, after) {
			if err := s.conn.exec(st); err != nil {
				return fmt.Errorf("write %s %s: %w", after.Kind(), after.Head().ID, err)
			}
		}
		return nil
	}); err != nil {
		return err
	}
	failpoint.Hit("after-objects")
	for _, r := range b.Records() {
		if err := s.conn.exec(sqlstore.WriteRecord(r)); err != nil {
			return fmt.Errorf("append record %d: %w", r.Seq, err)
		}
	}
	failpoint.Hit("after-records")
	for _, e := range b.Erased() {
		if err := s.conn.exec(sqlstore.EraseDetails(e)); err != nil {
			return fmt.Errorf("erase the details of record %d: %w", e.Seq, err)
		}
	}
	if err := b.Replies(func(r store.StoredReply) error {
		st, err := sqlstore.WriteReply(r)
		if err != nil {
			return err
		}
		return s.conn.exec(st)
	}); err != nil {
		return fmt.Errorf("keep a reply: %w", err)
	}
	return b.Heads(func(h store.Head) error { return s.conn.exec(sqlstore.WriteHead(h)) })
}

// dropIfMoved empties the caches if another process has committed since the
// writing connection last looked.
func (s *Store) dropIfMoved() error {
	version, err := s.conn.number("PRAGMA data_version")
	if err != nil {
		return err
	}
	if version != s.version {
		s.version = version
		s.drop()
	}
	return nil
}

// drop forgets all that was loaded or published.
func (s *Store) drop() {
	s.cache.clear()
	clear(s.heads)
}

// load gives the batch what it wants, from the cache where that has it: the
// requests have put it there before they queued. What it lacks is read on
// another connection, which sees what was last committed: nobody else writes
// while this one holds the write lock.
func (s *Store) load(ctx context.Context, b *store.Batch) (err error) {
	for _, org := range b.Orgs() {
		h, cached := s.heads[org]
		if !cached {
			row, err := s.conn.row(sqlstore.HeadSQL, org[:])
			if err != nil {
				return err
			}
			if row == nil {
				continue
			}
			h = store.Head{Org: org, Seq: row[0].(int64), Number: int32(row[1].(int64))}
		}
		b.SetHead(h)
	}
	b.WantObjects(func(org tocsin.ID, key store.Key) {
		if err != nil {
			return
		}
		o, _ := s.cache.get(cacheKey{org, key})
		if o == nil {
			o, err = absent(s.Reader.Get(ctx, org, key))
		}
		if o != nil {
			b.SetObject(o)
		}
	})
	b.WantReplies(func(org tocsin.ID, key [32]byte) {
		if err != nil {
			return
		}
		var found []driver.Value
		if found, err = s.conn.row(sqlstore.LoadReplySQL, org[:], key[:]); err != nil || found == nil {
			return
		}
		var r store.StoredReply
		if r, err = sqlstore.ScanReply(org, key, values(found)); err == nil {
			b.SetReply(r)
		}
	})
	b.WantAccess(func(_, key tocsin.ID) {
		if err != nil {
			return
		}
		a, _ := s.cache.getAccess(key)
		if a == nil {
			a, err = absent(s.Reader.Access(ctx, key))
		}
		if a != nil {
			b.SetAccess(a)
		}
	})
	return err
}

// absent turns a NotFound error into nothing found.
func absent[T any](found T, err error) (T, error) {
	if tocsin.CodeOf(err) == tocsin.NotFound {
		err = nil
	}
	return found, err
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
			_ = s.dropIfMoved() // the next batch will say it
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
		errs = append(errs, s.conn.close())
	}
	for _, db := range []*sql.DB{s.readers, s.checkpoints} {
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
		if !isUnique(err) {
			return err
		}
		return &tocsin.Error{Code: tocsin.Conflict, Message: "that name is taken", Err: err}
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return &tocsin.Error{Code: tocsin.Busy, Message: "the database is busy; the change was not made", RetryAfter: time.Second, Err: err}
	case sqlite3.SQLITE_FULL:
		return &tocsin.Error{Code: tocsin.Busy, Message: "the disk is full; the change was not made", RetryAfter: 5 * time.Second, Err: err}
	default:
		return err
	}
}

// isUnique reports a unique or primary key that is taken.
func isUnique(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && (e.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || e.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)
}

// isNoTransaction reports SQLite's answer to a ROLLBACK after it has already
// rolled back by itself.
func isNoTransaction(err error) bool { return code(err) == sqlite3.SQLITE_ERROR }
