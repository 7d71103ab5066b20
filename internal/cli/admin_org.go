package cli

import (
	"time"

	"tocsin"
)

type orgCommand struct {
	Create orgCreate `cmd:"" help:"Make an organisation and print its id."`
	List   orgList   `cmd:"" help:"List the organisations."`
}

type orgCreate struct {
	Name string `arg:"" help:"Its name."`
}

// Help returns the example.
func (orgCreate) Help() string {
	return "Example:\n\n  tocsin admin org create 'Meridian Payments'\n\nThe database is made if there is none."
}

// Run makes an organisation.
func (cmd orgCreate) Run(c console, admin *adminCommand) error {
	return admin.open(c, func(s *session) error {
		org, err := s.Directory.CreateOrganisation(s.ctx, adminDoor, cmd.Name)
		if err != nil {
			return making("organisation", cmd.Name, err)
		}
		return s.out.made(orgRowOf(org), org.ID.String())
	})
}

type orgList struct{}

// Help returns the example.
func (orgList) Help() string { return "Example:\n\n  tocsin admin org list" }

// Run lists the organisations.
func (orgList) Run(c console, admin *adminCommand) error {
	return admin.existing(c, func(s *session) error {
		all, err := s.Directory.Organisations(s.ctx)
		if err != nil {
			return err
		}
		return list(s.out, rowsOf(all, orgRowOf))
	})
}

type orgRow struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	CreatedAt time.Time `json:"created_at"`
}

func orgRowOf(o *tocsin.Organisation) orgRow {
	return orgRow{ID: o.ID.String(), Name: o.Name, CreatedAt: o.CreatedAt}
}

func (orgRow) columns() []string         { return []string{"id", "name", "created"} }
func (r orgRow) cells(o output) []string { return []string{r.ID, r.Name, o.time(r.CreatedAt)} }
