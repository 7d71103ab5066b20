package harness

import (
	"context"
	"testing"
	"time"

	"tocsin"
	"tocsin/internal/app"
)

// door is the name in the log of what tests make.
const door = "test"

// A Tenant is an organisation with one of everything. All tenants hold the same
// values but for ids and times.
type Tenant struct {
	Org, Project, Dataset, Check, Incident tocsin.ID
	// Ada is an Admin of the organisation, by AdaGrant.
	Ada, AdaGrant tocsin.ID
	// Secrets are those of all tokens that the tenant was given.
	Secrets Secrets
	// Soda and Uptime are keys of Ada's, Uptime bound to the project.
	Soda, Uptime Key

	tb       testing.TB
	services app.Services
}

// A Key is an API key with its token.
type Key struct {
	ID    tocsin.ID
	Token string
}

// NewTenant makes an organisation.
func NewTenant(tb testing.TB, s app.Services) *Tenant {
	tb.Helper()
	t := &Tenant{tb: tb, services: s}
	t.Org = made(t, func(ctx context.Context, _ tocsin.Actor) (*tocsin.Organisation, error) {
		return s.Directory.CreateOrganisation(ctx, door, "Northwind")
	})
	t.Ada = t.User("Ada Okafor", "ada@example.org")
	t.AdaGrant = t.Grant(t.Ada, tocsin.RoleAdmin, tocsin.ScopeOrganisation, t.Org)
	t.Project, t.Dataset, t.Check, t.Incident = t.NewProject("Online shop")
	t.Soda = t.Key(tocsin.KeyDraft{Owner: t.Ada, Name: "ticket sync"})
	t.Uptime = t.Key(tocsin.KeyDraft{Owner: t.Ada, Name: "pager script", Project: t.Project})
	return t
}

// NewProject makes a project with a dataset, a check and a critical open incident.
func (t *Tenant) NewProject(name string) (project, dataset, check, incident tocsin.ID) {
	t.tb.Helper()
	d := t.services.Directory
	project = made(t, func(ctx context.Context, a tocsin.Actor) (*tocsin.Project, error) {
		return d.CreateProject(ctx, a, name)
	})
	dataset = made(t, func(ctx context.Context, a tocsin.Actor) (*tocsin.Dataset, error) {
		return d.CreateDataset(ctx, a, project, "orders")
	})
	check = made(t, func(ctx context.Context, a tocsin.Actor) (*tocsin.Check, error) {
		return d.CreateCheck(ctx, a, project, "Payment Service", "https://payments.example.com/health", []tocsin.ID{dataset})
	})
	return project, dataset, check, t.NewIncident(check, tocsin.Open)
}

// NewIncident opens a critical incident of a check.
func (t *Tenant) NewIncident(check tocsin.ID, status tocsin.Status) tocsin.ID {
	t.tb.Helper()
	return made(t, func(ctx context.Context, a tocsin.Actor) (*tocsin.Incident, error) {
		return t.services.Incidents.Create(ctx, a, tocsin.Draft{
			Checks: []tocsin.ID{check}, Severity: tocsin.Critical, Status: status, Type: "connection_error", Source: tocsin.FromSystem,
			ErrorMessage: "connection refused", AffectedRegions: []string{"us-east-1", "eu-west-1"}, FailureCount: 3,
			StartedAt: time.Date(2026, 1, 31, 9, 30, 0, 0, time.UTC),
		})
	})
}

// User adds a person.
func (t *Tenant) User(name, email string) tocsin.ID {
	t.tb.Helper()
	return made(t, func(ctx context.Context, a tocsin.Actor) (*tocsin.User, error) {
		return t.services.Access.CreateUser(ctx, a, name, email)
	})
}

// Furniture is one of each thing that an organisation can have besides.
type Furniture struct {
	// Member is a user with one grant, Membership.
	Member, Membership tocsin.ID
	Role, Invitation   tocsin.ID
	// Comment and Link are the incident's.
	Comment, Link tocsin.ID
	// InvitationToken accepts the invitation.
	InvitationToken string
	// Entry is the sequence number of an entry of the log that can be redacted:
	// nothing has the texts in it any more.
	Entry int64
}

