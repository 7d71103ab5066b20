package soda

import (
	"math"
	"net/http"
	"strings"
	"time"

	"tocsin"
	"tocsin/internal/dialect"
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
	p, err := dialect.ParseParameters(r.URL.RawQuery)
	if err != nil {
		return err
	}
	page, query, err := parseQuery(p)
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

// parseQuery returns the number of the page and the query that selects it. Filters
// act on values as this API shows them.
func parseQuery(p dialect.Parameters) (page int, q tocsin.IncidentQuery, err error) {
	page = p.Number("page", 0, 0, math.MaxInt32)
	q.Limit = p.Number("size", defaultSize, 1, maxSize)
	// Beyond what an int32 can number there is no incident, and on 32 bits no int.
	q.Offset = int(min(int64(page)*int64(q.Limit), math.MaxInt32))
	if s, ok := dialect.Parameter(p, "status", statusProblem, parseStatus); ok {
		q.Statuses = shownAs(tocsin.Statuses(), showStatus, s)
	}
	if s, ok := dialect.Parameter(p, "severity", severityProblem, parseSeverity); ok {
		q.Severities = shownAs(tocsin.Severities(), showSeverity, s)
	}
	q.IDs = idList(p, "incidentIds")
	q.Dataset = p.ID("datasetId", &q)
	q.Lead = p.ID("leadId", &q)
	q.From, q.To = timeOf(p, "from"), timeOf(p, "to")
	return page, q, p.Err()
}

// idList returns a comma list of UUIDs, which alone may be repeated.
func idList(p dialect.Parameters, name string) []tocsin.ID {
	values, ok := p.All(name)
	if !ok {
		return nil
	}
	ids := []tocsin.ID{}
	for s := range strings.SplitSeq(strings.Join(values, ","), ",") {
		id, ok := tocsin.ParseID(strings.TrimSpace(s))
		if !ok {
			p.Refuse(name, name+" must be a comma-separated list of UUIDs")
			return nil
		}
		ids = append(ids, id)
	}
	return ids
}

func timeOf(p dialect.Parameters, name string) time.Time {
	t, _ := dialect.Parameter(p, name, name+` must be a time such as 2026-01-31T09:30:00Z (write "+" as %2B) or a date such as 2026-01-31`, parseTime)
	return t
}

// parseTime reads an RFC 3339 time, or a date for its midnight in UTC.
func parseTime(s string) (time.Time, bool) {
	if t, err := time.Parse(time.DateOnly, s); err == nil {
		return notBefore1970(t), true
	}
	t, ok := dialect.ParseTime(s)
	return notBefore1970(t), ok
}

// notBefore1970 keeps a far past from meaning "no limit", as the zero Time does
// in a query. No incident is that old.
func notBefore1970(t time.Time) time.Time {
	if epoch := time.Unix(0, 0); t.Before(epoch) {
		return epoch
	}
	return t
}
