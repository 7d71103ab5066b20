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
	// RequireIfMatch refuses updates through the native API that name no version.
	RequireIfMatch bool
	// AuditEpoch counts the times that the log was taken up again after a restore,
	// from 1. AuditPrevious is the last checkpoint of the epoch before, if any.
	AuditEpoch    int64
	AuditPrevious string
}

// Kind returns KindOrganisation.
func (*Organisation) Kind() Kind { return KindOrganisation }

// AppendFields lists what the log records of an organisation.
func (o *Organisation) AppendFields(b []Field) []Field {
	return append(
		b,
		Field{"audit_epoch", Int(o.AuditEpoch)},
		Field{"audit_previous", Text(o.AuditPrevious)},
		Field{"name", Text(o.Name)},
		Field{"require_if_match", Bool(o.RequireIfMatch)},
	)
}

// A Project holds checks, datasets and incidents that belong together.
type Project struct {
	Meta
	Name string
}

// Kind returns KindProject.
func (*Project) Kind() Kind { return KindProject }

// AppendFields lists what the log records of a project.
func (p *Project) AppendFields(b []Field) []Field { return append(b, Field{"name", Text(p.Name)}) }

// A Dataset is data that incidents may concern; roles can be granted on it.
type Dataset struct {
	Meta
	Project ID
	Name    string
}

// Kind returns KindDataset.
func (*Dataset) Kind() Kind { return KindDataset }

// AppendFields lists what the log records of a dataset.
func (d *Dataset) AppendFields(b []Field) []Field {
	return append(b, Field{"name", Text(d.Name)}, Field{"project_id", IDText(d.Project)})
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

// AppendFields lists what the log records of a check.
func (c *Check) AppendFields(b []Field) []Field {
	return append(
		b,
		Field{"dataset_ids", IDList(c.Datasets)},
		Field{"name", Text(c.Name)},
		Field{"project_id", IDText(c.Project)},
		Field{"url", Text(c.URL)},
	)
}

// A User is a person in an organisation.
type User struct {
	Meta
	Name  string
	Email string
	// DeactivatedAt, unless zero, is when all of the user's keys ended.
	DeactivatedAt time.Time
}

// Kind returns KindUser.
func (*User) Kind() Kind { return KindUser }

// AppendFields lists what the log records of a user.
func (u *User) AppendFields(b []Field) []Field {
	return append(
		b,
		Field{"deactivated_at", Time(u.DeactivatedAt)},
		Field{"email", Text(u.Email)},
		Field{"name", Text(u.Name)},
	)
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

// AppendFields lists what the log records of a role.
func (r *Role) AppendFields(b []Field) []Field {
	return append(b, Field{"name", Text(r.Name)}, Field{"permissions", List(r.Permissions.Names())})
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

// AppendFields lists what the log records of a grant.
func (g *Grant) AppendFields(b []Field) []Field {
	return append(
		b,
		Field{"revoked_at", Time(g.RevokedAt)},
		Field{"role", Text(g.Role)},
		Field{"scope", Text(string(g.Scope))},
		Field{"scope_id", IDText(g.ScopeID)},
		Field{"user_id", IDText(g.User)},
	)
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

// AppendFields lists what the log records of a key: of its secret only the hash, which
// gives nothing away (the secret has 256 random bits) and lets a replay notice
// a swapped one.
func (k *APIKey) AppendFields(b []Field) []Field {
	return append(
		b,
		Field{"expires_at", Time(k.ExpiresAt)},
		Field{"name", Text(k.Name)},
		Field{"owner_id", IDText(k.Owner)},
		Field{"permissions", List(k.Permissions.Names())},
		Field{"project_id", IDText(k.Project)},
		Field{"revoked_at", Time(k.RevokedAt)},
		Field{"secret_sha256", Text(hex.EncodeToString(k.SecretHash[:]))},
	)
}

// A KeyDraft is what a new API key begins with.
type KeyDraft struct {
	Owner ID
	Name  string
	// Project, Permissions and ExpiresAt restrict it; zero does not.
	Project     ID
	Permissions Permissions
	ExpiresAt   time.Time
}

// An Invitation lets somebody join an organisation as a user with one grant and
// one key. It ends by being accepted, by being revoked or by time.
type Invitation struct {
	Meta
	Email string
	// Role, Scope and ScopeID are the grant that the new user will have.
	Role    string
	Scope   Scope
	ScopeID ID
	// SecretHash is the SHA-256 of the secret, which is not stored.
	SecretHash [32]byte
	ExpiresAt  time.Time
	// AcceptedAt and RevokedAt are zero until it is so; User is who accepted.
	AcceptedAt, RevokedAt time.Time
	User                  ID
}

// Kind returns KindInvitation.
func (*Invitation) Kind() Kind { return KindInvitation }

// AppendFields lists what the log records of an invitation; of its secret only
// the hash, as of a key's.
func (i *Invitation) AppendFields(b []Field) []Field {
	return append(
		b,
		Field{"accepted_at", Time(i.AcceptedAt)},
		Field{"email", Text(i.Email)},
		Field{"expires_at", Time(i.ExpiresAt)},
		Field{"revoked_at", Time(i.RevokedAt)},
		Field{"role", Text(i.Role)},
		Field{"scope", Text(string(i.Scope))},
		Field{"scope_id", IDText(i.ScopeID)},
		Field{"secret_sha256", Text(hex.EncodeToString(i.SecretHash[:]))},
		Field{"user_id", IDText(i.User)},
	)
}
