package postgres

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"tocsin"
	"tocsin/internal/store"
)

type windowKey struct {
	key       tocsin.ID
	operation string
}

// refusals remembers until when a window is full, so that a node need not ask
// again: no call can leave it earlier, whatever other nodes do.
type refusals struct {
	mu    sync.Mutex
	until map[windowKey]time.Time
}

func (r *refusals) wait(k windowKey, now time.Time) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	until, known := r.until[k]
	if !known {
		return 0
	}
	if wait := until.Sub(now); wait > 0 {
		return wait
	}
	delete(r.until, k)
	return 0
}

func (r *refusals) remember(k windowKey, until time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.until == nil || len(r.until) >= maxRemembered {
		r.until = make(map[windowKey]time.Time)
	}
	r.until[k] = until
}

// Admit is store.Store's. The database counts, by its own clock, for all nodes
// together (admit_call in the schema); limit must be positive.
func (s *Store) Admit(ctx context.Context, key tocsin.ID, operation string, limit int, window time.Duration) (time.Duration, error) {
	k := windowKey{key, operation}
	asked := s.opts.Now()
	if wait := s.refusals.wait(k, asked); wait > 0 {
		return wait, nil
	}
	var micros int64
	if err := s.pool.QueryRow(ctx, "SELECT admit_call($1, $2, $3, $4)", key[:], operation, limit, window.Microseconds()).Scan(&micros); err != nil {
		return 0, fmt.Errorf("count a call: %w", err)
	}
	wait := time.Duration(micros) * time.Microsecond
	if wait > 0 {
		s.refusals.remember(k, asked.Add(wait))
	}
	return wait, nil
}

// recordUseSQL takes the newest use of each key, in the order in which every
// node locks the rows.
const recordUseSQL = `INSERT INTO key_use (org_id, key_id, used_at)
SELECT org_id, key_id, max(used_at) FROM unnest($1::bytea[], $2::bytea[], $3::bigint[]) AS u (org_id, key_id, used_at)
GROUP BY org_id, key_id ORDER BY org_id, key_id
ON CONFLICT (org_id, key_id) DO UPDATE SET used_at = excluded.used_at WHERE key_use.used_at < excluded.used_at`

// RecordUse is store.Store's: one statement, however many uses.
func (s *Store) RecordUse(ctx context.Context, uses []store.KeyUse) error {
	var orgs, keys [][]byte
	var times []int64
	for _, u := range uses {
		orgs = append(orgs, slices.Clone(u.Org[:]))
		keys = append(keys, slices.Clone(u.Key[:]))
		times = append(times, u.At.UnixMicro())
	}
	if _, err := s.pool.Exec(ctx, recordUseSQL, orgs, keys, times); err != nil {
		return fmt.Errorf("note when keys were used: %w", err)
	}
	return nil
}
