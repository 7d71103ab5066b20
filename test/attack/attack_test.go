// Package attack holds a table of hostile and odd requests to the incident
// update of the native API and of both dialects, sent to the real binary byte by byte. A case is
// named by its number in the catalogue of attacks, and each has an
// organisation of its own, so that its log shows any effect.
package attack_test

import (
	"bytes"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"

	"tocsin"
	"tocsin/internal/app"
	"tocsin/internal/store"
	"tocsin/test/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

// A door is a way to update an incident: the native API's or a dialect's.
type door struct {
	name   string
	method string
	path   string
	// credential is the header line of a key.
	credential func(harness.Key) string
	// media is the media type of an error, and shape checks it.
	media string
	shape func(*testing.T, reply)
}

// A site is a door into a running server, and a tenant to attack.
type site struct {
	door
	*harness.Tenant
	t        *testing.T
	services app.Services
	servers  []string
	key      harness.Key
	// from is the client's address, another for each case.
	from net.IP
	// closing are connections that the server must end, each of a case. It waits
	// half a second before it does, so they are looked at together.
	closing map[string]*connection
}

// path of an incident.
func (s *site) pathOf(id string) string { return s.path + id }

// message is a good update: severity major.
func (s *site) message() *message {
	return &message{method: s.method, target: s.pathOf(s.Incident.String()), body: `{"severity":"major"}`, lines: []string{
		"Host: tocsin.example", s.credential(s.key), "Content-Type: application/json",
	}}
}

// edited is a good update with changes made to it.
func (s *site) edited(edit func(*message)) *message {
	m := s.message()
	edit(m)
	return m
}

// withBody is an update with this body.
func (s *site) withBody(body string) *message {
	return s.edited(func(m *message) { m.body = body })
}

// send sends one message on a connection of its own and returns its answer.
func (s *site) send(t *testing.T, m *message) reply {
	t.Helper()
	c := s.dial(t)
	defer c.Close()
	c.write(m.String())
	r, err := c.read(m.method)
	if err != nil {
		t.Fatalf("there should be an answer: %v", err)
	}
	return r
}

// A state is what an attack could change.
type state struct {
	*tocsin.Incident
	entries int64
}

func (s *site) state(t *testing.T) state {
	t.Helper()
	return state{harness.Incident(t, s.services, s.Org, s.Incident), harness.LogLength(t, s.services, s.Org)}
}

// An effect judges what an attack did.
type effect func(t *testing.T, before, after state)

// nothing is the effect of a refusal and of a change that is none.
func nothing(t *testing.T, before, after state) {
	t.Helper()
	if after.entries != before.entries {
		t.Errorf("the log grew from %d to %d entries, should not", before.entries, after.entries)
	}
	if after.Version != before.Version || !after.UpdatedAt.Equal(before.UpdatedAt) {
		t.Errorf("the incident went from version %d to %d and from %s to %s, should not", before.Version, after.Version, before.UpdatedAt, after.UpdatedAt)
	}
	if was, is := store.CanonicalFields(before.Incident), store.CanonicalFields(after.Incident); !bytes.Equal(was, is) {
		t.Errorf("the incident changed from\n%s\nto\n%s", was, is)
	}
}

// changed expects one change, one entry, and what is says of the incident now.
func changed(is func(*tocsin.Incident) bool, what string) effect {
	return func(t *testing.T, before, after state) {
		t.Helper()
		if after.Version != before.Version+1 || after.entries != before.entries+1 {
			t.Errorf("there should be one change with one entry; the version went from %d to %d and the log from %d to %d",
				before.Version, after.Version, before.entries, after.entries)
		}
		if !is(after.Incident) {
			t.Errorf("the incident should have %s; it is %s", what, store.CanonicalFields(after.Incident))
		}
	}
}

// becomes expects a severity.
func becomes(want tocsin.Severity) effect {
	return changed(func(i *tocsin.Incident) bool { return i.Severity == want }, "severity "+string(want))
}

// An attack is one case: a request, and what must come of it.
type attack struct {
	// number is the case's in the catalogue; name tells variants apart.
	number int
	name   string
	// doors are "S" for Soda, "U" for UptimeIO and "N" for the native API; all
	// three when it is left out.
	doors string
	// edit makes the request out of a good one.
	edit func(*site, *message)
	// want are the statuses that will do. A status from 400 has no effect.
	want []int
	// effect is what a success does; nothing when it is left out.
	effect effect
	// plain: the HTTP layer may answer, in no dialect's shape.
	plain bool
	// closes: the server must end the connection.
	closes bool
	// check looks at the answer.
	check func(*testing.T, *site, reply)
	// run does what one request cannot; it replaces all of the above.
	run func(*testing.T, *site)
}

func (a attack) title() string {
	if a.name == "" {
		return fmt.Sprintf("%03d", a.number)
	}
	return fmt.Sprintf("%03d %s", a.number, a.name)
}

// launch runs one attack and judges it.
func (a attack) launch(t *testing.T, s *site) {
	if a.run != nil {
		a.run(t, s)
		return
	}
	m := s.message()
	a.edit(s, m)
	before := s.state(t)
	c := s.dial(t)
	c.write(m.String())
	r, err := c.read(m.method)
	if err != nil {
		t.Fatalf("there should be an answer: %v", err)
	}
	if !slices.Contains(a.want, r.status) {
		t.Errorf("the answer is %d %s, should be one of %v", r.status, r.body, a.want)
	}
	if a.closes {
		s.closing[t.Name()] = c
	} else {
		c.Close()
	}
	if r.status >= 400 {
		refuses(t, s.door, r, a.plain)
	}
	if a.check != nil {
		a.check(t, s, r)
	}
	effect := a.effect
	if effect == nil || r.status >= 400 {
		effect = nothing
	}
	effect(t, before, s.state(t))
}

// cases is the table.
func cases() []attack {
	return slices.Concat(framing(), syntax(), values(), authority(), limits(), native(), terms())
}

func TestAttacksAreRefusedWithoutATrace(t *testing.T) {
	t.Parallel()
	for _, engine := range harness.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			database := engine.Fresh(t)
			running := []*harness.Server{harness.Serve(t, database)}
			if database.URL != "" { // SQLite has one server, PostgreSQL any number
				running = append(running, harness.Serve(t, database))
			}
			var servers []string
			for _, s := range running {
				servers = append(servers, s.URL)
			}
			services, _ := harness.Open(t, database)
			address, closing := 0, map[string]*connection{}
			var secrets harness.Secrets
			for _, d := range doors() {
				for _, a := range cases() {
					if !slices.Contains([]byte(a.doors), d.name[0]) {
						continue
					}
					address++
					from := net.IPv4(127, 0, byte(1+address/200), byte(1+address%200))
					s := &site{door: d, services: services, servers: servers, from: from, closing: closing}
					t.Run(d.name+" "+a.title(), func(t *testing.T) {
						s.open(t)
						a.launch(t, s)
						s.Secrets.NotRecorded(t, services, s.Org)
						secrets.Join(s.Secrets)
					})
				}
			}
			for _, s := range running {
				secrets.NotLoggedBy(t, s)
			}
			for name, c := range closing {
				if !c.closed() {
					t.Errorf("%s: the server should end the connection", name)
				}
				c.Close()
			}
		})
	}
}

