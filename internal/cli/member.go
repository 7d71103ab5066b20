package cli

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"tocsin/client"
)

type memberCommand struct {
	remote
	List        memberList        `cmd:"" help:"List the members."`
	Invite      memberInvite      `cmd:"" help:"Invite somebody; print the invitation's id and token."`
	Invitations memberInvitations `cmd:"" help:"List the invitations."`
	Role        memberRole        `cmd:"" help:"Roles: what members may do, and where."`
	Deactivate  memberDeactivate  `cmd:"" help:"End all keys of a member."`
	Reactivate  memberReactivate  `cmd:"" help:"Let a member in again."`
}

type memberList struct{ shaped }

// Help returns the example.
func (memberList) Help() string { return "Example:\n\n  tocsin member list" }

// Run lists the members.
func (cmd memberList) Run(c console, r *remote) error {
	return call[client.User](c, r, cmd.shaped, func(s *caller) error {
		found, err := collect(s.Users.All(s.ctx), 0)
		if err != nil {
			return err
		}
		return show(s.out, found, []column[client.User]{
			{name: "id", text: func(u client.User) string { return u.ID }},
			{name: "email", text: func(u client.User) string { return u.Email }, long: true},
			{name: "name", text: func(u client.User) string { return u.Name }, long: true},
			{name: "created", text: func(u client.User) string { return s.out.time(u.CreatedAt) }},
			{name: "deactivated", text: func(u client.User) string { return s.out.time(u.DeactivatedAt) }},
		})
	})
}

// where is how far a role reaches: all of the organisation unless one is given.
type where struct {
	Project string `short:"p" placeholder:"NAME|ID" help:"Only in one project."`
	Dataset string `placeholder:"NAME|ID" help:"Only for one dataset."`
}

func (w where) problem() error {
	if w.Project != "" && w.Dataset != "" {
		return usageError{errors.New("--project and --dataset: give one of them")}
	}
	return nil
}

func (w where) scope(s *caller) (scope, id string, err error) {
	switch {
	case w.Project != "":
		id, err = s.projectID(w.Project)
		return "project", id, err
	case w.Dataset != "":
		id, err = s.datasetID(w.Dataset)
		return "dataset", id, err
	default:
		me, err := s.Me(s.ctx)
		return "organisation", me.Organisation.ID, err
	}
}

type memberInvite struct {
	shaped
	writing
	where
	Email   string `arg:"" help:"Whom to invite."`
	Role    string `required:"" placeholder:"ROLE" help:"Admin or User for the organisation; Manager, Editor or Viewer for a project or dataset; or one of your own."`
	Expires string `placeholder:"TIME" default:"7d" help:"How long it can be accepted."`
}

// Help returns the examples.
func (memberInvite) Help() string {
	return "Examples:\n\n" +
		"  tocsin member invite ben@example.org --role Editor --project 'Online shop'\n" +
		"  tocsin member invite ada@example.org --role Admin --expires 24h --json id,token\n\n" +
		"The id and the token come on one line, with a tab between. Hand the token over by a way that others do not read; it is accepted with\n\n" +
		"  tocsin login URL --invitation-file FILE --name NAME"
}

// Run invites somebody.
func (cmd memberInvite) Run(c console, r *remote) error {
	span, ok := parseSpan(cmd.Expires)
	if !ok {
		return usageError{fmt.Errorf("--expires %q: must be a time, as in 24h or 7d", cmd.Expires)}
	}
	if err := cmd.problem(); err != nil {
		return err
	}
	return call[client.Invitation](c, r, cmd.shaped, func(s *caller) (err error) {
		n := client.NewInvitation{Email: cmd.Email, Role: cmd.Role, ExpiresIn: int64(span / time.Second)}
		if n.Scope, n.ScopeID, err = cmd.scope(s); err != nil {
			return err
		}
		return change(s, cmd.writing, func(opts ...client.CallOption) (client.Invitation, error) {
			return s.Invitations.Create(s.ctx, n, opts...)
		}, func(i client.Invitation) error {
			if i.Token == "" {
				return lostToken("invitation", i.ID, "tocsin member invitations --revoke "+i.ID)
			}
			if err := made(s.out, i, i.ID, i.Token); err != nil {
				return err
			}
			s.say("Invited %s. Keep the token now: it is not stored and will not be shown again", i.Email)
			return nil
		})
	})
}

