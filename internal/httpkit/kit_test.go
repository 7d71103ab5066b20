package httpkit_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tocsin"
	"tocsin/internal/httpkit"
)

// patience bounds what must happen soon; it is no measure of speed.
const patience = 20 * time.Second

// A line is one log line, decoded.
type line map[string]any

// A kit is a real server on a real listener with a dialect of the test's own.
type kit struct {
	addr  string
	lines chan line
	seen  chan observed
}

type observed struct {
	route  string
	status int
}

// logTo is a writer that sends each line to a channel.
type logTo chan line

func (c logTo) Write(b []byte) (int, error) {
	var l line
	if err := json.Unmarshal(b, &l); err != nil {
		return 0, err
	}
	c <- l
	return len(b), nil
}

// render is the test's dialect: the code and the message of the error.
func render(w http.ResponseWriter, _ *http.Request, err error) {
	status := map[tocsin.Code]int{
		tocsin.Invalid: 400, tocsin.NotFound: 404, tocsin.Unauthenticated: 401, tocsin.Conflict: 409,
	}[tocsin.CodeOf(err)]
	message := err.Error()
	var method *httpkit.MethodError
	switch {
	case errors.As(err, &method):
		status = http.StatusMethodNotAllowed
	case status == 0:
		status, message = http.StatusInternalServerError, "internal error"
	}
	_ = httpkit.WriteJSON(w, status, map[string]string{"refused": message})
}

// start serves routes; tune may change the server and the options beforehand.
func start(t *testing.T, tune func(*http.Server, *httpkit.Options), routes ...httpkit.Route) *kit {
	t.Helper()
	k := &kit{lines: make(chan line, 100), seen: make(chan observed, 100)}
	logger := slog.New(slog.NewJSONHandler(logTo(k.lines), nil))
	var ids atomic.Int64
	o := httpkit.Options{
		Logger:       logger,
		NewRequestID: func() string { return "id-" + strconv.FormatInt(ids.Add(1), 10) },
		Now:          time.Now,
		Observe:      func(route string, status int, _ time.Duration) { k.seen <- observed{route, status} },
	}
	server := httpkit.NewServer(nil, logger)
	if tune != nil {
		tune(server, &o)
	}
	server.Handler = httpkit.Wrap(httpkit.NewMux(render, routes...), render, o)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	k.addr = l.Addr().String()
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(httpkit.StrictListener(l)) }()
	t.Cleanup(func() {
		_ = server.Close()
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("the server ended with %v", err)
		}
	})
	return k
}

// logged returns the next log line.
func (k *kit) logged(t *testing.T) line {
	t.Helper()
	select {
	case l := <-k.lines:
		return l
	case <-time.After(patience):
		t.Fatal("no log line came")
		return nil
	}
}

// An answer is one HTTP answer, read whole.
type answer struct {
	status int
	header http.Header
	body   string
}

// A wire is a connection that speaks bytes.
type wire struct {
	net.Conn
	t  *testing.T
	in *bufio.Reader
}

func (k *kit) dial(t *testing.T) *wire {
	t.Helper()
	c, err := net.Dial("tcp", k.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	return &wire{Conn: c, t: t, in: bufio.NewReader(c)}
}

// send writes raw bytes; a server that has closed already is seen when reading.
func (w *wire) send(raw string) { _, _ = io.WriteString(w, raw) }

// answer reads the next answer; ok is false at the end of the connection.
func (w *wire) answer(method string) (a answer, ok bool) {
	w.t.Helper()
	res, err := http.ReadResponse(w.in, &http.Request{Method: method})
	if err != nil {
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() {
			w.t.Fatal("the server neither answered nor closed the connection")
		}
		return answer{}, false
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return answer{}, false
	}
	return answer{res.StatusCode, res.Header, string(body)}, true
}

// do sends one whole request and returns its answer.
func (k *kit) do(t *testing.T, raw string) answer {
	t.Helper()
	w := k.dial(t)
	w.send(raw)
	method, _, _ := strings.Cut(raw, " ")
	a, ok := w.answer(method)
	if !ok {
		t.Fatalf("no answer to %.200q", raw)
	}
	return a
}

// statuses sends raw bytes and returns the status of every answer, and whether
// the server closed the connection after the last of them.
func (k *kit) statuses(t *testing.T, raw string, atMost int) (all []int, closed bool) {
	t.Helper()
	w := k.dial(t)
	w.send(raw)
	for range atMost {
		a, ok := w.answer("PUT")
		if !ok {
			return all, true
		}
		all = append(all, a.status)
		if a.header.Get("Connection") == "close" {
			_, ok := w.answer("PUT")
			return all, !ok
		}
	}
	return all, false
}
