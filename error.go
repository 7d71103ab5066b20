package tocsin

import (
	"errors"
	"fmt"
	"sort"
	"strings"
	"time"
)

// A Code says what went wrong in terms that every door can translate. Each
// transport has one table from code to its own answer; an error without a code
// is internal, and its text never leaves the server.
type Code string

// The codes.
const (
	// Internal: a fault of ours. Whether the change took place is not said.
	Internal Code = "internal"
	// Invalid: a value breaks a rule. Fields says which.
	Invalid Code = "invalid"
	// Unauthenticated: no valid credential, at the latest when the change was judged.
	Unauthenticated Code = "unauthenticated"
	// Forbidden: the actor may see the object but not do this to it.
	Forbidden Code = "forbidden"
	// NotFound: there is no such object, or none that the actor may see.
	NotFound Code = "not_found"
	// Conflict: the object's present state does not allow it, or a name is taken.
	Conflict Code = "conflict"
	// Exhausted: a counter or limit of the organisation is used up.
	Exhausted Code = "exhausted"
	// RateLimited: too many requests; RetryAfter says when to come again.
	RateLimited Code = "rate_limited"
	// Busy: the server is overloaded; the change has certainly not been made.
	Busy Code = "busy"
	// Unknown: the commit's outcome could not be learnt; it may have been made.
	Unknown Code = "unknown"
	// Stale: the caller's precondition does not hold, as a *StaleError says.
	Stale Code = "stale"
	// PreconditionRequired: the organisation wants a precondition with each change.
	PreconditionRequired Code = "precondition_required"
	// KeyReused: the name of a request that must happen once was another's.
	KeyReused Code = "idempotency_key_reused"
)

// Codes lists every code, for tests that prove a transport's table total.
func Codes() []Code {
	return []Code{
		Internal, Invalid, Unauthenticated, Forbidden, NotFound, Conflict, Exhausted, RateLimited, Busy, Unknown,
		Stale, PreconditionRequired, KeyReused,
	}
}

// An Error is an answer to the caller: its Message may be shown.
type Error struct {
	Code    Code
	Message string
	// Fields names each bad field with what is wrong with it, for Invalid.
	Fields map[string]string
	// RetryAfter is how long to wait, for RateLimited and Busy.
	RetryAfter time.Duration
	// Err is the cause, for the log only.
	Err error
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Message)
	names := make([]string, 0, len(e.Fields))
	for name := range e.Fields {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		fmt.Fprintf(&b, "; %s", e.Fields[name])
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// ErrorCode returns e.Code.
func (e *Error) ErrorCode() Code { return e.Code }

// Errorf returns an Error with a message for the caller.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// InvalidFields returns an Invalid error, or nil when nothing is wrong.
func InvalidFields(problems map[string]string) error {
	if len(problems) == 0 {
		return nil
	}
	return &Error{Code: Invalid, Message: "some values are not valid", Fields: problems}
}

// CodeOf returns the code that err carries, Internal when it carries none and
// "" when err is nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var coded interface{ ErrorCode() Code }
	if errors.As(err, &coded) {
		return coded.ErrorCode()
	}
	return Internal
}

// A TransitionError refuses a move that the door's lifecycle does not have.
type TransitionError struct {
	From, To Status
	// Allowed are the moves that there are from From.
	Allowed []Status
}

func (e *TransitionError) Error() string {
	return fmt.Sprintf("an incident cannot go from %s to %s", e.From, e.To)
}

// ErrorCode returns Conflict.
func (e *TransitionError) ErrorCode() Code { return Conflict }
