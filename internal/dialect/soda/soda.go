// Package soda is the Soda Cloud dialect: a client written for that product's
// incident API works against Tocsin after changing only the host and the key.
// README.md tells the protocol as it is spoken here.
//
// It must never decide what may happen to an incident (that is package
// incident's), see a store or another dialect, or show the text of an error
// that was not written for a caller.
package soda

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"tocsin"
	"tocsin/internal/dialect"
	"tocsin/internal/httpkit"
)

// doorName is the door's name in the log, and the prefix of its operations' names
// in the limiter.
const doorName = "soda"

// Dialect returns the Soda Cloud dialect. It owns all of /api/v1.
func Dialect() dialect.Dialect {
	return dialect.Dialect{Name: doorName, Prefixes: []string{"/api/v1"}, New: newHandler}
}

func newHandler(deps dialect.Deps) (http.Handler, httpkit.Renderer) {
	a := &api{Deps: deps}
	route := func(method, pattern, operation string, limit int, window time.Duration, do action) httpkit.Route {
		return httpkit.Route{Method: method, Pattern: pattern, Handle: a.guarded(quota{doorName + "." + operation, limit, window}, do)}
	}
	mux := httpkit.NewMux(renderError,
		route(http.MethodPost, "/api/v1/incidents/{incidentId}", "update", 10, time.Minute, a.update),
		route(http.MethodPost, "/api/v1/incidents", "create", 10, time.Minute, a.create),
		route(http.MethodGet, "/api/v1/incidents", "list", 60, time.Minute, a.list),
		route(http.MethodGet, "/api/v1/test-login", "test-login", 10, 10*time.Second, a.testLogin),
	)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		trace(w, r)
		mux.ServeHTTP(w, r)
	}), renderError
}

// trace puts the request id where this API's clients look for it.
func trace(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Soda-Trace-Id", httpkit.EventOf(r.Context()).RequestID())
}

type api struct{ dialect.Deps }

// An action is an operation for a known actor.
type action func(w http.ResponseWriter, r *http.Request, actor tocsin.Actor) error

// A quota is how many calls of an operation a key has in any window.
type quota struct {
	operation string
	limit     int
	window    time.Duration
}

// guarded puts in front of an action what comes first in every operation: who
// asks (401), then whether he asks too often (429).
func (a *api) guarded(q quota, do action) httpkit.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		actor, err := a.authenticate(r)
		if err != nil {
			return dialect.Failed(r, a.Guard, err)
		}
		actor = dialect.Identify(r, actor, doorName)
		if err := a.admit(r.Context(), actor, q); err != nil {
			return err
		}
		return do(w, r, actor)
	}
}

// admit counts the call. A limiter that is down stops nobody: an incident must
// be changeable then, too.
func (a *api) admit(ctx context.Context, actor tocsin.Actor, q quota) error {
	wait, err := a.Admit(ctx, actor.Key, q.operation, q.limit, q.window)
	switch {
	case err != nil:
		httpkit.EventOf(ctx).Set(slog.String("limiter_error", err.Error()))
		return nil
	case wait > 0:
		refused := tocsin.Errorf(tocsin.RateLimited, "too many calls of this operation: at most %d in any %d seconds", q.limit, q.window/time.Second)
		refused.RetryAfter = wait
		return refused
	default:
		return nil
	}
}

type loginBody struct {
	OrganisationName string `json:"organisationName"`
}

// testLogin lets a client try its key.
func (a *api) testLogin(w http.ResponseWriter, r *http.Request, actor tocsin.Actor) error {
	org, err := a.Directory.Organisation(r.Context(), actor)
	if err != nil {
		return err
	}
	return httpkit.WriteJSON(w, http.StatusOK, loginBody{OrganisationName: org.Name})
}
