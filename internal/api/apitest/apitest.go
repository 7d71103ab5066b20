// Package apitest is where the native API is tested: real use cases over a real
// store, behind a real listener, and a client that holds every request and
// answer to the OpenAPI document that the server gives out.
//
// It must never decide what an answer should say, and only tests may import it.
package apitest

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tocsin"
	"tocsin/internal/access"
	"tocsin/internal/api"
	"tocsin/internal/audit"
	"tocsin/internal/directory"
	"tocsin/internal/httpkit"
	"tocsin/internal/incident"
	"tocsin/internal/store"
	"tocsin/internal/store/sqlite"
)

// PublicURL is the server's address as the world knows it.
const PublicURL = "https://tocsin.example.org"

// A Fixture is the API over a store of its own, which holds the organisation
// that the examples are about. Its ids and times are counted, so that answers
// repeat themselves; only secrets and nonces are random.
type Fixture struct {
	Clock     *Clock
	Store     *sqlite.Store
	Access    *access.Service
	Directory *directory.Service
	Incidents *incident.Service
	Audit     *audit.Service
	Server    *httptest.Server

	// System is the operator's actor in the sample organisation, Token that of the
	// key of its administrator.
	System tocsin.Actor
	Token  string

	ids      *ids
	follower *audit.Follower
	deps     api.Deps
	book     *book
}

// A Clock moves on by a second each time it is read.
type Clock struct{ seconds atomic.Int64 }

// Now returns the next second after Begin.
func (c *Clock) Now() time.Time {
	return Begin().Add(time.Duration(c.seconds.Add(1)) * time.Second)
}

// Advance moves it on by d.
func (c *Clock) Advance(d time.Duration) { c.seconds.Add(int64(d / time.Second)) }

// Begin is when every fixture's clock starts.
func Begin() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

// ids gives out those asked for, then counted ones.
type ids struct {
	mu    sync.Mutex
	asked []tocsin.ID
	count uint64
	space byte
}

func (s *ids) next() tocsin.ID {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.asked) > 0 {
		id := s.asked[0]
		s.asked = s.asked[1:]
		return id
	}
	s.count++
	id, _ := tocsin.ParseID("0198c1a0-0000-7000-8000-000000000000")
	id[9] = s.space
	binary.BigEndian.PutUint32(id[12:], uint32(s.count))
	return id
}

// ID returns an id of the sample organisation.
func ID(text string) tocsin.ID {
	id, ok := tocsin.ParseID(text)
	if !ok {
		panic(text + " is not a UUID")
	}
	return id
}

type quiet struct{}

func (quiet) Committed(int, time.Duration) {}
func (quiet) Refused(string)               {}

// An Option changes what the API is given.
type Option func(*api.Deps)

