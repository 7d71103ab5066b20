package api

import (
	"context"
	"net/http"

	"tocsin"
)

// Dataset is a tocsin.Dataset on the wire.
type Dataset struct {
	ID        ID     `json:"id"`
	ProjectID ID     `json:"project_id"`
	Name      string `json:"name"`
	Version   int64  `json:"version" doc:"Counts the changes, from 1."`
	CreatedAt Time   `json:"created_at"`
	UpdatedAt Time   `json:"updated_at"`
}

func showDataset(d *tocsin.Dataset) Dataset {
	return Dataset{
		ID: ID(d.ID), ProjectID: ID(d.Project), Name: d.Name,
		Version: d.Version, CreatedAt: Time(d.CreatedAt), UpdatedAt: Time(d.UpdatedAt),
	}
}

// DatasetDraft is what a new dataset begins with, on the wire.
type DatasetDraft struct {
	ProjectID ID     `json:"project_id" doc:"The project that it belongs to, for good."`
	Name      string `json:"name" minLength:"1" maxLength:"255"`
}

// A projectFilter is the query of a list of what is in projects.
type projectFilter struct {
	Paging
	ProjectID ID `query:"project_id" doc:"Only those of this project."`
}

func (f *projectFilter) paging() Paging { return f.Paging }

const tagDatasets = "Datasets"

func (c *core) datasetEndpoints() []endpoint {
	return []endpoint{
		inOrder(Operation{
			ID: "listDatasets", Method: http.MethodGet, Path: "/v1/datasets", Tag: tagDatasets,
			Summary:     "List datasets",
			Description: "Those whose incidents the key may view, or where it may manage projects, the oldest first.",
			Authority:   AnyKey(),
			Examples:    []Example{{Summary: "Those of a project", Path: "/v1/datasets?project_id=" + SampleProject}},
		}, (*projectFilter).paging, func(ctx context.Context, call *Call, f *projectFilter, after tocsin.ID, limit int) ([]*tocsin.Dataset, error) {
			return c.Directory.DatasetPage(ctx, call.Actor, tocsin.ID(f.ProjectID), after, limit)
		}, showDataset),
		c.createDataset(),
		byID(Operation{
			ID: "getDataset", Method: http.MethodGet, Path: "/v1/datasets/{id}", Tag: tagDatasets,
			Summary: "Read a dataset", Description: "One whose incidents the key may view, or where it may manage projects.",
			Authority: AnyKey(), On: tocsin.KindDataset,
			Examples: []Example{{Summary: "One dataset", Path: "/v1/datasets/" + SampleDataset}},
		}, c.findDataset, showDataset),
		c.updateDataset(),
	}
}

func (c *core) findDataset(ctx context.Context, actor tocsin.Actor, id tocsin.ID) (*tocsin.Dataset, error) {
	return c.Directory.Dataset(ctx, actor, id)
}

func (c *core) createDataset() endpoint {
	type input struct{ Body DatasetDraft }
	return write(writer[input, Dataset]{
		Operation: Operation{
			ID: "createDataset", Method: http.MethodPost, Path: "/v1/datasets", Tag: tagDatasets,
			Summary: "Make a dataset", Description: "Names are unique within a project.",
			Authority: Needs(tocsin.ManageProjects), Status: http.StatusCreated, Location: "/v1/datasets/{id}",
			Names:    map[string]string{"project": "/project_id"},
			Refusals: []tocsin.Code{tocsin.Conflict},
			Examples: []Example{{Summary: "Make a dataset", Path: "/v1/datasets", Body: `{"project_id":"` + SampleProject + `","name":"refunds"}`}},
		},
		Again: stillSeen(c.findDataset),
		Do: func(ctx context.Context, call *Call, in *input) (Made, error) {
			return made(referring(c.Directory.CreateDataset(ctx, call.Actor, tocsin.ID(in.Body.ProjectID), in.Body.Name)))
		},
		Show: func(_ *input, m Made) Dataset { return showDataset(m.Objects[0].(*tocsin.Dataset)) },
	})
}

func (c *core) updateDataset() endpoint {
	type input struct {
		idPath
		Body NamePatch
	}
	return write(writer[input, Dataset]{
		Operation: Operation{
			ID: "updateDataset", Method: http.MethodPatch, Path: "/v1/datasets/{id}", Tag: tagDatasets,
			Summary: "Change a dataset", Description: "A JSON Merge Patch. A dataset stays in its project.",
			Authority: Needs(tocsin.ManageProjects), On: tocsin.KindDataset,
			Refusals: []tocsin.Code{tocsin.Conflict},
			Examples: []Example{{Summary: "Rename it", Path: "/v1/datasets/" + SampleDataset, Body: `{"name":"card payments"}`}},
		},
		Find: func(ctx context.Context, call *Call, in *input) error {
			_, err := c.Directory.ManageableDataset(ctx, call.Actor, in.id())
			return err
		},
		Do: func(ctx context.Context, call *Call, in *input) (Made, error) {
			return made(c.Directory.UpdateDataset(ctx, call.Actor, in.id(), in.Body.Name.pointer()))
		},
		Show: func(_ *input, m Made) Dataset { return showDataset(m.Objects[0].(*tocsin.Dataset)) },
	})
}
