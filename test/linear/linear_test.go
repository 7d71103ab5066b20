// Package linear checks that an incident is a linearizable register over HTTP:
// with many clients of the native API and both dialects, through any node, every
// answer fits one order of all changes in which each takes effect at one moment
// between its request and its answer. That order is the log's.
package linear_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"tocsin"
	"tocsin/internal/app"
	"tocsin/internal/store"
	"tocsin/test/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

const (
	// clients work at once on one incident, each doing turns operations.
	clients = 64
	turns   = 4
	// patience is how long the checker may search one history. It needs a
	// moment for a right one; a wrong one it may not get through.
	patience = 10 * time.Second
)

func TestAnIncidentIsLinearizable(t *testing.T) {
	t.Parallel()
	for _, engine := range harness.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			database := engine.Fresh(t)
			nodes := []string{harness.Serve(t, database).URL}
			if database.URL != "" { // PostgreSQL has any number of servers
				nodes = append(nodes, harness.Serve(t, database).URL)
			}
			services, _ := harness.Open(t, database)
			tenant := harness.NewTenant(t, services)
			lists := inOrder
			if database.URL == "" {
				lists = early
			}
			seed := uint64(time.Now().UnixNano())
			t.Logf("seed %d", seed)
			all := newClients(t, tenant, nodes)
			for i, c := range []struct {
				name string
				plan func(client *client, random *rand.Rand) operation
			}{
				{"different fields through all doors", anyField},
				{"the same field", sameField},
				{"different fields again", anyField},
				{"the same field again", sameField},
				{"different fields at last", anyField},
				{"the same field at last", sameField},
			} {
				incident := tenant.NewIncident(tenant.Check, tocsin.Open)
				initial := registerOf(harness.Incident(t, services, tenant.Org, incident))
				history := run(all, incident, seed+uint64(i), c.plan)
				entries := historyOf(t, services, tenant.Org, incident)
				judge(t, c.name, initial, tighten(t, lists, initial, int64(len(entries)), settle(t, history, entries)))
				if last := harness.Incident(t, services, tenant.Org, incident); last.Version != int64(len(entries)) {
					t.Errorf("%s: the incident is at version %d with %d entries", c.name, last.Version, len(entries))
				}
			}
		})
	}
}

// run has all clients do their turns on an incident and returns what happened.
func run(all []*client, incident tocsin.ID, seed uint64, plan func(*client, *rand.Rand) operation) []porcupine.Operation {
	var (
		mu      sync.Mutex
		history []porcupine.Operation
		working sync.WaitGroup
	)
	start := time.Now()
	for i, c := range all {
		random := rand.New(rand.NewPCG(seed, uint64(i)))
		working.Go(func() {
			for range turns {
				op := plan(c, random)
				call := time.Since(start).Nanoseconds()
				op, seen := c.do(incident, op)
				o := porcupine.Operation{ClientId: i, Input: op, Call: call, Output: seen, Return: time.Since(start).Nanoseconds()}
				mu.Lock()
				history = append(history, o)
				mu.Unlock()
			}
		})
	}
	working.Wait()
	return history
}

// settle gives each write the version that the log says it made; every write
// has a value of its own. One without an answer may have taken effect at any
// later time, or never: the log knows that too.
func settle(t *testing.T, history []porcupine.Operation, entries []tocsin.Entry) []porcupine.Operation {
	t.Helper()
	versions := map[string]int64{}
	for _, e := range entries[1:] { // not the opening
		for _, c := range e.Changes {
			versions[c.Name+c.New.AsText()+strings.Join(c.New.AsList(), ",")] = e.Version
		}
	}
	var settled []porcupine.Operation
	made := 1 // the opening
	for _, o := range history {
		op, seen := o.Input.(operation), o.Output.(view)
		if !op.isRead() {
			seen.version = op.versionIn(versions)
			if seen.version > 0 {
				made++
			}
		}
		switch {
		case seen.unknown && seen.version == 0:
			continue // it read nothing and changed nothing
		case seen.unknown:
			o.Return = math.MaxInt64
		case !op.isRead() && seen.version == 0:
			t.Errorf("%+v was acknowledged and is not in the log", op)
		}
		o.Output = seen
		settled = append(settled, o)
	}
	if len(settled) < len(history)*3/4 {
		t.Errorf("only %d of %d operations were answered: the test was too idle to show anything", len(settled), len(history))
	}
	if made != len(entries) {
		t.Fatalf("the log has %d entries, the clients made %d", len(entries), made)
	}
	return settled
}

