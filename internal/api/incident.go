package api

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"tocsin"
	"tocsin/internal/httpkit"
)

// An incidentPath is the path of one incident.
type incidentPath struct {
	ID ID `path:"id" doc:"The incident's id."`
}

func (p incidentPath) id() tocsin.ID { return tocsin.ID(p.ID) }

// noteIncident names the incident in the request's log line.
func noteIncident(ctx context.Context, id tocsin.ID) {
	httpkit.EventOf(ctx).Set(slog.String("incident", id.String()))
}

// visible finds an incident that the actor may see, manageable one that he may
// change.
func (c *core) visible(ctx context.Context, call *Call, id tocsin.ID) (*tocsin.Incident, error) {
	noteIncident(ctx, id)
	return c.Incidents.View(ctx, call.Actor, id)
}

func (c *core) manageable(ctx context.Context, call *Call, id tocsin.ID) error {
	noteIncident(ctx, id)
	_, err := c.Incidents.Manageable(ctx, call.Actor, id)
	return err
}

const tagIncidents = "Incidents"

func (c *core) incidentEndpoints() []endpoint {
	return []endpoint{
		c.listIncidents(),
		c.createIncident(),
		c.bulkUpdateIncidents(),
		c.getIncident(),
		c.updateIncident(),
		c.listHistory(),
		c.diffIncident(),
	}
}

func (c *core) createIncident() endpoint {
	type input struct{ Body IncidentDraft }
	return write(writer[input, Incident]{
		Operation: Operation{
			ID: "createIncident", Method: http.MethodPost, Path: "/v1/incidents", Tag: tagIncidents,
			Summary: "Open an incident",
			Description: "It begins as `open`, and belongs to the project named, or to that of its checks. " +
				"Give the request an `Idempotency-Key`, so that sending it again after a broken connection does not open a second one.",
			Authority: Needs(tocsin.ManageIncidents), Status: http.StatusCreated, Location: "/v1/incidents/{id}",
			Names:    map[string]string{"lead": "/lead_id", "checks": "/check_ids"},
			Refusals: []tocsin.Code{tocsin.Exhausted},
			Examples: []Example{{
				Summary: "Open an incident by hand", Path: "/v1/incidents",
				Body: `{"title":"Checkout answers slowly","severity":"major","project_id":"` + SampleProject + `","labels":{"team":"payments"}}`,
			}, {
				Summary: "Open one of a check", Path: "/v1/incidents",
				Body: `{"title":"Payments time out","severity":"critical","check_ids":["` + SampleCheck + `"],"type":"timeout","affected_regions":["eu-west"]}`,
			}},
		},
		Again: stillSeen(func(ctx context.Context, actor tocsin.Actor, id tocsin.ID) (*tocsin.Incident, error) {
			return c.Incidents.View(ctx, actor, id)
		}),
		Do: func(ctx context.Context, call *Call, in *input) (Made, error) {
			if in.Body.ProjectID == (ID{}) && len(in.Body.CheckIDs) == 0 {
				return Made{}, invalidField("/project_id", "is required unless check_ids is there")
			}
			inc, err := c.Incidents.Create(ctx, call.Actor, in.Body.draft())
			code, place := tocsin.CodeOf(err), tocsin.Target{Project: tocsin.ID(in.Body.ProjectID)}
			// A project that the key cannot see is answered as one that is not there.
			if code == tocsin.NotFound || code == tocsin.Forbidden && len(in.Body.CheckIDs) == 0 && !call.Rights.May(tocsin.ViewIncidents, place) {
				err = invalidField("/project_id", "must be a project that this key can see")
			}
			if err == nil {
				noteIncident(ctx, inc.ID)
			}
			return made(inc, err)
		},
		Show: func(_ *input, m Made) Incident { return showIncident(m.Objects[0].(*tocsin.Incident)) },
	})
}

