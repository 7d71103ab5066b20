package app

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"tocsin"
	"tocsin/internal/api"
	"tocsin/internal/api/reference"
	"tocsin/internal/dialect"
	"tocsin/internal/dialect/soda"
	"tocsin/internal/dialect/uptimeio"
	"tocsin/internal/httpkit"
	"tocsin/internal/store"
)

// dialects lists every dialect; a test holds it against the folders.
func dialects() []dialect.Dialect {
	return []dialect.Dialect{
		soda.Dialect(),
		uptimeio.Dialect(),
	}
}

// Failed authentications from one address: so many in a minute (Soda contract).
const (
	maxFailures    = 60
	failuresWindow = time.Minute
)

// A door is one of the server's ways in: the paths below its prefixes.
type door struct {
	prefixes []string
	handler  http.Handler
	render   httpkit.Renderer
}

// owns reports whether a path is the door's.
func (d door) owns(path string) bool {
	for _, p := range d.prefixes {
		if path == p || strings.HasPrefix(path, p+"/") {
			return true
		}
	}
	return false
}

// handler mounts every door. A path that no door owns is a neutral 404.
func (a *App) handler() (http.Handler, error) {
	deps := dialect.Deps{
		Access: a.Access, Incidents: a.Incidents, Directory: a.Directory, Admit: a.Store.Admit,
		Guard:     httpkit.NewFailureGuard(maxFailures, failuresWindow, time.Now),
		PublicURL: a.opts.PublicURL,
	}
	native, err := a.native(deps.Guard)
	if err != nil {
		return nil, err
	}
	doors := []door{native}
	for _, d := range dialects() {
		handler, render := d.New(deps)
		doors = append(doors, door{prefixes: d.Prefixes, handler: handler, render: render})
	}
	neutral := door{handler: a.operations(), render: renderNeutral}
	choose := func(r *http.Request) door {
		for _, d := range doors {
			if d.owns(r.URL.Path) {
				return d
			}
		}
		return neutral
	}
	return httpkit.Wrap(
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { choose(r).handler.ServeHTTP(w, r) }),
		func(w http.ResponseWriter, r *http.Request, err error) { choose(r).render(w, r, err) },
		httpkit.Options{
			Logger:         a.opts.Logger,
			NewRequestID:   func() string { return NewID().String() },
			TrustedProxies: a.opts.TrustedProxies,
			Now:            time.Now,
			Observe:        a.metrics.Request,
		},
	), nil
}

// native is the door of the native API and of its reference.
func (a *App) native(guard *httpkit.FailureGuard) (door, error) {
	docs, err := reference.New(a.opts.PublicURL)
	if err != nil {
		return door{}, err
	}
	handler, render := api.New(api.Deps{
		Access: a.Access, Members: a.Access, Directory: a.Directory, Incidents: a.Incidents, Audit: a.Audit,
		Rights: a.Store.Access,
		Entries: func(ctx context.Context, actor tocsin.Actor, kind tocsin.Kind, id tocsin.ID, version int64) ([]tocsin.Entry, error) {
			return a.Store.HistoryAfter(ctx, actor.Org, store.Key{Kind: kind, ID: id}, version)
		},
		Guard: guard, Docs: docs, PublicURL: a.opts.PublicURL, CursorKey: a.Store.Secret(), Now: time.Now, RateLimit: a.opts.RateLimit,
	})
	return door{prefixes: api.Prefixes(), handler: handler, render: render}, nil
}

// operations are the paths for those who run the server.
func (a *App) operations() http.Handler {
	metrics := a.metrics.Handler()
	return httpkit.NewMux(renderNeutral,
		httpkit.Route{Method: "GET", Pattern: "/healthz", Handle: func(w http.ResponseWriter, _ *http.Request) error {
			return httpkit.WriteJSON(w, http.StatusOK, health{Status: "ok"})
		}},
		httpkit.Route{Method: "GET", Pattern: "/readyz", Handle: func(w http.ResponseWriter, r *http.Request) error {
			if err := a.ready(r.Context()); err != nil {
				return err
			}
			return httpkit.WriteJSON(w, http.StatusOK, health{Status: "ready"})
		}},
		httpkit.Route{Method: "GET", Pattern: "/metrics", Handle: func(w http.ResponseWriter, r *http.Request) error {
			metrics.ServeHTTP(w, r)
			return nil
		}},
	)
}

type health struct {
	Status string `json:"status"`
	Error  string `json:"error,omitempty"`
}

// renderNeutral answers where no dialect owns the path.
func renderNeutral(w http.ResponseWriter, r *http.Request, err error) {
	status, text := http.StatusInternalServerError, "internal error"
	var method *httpkit.MethodError
	switch code := tocsin.CodeOf(err); {
	case errors.As(err, &method):
		status, text = http.StatusMethodNotAllowed, "this method is not allowed here"
	case code == tocsin.NotFound:
		status, text = http.StatusNotFound, "there is nothing here"
	case code == tocsin.Busy:
		status, text = http.StatusServiceUnavailable, "not ready"
	}
	var own *tocsin.Error
	if errors.As(err, &own) && own.Code == tocsin.Busy {
		text = "not ready: " + own.Message
	}
	if own != nil && own.RetryAfter > 0 {
		httpkit.RetryAfter(w.Header(), own.RetryAfter)
	}
	if status >= http.StatusInternalServerError {
		httpkit.EventOf(r.Context()).SetError(err)
	}
	if err := httpkit.WriteJSON(w, status, health{Status: "error", Error: text}); err != nil {
		httpkit.EventOf(r.Context()).SetError(err)
	}
}
