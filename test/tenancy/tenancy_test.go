// Package tenancy proves, on the real binary and on both engines, that an
// organisation, and a key's project, see nothing of another: what is theirs is
// answered byte for byte like what there is not.
package tenancy_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin"
	"tocsin/internal/app"
	"tocsin/test/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

// unknown is an id that names nothing.
const unknown = "00000000-0000-7000-8000-000000000000"

// An answer is what must not differ between the foreign and the unknown.
type answer struct {
	status int
	header string
	body   string
}

// A house is a server with a tenant to ask as, and one whose things are asked for.
type house struct {
	server       *harness.Server
	services     app.Services
	mine, theirs *harness.Tenant
	// things are mine besides, theirThings theirs.
	things, theirThings harness.Furniture
	// foreign names, by what they are, ids that mean nothing to my keys.
	foreign map[string]tocsin.ID
	// otherProject is my organisation's, but not of my UptimeIO key.
	otherProject map[string]tocsin.ID
}

func newHouse(t *testing.T, engine harness.Engine) *house {
	database := engine.Fresh(t)
	h := &house{server: harness.Serve(t, database, "TOCSIN_RATE_LIMIT=0")}
	h.services, _ = harness.Open(t, database)
	h.mine, h.theirs = harness.NewTenant(t, h.services), harness.NewTenant(t, h.services)
	h.things, h.theirThings = h.mine.Furnish(), h.theirs.Furnish()
	h.foreign = everything(h.theirs, h.theirThings)
	project, dataset, check, incident := h.mine.NewProject("Warehouse")
	comment, link := h.mine.Discuss(incident)
	h.otherProject = map[string]tocsin.ID{
		"project": project, "dataset": dataset, "check": check, "incident": incident, "comment": comment, "link": link,
	}
	t.Cleanup(func() {
		for _, tenant := range []*harness.Tenant{h.mine, h.theirs} {
			tenant.Secrets.NotLoggedBy(t, h.server)
			tenant.Secrets.NotRecorded(t, h.services, tenant.Org)
		}
	})
	h.signed(t)
	return h
}

// showsNoSecret checks that an answer holds no secret that was given out before.
func (h *house) showsNoSecret(t *testing.T, method, path string, text []byte) {
	t.Helper()
	for _, tenant := range []*harness.Tenant{h.mine, h.theirs} {
		secret, hash := tenant.Secrets.In(text)
		if export := path == "/v1/audit/export"; secret || hash && !export { // an auditor judges the stored keys, hashes and all
			t.Errorf("the answer to %s %s holds the secret of a token: %v, the hash of one: %v", method, path, secret, hash)
		}
	}
}

// signed waits until the log of mine is signed: before that it proves nothing.
func (h *house) signed(t *testing.T) {
	t.Helper()
	k := h.key(native())
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		a := h.ask(t, native(), k, "GET", fmt.Sprintf("/v1/audit/entries/%d/proof", h.things.Entry), "")
		if a.status == http.StatusOK {
			return
		}
		if a.status != http.StatusServiceUnavailable || time.Now().After(end) {
			t.Fatalf("the proof of an entry is answered with %d %s, should come soon", a.status, a.body)
		}
	}
}

// everything names all that a tenant has, by what it is.
func everything(t *harness.Tenant, f harness.Furniture) map[string]tocsin.ID {
	return map[string]tocsin.ID{
		"organisation": t.Org, "project": t.Project, "dataset": t.Dataset, "check": t.Check, "incident": t.Incident,
		"comment": f.Comment, "link": f.Link, "user": t.Ada, "grant": t.AdaGrant, "key": t.Soda.ID, "project's key": t.Uptime.ID,
		"member": f.Member, "membership": f.Membership, "role": f.Role, "invitation": f.Invitation,
	}
}

// ask sends one request with a door's credential.
func (h *house) ask(t *testing.T, d door, k harness.Key, method, path, body string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, h.server.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	d.sign(req, k)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	client := http.Client{Timeout: 20 * time.Second}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Date", "X-Request-Id", "X-Soda-Trace-Id"} {
		if name != "X-Soda-Trace-Id" && res.Header.Get(name) == "" {
			t.Errorf("%s %s: there should be a header %s", method, path, name)
		}
		res.Header.Del(name)
	}
	header, err := json.Marshal(res.Header)
	if err != nil {
		t.Fatal(err)
	}
	h.showsNoSecret(t, method, path, slices.Concat(header, got))
	return answer{res.StatusCode, string(header), string(got)}
}

// key returns a fresh key of mine for a door: the Soda dialect counts calls.
func (h *house) key(d door) harness.Key {
	draft := tocsin.KeyDraft{Owner: h.mine.Ada, Name: "probe"}
	if d.projectKeys {
		draft.Project = h.mine.Project
	}
	return h.mine.Key(draft)
}

// lengths are the lengths of both logs: what shows any effect.
func (h *house) lengths(t *testing.T) [2]int64 {
	t.Helper()
	return [2]int64{harness.LogLength(t, h.services, h.mine.Org), harness.LogLength(t, h.services, h.theirs.Org)}
}

// same fails unless two answers are the same, and no log grew over them.
func (h *house) same(t *testing.T, what string, before [2]int64, got, want answer) {
	t.Helper()
	if got != want {
		t.Errorf("%s is answered with\n%+v\nand what there is not with\n%+v", what, got, want)
	}
	if after := h.lengths(t); after != before {
		t.Errorf("%s made the logs grow from %v to %v", what, before, after)
	}
}

