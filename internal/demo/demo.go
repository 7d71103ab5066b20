// Package demo fills an empty database with an organisation to play with. It
// goes through the use cases, so every object has its log entry; it must never
// touch a database that holds anything.
package demo

import (
	"context"
	"time"

	"tocsin"
	"tocsin/internal/access"
	"tocsin/internal/directory"
	"tocsin/internal/incident"
)

// Result names what scripts and people need of the demo. The values of all its
// objects are the same at every start; ids, keys and times are new.
type Result struct {
	URL                     string `json:"url"`
	UptimeIOKey             string `json:"uptimeio_key"`
	UptimeIOReadonlyKey     string `json:"uptimeio_readonly_key"`
	UptimeIOOtherProjectKey string `json:"uptimeio_other_project_key"`
	SodaKeyID               string `json:"soda_key_id"`
	SodaKeySecret           string `json:"soda_key_secret"`
	SodaEditorKeyID         string `json:"soda_editor_key_id"`
	SodaEditorKeySecret     string `json:"soda_editor_key_secret"`
	SodaViewerKeyID         string `json:"soda_viewer_key_id"`
	SodaViewerKeySecret     string `json:"soda_viewer_key_secret"`
	SodaOtherOrgKeyID       string `json:"soda_other_org_key_id"`
	SodaOtherOrgKeySecret   string `json:"soda_other_org_key_secret"`
	IncidentID              string `json:"incident_id"`
	ManualIncidentID        string `json:"manual_incident_id"`
	OtherProjectIncidentID  string `json:"other_project_incident_id"`
	ClosedIncidentID        string `json:"closed_incident_id"`
	DatasetTwoIncidentID    string `json:"dataset_two_incident_id"`
}

// UseCases are what the demo is made with.
type UseCases struct {
	Access    *access.Service
	Incidents *incident.Service
	Directory *directory.Service
}

// door is the demo's name in the log.
const door = "demo"

// seeding is a run of Seed: it stops at the first error.
type seeding struct {
	UseCases
	ctx   context.Context
	actor tocsin.Actor
	err   error
}

// Seed fills the database, which must be empty; now is when the incidents'
// stories end.
func Seed(ctx context.Context, u UseCases, now time.Time) (Result, error) {
	var r Result
	if orgs, err := u.Directory.Organisations(ctx); err != nil {
		return r, err
	} else if len(orgs) > 0 {
		return r, tocsin.Errorf(tocsin.Conflict, "the database is not empty; the demo only fills an empty one")
	}
	org, err := u.Directory.CreateOrganisation(ctx, door, "Meridian Payments")
	if err != nil {
		return r, err
	}
	s := &seeding{UseCases: u, ctx: ctx, actor: tocsin.System(org.ID, door)}

	shop, warehouse := s.project("Online shop"), s.project("Warehouse")
	orders, customers := s.dataset(shop, "orders"), s.dataset(shop, "customers")
	stock := s.dataset(warehouse, "stock")
	payment := s.check(shop, "Payment Service", "https://payments.example.com/health", orders)
	signup := s.check(shop, "Customer Sign-up", "https://www.example.com/signup", customers)
	scanner := s.check(warehouse, "Scanner Gateway", "https://scanners.example.com/ping", stock)

	ada := s.user("Ada Okafor", "ada@example.org")
	ben := s.user("Ben Lindqvist", "ben@example.org")
	chiara := s.user("Chiara Moreau", "chiara@example.org")
	dmitri := s.user("Dmitri Sato", "dmitri@example.org")
	s.role("Observer", tocsin.ViewIncidents)
	s.grant(ada, tocsin.RoleAdmin, tocsin.ScopeOrganisation, org.ID)
	s.grant(ben, tocsin.RoleEditor, tocsin.ScopeProject, shop)
	s.grant(ben, tocsin.RoleEditor, tocsin.ScopeProject, warehouse)
	s.grant(chiara, tocsin.RoleEditor, tocsin.ScopeDataset, orders)
	s.grant(dmitri, "Observer", tocsin.ScopeDataset, orders)

	_, r.UptimeIOKey = s.key(tocsin.KeyDraft{Owner: ben, Name: "pager script", Project: shop})
	_, r.UptimeIOReadonlyKey = s.key(tocsin.KeyDraft{Owner: ben, Name: "wallboard", Project: shop, Permissions: tocsin.ViewIncidents})
	_, r.UptimeIOOtherProjectKey = s.key(tocsin.KeyDraft{Owner: ben, Name: "warehouse script", Project: warehouse})
	r.SodaKeyID, r.SodaKeySecret = s.key(tocsin.KeyDraft{Owner: ada, Name: "ticket sync"})
	r.SodaEditorKeyID, r.SodaEditorKeySecret = s.key(tocsin.KeyDraft{Owner: chiara, Name: "orders pipeline"})
	r.SodaViewerKeyID, r.SodaViewerKeySecret = s.key(tocsin.KeyDraft{Owner: dmitri, Name: "orders dashboard"})

	s.incidents(&r, shop, payment, signup, scanner, now)
	if s.err != nil {
		return r, s.err
	}

	other, err := u.Directory.CreateOrganisation(ctx, door, "Harbour Analytics")
	if err != nil {
		return r, err
	}
	s.actor = tocsin.System(other.ID, door)
	s.project("Reports")
	eve := s.user("Eve Tanaka", "eve@example.net")
	s.grant(eve, tocsin.RoleAdmin, tocsin.ScopeOrganisation, other.ID)
	r.SodaOtherOrgKeyID, r.SodaOtherOrgKeySecret = s.key(tocsin.KeyDraft{Owner: eve, Name: "reports"})
	return r, s.err
}

