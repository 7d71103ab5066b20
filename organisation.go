package tocsin

import (
	"encoding/hex"
	"time"
)

// An Organisation is a tenant: nothing in it is seen by another. Its ID is its
// own Org.
type Organisation struct {
	Meta
	Name string
}

// Kind returns KindOrganisation.
func (*Organisation) Kind() Kind { return KindOrganisation }

// Fields lists what the log records of an organisation.
func (o *Organisation) Fields() []Field { return []Field{{"name", Text(o.Name)}} }

// A Project holds checks, datasets and incidents that belong together.
type Project struct {
	Meta
	Name string
}

// Kind returns KindProject.
func (*Project) Kind() Kind { return KindProject }

// Fields lists what the log records of a project.
func (p *Project) Fields() []Field { return []Field{{"name", Text(p.Name)}} }

// A Dataset is data that incidents may concern; roles can be granted on it.
type Dataset struct {
	Meta
	Project ID
	Name    string
}

// Kind returns KindDataset.
func (*Dataset) Kind() Kind { return KindDataset }

// Fields lists what the log records of a dataset.
func (d *Dataset) Fields() []Field {
	return []Field{{"name", Text(d.Name)}, {"project_id", IDText(d.Project)}}
}

// A Check watches something and is what a system incident is of.
type Check struct {
	Meta
	Project  ID
	Name     string
	URL      string
	Datasets []ID
}

// Kind returns KindCheck.
func (*Check) Kind() Kind { return KindCheck }

// Fields lists what the log records of a check.
func (c *Check) Fields() []Field {
	return []Field{
		{"dataset_ids", IDList(c.Datasets)},
		{"name", Text(c.Name)},
		{"project_id", IDText(c.Project)},
		{"url", Text(c.URL)},
	}
}

// A User is a person in an organisation.
type User struct {
	Meta
	Name  string
	Email string
}

// Kind returns KindUser.
func (*User) Kind() Kind { return KindUser }

// Fields lists what the log records of a user.
func (u *User) Fields() []Field {
	return []Field{{"email", Text(u.Email)}, {"name", Text(u.Name)}}
}

// A Role is a named set of permissions that an organisation made for itself.
// The built-in ones need no object: see BuiltinRole.
type Role struct {
	Meta
	Name        string
	Permissions Permissions
}

// Kind returns KindRole.
func (*Role) Kind() Kind { return KindRole }

// Fields lists what the log records of a role.
func (r *Role) Fields() []Field {
	return []Field{{"name", Text(r.Name)}, {"permissions", List(r.Permissions.Names())}}
}

// A Grant binds a user to a role within a scope. It ends by being revoked; the
// record stays.
type Grant struct {
	Meta
	User ID
	// Role is a built-in role's name or that of a Role of the organisation.
	Role  string
	Scope Scope
	// ScopeID is the project or dataset; for ScopeOrganisation the organisation.
	ScopeID   ID
	RevokedAt time.Time
}

// Kind returns KindGrant.
func (*Grant) Kind() Kind { return KindGrant }

// Fields lists what the log records of a grant.
func (g *Grant) Fields() []Field {
	return []Field{
		{"revoked_at", Time(g.RevokedAt)},
		{"role", Text(g.Role)},
		{"scope", Text(string(g.Scope))},
		{"scope_id", IDText(g.ScopeID)},
		{"user_id", IDText(g.User)},
	}
}

// An APIKey lets a program act for its owner. The effective right is what the
// owner may do, within the key's own restrictions.
type APIKey struct {
	Meta
	Owner ID
	Name  string
	// Project, unless zero, is the only one that the key sees, through every door.
	Project ID
	// Permissions is what the key may do at most; zero for all that its owner may.
	Permissions Permissions
	// SecretHash is the SHA-256 of the secret, which is not stored.
	SecretHash [32]byte
	// ExpiresAt and RevokedAt are zero for a key that does not expire, is not revoked.
	ExpiresAt, RevokedAt time.Time
}

// Kind returns KindAPIKey.
func (*APIKey) Kind() Kind { return KindAPIKey }

// Fields lists what the log records of a key: of its secret only the hash, which
// gives nothing away (the secret has 256 random bits) and lets a replay notice
// a swapped one.
func (k *APIKey) Fields() []Field {
	return []Field{
		{"expires_at", Time(k.ExpiresAt)},
		{"name", Text(k.Name)},
		{"owner_id", IDText(k.Owner)},
		{"permissions", List(k.Permissions.Names())},
		{"project_id", IDText(k.Project)},
		{"revoked_at", Time(k.RevokedAt)},
		{"secret_sha256", Text(hex.EncodeToString(k.SecretHash[:]))},
	}
}
