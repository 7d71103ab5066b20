package api

import (
	"context"
	"encoding/binary"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"tocsin"
)

// Permission is the name of a permission, on the wire.
type Permission string

// Schema lists the permissions.
func (Permission) Schema(huma.Registry) *huma.Schema { return oneOf(tocsin.AllPermissions.Names()) }

// permissionsOf returns a set, of names that their schema has let pass.
func permissionsOf(names []Permission) (tocsin.Permissions, error) {
	return tocsin.ParsePermissions(texts(names))
}

func showPermissions(p tocsin.Permissions) []Permission {
	out := []Permission{}
	for _, name := range p.Names() {
		out = append(out, Permission(name))
	}
	return out
}

// Role is a role on the wire: one of the organisation's own, or a built-in one.
type Role struct {
	ID          ID           `json:"id" nullable:"true" doc:"Null for a built-in role."`
	Name        string       `json:"name" doc:"What role bindings name it by."`
	Permissions []Permission `json:"permissions" nullable:"false"`
	Builtin     bool         `json:"builtin" doc:"It is Tocsin's own and cannot be changed."`
	Version     int64        `json:"version" doc:"Counts the changes, from 1; 0 for a built-in role."`
	CreatedAt   Time         `json:"created_at" nullable:"true"`
	UpdatedAt   Time         `json:"updated_at" nullable:"true"`
}

func showRole(r *tocsin.Role) Role {
	return Role{
		ID: ID(r.ID), Name: r.Name, Permissions: showPermissions(r.Permissions),
		Version: r.Version, CreatedAt: Time(r.CreatedAt), UpdatedAt: Time(r.UpdatedAt),
	}
}

// builtinRoles returns the roles that every organisation has.
func builtinRoles() []Role {
	var out []Role
	for _, name := range []string{tocsin.RoleAdmin, tocsin.RoleUser, tocsin.RoleManager, tocsin.RoleEditor, tocsin.RoleViewer} {
		p, _ := tocsin.BuiltinRole(name)
		out = append(out, Role{Name: name, Permissions: showPermissions(p), Builtin: true})
	}
	return out
}

// RoleDraft is what a new role begins with, on the wire.
type RoleDraft struct {
	Name        string       `json:"name" minLength:"1" maxLength:"255" doc:"For good: role bindings hold to it."`
	Permissions []Permission `json:"permissions" nullable:"false" maxItems:"32"`
}

// RolePatch says what to change in a role, on the wire (RFC 7396).
type RolePatch struct {
	Permissions Optional[[]Permission] `json:"permissions,omitzero" maxItems:"32" doc:"The whole list."`
}

const tagRoles = "Roles"

func (c *core) roleEndpoints() []endpoint {
	return []endpoint{
		c.listRoles(),
		c.createRole(),
		byID(Operation{
			ID: "getRole", Method: http.MethodGet, Path: "/v1/roles/{id}", Tag: tagRoles,
			Summary: "Read a role", Description: "One of the organisation's own: the built-in ones have no id, and are in the list.",
			Authority: Needs(tocsin.ManageMembers), On: tocsin.KindRole,
			Examples: []Example{{Summary: "One role", Path: "/v1/roles/" + SampleRole}},
		}, c.findRole, showRole),
		c.updateRole(),
	}
}

func (c *core) findRole(ctx context.Context, actor tocsin.Actor, id tocsin.ID) (*tocsin.Role, error) {
	return c.Members.Role(ctx, actor, id)
}

// A listedRole is a role with its position in the list: how many built-in ones
// lie before what follows it, and its id.
type listedRole struct {
	Role
	position []byte
}

