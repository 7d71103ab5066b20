package soda

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"

	"tocsin"
	"tocsin/internal/httpkit"
)

// errorBody is what every refusal looks like.
type errorBody struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// An answer is what the wire shows for a code. Where message is set it stands
// for every error of that code, so that the body does not tell one cause from
// another; else the error's own is shown.
type answer struct {
	status        int
	code, message string
}

// answerTo is the one table from what went wrong to what this API's clients
// know. They know no 409 and no 503.
func answerTo(code tocsin.Code) answer {
	switch code {
	case tocsin.Invalid, tocsin.Conflict, tocsin.Exhausted, tocsin.Stale, tocsin.PreconditionRequired, tocsin.KeyReused:
		return answer{http.StatusBadRequest, "invalid_request", ""}
	case tocsin.Unauthenticated:
		return answer{http.StatusUnauthorized, "unauthorized", "the API key is missing or not valid; send it as Basic <key id>:<token>"}
	case tocsin.Forbidden:
		return answer{http.StatusForbidden, "forbidden", "this key has no permission to manage incidents here"}
	case tocsin.NotFound:
		return answer{http.StatusNotFound, "incident_not_found", "there is no such incident that this key may see, or no such path"}
	case tocsin.RateLimited:
		return answer{http.StatusTooManyRequests, "too_many_requests", ""}
	case tocsin.Busy:
		return answer{http.StatusInternalServerError, "internal_error", "the server is overloaded; no change was made; try again"}
	case tocsin.Unknown:
		return answer{http.StatusInternalServerError, "internal_error", "it is not known whether the change was made; read the incident before you try again"}
	case tocsin.Internal:
		return internalAnswer()
	default:
		return internalAnswer()
	}
}

func internalAnswer() answer {
	return answer{http.StatusInternalServerError, "internal_error", "the server failed; its log tells more under this answer's X-Soda-Trace-Id"}
}

// renderError writes an error as this API's clients know it.
func renderError(w http.ResponseWriter, r *http.Request, err error) {
	trace(w, r) // a panic's answer starts with empty headers
	code := tocsin.CodeOf(err)
	ans := answerTo(code)
	var method *httpkit.MethodError
	if errors.As(err, &method) {
		ans.status = http.StatusMethodNotAllowed
	}
	if ans.message == "" {
		ans.message = messageOf(err)
	}
	switch code {
	case tocsin.Unauthenticated:
		w.Header().Set("WWW-Authenticate", challenge)
	case tocsin.RateLimited, tocsin.Busy:
		var e *tocsin.Error
		if errors.As(err, &e) {
			httpkit.RetryAfter(w.Header(), e.RetryAfter)
		}
	}
	_ = httpkit.WriteJSON(w, ans.status, errorBody{ans.code, ans.message}) // an error here is a client that went away
}

// messageOf returns the part of a coded error that was written for callers:
// never its cause, nor what it was wrapped in.
func messageOf(err error) string {
	var coded interface {
		error
		ErrorCode() tocsin.Code
	}
	if !errors.As(err, &coded) {
		return ""
	}
	e, ok := coded.(*tocsin.Error)
	if !ok {
		return coded.Error()
	}
	if len(e.Fields) == 0 {
		return e.Message
	}
	problems := make([]string, 0, len(e.Fields))
	for _, field := range slices.Sorted(maps.Keys(e.Fields)) {
		problems = append(problems, problemOf(field, e.Fields[field]))
	}
	return strings.Join(problems, "; ")
}

// problemOf says what is wrong with a field under the name that it has here.
func problemOf(field, problem string) string {
	switch field {
	case "checks":
		return "monitorResultIds must name checks that this key may see, all in one project"
	case "lead":
		return "leadId must name a user of the organisation"
	}
	if strings.HasPrefix(problem, field) {
		return problem
	}
	return field + ": " + problem
}
