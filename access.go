package tocsin

import (
	"slices"
	"strings"
	"time"
)

// Permissions is a set of things that somebody may do.
type Permissions uint32

// The permissions.
const (
	// ViewIncidents: see incidents, their comments and their history.
	ViewIncidents Permissions = 1 << iota
	// ManageIncidents: create, change and comment on incidents.
	ManageIncidents
	// ManageProjects: projects, datasets and checks.
	ManageProjects
	// ManageMembers: users, roles, grants and keys. Who holds it can give himself
	// every other: it is an administrator's.
	ManageMembers
	// ViewAudit: read the organisation's whole log.
	ViewAudit
	// ManageSettings: the organisation itself.
	ManageSettings
)

// AllPermissions is every one.
const AllPermissions = ViewIncidents | ManageIncidents | ManageProjects | ManageMembers | ViewAudit | ManageSettings

var permissionNames = [...]struct {
	name string
	bit  Permissions
}{
	{"audit.view", ViewAudit},
	{"incidents.manage", ManageIncidents},
	{"incidents.view", ViewIncidents},
	{"members.manage", ManageMembers},
	{"projects.manage", ManageProjects},
	{"settings.manage", ManageSettings},
}

// Has reports whether p holds all of q.
func (p Permissions) Has(q Permissions) bool { return p&q == q }

// Names returns the names of the permissions in p, sorted.
func (p Permissions) Names() []string {
	names := []string{}
	for _, n := range permissionNames {
		if p.Has(n.bit) {
			names = append(names, n.name)
		}
	}
	return names
}

// ParsePermissions returns the set with the given names, or an error that names
// the first that is none.
func ParsePermissions(names []string) (Permissions, error) {
	var p Permissions
	for _, name := range names {
		var bit Permissions
		for _, n := range permissionNames {
			if n.name == name {
				bit = n.bit
			}
		}
		if bit == 0 {
			return 0, Errorf(Invalid, "%q is not a permission; there are: %s", name, strings.Join(AllPermissions.Names(), ", "))
		}
		p |= bit
	}
	return p, nil
}

// Scope says how far a grant reaches.
type Scope string

// The scopes.
const (
	ScopeOrganisation Scope = "organisation"
	ScopeProject      Scope = "project"
	ScopeDataset      Scope = "dataset"
)

// Valid reports whether s is a scope.
func (s Scope) Valid() bool {
	return s == ScopeOrganisation || s == ScopeProject || s == ScopeDataset
}

// Built-in roles. Admin and User are granted on the organisation, the others on
// a project or a dataset; all three of those may manage incidents (Soda
// contract: "the permission Manage incident is in all three by default").
const (
	RoleAdmin   = "Admin"
	RoleUser    = "User"
	RoleManager = "Manager"
	RoleEditor  = "Editor"
	RoleViewer  = "Viewer"
)

// BuiltinRole returns the permissions of a built-in role.
func BuiltinRole(name string) (Permissions, bool) {
	switch name {
	case RoleAdmin:
		return AllPermissions, true
	case RoleUser:
		return 0, true
	case RoleManager:
		return ViewIncidents | ManageIncidents | ManageProjects, true
	case RoleEditor, RoleViewer:
		return ViewIncidents | ManageIncidents, true
	default:
		return 0, false
	}
}

// Target is what somebody wants to act on: something of the organisation, of a
// project, or of a project and some of its datasets.
type Target struct {
	Project  ID
	Datasets []ID
}

// A Binding is a live grant with its role looked up.
type Binding struct {
	Scope       Scope
	ScopeID     ID
	Permissions Permissions
}

// reaches reports whether the binding's scope holds t.
func (b Binding) reaches(t Target) bool {
	switch b.Scope {
	case ScopeOrganisation:
		return true
	case ScopeProject:
		return !t.Project.IsZero() && b.ScopeID == t.Project
	case ScopeDataset:
		return slices.Contains(t.Datasets, b.ScopeID)
	default:
		return false
	}
}

// Access is what one API key may do: the key, its owner and the owner's grants,
// loaded together so that they are judged as they stood at one moment.
type Access struct {
	Key      *APIKey
	Owner    *User
	Bindings []Binding
}

// Check returns an Unauthenticated error unless the key is good at the time now.
func (a *Access) Check(now time.Time) error {
	switch {
	case a == nil:
		return Errorf(Unauthenticated, "the API key is not known")
	case !a.Key.RevokedAt.IsZero():
		return Errorf(Unauthenticated, "the API key has been revoked")
	case !a.Owner.DeactivatedAt.IsZero():
		return Errorf(Unauthenticated, "the API key's owner has been deactivated")
	case !a.Key.ExpiresAt.IsZero() && !now.Before(a.Key.ExpiresAt):
		return Errorf(Unauthenticated, "the API key has expired")
	}
	return nil
}

// May reports whether the key holds permission p on t: granted to its owner at
// the organisation, the project or one of the datasets, and within the key's
// own restrictions.
func (a *Access) May(p Permissions, t Target) bool {
	if a.Key.Permissions != 0 && !a.Key.Permissions.Has(p) {
		return false
	}
	if !a.Key.Project.IsZero() && a.Key.Project != t.Project {
		return false
	}
	var held Permissions
	for _, b := range a.Bindings {
		if b.reaches(t) {
			held |= b.Permissions
		}
	}
	return held.Has(p)
}

// Reach is the set of places in which an actor holds a permission, for lists.
type Reach struct {
	// Everywhere: the whole organisation, or all of Within when that is set.
	Everywhere bool
	// Projects and Datasets are where it holds otherwise.
	Projects, Datasets []ID
	// Within, unless zero, narrows all of it to one project.
	Within ID
}

// Reach returns where the key holds p.
func (a *Access) Reach(p Permissions) Reach {
	r := Reach{Within: a.Key.Project}
	if a.Key.Permissions != 0 && !a.Key.Permissions.Has(p) {
		return r
	}
	for _, b := range a.Bindings {
		if !b.Permissions.Has(p) {
			continue
		}
		switch b.Scope {
		case ScopeOrganisation:
			r.Everywhere = true
		case ScopeProject:
			r.Projects = append(r.Projects, b.ScopeID)
		case ScopeDataset:
			r.Datasets = append(r.Datasets, b.ScopeID)
		}
	}
	return r
}

// ActorKind says what sort of actor did something.
type ActorKind string

// The kinds of actor.
const (
	// ActorUser is a person, or a program with a person's API key.
	ActorUser ActorKind = "user"
	// ActorIntegration is another tool that reports to Tocsin; ActorCheck a check
	// of Tocsin's own.
	ActorIntegration ActorKind = "integration"
	ActorCheck       ActorKind = "check"
	// ActorSystem is Tocsin itself or its operator at the shell: it may do all.
	ActorSystem ActorKind = "system"
)

// An Actor is who does something, through what, and on what terms. Every use
// case takes one as a parameter; it is never hidden in a context.
type Actor struct {
	Kind ActorKind
	Org  ID
	// User is whom the log names; zero for ActorSystem.
	User ID
	// Key is the API key used, zero without one.
	Key ID
	// Project is the one that the key is bound to, or zero.
	Project ID
	// Door is the way in: a dialect's name, "cli", "demo".
	Door string
	// Request is the request id; Address and Agent are the caller's.
	Request, Address, Agent string
	// Terms are the conditions under which he asks.
	Terms Terms
}

// System returns the operator's actor in an organisation.
func System(org ID, door string) Actor { return Actor{Kind: ActorSystem, Org: org, Door: door} }