func (c *core) listRoles() endpoint {
	return read(reader[Paging, Page[Role]]{
		Operation: Operation{
			ID: "listRoles", Method: http.MethodGet, Path: "/v1/roles", Tag: tagRoles,
			Summary:     "List roles",
			Description: "The built-in ones, then the organisation's own, the oldest first. Admin and User are bound to the organisation, Manager, Editor and Viewer to a project or dataset, the organisation's own to any.",
			Authority:   Needs(tocsin.ManageMembers),
			Examples:    []Example{{Summary: "All roles", Path: "/v1/roles"}},
		},
		Find: manages[Paging](c),
		Do: func(ctx context.Context, call *Call, p *Paging) (Answer[Page[Role]], error) {
			after, err := call.after(*p, 3)
			if err != nil {
				return Answer[Page[Role]]{}, err
			}
			passed := 0
			if after != nil {
				passed = int(after[0])
				after = after[1:]
			}
			var all []listedRole
			for i, r := range builtinRoles() {
				if i >= passed {
					all = append(all, listedRole{r, append(numbers(int64(i+1)), make([]byte, len(tocsin.ID{}))...)})
				}
			}
			own, err := c.Members.RolePage(ctx, call.Actor, idAt(after), p.limit()+1)
			if err != nil {
				return Answer[Page[Role]]{}, err
			}
			for _, r := range own {
				all = append(all, listedRole{showRole(r), append(binary.BigEndian.AppendUint64(nil, uint64(len(builtinRoles()))), r.ID[:]...)})
			}
			return cutPage(call, *p, all, func(r listedRole) Role { return r.Role }, func(r listedRole) []byte { return r.position }), nil
		},
	})
}

func (c *core) createRole() endpoint {
	type input struct{ Body RoleDraft }
	return write(writer[input, Role]{
		Operation: Operation{
			ID: "createRole", Method: http.MethodPost, Path: "/v1/roles", Tag: tagRoles,
			Summary: "Make a role", Description: "A set of permissions with a name, to be bound to users. Names are unique.",
			Authority: Needs(tocsin.ManageMembers), Status: http.StatusCreated, Location: "/v1/roles/{id}",
			Refusals: []tocsin.Code{tocsin.Conflict},
			Examples: []Example{{Summary: "Make a role that may only look", Path: "/v1/roles", Body: `{"name":"Onlooker","permissions":["incidents.view"]}`}},
		},
		Find: manages[input](c),
		Do: func(ctx context.Context, call *Call, in *input) (Made, error) {
			p, err := permissionsOf(in.Body.Permissions)
			if err != nil {
				return Made{}, err
			}
			return made(c.Members.CreateRole(ctx, call.Actor, in.Body.Name, p))
		},
		Show: func(_ *input, m Made) Role { return showRole(m.Objects[0].(*tocsin.Role)) },
	})
}

func (c *core) updateRole() endpoint {
	type input struct {
		idPath
		Body RolePatch
	}
	return write(writer[input, Role]{
		Operation: Operation{
			ID: "updateRole", Method: http.MethodPatch, Path: "/v1/roles/{id}", Tag: tagRoles,
			Summary: "Change a role", Description: "A JSON Merge Patch. It is in force at once for all who hold the role. The name stays: role bindings hold to it. A restricted API key cannot add permissions beyond its own.",
			Authority: Needs(tocsin.ManageMembers), On: tocsin.KindRole,
			Examples: []Example{{Summary: "Give it more", Path: "/v1/roles/" + SampleRole, Body: `{"permissions":["incidents.view","audit.view"]}`}},
		},
		Find: keep(func(in *input) tocsin.ID { return in.id() }, c.findRole),
		Do: func(ctx context.Context, call *Call, in *input) (Made, error) {
			var next *tocsin.Permissions
			if in.Body.Permissions.Given {
				p, err := permissionsOf(in.Body.Permissions.Value)
				if err != nil {
					return Made{}, err
				}
				next = &p
			}
			return made(c.Members.UpdateRole(ctx, call.Actor, in.id(), next))
		},
		Show: func(_ *input, m Made) Role { return showRole(m.Objects[0].(*tocsin.Role)) },
	})
}
