package soda_test

import (
	"encoding/json"
	"maps"
	"testing"

	"tocsin"
	"tocsin/internal/access"
	"tocsin/internal/store"

	"github.com/google/go-cmp/cmp"
)

// draft is a body for create, with members changed; a nil value leaves one out.
func draft(f *fixture, changes map[string]any) string {
	body := map[string]any{
		"title": "Orders are late", "description": "No rows since noon", "severity": "major",
		"monitorResultIds": []string{f.ordersCheck.String()},
	}
	maps.Copy(body, changes)
	maps.DeleteFunc(body, func(_ string, v any) bool { return v == nil })
	text, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func createBody(f *fixture) string { return draft(f, nil) }

func (f *fixture) create(t testing.TB, k key, body string) reply {
	t.Helper()
	return f.do(t, call{method: "POST", path: "/api/v1/incidents", body: body, key: k})
}

func TestCreateOpensAnIncidentOnTheChecks(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	lead := f.key(t, f.acme).user
	r := f.create(t, f.admin, draft(f, map[string]any{
		"severity": "minor", "status": "fixing", "resolutionNotes": "none yet", "leadId": lead.String(),
		"monitorResultIds": []string{f.ordersCheck.String(), f.customersCheck.String(), f.ordersCheck.String()},
	}))
	wantStatus(t, r, 200)
	shown := decode[incidentBody](t, r.body)
	id, _ := tocsin.ParseID(shown.ID)
	got := f.state(t, id).Incident
	now := f.clock.Now()
	want := tocsin.Incident{
		Meta: got.Meta, Number: 1, Project: f.warehouse, Datasets: []tocsin.ID{f.orders, f.customers},
		Title: "Orders are late", Description: "No rows since noon", Severity: tocsin.Minor, Status: tocsin.Fixing,
		Source: tocsin.FromManual, ResolutionNotes: "none yet",
		Check: f.ordersCheck, CheckName: "orders-fresh", CheckURL: "https://data.example.org/orders-fresh",
		Lead: lead, Reporter: f.admin.user, StartedAt: now, OpenedAt: now, AcknowledgedAt: now,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the incident is not what was asked for (-want +got):\n%s", diff)
	}
}

func TestCreateNeedsNoMoreThanTheRequiredMembers(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for number, body := range []string{
		createBody(f),
		draft(f, map[string]any{"description": "", "x": 1}),
		`{"title":"T","description":"D","severity":"critical","status":null,"leadId":null,"resolutionNotes":null,"monitorResultIds":["` + f.dryCheck.String() + `"]}`,
	} {
		r := f.create(t, f.admin, body)
		wantStatus(t, r, 200)
		if got := decode[incidentBody](t, r.body); got.Status != "reported" || got.Number != int64(number+1) {
			t.Errorf("%s: got %s, want the next number and status reported", body, r.body)
		}
	}
}

func TestBadCreateIsRefusedByName(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	rival := f.organisation(t, "Rival")
	stranger := f.key(t, rival)
	one := f.ordersCheck.String()
	tests := map[string]struct {
		body  string
		names []string
	}{
		"nothing":                     {`{}`, []string{"title is required", "description is required", "severity is required", "monitorResultIds is required"}},
		"nulls are absent":            {`{"title":null,"description":null,"severity":null,"monitorResultIds":null}`, []string{"title is required", "description is required", "severity is required", "monitorResultIds is required"}},
		"blank title":                 {draft(f, map[string]any{"title": ""}), []string{"title", "blank"}},
		"title of spaces":             {draft(f, map[string]any{"title": "  "}), []string{"title", "blank"}},
		"bad severity":                {draft(f, map[string]any{"severity": "warning"}), []string{"severity"}},
		"bad status":                  {draft(f, map[string]any{"status": "closed"}), []string{"status"}},
		"bad notes":                   {draft(f, map[string]any{"resolutionNotes": 1}), []string{"resolutionNotes"}},
		"malformed lead":              {draft(f, map[string]any{"leadId": "ada"}), []string{"leadId"}},
		"lead of zeros":               {draft(f, map[string]any{"leadId": tocsin.ID{}.String()}), []string{"leadId"}},
		"unknown lead":                {draft(f, map[string]any{"leadId": one}), []string{"leadId"}},
		"lead of another place":       {draft(f, map[string]any{"leadId": stranger.user.String()}), []string{"leadId"}},
		"no checks":                   {draft(f, map[string]any{"monitorResultIds": []string{}}), []string{"monitorResultIds"}},
		"checks not a list":           {draft(f, map[string]any{"monitorResultIds": one}), []string{"monitorResultIds"}},
		"a null check":                {draft(f, map[string]any{"monitorResultIds": []any{nil}}), []string{"monitorResultIds"}},
		"a number for a check":        {draft(f, map[string]any{"monitorResultIds": []any{one, 1}}), []string{"monitorResultIds"}},
		"malformed check":             {draft(f, map[string]any{"monitorResultIds": []string{one, "x"}}), []string{"monitorResultIds"}},
		"check of zeros":              {draft(f, map[string]any{"monitorResultIds": []string{tocsin.ID{}.String()}}), []string{"monitorResultIds"}},
		"unknown check":               {draft(f, map[string]any{"monitorResultIds": []string{one, f.orders.String()}}), []string{"monitorResultIds"}},
		"checks of two projects":      {draft(f, map[string]any{"monitorResultIds": []string{one, f.lakeCheck.String()}}), []string{"monitorResultIds", "one project"}},
		"more checks than are served": {draft(f, map[string]any{"monitorResultIds": make([]string, 1001)}), []string{"monitorResultIds", "1000"}},
		"duplicate key":               {`{"title":"T","title":"U"}`, nil},
		"not an object":               {`[]`, nil},
	}
	before := f.logLength(t)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			wantError(t, f.create(t, f.admin, tt.body), 400, "invalid_request", tt.names...)
			if after := f.logLength(t); after != before {
				t.Errorf("a refused creation left %d log entries", after-before)
			}
		})
	}
	if got := decode[incidentBody](t, f.create(t, f.admin, createBody(f)).body).Number; got != 1 {
		t.Errorf("refused creations used up numbers: the first incident has %d", got)
	}
}

