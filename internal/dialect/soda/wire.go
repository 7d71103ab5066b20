package soda

import (
	"net/http"
	"slices"
	"strings"

	"tocsin"
	"tocsin/internal/dialect"
	"tocsin/internal/httpkit"
	"tocsin/internal/strictjson"
)

// incidentBody is an incident as this API shows it.
type incidentBody struct {
	ID              string `json:"id"`
	Number          int32  `json:"number"`
	Name            string `json:"name"`
	Description     string `json:"description"`
	Severity        string `json:"severity"`
	Status          string `json:"status"`
	ResolutionNotes string `json:"resolutionNotes,omitempty"`
	CloudURL        string `json:"cloudUrl"`
}

func (a *api) show(i *tocsin.Incident) incidentBody {
	id := i.ID.String()
	return incidentBody{
		ID: id, Number: i.Number, Name: i.Title, Description: i.Description,
		Severity: string(showSeverity(i.Severity)), Status: statusWord(i.Status),
		ResolutionNotes: i.ResolutionNotes, CloudURL: a.PublicURL + "/incidents/" + id,
	}
}

// rules are what this door adds to the house's own: any status may follow any
// other, and what it shows is what counts as unchanged.
func rules() tocsin.Rules {
	return tocsin.Rules{ShowStatus: showStatus, ShowSeverity: showSeverity}
}

// showStatus folds the statuses that this API does not tell apart.
func showStatus(s tocsin.Status) tocsin.Status {
	if s == tocsin.Closed {
		return tocsin.Resolved
	}
	return s
}

// showSeverity folds the severities that this API does not tell apart.
func showSeverity(s tocsin.Severity) tocsin.Severity {
	if s == tocsin.Warning {
		return tocsin.Minor
	}
	return s
}

// statusWord is this API's word for a status.
func statusWord(s tocsin.Status) string {
	if s == tocsin.Open {
		return "reported"
	}
	return string(showStatus(s))
}

// parseStatus reads a word of statusWords.
func parseStatus(word string) (tocsin.Status, bool) {
	for _, s := range tocsin.Statuses() {
		if statusWord(s) == word {
			return s, true // the first shown so: "resolved" is not closed
		}
	}
	return "", false
}

// parseSeverity reads a word of severityWords.
func parseSeverity(word string) (tocsin.Severity, bool) {
	s := tocsin.Severity(word)
	return s, s.Valid() && showSeverity(s) == s
}

// What an unknown word is answered with.
const (
	statusProblem   = "status must be one of: reported, investigating, fixing, resolved"
	severityProblem = "severity must be one of: minor, major, critical"
)

// shownAs returns all values that are shown as want.
func shownAs[T comparable](values []T, show func(T) T, want T) []T {
	return slices.DeleteFunc(values, func(v T) bool { return show(v) != want })
}

// fields reads a body's members one by one and collects what is wrong with
// them, by name. A member that is null counts as absent: generated clients send
// null for what is not set.
type fields struct {
	object   strictjson.Object
	problems map[string]string
}

// readFields reads a request's body.
func readFields(w http.ResponseWriter, r *http.Request) (fields, error) {
	body, err := httpkit.ReadJSON(w, r, dialect.MaxBody)
	if err != nil {
		return fields{}, err
	}
	object, err := strictjson.Parse(body)
	if err != nil {
		return fields{}, tocsin.Errorf(tocsin.Invalid, "%s", err) // its text holds nothing of the body
	}
	return fields{object: object, problems: make(map[string]string)}, nil
}

func (f fields) get(name string) (strictjson.Value, bool) {
	v, ok := f.object.Get(name)
	return v, ok && !v.IsNull()
}

// text returns a member that must be a string, or nil.
func (f fields) text(name string) *string {
	v, ok := f.get(name)
	if !ok {
		return nil
	}
	s, ok := v.Text()
	if !ok {
		f.problems[name] = name + " must be a string"
		return nil
	}
	return &s
}

// title returns the title, or nil. It must not be blank.
func (f fields) title() *string {
	s := f.text("title")
	if s != nil && strings.TrimSpace(*s) == "" {
		f.problems["title"] = "title must not be blank"
		return nil
	}
	return s
}

func (f fields) status() *tocsin.Status { return word(f, "status", statusProblem, parseStatus) }

func (f fields) severity() *tocsin.Severity {
	return word(f, "severity", severityProblem, parseSeverity)
}

// word returns a member that must be one of a list of words, or nil.
func word[T any](f fields, name, problem string, parse func(string) (T, bool)) *T {
	v, ok := f.get(name)
	if !ok {
		return nil
	}
	s, ok := v.Text()
	parsed, known := parse(s)
	if !ok || !known {
		f.problems[name] = problem
		return nil
	}
	return &parsed
}

// ids returns a member that must be a list of 1 to most UUIDs, or nil.
func (f fields) ids(name string, most int) []tocsin.ID {
	v, ok := f.get(name)
	if !ok {
		return nil
	}
	list, ok := v.List()
	if !ok || len(list) == 0 || len(list) > most {
		f.problems[name] = listProblem(name, most)
		return nil
	}
	ids := make([]tocsin.ID, len(list))
	for i, v := range list {
		s, _ := v.Text()
		if ids[i], ok = tocsin.ParseID(s); !ok {
			f.problems[name] = listProblem(name, most)
			return nil
		}
	}
	return ids
}

// require notes the members that are absent.
func (f fields) require(names ...string) {
	for _, name := range names {
		if _, ok := f.get(name); !ok {
			f.problems[name] = name + " is required"
		}
	}
}
