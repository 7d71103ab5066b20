package httpkit

import (
	"container/list"
	"net/netip"
	"sync"
	"time"
)

// maxGuarded is how many addresses a FailureGuard remembers.
const maxGuarded = 10_000

// A FailureGuard slows down the guessing of keys: it counts failed
// authentications per address, a /64 for IPv6. It is asked only after a
// failure, so a right key always passes. It forgets on restart and remembers at
// most 10,000 addresses, of which the longest quiet one goes first. Its methods
// may be called from any goroutine.
type FailureGuard struct {
	limit  int
	window time.Duration
	now    func() time.Time

	mu      sync.Mutex
	entries map[netip.Prefix]*list.Element
	recent  list.List // of *failures, the last to fail in front
}

type failures struct {
	source netip.Prefix
	// times are the last failures that were not refused, oldest first.
	times []time.Time
}

// NewFailureGuard returns a guard that lets an address fail limit times, at
// least once, in any window.
func NewFailureGuard(limit int, window time.Duration, now func() time.Time) *FailureGuard {
	return &FailureGuard{
		limit: max(limit, 1), window: window, now: now,
		entries: map[netip.Prefix]*list.Element{},
	}
}

// Failed records one failure of addr. It reports refuse, and how long until the
// next attempt is heard, when limit failures were recorded in the window
// already; a refused failure is not recorded.
func (g *FailureGuard) Failed(addr netip.Addr) (wait time.Duration, refuse bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	g.forget(now)
	f := g.entry(addr)
	for len(f.times) > 0 && !f.times[0].Add(g.window).After(now) {
		f.times = f.times[1:]
	}
	if len(f.times) >= g.limit {
		return f.times[0].Add(g.window).Sub(now), true
	}
	f.times = append(f.times, now)
	return 0, false
}

// entry returns what is known of addr, and moves it to the front.
func (g *FailureGuard) entry(addr netip.Addr) *failures {
	source := sourceOf(addr)
	if e, ok := g.entries[source]; ok {
		g.recent.MoveToFront(e)
		return e.Value.(*failures)
	}
	if len(g.entries) >= maxGuarded {
		g.drop(g.recent.Back())
	}
	f := &failures{source: source}
	g.entries[source] = g.recent.PushFront(f)
	return f
}

// forget drops the addresses that have been quiet for a window.
func (g *FailureGuard) forget(now time.Time) {
	for e := g.recent.Back(); e != nil; e = g.recent.Back() {
		times := e.Value.(*failures).times
		if times[len(times)-1].Add(g.window).After(now) {
			return
		}
		g.drop(e)
	}
}

func (g *FailureGuard) drop(e *list.Element) {
	delete(g.entries, e.Value.(*failures).source)
	g.recent.Remove(e)
}

// sourceOf returns the network that one client can be taken to own.
func sourceOf(addr netip.Addr) netip.Prefix {
	addr = addr.Unmap().WithZone("")
	bits := addr.BitLen()
	if addr.Is6() {
		bits = 64
	}
	p, _ := addr.Prefix(bits) // bits fit; the zero Addr gives the zero Prefix
	return p
}