func TestWhoMayCreate(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	onlooker := f.viewerRole(t)
	before := f.logLength(t)
	for name, tt := range map[string]struct {
		key    key
		status int
	}{
		"dataset viewer":             {f.key(t, f.acme, grant{tocsin.RoleViewer, tocsin.ScopeDataset, f.orders}), 200},
		"project editor":             {f.key(t, f.acme, grant{tocsin.RoleEditor, tocsin.ScopeProject, f.warehouse}), 200},
		"onlooker":                   {f.key(t, f.acme, grant{onlooker, tocsin.ScopeProject, f.warehouse}), 403},
		"somebody without a grant":   {f.key(t, f.acme), 400},
		"manager of another dataset": {f.key(t, f.acme, grant{tocsin.RoleManager, tocsin.ScopeDataset, f.customers}), 400},
		"key of another project":     {f.keyOf(t, f.acme, access.KeyDraft{Owner: f.admin.user, Name: "lake", Project: f.lake}), 400},
	} {
		if r := f.create(t, tt.key, createBody(f)); r.status != tt.status {
			t.Errorf("%s: got %d %s, want %d", name, r.status, r.body, tt.status)
		}
	}
	if after := f.logLength(t); after < before+2 {
		t.Errorf("two incidents were created and the log has grown by %d", after-before)
	}
}

func TestUnseenCheckIsLikeAnUnknownOne(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	k := f.key(t, f.acme, grant{tocsin.RoleManager, tocsin.ScopeDataset, f.customers})
	unseen := f.create(t, k, createBody(f))
	unknown := f.create(t, k, draft(f, map[string]any{"monitorResultIds": []string{"9d1b0b5e-0000-7000-8000-00000000ffff"}}))
	if unseen.status != 400 || unseen.body != unknown.body {
		t.Errorf("an unseen check is answered %d %s, an unknown one %d %s: they must not differ", unseen.status, unseen.body, unknown.status, unknown.body)
	}
}

func TestCreatedIncidentCanBeFoundAndUpdated(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	made := f.create(t, f.admin, createBody(f))
	wantStatus(t, made, 200)
	id, _ := tocsin.ParseID(decode[incidentBody](t, made.body).ID)
	same := f.update(t, id, `{}`)
	if same.body != made.body {
		t.Errorf("an update that changes nothing shows %s, creation showed %s", same.body, made.body)
	}
	page := decode[pageBody](t, f.do(t, call{method: "GET", path: "/api/v1/incidents", key: f.admin}).body)
	if len(page.Content) != 1 || page.Content[0].ID != id.String() {
		t.Errorf("the list shows %+v, want the incident", page.Content)
	}
	if _, err := store.Find[*tocsin.Incident](t.Context(), f.store, f.acme, tocsin.KindIncident, id); err != nil {
		t.Error(err)
	}
}
