package api

import (
	"context"
	"net/http"
	"time"

	"tocsin"
)

// Members are the use cases of who may do what; see package access.
type Members interface {
	MayManage(ctx context.Context, actor tocsin.Actor) error

	User(ctx context.Context, actor tocsin.Actor, id tocsin.ID) (*tocsin.User, error)
	UserPage(ctx context.Context, actor tocsin.Actor, after tocsin.ID, limit int) ([]*tocsin.User, error)
	CreateUser(ctx context.Context, actor tocsin.Actor, name, email string) (*tocsin.User, error)
	UpdateUser(ctx context.Context, actor tocsin.Actor, id tocsin.ID, name, email *string) (*tocsin.User, error)
	DeactivateUser(ctx context.Context, actor tocsin.Actor, id tocsin.ID) (*tocsin.User, error)
	ReactivateUser(ctx context.Context, actor tocsin.Actor, id tocsin.ID) (*tocsin.User, error)

	Invitation(ctx context.Context, actor tocsin.Actor, id tocsin.ID) (*tocsin.Invitation, error)
	InvitationPage(ctx context.Context, actor tocsin.Actor, after tocsin.ID, limit int) ([]*tocsin.Invitation, error)
	Invite(ctx context.Context, actor tocsin.Actor, email, role string, scope tocsin.Scope, scopeID tocsin.ID, life time.Duration) (*tocsin.Invitation, string, error)
	RevokeInvitation(ctx context.Context, actor tocsin.Actor, id tocsin.ID) (*tocsin.Invitation, error)
	Accept(ctx context.Context, from tocsin.Actor, token, name string) (*tocsin.User, *tocsin.APIKey, string, error)

	Role(ctx context.Context, actor tocsin.Actor, id tocsin.ID) (*tocsin.Role, error)
	RolePage(ctx context.Context, actor tocsin.Actor, after tocsin.ID, limit int) ([]*tocsin.Role, error)
	CreateRole(ctx context.Context, actor tocsin.Actor, name string, p tocsin.Permissions) (*tocsin.Role, error)
	UpdateRole(ctx context.Context, actor tocsin.Actor, id tocsin.ID, p *tocsin.Permissions) (*tocsin.Role, error)

	Binding(ctx context.Context, actor tocsin.Actor, id tocsin.ID) (*tocsin.Grant, error)
	GrantPage(ctx context.Context, actor tocsin.Actor, user, after tocsin.ID, limit int) ([]*tocsin.Grant, error)
	Grant(ctx context.Context, actor tocsin.Actor, user tocsin.ID, role string, scope tocsin.Scope, scopeID tocsin.ID) (*tocsin.Grant, error)
	EndGrant(ctx context.Context, actor tocsin.Actor, id tocsin.ID) (*tocsin.Grant, error)

	Key(ctx context.Context, actor tocsin.Actor, id tocsin.ID) (*tocsin.APIKey, error)
	KeyPage(ctx context.Context, actor tocsin.Actor, after tocsin.ID, limit int) ([]*tocsin.APIKey, error)
	CreateKey(ctx context.Context, actor tocsin.Actor, d tocsin.KeyDraft) (*tocsin.APIKey, string, error)
	UpdateKey(ctx context.Context, actor tocsin.Actor, id tocsin.ID, name *string, expires *time.Time) (*tocsin.APIKey, error)
	RotateKey(ctx context.Context, actor tocsin.Actor, id tocsin.ID, overlap time.Duration) (*tocsin.APIKey, string, error)
	EndKey(ctx context.Context, actor tocsin.Actor, id tocsin.ID) (*tocsin.APIKey, error)
}

// User is a tocsin.User on the wire.
type User struct {
	ID            ID     `json:"id"`
	Name          string `json:"name"`
	Email         string `json:"email"`
	DeactivatedAt Time   `json:"deactivated_at" nullable:"true" doc:"Since when none of the user's keys is good; null for an active user."`
	Version       int64  `json:"version" doc:"Counts the changes, from 1."`
	CreatedAt     Time   `json:"created_at"`
	UpdatedAt     Time   `json:"updated_at"`
}

func showUser(u *tocsin.User) User {
	return User{
		ID: ID(u.ID), Name: u.Name, Email: u.Email, DeactivatedAt: Time(u.DeactivatedAt),
		Version: u.Version, CreatedAt: Time(u.CreatedAt), UpdatedAt: Time(u.UpdatedAt),
	}
}

// UserDraft is what a new user begins with, on the wire.
type UserDraft struct {
	Name  string `json:"name" minLength:"1" maxLength:"255"`
	Email string `json:"email" format:"email" minLength:"3" maxLength:"255"`
}

// UserPatch says what to change in a user, on the wire (RFC 7396).
type UserPatch struct {
	Name  Optional[string] `json:"name,omitzero" minLength:"1" maxLength:"255"`
	Email Optional[string] `json:"email,omitzero" format:"email" minLength:"3" maxLength:"255"`
}

// manages is the Find of what only those may do who manage members.
func manages[In any](c *core) func(context.Context, *Call, *In) error {
	return func(ctx context.Context, call *Call, _ *In) error { return c.Members.MayManage(ctx, call.Actor) }
}

const tagUsers = "Users"

