package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"tocsin"
	"tocsin/internal/httpkit"
)

// Invitation is a tocsin.Invitation on the wire.
type Invitation struct {
	ID         ID     `json:"id"`
	Email      string `json:"email" doc:"The address that the user will have."`
	Role       string `json:"role" doc:"The role that the user will have."`
	Scope      Scope  `json:"scope"`
	ScopeID    ID     `json:"scope_id" doc:"The project, the dataset, or the organisation itself."`
	ExpiresAt  Time   `json:"expires_at"`
	AcceptedAt Time   `json:"accepted_at" nullable:"true"`
	RevokedAt  Time   `json:"revoked_at" nullable:"true"`
	UserID     ID     `json:"user_id" nullable:"true" doc:"The user that it made; null before it is accepted."`
	Version    int64  `json:"version" doc:"Counts the changes, from 1."`
	CreatedAt  Time   `json:"created_at"`
	UpdatedAt  Time   `json:"updated_at"`
}

func showInvitation(i *tocsin.Invitation) Invitation {
	return Invitation{
		ID: ID(i.ID), Email: i.Email, Role: i.Role, Scope: Scope(i.Scope), ScopeID: ID(i.ScopeID),
		ExpiresAt: Time(i.ExpiresAt), AcceptedAt: Time(i.AcceptedAt), RevokedAt: Time(i.RevokedAt), UserID: ID(i.User),
		Version: i.Version, CreatedAt: Time(i.CreatedAt), UpdatedAt: Time(i.UpdatedAt),
	}
}

// InvitationDraft is what a new invitation begins with, on the wire.
type InvitationDraft struct {
	Email string `json:"email" format:"email" minLength:"3" maxLength:"255"`
	Place
	ExpiresIn int64 `json:"expires_in,omitempty" minimum:"1" maximum:"2592000" default:"604800" doc:"For how many seconds it holds; a week if it is not there."`
}

// NewInvitation is an invitation with its token, on the wire.
type NewInvitation struct {
	Invitation
	Token *string `json:"token" doc:"What accepts the invitation. It is not stored and never shown again: null when the answer is a replay."`
}

// Acceptance is what a guest comes with, on the wire.
type Acceptance struct {
	Token string `json:"token" minLength:"1" maxLength:"255" doc:"The invitation's token."`
	Name  string `json:"name" minLength:"1" maxLength:"255" doc:"The guest's name."`
}

// Welcome is what an accepted invitation came to, on the wire.
type Welcome struct {
	User   User    `json:"user"`
	APIKey APIKey  `json:"api_key"`
	Token  *string `json:"token" doc:"The API key's token. It is not stored and never shown again: null when the answer is a replay."`
}

// shownOnce returns the token of something new, nil when the answer is kept.
func shownOnce(m Made) *string {
	if m.Secret == "" {
		return nil
	}
	return &m.Secret
}

const tagInvitations = "Invitations"

func (c *core) invitationEndpoints() []endpoint {
	return []endpoint{
		inOrder(Operation{
			ID: "listInvitations", Method: http.MethodGet, Path: "/v1/invitations", Tag: tagInvitations,
			Summary: "List invitations", Description: "All of them, whether they hold or not, the oldest first.",
			Authority: Needs(tocsin.ManageMembers),
			Examples:  []Example{{Summary: "All invitations", Path: "/v1/invitations"}},
		}, func(p *Paging) Paging { return *p }, func(ctx context.Context, call *Call, _ *Paging, after tocsin.ID, limit int) ([]*tocsin.Invitation, error) {
			return c.Members.InvitationPage(ctx, call.Actor, after, limit)
		}, showInvitation),
		c.createInvitation(),
		byID(Operation{
			ID: "getInvitation", Method: http.MethodGet, Path: "/v1/invitations/{id}", Tag: tagInvitations,
			Summary: "Read an invitation", Description: "Without its token, which is not stored.",
			Authority: Needs(tocsin.ManageMembers), On: tocsin.KindInvitation,
			Examples: []Example{{Summary: "One invitation", Path: "/v1/invitations/" + SampleInvitation}},
		}, c.findInvitation, showInvitation),
		onID(Operation{
			ID: "revokeInvitation", Method: http.MethodDelete, Path: "/v1/invitations/{id}", Tag: tagInvitations,
			Summary: "Revoke an invitation", Description: "For good: the record stays, with `revoked_at`. One that was accepted cannot be revoked; deactivate the user.",
			Authority: Needs(tocsin.ManageMembers), On: tocsin.KindInvitation,
			Refusals: []tocsin.Code{tocsin.Conflict},
			Examples: []Example{{Summary: "Revoke it", Path: "/v1/invitations/" + SampleInvitation}},
		}, c.findInvitation, func(ctx context.Context, actor tocsin.Actor, id tocsin.ID) (*tocsin.Invitation, error) {
			return c.Members.RevokeInvitation(ctx, actor, id)
		}, showInvitation),
		c.acceptInvitation(),
	}
}

