// Package harness runs the real binary for whole-program tests: it builds it,
// starts and ends servers on either engine, and opens their databases beside
// them, so that a test can make what it needs and see what was stored.
//
// It must never be imported by anything but tests, and never reach into a
// running server by another way than HTTP, signals and the database.
package harness

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"tocsin"
	"tocsin/internal/app"
	"tocsin/internal/metrics"
	"tocsin/internal/pgtest"
	"tocsin/internal/secret"
)

// binaryVariable tells the tests of this process where Main put the binary.
const binaryVariable = "TOCSIN_TEST_BINARY"

// parallel is how many tests run at once unless the command line says
// otherwise: they wait for servers and disks more than they compute.
const parallel = "8"

// Main builds the binary with the tags, runs a package's tests and ends the
// process: call it from TestMain.
func Main(m *testing.M, tags ...string) {
	os.Exit(run(m, tags))
}

func run(m *testing.M, tags []string) int {
	dir, err := os.MkdirTemp("", "tocsin-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "harness: make a directory for the binary:", err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "tocsin")
	build := exec.Command("go", "build", "-buildvcs=false", "-tags", strings.Join(tags, ","), "-o", binary, "tocsin/cmd/tocsin")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "harness: build the binary: %v\n%s", err, out)
		return 1
	}
	if err := errors.Join(os.Setenv(binaryVariable, binary), flag.Set("test.parallel", parallel)); err != nil {
		fmt.Fprintln(os.Stderr, "harness:", err)
		return 1
	}
	return m.Run()
}

// An Engine is a kind of database to run a test on.
type Engine struct {
	// Name is "sqlite" or "postgres", for the names of subtests.
	Name string
	// Fresh returns a new, empty database, gone when the test ends. It skips
	// the test where the engine is not to be had.
	Fresh func(tb testing.TB) app.Database
}

// Engines returns every engine.
func Engines() []Engine {
	return []Engine{
		{"sqlite", func(tb testing.TB) app.Database { return app.Database{Dir: tb.TempDir()} }},
		{"postgres", func(tb testing.TB) app.Database { return app.Database{URL: secret.Secret(postgresURL(tb))} }},
	}
}

// postgresURL returns the address of an empty database: on the server that the
// environment names, or on one started for this test.
func postgresURL(tb testing.TB) string {
	if os.Getenv(pgtest.AdminVariable) != "" {
		return pgtest.URL(tb)
	}
	return pgtest.NewServer(tb).URL
}

// Open opens a database beside its server, as the command line does, until the
// test ends or the function it returns is called.
func Open(tb testing.TB, d app.Database) (app.Services, func()) {
	tb.Helper()
	d.Server = false
	s, err := app.OpenStore(context.Background(), d, slog.New(slog.DiscardHandler), metrics.New())
	if err != nil {
		tb.Fatalf("open the database beside the server: %v", err)
	}
	closed := false
	end := func() {
		if !closed {
			closed = true
			if err := s.Close(); err != nil {
				tb.Errorf("close the database beside the server: %v", err)
			}
		}
	}
	tb.Cleanup(end)
	return app.NewServices(s), end
}

// Incident reads an incident from the database itself: an engine's Get may
// answer from a cache that another process has outrun for a moment.
func Incident(tb testing.TB, s app.Services, org, id tocsin.ID) *tocsin.Incident {
	tb.Helper()
	found, err := s.Store.Incidents(context.Background(), org, tocsin.IncidentQuery{
		Reach: tocsin.Reach{Everywhere: true}, IDs: []tocsin.ID{id}, Limit: 1,
	})
	if err != nil || len(found) != 1 {
		tb.Fatalf("read incident %s: found %d, %v", id, len(found), err)
	}
	return found[0]
}

// LogLength returns how many entries an organisation's log has.
func LogLength(tb testing.TB, s app.Services, org tocsin.ID) int64 {
	tb.Helper()
	var last int64
	for {
		records, err := s.Store.Log(context.Background(), org, last, 1000)
		if err != nil {
			tb.Fatalf("read the log: %v", err)
		}
		if len(records) == 0 {
			return last
		}
		last = records[len(records)-1].Seq
	}
}