func (c *core) userEndpoints() []endpoint {
	return []endpoint{
		inOrder(Operation{
			ID: "listUsers", Method: http.MethodGet, Path: "/v1/users", Tag: tagUsers,
			Summary: "List users", Description: "All of the organisation, the deactivated ones among them, the oldest first.",
			Authority: Needs(tocsin.ManageMembers),
			Examples:  []Example{{Summary: "The first users", Path: "/v1/users?limit=2"}},
		}, func(p *Paging) Paging { return *p }, func(ctx context.Context, call *Call, _ *Paging, after tocsin.ID, limit int) ([]*tocsin.User, error) {
			return c.Members.UserPage(ctx, call.Actor, after, limit)
		}, showUser),
		c.createUser(),
		byID(Operation{
			ID: "getUser", Method: http.MethodGet, Path: "/v1/users/{id}", Tag: tagUsers,
			Summary: "Read a user", Description: "Oneself, or with the permission `members.manage` anybody. Others are not there.",
			Authority: AnyKey(), On: tocsin.KindUser,
			Examples: []Example{{Summary: "One user", Path: "/v1/users/" + SampleUser}},
		}, c.findUser, showUser),
		c.updateUser(),
		onID(Operation{
			ID: "deactivateUser", Method: http.MethodPost, Path: "/v1/users/{id}/deactivate", Tag: tagUsers,
			Summary: "Deactivate a user",
			Description: "From this moment on none of the user's API keys is good, whatever they are doing. What the user did stays, under the user's name. " +
				"The last active Admin of the organisation cannot be deactivated.",
			Authority: Needs(tocsin.ManageMembers), On: tocsin.KindUser,
			Refusals: []tocsin.Code{tocsin.Conflict},
			Examples: []Example{{Summary: "See what it would come to", Path: "/v1/users/" + SampleMember + "/deactivate?dry_run=true"}},
		}, c.managedUser, func(ctx context.Context, actor tocsin.Actor, id tocsin.ID) (*tocsin.User, error) {
			return c.Members.DeactivateUser(ctx, actor, id)
		}, showUser),
		onID(Operation{
			ID: "reactivateUser", Method: http.MethodPost, Path: "/v1/users/{id}/reactivate", Tag: tagUsers,
			Summary: "Reactivate a user", Description: "The user is back with the role bindings, and with the API keys that have not ended otherwise.",
			Authority: Needs(tocsin.ManageMembers), On: tocsin.KindUser,
			Examples: []Example{{Summary: "Let a user back in", Path: "/v1/users/" + SampleMember + "/reactivate"}},
		}, c.managedUser, func(ctx context.Context, actor tocsin.Actor, id tocsin.ID) (*tocsin.User, error) {
			return c.Members.ReactivateUser(ctx, actor, id)
		}, showUser),
	}
}

func (c *core) findUser(ctx context.Context, actor tocsin.Actor, id tocsin.ID) (*tocsin.User, error) {
	return c.Members.User(ctx, actor, id)
}

// managedUser finds a user whom the actor may change.
func (c *core) managedUser(ctx context.Context, actor tocsin.Actor, id tocsin.ID) (*tocsin.User, error) {
	u, err := c.Members.User(ctx, actor, id)
	if err != nil {
		return nil, err
	}
	return u, c.Members.MayManage(ctx, actor)
}

func (c *core) createUser() endpoint {
	type input struct{ Body UserDraft }
	return write(writer[input, User]{
		Operation: Operation{
			ID: "createUser", Method: http.MethodPost, Path: "/v1/users", Tag: tagUsers,
			Summary:     "Make a user",
			Description: "A new user may do nothing before there is a role binding. To let people make themselves at home, invite them instead.",
			Authority:   Needs(tocsin.ManageMembers), Status: http.StatusCreated, Location: "/v1/users/{id}",
			Refusals: []tocsin.Code{tocsin.Conflict},
			Examples: []Example{{Summary: "Make a user", Path: "/v1/users", Body: `{"name":"Chiara Conti","email":"chiara@example.org"}`}},
		},
		Find: manages[input](c),
		Do: func(ctx context.Context, call *Call, in *input) (Made, error) {
			return made(c.Members.CreateUser(ctx, call.Actor, in.Body.Name, in.Body.Email))
		},
		Show: func(_ *input, m Made) User { return showUser(m.Objects[0].(*tocsin.User)) },
	})
}

func (c *core) updateUser() endpoint {
	type input struct {
		idPath
		Body UserPatch
	}
	return write(writer[input, User]{
		Operation: Operation{
			ID: "updateUser", Method: http.MethodPatch, Path: "/v1/users/{id}", Tag: tagUsers,
			Summary: "Change a user", Description: "A JSON Merge Patch. No two users of an organisation have one address.",
			Authority: Needs(tocsin.ManageMembers), On: tocsin.KindUser,
			Refusals: []tocsin.Code{tocsin.Conflict},
			Examples: []Example{{Summary: "Another name", Path: "/v1/users/" + SampleUser, Body: `{"name":"Ada Okafor-Lind"}`}},
		},
		Find: keep(func(in *input) tocsin.ID { return in.id() }, c.managedUser),
		Do: func(ctx context.Context, call *Call, in *input) (Made, error) {
			return made(c.Members.UpdateUser(ctx, call.Actor, in.id(), in.Body.Name.pointer(), in.Body.Email.pointer()))
		},
		Show: func(_ *input, m Made) User { return showUser(m.Objects[0].(*tocsin.User)) },
	})
}
