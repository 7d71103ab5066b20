package incident_test

import (
	"log/slog"
	"testing"
	"time"

	"tocsin"
	"tocsin/internal/app"
	"tocsin/internal/store"
)

type unobserved struct{}

func (unobserved) Committed(int, time.Duration) {}
func (unobserved) Refused(string)               {}

// must returns what a step made, or fails the test.
func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func wantCode(t *testing.T, what string, err error, want tocsin.Code) {
	t.Helper()
	if got := tocsin.CodeOf(err); got != want {
		t.Errorf("%s: error %v has code %q; want %q", what, err, got, want)
	}
}

// A house is an organisation in a real database: a shop with the datasets
// orders and customers, a warehouse with stock, and a check of each dataset.
type house struct {
	app.Services
	dir                                string
	system                             tocsin.Actor
	shop, warehouse                    tocsin.ID
	orders, customers, stock           tocsin.ID
	payment, signup, scanner, homeless tocsin.ID
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{dir: t.TempDir()}
	h.open(t)
	h.system = h.organisation(t, "Meridian")
	h.shop, h.warehouse = h.project(t, "shop"), h.project(t, "warehouse")
	h.orders, h.customers, h.stock = h.dataset(t, h.shop, "orders"), h.dataset(t, h.shop, "customers"), h.dataset(t, h.warehouse, "stock")
	h.payment, h.signup = h.check(t, h.shop, "Payment Service", h.orders), h.check(t, h.shop, "Sign-up", h.customers, h.orders)
	h.scanner, h.homeless = h.check(t, h.warehouse, "Scanner", h.stock), h.check(t, h.shop, "Landing page")
	return h
}

func (h *house) open(t *testing.T) {
	t.Helper()
	s := must[store.Store](t)(app.OpenStore(t.Context(), app.Database{Dir: h.dir}, slog.New(slog.DiscardHandler), unobserved{}))
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	h.Services = app.NewServices(s)
}

// reopen closes the database and opens it again, so that nothing is cached.
func (h *house) reopen(t *testing.T) {
	t.Helper()
	if err := h.Store.Close(); err != nil {
		t.Fatal(err)
	}
	h.open(t)
}

func (h *house) organisation(t *testing.T, name string) tocsin.Actor {
	t.Helper()
	return tocsin.System(must[*tocsin.Organisation](t)(h.Directory.CreateOrganisation(t.Context(), "test", name)).ID, "test")
}

func (h *house) project(t *testing.T, name string) tocsin.ID {
	t.Helper()
	return must[*tocsin.Project](t)(h.Directory.CreateProject(t.Context(), h.system, name)).ID
}

func (h *house) dataset(t *testing.T, project tocsin.ID, name string) tocsin.ID {
	t.Helper()
	return must[*tocsin.Dataset](t)(h.Directory.CreateDataset(t.Context(), h.system, project, name)).ID
}

func (h *house) check(t *testing.T, project tocsin.ID, name string, datasets ...tocsin.ID) tocsin.ID {
	t.Helper()
	return must[*tocsin.Check](t)(h.Directory.CreateCheck(t.Context(), h.system, project, name, "https://example.com", datasets)).ID
}

// A place is where a role is held.
type place struct {
	scope tocsin.Scope
	id    tocsin.ID
}

// holder returns the actor of a key, restricted as d says, whose owner holds a
// role in a place.
func (h *house) holder(t *testing.T, name, role string, in place, d tocsin.KeyDraft) tocsin.Actor {
	t.Helper()
	u := must[*tocsin.User](t)(h.Access.CreateUser(t.Context(), h.system, name, name+"@example.org"))
	must[*tocsin.Grant](t)(h.Access.Grant(t.Context(), h.system, u.ID, role, in.scope, in.id))
	d.Owner, d.Name = u.ID, "script"
	_, token, err := h.Access.CreateKey(t.Context(), h.system, d)
	if err != nil {
		t.Fatal(err)
	}
	actor := must[tocsin.Actor](t)(h.Access.Authenticate(t.Context(), token))
	actor.Door = "test"
	return actor
}

// incident opens an incident of the payment check.
func (h *house) incident(t *testing.T) *tocsin.Incident {
	t.Helper()
	return must[*tocsin.Incident](t)(h.Incidents.Create(t.Context(), h.system, tocsin.Draft{
		Checks: []tocsin.ID{h.payment}, Severity: tocsin.Major, Type: "timeout", Source: tocsin.FromSystem,
	}))
}

// stored reads an incident as the database has it.
func (h *house) stored(t *testing.T, id tocsin.ID) *tocsin.Incident {
	t.Helper()
	return must[*tocsin.Incident](t)(store.Find[*tocsin.Incident](t.Context(), h.Store, h.system.Org, tocsin.KindIncident, id))
}

// length returns how many records the organisation's log has.
func (h *house) length(t *testing.T) int {
	t.Helper()
	return len(must[[]store.Record](t)(h.Store.Log(t.Context(), h.system.Org, 0, 10_000)))
}
