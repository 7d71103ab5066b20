package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"time"
)

// A User is a person in the organisation.
type User struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Email string `json:"email"`
	// DeactivatedAt, unless zero, is when all of the user's keys ended.
	DeactivatedAt time.Time `json:"deactivated_at,omitzero"`
	Version       int64     `json:"version"`
	CreatedAt     time.Time `json:"created_at,omitzero"`
	UpdatedAt     time.Time `json:"updated_at,omitzero"`
}

// ETag returns the entity tag of this version, for IfMatch.
func (u User) ETag() string { return ETag(u.ID, u.Version) }

// A NewUser is what a user begins with.
type NewUser struct {
	Name  string `json:"name"`
	Email string `json:"email"`
}

// A UserPatch is a change of a user; what is nil stays.
type UserPatch struct {
	Name  *string `json:"name,omitempty"`
	Email *string `json:"email,omitempty"`
}

// Users is /v1/users.
type Users struct{ c *Client }

const usersPath = "/v1/users"

// List returns one part of the users.
func (s *Users) List(ctx context.Context, o ListOptions, opts ...CallOption) (Page[User], error) {
	return page[User](ctx, s.c, usersPath, nil, o, opts)
}

// All goes through the users.
func (s *Users) All(ctx context.Context) iter.Seq2[User, error] {
	return all(func(cursor string) (Page[User], error) {
		return s.List(ctx, ListOptions{Limit: 100, Cursor: cursor})
	}, "")
}

// Get returns a user.
func (s *Users) Get(ctx context.Context, id string, opts ...CallOption) (User, error) {
	return get[User](ctx, s.c, usersPath+segment(id), opts)
}

// Create makes a user, who may do nothing until a role is bound.
func (s *Users) Create(ctx context.Context, n NewUser, opts ...CallOption) (User, error) {
	return post[User](ctx, s.c, usersPath, n, opts)
}

// Update changes a user.
func (s *Users) Update(ctx context.Context, id string, p UserPatch, opts ...CallOption) (User, error) {
	return patch[User](ctx, s.c, usersPath+segment(id), p, opts)
}

// Deactivate ends all of a user's keys until Reactivate.
func (s *Users) Deactivate(ctx context.Context, id string, opts ...CallOption) (User, error) {
	return post[User](ctx, s.c, usersPath+segment(id)+"/deactivate", nil, opts)
}

// Reactivate lets a user in again.
func (s *Users) Reactivate(ctx context.Context, id string, opts ...CallOption) (User, error) {
	return post[User](ctx, s.c, usersPath+segment(id)+"/reactivate", nil, opts)
}

// An Invitation lets somebody join with one role and one key.
type Invitation struct {
	ID         string    `json:"id"`
	Email      string    `json:"email"`
	Role       string    `json:"role"`
	Scope      string    `json:"scope"`
	ScopeID    string    `json:"scope_id,omitempty"`
	ExpiresAt  time.Time `json:"expires_at,omitzero"`
	AcceptedAt time.Time `json:"accepted_at,omitzero"`
	RevokedAt  time.Time `json:"revoked_at,omitzero"`
	UserID     string    `json:"user_id,omitempty"`
	Version    int64     `json:"version"`
	CreatedAt  time.Time `json:"created_at,omitzero"`
	UpdatedAt  time.Time `json:"updated_at,omitzero"`
	// Token is what to hand over: it is in the answer to Create and nowhere else.
	Token string `json:"token,omitempty"`
}

// A NewInvitation says whom to let in, with which role and where.
type NewInvitation struct {
	Email string `json:"email"`
	Role  string `json:"role"`
	// Scope is organisation, project or dataset; ScopeID the project or dataset.
	Scope   string `json:"scope"`
	ScopeID string `json:"scope_id,omitempty"`
	// ExpiresIn is in seconds; zero leaves it to the server.
	ExpiresIn int64 `json:"expires_in,omitempty"`
}

// An Accepted is what an invitation came to. Token is shown this once.
type Accepted struct {
	User   User   `json:"user"`
	APIKey APIKey `json:"api_key"`
	Token  string `json:"token"`
}

// Invitations is /v1/invitations.
type Invitations struct{ c *Client }

const invitationsPath = "/v1/invitations"

// List returns one part of the invitations.
func (s *Invitations) List(ctx context.Context, o ListOptions, opts ...CallOption) (Page[Invitation], error) {
	return page[Invitation](ctx, s.c, invitationsPath, nil, o, opts)
}

// All goes through the invitations.
func (s *Invitations) All(ctx context.Context) iter.Seq2[Invitation, error] {
	return all(func(cursor string) (Page[Invitation], error) {
		return s.List(ctx, ListOptions{Limit: 100, Cursor: cursor})
	}, "")
}

