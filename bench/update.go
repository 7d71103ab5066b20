package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// benchUpdate is the figure that the product is built around.
func benchUpdate(ctx context.Context, s settings) error {
	// The one-transaction-each server has its own copy of the same data.
	f, err := makeFixture(ctx, filepath.Join(s.dir, "group"), 1, 10_000)
	if err != nil {
		return err
	}
	alone, err := makeFixture(ctx, filepath.Join(s.dir, "alone"), 1, 10_000)
	if err != nil {
		return err
	}
	var c contest
	defer c.stop()
	c.plain(f)
	c.node("tocsin", f, f.all())
	c.node("one transaction an update", alone, alone.all(), "-max-batch", "1")
	if err := c.run(ctx, s); err != nil {
		return err
	}
	c.print("10,000 incidents")
	fmt.Printf("group commit / one transaction an update: %.1f\n", ratios(c.results[1], c.results[2], rate))
	return nil
}

// benchAudit shows what the second level of the audit trail costs an update, and
// what the native API does: plain, and named to happen once.
func benchAudit(ctx context.Context, s settings) error {
	signed, err := makeFixture(ctx, filepath.Join(s.dir, "signed"), 1, 10_000)
	if err != nil {
		return err
	}
	unsigned, err := makeFixture(ctx, filepath.Join(s.dir, "unsigned"), 1, 10_000)
	if err != nil {
		return err
	}
	var c contest
	defer c.stop()
	c.plain(signed)
	c.node("tocsin, unsigned", unsigned, unsigned.all(), "-unsigned")
	c.node("tocsin, signed", signed, signed.all())
	native := signed.all()
	native.through = "native"
	c.again("native API, signed", native)
	native.through = "once"
	c.again("native API, signed, once", native)
	if c.err != nil {
		return c.err
	}
	lag := watchLag(ctx, c.entrants[2].server.url)
	if err := c.run(ctx, s); err != nil {
		return err
	}
	c.print("10,000 incidents")
	fmt.Printf("signed / unsigned: %.2f\n", ratios(c.results[2], c.results[1], rate))
	median, worst := lag()
	fmt.Printf("age of what is not signed yet: median %.2f s, worst %.2f s\n", median, worst)
	return nil
}

// watchLag looks ten times a second how far behind the signing of a server's logs
// is; what it returns ends that and says how it was, in seconds.
func watchLag(ctx context.Context, url string) func() (median, worst float64) {
	ctx, cancel := context.WithCancel(ctx)
	seen := make(chan []float64)
	go func() {
		var all []float64
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				seen <- all
				return
			case <-tick.C:
				if v, err := gauge(ctx, url, "tocsin_audit_lag_seconds"); err == nil {
					all = append(all, v)
				}
			}
		}
	}()
	return func() (median, worst float64) {
		cancel()
		all := <-seen
		if slices.Sort(all); len(all) == 0 {
			return math.NaN(), math.NaN()
		}
		return all[len(all)/2], all[len(all)-1]
	}
}

// gauge reads one metric of a server.
func gauge(ctx context.Context, url, name string) (float64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		if text, found := strings.CutPrefix(lines.Text(), name+" "); found {
			return strconv.ParseFloat(text, 64)
		}
	}
	return 0, fmt.Errorf("%s has no metric %s", url, name)
}

// benchMillion compares a million incidents with ten thousand.
func benchMillion(ctx context.Context, s settings) error {
	small, err := makeFixture(ctx, filepath.Join(s.dir, "small"), 1, 10_000)
	if err != nil {
		return err
	}
	large, err := makeFixture(ctx, filepath.Join(s.dir, "large"), 1, 1_000_000)
	if err != nil {
		return err
	}
	if err := warm(filepath.Join(large.dir, "tocsin.db")); err != nil {
		return err
	}
	var c contest
	defer c.stop()
	c.node("10,000", small, small.all())
	c.node("1,000,000, newest 1 %", large, large.between(990_000, 1_000_000))
	c.again("1,000,000, uniform", large.all())
	if err := c.run(ctx, s); err != nil {
		return err
	}
	c.print("incidents")
	return nil
}

// warm reads a file, so that the operating system has it in memory.
func warm(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(io.Discard, f)
	return err
}

// benchFlat shows that neither many tenants nor one hot incident cost anything.
func benchFlat(ctx context.Context, s settings) error {
	one, err := makeFixture(ctx, filepath.Join(s.dir, "one"), 1, 10_000)
	if err != nil {
		return err
	}
	many, err := makeFixture(ctx, filepath.Join(s.dir, "many"), 1_000, 10)
	if err != nil {
		return err
	}
	var c contest
	defer c.stop()
	c.node("one organisation", one, one.all())
	c.again("all to one incident", one.between(0, 1))
	c.node("1,000 organisations, all", many, many.all())
	c.again("one of 1,000", many.between(5_000, 5_010))
	if err := c.run(ctx, s); err != nil {
		return err
	}
	c.print("10,000 incidents")
	return nil
}
