package uptimeio

import (
	"errors"
	"net/http"

	"tocsin"
	"tocsin/internal/httpkit"
)

type errorEnvelope struct {
	Success bool      `json:"success"`
	Error   errorWire `json:"error"`
}

type errorWire struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Details any    `json:"details"`
}

// transitionDetails are the details of a move that the lifecycle does not have.
type transitionDetails struct {
	FromStatus       string   `json:"fromStatus"`
	ToStatus         string   `json:"toStatus"`
	ValidTransitions []string `json:"validTransitions"`
}

// An answer is how a code is shown. Its message stands for the error's own
// where that is not for the caller.
type answer struct {
	status  int
	code    string
	message string
}

// answerTo is the one table from our codes to this dialect's.
func answerTo(code tocsin.Code) answer {
	switch code {
	case tocsin.Invalid:
		return answer{http.StatusBadRequest, "VALIDATION_ERROR", "Invalid request parameters"}
	case tocsin.Conflict, tocsin.Exhausted, tocsin.Stale, tocsin.PreconditionRequired, tocsin.KeyReused:
		return answer{http.StatusBadRequest, "VALIDATION_ERROR", ""}
	case tocsin.Unauthenticated:
		return answer{http.StatusUnauthorized, "UNAUTHORIZED", "Authentication failed or invalid credentials"}
	case tocsin.Forbidden:
		return answer{http.StatusForbidden, "FORBIDDEN", "This API key may not change incidents"}
	case tocsin.NotFound:
		return answer{http.StatusNotFound, "NOT_FOUND", "Incident not found or not accessible in current project"}
	case tocsin.RateLimited:
		return answer{http.StatusTooManyRequests, "RATE_LIMITED", ""}
	case tocsin.Busy:
		return answer{http.StatusInternalServerError, "INTERNAL_ERROR", "The server is busy and the request was not carried out; try again"}
	case tocsin.Unknown:
		return answer{http.StatusInternalServerError, "INTERNAL_ERROR", "The outcome of the request is not known; read the incident before trying again"}
	case tocsin.Internal:
		return internalAnswer()
	default:
		return internalAnswer()
	}
}

func internalAnswer() answer {
	return answer{http.StatusInternalServerError, "INTERNAL_ERROR", "Server error"}
}

// challenge is the WWW-Authenticate of every 401.
const challenge = `ApiKey realm="Tocsin"`

// renderError writes an error in the dialect's envelope.
func renderError(w http.ResponseWriter, _ *http.Request, err error) {
	code := tocsin.CodeOf(err)
	a := answerTo(code)
	out := errorWire{Code: a.code, Message: a.message, Details: struct{}{}}
	var (
		own    *tocsin.Error
		move   *tocsin.TransitionError
		method *httpkit.MethodError
		body   *httpkit.BodyError
	)
	switch {
	case errors.As(err, &method):
		a.status, out.Code, out.Message = http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED", "This method is not allowed here"
	case errors.As(err, &body):
		out.Details = map[string]string{"body": body.Reason}
	case errors.As(err, &move):
		details := transitionDetails{FromStatus: shown(move.From), ToStatus: shown(move.To), ValidTransitions: []string{}}
		for _, s := range move.Allowed {
			details.ValidTransitions = append(details.ValidTransitions, shown(s))
		}
		out.Message, out.Details = "Invalid status transition", details
	case errors.As(err, &own):
		if out.Message == "" {
			out.Message = own.Message
		}
		if own.Fields != nil {
			out.Details = wireFields(own.Fields)
		}
		if code == tocsin.RateLimited || code == tocsin.Busy {
			httpkit.RetryAfter(w.Header(), own.RetryAfter)
		}
	}
	if code == tocsin.Unauthenticated {
		w.Header().Set("WWW-Authenticate", challenge)
	}
	_ = httpkit.WriteJSON(w, a.status, errorEnvelope{Error: out}) // an error here is a client that went away
}

// wireFields gives the use cases' fields this dialect's names.
func wireFields(fields map[string]string) map[string]string {
	names := map[string]string{"lead": "assignee_id", "checks": "check_id"}
	messages := map[string]string{
		"lead":   "assignee_id must be a user of the organization",
		"checks": "check_id must be a check of this project",
	}
	out := make(map[string]string, len(fields))
	for field, message := range fields {
		if name, renamed := names[field]; renamed {
			field, message = name, messages[field]
		}
		out[field] = message
	}
	return out
}
