package api

import (
	"context"
	"net/http"

	"tocsin"
)

// LinkDraft is what a new link begins with, on the wire.
type LinkDraft struct {
	URL   string `json:"url" format:"uri" minLength:"1" maxLength:"2048" doc:"An http or https address."`
	Title string `json:"title,omitempty" maxLength:"255"`
}

func (c *core) linkEndpoints() []endpoint {
	return []endpoint{c.listLinks(), c.createLink(), c.deleteLink()}
}

func (c *core) listLinks() endpoint {
	return read(reader[incidentPath, Page[Link]]{
		Operation: Operation{
			ID: "listLinks", Method: http.MethodGet, Path: "/v1/incidents/{id}/links", Tag: tagIncidents,
			Summary: "List the links of an incident", Description: "All of them, in the order in which they were added: there are at most 50.",
			Authority: Needs(tocsin.ViewIncidents), On: tocsin.KindIncident,
			Examples: []Example{{Summary: "All links", Path: "/v1/incidents/" + SampleIncident + "/links"}},
		},
		Find: func(ctx context.Context, call *Call, in *incidentPath) error {
			inc, err := c.visible(ctx, call, in.id())
			call.Found = inc
			return err
		},
		Do: func(_ context.Context, call *Call, _ *incidentPath) (Answer[Page[Link]], error) {
			inc := call.Found.(*tocsin.Incident)
			page := Page[Link]{Items: make([]Link, len(inc.Links))}
			for i, l := range inc.Links {
				page.Items[i] = showLink(l)
			}
			return Answer[Page[Link]]{Body: page, Of: inc}, nil
		},
	})
}

func (c *core) createLink() endpoint {
	type input struct {
		incidentPath
		Body LinkDraft
	}
	return write(writer[input, Link]{
		Operation: Operation{
			ID: "createLink", Method: http.MethodPost, Path: "/v1/incidents/{id}/links", Tag: tagIncidents,
			Summary:     "Add a link to an incident",
			Description: "To a runbook, a dashboard, a call. It is a change of the incident: `ETag` and `Audit-Leaf` are the incident's.",
			Authority:   Needs(tocsin.ManageIncidents), Status: http.StatusCreated, On: tocsin.KindIncident,
			Names:    map[string]string{"links": "/url"},
			Refusals: []tocsin.Code{tocsin.Conflict},
			Examples: []Example{{
				Summary: "Add a runbook", Path: "/v1/incidents/" + SampleIncident + "/links",
				Body: `{"url":"https://wiki.example.org/runbooks/payments","title":"Runbook"}`,
			}},
		},
		Find: func(ctx context.Context, call *Call, in *input) error { return c.manageable(ctx, call, in.id()) },
		Do: func(ctx context.Context, call *Call, in *input) (Made, error) {
			return made(c.Incidents.AddLink(ctx, call.Actor, in.id(), in.Body.URL, in.Body.Title))
		},
		Show: func(_ *input, m Made) Link {
			links := m.Objects[0].(*tocsin.Incident).Links
			return showLink(links[len(links)-1])
		},
	})
}

func (c *core) deleteLink() endpoint {
	type input struct {
		incidentPath
		Link ID `path:"link_id" doc:"The link's id."`
	}
	return write(writer[input, Incident]{
		Operation: Operation{
			ID: "deleteLink", Method: http.MethodDelete, Path: "/v1/incidents/{id}/links/{link_id}", Tag: tagIncidents,
			Summary: "Take a link away from an incident", Description: "Answers with the incident as it is then.",
			Authority: Needs(tocsin.ManageIncidents), On: tocsin.KindIncident,
			Refusals: []tocsin.Code{tocsin.Conflict},
			Examples: []Example{{Summary: "Take the dashboard away", Path: "/v1/incidents/" + SampleIncident + "/links/" + SampleLink}},
		},
		Find: func(ctx context.Context, call *Call, in *input) error { return c.manageable(ctx, call, in.id()) },
		Do: func(ctx context.Context, call *Call, in *input) (Made, error) {
			return made(c.Incidents.RemoveLink(ctx, call.Actor, in.id(), tocsin.ID(in.Link)))
		},
		Show: func(_ *input, m Made) Incident { return showIncident(m.Objects[0].(*tocsin.Incident)) },
	})
}
