package cli

import (
	"time"

	"tocsin"
)

type projectCommand struct {
	Create projectCreate `cmd:"" help:"Make a project and print its id."`
	List   projectList   `cmd:"" help:"List the projects."`
}

type projectCreate struct {
	inOrg
	Name string `arg:"" help:"Its name."`
}

// Help returns the example.
func (projectCreate) Help() string { return "Example:\n\n  tocsin admin project create 'Online shop'" }

// Run makes a project.
func (cmd projectCreate) Run(c console, admin *adminCommand) error {
	return admin.within(c, cmd.inOrg, func(s *session) error {
		p, err := s.Directory.CreateProject(s.ctx, s.actor, cmd.Name)
		if err != nil {
			return making("project", cmd.Name, err)
		}
		return s.out.made(projectRowOf(p), p.ID.String())
	})
}

type projectList struct{ inOrg }

// Help returns the example.
func (projectList) Help() string { return "Example:\n\n  tocsin admin project list" }

// Run lists the projects.
func (cmd projectList) Run(c console, admin *adminCommand) error {
	return admin.within(c, cmd.inOrg, func(s *session) error {
		all, err := s.Directory.Projects(s.ctx, s.actor)
		if err != nil {
			return err
		}
		return list(s.out, rowsOf(all, projectRowOf))
	})
}

type projectRow struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	CreatedAt time.Time `json:"created_at"`
}

func projectRowOf(p *tocsin.Project) projectRow {
	return projectRow{ID: p.ID.String(), Name: p.Name, CreatedAt: p.CreatedAt}
}

func (projectRow) columns() []string         { return []string{"id", "name", "created"} }
func (r projectRow) cells(o output) []string { return []string{r.ID, r.Name, o.time(r.CreatedAt)} }

// project returns the project that a flag names, or the only one.
func (s *session) project(given string) (*tocsin.Project, error) {
	all, err := s.Directory.Projects(s.ctx, s.actor)
	if err != nil {
		return nil, err
	}
	return pickOrOnly(projects, given, all)
}

// projectNames returns the names of all projects.
func (s *session) projectNames() (map[tocsin.ID]string, error) {
	all, err := s.Directory.Projects(s.ctx, s.actor)
	return namesOf(projects, all), err
}
