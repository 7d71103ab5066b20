package attack_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"tocsin/test/harness"
)

// patient are the cases in which the client is slow and the server must not
// wait for it. Here an upper bound on time is the very behaviour.
func patient() []attack {
	return []attack{
		{number: 12, name: "body shorter than declared", run: cutWithin(15*time.Second, func(m *message) { m.add("Content-Length: 4000") })},
		{number: 13, name: "header byte by byte", run: slowly(5*time.Second, 0)},
		{number: 14, name: "body byte by byte", run: slowly(15*time.Second, len(good)-2)},
		{number: 15, name: "answers unread", run: unread},
	}
}

// slack is what a busy machine may add to a bound.
const slack = 15 * time.Second

// cutWithin sends a message that says it is longer than it is, and waits.
func cutWithin(bound time.Duration, edit func(*message)) func(*testing.T, *site) {
	return func(t *testing.T, s *site) {
		before := s.state(t)
		c := s.dial(t)
		defer c.Close()
		c.write(s.edited(edit).String())
		c.ends(t, bound)
		nothing(t, before, s.state(t))
	}
}

// slowly sends all but the last n bytes of a message's body at once (n of 0:
// all but its head) and then one byte a second.
func slowly(bound time.Duration, n int) func(*testing.T, *site) {
	return func(t *testing.T, s *site) {
		before := s.state(t)
		text := s.message().String()
		at := len(text) - n
		if n == 0 {
			at = 1
		}
		c := s.dial(t)
		defer c.Close()
		stop := make(chan struct{})
		defer close(stop)
		go func() {
			_, _ = c.Write([]byte(text[:at]))
			for i := at; i < len(text); i++ {
				select {
				case <-stop:
					return
				case <-time.After(time.Second):
				}
				if _, err := c.Write([]byte(text[i : i+1])); err != nil {
					return
				}
			}
		}()
		c.ends(t, bound)
		nothing(t, before, s.state(t))
	}
}

// ends waits for the server to end the connection.
func (c *connection) ends(t *testing.T, bound time.Duration) {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(bound + slack))
	var got bytes.Buffer
	if _, err := got.ReadFrom(c.reader); isTimeout(err) {
		t.Fatalf("the server should end the connection within %s, has not after %s more", bound, slack)
	}
	if answer := got.String(); answer != "" && !strings.HasPrefix(answer, "HTTP/1.1 4") {
		t.Errorf("the server answers %.100q, should refuse or say nothing", answer)
	}
}

// unread asks for much and takes nothing: the server gives up.
func unread(t *testing.T, s *site) {
	c := s.dial(t)
	defer c.Close()
	get := s.edited(func(m *message) { m.method, m.target, m.body = "GET", "/api/incidents?limit=100", "" }).String()
	gone := make(chan error, 1)
	go func() {
		_ = c.SetWriteDeadline(time.Now().Add(30*time.Second + slack))
		var err error
		for range 200_000 { // until the buffers between are full
			if _, err = c.Write([]byte(get)); err != nil {
				break
			}
		}
		gone <- err
	}()
	if err := <-gone; err == nil || isTimeout(err) {
		t.Errorf("the server should end a connection whose client does not read; it had %v", err)
	}
}

func TestSlowClientsAreCutOff(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for the server's own timeouts, half a minute")
	}
	t.Parallel()
	database := harness.Engines()[0].Fresh(t) // framing is the same on every engine
	server := harness.Serve(t, database)
	services, _ := harness.Open(t, database)
	for _, a := range patient() {
		s := &site{door: doors()[1], services: services, servers: []string{server.URL}}
		s.open(t)
		t.Run(a.title(), func(t *testing.T) {
			t.Parallel()
			a.run(t, s)
		})
	}
}
