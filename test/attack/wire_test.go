package attack_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"tocsin/test/harness"
)

// A message is one request, written to the connection byte by byte as it says.
type message struct {
	method, target string
	// lines are the header's, as in "Content-Type: application/json".
	lines []string
	body  string
}

// add appends a header line.
func (m *message) add(line string) { m.lines = append(m.lines, line) }

// drop removes the lines of a name.
func (m *message) drop(name string) {
	m.lines = slices.DeleteFunc(m.lines, func(line string) bool {
		return strings.EqualFold(strings.TrimSpace(line[:strings.IndexByte(line, ':')]), name)
	})
}

// set replaces the lines of a name.
func (m *message) set(line string) {
	m.drop(line[:strings.IndexByte(line, ':')])
	m.add(line)
}

// has reports whether there is a line of that name.
func (m *message) has(name string) bool {
	return slices.ContainsFunc(m.lines, func(line string) bool {
		return strings.EqualFold(strings.TrimSpace(line[:max(0, strings.IndexByte(line, ':'))]), name)
	})
}

// String is the message as it is sent. Where nothing frames the body, its
// length does.
func (m *message) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\n", m.method, m.target)
	for _, line := range m.lines {
		b.WriteString(line + "\r\n")
	}
	if !m.has("Content-Length") && !m.has("Transfer-Encoding") {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(m.body))
	}
	b.WriteString("\r\n" + m.body)
	return b.String()
}

// chunked frames the body in chunks of the client's making.
func (m *message) chunked(body string) {
	m.set("Transfer-Encoding: chunked")
	m.body = body
}

// chunk is the text as one chunk and the end of the body.
func chunk(text string) string { return fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(text), text) }

// A reply is one answer.
type reply struct {
	status int
	header http.Header
	body   []byte
	// interim are the 1xx statuses that came before it.
	interim []int
}

// A connection is a client of a server, at an address of its own: the server
// counts failed authentications by address.
type connection struct {
	net.Conn
	reader *bufio.Reader
}

// patience is how long an answer may take before the test calls it missing.
const patience = 20 * time.Second

// dial connects to a server from an address; the caller closes it.
func dial(t *testing.T, server string, from net.IP) *connection {
	t.Helper()
	address := strings.TrimPrefix(server, "http://")
	d := net.Dialer{Timeout: patience, LocalAddr: &net.TCPAddr{IP: from}}
	c, err := d.Dial("tcp", address)
	if err != nil && from != nil {
		d.LocalAddr = nil // only Linux has the whole of 127.0.0.0/8
		c, err = d.Dial("tcp", address)
	}
	if err != nil {
		t.Fatalf("connect to the server: %v", err)
	}
	return &connection{Conn: c, reader: bufio.NewReader(c)}
}

// write sends the text while answers are read: a server may refuse before it
// has read it all. Its error is the server's to cause.
func (c *connection) write(text string) {
	go func() {
		_ = c.SetWriteDeadline(time.Now().Add(patience))
		_, _ = io.WriteString(c, text)
	}()
}

// read returns the next answer. An error means that there is none.
func (c *connection) read(method string) (reply, error) {
	_ = c.SetReadDeadline(time.Now().Add(patience))
	var r reply
	for {
		res, err := http.ReadResponse(c.reader, &http.Request{Method: method})
		if err != nil {
			return r, err
		}
		if res.StatusCode < 200 {
			r.interim = append(r.interim, res.StatusCode)
			continue
		}
		r.status, r.header = res.StatusCode, res.Header
		if r.body, err = io.ReadAll(res.Body); err != nil {
			return r, err
		}
		if res.Close {
			r.header.Set("Connection", "close")
		}
		return r, nil
	}
}

// closed reports whether the server ends the connection with nothing more sent.
func (c *connection) closed() bool {
	_ = c.SetReadDeadline(time.Now().Add(patience))
	_, err := c.reader.ReadByte()
	return err != nil && !isTimeout(err)
}