type memberInvitations struct {
	shaped
	writing
	Revoke string `placeholder:"ID" help:"End this invitation."`
}

// Help returns the examples.
func (memberInvitations) Help() string {
	return "Examples:\n\n" +
		"  tocsin member invitations\n" +
		"  tocsin member invitations --revoke 0198c2f4-7c1e-7a30-b1d2-3f4a5b6c7d8e"
}

// Run lists the invitations or ends one.
func (cmd memberInvitations) Run(c console, r *remote) error {
	return call[client.Invitation](c, r, cmd.shaped, func(s *caller) error {
		if cmd.Revoke != "" {
			return change(s, cmd.writing, func(opts ...client.CallOption) (client.Invitation, error) {
				return s.Invitations.Revoke(s.ctx, cmd.Revoke, append(opts, client.IfMatch("*"))...)
			}, func(i client.Invitation) error {
				s.say("Revoked the invitation %s", cmd.Revoke)
				return nothing(s, i)
			})
		}
		found, err := collect(s.Invitations.All(s.ctx), 0)
		if err != nil {
			return err
		}
		return show(s.out, found, []column[client.Invitation]{
			{name: "id", text: func(i client.Invitation) string { return i.ID }},
			{name: "email", text: func(i client.Invitation) string { return i.Email }, long: true},
			{name: "role", text: func(i client.Invitation) string { return i.Role }},
			{name: "scope", text: func(i client.Invitation) string { return i.Scope }},
			{name: "expires", text: func(i client.Invitation) string { return s.out.time(i.ExpiresAt) }},
			{name: "accepted", text: func(i client.Invitation) string { return s.out.time(i.AcceptedAt) }},
			{name: "revoked", text: func(i client.Invitation) string { return s.out.time(i.RevokedAt) }},
		})
	})
}

type memberRole struct {
	List   memberRoleList   `cmd:"" help:"List who has which role, and where."`
	Grant  memberRoleGrant  `cmd:"" help:"Give a member a role."`
	Revoke memberRoleRevoke `cmd:"" help:"Take a role away."`
}

type memberRoleList struct {
	shaped
	Member string `arg:"" optional:"" help:"Only of one member: email, id or me."`
}

// Help returns the examples.
func (memberRoleList) Help() string {
	return "Examples:\n\n  tocsin member role list\n  tocsin member role list ben@example.org"
}

// Run lists role bindings.
func (cmd memberRoleList) Run(c console, r *remote) error {
	return call[client.RoleBinding](c, r, cmd.shaped, func(s *caller) (err error) {
		user := ""
		if cmd.Member != "" {
			if user, err = s.userID(cmd.Member); err != nil {
				return err
			}
		}
		found, err := collect(s.RoleBindings.All(s.ctx, user), 0)
		if err != nil {
			return err
		}
		emails, projects := s.emails(), s.projectNames()
		return show(s.out, found, []column[client.RoleBinding]{
			{name: "id", text: func(b client.RoleBinding) string { return b.ID }},
			{name: "member", text: func(b client.RoleBinding) string { return orID(emails, b.UserID) }},
			{name: "role", text: func(b client.RoleBinding) string { return b.Role }},
			{name: "scope", text: func(b client.RoleBinding) string { return b.Scope }},
			{name: "of", text: func(b client.RoleBinding) string { return orID(projects, b.ScopeID) }},
			{name: "revoked", text: func(b client.RoleBinding) string { return s.out.time(b.RevokedAt) }},
		})
	})
}

type memberRoleGrant struct {
	shaped
	writing
	where
	Member string `arg:"" help:"Email, id or me."`
	Role   string `arg:"" help:"Admin or User for the organisation; Manager, Editor or Viewer for a project or dataset; or one of your own."`
}

