package httpkit

import (
	"context"
	"log/slog"
	"net/netip"
	"sync"
)

// unmatched is the route of a request that no route took.
const unmatched = "unmatched"

// An Event is the one wide log line of a request, written by Wrap when the
// request ends. Its methods may be called from any goroutine; what is set after
// the request ended is lost.
type Event struct {
	requestID string
	address   netip.Addr

	mu    sync.Mutex
	route string
	err   error
	attrs []slog.Attr
}

type eventKey struct{}

// EventOf returns the event of the request that ctx belongs to; outside of one,
// an event that nobody will read. It is never nil.
func EventOf(ctx context.Context) *Event {
	if e, ok := ctx.Value(eventKey{}).(*Event); ok {
		return e
	}
	return &Event{}
}

// Set adds fields to the line. They must hold no secret.
func (e *Event) Set(attrs ...slog.Attr) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.attrs = append(e.attrs, attrs...)
}

// SetError notes why the request failed, for the log only. The last call counts.
func (e *Event) SetError(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.err = err
}

// SetRoute names the route, as in "PUT /api/incidents/{id}".
func (e *Event) SetRoute(route string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.route = route
}

// contents returns what the line will say.
func (e *Event) contents() (route string, attrs []slog.Attr, cause error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.route, e.attrs, e.err
}

// RequestID returns the id that the answer carries in X-Request-Id; "" outside
// a request.
func (e *Event) RequestID() string { return e.requestID }

// Address returns the client's address, as Wrap found it; the zero Addr outside
// a request.
func Address(ctx context.Context) netip.Addr { return EventOf(ctx).address }
