package main

import (
	"context"
	"fmt"
)

// connections is how many clients every benchmark over HTTP has.
const connections = 64

// A contest runs servers one after the other, round by round, so that each
// round's runs are neighbours in time and their ratios mean something. The
// first entrant is the yardstick.
type contest struct {
	entrants []entrant
	results  [][]result
	err      error
}

type entrant struct {
	name   string
	server *server
	load   load
	shared bool // with the entrant before
}

func (f fixture) between(from, to int) load {
	return load{idsFile: f.idsFile, connections: connections, from: from, to: to}
}

func (f fixture) all() load { return f.between(0, len(f.ids)) }

func (c *contest) enter(name string, s *server, err error, l load) {
	if err != nil {
		c.err = err
		return
	}
	c.entrants = append(c.entrants, entrant{name: name, server: s, load: l})
}

func (c *contest) plain(f fixture) {
	s, err := startPlain(f.keys[0])
	c.enter("plain net/http", s, err, f.all())
}

// node enters the product on a fixture.
func (c *contest) node(name string, f fixture, l load, args ...string) {
	s, err := startNode(f.dir, args...)
	c.enter(name, s, err, l)
}

// again enters the last server once more, under another load.
func (c *contest) again(name string, l load) {
	if c.err == nil {
		last := c.entrants[len(c.entrants)-1]
		c.entrants = append(c.entrants, entrant{name: name, server: last.server, load: l, shared: true})
	}
}

func (c *contest) stop() {
	for _, e := range c.entrants {
		if !e.shared {
			e.server.stop()
		}
	}
}

// run runs one round to warm up and then those that count.
func (c *contest) run(ctx context.Context, s settings) error {
	if c.err != nil {
		return c.err
	}
	c.results = make([][]result, len(c.entrants))
	for round := range s.rounds + 1 {
		for i, e := range c.entrants {
			r, err := e.load.run(ctx, s.dir, e.server, s.duration)
			if err != nil {
				return fmt.Errorf("%s: %w", e.name, err)
			}
			if round > 0 {
				c.results[i] = append(c.results[i], r)
			}
		}
	}
	return nil
}

// print shows medians, and medians of the ratios to the yardstick's neighbours.
func (c *contest) print(title string) {
	fmt.Printf("%-28s %10s %8s %9s %9s %8s %12s\n", title, "req/s", "share", "p50 ms", "p99 ms", "p99 x", "cpu us/req")
	for i, e := range c.entrants {
		r := c.results[i]
		fmt.Printf("%-28s %10.0f %8.2f %9.1f %9.1f %8.2f %12.0f\n", e.name, median(r, rate), ratios(r, c.results[0], rate),
			median(r, p50), median(r, p99), ratios(r, c.results[0], p99), median(r, cpu))
	}
}

// ratios returns the median of the ratios of adjacent runs.
func ratios(a, b []result, of func(result) float64) float64 {
	pairs := make([]result, min(len(a), len(b)))
	for i := range pairs {
		pairs[i].rate = of(a[i]) / of(b[i])
	}
	return median(pairs, rate)
}