// Furnish adds one of each, and has Ada make herself the lead of the incident.
func (t *Tenant) Furnish() Furniture {
	t.tb.Helper()
	var f Furniture
	f.Member = t.User("Ben Lindqvist", "ben@example.org")
	f.Membership = t.Grant(f.Member, tocsin.RoleViewer, tocsin.ScopeProject, t.Project)
	f.Role = t.Role("Observer", tocsin.ViewIncidents)
	f.Invitation = made(t, func(ctx context.Context, a tocsin.Actor) (i *tocsin.Invitation, err error) {
		i, f.InvitationToken, err = t.services.Access.Invite(ctx, a, "dana@example.org", tocsin.RoleUser, tocsin.ScopeOrganisation, t.Org, 0)
		return i, err
	})
	t.Secrets.Add(f.InvitationToken)
	f.Comment, f.Link = t.Discuss(t.Incident)
	update := func(p tocsin.Patch) int64 {
		ada := tocsin.Actor{Kind: tocsin.ActorUser, Org: t.Org, User: t.Ada, Key: t.Soda.ID, Door: door}
		i, err := t.services.Incidents.Update(context.Background(), ada, t.Incident, p, tocsin.Lifecycle())
		if err != nil {
			t.tb.Fatal(err)
		}
		return i.Seq
	}
	update(tocsin.Patch{Lead: &t.Ada})
	whose, nobodys := "reported by Dana Dahl", ""
	f.Entry = update(tocsin.Patch{Description: &whose})
	update(tocsin.Patch{Description: &nobodys})
	return f
}

// Discuss gives an incident a comment and a link.
func (t *Tenant) Discuss(incident tocsin.ID) (comment, link tocsin.ID) {
	t.tb.Helper()
	comment = made(t, func(ctx context.Context, a tocsin.Actor) (*tocsin.Comment, error) {
		return t.services.Incidents.Comment(ctx, a, incident, "the connection pool was exhausted")
	})
	made(t, func(ctx context.Context, a tocsin.Actor) (*tocsin.Incident, error) {
		i, err := t.services.Incidents.AddLink(ctx, a, incident, "https://wiki.example.org/runbook", "Runbook")
		if err == nil {
			link = i.Links[0].ID
		}
		return i, err
	})
	return comment, link
}

// Role makes a role of the organisation's own.
func (t *Tenant) Role(name string, p tocsin.Permissions) tocsin.ID {
	t.tb.Helper()
	return made(t, func(ctx context.Context, a tocsin.Actor) (*tocsin.Role, error) {
		return t.services.Access.CreateRole(ctx, a, name, p)
	})
}

// Grant gives a user a role.
func (t *Tenant) Grant(user tocsin.ID, role string, scope tocsin.Scope, id tocsin.ID) tocsin.ID {
	t.tb.Helper()
	return made(t, func(ctx context.Context, a tocsin.Actor) (*tocsin.Grant, error) {
		return t.services.Access.Grant(ctx, a, user, role, scope, id)
	})
}

// RevokeGrant takes it away again.
func (t *Tenant) RevokeGrant(id tocsin.ID) {
	t.tb.Helper()
	if err := t.services.Access.RevokeGrant(context.Background(), t.Actor(), id); err != nil {
		t.tb.Fatal(err)
	}
}

// Key makes an API key.
func (t *Tenant) Key(d tocsin.KeyDraft) Key {
	t.tb.Helper()
	k, token, err := t.services.Access.CreateKey(context.Background(), t.Actor(), d)
	if err != nil {
		t.tb.Fatal(err)
	}
	t.Secrets.Add(token)
	return Key{k.ID, token}
}

// RevokeKey ends a key, as another process would.
func (t *Tenant) RevokeKey(k Key) {
	t.tb.Helper()
	if err := t.services.Access.RevokeKey(context.Background(), t.Actor(), k.ID); err != nil {
		t.tb.Fatal(err)
	}
}

// Actor is the operator, who may do all in the organisation.
func (t *Tenant) Actor() tocsin.Actor { return tocsin.System(t.Org, door) }

// made makes one object and returns its id.
func made[T tocsin.Object](t *Tenant, make func(context.Context, tocsin.Actor) (T, error)) tocsin.ID {
	t.tb.Helper()
	o, err := make(context.Background(), t.Actor())
	if err != nil {
		t.tb.Fatal(err)
	}
	return o.Head().ID
}
