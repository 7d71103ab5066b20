// Package store is the contract between Tocsin's use cases and its storage
// engines: reads by noun, and one way to change anything, Commit.
//
// # The contract
//
// Commit decides at commit time. An engine must, for each command: lock the
// head of the actor's organisation, read the keyed objects as they stand under
// that lock, run Decide on them, and write the changed objects, one log record
// for each and the head, in one transaction. It must not answer before that
// transaction is durable. It must bind every read and write to the actor's
// organisation. It must run each command at most once to effect: an error or
// lost connection at COMMIT is answered tocsin.Unknown and never run again.
//
// What engines share of this is here (Batch decides, Writer queues and
// batches); an engine supplies Execute. Package storetest holds every engine
// to the contract.
//
// This package must never speak SQL, HTTP or a dialect.
package store

import (
	"context"
	"crypto/rand"
	"strings"
	"time"

	"tocsin"
)

// A Key names an object of the actor's organisation.
type Key struct {
	Kind tocsin.Kind
	ID   tocsin.ID
}

// Store is a storage engine. Its methods may be called from any goroutine.
// Objects that it returns are shared: never change one.
type Store interface {
	// Commit runs one command; see the package comment. Errors are the
	// decision's own, or carry tocsin.Busy (certainly not done), tocsin.Unknown,
	// tocsin.Conflict (a name is taken) or no code. A ctx that ends before the
	// command's batch begins withdraws it; one that ends later changes nothing.
	Commit(ctx context.Context, cmd Command) (Result, error)

	// Get returns one object, or a tocsin.NotFound error.
	Get(ctx context.Context, org tocsin.ID, key Key) (tocsin.Object, error)
	// List returns a page of the objects of a kind in order of their ids, which
	// for ids of version 7 is that of creation.
	List(ctx context.Context, org tocsin.ID, kind tocsin.Kind, page Page) ([]tocsin.Object, error)
	// Organisations returns all organisations in order of creation.
	Organisations(ctx context.Context) ([]*tocsin.Organisation, error)
	// Incidents returns one page of incidents.
	Incidents(ctx context.Context, org tocsin.ID, q tocsin.IncidentQuery) ([]*tocsin.Incident, error)
	// CountIncidents returns how many incidents match, whatever the page.
	CountIncidents(ctx context.Context, org tocsin.ID, q tocsin.IncidentQuery) (int, error)
	// Comments returns up to limit of an incident's comments with a sequence
	// number above after, in order of creation; all of them for a limit of 0.
	Comments(ctx context.Context, org, incident tocsin.ID, after int64, limit int) ([]*tocsin.Comment, error)
	// History returns the log entries of one object, oldest first.
	History(ctx context.Context, org tocsin.ID, key Key) ([]tocsin.Entry, error)
	// HistoryAfter is History from the version behind the given one on. Its cost
	// must be that of the entries that it returns.
	HistoryAfter(ctx context.Context, org tocsin.ID, key Key, version int64) ([]tocsin.Entry, error)
	// Log returns up to limit records with a sequence number above after.
	Log(ctx context.Context, org tocsin.ID, after int64, limit int) ([]Record, error)
	// LogBefore returns up to limit records with a sequence number below before,
	// the newest first.
	LogBefore(ctx context.Context, org tocsin.ID, before int64, limit int) ([]Record, error)
	// ForgetReplies erases the replies of changes that were asked for once and
	// are older than tocsin.ReplyLife.
	ForgetReplies(ctx context.Context) error

	// Access returns what an API key may do, whatever organisation it is of, or
	// a tocsin.NotFound error. It is the only read that crosses organisations.
	Access(ctx context.Context, key tocsin.ID) (*tocsin.Access, error)
	// Admit asks whether one more call fits into a sliding window: at most limit
	// in any window. It returns 0 when it does, counting the call, or how long
	// until one fits again. Every node of an installation sees the same window.
	Admit(ctx context.Context, key tocsin.ID, operation string, limit int, window time.Duration) (time.Duration, error)
	// RecordUse notes when keys were last used. It is not a change: no entry.
	RecordUse(ctx context.Context, uses []KeyUse) error
	// LastUse returns when each key of an organisation was last used.
	LastUse(ctx context.Context, org tocsin.ID) (map[tocsin.ID]time.Time, error)

	Trees

	// Installation returns the installation's id, and Secret what it signs things
	// with that it gives out and wants to know again, such as cursors. Both are
	// made once, with the schema.
	Installation() tocsin.ID
	Secret() [32]byte
	// Ping returns nil when the engine can take a change now.
	Ping(ctx context.Context) error
	// Failed is closed when the engine must not go on and the process should
	// exit, after which Err says why.
	Failed() <-chan struct{}
	// Err returns why Failed was closed.
	Err() error
	// Close ends all work after what is under way, and closes the database.
	Close() error
}

// An Identity is what makes an installation this one.
type Identity struct {
	ID     tocsin.ID
	Secret [32]byte
}

// NewIdentity returns an identity with a fresh secret.
func NewIdentity(id tocsin.ID) Identity {
	i := Identity{ID: id}
	rand.Read(i.Secret[:]) // never fails (crypto/rand)
	return i
}

// A Page cuts a list: up to Limit objects with ids above After. The zero Page is
// the whole list.
type Page struct {
	After tocsin.ID
	Limit int
}

// A KeyUse says when a key was last used.
type KeyUse struct {
	Org, Key tocsin.ID
	At       time.Time
}

// ErrNotFound returns the NotFound error for a kind of object.
func ErrNotFound(kind tocsin.Kind) error {
	return tocsin.Errorf(tocsin.NotFound, "there is no such %s", strings.ReplaceAll(string(kind), "_", " "))
}

// Find returns one object of a known type, or an error as Store.Get does.
func Find[T tocsin.Object](ctx context.Context, s Store, org tocsin.ID, kind tocsin.Kind, id tocsin.ID) (T, error) {
	o, err := s.Get(ctx, org, Key{kind, id})
	if err != nil {
		var zero T
		return zero, err
	}
	return o.(T), nil
}

// One commits a command that writes one object and returns it as it is now
// stored, and whether it changed.
func One[T tocsin.Object](ctx context.Context, s Store, cmd Command) (T, bool, error) {
	var zero T
	res, err := s.Commit(ctx, cmd)
	if err != nil {
		return zero, false, err
	}
	return res.Objects[0].(T), res.Changed, nil
}