// tighten moves the calls of writes to the earliest moment at which they can
// have taken effect, so that the checker meets a read before the writes that it
// cannot have seen; it would have to try too much otherwise. A write comes
// after the one before it in the log, and after the call of every read that
// fits no state from this write on.
func tighten(t *testing.T, lists moment, initial register, newest int64, history []porcupine.Operation) []porcupine.Operation {
	t.Helper()
	writes := make([]*porcupine.Operation, newest+1) // by version; the opening is not ours
	for i := range history {
		if v := history[i].Output.(view).version; v > 0 {
			writes[v] = &history[i]
		}
	}
	states := []register{{}, initial}
	for _, w := range writes[2:] {
		states = append(states, w.Input.(operation).apply(states[len(states)-1]))
	}
	if lists == early {
		showEarly(history, states, writes)
	}
	for _, o := range history {
		if seen := o.Output.(view); seen.version == 0 {
			last := newest
			for last > 0 && !seen.fits(states[last]) {
				last--
			}
			if last < newest && last > 0 {
				writes[last+1].Call = max(writes[last+1].Call, o.Call+1)
			}
		}
	}
	for v := 2; v < len(writes); v++ {
		w := writes[v]
		if v > 2 {
			w.Call = max(w.Call, writes[v-1].Call+1)
		}
		if w.Call > w.Return {
			t.Errorf("version %d was answered for before something that it must follow was asked for: %+v", v, w.Input)
			w.Return = w.Call
		}
	}
	return history
}

func historyOf(t *testing.T, s app.Services, org, incident tocsin.ID) []tocsin.Entry {
	t.Helper()
	entries, err := s.Store.History(t.Context(), org, store.Key{Kind: tocsin.KindIncident, ID: incident})
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

// state is the register and its version, which no door shows.
type state struct {
	register
	version int64
}

// model is the register as one client alone would see it.
func model(initial register) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return state{initial, 1} },
		Step: func(before, input, output any) (bool, any) {
			now, op, seen := before.(state), input.(operation), output.(view)
			if !op.isRead() {
				now = state{op.apply(now.register), now.version + 1}
				if now.version != seen.version {
					return false, before
				}
			}
			return seen.fits(now.register), now
		},
	}
}

// judge looks for an order that explains the history.
func judge(t *testing.T, name string, initial register, history []porcupine.Operation) {
	t.Helper()
	switch porcupine.CheckOperationsTimeout(model(initial), history, patience) {
	case porcupine.Illegal:
		t.Errorf("%s: no order explains the %d operations", name, len(history))
	case porcupine.Unknown:
		t.Errorf("%s: the checker found no order that explains the %d operations, and has not tried all", name, len(history))
	}
}

// A register is what both doors can write of an incident.
type register struct {
	severity, message, regions, title, description string
}

func registerOf(i *tocsin.Incident) register {
	return register{string(i.Severity), i.ErrorMessage, strings.Join(i.AffectedRegions, ","), i.Title, i.Description}
}

// An operation writes the fields that are not empty; without any it reads.
type operation register

func (o operation) isRead() bool { return o == operation{} }

// versionIn finds the version that the operation made, by a value of its own.
func (o operation) versionIn(versions map[string]int64) int64 {
	return max(
		versions["error_message"+o.message],
		versions["affected_regions"+o.regions],
		versions["title"+o.title],
		versions["description"+o.description],
	)
}

func (o operation) apply(r register) register {
	for _, f := range []struct {
		to   *string
		from string
	}{{&r.severity, o.severity}, {&r.message, o.message}, {&r.regions, o.regions}, {&r.title, o.title}, {&r.description, o.description}} {
		if f.from != "" {
			*f.to = f.from
		}
	}
	return r
}

// A view is what an answer shows: the register, of which a door shows some.
type view struct {
	register
	door string
	// version is what a write made of it; a read has none.
	version int64
	// unknown: no answer, or one that does not say.
	unknown bool
}

// fits reports whether an answer can show the register.
func (v view) fits(r register) bool {
	switch {
	case v.unknown:
		return true
	case v.door == native: // shows all of it
	case v.door == soda:
		r.message, r.regions = "", ""
	default:
		r.description = ""
	}
	return v.register == r
}

// A checker that finds nothing wrong must find wrong what is.
func TestTheModelKnowsALostUpdate(t *testing.T) {
	t.Parallel()
	a, b := operation{message: "a"}, operation{title: "b"}
	history := []porcupine.Operation{
		{ClientId: 0, Input: a, Call: 0, Output: view{register: register{message: "a"}, door: uptimeio, version: 2}, Return: 10},
		{ClientId: 1, Input: b, Call: 0, Output: view{register: register{title: "b"}, door: uptimeio, version: 3}, Return: 10},
	}
	if porcupine.CheckOperations(model(register{}), history) {
		t.Error("two changes, neither of which saw the other, have no order")
	}
}
