package incident_test

import (
	"database/sql"
	"errors"
	"math"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin"
	"tocsin/internal/store/sqlite"
)

func manual(project tocsin.ID) tocsin.Draft {
	return tocsin.Draft{Project: project, Title: "Refunds are slow", Severity: tocsin.Minor, Source: tocsin.FromManual}
}

func ofChecks(checks ...tocsin.ID) tocsin.Draft {
	return tocsin.Draft{Checks: checks, Severity: tocsin.Major, Type: "connection_error", Source: tocsin.FromSystem}
}

func TestCreate_aManualIncident(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ben := h.holder(t, "ben", tocsin.RoleEditor, place{tocsin.ScopeProject, h.shop}, tocsin.KeyDraft{})
	lead := must[*tocsin.User](t)(h.Access.CreateUser(t.Context(), h.system, "Ada", "ada@example.org"))
	started := time.Date(2026, 3, 1, 12, 0, 0, 1_999, time.FixedZone("", 3600))
	d := manual(h.shop)
	d.Description, d.Type, d.ErrorMessage, d.AffectedRegions = "for an hour", "slow_response", "told by support", []string{"eu"}
	d.FailureCount, d.ResolutionNotes, d.Lead, d.StartedAt = 3, "none yet", lead.ID, started
	got := must[*tocsin.Incident](t)(h.Incidents.Create(t.Context(), ben, d))
	want := &tocsin.Incident{
		Meta: got.Meta, Number: 1, Project: h.shop,
		Title: "Refunds are slow", Description: "for an hour", Severity: tocsin.Minor, Status: tocsin.Open,
		Type: "slow_response", Source: tocsin.FromManual, ErrorMessage: "told by support", AffectedRegions: []string{"eu"},
		FailureCount: 3, ResolutionNotes: "none yet", Lead: lead.ID, Reporter: ben.User,
		StartedAt: time.Date(2026, 3, 1, 11, 0, 0, 1_000, time.UTC), OpenedAt: got.CreatedAt,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("as answered (-want +got):\n%s", diff)
	}
	h.reopen(t)
	if diff := cmp.Diff(want, h.stored(t, got.ID)); diff != "" {
		t.Errorf("as stored (-want +got):\n%s", diff)
	}
}

