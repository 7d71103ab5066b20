package httpkit_test

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"tocsin/internal/httpkit"
)

// clock is a time that stands still until it is moved.
type clock struct{ now time.Time }

func newGuard(limit int) (*httpkit.FailureGuard, *clock) {
	c := &clock{now: time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)}
	return httpkit.NewFailureGuard(limit, time.Minute, func() time.Time { return c.now }), c
}

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

func TestTheGuardHearsALimitOfFailuresInAnyWindow(t *testing.T) {
	t.Parallel()
	g, c := newGuard(3)
	steps := []struct {
		after  time.Duration
		refuse bool
		wait   time.Duration
	}{
		{0, false, 0},
		{50 * time.Second, false, 0},
		{5 * time.Second, false, 0},
		{0, true, 5 * time.Second},
		{4 * time.Second, true, time.Second},
		{time.Second, false, 0},      // the first has left the window
		{0, true, 50 * time.Second},  // the edge of a window lets no burst through
		{50 * time.Second, false, 0}, // the second left
		{5 * time.Second, false, 0},  // the third left
		{0, true, 5 * time.Second},   // the fourth is still there
		{10 * time.Minute, false, 0}, // all forgotten
		{0, false, 0},
		{0, false, 0}, // the whole limit again
		{0, true, time.Minute},
		{time.Minute - 1, true, 1},
	}
	for i, step := range steps {
		c.now = c.now.Add(step.after)
		wait, refuse := g.Failed(addr("203.0.113.5"))
		if refuse != step.refuse || wait != step.wait {
			t.Fatalf("failure %d is (%v, %v), want (%v, %v)", i+1, wait, refuse, step.wait, step.refuse)
		}
	}
}

func TestTheGuardKeepsNetworksApart(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		first, second string
		same          bool
	}{
		"two IPv4 addresses":      {"203.0.113.5", "203.0.113.6", false},
		"one address, two shapes": {"203.0.113.5", "::ffff:203.0.113.5", true},
		"one IPv6 network":        {"2001:db8::1", "2001:db8::ffff:1", true},
		"two IPv6 networks":       {"2001:db8:0:1::1", "2001:db8:0:2::1", false},
		"two zones":               {"fe80::1%a", "fe80::1%b", true},
		"IPv4, and IPv6 like it":  {"32.1.13.184", "2001:db8::1", false},
	}
	for name, test := range tests {
		g, _ := newGuard(1)
		g.Failed(addr(test.first))
		if _, refuse := g.Failed(addr(test.second)); refuse != test.same {
			t.Errorf("%s: the second is refused: %v, want %v", name, refuse, test.same)
		}
	}
}

func TestTheGuardCountsClientsWithoutAnAddressTogether(t *testing.T) {
	t.Parallel()
	g, _ := newGuard(1)
	g.Failed(netip.Addr{})
	if _, refuse := g.Failed(netip.Addr{}); !refuse {
		t.Error("a second failure without an address is let through")
	}
}

func TestTheGuardForgetsTheLongestQuietFirst(t *testing.T) {
	t.Parallel()
	g, _ := newGuard(1)
	first, second := addr("203.0.113.1"), addr("203.0.113.2")
	g.Failed(first)
	g.Failed(second)
	g.Failed(first) // refused, and no longer the longest quiet
	for i := range uint32(9_999) {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], 10<<24|i)
		g.Failed(netip.AddrFrom4(b))
	}
	if _, refuse := g.Failed(first); !refuse {
		t.Error("an address that fails again and again was forgotten")
	}
	if _, refuse := g.Failed(second); refuse {
		t.Error("the longest quiet address is still remembered: the memory has no bound")
	}
}

func TestTheGuardLetsAtLeastOneFailureThrough(t *testing.T) {
	t.Parallel()
	g, _ := newGuard(0)
	if _, refuse := g.Failed(addr("203.0.113.5")); refuse {
		t.Error("the first failure is refused")
	}
	if _, refuse := g.Failed(addr("203.0.113.5")); !refuse {
		t.Error("the second failure is let through")
	}
}
