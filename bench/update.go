package main

import (
	"context"
	"fmt"
	"path/filepath"

	"tocsin/internal/app"
)

const connections = 64

// benchUpdate is the figure that the product is built around.
func benchUpdate(ctx context.Context, s settings) error {
	// The one-transaction-each server has its own copy of the same data.
	f, err := makeFixture(ctx, filepath.Join(s.dir, "group"), app.Database{}, 1, 10_000)
	if err != nil {
		return err
	}
	alone, err := makeFixture(ctx, filepath.Join(s.dir, "alone"), app.Database{}, 1, 10_000)
	if err != nil {
		return err
	}
	plain, err := startPlain(f.keys[0])
	if err != nil {
		return err
	}
	defer plain.stop()
	node, err := startNode("tocsin", f.dir)
	if err != nil {
		return err
	}
	defer node.stop()
	single, err := startNode("one transaction an update", alone.dir, "-max-batch", "1")
	if err != nil {
		return err
	}
	defer single.stop()
	servers := []*server{plain, node, single}
	loads := []load{f.load(0, len(f.ids)), f.load(0, len(f.ids)), alone.load(0, len(alone.ids))}
	results := make([][]result, len(servers))
	for round := range s.rounds + 1 {
		for i, srv := range servers {
			r, err := loads[i].run(ctx, s.dir, srv, s.duration)
			if err != nil {
				return fmt.Errorf("%s: %w", srv.name, err)
			}
			if round > 0 { // the first warms up
				results[i] = append(results[i], r)
			}
		}
	}
	fmt.Printf("%-28s %10s %8s %9s %9s %8s %12s\n", "10,000 incidents", "req/s", "share", "p50 ms", "p99 ms", "p99 x", "cpu us/req")
	for i, srv := range servers {
		fmt.Printf("%-28s %10.0f %8.2f %9.1f %9.1f %8.2f %12.0f\n", srv.name,
			median(results[i], rate), ratios(results[i], results[0], rate), median(results[i], p50), median(results[i], p99),
			ratios(results[i], results[0], p99), median(results[i], cpu))
	}
	fmt.Printf("group commit / one transaction an update: %.1f\n", ratios(results[1], results[2], rate))
	return nil
}

// load draws from ids [from, to) of the fixture's first organisation.
func (f fixture) load(from, to int) load {
	return load{idsFile: f.idsFile, key: f.keys[0], connections: connections, from: from, to: to}
}

// ratios returns the median of the ratios of adjacent runs.
func ratios(a, b []result, of func(result) float64) float64 {
	pairs := make([]result, min(len(a), len(b)))
	for i := range pairs {
		pairs[i].rate = of(a[i]) / of(b[i])
	}
	return median(pairs, rate)
}