func TestCreate_takesProjectDatasetsAndTitleFromItsChecks(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, c := range []struct {
		name     string
		draft    tocsin.Draft
		check    tocsin.ID
		datasets []tocsin.ID
		title    string
	}{
		{"one", ofChecks(h.payment), h.payment, []tocsin.ID{h.orders}, "Payment Service - Connection Error"},
		{"two, whose datasets overlap", ofChecks(h.payment, h.signup), h.payment, []tocsin.ID{h.orders, h.customers}, "Payment Service - Connection Error"},
		{"in another order", ofChecks(h.signup, h.payment), h.signup, []tocsin.ID{h.customers, h.orders}, "Sign-up - Connection Error"},
		{"one twice", ofChecks(h.payment, h.payment), h.payment, []tocsin.ID{h.orders}, "Payment Service - Connection Error"},
		{"one without datasets", ofChecks(h.homeless), h.homeless, nil, "Landing page - Connection Error"},
	} {
		inc := must[*tocsin.Incident](t)(h.Incidents.Create(t.Context(), h.system, c.draft))
		if inc.Project != h.shop || inc.Check != c.check || inc.CheckURL != "https://example.com" || inc.Title != c.title {
			t.Errorf("%s: project %s, check %s at %q, title %q; want the shop, the first check and %q", c.name, inc.Project, inc.Check, inc.CheckURL, inc.Title, c.title)
		}
		if diff := cmp.Diff(c.datasets, inc.Datasets); diff != "" {
			t.Errorf("%s: datasets (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestCreate_titles(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for kind, want := range map[string]string{
		"":                "Payment Service",
		"timeout":         "Payment Service - Timeout",
		"status_code":     "Payment Service - Status Code",
		"keyword_missing": "Payment Service - Keyword Missing",
		"ssl_error":       "Payment Service - Ssl Error",
	} {
		d := ofChecks(h.payment)
		d.Type = kind
		if inc := must[*tocsin.Incident](t)(h.Incidents.Create(t.Context(), h.system, d)); inc.Title != want {
			t.Errorf("type %q is titled %q; want %q", kind, inc.Title, want)
		}
	}
	d := ofChecks(h.payment)
	d.Title = "Payments are down"
	if inc := must[*tocsin.Incident](t)(h.Incidents.Create(t.Context(), h.system, d)); inc.Title != d.Title || inc.CheckName != "Payment Service" {
		t.Errorf("title %q of %q; want the one given, and the check's name beside it", inc.Title, inc.CheckName)
	}
}

func TestCreate_beginsWithTheTimesOfItsStatus(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for status, want := range map[tocsin.Status]struct{ acknowledged, resolved bool }{
		"": {}, tocsin.Open: {}, tocsin.Investigating: {acknowledged: true}, tocsin.Fixing: {acknowledged: true},
		tocsin.Resolved: {resolved: true}, tocsin.Closed: {resolved: true},
	} {
		d := ofChecks(h.payment)
		d.Status = status
		inc := must[*tocsin.Incident](t)(h.Incidents.Create(t.Context(), h.system, d))
		if status == "" {
			status = tocsin.Open
		}
		if inc.Status != status || inc.AcknowledgedAt.IsZero() == want.acknowledged || inc.ResolvedAt.IsZero() == want.resolved {
			t.Errorf("%s: is %s, acknowledged at %v, resolved at %v", status, inc.Status, inc.AcknowledgedAt, inc.ResolvedAt)
		}
	}
	for name, at := range map[string]time.Time{"no time": {}, "a time to come": time.Now().Add(time.Hour)} {
		d := ofChecks(h.payment)
		d.StartedAt = at
		if inc := must[*tocsin.Incident](t)(h.Incidents.Create(t.Context(), h.system, d)); !inc.StartedAt.Equal(inc.OpenedAt) {
			t.Errorf("begun at %s: started at %v; want when it was opened, %v", name, inc.StartedAt, inc.OpenedAt)
		}
	}
}

func TestCreate_refusals(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx, before := t.Context(), h.length(t)
	other := h.organisation(t, "Harbour")
	foreign := must[*tocsin.Project](t)(h.Directory.CreateProject(ctx, other, "reports")).ID
	led := manual(h.shop)
	led.Lead = tocsin.ID{9}
	elsewhere := ofChecks(h.payment)
	elsewhere.Project = h.warehouse
	checks := map[string]string{"checks": "each check must be one that you can see, all in one project"}
	for _, c := range []struct {
		name   string
		draft  tocsin.Draft
		want   tocsin.Code
		fields map[string]string
	}{
		{"neither project nor check", manual(tocsin.ID{}), tocsin.NotFound, nil},
		{"a project that is not there", manual(tocsin.ID{9}), tocsin.NotFound, nil},
		{"another organisation's project", manual(foreign), tocsin.NotFound, nil},
		{"a check that is not there", ofChecks(h.payment, tocsin.ID{9}), tocsin.Invalid, checks},
		{"checks in two projects", ofChecks(h.payment, h.scanner), tocsin.Invalid, checks},
		{"a check of another project than the one named", elsewhere, tocsin.Invalid, checks},
		{"a lead who is not there", led, tocsin.Invalid, map[string]string{"lead": "lead must be a user of the organisation"}},
		{"a draft with problems", tocsin.Draft{Project: h.shop, Title: "x", Severity: tocsin.Major}, tocsin.Invalid, map[string]string{"source": "source must be one of: system, manual"}},
	} {
		_, err := h.Incidents.Create(ctx, h.system, c.draft)
		wantCode(t, c.name, err, c.want)
		var e *tocsin.Error
		if errors.As(err, &e) && cmp.Diff(c.fields, e.Fields) != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, cmp.Diff(c.fields, e.Fields))
		}
	}
	if h.length(t) != before {
		t.Error("a refusal left a record")
	}
}

