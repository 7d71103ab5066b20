package soda

import (
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"tocsin"
	"tocsin/internal/httpkit"
)

// pageBody is one page of a list. Number counts pages from 0, and Size is what
// was asked for, not what came.
type pageBody struct {
	Content       []incidentBody `json:"content"`
	First         bool           `json:"first"`
	Last          bool           `json:"last"`
	Number        int            `json:"number"`
	Size          int            `json:"size"`
	TotalElements int            `json:"totalElements"`
	TotalPages    int            `json:"totalPages"`
}

const (
	defaultSize = 10
	maxSize     = 1000
)

// list answers with one page of the incidents that the caller may see, by
// number.
func (a *api) list(w http.ResponseWriter, r *http.Request, actor tocsin.Actor) error {
	p, err := newParameters(r.URL.RawQuery)
	if err != nil {
		return err
	}
	page, query, err := p.query()
	if err != nil {
		return err
	}
	found, total, err := a.Incidents.List(r.Context(), actor, query)
	if err != nil {
		return err
	}
	body := pageBody{
		Content: make([]incidentBody, len(found)), Number: page, Size: query.Limit,
		TotalElements: total, TotalPages: (total + query.Limit - 1) / query.Limit,
	}
	body.First, body.Last = page == 0, page >= body.TotalPages-1
	for i, inc := range found {
		body.Content[i] = a.show(inc)
	}
	return httpkit.WriteJSON(w, http.StatusOK, body)
}

// parameters reads a query string's parameters one by one and collects what is
// wrong with them, by name. Unknown ones are ignored.
type parameters struct {
	values   url.Values
	problems map[string]string
}

func newParameters(rawQuery string) (parameters, error) {
	values, err := url.ParseQuery(rawQuery)
	if err != nil {
		return parameters{}, tocsin.Errorf(tocsin.Invalid, "the query string is malformed; percent-encode its values")
	}
	return parameters{values: values, problems: make(map[string]string)}, nil
}

// query returns the number of the page and the query that selects it. Filters
// act on values as this API shows them.
func (p parameters) query() (page int, q tocsin.IncidentQuery, err error) {
	page = p.number("page", 0, 0, math.MaxInt32)
	q.Limit = p.number("size", defaultSize, 1, maxSize)
	// Beyond what an int32 can number there is no incident, and on 32 bits no int.
	q.Offset = int(min(int64(page)*int64(q.Limit), math.MaxInt32))
	if s, ok := filter(p, "status", statusProblem, parseStatus); ok {
		q.Statuses = shownAs(tocsin.Statuses(), showStatus, s)
	}
	if s, ok := filter(p, "severity", severityProblem, parseSeverity); ok {
		q.Severities = shownAs(tocsin.Severities(), showSeverity, s)
	}
	q.IDs = p.idList("incidentIds")
	q.Dataset = p.id("datasetId", &q)
	q.Lead = p.id("leadId", &q)
	q.From, q.To = p.time("from"), p.time("to")
	return page, q, tocsin.InvalidFields(p.problems)
}

// one returns a parameter that may come once.
func (p parameters) one(name string) (string, bool) {
	values := p.values[name]
	if len(values) > 1 {
		p.problems[name] = name + " must not be repeated"
	}
	return strings.Join(values, ""), len(values) == 1
}

// filter returns a parameter as parse reads it.
func filter[T any](p parameters, name, problem string, parse func(string) (T, bool)) (T, bool) {
	var none T
	s, ok := p.one(name)
	if !ok {
		return none, false
	}
	v, ok := parse(s)
	if !ok {
		p.problems[name] = problem
		return none, false
	}
	return v, true
}

func (p parameters) number(name string, absent, least, most int) int {
	problem := name + " must be a whole number from " + strconv.Itoa(least) + " to " + strconv.Itoa(most)
	n, ok := filter(p, name, problem, func(s string) (int, bool) {
		n, err := strconv.ParseUint(s, 10, 31) // takes no sign
		return int(n), err == nil && int(n) >= least && int(n) <= most
	})
	if !ok {
		return absent
	}
	return n
}

// id returns a parameter that is a UUID. The nil UUID names nothing, but in a
// query it would not narrow: it makes q select nothing.
func (p parameters) id(name string, q *tocsin.IncidentQuery) tocsin.ID {
	id, ok := filter(p, name, name+" must be a UUID", tocsin.ParseID)
	if ok && id.IsZero() {
		q.IDs = []tocsin.ID{{}}
	}
	return id
}

// idList returns a comma list of UUIDs, which alone may be repeated.
func (p parameters) idList(name string) []tocsin.ID {
	values, ok := p.values[name]
	if !ok {
		return nil
	}
	ids := []tocsin.ID{}
	for s := range strings.SplitSeq(strings.Join(values, ","), ",") {
		id, ok := tocsin.ParseID(strings.TrimSpace(s))
		if !ok {
			p.problems[name] = name + " must be a comma-separated list of UUIDs"
			return nil
		}
		ids = append(ids, id)
	}
	return ids
}

func (p parameters) time(name string) time.Time {
	t, _ := filter(p, name, name+` must be a time such as 2026-01-31T09:30:00Z (write "+" as %2B) or a date such as 2026-01-31`, parseTime)
	return t
}

// parseTime reads an RFC 3339 time, or a date for its midnight in UTC.
func parseTime(s string) (time.Time, bool) {
	if t, err := time.Parse(time.DateOnly, s); err == nil {
		return notBefore1970(t), true
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}, false
	}
	// Parse also takes an hour of one digit and a decimal comma; RFC 3339 does not.
	strict := s[len("2006-01-02T15")] == ':' && s[len("2006-01-02T15:04:05")] != ','
	return notBefore1970(t), strict
}

// notBefore1970 keeps a far past from meaning "no limit", as the zero Time does
// in a query. No incident is that old.
func notBefore1970(t time.Time) time.Time {
	if epoch := time.Unix(0, 0); t.Before(epoch) {
		return epoch
	}
	return t
}