// Help returns the examples.
func (memberRoleGrant) Help() string {
	return "Examples:\n\n" +
		"  tocsin member role grant ben@example.org Editor --project 'Online shop'\n" +
		"  tocsin member role grant ada@example.org Admin\n\n" +
		"It prints the id by which the role can be taken away."
}

// Run gives a member a role.
func (cmd memberRoleGrant) Run(c console, r *remote) error {
	if err := cmd.problem(); err != nil {
		return err
	}
	return call[client.RoleBinding](c, r, cmd.shaped, func(s *caller) error {
		user, err := s.userID(cmd.Member)
		if err != nil {
			return err
		}
		n := client.NewRoleBinding{UserID: user, Role: cmd.Role}
		if n.Scope, n.ScopeID, err = cmd.scope(s); err != nil {
			return err
		}
		return change(s, cmd.writing, func(opts ...client.CallOption) (client.RoleBinding, error) {
			return s.RoleBindings.Create(s.ctx, n, opts...)
		}, func(b client.RoleBinding) error { return made(s.out, b, b.ID) })
	})
}

type memberRoleRevoke struct {
	shaped
	writing
	ID string `arg:"" help:"As 'tocsin member role list' shows it."`
}

// Help returns the example.
func (memberRoleRevoke) Help() string {
	return "Example:\n\n  tocsin member role revoke 0198c2f4-7c1e-7a30-b1d2-3f4a5b6c7d8e"
}

// Run takes a role away.
func (cmd memberRoleRevoke) Run(c console, r *remote) error {
	return call[client.RoleBinding](c, r, cmd.shaped, func(s *caller) error {
		return change(s, cmd.writing, func(opts ...client.CallOption) (client.RoleBinding, error) {
			return s.RoleBindings.Revoke(s.ctx, cmd.ID, append(opts, client.IfMatch("*"))...)
		}, func(b client.RoleBinding) error {
			s.say("Revoked %s", cmd.ID)
			return nothing(s, b)
		})
	})
}

type memberDeactivate struct {
	shaped
	writing
	consent
	Member string `arg:"" help:"Email or id."`
}

// Help returns the example.
func (memberDeactivate) Help() string {
	return "Example:\n\n  tocsin member deactivate ben@example.org --yes\n\nNone of the member's keys is good until 'tocsin member reactivate'; what the member did stays in the log."
}

// Run ends all keys of a member.
func (cmd memberDeactivate) Run(c console, r *remote) error {
	if !cmd.DryRun && !cmd.JSON.list {
		if err := cmd.given(c, fmt.Sprintf("End all keys of %s?", cmd.Member)); err != nil {
			return err
		}
	}
	return call[client.User](c, r, cmd.shaped, func(s *caller) error {
		id, err := s.userID(cmd.Member)
		if err != nil {
			return err
		}
		return change(s, cmd.writing, func(opts ...client.CallOption) (client.User, error) {
			return s.Users.Deactivate(s.ctx, id, append(opts, client.IfMatch("*"))...)
		}, func(u client.User) error {
			s.say("Deactivated %s", strings.TrimSpace(cmd.Member))
			return nothing(s, u)
		})
	})
}

type memberReactivate struct {
	shaped
	writing
	Member string `arg:"" help:"Email or id."`
}

// Help returns the example.
func (memberReactivate) Help() string {
	return "Example:\n\n  tocsin member reactivate ben@example.org"
}

// Run lets a member in again.
func (cmd memberReactivate) Run(c console, r *remote) error {
	return call[client.User](c, r, cmd.shaped, func(s *caller) error {
		id, err := s.userID(cmd.Member)
		if err != nil {
			return err
		}
		return change(s, cmd.writing, func(opts ...client.CallOption) (client.User, error) {
			return s.Users.Reactivate(s.ctx, id, append(opts, client.IfMatch("*"))...)
		}, func(u client.User) error {
			s.say("Reactivated %s", cmd.Member)
			return nothing(s, u)
		})
	})
}
