package cli

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tocsin"
	"tocsin/client"
)

type apiKeyCommand struct {
	remote
	List   apiKeyList   `cmd:"" help:"List API keys, never their tokens."`
	Create apiKeyCreate `cmd:"" help:"Make an API key; print its id and token."`
	Rotate apiKeyRotate `cmd:"" help:"Replace a key by a new one with the same restrictions; print its id and token."`
	Revoke apiKeyRevoke `cmd:"" help:"End API keys at once and for good."`
}

type apiKeyList struct {
	shaped
	Limit int `short:"n" default:"0" help:"At most so many; 0 is all."`
}

// Help returns the examples.
func (apiKeyList) Help() string {
	return "Examples:\n\n  tocsin key list\n  tocsin key list --json name,expires_at,revoked_at"
}

// Run lists keys.
func (cmd apiKeyList) Run(c console, r *remote) error {
	return call[client.APIKey](c, r, cmd.shaped, func(s *caller) error {
		found, err := collect(s.APIKeys.All(s.ctx), cmd.Limit)
		if err != nil {
			return err
		}
		emails, projects := s.emails(), s.projectNames()
		return show(s.out, found, []column[client.APIKey]{
			{name: "id", text: func(k client.APIKey) string { return k.ID }},
			{name: "name", text: func(k client.APIKey) string { return k.Name }, long: true},
			{name: "owner", text: func(k client.APIKey) string { return orID(emails, k.OwnerID) }},
			{name: "project", text: func(k client.APIKey) string { return orID(projects, k.ProjectID) }},
			{name: "permissions", text: func(k client.APIKey) string { return strings.Join(k.Permissions, ",") }},
			{name: "created", text: func(k client.APIKey) string { return s.out.time(k.CreatedAt) }},
			{name: "expires", text: func(k client.APIKey) string { return s.out.time(k.ExpiresAt) }},
			{name: "revoked", text: func(k client.APIKey) string { return s.out.time(k.RevokedAt) }},
		})
	})
}

type apiKeyCreate struct {
	shaped
	writing
	Name       string   `arg:"" help:"What it is for."`
	Owner      string   `placeholder:"EMAIL|ID" help:"Whose key it is (default: yours)."`
	Project    string   `short:"p" placeholder:"NAME|ID" help:"The only project that it sees."`
	Permission []string `placeholder:"NAME" sep:"none" help:"What it may do at most; may be given again."`
	Expires    string   `placeholder:"WHEN" help:"When it ends: after a time as in 90d or 12h, at the beginning of a day as in 2027-01-31, or at a time (RFC 3339); UTC."`
}

// Help returns the examples.
func (apiKeyCreate) Help() string {
	return "Examples:\n\n" +
		"  tocsin key create 'pager script' --project 'Online shop' --expires 90d\n" +
		"  tocsin key create wallboard --permission incidents.view --json id,token\n\n" +
		"The id and the token come on one line, with a tab between. The token is not stored and cannot be shown again. " +
		permissionsHelp()
}

// Run makes a key.
func (cmd apiKeyCreate) Run(c console, r *remote) error {
	expires, err := parseExpiry(cmd.Expires, time.Now())
	if err != nil {
		return err
	}
	for _, name := range cmd.Permission {
		if err := oneOf("permission", name, tocsin.AllPermissions.Names()); err != nil {
			return usageError{err}
		}
	}
	n := client.NewAPIKey{Name: cmd.Name, Permissions: cmd.Permission, ExpiresAt: expires}
	return call[client.APIKey](c, r, cmd.shaped, func(s *caller) (err error) {
		if cmd.Owner != "" {
			if n.OwnerID, err = s.userID(cmd.Owner); err != nil {
				return err
			}
		}
		if cmd.Project != "" {
			if n.ProjectID, err = s.projectID(cmd.Project); err != nil {
				return err
			}
		}
		return change(s, cmd.writing, func(opts ...client.CallOption) (client.APIKey, error) {
			return s.APIKeys.Create(s.ctx, n, opts...)
		}, s.newKey)
	})
}

