// Package api is the native REST API: the routes under /v1, and the OpenAPI 3.1
// document that describes them.
//
// An operation is declared once, as an Operation with the Go types that it
// takes and gives. From that one declaration come the route, the check of the
// request, the document and the table of who may call what.
//
// The package must never hold a rule about incidents or people, reach a store,
// or read a cookie.
package api

import (
	"context"
	"net/http"
	"time"

	"tocsin"
	"tocsin/internal/httpkit"
)

// door is the API's name in the log.
const door = "api"

// Deps are what the API is given.
type Deps struct {
	Access    Access
	Members   Members
	Directory Directory
	Incidents Incidents
	Audit     Audit

	// Rights returns what a key may do now, with the key and its owner.
	Rights func(ctx context.Context, key tocsin.ID) (*tocsin.Access, error)
	// Entries returns the log entries of an object that the actor was shown, from
	// the version behind the given one on, oldest first.
	Entries func(ctx context.Context, actor tocsin.Actor, kind tocsin.Kind, id tocsin.ID, version int64) ([]tocsin.Entry, error)
	// Guard counts failed authentications.
	Guard *httpkit.FailureGuard
	// Docs serves what lies below /docs; nil for nothing.
	Docs http.Handler
	// PublicURL is the server's base address for links, without a final slash.
	PublicURL string
	// CursorKey signs the cursors of lists. Nodes that serve the same clients
	// have the same.
	CursorKey [32]byte
	// Now is the clock of the rate limit.
	Now func() time.Time
	// RateLimit is how many requests a minute a key may make; 0 for any number.
	RateLimit int
}

// Access checks credentials.
type Access interface {
	// Authenticate returns the actor of a token, or an Unauthenticated error.
	Authenticate(ctx context.Context, token string) (tocsin.Actor, error)
}

// Incidents are the use cases of incidents; see package incident.
type Incidents interface {
	View(ctx context.Context, actor tocsin.Actor, id tocsin.ID) (*tocsin.Incident, error)
	Manageable(ctx context.Context, actor tocsin.Actor, id tocsin.ID) (*tocsin.Incident, error)
	Page(ctx context.Context, actor tocsin.Actor, q tocsin.IncidentQuery) ([]*tocsin.Incident, error)
	Create(ctx context.Context, actor tocsin.Actor, d tocsin.Draft) (*tocsin.Incident, error)
	Update(ctx context.Context, actor tocsin.Actor, id tocsin.ID, p tocsin.Patch, rules tocsin.Rules) (*tocsin.Incident, error)
	AddLink(ctx context.Context, actor tocsin.Actor, id tocsin.ID, url, title string) (*tocsin.Incident, error)
	RemoveLink(ctx context.Context, actor tocsin.Actor, id, link tocsin.ID) (*tocsin.Incident, error)
	Comment(ctx context.Context, actor tocsin.Actor, id tocsin.ID, message string) (*tocsin.Comment, error)
	CommentsAfter(ctx context.Context, actor tocsin.Actor, id tocsin.ID, after int64, limit int) ([]*tocsin.Comment, error)
	HistoryAfter(ctx context.Context, actor tocsin.Actor, id tocsin.ID, version int64) ([]tocsin.Entry, error)
	AtVersion(ctx context.Context, actor tocsin.Actor, id tocsin.ID, version int64) (*tocsin.Incident, []string, error)
	AtTime(ctx context.Context, actor tocsin.Actor, id tocsin.ID, at time.Time) (*tocsin.Incident, []string, error)
}

// Prefixes are the paths that the API owns: each with all that is below it.
func Prefixes() []string { return []string{"/v1", "/openapi.json", "/docs"} }

// New returns the handler of all of them, and how it shows an error.
func New(d Deps) (http.Handler, httpkit.Renderer) {
	c := newCore(d)
	routes := make([]httpkit.Route, 0, 64)
	for _, e := range c.endpoints() {
		routes = append(routes, httpkit.Route{Method: e.Method, Pattern: e.Path, Handle: e.bind(c)})
	}
	routes = append(routes, httpkit.Route{Method: http.MethodGet, Pattern: "/openapi.json", Handle: c.serveDocument()})
	if d.Docs != nil {
		routes = append(routes, httpkit.Route{Method: http.MethodGet, Pattern: "/docs/{page...}", Handle: func(w http.ResponseWriter, r *http.Request) error {
			d.Docs.ServeHTTP(w, r)
			return nil
		}})
	}
	return httpkit.NewMux(c.render, routes...), c.render
}

// Operations lists every operation of the API, for those who document or test
// all of them.
func Operations() []Operation {
	endpoints := (&core{}).endpoints()
	ops := make([]Operation, len(endpoints))
	for i, e := range endpoints {
		ops[i] = e.Operation
	}
	return ops
}
