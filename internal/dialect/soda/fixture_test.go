package soda_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
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
	"tocsin/internal/dialect/soda"
	"tocsin/internal/directory"
	"tocsin/internal/httpkit"
	"tocsin/internal/incident"
	"tocsin/internal/store"
	"tocsin/internal/store/sqlite"
)

// A fixture is the dialect over a real store, behind a real listener, with a
// clock that only tests move.
type fixture struct {
	clock     *clock
	store     *sqlite.Store
	access    *access.Service
	directory *directory.Service
	incidents *incident.Service
	handler   http.Handler
	server    *httptest.Server
	log       *lockedBuffer

	acme tocsin.ID
	// warehouse holds the datasets orders and customers, and three checks.
	warehouse, orders, customers          tocsin.ID
	ordersCheck, customersCheck, dryCheck tocsin.ID
	// lake is another project of acme, with one check.
	lake, lakeCheck tocsin.ID
	admin           key
}

// publicURL is the server's address as the world knows it.
const publicURL = "https://tocsin.example.org"

// begin is when every fixture's clock starts.
func begin() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

type clock struct{ nanos atomic.Int64 }

func (c *clock) Now() time.Time          { return time.Unix(0, c.nanos.Load()).UTC() }
func (c *clock) advance(d time.Duration) { c.nanos.Add(int64(d)) }

type quiet struct{}

func (quiet) Committed(int, time.Duration) {}
func (quiet) Refused(string)               {}

// lockedBuffer is where a fixture's log goes.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// newFixture starts one; with changes what the dialect is given.
func newFixture(t testing.TB, with ...func(*fixture, *dialect.Deps)) *fixture {
	t.Helper()
	f := &fixture{clock: &clock{}, log: &lockedBuffer{}}
	f.clock.nanos.Store(begin().UnixNano())
	var last atomic.Uint64
	newID := func() (id tocsin.ID) {
		id[6], id[8] = 0x70, 0x80
		binary.BigEndian.PutUint64(id[8:], 1<<63|last.Add(1))
		return id
	}
	logger := slog.New(slog.NewTextHandler(f.log, nil))
	var err error
	f.store, err = sqlite.Open(t.Context(), sqlite.Options{Dir: t.TempDir(), NewID: newID, Now: f.clock.Now, Observer: quiet{}, Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.store.Close() })
	f.access = access.New(f.store, newID, rand.Reader, f.clock.Now)
	f.directory = directory.New(f.store, newID)
	f.incidents = incident.New(f.store, newID)
	f.populate(t)

	deps := dialect.Deps{
		Access: f.access, Incidents: f.incidents, Directory: f.directory, Admit: f.store.Admit,
		Guard: httpkit.NewFailureGuard(60, time.Minute, f.clock.Now), PublicURL: publicURL,
	}
	for _, change := range with {
		change(f, &deps)
	}
	var requests atomic.Uint64
	handler, fail := soda.Dialect().New(deps)
	f.handler = httpkit.Wrap(handler, fail, httpkit.Options{
		Logger: logger, Now: f.clock.Now, NewRequestID: func() string { return fmt.Sprintf("request-%d", requests.Add(1)) },
	})
	f.server = httptest.NewServer(f.handler)
	t.Cleanup(f.server.Close)
	return f
}

func (f *fixture) populate(t testing.TB) {
	t.Helper()
	f.acme = f.organisation(t, "Acme")
	by := tocsin.System(f.acme, "test")
	f.warehouse = must(f.directory.CreateProject(t.Context(), by, "Warehouse"))(t).ID
	f.orders = must(f.directory.CreateDataset(t.Context(), by, f.warehouse, "orders"))(t).ID
	f.customers = must(f.directory.CreateDataset(t.Context(), by, f.warehouse, "customers"))(t).ID
	check := func(project tocsin.ID, name string, datasets ...tocsin.ID) tocsin.ID {
		return must(f.directory.CreateCheck(t.Context(), by, project, name, "https://data.example.org/"+name, datasets))(t).ID
	}
	f.ordersCheck = check(f.warehouse, "orders-fresh", f.orders)
	f.customersCheck = check(f.warehouse, "customers-complete", f.customers)
	f.dryCheck = check(f.warehouse, "no-dataset")
	f.lake = must(f.directory.CreateProject(t.Context(), by, "Lake"))(t).ID
	f.lakeCheck = check(f.lake, "lake-level")
	f.admin = f.key(t, f.acme, grant{tocsin.RoleAdmin, tocsin.ScopeOrganisation, tocsin.ID{}})
}

