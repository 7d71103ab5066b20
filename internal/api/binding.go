package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"tocsin"
)

// Scope is a tocsin.Scope on the wire.
type Scope string

// Schema lists the scopes.
func (Scope) Schema(huma.Registry) *huma.Schema {
	return oneOf([]tocsin.Scope{tocsin.ScopeOrganisation, tocsin.ScopeProject, tocsin.ScopeDataset})
}

// RoleBinding is a tocsin.Grant on the wire.
type RoleBinding struct {
	ID        ID     `json:"id"`
	UserID    ID     `json:"user_id"`
	Role      string `json:"role" doc:"The role's name."`
	Scope     Scope  `json:"scope"`
	ScopeID   ID     `json:"scope_id" doc:"The project, the dataset, or the organisation itself."`
	RevokedAt Time   `json:"revoked_at" nullable:"true" doc:"When it ended; null while it is in force."`
	Version   int64  `json:"version" doc:"Counts the changes, from 1."`
	CreatedAt Time   `json:"created_at"`
	UpdatedAt Time   `json:"updated_at"`
}

func showBinding(g *tocsin.Grant) RoleBinding {
	return RoleBinding{
		ID: ID(g.ID), UserID: ID(g.User), Role: g.Role, Scope: Scope(g.Scope), ScopeID: ID(g.ScopeID), RevokedAt: Time(g.RevokedAt),
		Version: g.Version, CreatedAt: Time(g.CreatedAt), UpdatedAt: Time(g.UpdatedAt),
	}
}

// A Place is a role and where it is to hold, on the wire.
type Place struct {
	Role    string `json:"role" minLength:"1" maxLength:"255" doc:"The name of a built-in role or of one of the organisation's own."`
	Scope   Scope  `json:"scope" doc:"How far it reaches."`
	ScopeID ID     `json:"scope_id,omitempty" doc:"The project or dataset; not for the organisation."`
}

// check returns what is wrong between the parts of a place.
func (p Place) check() error {
	if p.Scope != Scope(tocsin.ScopeOrganisation) && p.ScopeID == (ID{}) {
		return invalidField("/scope_id", "is required unless scope is organisation")
	}
	return nil
}

// placeNames are the pointers to what a place names.
func placeNames() map[string]string {
	return map[string]string{"user": "/user_id", "project": "/scope_id", "dataset": "/scope_id"}
}

// RoleBindingDraft is what a new role binding begins with, on the wire.
type RoleBindingDraft struct {
	UserID ID `json:"user_id"`
	Place
}

const tagBindings = "Role bindings"

func (c *core) bindingEndpoints() []endpoint {
	type filter struct {
		Paging
		UserID ID `query:"user_id" doc:"Only those of this user."`
	}
	return []endpoint{
		inOrder(Operation{
			ID: "listRoleBindings", Method: http.MethodGet, Path: "/v1/role-bindings", Tag: tagBindings,
			Summary: "List role bindings", Description: "Who has which role where, the revoked ones among them, the oldest first.",
			Authority: Needs(tocsin.ManageMembers),
			Examples:  []Example{{Summary: "Those of a user", Path: "/v1/role-bindings?user_id=" + SampleUser}},
		}, func(f *filter) Paging { return f.Paging }, func(ctx context.Context, call *Call, f *filter, after tocsin.ID, limit int) ([]*tocsin.Grant, error) {
			return c.Members.GrantPage(ctx, call.Actor, tocsin.ID(f.UserID), after, limit)
		}, showBinding),
		c.createBinding(),
		byID(Operation{
			ID: "getRoleBinding", Method: http.MethodGet, Path: "/v1/role-bindings/{id}", Tag: tagBindings,
			Summary: "Read a role binding", Description: "Revoked or not.",
			Authority: Needs(tocsin.ManageMembers), On: tocsin.KindGrant,
			Examples: []Example{{Summary: "One role binding", Path: "/v1/role-bindings/" + SampleGrant}},
		}, c.findBinding, showBinding),
		onID(Operation{
			ID: "revokeRoleBinding", Method: http.MethodDelete, Path: "/v1/role-bindings/{id}", Tag: tagBindings,
			Summary: "Revoke a role binding",
			Description: "It is in force at once, and for good: the record stays, with `revoked_at`. Doing so again changes nothing. " +
				"The last role binding that makes an active user an Admin cannot be revoked.",
			Authority: Needs(tocsin.ManageMembers), On: tocsin.KindGrant,
			Refusals: []tocsin.Code{tocsin.Conflict},
			Examples: []Example{{Summary: "Revoke it", Path: "/v1/role-bindings/" + SampleMembership}},
		}, c.findBinding, func(ctx context.Context, actor tocsin.Actor, id tocsin.ID) (*tocsin.Grant, error) {
			return c.Members.EndGrant(ctx, actor, id)
		}, showBinding),
	}
}

func (c *core) findBinding(ctx context.Context, actor tocsin.Actor, id tocsin.ID) (*tocsin.Grant, error) {
	return c.Members.Binding(ctx, actor, id)
}

func (c *core) createBinding() endpoint {
	type input struct{ Body RoleBindingDraft }
	return write(writer[input, RoleBinding]{
		Operation: Operation{
			ID: "createRoleBinding", Method: http.MethodPost, Path: "/v1/role-bindings", Tag: tagBindings,
			Summary: "Give a user a role",
			Description: "Of several role bindings the best counts. Admin and User are for the organisation, Manager, Editor and Viewer for a project or dataset, " +
				"the organisation's own roles for any. The same one cannot be there twice. A restricted API key cannot give a role with permissions beyond its own.",
			Authority: Needs(tocsin.ManageMembers), Status: http.StatusCreated, Location: "/v1/role-bindings/{id}",
			Names:    placeNames(),
			Refusals: []tocsin.Code{tocsin.Conflict},
			Examples: []Example{{
				Summary: "Let somebody manage a project", Path: "/v1/role-bindings",
				Body: `{"user_id":"` + SampleMember + `","role":"Manager","scope":"project","scope_id":"` + SampleProject + `"}`,
			}},
		},
		Find: manages[input](c),
		Do: func(ctx context.Context, call *Call, in *input) (Made, error) {
			b := in.Body
			if err := b.check(); err != nil {
				return Made{}, err
			}
			return made(referring(c.Members.Grant(ctx, call.Actor, tocsin.ID(b.UserID), b.Role, tocsin.Scope(b.Scope), tocsin.ID(b.ScopeID))))
		},
		Show: func(_ *input, m Made) RoleBinding { return showBinding(m.Objects[0].(*tocsin.Grant)) },
	})
}
