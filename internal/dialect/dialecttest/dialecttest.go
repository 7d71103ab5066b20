// Package dialecttest is where a dialect is tested: real use cases over a real
// store, behind a real listener, with a clock that only tests move, and the
// requests that every dialect must refuse.
//
// It must never know a word of a protocol, and only tests may import it.
package dialecttest

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tocsin"
	"tocsin/internal/access"
	"tocsin/internal/dialect"
	"tocsin/internal/directory"
	"tocsin/internal/httpkit"
	"tocsin/internal/incident"
	"tocsin/internal/store/sqlite"
)

// A Door is a dialect, and what a test must know to call it.
type Door struct {
	Dialect dialect.Dialect
	// Credential returns the header that a key's holder sends.
	Credential func(Key) (name, value string)
	// Conform fails the test when a reply is not one that the protocol has.
	Conform func(testing.TB, Call, Reply)
}

// A Fixture is a dialect over a store of its own, with an organisation in it.
// What is random elsewhere is counted here, so that replies repeat themselves.
type Fixture struct {
	Clock     *Clock
	Log       *Log
	Store     *sqlite.Store
	Access    *access.Service
	Directory *directory.Service
	Incidents *incident.Service
	// Handler is what Server serves.
	Handler http.Handler
	Server  *httptest.Server
	Places

	door Door
	// counted is how many of Acme's log entries were counted already, users how
	// many users were made.
	counted, users *atomic.Int64
}

// Places are what every fixture's organisation holds.
type Places struct {
	// Acme is the organisation. Its Admin has a key for all of it.
	Acme  tocsin.ID
	Admin Key
	// Warehouse holds the datasets Orders and Customers, a check on each of
	// them, and one on no dataset.
	Warehouse, Orders, Customers          tocsin.ID
	OrdersCheck, CustomersCheck, DryCheck tocsin.ID
	// Lake is another project, with one check.
	Lake, LakeCheck tocsin.ID
}

// PublicURL is the server's address as the world knows it.
const PublicURL = "https://tocsin.example.org"

// Begin is when every fixture's clock starts.
func Begin() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

// A Clock stands still until a test moves it.
type Clock struct{ nanos atomic.Int64 }

// Now returns the time that it shows, in UTC.
func (c *Clock) Now() time.Time { return time.Unix(0, c.nanos.Load()).UTC() }

// Advance moves it on by d.
func (c *Clock) Advance(d time.Duration) { c.nanos.Add(int64(d)) }

// A Log keeps what the server logs.
type Log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write appends to the log.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// String returns all of the log.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

type quiet struct{}

func (quiet) Committed(int, time.Duration) {}
func (quiet) Refused(string)               {}

// New starts a fixture; with changes what the dialect is given.
func New(t testing.TB, door Door, with ...func(*dialect.Deps)) *Fixture {
	t.Helper()
	f := &Fixture{Clock: &Clock{}, Log: &Log{}, door: door, counted: &atomic.Int64{}, users: &atomic.Int64{}}
	f.Clock.nanos.Store(Begin().UnixNano())
	var last atomic.Uint64
	newID := func() (id tocsin.ID) {
		id[0], id[6], id[8] = 0xab, 0x70, 0x80 // a letter, so that case matters
		binary.BigEndian.PutUint64(id[8:], 1<<63|last.Add(1))
		return id
	}
	var err error
	f.Store, err = sqlite.Open(t.Context(), sqlite.Options{Dir: t.TempDir(), NewID: newID, Now: f.Clock.Now, Observer: quiet{}, Logger: f.logger()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Store.Close() })
	f.Access = access.New(f.Store, newID, rand.Reader, f.Clock.Now)
	f.Directory = directory.New(f.Store, newID)
	f.Incidents = incident.New(f.Store, newID)
	f.populate(t)
	f.open(t, with...)
	return f
}

// Beside returns a fixture of another door into the same organisation.
func (f *Fixture) Beside(t testing.TB, door Door) *Fixture {
	t.Helper()
	other := *f
	other.door = door
	other.open(t)
	return &other
}

func (f *Fixture) logger() *slog.Logger { return slog.New(slog.NewTextHandler(f.Log, nil)) }

// open builds the door and listens behind it.
func (f *Fixture) open(t testing.TB, with ...func(*dialect.Deps)) {
	t.Helper()
	deps := dialect.Deps{
		Access: f.Access, Incidents: f.Incidents, Directory: f.Directory, Admit: f.Store.Admit,
		Guard: httpkit.NewFailureGuard(60, time.Minute, f.Clock.Now), PublicURL: PublicURL,
	}
	for _, change := range with {
		change(&deps)
	}
	var requests atomic.Uint64
	handler, fail := f.door.Dialect.New(deps)
	f.Handler = httpkit.Wrap(handler, fail, httpkit.Options{
		Logger: f.logger(), Now: f.Clock.Now, NewRequestID: func() string { return fmt.Sprintf("request-%d", requests.Add(1)) },
	})
	f.Server = httptest.NewServer(f.Handler)
	t.Cleanup(f.Server.Close)
}