func isTimeout(err error) bool {
	var late net.Error
	return errors.As(err, &late) && late.Timeout()
}

// keys returns the names of a JSON object's members, sorted.
func keys(t *testing.T, object []byte) []string {
	t.Helper()
	var m map[string]json.RawMessage
	if err := json.Unmarshal(object, &m); err != nil {
		t.Fatalf("the answer %q should be a JSON object: %v", object, err)
	}
	return slices.Sorted(maps.Keys(m))
}

// decode reads an answer.
func decode[T any](t *testing.T, body []byte) (v T) {
	t.Helper()
	if err := json.Unmarshal(body, &v); err != nil {
		t.Fatalf("the answer %q should be JSON: %v", body, err)
	}
	return v
}

// hasSodaError checks the error shape of the Soda dialect.
func hasSodaError(t *testing.T, r reply) {
	t.Helper()
	if got := keys(t, r.body); !slices.Equal(got, []string{"code", "message"}) {
		t.Errorf("the error has the members %v, should have exactly code and message", got)
	}
	e := decode[struct{ Code, Message string }](t, r.body)
	want := map[int]string{400: "invalid_request", 401: "unauthorized", 403: "forbidden", 404: "incident_not_found", 405: "invalid_request", 429: "too_many_requests"}[r.status]
	if e.Code != want || e.Message == "" {
		t.Errorf("status %d came with code %q and message %q, should be %q and some words", r.status, e.Code, e.Message, want)
	}
	if r.header.Get("X-Soda-Trace-Id") == "" {
		t.Error("there should be an X-Soda-Trace-Id")
	}
}

// hasUptimeError checks the error shape of the UptimeIO dialect.
func hasUptimeError(t *testing.T, r reply) {
	t.Helper()
	if got := keys(t, r.body); !slices.Equal(got, []string{"error", "success"}) {
		t.Fatalf("the envelope has the members %v, should have exactly error and success", got)
	}
	e := decode[struct {
		Success *bool
		Error   json.RawMessage
	}](t, r.body)
	if e.Success == nil || *e.Success {
		t.Error("success should be false")
	}
	if got := keys(t, e.Error); !slices.Equal(got, []string{"code", "details", "message"}) {
		t.Fatalf("the error has the members %v, should have exactly code, details and message", got)
	}
	inner := decode[struct {
		Code, Message string
		Details       map[string]any
	}](t, e.Error)
	want := map[int]string{400: "VALIDATION_ERROR", 401: "UNAUTHORIZED", 403: "FORBIDDEN", 404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED", 429: "RATE_LIMITED"}[r.status]
	if inner.Code != want || inner.Message == "" || inner.Details == nil {
		t.Errorf("status %d came with %s, should have code %s, some words and an object of details", r.status, e.Error, want)
	}
}

// refuses checks what every refusal has: the door's own shape where the door
// answered, and nothing of what was sent.
func refuses(t *testing.T, d door, r reply, plain bool) {
	t.Helper()
	if bytes.Contains(r.body, []byte(mark)) || strings.Contains(fmt.Sprint(r.header), mark) {
		t.Errorf("the refusal repeats what was sent: %s", r.body)
	}
	if text := fmt.Append(r.body, r.header); harness.ShowsToken(text) || regexp.MustCompile(`[0-9a-f]{64}`).Match(text) {
		t.Errorf("the refusal shows a token or a hash: %s", text)
	}
	if plain {
		if len(r.body) > 500 {
			t.Errorf("the refusal has %d bytes, should be short", len(r.body))
		}
		return
	}
	if got := r.header.Get("Content-Type"); got != d.media {
		t.Errorf("the refusal is %q, should be %s", got, d.media)
	}
	if got := r.header.Get("Content-Length"); got != strconv.Itoa(len(r.body)) {
		t.Errorf("Content-Length is %q for %d bytes", got, len(r.body))
	}
	d.shape(t, r)
}

// mark is a text that attacks carry and that no refusal may repeat.
const mark = "zqx7mark"
