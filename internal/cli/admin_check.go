package cli

import (
	"strings"
	"time"

	"tocsin"
)

type checkCommand struct {
	Create checkCreate `cmd:"" help:"Make a check and print its id."`
	List   checkList   `cmd:"" help:"List the checks."`
}

type checkCreate struct {
	inOrg
	Project string   `placeholder:"NAME|ID" help:"Its project; needed when there are several."`
	Dataset []string `placeholder:"NAME|ID" sep:"none" help:"A dataset that it is about; may be given again."`
	URL     string   `placeholder:"URL" help:"What it watches."`
	Name    string   `arg:"" help:"Its name."`
}

// Help returns the example.
func (checkCreate) Help() string {
	return "Example:\n\n  tocsin admin check create 'Payment Service' --project 'Online shop' --dataset orders --url https://payments.example.com/health"
}

// Run makes a check.
func (cmd checkCreate) Run(c console, admin *adminCommand) error {
	return admin.within(c, cmd.inOrg, func(s *session) error {
		p, err := s.project(cmd.Project)
		if err != nil {
			return err
		}
		all, err := s.datasets(p.ID.String())
		if err != nil {
			return err
		}
		var about []tocsin.ID
		for _, given := range cmd.Dataset {
			d, err := pick(datasets, given, all)
			if err != nil {
				return err
			}
			about = append(about, d.ID)
		}
		made, err := s.Directory.CreateCheck(s.ctx, s.actor, p.ID, cmd.Name, cmd.URL, about)
		if err != nil {
			return making("check", cmd.Name, err)
		}
		return s.out.made(checkRowOf(made, p.Name, namesOf(datasets, all)), made.ID.String())
	})
}

type checkList struct {
	inOrg
	Project string `placeholder:"NAME|ID" help:"Only those of one project."`
}

// Help returns the example.
func (checkList) Help() string {
	return "Example:\n\n  tocsin admin check list --project 'Online shop'"
}

// Run lists the checks.
func (cmd checkList) Run(c console, admin *adminCommand) error {
	return admin.within(c, cmd.inOrg, func(s *session) error {
		all, err := s.Directory.Checks(s.ctx, s.actor)
		if err != nil {
			return err
		}
		if cmd.Project != "" {
			p, err := s.project(cmd.Project)
			if err != nil {
				return err
			}
			all = only(all, func(c *tocsin.Check) bool { return c.Project == p.ID })
		}
		data, err := s.datasets("")
		if err != nil {
			return err
		}
		projects, err := s.projectNames()
		if err != nil {
			return err
		}
		names := namesOf(datasets, data)
		return list(s.out, rowsOf(all, func(c *tocsin.Check) checkRow { return checkRowOf(c, projects[c.Project], names) }))
	})
}

type checkRow struct {
	ID         string    `json:"id"`
	Name       string    `json:"name"`
	URL        string    `json:"url"`
	ProjectID  string    `json:"project_id"`
	Project    string    `json:"project"`
	DatasetIDs []string  `json:"dataset_ids"`
	Datasets   []string  `json:"datasets"`
	CreatedAt  time.Time `json:"created_at"`
}

func checkRowOf(c *tocsin.Check, project string, datasets map[tocsin.ID]string) checkRow {
	r := checkRow{
		ID: c.ID.String(), Name: c.Name, URL: c.URL, ProjectID: c.Project.String(), Project: project,
		DatasetIDs: []string{}, Datasets: []string{}, CreatedAt: c.CreatedAt,
	}
	for _, d := range c.Datasets {
		r.DatasetIDs, r.Datasets = append(r.DatasetIDs, d.String()), append(r.Datasets, datasets[d])
	}
	return r
}

func (checkRow) columns() []string {
	return []string{"id", "name", "project", "datasets", "url", "created"}
}

func (r checkRow) cells(o output) []string {
	return []string{r.ID, r.Name, r.Project, strings.Join(r.Datasets, ", "), r.URL, o.time(r.CreatedAt)}
}
