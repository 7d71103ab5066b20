package httpkit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"time"
)

// Options are what Wrap needs of the world. TrustedProxies and Observe may be
// left out.
type Options struct {
	// Logger gets one line a request.
	Logger *slog.Logger
	// NewRequestID makes the id of each request.
	NewRequestID func() string
	// TrustedProxies are the peers whose X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix
	// Now is the clock; the log has only differences and the line's time from it.
	Now func() time.Time
	// Observe is told of each request when it ends. Status is 0 when the
	// connection was cut before any answer.
	Observe func(route string, status int, d time.Duration)
}

// maxLoggedPath is how many bytes of a path the log shows.
const maxLoggedPath = 200

// Wrap returns the outermost handler around next. It gives each request an id
// of its own and an Event, sets the headers that every answer has, and writes
// the one log line when the request ends: at level Error for a panic, or a
// status from 500 unless the client had gone away, else Info. A panic becomes an error for fail, which must answer 500; if the
// answer had begun, the connection is cut instead.
func Wrap(next http.Handler, fail Renderer, o Options) http.Handler {
	return &wrapper{
		Options: o, next: next, fail: fail,
		noSniff: []string{"nosniff"}, noStore: []string{"no-store"},
	}
}

type wrapper struct {
	Options
	next http.Handler
	fail Renderer
	// noSniff and noStore are header values that all answers share.
	noSniff, noStore []string
}

// An exchange is one request on its way through Wrap. It is not pooled: a
// goroutine may hold its event longer than the request lives.
type exchange struct {
	event    Event
	recorder recorder
	id       [1]string
	attrs    [16]slog.Attr
	start    time.Time
	panicked bool
}

func (s *wrapper) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{start: s.Now(), id: [1]string{s.NewRequestID()}}
	x.event.requestID = x.id[0]
	x.event.route = unmatched
	x.event.address = ClientAddress(r, s.TrustedProxies)
	x.recorder.ResponseWriter = w
	s.setHeaders(x)
	r = r.WithContext(context.WithValue(r.Context(), eventKey{}, &x.event))

	defer s.finish(x, r)
	defer s.recover(x, r)
	s.next.ServeHTTP(&x.recorder, r)
	if x.recorder.status == 0 {
		x.recorder.status = http.StatusOK // what net/http sends when nobody says otherwise
	}
}

func (s *wrapper) setHeaders(x *exchange) {
	h := x.recorder.Header()
	h["X-Request-Id"] = x.id[:]
	h["X-Content-Type-Options"] = s.noSniff
	h["Cache-Control"] = s.noStore
}

// recover is deferred; it answers for a handler that panicked.
func (s *wrapper) recover(x *exchange, r *http.Request) {
	v := recover()
	if v == nil {
		return
	}
	if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(http.ErrAbortHandler)
	}
	x.panicked = true
	err := fmt.Errorf("panic: %v", v)
	x.event.SetError(err)
	x.event.Set(slog.String("stack", string(debug.Stack())))
	if x.recorder.status != 0 {
		panic(http.ErrAbortHandler)
	}
	clear(x.recorder.Header())
	s.setHeaders(x)
	s.fail(&x.recorder, r, err)
}

// finish is deferred; it writes the log line, whatever happened.
func (s *wrapper) finish(x *exchange, r *http.Request) {
	now := s.Now()
	took := now.Sub(x.start)
	route, extra, cause := x.event.contents()
	if s.Observe != nil {
		s.Observe(route, x.recorder.status, took)
	}
	// A client that went away makes whatever waited for it fail; that is no fault.
	gone := r.Context().Err() != nil
	level := slog.LevelInfo
	if x.recorder.status >= http.StatusInternalServerError && !gone || x.panicked {
		level = slog.LevelError
	}
	// The Logger's own methods would look up the caller, which is always this line.
	handler := s.Logger.Handler()
	if !handler.Enabled(r.Context(), level) {
		return
	}
	attrs := append(x.attrs[:0],
		slog.String("request_id", x.event.requestID),
		slog.String("method", r.Method),
		slog.String("path", r.URL.Path[:min(len(r.URL.Path), maxLoggedPath)]),
		slog.String("route", route),
		slog.Int("status", x.recorder.status),
		slog.Int64("bytes", x.recorder.bytes),
		slog.Float64("duration_ms", float64(took.Microseconds())/1000),
		slog.String("client", x.event.address.String()),
	)
	attrs = append(attrs, extra...)
	if gone {
		attrs = append(attrs, slog.Bool("client_gone", true))
	}
	if cause != nil {
		attrs = append(attrs, slog.String("error", cause.Error()))
	}
	line := slog.NewRecord(now, level, "request", 0)
	line.AddAttrs(attrs...)
	_ = handler.Handle(r.Context(), line) // there is nowhere to tell of a log that fails
}

// A recorder notes what goes out. http.ResponseController finds the rest of the
// writer's abilities through Unwrap.
type recorder struct {
	http.ResponseWriter
	// status is the final status, 0 until the header went out.
	status int
	bytes  int64
}

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(b)
	w.bytes += int64(n)
	return n, err
}

// Unwrap returns the writer underneath, for http.ResponseController.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }
