// Package pgtest gives tests a real PostgreSQL: a fresh, empty database for
// each, on a server that lives as long as the test process.
//
// It must never be imported by anything but tests.
package pgtest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Environment variables that tests look at.
const (
	// AdminVariable holds the URL of a server on which databases may be made.
	// Without it Main starts a server of its own, where PostgreSQL is installed.
	AdminVariable = "TOCSIN_TEST_POSTGRES"
	// RequiredVariable, set to 1, makes a missing PostgreSQL a failure.
	RequiredVariable = "TOCSIN_TEST_POSTGRES_REQUIRED"
)

// Main runs a package's tests with a server and ends the process: call it from
// TestMain. Where AdminVariable is not set it starts one and stops it at the
// end; where PostgreSQL is not installed the tests that need it are skipped.
func Main(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if os.Getenv(AdminVariable) != "" {
		return m.Run()
	}
	bin, found := binaries()
	if !found {
		return m.Run()
	}
	s, err := start(bin)
	if err != nil {
		fmt.Fprintln(os.Stderr, "pgtest: start PostgreSQL:", err)
		return 1
	}
	defer s.Stop()
	os.Setenv(AdminVariable, s.URL)
	return m.Run()
}

// URL returns the URL of a new, empty database, which is dropped when the test
// ends. Without a server the test is skipped, or fails where RequiredVariable
// says so.
func URL(tb testing.TB) string {
	tb.Helper()
	admin := os.Getenv(AdminVariable)
	if admin == "" {
		missing(tb)
	}
	var random [8]byte
	rand.Read(random[:])
	name := "tocsin_test_" + hex.EncodeToString(random[:])
	// A copy of template0 has no collation of its own to agree with.
	Exec(tb, admin, "CREATE DATABASE "+name+" TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'")
	tb.Cleanup(func() { Exec(tb, admin, "DROP DATABASE "+name+" WITH (FORCE)") })
	u, err := url.Parse(admin)
	if err != nil {
		tb.Fatalf("%s is not a URL: %v", AdminVariable, err)
	}
	u.Path = "/" + name
	return u.String()
}

// NewServer starts a server for one test, with settings as in "name=value", and
// stops it when the test ends.
func NewServer(tb testing.TB, settings ...string) *Server {
	tb.Helper()
	bin, found := binaries()
	if !found {
		missing(tb)
	}
	s, err := start(bin, settings...)
	if err != nil {
		tb.Fatalf("start PostgreSQL: %v", err)
	}
	tb.Cleanup(s.Stop)
	return s
}

func missing(tb testing.TB) {
	tb.Helper()
	const reason = "PostgreSQL is not installed: no initdb on the PATH or under /usr/lib/postgresql, and " + AdminVariable + " is not set"
	if os.Getenv(RequiredVariable) == "1" {
		tb.Fatal(reason)
	}
	tb.Skip(reason)
}

// Exec runs one statement on a database, on a connection of its own.
func Exec(tb testing.TB, target, text string) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, target)
	if err != nil {
		tb.Fatalf("connect to the test server: %v", err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, text); err != nil {
		tb.Fatalf("%s: %v", text, err)
	}
}
