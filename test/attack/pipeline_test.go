package attack_test

import (
	"bytes"
	"compress/gzip"
	"strings"
	"testing"

	"tocsin"
	"tocsin/test/harness"
)

// bomb is 1 MB of JSON in about 1 KB.
func bomb() string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(`{"severity":"` + strings.Repeat("a", 1_000_000) + `"}`)) // a Buffer takes all
	_ = w.Close()
	return b.String()
}

// otherToken is a key of the right form with a wrong secret.
func otherToken(k harness.Key) harness.Key {
	digit := "0"
	if k.Token[40] == '0' {
		digit = "1"
	}
	return harness.Key{ID: k.ID, Token: withChecksum(k.Token[:40] + digit + k.Token[41:len(k.Token)-8])}
}

// prefaceIsRefused: the server speaks HTTP/1.1 only, and says so.
func prefaceIsRefused(t *testing.T, s *site) {
	before := s.state(t)
	c := s.dial(t)
	defer c.Close()
	c.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + strings.Repeat("\x00\x00\x04\x03\x00\x00\x00\x00\x01\x00\x00\x00\x08", 1000))
	if r, err := c.read("PRI"); err == nil && r.status < 400 {
		t.Errorf("the preface was answered with %d", r.status)
	}
	if !c.closed() {
		t.Error("the server should end the connection")
	}
	nothing(t, before, s.state(t))
	if r := s.send(t, s.message()); r.status != 200 {
		t.Errorf("another client is answered with %d, should be 200", r.status)
	}
}

// pipelinedEachByItsOwnKey: what one request of a connection may says nothing
// about the next.
func pipelinedEachByItsOwnKey(t *testing.T, s *site) {
	other := &site{door: s.door, services: s.services, servers: s.servers}
	other.open(t)
	before := other.state(t)
	theirs := s.edited(func(m *message) { m.target = other.message().target })
	wrong := s.edited(func(m *message) { m.set(s.credential(otherToken(s.key))) })
	mine := s.withBody(`{"severity":"minor"}`)
	c := s.dial(t)
	defer c.Close()
	c.write(s.message().String() + theirs.String() + wrong.String() + mine.String())
	for i, want := range []int{200, 404, 401, 200} {
		r, err := c.read(s.method)
		if err != nil || r.status != want {
			t.Fatalf("request %d is answered with %d, %v; should be %d", i+1, r.status, err, want)
		}
	}
	nothing(t, before, other.state(t))
	if got := s.state(t).Severity; got != tocsin.Minor {
		t.Errorf("the severity is %s, should be minor", got)
	}
}

// neverOutOfStep: whatever the server makes of odd chunks, the bytes after them
// are the next request and nothing else.
func neverOutOfStep(t *testing.T, s *site) {
	for name, body := range map[string]string{
		"bare LF":               "14\n" + good + "\n0\n\n",
		"bare LF after a chunk": "14\r\n" + good + "\n0\r\n\r\n",
		"extension of 16 KB":    "14;" + strings.Repeat("a", 16<<10) + "\r\n" + good + "\r\n0\r\n\r\n",
		"LF in an extension":    "14;\n" + good + "\r\n0\r\n\r\n",
	} {
		c := s.dial(t)
		defer c.Close()
		first := s.edited(func(m *message) { m.chunked(body) })
		c.write(first.String() + s.withBody(`{"severity":"minor"}`).String())
		r, err := c.read(s.method)
		if err != nil || r.status != 200 && r.status != 400 {
			t.Errorf("%s: the answer is %d, %v; should be 200 or 400", name, r.status, err)
			continue
		}
		second, err := c.read(s.method)
		if err == nil && second.status != 200 {
			t.Errorf("%s: the request behind it is answered with %d %s; should be 200 or nothing", name, second.status, second.body)
		}
	}
}
