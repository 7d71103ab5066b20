package api

import (
	"context"
	"net/http"

	"tocsin"
)

// Project is a tocsin.Project on the wire.
type Project struct {
	ID        ID     `json:"id"`
	Name      string `json:"name"`
	Version   int64  `json:"version" doc:"Counts the changes, from 1."`
	CreatedAt Time   `json:"created_at"`
	UpdatedAt Time   `json:"updated_at"`
}

func showProject(p *tocsin.Project) Project {
	return Project{ID: ID(p.ID), Name: p.Name, Version: p.Version, CreatedAt: Time(p.CreatedAt), UpdatedAt: Time(p.UpdatedAt)}
}

// NameDraft is what something begins with that has nothing but a name, on the wire.
type NameDraft struct {
	Name string `json:"name" minLength:"1" maxLength:"255"`
}

// NamePatch says what to change in something of which only the name can be
// changed, on the wire (RFC 7396).
type NamePatch struct {
	Name Optional[string] `json:"name,omitzero" minLength:"1" maxLength:"255"`
}

const tagProjects = "Projects"

func (c *core) projectEndpoints() []endpoint {
	return []endpoint{
		inOrder(Operation{
			ID: "listProjects", Method: http.MethodGet, Path: "/v1/projects", Tag: tagProjects,
			Summary:     "List projects",
			Description: "Those in which the key may view incidents or manage projects, the oldest first.",
			Authority:   AnyKey(),
			Examples:    []Example{{Summary: "All projects", Path: "/v1/projects"}},
		}, func(p *Paging) Paging { return *p }, func(ctx context.Context, call *Call, _ *Paging, after tocsin.ID, limit int) ([]*tocsin.Project, error) {
			return c.Directory.ProjectPage(ctx, call.Actor, after, limit)
		}, showProject),
		c.createProject(),
		byID(Operation{
			ID: "getProject", Method: http.MethodGet, Path: "/v1/projects/{id}", Tag: tagProjects,
			Summary: "Read a project", Description: "One in which the key may view incidents or manage projects.",
			Authority: AnyKey(), On: tocsin.KindProject,
			Examples: []Example{{Summary: "One project", Path: "/v1/projects/" + SampleProject}},
		}, c.findProject, showProject),
		c.updateProject(),
	}
}

// findProject is the use case, found when it is needed: the list of operations
// is also made without any.
func (c *core) findProject(ctx context.Context, actor tocsin.Actor, id tocsin.ID) (*tocsin.Project, error) {
	return c.Directory.Project(ctx, actor, id)
}

func (c *core) createProject() endpoint {
	type input struct{ Body NameDraft }
	return write(writer[input, Project]{
		Operation: Operation{
			ID: "createProject", Method: http.MethodPost, Path: "/v1/projects", Tag: tagProjects,
			Summary: "Make a project", Description: "It takes the right to manage projects in the whole organisation. Names are unique.",
			Authority: Needs(tocsin.ManageProjects), Status: http.StatusCreated, Location: "/v1/projects/{id}",
			Refusals: []tocsin.Code{tocsin.Conflict},
			Examples: []Example{{Summary: "Make a project", Path: "/v1/projects", Body: `{"name":"Data warehouse"}`}},
		},
		Again: stillSeen(c.findProject),
		Do: func(ctx context.Context, call *Call, in *input) (Made, error) {
			return made(c.Directory.CreateProject(ctx, call.Actor, in.Body.Name))
		},
		Show: func(_ *input, m Made) Project { return showProject(m.Objects[0].(*tocsin.Project)) },
	})
}

func (c *core) updateProject() endpoint {
	type input struct {
		idPath
		Body NamePatch
	}
	return write(writer[input, Project]{
		Operation: Operation{
			ID: "updateProject", Method: http.MethodPatch, Path: "/v1/projects/{id}", Tag: tagProjects,
			Summary: "Change a project", Description: "A JSON Merge Patch.",
			Authority: Needs(tocsin.ManageProjects), On: tocsin.KindProject,
			Refusals: []tocsin.Code{tocsin.Conflict},
			Examples: []Example{{Summary: "Rename it", Path: "/v1/projects/" + SampleProject, Body: `{"name":"Online shop"}`}},
		},
		Find: func(ctx context.Context, call *Call, in *input) error {
			_, err := c.Directory.ManageableProject(ctx, call.Actor, in.id())
			return err
		},
		Do: func(ctx context.Context, call *Call, in *input) (Made, error) {
			return made(c.Directory.UpdateProject(ctx, call.Actor, in.id(), in.Body.Name.pointer()))
		},
		Show: func(_ *input, m Made) Project { return showProject(m.Objects[0].(*tocsin.Project)) },
	})
}