// Get returns an invitation.
func (s *Invitations) Get(ctx context.Context, id string, opts ...CallOption) (Invitation, error) {
	return get[Invitation](ctx, s.c, invitationsPath+segment(id), opts)
}

// Create invites somebody. The answer has the invitation's token, this once.
func (s *Invitations) Create(ctx context.Context, n NewInvitation, opts ...CallOption) (Invitation, error) {
	return post[Invitation](ctx, s.c, invitationsPath, n, opts)
}

// Revoke ends an invitation that has not been accepted.
func (s *Invitations) Revoke(ctx context.Context, id string, opts ...CallOption) (Invitation, error) {
	return del[Invitation](ctx, s.c, invitationsPath+segment(id), opts)
}

// Accept makes a user and a key of an invitation's token. It shows the server
// no other token, so the client may have none.
func (s *Invitations) Accept(ctx context.Context, token, name string, opts ...CallOption) (Accepted, error) {
	in := struct {
		Token string `json:"token"`
		Name  string `json:"name"`
	}{token, name}
	r := request{method: http.MethodPost, path: invitationsPath + "/accept"}
	r.anonymous = true
	return ask[Accepted](ctx, s.c, r, in, opts)
}

// A Role is a named set of permissions. Built-in ones have no id.
type Role struct {
	ID          string    `json:"id,omitempty"`
	Name        string    `json:"name"`
	Permissions []string  `json:"permissions"`
	Builtin     bool      `json:"builtin"`
	Version     int64     `json:"version,omitempty"`
	CreatedAt   time.Time `json:"created_at,omitzero"`
	UpdatedAt   time.Time `json:"updated_at,omitzero"`
}

// ETag returns the entity tag of this version, for IfMatch.
func (r Role) ETag() string { return ETag(r.ID, r.Version) }

// A NewRole is what a role begins with.
type NewRole struct {
	Name        string   `json:"name"`
	Permissions []string `json:"permissions"`
}

// A RolePatch is a change of a role; what is nil stays.
type RolePatch struct {
	Name        *string  `json:"name,omitempty"`
	Permissions []string `json:"permissions,omitzero"`
}

// Roles is /v1/roles.
type Roles struct{ c *Client }

const rolesPath = "/v1/roles"

// List returns one part of the roles, the built-in ones among them.
func (s *Roles) List(ctx context.Context, o ListOptions, opts ...CallOption) (Page[Role], error) {
	return page[Role](ctx, s.c, rolesPath, nil, o, opts)
}

// All goes through the roles, the built-in ones among them.
func (s *Roles) All(ctx context.Context) iter.Seq2[Role, error] {
	return all(func(cursor string) (Page[Role], error) {
		return s.List(ctx, ListOptions{Limit: 100, Cursor: cursor})
	}, "")
}

// Get returns a role.
func (s *Roles) Get(ctx context.Context, id string, opts ...CallOption) (Role, error) {
	return get[Role](ctx, s.c, rolesPath+segment(id), opts)
}

// Create makes a role.
func (s *Roles) Create(ctx context.Context, n NewRole, opts ...CallOption) (Role, error) {
	return post[Role](ctx, s.c, rolesPath, n, opts)
}

// Update changes a role.
func (s *Roles) Update(ctx context.Context, id string, p RolePatch, opts ...CallOption) (Role, error) {
	return patch[Role](ctx, s.c, rolesPath+segment(id), p, opts)
}

// A RoleBinding gives a user a role within a scope.
type RoleBinding struct {
	ID     string `json:"id"`
	UserID string `json:"user_id"`
	Role   string `json:"role"`
	// Scope is organisation, project or dataset; ScopeID which.
	Scope     string    `json:"scope"`
	ScopeID   string    `json:"scope_id,omitempty"`
	RevokedAt time.Time `json:"revoked_at,omitzero"`
	Version   int64     `json:"version"`
	CreatedAt time.Time `json:"created_at,omitzero"`
	UpdatedAt time.Time `json:"updated_at,omitzero"`
}

// A NewRoleBinding says whom to give which role, and where.
type NewRoleBinding struct {
	UserID  string `json:"user_id"`
	Role    string `json:"role"`
	Scope   string `json:"scope"`
	ScopeID string `json:"scope_id,omitempty"`
}

// RoleBindings is /v1/role-bindings.
type RoleBindings struct{ c *Client }

const roleBindingsPath = "/v1/role-bindings"

// List returns one part of the role bindings, those of one user unless it is empty.
func (s *RoleBindings) List(ctx context.Context, userID string, o ListOptions, opts ...CallOption) (Page[RoleBinding], error) {
	q := url.Values{}
	setText(q, "user_id", userID)
	return page[RoleBinding](ctx, s.c, roleBindingsPath, q, o, opts)
}

