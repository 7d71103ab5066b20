package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"tocsin"
	"tocsin/internal/store"
	"tocsin/internal/store/sqlstore"
)

// leaseSQL takes or prolongs a lease by the database's clock; it returns no row
// while another holds it.
const leaseSQL = `WITH now AS (SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS at)
INSERT INTO leases (name, holder, epoch, expires_at) SELECT $1, $2, 1, at + $3 FROM now
ON CONFLICT (name) DO UPDATE SET
 epoch = leases.epoch + (leases.holder <> excluded.holder)::integer, holder = excluded.holder, expires_at = excluded.expires_at
WHERE leases.holder = excluded.holder OR leases.expires_at <= (SELECT at FROM now)
RETURNING epoch`

// holdsSQL locks a lease that is its holder's still.
const holdsSQL = `SELECT 1 FROM leases WHERE name = $1 AND holder = $2 AND epoch = $3
AND expires_at > (extract(epoch FROM clock_timestamp()) * 1000000)::bigint FOR UPDATE`

// Lease is store.Trees'.
func (s *Store) Lease(ctx context.Context, name, holder string, ttl time.Duration) (store.Lease, bool, error) {
	l := store.Lease{Name: name, Holder: holder}
	err := s.pool.QueryRow(ctx, leaseSQL, name, holder, ttl.Microseconds()).Scan(&l.Epoch)
	if errors.Is(err, pgx.ErrNoRows) {
		return store.Lease{}, false, nil
	}
	if err != nil {
		return store.Lease{}, false, fmt.Errorf("take the lease %q: %w", name, err)
	}
	return l, true, nil
}

// SaveTrees is store.Trees': one transaction under the lease's lock.
func (s *Store) SaveTrees(ctx context.Context, lease store.Lease, grown []store.Growth) error {
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		var batch pgx.Batch
		batch.Queue(holdsSQL, lease.Name, lease.Holder, lease.Epoch).QueryRow(func(row pgx.Row) error {
			var one int
			return lost(row.Scan(&one))
		})
		for _, g := range grown {
			for i, st := range sqlstore.WriteGrowth(g) {
				queued := batch.Queue(st.SQL, st.Args...)
				if i > 0 {
					continue
				}
				queued.Exec(func(tag pgconn.CommandTag) error {
					if tag.RowsAffected() != 1 {
						return fmt.Errorf("%w: the tree of organisation %s has another size than %d", store.ErrLost, g.Tree.Org, g.From)
					}
					return nil
				})
			}
		}
		return tx.SendBatch(ctx, &batch).Close()
	})
	if err != nil {
		return fmt.Errorf("store what was computed of the logs: %w", err)
	}
	return nil
}

// lost turns no row into ErrLost.
func lost(err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return store.ErrLost
	}
	return err
}

// ForgetReplies is store.Store's.
func (s *Store) ForgetReplies(ctx context.Context) error {
	var now int64
	if err := s.pool.QueryRow(ctx, clockSQL).Scan(&now); err != nil {
		return fmt.Errorf("read the database's clock: %w", err)
	}
	before := now - tocsin.ReplyLife.Microseconds()
	for { // some at a time: the changes that wait for their rows come in between
		done, err := s.pool.Exec(ctx, sqlstore.ForgetRepliesBefore, before, sqlstore.ForgottenAtOnce)
		if err != nil {
			return fmt.Errorf("erase old replies: %w", err)
		}
		if done.RowsAffected() < sqlstore.ForgottenAtOnce {
			return nil
		}
	}
}
