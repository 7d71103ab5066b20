package cli

import (
	"maps"
	"time"

	"tocsin"
)

type grantCommand struct {
	Create grantCreate `cmd:"" help:"Give a user a role and print the grant's id."`
	List   grantList   `cmd:"" help:"List the grants."`
	Revoke grantRevoke `cmd:"" help:"Take a role away again."`
}

type grantCreate struct {
	inOrg
	User    string `required:"" placeholder:"EMAIL|ID" help:"Who gets it."`
	Role    string `required:"" placeholder:"NAME" help:"Which role: a built-in one or one of the organisation's."`
	Project string `placeholder:"NAME|ID" help:"Only within this project."`
	Dataset string `placeholder:"NAME|ID" help:"Only for this dataset."`
}

// Help returns the example.
func (grantCreate) Help() string {
	return "Examples:\n\n" +
		"  tocsin admin grant create --user ada@example.org --role Admin\n" +
		"  tocsin admin grant create --user ben@example.org --role Editor --project 'Online shop'\n\n" +
		"Admin and User are granted on the whole organisation, Manager, Editor and Viewer on a project or dataset, roles of your own on any of them."
}

// Run makes a grant.
func (cmd grantCreate) Run(c console, admin *adminCommand) error {
	return admin.within(c, cmd.inOrg, func(s *session) error {
		u, err := s.user(cmd.User)
		if err != nil {
			return err
		}
		if err := s.role(cmd.Role); err != nil {
			return err
		}
		scope, scopeID, err := cmd.scope(s)
		if err != nil {
			return err
		}
		g, err := s.Access.Grant(s.ctx, s.actor, u.ID, cmd.Role, scope, scopeID)
		if err != nil {
			return err
		}
		names, err := s.grantNames()
		if err != nil {
			return err
		}
		return s.out.made(grantRowOf(g, names), g.ID.String())
	})
}

// scope says where the grant holds: the narrowest place that a flag names.
func (cmd grantCreate) scope(s *session) (tocsin.Scope, tocsin.ID, error) {
	if cmd.Dataset != "" {
		all, err := s.datasets(cmd.Project)
		if err != nil {
			return "", tocsin.ID{}, err
		}
		d, err := pick(datasets, cmd.Dataset, all)
		if err != nil {
			return "", tocsin.ID{}, err
		}
		return tocsin.ScopeDataset, d.ID, nil
	}
	if cmd.Project != "" {
		p, err := s.project(cmd.Project)
		if err != nil {
			return "", tocsin.ID{}, err
		}
		return tocsin.ScopeProject, p.ID, nil
	}
	return tocsin.ScopeOrganisation, s.actor.Org, nil
}

type grantList struct {
	inOrg
	User string `placeholder:"EMAIL|ID" help:"Only those of one user."`
}

// Help returns the example.
func (grantList) Help() string {
	return "Example:\n\n  tocsin admin grant list --user ada@example.org"
}

// Run lists the grants.
func (cmd grantList) Run(c console, admin *adminCommand) error {
	return admin.within(c, cmd.inOrg, func(s *session) error {
		all, err := s.Access.Grants(s.ctx, s.actor)
		if err != nil {
			return err
		}
		if cmd.User != "" {
			u, err := s.user(cmd.User)
			if err != nil {
				return err
			}
			all = only(all, func(g *tocsin.Grant) bool { return g.User == u.ID })
		}
		names, err := s.grantNames()
		if err != nil {
			return err
		}
		return list(s.out, rowsOf(all, func(g *tocsin.Grant) grantRow { return grantRowOf(g, names) }))
	})
}

type grantRevoke struct {
	inOrg
	ID string `arg:"" help:"The grant's id."`
}

// Help returns the example.
func (grantRevoke) Help() string {
	return "Example:\n\n  tocsin admin grant revoke 0198c2f4-7c1e-7a30-b1d2-3f4a5b6c7d8e"
}

// Run ends a grant.
func (cmd grantRevoke) Run(c console, admin *adminCommand) error {
	id, err := parseID(cmd.ID)
	if err != nil {
		return err
	}
	return admin.within(c, cmd.inOrg, func(s *session) error {
		return s.Access.RevokeGrant(s.ctx, s.actor, id)
	})
}

type grantRow struct {
	ID        string    `json:"id"`
	UserID    string    `json:"user_id"`
	User      string    `json:"user"`
	Role      string    `json:"role"`
	Scope     string    `json:"scope"`
	ScopeID   string    `json:"scope_id"`
	ScopeName string    `json:"scope_name"`
	CreatedAt time.Time `json:"created_at"`
	RevokedAt time.Time `json:"revoked_at,omitzero"`
}

func grantRowOf(g *tocsin.Grant, names map[tocsin.ID]string) grantRow {
	return grantRow{
		ID: g.ID.String(), UserID: g.User.String(), User: names[g.User], Role: g.Role,
		Scope: string(g.Scope), ScopeID: g.ScopeID.String(), ScopeName: names[g.ScopeID],
		CreatedAt: g.CreatedAt, RevokedAt: g.RevokedAt,
	}
}

func (grantRow) columns() []string {
	return []string{"id", "user", "role", "scope", "of", "created", "revoked"}
}

func (r grantRow) cells(o output) []string {
	return []string{r.ID, r.User, r.Role, r.Scope, r.ScopeName, o.time(r.CreatedAt), o.time(r.RevokedAt)}
}

// grantNames returns the names of all that a grant can speak of.
func (s *session) grantNames() (map[tocsin.ID]string, error) {
	org, err := s.Directory.Organisation(s.ctx, s.actor)
	if err != nil {
		return nil, err
	}
	names, err := s.emails()
	if err != nil {
		return nil, err
	}
	ofProjects, err := s.projectNames()
	if err != nil {
		return nil, err
	}
	data, err := s.datasets("")
	if err != nil {
		return nil, err
	}
	names[org.ID] = org.Name
	maps.Copy(names, ofProjects)
	maps.Copy(names, namesOf(datasets, data))
	return names, nil
}
