package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tocsin"
)

// SortField is what incidents can be sorted by, on the wire.
type SortField string

// Schema lists the fields.
func (SortField) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Enum: []any{"number", "created_at", "updated_at", "started_at", "severity"}}
}

// An incidentFilter is the query of a list of incidents.
type incidentFilter struct {
	Paging
	Status        []Status   `query:"status" doc:"Only incidents in this status; several widen the choice."`
	Severity      []Severity `query:"severity" doc:"Only incidents of this severity; several widen the choice."`
	ProjectID     ID         `query:"project_id"`
	CheckID       ID         `query:"check_id"`
	DatasetID     ID         `query:"dataset_id"`
	LeadID        ID         `query:"lead_id"`
	Label         []string   `query:"label" minLength:"1" maxLength:"319" doc:"Only incidents with this label, as key=value, or as key for any value; several must all be there."`
	Number        int32      `query:"number" minimum:"1" maximum:"2147483647"`
	CreatedAfter  Time       `query:"created_after" doc:"Only incidents created at this time or later."`
	CreatedBefore Time       `query:"created_before" doc:"Only incidents created before this time."`
	Text          string     `query:"text" minLength:"1" maxLength:"255" doc:"Only incidents with this in title, description or error message."`
	Sort          SortField  `query:"sort" default:"number" doc:"Ties go by number."`
	Order         string     `query:"order" enum:"asc,desc" default:"desc"`
}

// query returns what the filter asks the use case for: one more than the page
// holds, to know whether there is another.
func (f incidentFilter) query() tocsin.IncidentQuery {
	q := tocsin.IncidentQuery{
		Project: tocsin.ID(f.ProjectID), Dataset: tocsin.ID(f.DatasetID), Check: tocsin.ID(f.CheckID), Lead: tocsin.ID(f.LeadID),
		From: time.Time(f.CreatedAfter), To: time.Time(f.CreatedBefore),
		Number: f.Number, Labels: f.Label, Text: f.Text,
		Sort: tocsin.SortField(f.Sort), Descending: f.Order != "asc", Limit: f.limit() + 1,
	}
	if f.Sort == "number" {
		q.Sort = tocsin.SortNumber
	}
	for _, s := range f.Status {
		q.Statuses = append(q.Statuses, tocsin.Status(s))
	}
	for _, s := range f.Severity {
		q.Severities = append(q.Severities, tocsin.Severity(s))
	}
	return q
}

func (c *core) listIncidents() endpoint {
	return read(reader[incidentFilter, Page[Incident]]{
		Operation: Operation{
			ID: "listIncidents", Method: http.MethodGet, Path: "/v1/incidents", Tag: tagIncidents,
			Summary: "List incidents",
			Description: "Those that the key may see, the newest first. Follow `next`, or the `Link` header, until it is null; " +
				"incidents that arise meanwhile do not shift the pages.",
			Authority: Needs(tocsin.ViewIncidents),
			Examples: []Example{
				{Summary: "The worst that are not over", Path: "/v1/incidents?status=open&status=investigating&status=fixing&sort=severity&limit=2"},
				{Summary: "Those of a team", Path: "/v1/incidents?label=team%3Dpayments"},
			},
		},
		Do: func(ctx context.Context, call *Call, f *incidentFilter) (Answer[Page[Incident]], error) {
			q := f.query()
			after, err := call.after(f.Paging, 2)
			if err != nil {
				return Answer[Page[Incident]]{}, err
			}
			if after != nil {
				q.After = &tocsin.IncidentPosition{Value: after[0], Number: int32(after[1])}
			}
			found, err := c.Incidents.Page(ctx, call.Actor, q)
			if err != nil {
				return Answer[Page[Incident]]{}, err
			}
			return cutPage(call, f.Paging, found, showIncident, func(i *tocsin.Incident) []byte {
				p := tocsin.PositionOf(i, q.Sort)
				return numbers(p.Value, int64(p.Number))
			}), nil
		},
	})
}
