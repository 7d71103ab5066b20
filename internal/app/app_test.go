package app_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"tocsin/internal/app"
)

func options(dir string) app.Options {
	return app.Options{
		Database: app.Database{Dir: dir, Server: true}, Listen: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler),
	}
}

func newApp(t *testing.T, o app.Options) *app.App {
	t.Helper()
	a, err := app.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// serve serves until stop is called, which returns what Serve did.
func serve(t *testing.T, a *app.App) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- a.Serve(ctx) }()
	t.Cleanup(cancel)
	return func() error {
		cancel()
		return within(t, "stop the server", served)
	}
}

// get returns the status of an answer, 0 when there is none. It may be called
// from any goroutine.
func get(t *testing.T, url string, header ...string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Error(err)
		return 0
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Error(err)
		return 0
	}
	if err := res.Body.Close(); err != nil {
		t.Error(err)
	}
	return res.StatusCode
}

func TestServe_endsWithItsContextAndLetsTheDatabaseGo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a := newApp(t, options(dir))
	stop := serve(t, a)
	if status := get(t, a.URL()+"/healthz"); status != 200 {
		t.Errorf("/healthz: %d", status)
	}
	if err := stop(); err != nil {
		t.Errorf("asked to stop: %v; want no error", err)
	}
	again := newApp(t, options(dir)) // the directory's lock is free
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

func TestServe_letsRequestsUnderWayFinish(t *testing.T) {
	t.Parallel()
	a := newApp(t, options(t.TempDir()))
	entered, gate := make(chan struct{}), make(chan struct{})
	a.Store = &trap{Store: a.Store, ping: func(context.Context) error {
		close(entered)
		<-gate
		return nil
	}}
	stop := serve(t, a)
	answered := make(chan int, 1)
	go func() { answered <- get(t, a.URL()+"/readyz") }()
	within(t, "the request begins", entered)
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	select {
	case err := <-stopped:
		t.Errorf("stopped over a request under way: %v", err)
	default:
	}
	close(gate)
	if status := within(t, "the request ends", answered); status != 200 {
		t.Errorf("the request under way: %d; want 200", status)
	}
	if err := within(t, "the server ends", stopped); err != nil {
		t.Error(err)
	}
}

func TestServe_endsWhenTheDatabaseFails(t *testing.T) {
	t.Parallel()
	a := newApp(t, options(t.TempDir()))
	reason := errors.New("the disk went away")
	s := &trap{Store: a.Store, failed: make(chan struct{}), reason: reason}
	a.Store = s
	served := make(chan error, 1)
	go func() { served <- a.Serve(context.Background()) }()
	get(t, a.URL()+"/healthz")
	close(s.failed)
	err := within(t, "the server ends", served)
	if !errors.Is(err, reason) || !strings.Contains(err.Error(), "restart") {
		t.Errorf("%v; want the reason, and what to do", err)
	}
	if s.Store.Ping(context.Background()) == nil {
		t.Error("the database is still open")
	}
}

func TestServe_notesTheLastUsesOfKeysWhenItEnds(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a := newApp(t, options(dir))
	actor, token := newToken(t, a.Store)
	stop := serve(t, a)
	if status := get(t, a.URL()+"/api/incidents", "X-API-Key", token); status != 200 {
		t.Fatalf("a request with the key: %d", status)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	uses, err := openStore(t, dir).LastUse(t.Context(), actor.Org)
	if err != nil || uses[actor.Key].IsZero() {
		t.Errorf("last uses %v, %v; want that of the key", uses, err)
	}
}

func TestNew_leavesNothingOpenWhenItFails(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	dir := t.TempDir()
	o := options(dir)
	o.Listen = taken.Addr().String()
	if _, err := app.New(t.Context(), o); err == nil || !strings.Contains(err.Error(), "listen on "+o.Listen) {
		t.Errorf("an address in use: %v; want an error that names it", err)
	}
	a := newApp(t, options(dir)) // the directory's lock is free
	if _, err := app.New(t.Context(), options(dir)); err == nil {
		t.Error("a second server on one directory was let in")
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}

func TestURL(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ listen, public, prefix string }{
		{"127.0.0.1:0", "", "http://127.0.0.1:"},
		{":0", "", "http://localhost:"}, // what a person can type
		{"127.0.0.1:0", "https://tocsin.example/base/", "https://tocsin.example/base"},
	} {
		o := options(t.TempDir())
		o.Listen, o.PublicURL = c.listen, c.public
		a := newApp(t, o)
		if got := a.URL(); !strings.HasPrefix(got, c.prefix) || strings.HasSuffix(got, "/") {
			t.Errorf("listening on %s as %q: URL %q; want %s…, without a final slash", c.listen, c.public, got, c.prefix)
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestHasDatabase(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new")
	if app.HasDatabase(dir) {
		t.Error("a directory that is not there holds a database")
	}
	openStore(t, dir)
	if !app.HasDatabase(dir) {
		t.Error("a directory that a store was opened in holds none")
	}
}
