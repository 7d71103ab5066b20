package crash_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tocsin"
	"tocsin/test/harness"
)

// An ack is one change that a server has answered with success: an object and a
// text that no other change has.
type ack struct {
	object tocsin.ID
	field  string
	value  string
}

func (a ack) String() string { return fmt.Sprintf("%s %q of %s", a.field, a.value, a.object) }

// clients change a tenant's incidents from many goroutines.
type clients struct {
	tenant *harness.Tenant
	http   *http.Client
	// each is one goroutine's own incident and keys.
	each []*client
	// serial makes every change's text its own.
	serial atomic.Int64
}

type client struct {
	*clients
	number   int
	incident tocsin.ID
	// soda are keys for a door that takes ten changes a minute of each.
	soda []harness.Key
	turn int
}

// sharing is how many clients work on one incident.
const sharing = 4

func newClients(t *testing.T, tenant *harness.Tenant, n int) *clients {
	t.Helper()
	all := &clients{tenant: tenant, http: &http.Client{
		Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: n, MaxConnsPerHost: n},
	}}
	var incident tocsin.ID
	for i := range n {
		if i%sharing == 0 {
			incident = tenant.NewIncident(tenant.Check, tocsin.Open)
		}
		c := &client{clients: all, number: i, incident: incident}
		if i%sharing == 1 {
			c.soda = append(c.soda, tenant.Key(tocsin.KeyDraft{Owner: tenant.Ada, Name: "sync"}))
		}
		all.each = append(all.each, c)
	}
	return all
}

// load has all clients change incidents until quota changes are answered or
// the server is gone; then it calls kill and returns what was answered.
func (c *clients) load(url string, quota int, gone <-chan struct{}, kill func()) []ack {
	var (
		mu      sync.Mutex
		acks    []ack
		running sync.WaitGroup
		enough  = make(chan struct{})
	)
	note := func(a ack) {
		mu.Lock()
		defer mu.Unlock()
		if acks = append(acks, a); len(acks) == quota {
			close(enough)
		}
	}
	for _, each := range c.each {
		running.Go(func() {
			for each.change(url, note) {
			}
		})
	}
	select {
	case <-enough:
	case <-gone:
	case <-time.After(time.Minute): // a server that has stopped answering
	}
	kill()
	running.Wait()
	c.http.CloseIdleConnections()
	return acks
}

// change makes one change, of a kind that goes by turns, and notes it if the
// server says that it is made. False means that there is no server any more.
func (c *client) change(url string, note func(ack)) bool {
	c.turn++
	text := fmt.Sprintf("client %d change %d", c.number, c.serial.Add(1))
	path := url + "/api/incidents/" + c.incident.String()
	switch {
	case len(c.soda) > 0 && c.turn%16 == 0:
		key := c.soda[c.turn/16%len(c.soda)]
		status, _, ok := c.ask("POST", url+"/api/v1/incidents/"+c.incident.String(), object("title", text, "description", text),
			func(r *http.Request) { r.SetBasicAuth(key.ID.String(), key.Token) })
		if status == http.StatusOK {
			note(ack{c.incident, "title", text})
		}
		return ok
	case c.turn%16 == 1:
		return c.story(url, text, note)
	case c.turn%4 == 2:
		status, body, ok := c.ask("POST", path+"/updates", object("message", text), c.sign)
		if status == http.StatusCreated {
			note(ack{idIn(body), "message", text})
		}
		return ok
	default:
		status, _, ok := c.ask("PUT", path, `{"error_message":"`+text+`","affected_regions":["`+text+`"]}`, c.sign)
		if status == http.StatusOK {
			note(ack{c.incident, "error_message", text})
		}
		return ok
	}
}

// story opens an incident of its own and takes it through the lifecycle.
func (c *client) story(url, text string, note func(ack)) bool {
	status, body, ok := c.ask("POST", url+"/api/incidents", object("severity", "minor", "type", "timeout", "error_message", text, "title", text), c.sign)
	if status != http.StatusCreated {
		return ok
	}
	incident := idIn(body)
	note(ack{incident, "error_message", text})
	path := url + "/api/incidents/" + incident.String()
	if status, _, ok = c.ask("POST", path+"/acknowledge", "", c.sign); status == http.StatusOK {
		note(ack{incident, "status", string(tocsin.Investigating)})
	}
	if status == http.StatusOK {
		if status, _, ok = c.ask("PUT", path+"/status", object("status", "closed", "note", text), c.sign); status == http.StatusOK {
			note(ack{incident, "status", string(tocsin.Closed)})
		}
	}
	return ok
}

func (c *client) sign(r *http.Request) { r.Header.Set("X-API-Key", c.tenant.Uptime.Token) }

// ask sends one request. ok is false when nobody answers; an answer cut short
// is no answer.
func (c *client) ask(method, url, body string, sign func(*http.Request)) (status int, answer []byte, ok bool) {
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return 0, nil, false
	}
	sign(req)
	res, err := c.http.Do(req)
	if err != nil {
		return 0, nil, false
	}
	defer res.Body.Close()
	if answer, err = io.ReadAll(res.Body); err != nil {
		return 0, nil, false
	}
	return res.StatusCode, answer, true
}

// object is a JSON object of texts.
func object(pairs ...string) string {
	m := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	b, _ := json.Marshal(m) // a map of texts always encodes
	return string(b)
}

// idIn finds the id in an answer's data; zero when there is none, which no log
// will hold.
func idIn(answer []byte) tocsin.ID {
	var a struct {
		Data struct {
			ID       string
			Incident struct{ ID string }
		}
	}
	_ = json.Unmarshal(answer, &a) // no JSON holds no id
	id, _ := tocsin.ParseID(a.Data.ID + a.Data.Incident.ID)
	return id
}
