package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tocsin"
	"tocsin/internal/failpoint"
	"tocsin/internal/store"
	"tocsin/internal/store/sqlstore"
)

// loadDeadline bounds the first round trip, which the server itself ends after
// lockTimeout where it only waits for another node.
const loadDeadline = 15 * time.Second

const (
	beginSQL    = "BEGIN"
	commitSQL   = "COMMIT"
	rollbackSQL = "ROLLBACK"
)

// Execute is store.Executor's.
func (s *Store) Execute(b *store.Batch) error {
	s.awaitRollback()
	ctx, cancel := context.WithTimeout(context.Background(), loadDeadline)
	defer cancel()
	if s.conn == nil {
		c, err := connect(ctx, s.config)
		if err != nil {
			return busy("the database cannot be reached; the change was not made", time.Second, err)
		}
		s.conn = c
	}
	failpoint.Hit("before-transaction")
	if failed := s.load(ctx, b); failed != nil {
		return notDone(failed, s.leave())
	}
	b.Decide()
	if b.Empty() {
		s.leave()
		return nil
	}
	requests, err := writes(b)
	if err != nil {
		s.leave()
		return err
	}
	failpoint.Hit("before-commit")
	if err := s.commit(requests); err != nil {
		s.access.drop()
		if s.conn != nil {
			s.conn.memory.forget()
		}
		return err
	}
	failpoint.Hit("after-commit")
	s.conn.memory.committed(b)
	if b.TouchesAccess() {
		s.access.drop()
	}
	s.grown(len(b.Records()))
	return nil
}

// load gives the batch what it wants, under the heads' locks.
func (s *Store) load(ctx context.Context, b *store.Batch) *tripError {
	l := newLoader(b, &s.conn.memory)
	if failed := s.conn.roundTrip(ctx, l.first()); failed != nil {
		return failed
	}
	if more := l.second(); len(more) > 0 {
		return s.conn.roundTrip(ctx, more)
	}
	return nil
}

// commit writes and commits in one round trip. It waits for the answer no longer
// than the deadline: a connection that has not answered then is left to finish
// by itself, for to cut it would make an unsure commit visible.
func (s *Store) commit(requests []request) error {
	c := s.conn
	done := make(chan *tripError, 1)
	go func() {
		c.warning = nil
		done <- c.roundTrip(context.Background(), requests)
	}()
	timer := time.NewTimer(s.opts.CommitDeadline)
	defer timer.Stop()
	select {
	case failed := <-done:
		warning := c.warning
		err := outcome(failed, warning, len(requests)-1, s.leave())
		if warning != nil {
			s.opts.Logger.Error("the server warned at a commit; whether a standby has it is not known", "code", warning.Code, "message", warning.Message)
		}
		return err
	case <-timer.C:
		s.conn = nil
		go func() {
			failed := <-done
			s.opts.Logger.Error("a commit that was given up has ended", "committed", failed == nil, "err", failed)
			c.close()
		}()
		return fmt.Errorf("%w: no answer to COMMIT within %s", store.ErrUnknown, s.opts.CommitDeadline)
	}
}

// leave ends what is left of a transaction, behind the caller's back so that he
// need not wait for it, and reports whether the connection is lost.
func (s *Store) leave() (lost bool) {
	c := s.conn
	if c.pg.IsClosed() {
		s.conn = nil
		return true
	}
	if c.inTransaction() {
		ending := make(chan struct{})
		s.ending = ending
		go func() {
			defer close(ending)
			ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
			defer cancel()
			if failed := c.roundTrip(ctx, []request{{Statement: sqlstore.Statement{SQL: rollbackSQL, Any: true}}}); failed != nil {
				c.close() // which rolls back too
			}
		}()
	}
	return false
}

// awaitRollback waits for what leave began.
func (s *Store) awaitRollback() {
	if s.ending == nil {
		return
	}
	<-s.ending
	s.ending = nil
	if s.conn != nil && s.conn.pg.IsClosed() {
		s.conn = nil
	}
}

// writes returns the second round trip.
func writes(b *store.Batch) ([]request, error) {
	var rows rowGroups
	err := b.Objects(func(before, after tocsin.Object) error {
		for _, st := range sqlstore.WriteObject(before, after) {
			rows.add(st)
		}
		return nil
	})
	for _, r := range b.Records() {
		rows.add(sqlstore.WriteRecord(r))
	}
	for _, e := range b.Erased() {
		rows.add(sqlstore.EraseDetails(e))
	}
	err = errors.Join(err, b.Replies(func(r store.StoredReply) error {
		st, err := sqlstore.WriteReply(r)
		rows.add(st)
		return err
	}), b.Heads(func(h store.Head) error {
		rows.add(sqlstore.WriteHead(h))
		return nil
	}))
	if err != nil {
		return nil, err
	}
	requests := make([]request, 0, len(rows.groups)+1)
	for _, g := range rows.groups {
		r, err := g.request()
		if err != nil {
			return nil, err
		}
		requests = append(requests, r)
	}
	return append(requests, request{Statement: sqlstore.Statement{SQL: commitSQL, Any: true}}), nil
}
