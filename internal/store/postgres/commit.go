package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

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
	// clockSQL reads the database's clock as whole microseconds since 1970.
	clockSQL = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
	// headSQL locks a head. Readers are not in its way.
	headSQL = sqlstore.HeadSQL + " FOR NO KEY UPDATE"
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
	if failed := s.conn.roundTrip(ctx, loads(b)); failed != nil {
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
		return err
	}
	failpoint.Hit("after-commit")
	if b.TouchesAccess() {
		s.access.drop()
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

// loads returns the first round trip: the heads' locks, then the database's
// clock and whatever the batch wants, read under them.
func loads(b *store.Batch) []request {
	requests := []request{{Statement: sqlstore.Statement{SQL: beginSQL, Any: true}}}
	for _, org := range b.Orgs() {
		requests = append(requests, request{
			Statement: sqlstore.Statement{SQL: headSQL, Args: []any{org[:]}},
			read: func(rows pgx.Rows) error {
				h := store.Head{Org: org}
				for rows.Next() {
					if err := rows.Scan(&h.Seq, &h.Number); err != nil {
						return err
					}
					b.SetHead(h)
				}
				return nil
			},
		})
	}
	requests = append(requests, request{
		Statement: sqlstore.Statement{SQL: clockSQL},
		read: func(rows pgx.Rows) error {
			var now int64
			for rows.Next() {
				if err := rows.Scan(&now); err != nil {
					return err
				}
			}
			b.SetNow(time.UnixMicro(now))
			return nil
		},
	})
	b.WantAccess(func(_, key tocsin.ID) {
		requests = append(requests, request{
			Statement: sqlstore.LoadAccess(key),
			read: func(rows pgx.Rows) error {
				a, err := sqlstore.ScanAccess(rows)
				if a != nil {
					b.SetAccess(a)
				}
				return err
			},
		})
	})
	return append(requests, objectLoads(b)...)
}

// objectLoads returns the reads of the wanted objects.
func objectLoads(b *store.Batch) []request {
	var requests []request
	b.WantObjects(func(org tocsin.ID, key store.Key) {
		requests = append(requests, request{
			Statement: sqlstore.LoadObject(org, key),
			read: func(rows pgx.Rows) error {
				for rows.Next() {
					o, err := sqlstore.ScanObject(key.Kind, rows)
					if err != nil {
						return err
					}
					b.SetObject(o)
				}
				return nil
			},
		})
	})
	return requests
}

// writes returns the second round trip.
func writes(b *store.Batch) ([]request, error) {
	var requests []request
	add := func(st sqlstore.Statement) { requests = append(requests, request{Statement: st}) }
	err := b.Objects(func(before, after tocsin.Object) error {
		for _, st := range sqlstore.WriteObject(before, after) {
			if before != nil {
				st.SQL = mustChange(st.SQL)
			}
			add(st)
		}
		return nil
	})
	for _, r := range b.Records() {
		add(sqlstore.WriteRecord(r))
	}
	err = errors.Join(err, b.Heads(func(h store.Head) error {
		add(sqlstore.WriteHead(h))
		return nil
	}))
	add(sqlstore.Statement{SQL: commitSQL, Any: true})
	return requests, err
}

// mustChange makes an update that finds no row fail at the server, where COMMIT
// is already on its way: it divides by the number of rows.
func mustChange(update string) string {
	return "WITH changed AS (" + update + " RETURNING 1) SELECT 1 / count(*) FROM changed"
}
