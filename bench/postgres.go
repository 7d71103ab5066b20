package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
)

// changesLine is the metric that the engine's own benchmarks report.
var changesLine = regexp.MustCompile(`([\d.]+) changes/s`)

// benchPostgres compares the PostgreSQL engine with pgbench: it runs the
// engine's benchmarks, which bring both, in neighbouring pairs.
func benchPostgres(ctx context.Context, s settings) error {
	binary := filepath.Join(s.dir, "postgres.test")
	build := exec.CommandContext(ctx, "go", "test", "-c", "-o", binary, "./internal/store/postgres")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("build the engine's benchmarks: %w", err)
	}
	pairs := []struct{ title, ours, theirs string }{
		{"a lone change / pgbench, same statements", "BenchmarkCommitLone", "BenchmarkPgbenchLone"},
		{"64 clients / pgbench, one statement each", "BenchmarkCommit64", "BenchmarkPgbench64"},
	}
	fmt.Printf("%-42s %10s %10s %8s\n", "PostgreSQL, store level", "changes/s", "pgbench", "ratio")
	for _, p := range pairs {
		var ours, theirs []result
		for range s.rounds {
			for name, into := range map[string]*[]result{p.ours: &ours, p.theirs: &theirs} {
				r, err := changes(ctx, s, binary, name)
				if err != nil {
					return err
				}
				*into = append(*into, r)
			}
		}
		fmt.Printf("%-42s %10.0f %10.0f %8.2f\n", p.title, median(ours, rate), median(theirs, rate), ratios(ours, theirs, rate))
	}
	return nil
}

// changes runs one benchmark and returns its changes a second.
func changes(ctx context.Context, s settings, binary, name string) (result, error) {
	cmd := exec.CommandContext(ctx, binary, "-test.run", "^$", "-test.bench", "^"+name+"$", "-test.benchtime", s.duration.String())
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return result{}, fmt.Errorf("%s: %w\n%s", name, err, out)
	}
	m := changesLine.FindSubmatch(out)
	if m == nil {
		return result{}, fmt.Errorf("%s reported nothing:\n%s", name, out)
	}
	n, err := strconv.ParseFloat(string(m[1]), 64)
	return result{rate: n}, err
}