// dial connects a client to the site's first server.
func (s *site) dial(t *testing.T) *connection { return dial(t, s.servers[0], s.from) }

// open gives the site its tenant.
func (s *site) open(t *testing.T) {
	s.t, s.Tenant = t, harness.NewTenant(t, s.services)
	s.key = s.Tenant.Soda
	if s.name == "U" {
		s.key = s.Tenant.Uptime
	}
}

func TestEveryCaseOfTheCatalogueIsTried(t *testing.T) {
	t.Parallel()
	tried, natively := map[int]bool{}, map[int]bool{}
	for _, a := range slices.Concat(cases(), patient()) {
		tried[a.number] = true
		natively[a.number] = natively[a.number] || strings.Contains(a.doors, "N")
	}
	elsewhere := map[int]string{
		82: "cross-site requests concern pages only",
		88: "needs a clock: the limiter's own tests",
	}
	notNative := map[int]string{
		12: "the server's timeouts are the same at every door", 13: "as 12", 14: "as 12", 15: "as 12",
		87: "TestTheNativeLimitIsAsConfigured", 89: "each node counts for itself", 90: "as 87", 91: "as 87",
	}
	for n := 1; n <= 96; n++ {
		if _, ok := elsewhere[n]; tried[n] == ok {
			t.Errorf("case %d should be in the table, or have its reason to be elsewhere, and not both", n)
		}
		if _, ok := notNative[n]; tried[n] && natively[n] == ok {
			t.Errorf("case %d should be in the table for the native API, or have its reason not to be, and not both", n)
		}
	}
}