func TestForeignIdsAreUnknownIds(t *testing.T) {
	t.Parallel()
	for _, engine := range harness.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, engine)
			for _, d := range doors() {
				for _, r := range d.routes {
					for _, place := range r.places() {
						t.Run(r.method+" "+r.path+" "+place.name, func(t *testing.T) {
							for _, target := range h.foreigners(d, place) {
								k := h.key(d)
								before := h.lengths(t)
								want := h.ask(t, d, k, r.method, place.path(unknown), place.body(unknown))
								got := h.ask(t, d, k, r.method, place.path(target.id), place.body(target.id))
								h.same(t, target.name, before, got, want)
								if place.refused && got.status < 400 {
									t.Errorf("%s is answered with %d, should be refused", target.name, got.status)
								}
							}
						})
					}
				}
			}
		})
	}
}

// A foreigner is an id that must mean nothing here.
type foreigner struct{ name, id string }

// foreigners returns the ids that mean nothing to a door's keys in a place.
func (h *house) foreigners(d door, p place) []foreigner {
	var out []foreigner
	for kind, id := range h.foreign {
		out = append(out, foreigner{"another organisation's " + kind, id.String()})
	}
	for kind, id := range h.otherProject {
		if d.projectKeys && kind != "project" {
			out = append(out, foreigner{"another project's " + kind, id.String()})
		}
	}
	if p.wants == "incident" { // what is mine, but no incident
		out = append(out, foreigner{"my check", h.mine.Check.String()}, foreigner{"my organisation", h.mine.Org.String()})
	}
	slices.SortFunc(out, func(a, b foreigner) int { return strings.Compare(a.name, b.name) })
	return out
}

func TestListsShowOnlyOnesOwn(t *testing.T) {
	t.Parallel()
	for _, engine := range harness.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, engine)
			for _, d := range doors() {
				for _, r := range d.routes {
					if !r.list {
						continue
					}
					for _, query := range append([]string{""}, r.wideQueries...) {
						got := h.ask(t, d, h.key(d), r.method, r.path+query, "")
						if got.status != http.StatusOK {
							t.Errorf("%s%s is answered with %d %s", r.path, query, got.status, got.body)
						}
						if !strings.Contains(got.body, h.mine.Incident.String()) {
							t.Errorf("%s%s should show my incident: %s", r.path, query, got.body)
						}
						for kind, id := range h.foreign {
							if strings.Contains(got.body, id.String()) {
								t.Errorf("%s%s shows another organisation's %s: %s", r.path, query, kind, got.body)
							}
						}
						if d.projectKeys && strings.Contains(got.body, h.otherProject["incident"].String()) {
							t.Errorf("%s%s shows another project's incident: %s", r.path, query, got.body)
						}
					}
				}
			}
		})
	}
}

// A key bound to a project sees only that project, also through a door whose
// keys need none.
func TestProjectKeysSeeOneProjectThroughEveryDoor(t *testing.T) {
	t.Parallel()
	for _, engine := range harness.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, engine)
			soda := doors()[0]
			bound := h.mine.Key(tocsin.KeyDraft{Owner: h.mine.Ada, Name: "bound", Project: h.mine.Project})
			before := h.lengths(t)
			const path = "/api/v1/incidents/"
			want := h.ask(t, soda, bound, "POST", path+unknown, `{"title":"x"}`)
			got := h.ask(t, soda, bound, "POST", path+h.otherProject["incident"].String(), `{"title":"x"}`)
			h.same(t, "another project's incident", before, got, want)
			list := h.ask(t, soda, bound, "GET", "/api/v1/incidents?size=100", "")
			if !strings.Contains(list.body, h.mine.Incident.String()) || strings.Contains(list.body, h.otherProject["incident"].String()) {
				t.Errorf("the list should show the key's project and no other: %s", list.body)
			}
		})
	}
}

// What one may see is not changed by what is said about another.
func TestForeignIdsInBodiesChangeNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t, harness.Engines()[0])
	uptime := doors()[1]
	before, theirs := harness.Incident(t, h.services, h.mine.Org, h.mine.Incident), harness.Incident(t, h.services, h.theirs.Org, h.theirs.Incident)
	got := h.ask(t, uptime, h.key(uptime), "PUT", "/api/incidents/"+h.mine.Incident.String(),
		`{"severity":"major","check_id":"`+h.theirs.Check.String()+`","project_id":"`+h.theirs.Project.String()+`","assignee_id":"`+h.theirs.Ada.String()+`"}`)
	if got.status != http.StatusOK {
		t.Fatalf("unknown members are ignored, but the answer is %d %s", got.status, got.body)
	}
	after := harness.Incident(t, h.services, h.mine.Org, h.mine.Incident)
	if after.Check != before.Check || after.Project != before.Project || after.Lead != before.Lead || after.Severity != tocsin.Major {
		t.Errorf("only the severity should have changed: %+v", after)
	}
	if now := harness.Incident(t, h.services, h.theirs.Org, h.theirs.Incident); now.Version != theirs.Version || strings.Contains(got.body, h.theirs.Check.String()) {
		t.Errorf("their incident went from version %d to %d, or the answer shows their check: %s", theirs.Version, now.Version, got.body)
	}
}
