package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// An Error is an answer that is no success: the server's problem document
// (RFC 9457), or as much of one as there is.
type Error struct {
	// Method and Path are of the request.
	Method, Path string
	// Status is the HTTP status.
	Status int
	// Code names the kind of problem, as in "not_found"; empty when something
	// before the server answered in its place.
	Code string
	// Title is the kind in words, Detail what happened here.
	Title, Detail string
	// RequestID is what the server's operator finds the request by.
	RequestID string
	// Problems are the values that are wrong, for "invalid" and "bad_request".
	Problems []Problem
	// RetryAfter is how long the server asked to wait, or zero.
	RetryAfter time.Duration
	// Current is the object as it stands and Moved its fields that have changed
	// since the version that was named, for "stale".
	Current json.RawMessage
	Moved   []string
	// AvailableTransitions are the statuses that may follow, for a refused move.
	AvailableTransitions []string
	// IdempotencyKey is the write's own: asking again with it cannot make the
	// change twice.
	IdempotencyKey string
}

// A Problem is one value that is wrong.
type Problem struct {
	// Pointer leads to it in the body (RFC 6901), as in "/severity"; Parameter is
	// the query parameter instead.
	Pointer   string `json:"pointer,omitempty"`
	Parameter string `json:"parameter,omitempty"`
	// Code names the kind, Message says what to do.
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Name returns what is wrong by its name: "severity", "labels/team", "limit".
func (p Problem) Name() string {
	if p.Parameter != "" {
		return p.Parameter
	}
	return strings.TrimPrefix(p.Pointer, "/")
}

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s: %d", e.Method, e.Path, e.Status)
	if e.Code != "" {
		b.WriteString(" " + e.Code)
	}
	if text := e.Text(); text != "" {
		b.WriteString(": " + text)
	}
	for _, p := range e.Problems {
		fmt.Fprintf(&b, "; %s: %s", p.Name(), p.Message)
	}
	if e.RequestID != "" {
		fmt.Fprintf(&b, " (request %s)", e.RequestID)
	}
	return b.String()
}

// Text returns the detail, or what there is in its place.
func (e *Error) Text() string {
	if e.Detail != "" {
		return e.Detail
	}
	if e.Title != "" {
		return e.Title
	}
	return strings.ToLower(http.StatusText(e.Status))
}

// Is reports whether target is the sentinel of e's kind, for errors.Is.
func (e *Error) Is(target error) bool {
	var k *kind
	return errors.As(target, &k) && (e.Code == k.code || e.Code == "" && k.status != 0 && e.Status == k.status)
}

// A kind is a sentinel. Its status tells it where an answer has no code.
type kind struct {
	code   string
	status int
}

func (k *kind) Error() string { return strings.ReplaceAll(k.code, "_", " ") }

// The kinds of failure, for errors.Is. They follow the server's codes.
var (
	// ErrInvalid: a value breaks a rule; Error.Problems says which.
	ErrInvalid error = &kind{"invalid", http.StatusUnprocessableEntity}
	// ErrBadRequest: the request cannot be read as it is.
	ErrBadRequest error = &kind{"bad_request", http.StatusBadRequest}
	// ErrUnauthenticated: the token is missing, wrong, expired or revoked.
	ErrUnauthenticated error = &kind{"unauthenticated", http.StatusUnauthorized}
	// ErrForbidden: the object can be seen but not this be done to it.
	ErrForbidden error = &kind{"forbidden", http.StatusForbidden}
	// ErrNotFound: there is no such object, or none that may be seen.
	ErrNotFound error = &kind{"not_found", http.StatusNotFound}
	// ErrConflict: the object's state does not allow it, or a name is taken.
	ErrConflict error = &kind{"conflict", http.StatusConflict}
	// ErrStale: the version named with IfMatch has been overtaken.
	ErrStale error = &kind{"stale", http.StatusPreconditionFailed}
	// ErrPreconditionRequired: the organisation wants IfMatch with each change.
	ErrPreconditionRequired error = &kind{"precondition_required", http.StatusPreconditionRequired}
	// ErrKeyReused: the idempotency key was another request's.
	ErrKeyReused error = &kind{"idempotency_key_reused", 0}
	// ErrExhausted: a limit of the organisation is used up.
	ErrExhausted error = &kind{"exhausted", 0}
	// ErrRateLimited: too many requests, after all attempts.
	ErrRateLimited error = &kind{"rate_limited", http.StatusTooManyRequests}
	// ErrBusy: the server is overloaded; the change was certainly not made.
	ErrBusy error = &kind{"busy", http.StatusServiceUnavailable}
	// ErrUnknown: the change may or may not have been made; ask again with the
	// same idempotency key to learn it.
	ErrUnknown error = &kind{"unknown", 0}
	// ErrUnreachable: no answer came; see ConnectionError.
	ErrUnreachable = errors.New("the server cannot be reached")
)

