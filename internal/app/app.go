// Package app puts the parts together: it opens the store, makes the use cases
// over it, mounts every door and runs the server. It is the only package that
// imports everything, and must never hold a rule.
package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"

	"tocsin"
	"tocsin/internal/access"
	"tocsin/internal/audit"
	"tocsin/internal/directory"
	"tocsin/internal/httpkit"
	"tocsin/internal/incident"
	"tocsin/internal/metrics"
	"tocsin/internal/secret"
	"tocsin/internal/store"
	"tocsin/internal/store/postgres"
	"tocsin/internal/store/sqlite"
)

// Database says where the data is.
type Database struct {
	// Dir is the directory of the embedded database, used when URL is empty.
	Dir string
	// URL is a PostgreSQL URL, with its password.
	URL secret.Secret
	// Server takes the embedded database's lock: one server at a time. The
	// command line does without.
	Server bool
	// MaxBatch bounds how many changes the embedded database commits together,
	// for measurements; 0 for the usual.
	MaxBatch int
}

// NewID returns a fresh id: a UUID of version 7, ordered within the process.
func NewID() tocsin.ID { return tocsin.ID(uuid.Must(uuid.NewV7())) }

// OpenStore opens the database, making or updating its schema where needed.
func OpenStore(ctx context.Context, d Database, logger *slog.Logger, observe store.Observer) (store.Store, error) {
	if d.URL != "" {
		return postgres.Open(ctx, postgres.Options{URL: d.URL, NewID: NewID, Now: time.Now, Observer: observe, Logger: logger})
	}
	return sqlite.Open(ctx, sqlite.Options{Dir: d.Dir, Server: d.Server, MaxBatch: d.MaxBatch, NewID: NewID, Now: time.Now, Observer: observe, Logger: logger})
}

// Services are the use cases over one store.
type Services struct {
	Store     store.Store
	Access    *access.Service
	Incidents *incident.Service
	Directory *directory.Service
	Audit     *audit.Service
}

// NewServices makes the use cases.
func NewServices(s store.Store) Services {
	return Services{
		Store:     s,
		Access:    access.New(s, NewID, rand.Reader, time.Now),
		Incidents: incident.New(s, NewID),
		Directory: directory.New(s, NewID),
		Audit:     audit.New(audit.Options{Store: s, NewID: NewID, Now: time.Now, Wait: pause}),
	}
}

// pause waits for the follower of the logs to have had a round, or for ctx.
func pause(ctx context.Context) error {
	timer := time.NewTimer(followEvery)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Options are what New needs.
type Options struct {
	Database Database
	// Listen is the address to listen on, "host:port"; port 0 picks a free one.
	Listen string
	// PublicURL is the base address in links; empty for the one listened on.
	PublicURL string
	// TrustedProxies are the networks whose X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix
	// State is the directory of what this node keeps beside the database: the
	// checkpoints it saw last and, unless AuditKeyFile says otherwise, the key that
	// signs them. Empty for the embedded database's own.
	State, AuditKeyFile string
	// Unsigned leaves the logs unsigned, for measurements.
	Unsigned bool
	// RateLimit is how many requests a minute each key may make through the native
	// API; 0 for any number.
	RateLimit int
	Logger    *slog.Logger
}

// App is a server that is ready to serve.
type App struct {
	Services

	opts     Options
	metrics  *metrics.Metrics
	follower *audit.Follower
	listener net.Listener
	server   *http.Server
}

// New opens the database and binds the listener; nothing is answered before
// Serve. What it opened is closed again when it fails.
func New(ctx context.Context, o Options) (*App, error) {
	a := &App{opts: o, metrics: metrics.New()}
	s, err := OpenStore(ctx, o.Database, o.Logger, a.metrics)
	if err != nil {
		return nil, err
	}
	a.Services = NewServices(s)
	if !o.Unsigned {
		if a.follower, err = newFollower(s, o, a.metrics); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	if q, ok := s.(interface{ Waiting() int }); ok {
		a.metrics.WatchQueue(q.Waiting)
	}
	if a.listener, err = net.Listen("tcp", o.Listen); err != nil {
		return nil, errors.Join(fmt.Errorf("listen on %s: %w", o.Listen, err), s.Close())
	}
	if a.opts.PublicURL == "" {
		a.opts.PublicURL = "http://" + reachable(a.listener.Addr())
	}
	a.opts.PublicURL = strings.TrimSuffix(a.opts.PublicURL, "/")
	handler, err := a.handler()
	if err != nil {
		return nil, errors.Join(err, a.Close())
	}
	a.server = httpkit.NewServer(handler, o.Logger)
	return a, nil
}

// reachable is an address that a person on this machine can type.
func reachable(addr net.Addr) string {
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return addr.String()
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}

// URL is the server's public base address, without a final slash.
func (a *App) URL() string { return a.opts.PublicURL }

// stopTimeout is how long requests under way may take once the server stops.
const stopTimeout = 9 * time.Second

// How often the server does what no request waits for.
const (
	// flushEvery: note the last uses of keys.
	flushEvery = 10 * time.Second
	// forgetEvery: erase replies that are kept no longer.
	forgetEvery = 10 * time.Minute
	// followEvery: look for what the logs' trees do not hold yet.
	followEvery = 400 * time.Millisecond
)

// Serve answers requests until ctx ends, then lets those under way finish,
// closes the database and returns. It returns an error when the server must
// not go on, as after a failed commit.
func (a *App) Serve(ctx context.Context) error {
	served := make(chan error, 1)
	go func() { served <- a.server.Serve(httpkit.StrictListener(a.listener)) }()
	stopFollowing := a.follow()
	flush, forget := time.NewTicker(flushEvery), time.NewTicker(forgetEvery)
	defer flush.Stop()
	defer forget.Stop()
	var failure error
	for running := true; running; {
		select {
		case <-ctx.Done():
			running = false
		case err := <-served:
			failure, running = fmt.Errorf("serve: %w", err), false
		case <-a.Store.Failed():
			failure, running = fmt.Errorf("the database failed, restart to go on: %w", a.Store.Err()), false
		case <-flush.C:
			a.flushUses()
		case <-forget.C:
			a.forgetReplies()
		}
	}
	return errors.Join(failure, a.close(stopFollowing))
}

func (a *App) close(stopFollowing func()) error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	err := a.server.Shutdown(ctx)
	if err != nil {
		err = errors.Join(fmt.Errorf("some requests did not end in time: %w", err), a.server.Close())
	}
	stopFollowing()
	if a.Store.Err() == nil {
		a.flushUses()
	}
	return errors.Join(err, a.Store.Close())
}

// Close gives up an App that was not served.
func (a *App) Close() error { return errors.Join(a.listener.Close(), a.Store.Close()) }

func (a *App) flushUses() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := a.Access.FlushUses(ctx); err != nil {
		a.opts.Logger.Warn("the last uses of some API keys were not noted", "err", err)
	}
}

func (a *App) forgetReplies() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := a.Store.ForgetReplies(ctx); err != nil {
		a.opts.Logger.Warn("old replies were not erased; they will be later", "err", err)
	}
}

// HasDatabase reports whether dir holds an embedded database already.
func HasDatabase(dir string) bool {
	_, err := os.Stat(dir + string(os.PathSeparator) + sqlite.FileName)
	return err == nil
}