// All goes through the role bindings, those of one user unless it is empty.
func (s *RoleBindings) All(ctx context.Context, userID string) iter.Seq2[RoleBinding, error] {
	return all(func(cursor string) (Page[RoleBinding], error) {
		return s.List(ctx, userID, ListOptions{Limit: 100, Cursor: cursor})
	}, "")
}

// Get returns a role binding.
func (s *RoleBindings) Get(ctx context.Context, id string, opts ...CallOption) (RoleBinding, error) {
	return get[RoleBinding](ctx, s.c, roleBindingsPath+segment(id), opts)
}

// Create gives a user a role.
func (s *RoleBindings) Create(ctx context.Context, n NewRoleBinding, opts ...CallOption) (RoleBinding, error) {
	return post[RoleBinding](ctx, s.c, roleBindingsPath, n, opts)
}

// Revoke takes a role away.
func (s *RoleBindings) Revoke(ctx context.Context, id string, opts ...CallOption) (RoleBinding, error) {
	return del[RoleBinding](ctx, s.c, roleBindingsPath+segment(id), opts)
}

// An APIKey lets a program act for its owner.
type APIKey struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	OwnerID string `json:"owner_id"`
	// ProjectID, unless empty, is the only project that the key sees.
	ProjectID string `json:"project_id,omitempty"`
	// Permissions is what the key may do at most; empty for all that its owner may.
	Permissions []string  `json:"permissions"`
	ExpiresAt   time.Time `json:"expires_at,omitzero"`
	RevokedAt   time.Time `json:"revoked_at,omitzero"`
	Version     int64     `json:"version"`
	CreatedAt   time.Time `json:"created_at,omitzero"`
	UpdatedAt   time.Time `json:"updated_at,omitzero"`
	// Token is in the answer to Create and Rotate, once: an answer that repeats
	// the first one has none.
	Token string `json:"token,omitempty"`
}

// ETag returns the entity tag of this version, for IfMatch.
func (k APIKey) ETag() string { return ETag(k.ID, k.Version) }

// A NewAPIKey is what a key begins with.
type NewAPIKey struct {
	Name string `json:"name"`
	// OwnerID is whose key it is; empty is the caller.
	OwnerID     string    `json:"owner_id,omitempty"`
	ProjectID   string    `json:"project_id,omitempty"`
	Permissions []string  `json:"permissions,omitempty"`
	ExpiresAt   time.Time `json:"expires_at,omitzero"`
}

// APIKeys is /v1/api-keys.
type APIKeys struct{ c *Client }

const apiKeysPath = "/v1/api-keys"

// List returns one part of the keys that the token may see.
func (s *APIKeys) List(ctx context.Context, o ListOptions, opts ...CallOption) (Page[APIKey], error) {
	return page[APIKey](ctx, s.c, apiKeysPath, nil, o, opts)
}

// All goes through the keys that the token may see.
func (s *APIKeys) All(ctx context.Context) iter.Seq2[APIKey, error] {
	return all(func(cursor string) (Page[APIKey], error) {
		return s.List(ctx, ListOptions{Limit: 100, Cursor: cursor})
	}, "")
}

// Get returns a key, without its token.
func (s *APIKeys) Get(ctx context.Context, id string, opts ...CallOption) (APIKey, error) {
	return get[APIKey](ctx, s.c, apiKeysPath+segment(id), opts)
}

// Create makes a key. The answer has its token, this once.
func (s *APIKeys) Create(ctx context.Context, n NewAPIKey, opts ...CallOption) (APIKey, error) {
	return post[APIKey](ctx, s.c, apiKeysPath, n, opts)
}

// Rename gives a key another name.
func (s *APIKeys) Rename(ctx context.Context, id, name string, opts ...CallOption) (APIKey, error) {
	return patch[APIKey](ctx, s.c, apiKeysPath+segment(id), named{name}, opts)
}

// Revoke ends a key at once and for good.
func (s *APIKeys) Revoke(ctx context.Context, id string, opts ...CallOption) (APIKey, error) {
	return del[APIKey](ctx, s.c, apiKeysPath+segment(id), opts)
}

// Rotate makes a key with the same restrictions and ends the old one after
// overlap, which is rounded down to seconds. The answer has the new key's token,
// this once.
func (s *APIKeys) Rotate(ctx context.Context, id string, overlap time.Duration, opts ...CallOption) (APIKey, error) {
	in := struct {
		Overlap int64 `json:"overlap_seconds"`
	}{int64(overlap / time.Second)}
	return post[APIKey](ctx, s.c, apiKeysPath+segment(id)+"/rotate", in, opts)
}