// IsNotFound reports whether err says that there is no such object.
func IsNotFound(err error) bool { return errors.Is(err, ErrNotFound) }

// IsConflict reports whether err says that the object's state does not allow
// the change: ErrConflict, or ErrStale.
func IsConflict(err error) bool { return errors.Is(err, ErrConflict) || errors.Is(err, ErrStale) }

// IsUnauthenticated reports whether err says that the token is not good.
func IsUnauthenticated(err error) bool { return errors.Is(err, ErrUnauthenticated) }

// A ConnectionError says that no whole answer came. A write may have been made
// all the same: asking again with its idempotency key tells.
type ConnectionError struct {
	// Method and URL are of the request; the URL has no query.
	Method, URL string
	// Attempts is how often it was sent.
	Attempts int
	// IdempotencyKey is the write's own, empty for a read.
	IdempotencyKey string
	// Err is the last cause.
	Err error
}

func (e *ConnectionError) Error() string {
	return fmt.Sprintf("%s %s: no answer (attempts: %d): %v", e.Method, e.URL, e.Attempts, e.Err)
}

// Unwrap returns the last cause.
func (e *ConnectionError) Unwrap() error { return e.Err }

// Is reports whether target is ErrUnreachable.
func (*ConnectionError) Is(target error) bool { return target == ErrUnreachable }

// problemOf reads an answer that is no success.
func problemOf(method, path, key string, status int, header http.Header, body []byte) *Error {
	e := &Error{
		Method: method, Path: path, Status: status, IdempotencyKey: key,
		RequestID: header.Get("X-Request-Id"), RetryAfter: retryAfter(header),
	}
	var problem struct {
		Title       string          `json:"title"`
		Detail      string          `json:"detail"`
		Code        string          `json:"code"`
		RequestID   string          `json:"request_id"`
		Errors      []Problem       `json:"errors"`
		Current     json.RawMessage `json:"current"`
		Moved       []string        `json:"moved"`
		Transitions []string        `json:"available_transitions"`
	}
	media, _, _ := mime.ParseMediaType(header.Get("Content-Type"))
	if media == "application/problem+json" && json.Unmarshal(body, &problem) == nil {
		e.Title, e.Detail, e.Code, e.Problems = problem.Title, problem.Detail, problem.Code, problem.Errors
		e.Current, e.Moved, e.AvailableTransitions = problem.Current, problem.Moved, problem.Transitions
		if problem.RequestID != "" {
			e.RequestID = problem.RequestID
		}
	} else if to := header.Get("Location"); status >= 300 && status < 400 && to != "" {
		e.Detail = "the server sends elsewhere, to " + to + "; use that address if you trust it"
	}
	return e
}

// retryAfter reads the header of that name: seconds, or a time, which is held
// against the answer's own date so that no clocks need agree.
func retryAfter(h http.Header) time.Duration {
	text := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	until, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	sent, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return 0
	}
	return max(0, until.Sub(sent))
}
