// Package uptimeio speaks the UptimeIO incident API, so that clients written
// for it work after a change of host and key. README.md in this folder is the
// protocol as spoken here. The package must never hold a rule about incidents
// that is not this dialect's own.
package uptimeio

import (
	"log/slog"
	"math"
	"net/http"

	"tocsin"
	"tocsin/internal/dialect"
	"tocsin/internal/httpkit"
)

const name = "uptimeio"

// Dialect returns the dialect's entry in the server's list.
func Dialect() dialect.Dialect {
	return dialect.Dialect{
		Name:     name,
		Prefixes: []string{"/api/incidents"},
		New: func(d dialect.Deps) (http.Handler, httpkit.Renderer) {
			s := server{d}
			return httpkit.NewMux(renderError,
				httpkit.Route{Method: "POST", Pattern: "/api/incidents", Handle: s.create},
				httpkit.Route{Method: "GET", Pattern: "/api/incidents", Handle: s.list},
				httpkit.Route{Method: "GET", Pattern: "/api/incidents/{id}", Handle: s.get},
				httpkit.Route{Method: "PUT", Pattern: "/api/incidents/{id}", Handle: s.update},
				httpkit.Route{Method: "PUT", Pattern: "/api/incidents/{id}/status", Handle: s.setStatus},
				httpkit.Route{Method: "POST", Pattern: "/api/incidents/{id}/acknowledge", Handle: s.acknowledge},
				httpkit.Route{Method: "GET", Pattern: "/api/incidents/{id}/updates", Handle: s.updates},
				httpkit.Route{Method: "POST", Pattern: "/api/incidents/{id}/updates", Handle: s.comment},
			), renderError
		},
	}
}

type server struct{ dialect.Deps }

// actor authenticates a request by its X-API-Key, which must be of a project.
func (s server) actor(r *http.Request) (tocsin.Actor, error) {
	token, ok := dialect.Credential(r.Header, "X-API-Key")
	if !ok {
		return tocsin.Actor{}, dialect.Failed(r, s.Guard, tocsin.Errorf(tocsin.Unauthenticated, "there is no single X-API-Key"))
	}
	actor, err := s.Access.Authenticate(r.Context(), token)
	if err == nil && actor.Project.IsZero() {
		err = tocsin.Errorf(tocsin.Unauthenticated, "the key is not of a project")
	}
	if err != nil {
		return tocsin.Actor{}, dialect.Failed(r, s.Guard, err)
	}
	return dialect.Identify(r, actor, name), nil
}

// incident authenticates a request and finds the incident that its path names.
func (s server) incident(r *http.Request, manage bool) (tocsin.Actor, *tocsin.Incident, error) {
	actor, err := s.actor(r)
	if err != nil {
		return actor, nil, err
	}
	id, ok := tocsin.ParseID(r.PathValue("id"))
	if !ok {
		return actor, nil, tocsin.Errorf(tocsin.NotFound, "no such incident")
	}
	httpkit.EventOf(r.Context()).Set(slog.String("incident", id.String()))
	find := s.Incidents.View
	if manage {
		find = s.Incidents.Manageable
	}
	inc, err := find(r.Context(), actor, id)
	return actor, inc, err
}

func (s server) get(w http.ResponseWriter, r *http.Request) error {
	_, inc, err := s.incident(r, false)
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, incidentData{Incident: toWire(inc)})
}

// update is the seed's operation.
func (s server) update(w http.ResponseWriter, r *http.Request) error {
	return s.change(w, r, (*body).patch, tocsin.Rules{Final: final})
}

func (s server) setStatus(w http.ResponseWriter, r *http.Request) error {
	return s.change(w, r, (*body).statusPatch, tocsin.Rules{Moves: moves})
}

// change applies the patch that read makes of the body, under the rules.
func (s server) change(w http.ResponseWriter, r *http.Request, read func(*body) (tocsin.Patch, error), rules tocsin.Rules) error {
	actor, inc, err := s.incident(r, true)
	if err != nil {
		return err
	}
	b, err := readBody(w, r)
	if err != nil {
		return err
	}
	patch, err := read(b)
	if err != nil {
		return err
	}
	inc, err = s.Incidents.Update(r.Context(), actor, inc.ID, patch, rules)
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, incidentData{Incident: toWire(inc)})
}

