package api

import (
	"context"
	"net/http"

	"tocsin"
)

// Check is a tocsin.Check on the wire.
type Check struct {
	ID         ID     `json:"id"`
	ProjectID  ID     `json:"project_id"`
	Name       string `json:"name"`
	URL        string `json:"url" doc:"What it watches; may be empty."`
	DatasetIDs []ID   `json:"dataset_ids" nullable:"false" doc:"The data that its incidents concern."`
	Version    int64  `json:"version" doc:"Counts the changes, from 1."`
	CreatedAt  Time   `json:"created_at"`
	UpdatedAt  Time   `json:"updated_at"`
}

func showCheck(c *tocsin.Check) Check {
	return Check{
		ID: ID(c.ID), ProjectID: ID(c.Project), Name: c.Name, URL: c.URL, DatasetIDs: toIDs(c.Datasets),
		Version: c.Version, CreatedAt: Time(c.CreatedAt), UpdatedAt: Time(c.UpdatedAt),
	}
}

// CheckDraft is what a new check begins with, on the wire.
type CheckDraft struct {
	ProjectID  ID     `json:"project_id" doc:"The project that it belongs to, for good."`
	Name       string `json:"name" minLength:"1" maxLength:"255"`
	URL        string `json:"url,omitempty" maxLength:"2048" doc:"What it watches."`
	DatasetIDs []ID   `json:"dataset_ids,omitempty" nullable:"false" maxItems:"100" uniqueItems:"true" doc:"The data that its incidents concern, all of its project."`
}

// CheckPatch says what to change in a check, on the wire (RFC 7396).
type CheckPatch struct {
	Name       Optional[string] `json:"name,omitzero" minLength:"1" maxLength:"255"`
	URL        Optional[string] `json:"url,omitzero" nullable:"true" maxLength:"2048"`
	DatasetIDs Optional[[]ID]   `json:"dataset_ids,omitzero" maxItems:"100" uniqueItems:"true" doc:"The whole list."`
}

const tagChecks = "Checks"

func (c *core) checkEndpoints() []endpoint {
	return []endpoint{
		inOrder(Operation{
			ID: "listChecks", Method: http.MethodGet, Path: "/v1/checks", Tag: tagChecks,
			Summary:     "List checks",
			Description: "Those whose incidents the key may view, or where it may manage projects, the oldest first.",
			Authority:   AnyKey(),
			Examples:    []Example{{Summary: "Those of a project", Path: "/v1/checks?project_id=" + SampleProject}},
		}, (*projectFilter).paging, func(ctx context.Context, call *Call, f *projectFilter, after tocsin.ID, limit int) ([]*tocsin.Check, error) {
			return c.Directory.CheckPage(ctx, call.Actor, tocsin.ID(f.ProjectID), after, limit)
		}, showCheck),
		c.createCheck(),
		byID(Operation{
			ID: "getCheck", Method: http.MethodGet, Path: "/v1/checks/{id}", Tag: tagChecks,
			Summary: "Read a check", Description: "One whose incidents the key may view, or where it may manage projects.",
			Authority: AnyKey(), On: tocsin.KindCheck,
			Examples: []Example{{Summary: "One check", Path: "/v1/checks/" + SampleCheck}},
		}, c.findCheck, showCheck),
		c.updateCheck(),
	}
}

func (c *core) findCheck(ctx context.Context, actor tocsin.Actor, id tocsin.ID) (*tocsin.Check, error) {
	return c.Directory.Check(ctx, actor, id)
}

func (c *core) createCheck() endpoint {
	type input struct{ Body CheckDraft }
	return write(writer[input, Check]{
		Operation: Operation{
			ID: "createCheck", Method: http.MethodPost, Path: "/v1/checks", Tag: tagChecks,
			Summary: "Make a check", Description: "Something that is watched, so that incidents can be of it. Names are unique within a project.",
			Authority: Needs(tocsin.ManageProjects), Status: http.StatusCreated, Location: "/v1/checks/{id}",
			Names:    map[string]string{"project": "/project_id", "dataset": "/dataset_ids"},
			Refusals: []tocsin.Code{tocsin.Conflict},
			Examples: []Example{{
				Summary: "Make a check", Path: "/v1/checks",
				Body: `{"project_id":"` + SampleProject + `","name":"Refunds API","url":"https://api.example.org/refunds","dataset_ids":["` + SampleDataset + `"]}`,
			}},
		},
		Again: stillSeen(c.findCheck),
		Do: func(ctx context.Context, call *Call, in *input) (Made, error) {
			b := in.Body
			return made(referring(c.Directory.CreateCheck(ctx, call.Actor, tocsin.ID(b.ProjectID), b.Name, b.URL, fromIDs(b.DatasetIDs))))
		},
		Show: func(_ *input, m Made) Check { return showCheck(m.Objects[0].(*tocsin.Check)) },
	})
}

func (c *core) updateCheck() endpoint {
	type input struct {
		idPath
		Body CheckPatch
	}
	return write(writer[input, Check]{
		Operation: Operation{
			ID: "updateCheck", Method: http.MethodPatch, Path: "/v1/checks/{id}", Tag: tagChecks,
			Summary: "Change a check",
			Description: "A JSON Merge Patch; null clears the URL. A check stays in its project, and its incidents keep the name, URL and datasets that they were opened with. " +
				"It takes the right to manage the whole project, not only some of its datasets.",
			Authority: Needs(tocsin.ManageProjects), On: tocsin.KindCheck,
			Names:    map[string]string{"dataset": "/dataset_ids"},
			Refusals: []tocsin.Code{tocsin.Conflict},
			Examples: []Example{{Summary: "Watch another address", Path: "/v1/checks/" + SampleCheck, Body: `{"url":"https://api.example.org/v2/payments"}`}},
		},
		Find: func(ctx context.Context, call *Call, in *input) error {
			_, err := c.Directory.ManageableCheck(ctx, call.Actor, in.id())
			return err
		},
		Do: func(ctx context.Context, call *Call, in *input) (Made, error) {
			b := in.Body
			return made(referring(c.Directory.UpdateCheck(ctx, call.Actor, in.id(), b.Name.pointer(), b.URL.pointer(), convert(b.DatasetIDs, fromIDs))))
		},
		Show: func(_ *input, m Made) Check { return showCheck(m.Objects[0].(*tocsin.Check)) },
	})
}
