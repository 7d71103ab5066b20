package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/client"
	"tocsin/internal/app"
	"tocsin/internal/demo"
)

// serve starts the real server with the demo's data.
func serve(t *testing.T) demo.Result {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	a, err := app.New(ctx, app.Options{
		Database: app.Database{Dir: t.TempDir(), Server: true}, Listen: "127.0.0.1:0",
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		stop()
		t.Fatal(err)
	}
	r, err := demo.Seed(ctx, demo.UseCases{Access: a.Access, Incidents: a.Incidents, Directory: a.Directory}, time.Now())
	r.URL = a.URL()
	done := make(chan error, 1)
	go func() { done <- a.Serve(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func connect(t *testing.T, url, token string) *client.Client {
	t.Helper()
	c, err := client.New(url, token)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAnEntityTagIsTheServersOwn(t *testing.T) {
	t.Parallel()
	d := serve(t)
	c := connect(t, d.URL, d.SodaKeySecret)
	var meta client.Meta
	i, err := c.Incidents.Get(t.Context(), d.IncidentID, client.WithMeta(&meta))
	if err != nil || i.ETag() != meta.ETag {
		t.Errorf("the incident's tag is %s, the server's %s (%v)", i.ETag(), meta.ETag, err)
	}
	org, err := c.Organisation(t.Context(), client.WithMeta(&meta))
	if err != nil || org.ETag() != meta.ETag {
		t.Errorf("the organisation's tag is %s, the server's %s (%v)", org.ETag(), meta.ETag, err)
	}
}

func TestALostAnswerDoesNotMakeAChangeTwice(t *testing.T) {
	t.Parallel()
	d := serve(t)
	target, err := url.Parse(d.URL)
	if err != nil {
		t.Fatal(err)
	}
	var cut atomic.Bool
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.ModifyResponse = func(r *http.Response) error {
		if r.Request.Method == http.MethodPost && cut.CompareAndSwap(false, true) {
			panic(http.ErrAbortHandler) // the server has done it; the caller never hears
		}
		return nil
	}
	front := httptest.NewServer(proxy)
	defer front.Close()
	c := connect(t, front.URL, d.SodaKeySecret)
	project, err := firstProject(t, c)
	if err != nil {
		t.Fatal(err)
	}
	var meta client.Meta
	made, err := c.Incidents.Create(t.Context(), client.NewIncident{Title: "Orders are late", Severity: client.Minor, ProjectID: project}, client.WithMeta(&meta))
	if err != nil || !meta.Replayed {
		t.Fatalf("the incident is %+v, %v, replayed %v; want the first answer again", made, err, meta.Replayed)
	}
	n := 0
	for i, err := range c.Incidents.All(t.Context(), client.IncidentQuery{Text: "Orders are late"}) {
		if err != nil || i.ID != made.ID {
			t.Errorf("there is %+v, %v", i, err)
		}
		n++
	}
	if n != 1 {
		t.Errorf("there are %d incidents; want one", n)
	}
}

func firstProject(t *testing.T, c *client.Client) (string, error) {
	t.Helper()
	for p, err := range c.Projects.All(t.Context()) {
		return p.ID, err
	}
	return "", errors.New("there is no project")
}

func TestAConflictShowsWhatMoved(t *testing.T) {
	t.Parallel()
	d := serve(t)
	c := connect(t, d.URL, d.SodaKeySecret)
	i, err := c.Incidents.Get(t.Context(), d.IncidentID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Incidents.Update(t.Context(), i.ID, client.IncidentPatch{Severity: new(client.Minor)}, client.IfMatch(i.ETag())); err != nil {
		t.Fatal(err)
	}
	_, err = c.Incidents.Update(t.Context(), i.ID, client.IncidentPatch{Severity: new(client.Major)}, client.IfMatch(i.ETag()))
	var problem *client.Error
	if !errors.As(err, &problem) || !errors.Is(err, client.ErrStale) {
		t.Fatalf("the error is %v; want stale", err)
	}
	var current client.Incident
	if err := json.Unmarshal(problem.Current, &current); err != nil || current.Severity != client.Minor {
		t.Errorf("the error shows %+v, %v; want the incident as it is", current, err)
	}
	if diff := cmp.Diff([]string{"severity"}, problem.Moved); diff != "" {
		t.Errorf("what moved differs (-want +got):\n%s", diff)
	}
}

// needing fails the test at the first call that fails.
func needing(t *testing.T) func(what string, err error) {
	return func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
}

func TestTheServerTakesTheClientsPlaces(t *testing.T) {
	t.Parallel()
	d := serve(t)
	c, ctx, check := connect(t, d.URL, d.SodaKeySecret), t.Context(), needing(t)
	_, err := c.UpdateOrganisation(ctx, client.OrganisationPatch{RequireIfMatch: new(true)}, client.IfMatch("*"))
	check("settings", err)

	project, err := c.Projects.Create(ctx, "Data")
	check("project", err)
	_, err = c.Projects.Rename(ctx, project.ID, "Data platform", client.IfMatch(project.ETag()))
	check("rename project", err)
	dataset, err := c.Datasets.Create(ctx, client.NewDataset{ProjectID: project.ID, Name: "orders"})
	check("dataset", err)
	probe, err := c.Checks.Create(ctx, client.NewCheck{ProjectID: project.ID, Name: "freshness", URL: "https://example.org", DatasetIDs: []string{dataset.ID}})
	check("check", err)
	_, err = c.Checks.Update(ctx, probe.ID, client.CheckPatch{Name: new("lateness")}, client.IfMatch(probe.ETag()))
	check("change check", err)
}

func TestTheServerTakesTheClientsIncidents(t *testing.T) {
	t.Parallel()
	d := serve(t)
	c, ctx, check := connect(t, d.URL, d.SodaKeySecret), t.Context(), needing(t)
	me, err := c.Me(ctx)
	check("me", err)
	project, err := firstProject(t, c)
	check("project", err)
	i, err := c.Incidents.Create(ctx, client.NewIncident{
		Title: "Late", Severity: client.Major, ProjectID: project, Description: "a\nb", Type: "timeout", ErrorMessage: "3 h old",
		AffectedRegions: []string{"eu"}, Labels: map[string]string{"team": "data"}, LeadID: me.User.ID, StartedAt: time.Now().Add(-time.Hour),
	})
	check("incident", err)
	i, err = c.Incidents.Update(ctx, i.ID, client.IncidentPatch{
		Status: new(client.Investigating), Description: new(""), LeadID: new(""), AddRegions: []string{"us"}, RemoveRegions: []string{"eu"},
		Labels: map[string]*string{"team": nil, "tier": new("1")}, Note: new("why"),
	}, client.IfMatch(i.ETag()))
	check("update", err)
	if i.Description != "" || i.LeadID != "" || !cmp.Equal(i.AffectedRegions, []string{"us"}) || !cmp.Equal(i.Labels, map[string]string{"tier": "1"}) {
		t.Errorf("after the update the incident is %+v", i)
	}
	old, err := c.Incidents.GetVersion(ctx, i.ID, 1)
	check("version", err)
	if old.LeadID != me.User.ID || old.Version != 1 {
		t.Errorf("version 1 is %+v", old)
	}
	diff, err := c.Incidents.Diff(ctx, i.ID, 1, 2)
	check("diff", err)
	if len(diff.Fields) == 0 {
		t.Error("the two versions do not differ")
	}
	comment, err := c.Incidents.Comment(ctx, i.ID, "seen", client.IfMatch("*"))
	check("comment", err)
	if comment.AuthorID != me.User.ID {
		t.Errorf("the comment is %+v", comment)
	}
	link, err := c.Incidents.AddLink(ctx, i.ID, client.NewLink{URL: "https://example.org/runbook"}, client.IfMatch(i.ETag()))
	check("link", err)
	i, err = c.Incidents.RemoveLink(ctx, i.ID, link.ID, client.IfMatch("*"))
	check("remove link", err)
	results, err := c.Incidents.Bulk(ctx, []client.BulkItem{
		{ID: i.ID, IfMatch: i.ETag(), Patch: client.IncidentPatch{Severity: new(client.Warning)}},
		{ID: me.User.ID, Patch: client.IncidentPatch{Severity: new(client.Warning)}},
	})
	check("bulk", err)
	if len(results) != 2 || results[0].Incident == nil || results[0].Incident.Severity != client.Warning || !client.IsNotFound(results[1].Problem) {
		t.Errorf("the bulk results are %+v", results)
	}
	entries := 0
	for e, err := range c.Incidents.AllHistory(ctx, i.ID) {
		check("history", err)
		if e.Leaf == "" || e.At.IsZero() {
			t.Errorf("an entry is %+v", e)
		}
		entries++
	}
	if entries != int(results[0].Incident.Version) {
		t.Errorf("the history has %d entries at version %d", entries, results[0].Incident.Version)
	}
}

func TestTheServerTakesTheClientsMembers(t *testing.T) {
	t.Parallel()
	d := serve(t)
	c, ctx, check := connect(t, d.URL, d.SodaKeySecret), t.Context(), needing(t)
	me, err := c.Me(ctx)
	check("me", err)
	project, err := firstProject(t, c)
	check("project", err)
	user, err := c.Users.Create(ctx, client.NewUser{Name: "Eve", Email: "eve@example.org"})
	check("user", err)
	role, err := c.Roles.Create(ctx, client.NewRole{Name: "Watcher", Permissions: []string{"incidents.view"}})
	check("role", err)
	_, err = c.Roles.Update(ctx, role.ID, client.RolePatch{Permissions: []string{"incidents.view", "audit.view"}}, client.IfMatch(role.ETag()))
	check("change role", err)
	grant, err := c.RoleBindings.Create(ctx, client.NewRoleBinding{UserID: user.ID, Role: "Watcher", Scope: "project", ScopeID: project})
	check("bind role", err)
	_, err = c.RoleBindings.Revoke(ctx, grant.ID, client.IfMatch("*"))
	check("revoke role", err)
	key, err := c.APIKeys.Create(ctx, client.NewAPIKey{Name: "k", OwnerID: user.ID, ExpiresAt: time.Now().Add(time.Hour)})
	check("key", err)
	next, err := c.APIKeys.Rotate(ctx, key.ID, time.Minute, client.IfMatch(key.ETag()))
	check("rotate", err)
	if key.Token == "" || next.Token == "" || next.Token == key.Token {
		t.Errorf("the tokens are %d and %d bytes long; want two", len(key.Token), len(next.Token))
	}
	_, err = c.APIKeys.Revoke(ctx, next.ID, client.IfMatch("*"))
	check("revoke key", err)
	_, err = c.Users.Deactivate(ctx, user.ID, client.IfMatch("*"))
	check("deactivate", err)
	_, err = c.Users.Reactivate(ctx, user.ID, client.IfMatch("*"))
	check("reactivate", err)
	invitation, err := c.Invitations.Create(ctx, client.NewInvitation{Email: "dan@example.org", Role: "Admin", Scope: "organisation", ScopeID: me.Organisation.ID, ExpiresIn: 60})
	check("invite", err)
	welcome, err := connect(t, d.URL, "").Invitations.Accept(ctx, invitation.Token, "Dan")
	check("accept", err)
	if _, err := connect(t, d.URL, welcome.Token).Me(ctx); err != nil {
		t.Errorf("the guest's token: %v", err)
	}
	if _, err := connect(t, d.URL, "tcn_wrong").Me(ctx); !client.IsUnauthenticated(err) {
		t.Errorf("a wrong token: %v; want unauthenticated", err)
	}
}

func TestTheServerShowsItsLog(t *testing.T) {
	t.Parallel()
	d := serve(t)
	c, ctx, check := connect(t, d.URL, d.SodaKeySecret), t.Context(), needing(t)
	var meta client.Meta
	_, err := c.Incidents.Update(ctx, d.IncidentID, client.IncidentPatch{Severity: new(client.Minor)}, client.WithMeta(&meta))
	check("update", err)
	var newest client.Entry
	for e, err := range c.Audit.All(ctx, client.AuditQuery{Kind: "incident", ObjectID: d.IncidentID}) {
		check("list", err)
		newest = e
		break
	}
	if newest.Leaf != meta.AuditLeaf || newest.Action != "incident.update" || newest.RequestID != meta.RequestID {
		t.Errorf("the newest entry is %+v; want the one of the update, with leaf %s", newest, meta.AuditLeaf)
	}
	same, err := c.Audit.Entry(ctx, newest.Seq)
	check("entry", err)
	if same.ID != newest.ID {
		t.Errorf("entry %d is %+v", newest.Seq, same)
	}
	proof, err := c.Audit.Proof(ctx, newest.Seq)
	check("proof", err)
	note, err := c.Audit.Checkpoint(ctx)
	check("checkpoint", err)
	key, err := c.Audit.Key(ctx)
	check("key", err)
	if len(proof) == 0 || len(note) == 0 || key == "" {
		t.Errorf("the proof has %d bytes, the checkpoint %d, the key %d", len(proof), len(note), len(key))
	}
	body, err := c.Audit.Export(ctx)
	check("export", err)
	defer body.Close()
	if n, err := io.Copy(io.Discard, body); err != nil || n == 0 {
		t.Errorf("the export has %d bytes, %v", n, err)
	}
	_, err = c.Audit.Redact(ctx, 1, "a test", nil)
	if err != nil && !client.IsConflict(err) {
		t.Errorf("redact: %v; want it done, or refused for what the object still has", err)
	}
}
