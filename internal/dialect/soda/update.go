package soda

import (
	"log/slog"
	"net/http"

	"tocsin"
	"tocsin/internal/httpkit"
)

// update changes what the body names and answers with the incident as it is
// now. Who may is asked before the body is looked at, so that a fault in the
// body tells nothing to somebody who may not see the incident.
func (a *api) update(w http.ResponseWriter, r *http.Request, actor tocsin.Actor) error {
	id, ok := tocsin.ParseID(r.PathValue("incidentId"))
	if !ok {
		return tocsin.Errorf(tocsin.NotFound, "the path's incident id is not a UUID")
	}
	httpkit.EventOf(r.Context()).Set(slog.String("incident", id.String()))
	if _, err := a.Incidents.Manageable(r.Context(), actor, id); err != nil {
		return err
	}
	f, err := readFields(w, r)
	if err != nil {
		return err
	}
	patch, err := f.patch()
	if err != nil {
		return err
	}
	changed, err := a.Incidents.Update(r.Context(), actor, id, patch, rules())
	if err != nil {
		return err
	}
	return httpkit.WriteJSON(w, http.StatusOK, a.show(changed))
}

// patch is the change that the body asks for, or what is wrong with it.
func (f fields) patch() (tocsin.Patch, error) {
	p := tocsin.Patch{
		Title:           f.title(),
		Description:     f.text("description"),
		ResolutionNotes: f.text("resolutionNotes"),
		Severity:        f.severity(),
		Status:          f.status(),
	}
	return p, tocsin.InvalidFields(f.problems)
}