// New returns the API over a store with the sample organisation in it.
func New(t testing.TB, options ...Option) *Fixture {
	t.Helper()
	f := &Fixture{Clock: &Clock{}, ids: &ids{space: 2}}
	entries, dir := &ids{space: 1}, t.TempDir()
	s, err := sqlite.Open(t.Context(), sqlite.Options{
		Dir: dir, NewID: entries.next, Now: f.Clock.Now, Observer: quiet{}, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	f.Store = s
	f.Access = access.New(s, f.ids.next, rand.Reader, f.Clock.Now)
	f.Directory = directory.New(s, f.ids.next)
	f.Incidents = incident.New(s, f.ids.next)
	f.follower = audit.NewFollower(audit.FollowerOptions{
		Store: s, KeyFile: filepath.Join(dir, audit.KeyFile), StateDir: dir, Holder: "apitest", Random: rand.Reader, Now: Begin,
		Logger: slog.New(slog.DiscardHandler),
	})
	f.Audit = audit.New(audit.Options{Store: s, NewID: f.ids.next, Now: f.Clock.Now, Wait: f.follow})
	f.furnish(t)
	f.serve(t, options)
	return f
}

// serve starts a server, to which Server then points.
func (f *Fixture) serve(t testing.TB, options []Option) {
	f.deps = api.Deps{
		Access: f.Access, Members: f.Access, Directory: f.Directory, Incidents: f.Incidents, Audit: signed{f.Audit, f.follow},
		Rights: f.Store.Access,
		Entries: func(ctx context.Context, actor tocsin.Actor, kind tocsin.Kind, id tocsin.ID, version int64) ([]tocsin.Entry, error) {
			return f.Store.HistoryAfter(ctx, actor.Org, store.Key{Kind: kind, ID: id}, version)
		},
		Guard:     httpkit.NewFailureGuard(60, time.Minute, time.Now),
		PublicURL: PublicURL, CursorKey: [32]byte{1}, Now: time.Now,
	}
	for _, o := range options {
		o(&f.deps)
	}
	handler, render := api.New(f.deps)
	var requests atomic.Uint64
	f.Server = httptest.NewServer(httpkit.Wrap(handler, render, httpkit.Options{
		Logger: slog.New(slog.DiscardHandler), Now: time.Now,
		NewRequestID: func() string {
			id := ID("0198c1a0-0000-7000-8003-000000000000")
			binary.BigEndian.PutUint32(id[12:], uint32(requests.Add(1)))
			return id.String()
		},
	}))
	t.Cleanup(f.Server.Close)
	f.book = must[*book](t)(theBook())
}

// must returns what a step made, or fails the test.
func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// furnish makes the sample organisation.
func (f *Fixture) furnish(t testing.TB) {
	t.Helper()
	ctx := t.Context()
	for _, id := range []string{
		api.SampleOrganisation, api.SampleProject, api.SampleDataset, api.SampleCheck, api.SampleUser,
		api.SampleGrant, api.SampleKey, api.SampleIncident, api.SampleLink, api.SampleComment, api.SampleRole, api.SampleInvitation,
		api.SampleMember, api.SampleMembership,
	} {
		f.ids.asked = append(f.ids.asked, ID(id))
	}
	org := must[*tocsin.Organisation](t)(f.Directory.CreateOrganisation(ctx, "cli", "Meridian"))
	f.System = tocsin.System(org.ID, "cli")
	shop := must[*tocsin.Project](t)(f.Directory.CreateProject(ctx, f.System, "shop"))
	orders := must[*tocsin.Dataset](t)(f.Directory.CreateDataset(ctx, f.System, shop.ID, "orders"))
	check := must[*tocsin.Check](t)(f.Directory.CreateCheck(ctx, f.System, shop.ID, "Payment service", "https://pay.example.org/health", []tocsin.ID{orders.ID}))
	ada := must[*tocsin.User](t)(f.Access.CreateUser(ctx, f.System, "Ada Okafor", "ada@example.org"))
	must[*tocsin.Grant](t)(f.Access.Grant(ctx, f.System, ada.ID, tocsin.RoleAdmin, tocsin.ScopeOrganisation, tocsin.ID{}))
	_, token, err := f.Access.CreateKey(ctx, f.System, tocsin.KeyDraft{Owner: ada.ID, Name: "laptop"})
	if err != nil {
		t.Fatal(err)
	}
	f.Token = token
	actor := must[tocsin.Actor](t)(f.Access.Authenticate(ctx, token))
	actor.Door, actor.Request, actor.Address, actor.Agent = "api", "0198c1a0-0000-7000-8003-00000000ffff", "192.0.2.10", "sample"
	inc := must[*tocsin.Incident](t)(f.Incidents.Create(ctx, actor, tocsin.Draft{
		Checks: []tocsin.ID{check.ID}, Title: "Payments time out", Severity: tocsin.Major, Type: "timeout", Source: tocsin.FromManual,
		AffectedRegions: []string{"eu-west"}, Labels: map[string]string{"team": "payments"},
	}))
	must[*tocsin.Incident](t)(f.Incidents.AddLink(ctx, actor, inc.ID, "https://grafana.example.org/d/payments", "Dashboard"))
	must[*tocsin.Comment](t)(f.Incidents.Comment(ctx, actor, inc.ID, "The provider says that it is not them."))
	must[*tocsin.Role](t)(f.Access.CreateRole(ctx, f.System, "Auditor", tocsin.ViewIncidents|tocsin.ViewAudit))
	known := access.New(f.Store, f.ids.next, bytes.NewReader(make([]byte, 16)), f.Clock.Now) // the sample's token is in an example
	if _, token, err = known.Invite(ctx, f.System, "dana@example.org", tocsin.RoleUser, tocsin.ScopeOrganisation, tocsin.ID{}, 0); err != nil {
		t.Fatal(err)
	} else if token != api.SampleInvitationToken {
		t.Fatalf("the token of the sample's invitation is %s", token)
	}
	ben := must[*tocsin.User](t)(f.Access.CreateUser(ctx, f.System, "Ben Berg", "ben@example.org"))
	must[*tocsin.Grant](t)(f.Access.Grant(ctx, f.System, ben.ID, tocsin.RoleEditor, tocsin.ScopeProject, shop.ID))
}

// follow has the logs signed as far as they go.
func (f *Fixture) follow(ctx context.Context) error {
	for {
		if more, err := f.follower.Round(ctx); err != nil || !more {
			return err
		}
	}
}

// signed are the use cases of a log that is always signed to its end: the
// follower works when it is asked, so that it takes no time from the clock of
// those who do not look.
type signed struct {
	*audit.Service
	follow func(context.Context) error
}

func (s signed) Keys(ctx context.Context) ([]string, error) {
	if err := s.follow(ctx); err != nil {
		return nil, err
	}
	return s.Service.Keys(ctx)
}

func (s signed) Checkpoint(ctx context.Context, actor tocsin.Actor) ([]byte, error) {
	if err := s.follow(ctx); err != nil {
		return nil, err
	}
	return s.Service.Checkpoint(ctx, actor)
}

func (s signed) Proof(ctx context.Context, actor tocsin.Actor, seq int64) ([]byte, error) {
	if err := s.follow(ctx); err != nil {
		return nil, err
	}
	return s.Service.Proof(ctx, actor, seq)
}

// Holder returns the token of a key, restricted as d says, whose owner is new and
// holds a role in a place.
func (f *Fixture) Holder(t testing.TB, name, role string, scope tocsin.Scope, in tocsin.ID, d tocsin.KeyDraft) string {
	t.Helper()
	u := must[*tocsin.User](t)(f.Access.CreateUser(t.Context(), f.System, name, name+"@example.org"))
	must[*tocsin.Grant](t)(f.Access.Grant(t.Context(), f.System, u.ID, role, scope, in))
	d.Owner, d.Name = u.ID, "script"
	_, token, err := f.Access.CreateKey(t.Context(), f.System, d)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// Stranger returns the token of the administrator of another organisation.
func (f *Fixture) Stranger(t testing.TB) string {
	t.Helper()
	own := f.System
	defer func() { f.System = own }()
	f.System = tocsin.System(must[*tocsin.Organisation](t)(f.Directory.CreateOrganisation(t.Context(), "cli", "Harbour")).ID, "cli")
	return f.Holder(t, "mallory", tocsin.RoleAdmin, tocsin.ScopeOrganisation, tocsin.ID{}, tocsin.KeyDraft{})
}

// Incident opens an incident of the sample check.
func (f *Fixture) Incident(t testing.TB) *tocsin.Incident {
	t.Helper()
	return must[*tocsin.Incident](t)(f.Incidents.Create(t.Context(), f.System, tocsin.Draft{
		Checks: []tocsin.ID{ID(api.SampleCheck)}, Title: "Payments time out", Severity: tocsin.Major, Source: tocsin.FromSystem,
	}))
}

// LogLength returns how many entries the sample organisation's log has.
func (f *Fixture) LogLength(t testing.TB) int {
	t.Helper()
	return len(must[[]store.Record](t)(f.Store.Log(t.Context(), f.System.Org, 0, 100_000)))
}

// client never follows a redirect: the API has none.
func client() *http.Client {
	return &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}