func (c *core) findInvitation(ctx context.Context, actor tocsin.Actor, id tocsin.ID) (*tocsin.Invitation, error) {
	return c.Members.Invitation(ctx, actor, id)
}

func (c *core) createInvitation() endpoint {
	type input struct{ Body InvitationDraft }
	return write(writer[input, NewInvitation]{
		Operation: Operation{
			ID: "createInvitation", Method: http.MethodPost, Path: "/v1/invitations", Tag: tagInvitations,
			Summary: "Invite somebody",
			Description: "The answer has a `token`, once. Whoever has it can become a user with this address and this role: send it to that address, and nowhere else. " +
				"A restricted API key cannot invite: the guest's first key will not be restricted.",
			Authority: Needs(tocsin.ManageMembers), Status: http.StatusCreated, Location: "/v1/invitations/{id}",
			Names:    placeNames(),
			Refusals: []tocsin.Code{tocsin.Conflict},
			Examples: []Example{{
				Summary: "Invite an editor", Path: "/v1/invitations",
				Body: `{"email":"eli@example.org","role":"Editor","scope":"project","scope_id":"` + SampleProject + `","expires_in":86400}`,
			}},
		},
		Find: manages[input](c),
		Do: func(ctx context.Context, call *Call, in *input) (Made, error) {
			b := in.Body
			if err := b.check(); err != nil {
				return Made{}, err
			}
			life := time.Duration(b.ExpiresIn) * time.Second
			i, token, err := c.Members.Invite(ctx, call.Actor, b.Email, b.Role, tocsin.Scope(b.Scope), tocsin.ID(b.ScopeID), life)
			m, err := made(referring(i, err))
			m.Secret = token
			return m, err
		},
		Show: func(_ *input, m Made) NewInvitation {
			return NewInvitation{Invitation: showInvitation(m.Objects[0].(*tocsin.Invitation)), Token: shownOnce(m)}
		},
	})
}

func (c *core) acceptInvitation() endpoint {
	type input struct{ Body Acceptance }
	return write(writer[input, Welcome]{
		Operation: Operation{
			ID: "acceptInvitation", Method: http.MethodPost, Path: "/v1/invitations/accept", Tag: tagInvitations,
			Summary: "Accept an invitation",
			Description: "Needs no API key, only the invitation's token. Makes the user, the role binding and a first API key, whose `token` the answer has, once. " +
				"An invitation that is not known, was used, was revoked or has expired is answered 401, always the same.",
			Authority: Anyone(), Status: http.StatusCreated, Location: "/v1/users/{id}",
			Refusals: []tocsin.Code{tocsin.Unauthenticated, tocsin.RateLimited, tocsin.Conflict},
			Examples: []Example{{Summary: "Accept it", Path: "/v1/invitations/accept", Body: `{"token":"` + SampleInvitationToken + `","name":"Dana Dahl"}`}},
		},
		Do: func(ctx context.Context, call *Call, in *input) (Made, error) {
			u, k, token, err := c.Members.Accept(ctx, call.Actor, in.Body.Token, in.Body.Name)
			if tocsin.CodeOf(err) == tocsin.Unauthenticated {
				return Made{}, c.notInvited(ctx, err)
			}
			if err != nil {
				return Made{}, err
			}
			return Made{Objects: []tocsin.Object{u, nil, k}, Secret: token}, nil
		},
		// The change makes the user, the grant and the key, in this order.
		Show: func(_ *input, m Made) Welcome {
			return Welcome{User: showUser(m.Objects[0].(*tocsin.User)), APIKey: showKey(m.Objects[2].(*tocsin.APIKey)), Token: shownOnce(m)}
		},
	})
}

// notInvited counts a failed attempt, and says what the table of codes does not.
func (c *core) notInvited(ctx context.Context, err error) error {
	if wait, refuse := c.Guard.Failed(httpkit.Address(ctx)); refuse {
		return &tocsin.Error{Code: tocsin.RateLimited, Message: "too many failed attempts from this address", RetryAfter: wait}
	}
	var own *tocsin.Error
	if errors.As(err, &own) {
		return &requestError{code: tocsin.Unauthenticated, detail: own.Message}
	}
	return err
}
