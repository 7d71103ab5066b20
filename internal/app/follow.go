package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"tocsin"
	"tocsin/internal/audit"
	"tocsin/internal/metrics"
	"tocsin/internal/store"
)

// State says where a node keeps what is not in the database: in dir, or beside
// the embedded database.
func (d Database) State(dir string) string {
	if dir == "" {
		return d.Dir
	}
	return dir
}

// newFollower returns what signs the logs of a store.
func newFollower(s store.Store, o Options, m *metrics.Metrics) (*audit.Follower, error) {
	dir, key := o.Database.State(o.State), o.AuditKeyFile
	if dir == "" {
		return nil, errors.New("there is no directory for what this node keeps beside the database: name one with --state")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the directory of what this node keeps beside the database (--state): %w", err)
	}
	if key == "" {
		key = filepath.Join(dir, audit.KeyFile)
	}
	f := audit.NewFollower(audit.FollowerOptions{
		Store: s, KeyFile: key, StateDir: dir, Holder: NewID().String(), Random: rand.Reader, Now: time.Now, Logger: o.Logger,
	})
	m.WatchAudit(
		func() time.Duration { return f.Status().Lag },
		func() int { return len(f.Status().Refused) },
	)
	return f, nil
}

// follow begins to follow the logs; what it returns ends that.
func (a *App) follow() (stop func()) {
	if a.follower == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(followEvery)
		defer tick.Stop()
		a.follower.Run(ctx, tick.C)
	}()
	return func() {
		cancel()
		<-ended
	}
}

// ready returns nil when the server can take a change and proves what it took.
func (a *App) ready(ctx context.Context) error {
	if err := a.Store.Ping(ctx); err != nil {
		return &tocsin.Error{Code: tocsin.Busy, Message: "the database cannot take changes", RetryAfter: time.Second, Err: err}
	}
	if a.follower == nil {
		return nil
	}
	if err := a.follower.Status().Ready(); err != nil {
		return &tocsin.Error{Code: tocsin.Busy, Message: "the audit trail is not being signed", RetryAfter: time.Minute, Err: err}
	}
	return nil
}

// OpenEpoch lets signing go on after an old backup was restored; see
// audit.OpenEpoch. state is the node's directory, as in Options.
func OpenEpoch(ctx context.Context, s store.Store, state, door string) ([]audit.Opened, error) {
	kept, err := audit.OpenState(state)
	if err != nil {
		return nil, err
	}
	return audit.OpenEpoch(ctx, s, kept, door)
}

// ReplaceAuditKey makes a new signing key; see audit.ReplaceKey.
func ReplaceAuditKey(ctx context.Context, s store.Store, state, file, door string) (string, error) {
	if file == "" {
		file = filepath.Join(state, audit.KeyFile)
	}
	return audit.ReplaceKey(ctx, s, door, file, rand.Reader)
}
