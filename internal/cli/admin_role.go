package cli

import (
	"slices"
	"strings"
	"time"

	"tocsin"
)

type roleCommand struct {
	Create roleCreate `cmd:"" help:"Make a role and print its id."`
	List   roleList   `cmd:"" help:"List the roles, the built-in ones first."`
}

type roleCreate struct {
	inOrg
	Name       string   `arg:"" help:"Its name."`
	Permission []string `arg:"" help:"What those who have it may do."`
}

// Help returns the example.
func (roleCreate) Help() string {
	return "Example:\n\n  tocsin admin role create Observer incidents.view\n\n" + permissionsHelp()
}

// Run makes a role.
func (cmd roleCreate) Run(c console, admin *adminCommand) error {
	held, err := parsePermissions(cmd.Permission)
	if err != nil {
		return err
	}
	return admin.within(c, cmd.inOrg, func(s *session) error {
		r, err := s.Access.CreateRole(s.ctx, s.actor, cmd.Name, held)
		if err != nil {
			return making("role", cmd.Name, err)
		}
		return s.out.made(roleRowOf(r), r.ID.String())
	})
}

type roleList struct{ inOrg }

// Help returns the example.
func (roleList) Help() string { return "Example:\n\n  tocsin admin role list" }

// Run lists the roles.
func (cmd roleList) Run(c console, admin *adminCommand) error {
	return admin.within(c, cmd.inOrg, func(s *session) error {
		own, err := s.Access.Roles(s.ctx, s.actor)
		if err != nil {
			return err
		}
		var rows []roleRow
		for _, name := range builtinRoles() {
			held, _ := tocsin.BuiltinRole(name)
			rows = append(rows, roleRow{Name: name, Permissions: held.Names(), BuiltIn: true})
		}
		return list(s.out, append(rows, rowsOf(own, roleRowOf)...))
	})
}

type roleRow struct {
	// ID is empty for a built-in role.
	ID          string    `json:"id,omitempty"`
	Name        string    `json:"name"`
	Permissions []string  `json:"permissions"`
	BuiltIn     bool      `json:"built_in"`
	CreatedAt   time.Time `json:"created_at,omitzero"`
}

func roleRowOf(r *tocsin.Role) roleRow {
	return roleRow{ID: r.ID.String(), Name: r.Name, Permissions: r.Permissions.Names(), CreatedAt: r.CreatedAt}
}

func (roleRow) columns() []string { return []string{"id", "name", "permissions", "created"} }

func (r roleRow) cells(o output) []string {
	return []string{r.ID, r.Name, strings.Join(r.Permissions, ","), o.time(r.CreatedAt)}
}

func builtinRoles() []string {
	return []string{tocsin.RoleAdmin, tocsin.RoleUser, tocsin.RoleManager, tocsin.RoleEditor, tocsin.RoleViewer}
}

// role returns an error unless there is a role of that name.
func (s *session) role(given string) error {
	own, err := s.Access.Roles(s.ctx, s.actor)
	if err != nil {
		return err
	}
	names := builtinRoles()
	for _, r := range own {
		names = append(names, r.Name)
	}
	if !slices.Contains(names, given) {
		return unknownName("role", given, names)
	}
	return nil
}

// parsePermissions reads the names of permissions.
func parsePermissions(names []string) (tocsin.Permissions, error) {
	p, err := tocsin.ParsePermissions(names)
	if err != nil {
		return 0, usageError{err}
	}
	return p, nil
}

func permissionsHelp() string {
	return "Permissions: " + strings.Join(tocsin.AllPermissions.Names(), ", ") + "."
}