// acknowledge takes no body.
func (s server) acknowledge(w http.ResponseWriter, r *http.Request) error {
	actor, inc, err := s.incident(r, true)
	if err != nil {
		return err
	}
	to := tocsin.Investigating
	inc, err = s.Incidents.Update(r.Context(), actor, inc.ID, tocsin.Patch{Status: &to, Lead: &actor.User}, tocsin.Rules{Moves: moves})
	if err != nil {
		return err
	}
	seconds := int64(inc.AcknowledgedAt.Sub(inc.StartedAt).Seconds())
	return reply(w, http.StatusOK, acknowledgedData{
		Incident:            acknowledgedIncident{incidentWire: toWire(inc), AcknowledgedAt: inc.AcknowledgedAt.UnixMilli()},
		RecoveryTimeSeconds: seconds,
	})
}

func (s server) create(w http.ResponseWriter, r *http.Request) error {
	actor, err := s.actor(r)
	if err != nil {
		return err
	}
	body, err := readBody(w, r)
	if err != nil {
		return err
	}
	draft, err := body.draft(actor.Project)
	if err != nil {
		return err
	}
	inc, err := s.Incidents.Create(r.Context(), actor, draft)
	if err != nil {
		return err
	}
	httpkit.EventOf(r.Context()).Set(slog.String("incident", inc.ID.String()))
	return reply(w, http.StatusCreated, incidentData{Incident: toWire(inc)})
}

func (s server) list(w http.ResponseWriter, r *http.Request) error {
	actor, err := s.actor(r)
	if err != nil {
		return err
	}
	p, err := dialect.ParseParameters(r.URL.RawQuery)
	if err != nil {
		return err
	}
	page, q, err := parseQuery(p)
	if err != nil {
		return err
	}
	found, total, err := s.Incidents.List(r.Context(), actor, q)
	if err != nil {
		return err
	}
	data := listData{
		Incidents:  make([]incidentWire, len(found)),
		Pagination: pagination{Page: page, Limit: q.Limit, Total: total, TotalPages: (total + q.Limit - 1) / q.Limit},
	}
	for i, inc := range found {
		data.Incidents[i] = toWire(inc)
	}
	return reply(w, http.StatusOK, data)
}

func (s server) comment(w http.ResponseWriter, r *http.Request) error {
	actor, inc, err := s.incident(r, true)
	if err != nil {
		return err
	}
	body, err := readBody(w, r)
	if err != nil {
		return err
	}
	message, err := body.message()
	if err != nil {
		return err
	}
	c, err := s.Incidents.Comment(r.Context(), actor, inc.ID, message)
	if err != nil {
		return err
	}
	row := updateRow{
		ID: c.ID.String(), IncidentID: inc.ID.String(), Action: "comment_added",
		Message: &c.Message, CreatedAt: isoTime(c.CreatedAt), Metadata: map[string]string{},
	}
	people := people{directory: s.Directory, actor: actor}
	if err := people.sign(r.Context(), &row, c.Author); err != nil {
		return err
	}
	return reply(w, http.StatusCreated, row)
}

func (s server) updates(w http.ResponseWriter, r *http.Request) error {
	actor, inc, err := s.incident(r, false)
	if err != nil {
		return err
	}
	p, err := dialect.ParseParameters(r.URL.RawQuery)
	if err != nil {
		return err
	}
	limit := p.Number("limit", 0, 1, math.MaxInt32)
	if err := p.Err(); err != nil {
		return err
	}
	entries, err := s.Incidents.History(r.Context(), actor, inc.ID)
	if err != nil {
		return err
	}
	people := people{directory: s.Directory, actor: actor}
	rows := []updateRow{}
	for i := len(entries) - 1; i >= 0 && (limit == 0 || len(rows) < limit); i-- {
		for _, row := range rowsOf(entries[i]) {
			if err := people.sign(r.Context(), &row, entries[i].User); err != nil {
				return err
			}
			rows = append(rows, row)
		}
	}
	if limit > 0 && len(rows) > limit {
		rows = rows[:limit]
	}
	return reply(w, http.StatusOK, rows)
}
