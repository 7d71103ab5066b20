package api

import (
	"context"
	"net/http"
	"slices"

	"tocsin"
)

func (c *core) listHistory() endpoint {
	type input struct {
		incidentPath
		Paging
	}
	return read(reader[input, Page[Entry]]{
		Operation: Operation{
			ID: "listIncidentHistory", Method: http.MethodGet, Path: "/v1/incidents/{id}/history", Tag: tagIncidents,
			Summary:     "List the changes of an incident",
			Description: "Who changed what, when, and through which door: the entries of the log about this incident, the newest first. Where a request came from is shown to those who may read the audit trail.",
			Authority:   Needs(tocsin.ViewIncidents),
			Examples:    []Example{{Summary: "All changes", Path: "/v1/incidents/" + SampleIncident + "/history"}},
		},
		Find: func(ctx context.Context, call *Call, in *input) error {
			inc, err := c.visible(ctx, call, in.id())
			call.Found = inc
			return err
		},
		Do: func(ctx context.Context, call *Call, in *input) (Answer[Page[Entry]], error) {
			after, err := call.after(in.Paging, 1)
			if err != nil {
				return Answer[Page[Entry]]{}, err
			}
			before := call.Found.Head().Version + 1
			if after != nil {
				before = after[0]
			}
			// Versions have no gaps: this is the page, and one more to know of a next.
			entries, err := c.Incidents.HistoryAfter(ctx, call.Actor, in.id(), max(0, before-int64(in.limit())-2))
			if err != nil {
				return Answer[Page[Entry]]{}, err
			}
			entries = slices.Clone(entries)
			slices.Reverse(entries)
			entries = slices.DeleteFunc(entries, func(e tocsin.Entry) bool { return e.Version >= before })
			answer := cutPage(call, in.Paging, entries, showEntry, func(e tocsin.Entry) []byte { return numbers(e.Version) })
			if !call.Rights.May(tocsin.ViewAudit, tocsin.Target{}) {
				withoutOrigin(answer.Body.Items)
			}
			return answer, c.nameDoers(ctx, call, answer.Body.Items)
		},
	})
}

// Diff is what differs between two versions of an incident.
type Diff struct {
	From     int64    `json:"from"`
	To       int64    `json:"to"`
	Fields   []Change `json:"fields" nullable:"false"`
	Redacted []string `json:"redacted_fields,omitempty" nullable:"false" doc:"Fields that cannot be compared: their values were erased from the log."`
}

func (c *core) diffIncident() endpoint {
	type input struct {
		incidentPath
		From int64 `query:"from" minimum:"1" required:"true" doc:"A version."`
		To   int64 `query:"to" minimum:"1" doc:"A version; the present one if it is not there."`
	}
	return read(reader[input, Diff]{
		Operation: Operation{
			ID: "diffIncident", Method: http.MethodGet, Path: "/v1/incidents/{id}/diff", Tag: tagIncidents,
			Summary:     "Compare two versions of an incident",
			Description: "Field by field, whatever came between them.",
			Authority:   Needs(tocsin.ViewIncidents),
			Examples:    []Example{{Summary: "What has changed since it was opened", Path: "/v1/incidents/" + SampleIncident + "/diff?from=1"}},
		},
		Find: func(ctx context.Context, call *Call, in *input) error {
			inc, err := c.visible(ctx, call, in.id())
			call.Found = inc
			return err
		},
		Do: func(ctx context.Context, call *Call, in *input) (Answer[Diff], error) {
			d := Diff{From: in.From, To: in.To}
			if d.To == 0 {
				d.To = call.Found.Head().Version
			}
			from, erasedFrom, err := c.Incidents.AtVersion(ctx, call.Actor, in.id(), d.From)
			if err != nil {
				return Answer[Diff]{}, err
			}
			to, erasedTo, err := c.Incidents.AtVersion(ctx, call.Actor, in.id(), d.To)
			if err != nil {
				return Answer[Diff]{}, err
			}
			d.Redacted = slices.Compact(slices.Sorted(slices.Values(slices.Concat(erasedFrom, erasedTo))))
			d.Fields = []Change{}
			old, changed := tocsin.Diff(tocsin.Fields(from), tocsin.Fields(to))
			for i, f := range changed {
				if !slices.Contains(d.Redacted, f.Name) {
					d.Fields = append(d.Fields, showChange(f.Name, old[i].Value, f.Value))
				}
			}
			return Answer[Diff]{Body: d}, nil
		},
	})
}
