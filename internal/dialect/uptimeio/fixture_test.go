package uptimeio_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"tocsin"
	"tocsin/internal/dialect"
	"tocsin/internal/dialect/dialecttest"
	"tocsin/internal/dialect/uptimeio"
)

// A fixture is the dialect in its test place, called as its clients call it.
type fixture struct {
	*dialecttest.Fixture
	// editor may do everything with incidents of the warehouse, and her key is
	// bound to it.
	editor dialecttest.Key
}

// newFixture starts one; with changes what the dialect is given.
func newFixture(t testing.TB, with ...func(*dialect.Deps)) *fixture {
	t.Helper()
	door := dialecttest.Door{
		Dialect:    uptimeio.Dialect(),
		Credential: func(k dialecttest.Key) (name, value string) { return "X-Api-Key", k.Token },
		Conform:    conform,
	}
	f := &fixture{Fixture: dialecttest.New(t, door, with...)}
	f.editor = f.keyFor(t, f.Warehouse, dialecttest.Granted(tocsin.RoleEditor, tocsin.ScopeProject, f.Warehouse))
	return f
}

// keyFor makes a user with the grants, and a key for her that is bound to a project.
func (f *fixture) keyFor(t testing.TB, project tocsin.ID, grants ...dialecttest.Grant) dialecttest.Key {
	t.Helper()
	return f.KeyOf(t, f.Acme, tocsin.KeyDraft{Project: project}, grants...)
}

// onlooker makes a key of the warehouse that may see incidents and not change them.
func (f *fixture) onlooker(t testing.TB) dialecttest.Key {
	t.Helper()
	return f.keyFor(t, f.Warehouse, dialecttest.Granted(f.Onlooker(t), tocsin.ScopeProject, f.Warehouse))
}

// stranger makes a key of another organisation's project, with all rights there.
func (f *fixture) stranger(t testing.TB) dialecttest.Key {
	t.Helper()
	rival := f.Organisation(t, "Rival")
	project := dialecttest.Must(f.Directory.CreateProject(t.Context(), tocsin.System(rival, "test"), "Rival"))(t).ID
	return f.KeyOf(t, rival, tocsin.KeyDraft{Project: project}, dialecttest.Granted(tocsin.RoleAdmin, tocsin.ScopeOrganisation, tocsin.ID{}))
}

func incidentPath(id tocsin.ID, below ...string) string {
	return strings.Join(append([]string{"/api/incidents", id.String()}, below...), "/")
}

// An operation is one of those on a known incident.
type operation struct {
	name string
	call dialecttest.Call
	// writes: it changes something.
	writes bool
	// status of its success, on an open incident.
	status int
}

// operations are all of those on the incident that a path names.
func operations(path string) []operation {
	return []operation{
		{"get", dialecttest.Call{Method: "GET", Path: path}, false, 200},
		{"updates", dialecttest.Call{Method: "GET", Path: path + "/updates"}, false, 200},
		{"comment", dialecttest.Call{Method: "POST", Path: path + "/updates", Body: `{"message":"on it"}`}, true, 201},
		{"update", dialecttest.Call{Method: "PUT", Path: path, Body: `{"severity":"critical"}`}, true, 200},
		{"acknowledge", dialecttest.Call{Method: "POST", Path: path + "/acknowledge"}, true, 200},
		{"status", dialecttest.Call{Method: "PUT", Path: path + "/status", Body: `{"status":"resolved"}`}, true, 200},
	}
}

// by is an operation as the key's holder asks for it.
func (o operation) by(k dialecttest.Key) dialecttest.Call {
	c := o.call
	c.Key = k
	return c
}

// update, setStatus, acknowledge, get and rows call an operation as the editor.
func (f *fixture) update(t testing.TB, id tocsin.ID, body string) dialecttest.Reply {
	t.Helper()
	return f.Do(t, dialecttest.Call{Method: "PUT", Path: incidentPath(id), Body: body, Key: f.editor})
}

func (f *fixture) setStatus(t testing.TB, id tocsin.ID, body string) dialecttest.Reply {
	t.Helper()
	return f.Do(t, dialecttest.Call{Method: "PUT", Path: incidentPath(id, "status"), Body: body, Key: f.editor})
}

func (f *fixture) acknowledge(t testing.TB, id tocsin.ID) dialecttest.Reply {
	t.Helper()
	return f.Do(t, dialecttest.Call{Method: "POST", Path: incidentPath(id, "acknowledge"), Key: f.editor})
}

func (f *fixture) get(t testing.TB, id tocsin.ID) dialecttest.Reply {
	t.Helper()
	return f.Do(t, dialecttest.Call{Method: "GET", Path: incidentPath(id), Key: f.editor})
}

func (f *fixture) rows(t testing.TB, id tocsin.ID, query string) []rowBody {
	t.Helper()
	r := f.Do(t, dialecttest.Call{Method: "GET", Path: incidentPath(id, "updates") + query, Key: f.editor})
	dialecttest.WantStatus(t, r, 200)
	return dialecttest.Decode[envelope[[]rowBody]](t, r.Body).Data
}

// incidentOf returns the incident that a reply shows.
func incidentOf(t testing.TB, r dialecttest.Reply) incidentBody {
	t.Helper()
	if r.Status >= 300 {
		t.Fatalf("got %d %s, want an incident", r.Status, r.Body)
	}
	return dialecttest.Decode[envelope[incidentData]](t, r.Body).Data.Incident
}

// wantError fails unless the reply is the error with that status, and has
// details of just those names, each said to be wrong by name.
func wantError(t testing.TB, r dialecttest.Reply, status int, names ...string) {
	t.Helper()
	dialecttest.WantStatus(t, r, status)
	details := detailsOf(t, r)
	slices.Sort(names)
	if got := slices.Sorted(maps.Keys(details)); !slices.Equal(got, names) {
		t.Errorf("the details name %q, want %q: %s", got, names, r.Body)
	}
	for name, message := range details {
		if !strings.HasPrefix(message, name+" ") && !strings.HasPrefix(message, "the "+name+" ") {
			t.Errorf("the detail of %s does not begin with its name: %q", name, message)
		}
	}
}

// detailsOf returns the details of an error about fields.
func detailsOf(t testing.TB, r dialecttest.Reply) map[string]string {
	t.Helper()
	return dialecttest.Decode[errorEnvelope[map[string]string]](t, r.Body).Error.Details
}
