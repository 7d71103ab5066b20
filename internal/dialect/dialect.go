// Package dialect is the seam for foreign protocols: what a dialect is given
// and what it gives back. A dialect is a folder below this one that owns its
// routes, its authentication, its wire types, its errors and a README of the
// protocol as it is spoken here. It reaches the use cases through the
// interfaces below; it must never see a store, or another dialect.
package dialect

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"tocsin"
	"tocsin/internal/httpkit"
)

// A Dialect is one foreign protocol.
type Dialect struct {
	// Name is the door's name in the log.
	Name string
	// Prefixes are the paths that it owns: each with all that is below it. An
	// unknown path there is answered in the dialect's own shape.
	Prefixes []string
	// New returns the handler of all of them, and how it shows an error.
	New func(Deps) (http.Handler, httpkit.Renderer)
}

// Deps are what a dialect is given.
type Deps struct {
	Access    Access
	Incidents Incidents
	Directory Directory
	// Admit asks whether one more call of an operation by a key fits into a
	// sliding window; it returns how long to wait when it does not.
	Admit func(ctx context.Context, key tocsin.ID, operation string, limit int, window time.Duration) (time.Duration, error)
	// Guard counts failed authentications.
	Guard *httpkit.FailureGuard
	// PublicURL is the server's base address for links, without a final slash.
	PublicURL string
}

// Access checks credentials.
type Access interface {
	// Authenticate returns the actor of a token, or an Unauthenticated error.
	Authenticate(ctx context.Context, token string) (tocsin.Actor, error)
	// AuthenticateKey is Authenticate where the credential names the key too.
	AuthenticateKey(ctx context.Context, keyID, token string) (tocsin.Actor, error)
}

// Incidents are the use cases of incidents; see package incident.
type Incidents interface {
	View(ctx context.Context, actor tocsin.Actor, id tocsin.ID) (*tocsin.Incident, error)
	Manageable(ctx context.Context, actor tocsin.Actor, id tocsin.ID) (*tocsin.Incident, error)
	List(ctx context.Context, actor tocsin.Actor, q tocsin.IncidentQuery) ([]*tocsin.Incident, int, error)
	Create(ctx context.Context, actor tocsin.Actor, d tocsin.Draft) (*tocsin.Incident, error)
	Update(ctx context.Context, actor tocsin.Actor, id tocsin.ID, p tocsin.Patch, rules tocsin.Rules) (*tocsin.Incident, error)
	Comment(ctx context.Context, actor tocsin.Actor, id tocsin.ID, message string) (*tocsin.Comment, error)
	History(ctx context.Context, actor tocsin.Actor, id tocsin.ID) ([]tocsin.Entry, error)
}

// Directory reads what incidents live in.
type Directory interface {
	Organisation(ctx context.Context, actor tocsin.Actor) (*tocsin.Organisation, error)
	User(ctx context.Context, actor tocsin.Actor, id tocsin.ID) (*tocsin.User, error)
}

// MaxBody is the most bytes of a body, in both contracts.
const MaxBody = 1 << 20

// Identify gives an actor the request that he came with, and the request's log
// line the actor.
func Identify(r *http.Request, actor tocsin.Actor, door string) tocsin.Actor {
	event := httpkit.EventOf(r.Context())
	actor.Door, actor.Request, actor.Agent = door, event.RequestID(), cut(r.UserAgent(), 200)
	event.Set(slog.String("org", actor.Org.String()), slog.String("key", actor.Key.String()))
	if a := httpkit.Address(r.Context()); a.IsValid() {
		actor.Address = a.String()
	}
	return actor
}

// cut shortens a text to n bytes of valid UTF-8.
func cut(s string, n int) string {
	if len(s) > n {
		s = s[:n]
	}
	return strings.ToValidUTF8(s, "")
}

// Failed notes a failed authentication and returns the error to answer: err,
// or RateLimited once its address has failed too often.
func Failed(r *http.Request, guard *httpkit.FailureGuard, err error) error {
	if tocsin.CodeOf(err) != tocsin.Unauthenticated {
		return err
	}
	if wait, refuse := guard.Failed(httpkit.Address(r.Context())); refuse {
		return &tocsin.Error{Code: tocsin.RateLimited, Message: "too many failed attempts from this address", RetryAfter: wait}
	}
	return err
}
