package api

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin"
	"tocsin/internal/httpkit"
)

// The codes of errors that are HTTP's rather than ours.
const (
	badRequest       tocsin.Code = "bad_request"
	mediaType        tocsin.Code = "unsupported_media_type"
	tooLarge         tocsin.Code = "too_large"
	methodNotAllowed tocsin.Code = "method_not_allowed"
)

// Codes lists every code that an answer of this API can have.
func Codes() []tocsin.Code {
	return append(tocsin.Codes(), badRequest, mediaType, tooLarge, methodNotAllowed)
}

// Problem is an error on the wire (RFC 9457).
type Problem struct {
	Type      string         `json:"type" format:"uri" doc:"Where this kind of error is explained."`
	Title     string         `json:"title" doc:"What kind of error it is, always the same for a code."`
	Status    int            `json:"status" doc:"The HTTP status."`
	Detail    string         `json:"detail" doc:"What is wrong, for people."`
	Code      tocsin.Code    `json:"code" doc:"What kind of error it is, for programs."`
	RequestID string         `json:"request_id" doc:"The id of the request in the server's log, as in X-Request-Id."`
	Errors    []fieldProblem `json:"errors,omitempty" nullable:"false" doc:"Each thing that is wrong with the request."`

	// Current and Moved come with stale, Transitions with a status that cannot follow.
	Current     any      `json:"current,omitempty" doc:"With stale: the object as it is now."`
	Moved       []string `json:"moved,omitempty" nullable:"false" doc:"With stale: the fields that changed since the version in If-Match."`
	Transitions []string `json:"available_transitions,omitempty" nullable:"false" doc:"With conflict over a status: those that may follow."`
}

// StatusOf returns the HTTP status of a code and what kind of error it is, in a
// few words. It is the one table.
func StatusOf(code tocsin.Code) (status int, title string) {
	switch code {
	case badRequest:
		return http.StatusBadRequest, "The request is malformed"
	case tocsin.Unauthenticated:
		return http.StatusUnauthorized, "The API key is missing or not valid"
	case tocsin.Forbidden:
		return http.StatusForbidden, "The API key may not do this"
	case tocsin.NotFound:
		return http.StatusNotFound, "There is no such thing"
	case methodNotAllowed:
		return http.StatusMethodNotAllowed, "This path has no such method"
	case tocsin.Conflict:
		return http.StatusConflict, "The present state does not allow it"
	case tocsin.Exhausted:
		return http.StatusConflict, "A limit of the organisation is used up"
	case tocsin.Stale:
		return http.StatusPreconditionFailed, "The object is not at a version that If-Match names"
	case tooLarge:
		return http.StatusRequestEntityTooLarge, "The body is too large"
	case mediaType:
		return http.StatusUnsupportedMediaType, "The body is not of a type that is taken here"
	case tocsin.Invalid:
		return http.StatusUnprocessableEntity, "Some values are not valid"
	case tocsin.KeyReused:
		return http.StatusUnprocessableEntity, "The idempotency key was used for another request"
	case tocsin.PreconditionRequired:
		return http.StatusPreconditionRequired, "The organisation wants an If-Match with each change"
	case tocsin.RateLimited:
		return http.StatusTooManyRequests, "Too many requests"
	case tocsin.Busy:
		return http.StatusServiceUnavailable, "The server is busy; nothing was changed"
	case tocsin.Unknown:
		return http.StatusInternalServerError, "It is not known whether the change was made"
	default:
		return http.StatusInternalServerError, "Internal error"
	}
}

// A requestError refuses a request for what is wrong with its parts.
type requestError struct {
	code     tocsin.Code
	detail   string
	problems []fieldProblem
}

func (e *requestError) Error() string { return e.detail }

// ErrorCode returns Invalid for codes of HTTP, which the rest of the program does
// not know.
func (e *requestError) ErrorCode() tocsin.Code {
	if slices.Contains(tocsin.Codes(), e.code) {
		return e.code
	}
	return tocsin.Invalid
}

// malformed returns the error of a request that cannot be read.
func malformed(detail string) error { return &requestError{code: badRequest, detail: detail} }

// badParameter returns the error of a query parameter or header that cannot be read.
func badParameter(name, message string) error {
	return &requestError{code: badRequest, detail: "the request is malformed", problems: []fieldProblem{{Parameter: name, Code: badRequest, Message: message}}}
}