func (c *core) getIncident() endpoint {
	type input struct {
		incidentPath
		Version int64 `query:"version" minimum:"1" doc:"Show it as it was at this version, from the log."`
		At      Time  `query:"at" doc:"Show it as it was at this time, from the log."`
	}
	return read(reader[input, Incident]{
		Operation: Operation{
			ID: "getIncident", Method: http.MethodGet, Path: "/v1/incidents/{id}", Tag: tagIncidents,
			Summary: "Read an incident",
			Description: "As it is now, or as it was: the log has every version. Values that were erased from the log are named in `redacted_fields` and empty. " +
				"The `ETag` goes into `If-Match` of a change, and into `If-None-Match` to be told 304 while nothing has changed.",
			Authority: Needs(tocsin.ViewIncidents), On: tocsin.KindIncident,
			Examples: []Example{
				{Summary: "As it is now", Path: "/v1/incidents/" + SampleIncident},
				{Summary: "As it was at first", Path: "/v1/incidents/" + SampleIncident + "?version=1"},
			},
		},
		Find: func(ctx context.Context, call *Call, in *input) error {
			inc, err := c.visible(ctx, call, in.id())
			call.Found = inc
			return err
		},
		Do: func(ctx context.Context, call *Call, in *input) (Answer[Incident], error) {
			at := time.Time(in.At)
			if in.Version == 0 && at.IsZero() {
				inc := call.Found.(*tocsin.Incident)
				return Answer[Incident]{Body: showIncident(inc), Of: inc}, nil
			}
			if in.Version != 0 && !at.IsZero() {
				return Answer[Incident]{}, badParameter("at", "does not go with version")
			}
			var inc *tocsin.Incident
			var erased []string
			var err error
			if in.Version != 0 {
				inc, erased, err = c.Incidents.AtVersion(ctx, call.Actor, in.id(), in.Version)
			} else {
				inc, erased, err = c.Incidents.AtTime(ctx, call.Actor, in.id(), at)
			}
			if err != nil {
				return Answer[Incident]{}, err
			}
			w := showIncident(inc)
			w.RedactedFields = erased
			return Answer[Incident]{Body: w}, nil
		},
	})
}

func (c *core) updateIncident() endpoint {
	type input struct {
		incidentPath
		Body IncidentPatch
	}
	return write(writer[input, Incident]{
		Operation: Operation{
			ID: "updateIncident", Method: http.MethodPatch, Path: "/v1/incidents/{id}", Tag: tagIncidents,
			Summary: "Change an incident",
			Description: "A JSON Merge Patch: what is not there is kept, null clears, a list is replaced. All of it is one change with one entry in the log, " +
				"or nothing at all. A patch that changes nothing answers 200 and leaves no trace.\n\n" +
				"With `If-Match` the change is made only if nobody has changed the incident meanwhile; 412 then shows what it has become and which fields moved. " +
				"A status that may not follow the present one answers 409 with those that may. A closed incident stays as it is.",
			Authority: Needs(tocsin.ManageIncidents), On: tocsin.KindIncident,
			Names:    map[string]string{"lead": "/lead_id"},
			Refusals: []tocsin.Code{tocsin.Conflict},
			Examples: []Example{{
				Summary: "Take it on", Path: "/v1/incidents/" + SampleIncident,
				Body: `{"status":"investigating","lead_id":"` + SampleUser + `","note":"Looking at the database first."}`,
			}, {
				Summary: "See what a change would come to", Path: "/v1/incidents/" + SampleIncident + "?dry_run=true",
				Body: `{"severity":"critical","add_regions":["us-east"],"labels":{"team":null}}`,
			}},
		},
		Find: func(ctx context.Context, call *Call, in *input) error { return c.manageable(ctx, call, in.id()) },
		Do: func(ctx context.Context, call *Call, in *input) (Made, error) {
			return made(c.Incidents.Update(ctx, call.Actor, in.id(), in.Body.patch(), tocsin.Lifecycle()))
		},
		Show: func(_ *input, m Made) Incident { return showIncident(m.Objects[0].(*tocsin.Incident)) },
	})
}
