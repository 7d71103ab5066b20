package postgres

import (
	"context"
	"sync"
	"time"

	"tocsin"
)

const (
	// accessAge is how long an answer about a key may be told again. A key that
	// is revoked on another node is refused here after that at the latest.
	accessAge = 500 * time.Millisecond
	// maxRemembered bounds what a node remembers of keys, of each sort.
	maxRemembered = 32 << 10
)

// An accessCache remembers for a moment what keys may do.
type accessCache struct {
	mu      sync.Mutex
	entries map[tocsin.ID]accessEntry
	// drops counts the times that all was forgotten.
	drops uint64
}

type accessEntry struct {
	access *tocsin.Access
	asked  time.Time
}

// Access is store.Store's, at most accessAge old.
func (s *Store) Access(ctx context.Context, key tocsin.ID) (*tocsin.Access, error) {
	asked := s.opts.Now()
	a, drops := s.access.get(key, asked)
	if a != nil {
		return a, nil
	}
	a, err := s.Reader.Access(ctx, key)
	if err != nil {
		return nil, err
	}
	s.access.add(key, accessEntry{a, asked}, drops)
	return a, nil
}

func (c *accessCache) get(key tocsin.ID, now time.Time) (*tocsin.Access, uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entries[key]
	if age := now.Sub(e.asked); age < 0 || age >= accessAge {
		return nil, c.drops
	}
	return e.access, c.drops
}

// add remembers an answer, unless all was forgotten since it was asked for.
func (c *accessCache) add(key tocsin.ID, e accessEntry, drops uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.drops != drops {
		return
	}
	if c.entries == nil || len(c.entries) >= maxRemembered {
		c.entries = make(map[tocsin.ID]accessEntry)
	}
	c.entries[key] = e
}

func (c *accessCache) drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.entries = nil
	c.drops++
}