// invalidField returns the error of a member that breaks a rule.
func invalidField(pointer, message string) error {
	return &requestError{code: tocsin.Invalid, detail: "some values are not valid", problems: []fieldProblem{{Pointer: pointer, Code: tocsin.Invalid, Message: message}}}
}

// syntaxErr returns the error of what no reader should have to guess at, or nil.
func (p *problems) syntaxErr() error {
	if len(p.malformed) == 0 {
		return nil
	}
	return &requestError{code: badRequest, detail: "the request has parts that there are not", problems: p.malformed}
}

// valueErr returns the error of values that break a rule, or nil.
func (p *problems) valueErr() error {
	if len(p.invalid) == 0 {
		return nil
	}
	return &requestError{code: tocsin.Invalid, detail: "some values are not valid", problems: p.invalid}
}

// A staleError is a *tocsin.StaleError with all that the caller is told.
type staleError struct {
	*tocsin.StaleError
	current any
	moved   []string
}

func (e *staleError) Unwrap() error { return e.StaleError }

// problemOf turns an error into what the caller is told of it.
func (c *core) problemOf(err error, names map[string]string) Problem {
	code := tocsin.CodeOf(err)
	p := Problem{}
	var (
		own     *tocsin.Error
		request *requestError
		stale   *staleError
		move    *tocsin.TransitionError
		method  *httpkit.MethodError
		body    *httpkit.BodyError
	)
	switch {
	case errors.As(err, &request):
		code, p.Detail, p.Errors = request.code, request.detail, request.problems
	case errors.As(err, &method):
		code, p.Detail = methodNotAllowed, method.Error()
	case errors.As(err, &body):
		code, p.Detail = badRequest, body.Reason
		if body.MediaType {
			code = mediaType
		} else if body.TooLarge {
			code = tooLarge
		}
	case errors.As(err, &stale):
		p.Detail, p.Current, p.Moved = stale.Error(), stale.current, stale.moved
	case errors.As(err, &move):
		p.Detail, p.Transitions = move.Error(), texts(tocsin.Transitions(move.From))
	case errors.As(err, &own) && code == own.Code && code != tocsin.Internal && code != tocsin.Unauthenticated:
		p.Detail, p.Errors = own.Message, pointersTo(own.Fields, names)
	}
	p.Status, p.Title = StatusOf(code)
	if p.Detail == "" {
		p.Detail = strings.ToLower(p.Title[:1]) + p.Title[1:]
	}
	p.Code, p.Type = code, c.PublicURL+"/docs/errors#"+string(code)
	return p
}

// pointersTo turns the use case's names of fields into pointers.
func pointersTo(fields, names map[string]string) []fieldProblem {
	var out []fieldProblem
	for field, message := range fields {
		pointer, renamed := names[field]
		if !renamed {
			pointer = "/" + field
		}
		out = append(out, fieldProblem{Pointer: pointer, Code: tocsin.Invalid, Message: message})
	}
	slices.SortFunc(out, byPlace)
	return out
}

// texts returns values as plain texts.
func texts[T ~string](values []T) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return out
}

// A namedError is an error of an operation with names of its own for fields.
type namedError struct {
	error
	names map[string]string
}

func (e *namedError) Unwrap() error { return e.error }

// challenge is the WWW-Authenticate of every 401.
const challenge = `Bearer realm="Tocsin"`

// render is the API's httpkit.Renderer.
func (c *core) render(w http.ResponseWriter, r *http.Request, err error) {
	var named *namedError
	var names map[string]string
	if errors.As(err, &named) {
		names = named.names
	}
	p := c.problemOf(err, names)
	p.RequestID = httpkit.EventOf(r.Context()).RequestID()
	h := w.Header()
	switch p.Code {
	case tocsin.Unauthenticated:
		h.Set("WWW-Authenticate", challenge)
		// A key that ended while its request was under way is one like any other.
		h.Del("RateLimit-Policy")
		h.Del("RateLimit")
	case tocsin.RateLimited, tocsin.Busy:
		var own *tocsin.Error
		var wait time.Duration
		if errors.As(err, &own) {
			wait = own.RetryAfter
		}
		httpkit.RetryAfter(h, wait)
	case tocsin.Stale:
		var stale *staleError
		if errors.As(err, &stale) {
			h.Set("ETag", tagOf(stale.Current))
		}
	}
	body, err := encode(p)
	if err != nil {
		httpkit.EventOf(r.Context()).SetError(err)
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	h.Set("Content-Type", "application/problem+json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(p.Status)
	_, _ = w.Write(body) // an error here is a client that went away
}
