package soda

import (
	"log/slog"
	"net/http"
	"strconv"

	"tocsin"
	"tocsin/internal/httpkit"
)

// maxChecks is how many checks one incident may be opened on: each of them is
// read under the organisation's lock.
const maxChecks = 1000

// create opens an incident on the named checks, which say in which project it
// lies and what data it concerns. The answer is 200, not 201.
func (a *api) create(w http.ResponseWriter, r *http.Request, actor tocsin.Actor) error {
	f, err := readFields(w, r)
	if err != nil {
		return err
	}
	draft, err := f.draft()
	if err != nil {
		return err
	}
	made, err := a.Incidents.Create(r.Context(), actor, draft)
	if err != nil {
		return err
	}
	httpkit.EventOf(r.Context()).Set(slog.String("incident", made.ID.String()))
	return httpkit.WriteJSON(w, http.StatusOK, a.show(made))
}

// draft is the incident that the body asks for, or what is wrong with it.
func (f fields) draft() (tocsin.Draft, error) {
	f.require("title", "description", "severity", "monitorResultIds")
	d := tocsin.Draft{
		Source:          tocsin.FromManual,
		Title:           valueOf(f.title()),
		Description:     valueOf(f.text("description")),
		Severity:        valueOf(f.severity()),
		Status:          valueOf(f.status()),
		ResolutionNotes: valueOf(f.text("resolutionNotes")),
		Checks:          f.ids("monitorResultIds", maxChecks),
		Lead:            valueOf(word(f, "leadId", leadProblem, parseObjectID)),
	}
	return d, tocsin.InvalidFields(f.problems)
}

const leadProblem = "leadId must be the UUID of a user of the organisation"

// parseObjectID reads the UUID of an object: the nil UUID is nobody's.
func parseObjectID(s string) (tocsin.ID, bool) {
	id, ok := tocsin.ParseID(s)
	return id, ok && !id.IsZero()
}

func listProblem(name string, most int) string {
	return name + " must be a list of 1 to " + strconv.Itoa(most) + " UUIDs"
}

// valueOf returns what p points to, or the zero value.
func valueOf[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}