// incidents opens the first organisation's: of its checks, and one by hand.
func (s *seeding) incidents(r *Result, shop, payment, signup, scanner tocsin.ID, now time.Time) {
	r.IncidentID = s.incident(tocsin.Draft{
		Checks: []tocsin.ID{payment}, Severity: tocsin.Critical, Type: "connection_error", Source: tocsin.FromSystem,
		ErrorMessage:    "connect to payments.example.com:443: connection refused",
		AffectedRegions: []string{"us-east-1", "us-west-2", "eu-west-1"}, FailureCount: 3,
		StartedAt: now.Add(-12 * time.Minute),
	})
	r.ManualIncidentID = s.incident(tocsin.Draft{
		Project: shop, Title: "Refunds are slow", Description: "Support sees refunds waiting for more than an hour.",
		Severity: tocsin.Minor, Type: "slow_response", Source: tocsin.FromManual,
		ErrorMessage: "reported by support", StartedAt: now.Add(-2 * time.Hour),
	})
	r.DatasetTwoIncidentID = s.incident(tocsin.Draft{
		Checks: []tocsin.ID{signup}, Severity: tocsin.Major, Type: "status_code", Source: tocsin.FromSystem,
		ErrorMessage: "status 503, wanted 200", AffectedRegions: []string{"eu-west-1"}, FailureCount: 5,
		StartedAt: now.Add(-40 * time.Minute),
	})
	r.ClosedIncidentID = s.incident(tocsin.Draft{
		Checks: []tocsin.ID{payment}, Severity: tocsin.Major, Type: "timeout", Source: tocsin.FromSystem,
		ErrorMessage: "no answer within 10 s", AffectedRegions: []string{"eu-west-1", "ap-southeast-1"}, FailureCount: 4,
		Status: tocsin.Closed, ResolutionNotes: "The connection pool was too small; doubled.",
		StartedAt: now.Add(-26 * time.Hour),
	})
	r.OtherProjectIncidentID = s.incident(tocsin.Draft{
		Checks: []tocsin.ID{scanner}, Severity: tocsin.Warning, Type: "slow_response", Source: tocsin.FromSystem,
		ErrorMessage: "p95 of 4.2 s, wanted 2 s", AffectedRegions: []string{"eu-north-1"}, FailureCount: 3,
		StartedAt: now.Add(-5 * time.Minute),
	})
}

func (s *seeding) project(name string) tocsin.ID {
	return made(s, func() (*tocsin.Project, error) { return s.Directory.CreateProject(s.ctx, s.actor, name) })
}

func (s *seeding) dataset(project tocsin.ID, name string) tocsin.ID {
	return made(s, func() (*tocsin.Dataset, error) { return s.Directory.CreateDataset(s.ctx, s.actor, project, name) })
}

func (s *seeding) check(project tocsin.ID, name, url string, dataset tocsin.ID) tocsin.ID {
	return made(s, func() (*tocsin.Check, error) {
		return s.Directory.CreateCheck(s.ctx, s.actor, project, name, url, []tocsin.ID{dataset})
	})
}

func (s *seeding) user(name, email string) tocsin.ID {
	return made(s, func() (*tocsin.User, error) { return s.Access.CreateUser(s.ctx, s.actor, name, email) })
}

func (s *seeding) role(name string, p tocsin.Permissions) {
	made(s, func() (*tocsin.Role, error) { return s.Access.CreateRole(s.ctx, s.actor, name, p) })
}

func (s *seeding) grant(user tocsin.ID, role string, scope tocsin.Scope, id tocsin.ID) {
	made(s, func() (*tocsin.Grant, error) { return s.Access.Grant(s.ctx, s.actor, user, role, scope, id) })
}

func (s *seeding) key(d tocsin.KeyDraft) (id, token string) {
	made(s, func() (*tocsin.APIKey, error) {
		k, t, err := s.Access.CreateKey(s.ctx, s.actor, d)
		if err == nil {
			id, token = k.ID.String(), t
		}
		return k, err
	})
	return id, token
}

func (s *seeding) incident(d tocsin.Draft) string {
	return made(s, func() (*tocsin.Incident, error) { return s.Incidents.Create(s.ctx, s.actor, d) }).String()
}

// made runs one step, unless an earlier one failed, and returns the new id.
func made[T tocsin.Object](s *seeding, step func() (T, error)) tocsin.ID {
	if s.err != nil {
		return tocsin.ID{}
	}
	o, err := step()
	if err != nil {
		s.err = err
		return tocsin.ID{}
	}
	return o.Head().ID
}
