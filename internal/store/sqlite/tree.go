package sqlite

import (
	"context"
	"errors"
	"sync"
	"time"

	"tocsin/internal/store"
	"tocsin/internal/store/sqlstore"
)

// leases are who may do what only one may. There is one server, so its memory
// is enough; the command line takes none.
type leases struct {
	mu   sync.Mutex
	held map[string]heldLease
}

type heldLease struct {
	store.Lease
	until time.Time
}

// Lease is store.Trees'.
func (s *Store) Lease(_ context.Context, name, holder string, ttl time.Duration) (store.Lease, bool, error) {
	l, now := &s.leases, s.opts.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held == nil {
		l.held = make(map[string]heldLease)
	}
	have := l.held[name]
	if have.Holder != holder {
		if now.Before(have.until) {
			return store.Lease{}, false, nil
		}
		have.Lease = store.Lease{Name: name, Holder: holder, Epoch: have.Epoch + 1}
	}
	have.until = now.Add(ttl)
	l.held[name] = have
	return have.Lease, true, nil
}

// holds reports whether a lease is its holder's still.
func (l *leases) holds(lease store.Lease, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	have := l.held[lease.Name]
	return have.Lease == lease && now.Before(have.until)
}

// SaveTrees is store.Trees'.
func (s *Store) SaveTrees(_ context.Context, lease store.Lease, grown []store.Growth) error {
	if !s.leases.holds(lease, s.opts.Now()) {
		return store.ErrLost
	}
	var statements []sqlstore.Statement
	for _, g := range grown {
		statements = append(statements, sqlstore.WriteGrowth(g)...)
	}
	err := s.write(statements...)
	if errors.Is(err, store.ErrRerun) { // a tree has another size
		return errors.Join(store.ErrLost, err)
	}
	return err
}
