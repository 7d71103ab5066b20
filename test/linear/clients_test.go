package linear_test

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tocsin"
	"tocsin/test/harness"
)

// The doors.
const (
	soda     = "soda"
	uptimeio = "uptimeio"
	native   = "api"
)

// A client uses one door, of one node after another.
type client struct {
	t      *testing.T
	door   string
	nodes  []string
	turn   int
	soda   []harness.Key
	uptime harness.Key
	api    harness.Key
	// seen is what a client of the native API last saw.
	seen tagged
	http *http.Client
	// serial makes every value that is written the only one of its kind.
	serial *atomic.Int64
}

// A tagged is an incident as the native API last showed it.
type tagged struct {
	incident tocsin.ID
	tag      string
	version  int64
}

// newClients makes the clients, a third of them of each door.
func newClients(t *testing.T, tenant *harness.Tenant, nodes []string) []*client {
	t.Helper()
	shared := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	t.Cleanup(shared.CloseIdleConnections)
	serial := new(atomic.Int64)
	all := make([]*client, clients)
	for i := range all {
		c := &client{t: t, door: []string{soda, uptimeio, native}[i%3], nodes: nodes, turn: i, uptime: tenant.Uptime, api: tenant.Soda, http: shared, serial: serial}
		if c.door == soda { // keys of its own: each has ten changes a minute
			for range 3 {
				c.soda = append(c.soda, tenant.Key(tocsin.KeyDraft{Owner: tenant.Ada, Name: "sync"}))
			}
		}
		all[i] = c
	}
	return all
}

func (c *client) fresh() string { return fmt.Sprintf("value %d", c.serial.Add(1)) }

// reads says whether this turn is a read.
func reads(random *rand.Rand) bool { return random.IntN(3) == 0 }

// anyField writes one or two of the fields that the client's door has, or reads.
func anyField(c *client, random *rand.Rand) operation {
	if reads(random) {
		return operation{}
	}
	severity := []string{"critical", "major", "minor"}[random.IntN(3)]
	var choices []operation
	switch c.door {
	case soda:
		choices = []operation{{title: c.fresh()}, {description: c.fresh()}, {title: c.fresh(), severity: severity}}
	case native:
		choices = []operation{{title: c.fresh(), message: c.fresh()}, {description: c.fresh(), severity: severity}, {regions: c.fresh(), description: c.fresh()}}
	default:
		choices = []operation{{message: c.fresh()}, {regions: c.fresh()}, {message: c.fresh(), severity: severity}, {message: c.fresh(), regions: c.fresh()}}
	}
	return choices[random.IntN(len(choices))]
}

// sameField writes the one field that everybody at the client's door writes, or
// reads.
func sameField(c *client, random *rand.Rand) operation {
	switch {
	case reads(random):
		return operation{}
	case c.door == soda:
		return operation{title: c.fresh()}
	default:
		return operation{message: c.fresh()}
	}
}

// do carries an operation out and returns what it came to, and what the answer
// shows. A write whose condition did not hold is a read: it is told what there is.
func (c *client) do(incident tocsin.ID, op operation) (operation, view) {
	c.turn++
	method, path, body := c.request(incident, op)
	req, err := http.NewRequest(method, c.nodes[c.turn%len(c.nodes)]+path, strings.NewReader(body))
	if err != nil {
		return op, view{unknown: true}
	}
	condition := c.door == native && !op.isRead() && c.seen.incident == incident
	switch c.door {
	case soda:
		key := c.soda[c.turn/turns%len(c.soda)]
		req.SetBasicAuth(key.ID.String(), key.Token)
	case native:
		req.Header.Set("Authorization", "Bearer "+c.api.Token)
		req.Header.Set("Content-Type", "application/json")
		if condition {
			req.Header.Set("If-Match", c.seen.tag)
		}
	default:
		req.Header.Set("X-API-Key", c.uptime.Token)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return op, view{unknown: true}
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	refused := condition && res.StatusCode == http.StatusPreconditionFailed
	if err != nil || res.StatusCode != http.StatusOK && !refused {
		return op, view{unknown: true}
	}
	if c.door == native {
		return c.conclude(incident, op, condition, refused, res.Header.Get("ETag"), answer)
	}
	return op, c.read(answer)
}

// conclude reads an answer of the native API, and judges it by its condition.
func (c *client) conclude(incident tocsin.ID, op operation, condition, refused bool, tag string, answer []byte) (operation, view) {
	type shown struct {
		Severity, Title, Description string
		Version                      int64
		Message                      string   `json:"error_message"`
		Regions                      []string `json:"affected_regions"`
	}
	var a struct {
		shown
		Current shown
	}
	if err := json.Unmarshal(answer, &a); err != nil {
		return op, view{unknown: true}
	}
	i, before := a.shown, c.seen.version
	if refused {
		i, op = a.Current, operation{}
	}
	if refused && i.Version == before || condition && !refused && i.Version != before+1 {
		c.t.Errorf("on condition of version %d: refused %v, and the answer shows version %d", before, refused, i.Version)
	}
	c.seen = tagged{incident, tag, i.Version}
	return op, view{register: register{i.Severity, i.Message, strings.Join(i.Regions, ","), i.Title, i.Description}, door: native}
}

// request is the operation as the client's door has it.
func (c *client) request(incident tocsin.ID, op operation) (method, path, body string) {
	members := map[string]any{}
	for name, value := range map[string]string{"severity": op.severity, "title": op.title, "description": op.description, "error_message": op.message} {
		if value != "" {
			members[name] = value
		}
	}
	if op.regions != "" {
		members["affected_regions"] = []string{op.regions}
	}
	text, _ := json.Marshal(members) // texts and a list always encode
	switch {
	case c.door == soda && op.isRead():
		return "GET", "/api/v1/incidents?incidentIds=" + incident.String(), ""
	case c.door == soda:
		return "POST", "/api/v1/incidents/" + incident.String(), string(text)
	case c.door == native && op.isRead():
		return "GET", "/v1/incidents/" + incident.String(), ""
	case c.door == native:
		return "PATCH", "/v1/incidents/" + incident.String(), string(text)
	case op.isRead():
		return "GET", "/api/incidents/" + incident.String(), ""
	default:
		return "PUT", "/api/incidents/" + incident.String(), string(text)
	}
}

// read takes the register out of an answer.
func (c *client) read(answer []byte) view {
	type sodaIncident struct{ Name, Description, Severity string }
	var a struct {
		sodaIncident
		Content []sodaIncident
		Data    struct {
			Incident struct {
				Severity, Title string
				Message         string   `json:"error_message"`
				Regions         []string `json:"affected_regions"`
			}
		}
	}
	if err := json.Unmarshal(answer, &a); err != nil {
		return view{unknown: true}
	}
	if c.door == soda {
		i := a.sodaIncident
		if len(a.Content) == 1 {
			i = a.Content[0]
		}
		return view{register: register{severity: i.Severity, title: i.Name, description: i.Description}, door: soda}
	}
	i := a.Data.Incident
	return view{register: register{i.Severity, i.Message, strings.Join(i.Regions, ","), i.Title, ""}, door: uptimeio}
}
