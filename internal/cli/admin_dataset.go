package cli

import (
	"time"

	"tocsin"
)

type datasetCommand struct {
	Create datasetCreate `cmd:"" help:"Make a dataset and print its id."`
	List   datasetList   `cmd:"" help:"List the datasets."`
}

type datasetCreate struct {
	inOrg
	Project string `placeholder:"NAME|ID" help:"Its project; needed when there are several."`
	Name    string `arg:"" help:"Its name."`
}

// Help returns the example.
func (datasetCreate) Help() string {
	return "Example:\n\n  tocsin admin dataset create orders --project 'Online shop'"
}

// Run makes a dataset.
func (cmd datasetCreate) Run(c console, admin *adminCommand) error {
	return admin.within(c, cmd.inOrg, func(s *session) error {
		p, err := s.project(cmd.Project)
		if err != nil {
			return err
		}
		d, err := s.Directory.CreateDataset(s.ctx, s.actor, p.ID, cmd.Name)
		if err != nil {
			return making("dataset", cmd.Name, err)
		}
		return s.out.made(datasetRowOf(d, p.Name), d.ID.String())
	})
}

type datasetList struct {
	inOrg
	Project string `placeholder:"NAME|ID" help:"Only those of one project."`
}

// Help returns the example.
func (datasetList) Help() string {
	return "Example:\n\n  tocsin admin dataset list --project 'Online shop'"
}

// Run lists the datasets.
func (cmd datasetList) Run(c console, admin *adminCommand) error {
	return admin.within(c, cmd.inOrg, func(s *session) error {
		all, err := s.datasets(cmd.Project)
		if err != nil {
			return err
		}
		names, err := s.projectNames()
		if err != nil {
			return err
		}
		return list(s.out, rowsOf(all, func(d *tocsin.Dataset) datasetRow { return datasetRowOf(d, names[d.Project]) }))
	})
}

type datasetRow struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	ProjectID string    `json:"project_id"`
	Project   string    `json:"project"`
	CreatedAt time.Time `json:"created_at"`
}

func datasetRowOf(d *tocsin.Dataset, project string) datasetRow {
	return datasetRow{ID: d.ID.String(), Name: d.Name, ProjectID: d.Project.String(), Project: project, CreatedAt: d.CreatedAt}
}

func (datasetRow) columns() []string { return []string{"id", "name", "project", "created"} }

func (r datasetRow) cells(o output) []string {
	return []string{r.ID, r.Name, r.Project, o.time(r.CreatedAt)}
}

// datasets returns those of the project that a flag names, or all.
func (s *session) datasets(project string) ([]*tocsin.Dataset, error) {
	all, err := s.Directory.Datasets(s.ctx, s.actor)
	if err != nil || project == "" {
		return all, err
	}
	p, err := s.project(project)
	if err != nil {
		return nil, err
	}
	return only(all, func(d *tocsin.Dataset) bool { return d.Project == p.ID }), nil
}
