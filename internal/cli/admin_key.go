package cli

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"tocsin"
)

type keyCommand struct {
	Create keyCreate `cmd:"" help:"Make an API key; print its id and token."`
	List   keyList   `cmd:"" help:"List the API keys, never their tokens."`
	Revoke keyRevoke `cmd:"" help:"End an API key at once and for good."`
}

type keyCreate struct {
	inOrg
	User       string   `required:"" placeholder:"EMAIL|ID" help:"Its owner: it may do what the owner may, or less."`
	Name       string   `required:"" placeholder:"NAME" help:"What it is for."`
	Project    string   `placeholder:"NAME|ID" help:"The only project that it sees."`
	Permission []string `placeholder:"NAME" sep:"none" help:"What it may do at most; may be given again."`
	Expires    string   `placeholder:"WHEN" help:"When it ends: after a time as in 90d or 12h, at the beginning of a day as in 2027-01-31, or at a time (RFC 3339); UTC."`
}

// Help returns the example.
func (keyCreate) Help() string {
	return "Examples:\n\n" +
		"  tocsin admin key create --user ben@example.org --name 'pager script' --project 'Online shop'\n" +
		"  tocsin admin key create --user ben@example.org --name wallboard --permission incidents.view --expires 90d\n\n" +
		"The id and the token come on one line, with a tab between. The token is not stored and cannot be shown again. " +
		permissionsHelp()
}

// Run makes a key.
func (cmd keyCreate) Run(c console, admin *adminCommand) error {
	allowed, err := parsePermissions(cmd.Permission)
	if err != nil {
		return err
	}
	expires, err := parseExpiry(cmd.Expires, time.Now())
	if err != nil {
		return err
	}
	return admin.within(c, cmd.inOrg, func(s *session) error {
		owner, err := s.user(cmd.User)
		if err != nil {
			return err
		}
		draft := tocsin.KeyDraft{Owner: owner.ID, Name: cmd.Name}
		draft.Permissions, draft.ExpiresAt = allowed, expires
		var project string
		if cmd.Project != "" {
			p, err := s.project(cmd.Project)
			if err != nil {
				return err
			}
			draft.Project, project = p.ID, p.Name
		}
		k, token, err := s.Access.CreateKey(s.ctx, s.actor, draft)
		if err != nil {
			return making("key", cmd.Name, err)
		}
		r := newKeyRow{Token: token, keyRow: keyRowOf(k, owner.Email, project, time.Time{})}
		if err := s.out.made(r, r.ID, token); err != nil {
			return err
		}
		_, err = fmt.Fprintln(s.out.stderr, "Keep the token now: it is not stored and will not be shown again.")
		return err
	})
}

type keyList struct {
	inOrg
	User string `placeholder:"EMAIL|ID" help:"Only those of one owner."`
}

// Help returns the example.
func (keyList) Help() string { return "Example:\n\n  tocsin admin key list --user ben@example.org" }

// Run lists the keys.
func (cmd keyList) Run(c console, admin *adminCommand) error {
	return admin.within(c, cmd.inOrg, func(s *session) error {
		all, uses, err := s.Access.Keys(s.ctx, s.actor)
		if err != nil {
			return err
		}
		if cmd.User != "" {
			u, err := s.user(cmd.User)
			if err != nil {
				return err
			}
			all = only(all, func(k *tocsin.APIKey) bool { return k.Owner == u.ID })
		}
		owners, err := s.emails()
		if err != nil {
			return err
		}
		projects, err := s.projectNames()
		if err != nil {
			return err
		}
		return list(s.out, rowsOf(all, func(k *tocsin.APIKey) keyRow {
			return keyRowOf(k, owners[k.Owner], projects[k.Project], uses[k.ID])
		}))
	})
}

type keyRevoke struct {
	inOrg
	ID string `arg:"" help:"The key's id."`
}

// Help returns the example.
func (keyRevoke) Help() string {
	return "Example:\n\n  tocsin admin key revoke 0198c2f4-7c1e-7a30-b1d2-3f4a5b6c7d8e\n\nA running server refuses the key within a second."
}

// Run ends a key.
func (cmd keyRevoke) Run(c console, admin *adminCommand) error {
	id, err := parseID(cmd.ID)
	if err != nil {
		return err
	}
	return admin.within(c, cmd.inOrg, func(s *session) error {
		return s.Access.RevokeKey(s.ctx, s.actor, id)
	})
}

type keyRow struct {
	ID          string    `json:"id"`
	Name        string    `json:"name"`
	OwnerID     string    `json:"owner_id"`
	Owner       string    `json:"owner"`
	ProjectID   string    `json:"project_id,omitempty"`
	Project     string    `json:"project,omitempty"`
	Permissions []string  `json:"permissions,omitempty"`
	CreatedAt   time.Time `json:"created_at"`
	LastUsedAt  time.Time `json:"last_used_at,omitzero"`
	ExpiresAt   time.Time `json:"expires_at,omitzero"`
	RevokedAt   time.Time `json:"revoked_at,omitzero"`
}

// newKeyRow is a key at its making, the only time that its token is known.
type newKeyRow struct {
	keyRow
	Token string `json:"token"`
}

func keyRowOf(k *tocsin.APIKey, owner, project string, used time.Time) keyRow {
	r := keyRow{
		ID: k.ID.String(), Name: k.Name, OwnerID: k.Owner.String(), Owner: owner, Project: project,
		Permissions: k.Permissions.Names(), CreatedAt: k.CreatedAt, LastUsedAt: used, ExpiresAt: k.ExpiresAt, RevokedAt: k.RevokedAt,
	}
	if !k.Project.IsZero() {
		r.ProjectID = k.Project.String()
	}
	return r
}

func (keyRow) columns() []string {
	return []string{"id", "name", "owner", "project", "permissions", "created", "last used", "expires", "revoked"}
}

func (r keyRow) cells(o output) []string {
	return []string{
		r.ID, r.Name, r.Owner, r.Project, strings.Join(r.Permissions, ","),
		o.time(r.CreatedAt), o.time(r.LastUsedAt), o.time(r.ExpiresAt), o.time(r.RevokedAt),
	}
}

// parseExpiry reads when a key ends; nothing given is never.
func parseExpiry(given string, now time.Time) (time.Time, error) {
	if given == "" {
		return time.Time{}, nil
	}
	if digits, ok := strings.CutSuffix(given, "d"); ok {
		if days, err := strconv.ParseUint(digits, 10, 16); err == nil && days > 0 {
			return now.UTC().AddDate(0, 0, int(days)), nil
		}
	}
	if d, err := time.ParseDuration(given); err == nil && d > 0 {
		return now.UTC().Add(d), nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, given); err == nil && t.After(now) {
			return t.UTC(), nil
		}
	}
	return time.Time{}, usageError{fmt.Errorf("--expires %q: must be a time to come, as in 90d, 12h, 2027-01-31 or 2027-01-31T18:00:00Z", given)}
}