// newKey prints a key at its making, the only time that its token is known.
func (s *caller) newKey(k client.APIKey) error {
	if k.Token == "" {
		return lostToken("key", k.ID, "tocsin key revoke "+k.ID)
	}
	// Whatever is asked for, the token must not get lost.
	if s.out.shaped.asked() && !slices.Contains(s.out.fields, "token") && s.out.query == nil {
		s.out.fields = append(slices.Clone(s.out.fields), "token")
	}
	if err := made(s.out, k, k.ID, k.Token); err != nil {
		return err
	}
	s.say("Keep the token now: it is not stored and will not be shown again")
	return nil
}

// lostToken says that something was made, but the answer with its token was cut
// off: the one that came in its place has none.
func lostToken(what, id, undo string) error {
	return fmt.Errorf("the %[1]s %[2]s was made, but the connection broke before its token came, and it cannot be shown again. End it and make another:\n  %[3]s", what, id, undo)
}

type apiKeyRotate struct {
	shaped
	writing
	ID      string `arg:"" help:"The key's id."`
	Overlap string `placeholder:"TIME" default:"1h" help:"How long the old key stays good, up to 7d; 0 ends it at once."`
}

// Help returns the examples.
func (apiKeyRotate) Help() string {
	return "Examples:\n\n" +
		"  tocsin key rotate 0198c2f4-7c1e-7a30-b1d2-3f4a5b6c7d8e\n" +
		"  tocsin key rotate 0198c2f4-7c1e-7a30-b1d2-3f4a5b6c7d8e --overlap 24h"
}

// Run replaces a key.
func (cmd apiKeyRotate) Run(c console, r *remote) error {
	overlap, ok := parseSpan(cmd.Overlap)
	if !ok && cmd.Overlap != "0" || overlap > 7*24*time.Hour {
		return usageError{fmt.Errorf("--overlap %q: must be a time up to 7d, as in 1h or 2d", cmd.Overlap)}
	}
	return call[client.APIKey](c, r, cmd.shaped, func(s *caller) error {
		return change(s, cmd.writing, func(opts ...client.CallOption) (client.APIKey, error) {
			return s.APIKeys.Rotate(s.ctx, cmd.ID, overlap, append(opts, client.IfMatch("*"))...)
		}, s.newKey)
	})
}

type apiKeyRevoke struct {
	shaped
	writing
	consent
	IDs []string `arg:"" name:"id" help:"The keys' ids."`
}

// Help returns the example.
func (apiKeyRevoke) Help() string {
	return "Example:\n\n  tocsin key revoke 0198c2f4-7c1e-7a30-b1d2-3f4a5b6c7d8e --yes"
}

// Run ends keys.
func (cmd apiKeyRevoke) Run(c console, r *remote) error {
	if !cmd.DryRun && !cmd.JSON.list {
		if err := cmd.given(c, fmt.Sprintf("Revoke %s for good?", strings.Join(cmd.IDs, ", "))); err != nil {
			return err
		}
	}
	return call[client.APIKey](c, r, cmd.shaped, func(s *caller) error {
		for _, id := range cmd.IDs {
			err := change(s, cmd.writing, func(opts ...client.CallOption) (client.APIKey, error) {
				return s.APIKeys.Revoke(s.ctx, id, append(opts, client.IfMatch("*"))...)
			}, func(k client.APIKey) error {
				s.say("Revoked %s", id)
				return nothing(s, k)
			})
			if err != nil {
				return fmt.Errorf("revoke %s: %w", id, err)
			}
		}
		return nil
	})
}

// nothing prints an object only where JSON is asked for.
func nothing[T any](s *caller, item T) error {
	if !s.out.shaped.asked() {
		return nil
	}
	return made(s.out, item)
}