func TestCreate_byWhom(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	must[*tocsin.Role](t)(h.Access.CreateRole(ctx, h.system, "Observer", tocsin.ViewIncidents))
	inShop, onOrders, unbound := place{tocsin.ScopeProject, h.shop}, place{tocsin.ScopeDataset, h.orders}, tocsin.KeyDraft{}
	revoked := h.holder(t, "rev", tocsin.RoleEditor, inShop, unbound)
	if err := h.Access.RevokeKey(ctx, h.system, revoked.Key); err != nil {
		t.Fatal(err)
	}
	const ok, forbidden, invalid, revokedKey = tocsin.Code(""), tocsin.Forbidden, tocsin.Invalid, tocsin.Unauthenticated
	for who, c := range map[string]struct {
		actor                      tocsin.Actor
		manual, ofCheck, ofLanding tocsin.Code
	}{
		"the operator":                   {h.system, ok, ok, ok},
		"an admin":                       {h.holder(t, "ada", tocsin.RoleAdmin, place{scope: tocsin.ScopeOrganisation}, unbound), ok, ok, ok},
		"an editor of the project":       {h.holder(t, "ben", tocsin.RoleEditor, inShop, unbound), ok, ok, ok},
		"an editor of the dataset":       {h.holder(t, "chi", tocsin.RoleEditor, onOrders, unbound), forbidden, ok, invalid},
		"who may only look":              {h.holder(t, "dmi", "Observer", inShop, unbound), forbidden, forbidden, forbidden},
		"an editor's key to look":        {h.holder(t, "eve", tocsin.RoleEditor, inShop, tocsin.KeyDraft{Permissions: tocsin.ViewIncidents}), forbidden, forbidden, forbidden},
		"an admin's key of the other":    {h.holder(t, "fay", tocsin.RoleAdmin, place{scope: tocsin.ScopeOrganisation}, tocsin.KeyDraft{Project: h.warehouse}), forbidden, invalid, invalid},
		"an editor of the other project": {h.holder(t, "gus", tocsin.RoleEditor, place{tocsin.ScopeProject, h.warehouse}, unbound), forbidden, invalid, invalid},
		"whose key was revoked":          {revoked, revokedKey, revokedKey, revokedKey},
	} {
		_, err := h.Incidents.Create(ctx, c.actor, manual(h.shop))
		wantCode(t, who+", by hand", err, c.manual)
		_, err = h.Incidents.Create(ctx, c.actor, ofChecks(h.payment))
		wantCode(t, who+", of a check with a dataset", err, c.ofCheck)
		_, err = h.Incidents.Create(ctx, c.actor, ofChecks(h.homeless))
		wantCode(t, who+", of a check without", err, c.ofLanding)
	}
}

// A number is never given twice and never wraps: at the end creation is refused.
func TestCreate_whenTheNumbersAreUsedUp(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.incident(t)
	db := must[*sql.DB](t)(sql.Open("sqlite", filepath.Join(h.dir, sqlite.FileName)+"?_pragma=busy_timeout(5000)"))
	defer db.Close()
	// The server sees that another process has committed, and reads anew.
	if _, err := db.ExecContext(t.Context(), "UPDATE heads SET number = ? WHERE org_id = ?", math.MaxInt32-1, h.system.Org[:]); err != nil {
		t.Fatal(err)
	}
	if inc := h.incident(t); inc.Number != math.MaxInt32 {
		t.Errorf("number %d; want the last, %d", inc.Number, math.MaxInt32)
	}
	_, err := h.Incidents.Create(t.Context(), h.system, ofChecks(h.payment))
	wantCode(t, "one more", err, tocsin.Exhausted)
	other := h.organisation(t, "Harbour")
	reports := must[*tocsin.Project](t)(h.Directory.CreateProject(t.Context(), other, "reports")).ID
	if inc := must[*tocsin.Incident](t)(h.Incidents.Create(t.Context(), other, manual(reports))); inc.Number != 1 {
		t.Errorf("another organisation's first incident has number %d; want 1", inc.Number)
	}
}