// must turns (value, error) into the value, or the end of the test.
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func (f *fixture) organisation(t testing.TB, name string) tocsin.ID {
	t.Helper()
	return must(f.directory.CreateOrganisation(t.Context(), "test", name))(t).ID
}

type grant struct {
	role  string
	scope tocsin.Scope
	id    tocsin.ID
}

// A key is an API key as its holder has it.
type key struct {
	id, user tocsin.ID
	token    string
	grants   []tocsin.ID
}

// basic is the Authorization header of a key.
func (k key) basic() string { return basic(k.id.String() + ":" + k.token) }

func basic(credential string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(credential))
}

// key makes a user with the grants, and a key for him.
func (f *fixture) key(t testing.TB, org tocsin.ID, grants ...grant) key {
	t.Helper()
	by := tocsin.System(org, "test")
	user := must(f.access.CreateUser(t.Context(), by, "Ada", rand.Text()+"@example.org"))(t)
	k := f.keyOf(t, org, access.KeyDraft{Owner: user.ID, Name: "test"})
	for _, g := range grants {
		k.grants = append(k.grants, must(f.access.Grant(t.Context(), by, user.ID, g.role, g.scope, g.id))(t).ID)
	}
	return k
}

func (f *fixture) keyOf(t testing.TB, org tocsin.ID, d access.KeyDraft) key {
	t.Helper()
	made, token, err := f.access.CreateKey(t.Context(), tocsin.System(org, "test"), d)
	if err != nil {
		t.Fatal(err)
	}
	return key{id: made.ID, user: d.Owner, token: token}
}

// viewerRole makes a role that may see incidents and not manage them.
func (f *fixture) viewerRole(t testing.TB) string {
	t.Helper()
	return must(f.access.CreateRole(t.Context(), tocsin.System(f.acme, "test"), "Onlooker", tocsin.ViewIncidents))(t).Name
}

// incident makes one on the orders check, changed by the given functions first.
func (f *fixture) incident(t testing.TB, changes ...func(*tocsin.Draft)) tocsin.ID {
	t.Helper()
	d := tocsin.Draft{
		Checks: []tocsin.ID{f.ordersCheck}, Title: "Orders are late", Description: "No rows since noon",
		Severity: tocsin.Major, Source: tocsin.FromManual,
	}
	for _, change := range changes {
		change(&d)
	}
	return must(f.incidents.Create(t.Context(), tocsin.System(f.acme, "test"), d))(t).ID
}

func withStatus(s tocsin.Status) func(*tocsin.Draft) {
	return func(d *tocsin.Draft) { d.Status = s }
}

func withSeverity(s tocsin.Severity) func(*tocsin.Draft) {
	return func(d *tocsin.Draft) { d.Severity = s }
}

func withCheck(id tocsin.ID) func(*tocsin.Draft) {
	return func(d *tocsin.Draft) { d.Checks = []tocsin.ID{id} }
}

// A state is all that a refused or empty update must leave alone.
type state struct {
	Incident tocsin.Incident
	Log      int
}

func (f *fixture) state(t testing.TB, id tocsin.ID) state {
	t.Helper()
	inc := must(store.Find[*tocsin.Incident](t.Context(), f.store, f.acme, tocsin.KindIncident, id))(t)
	return state{*inc, f.logLength(t)}
}

func (f *fixture) logLength(t testing.TB) int {
	t.Helper()
	return len(must(f.store.Log(t.Context(), f.acme, 0, 1_000_000))(t))
}
