package soda_test

import (
	"encoding/json"
	"maps"
	"testing"

	"tocsin"
	"tocsin/internal/dialect/dialecttest"
	"tocsin/internal/store"

	"github.com/google/go-cmp/cmp"
)

// draft is a body for create, with members changed; a nil value leaves one out.
func draft(f *fixture, changes map[string]any) string {
	body := map[string]any{
		"title": "Orders are late", "description": "No rows since noon", "severity": "major",
		"monitorResultIds": []string{f.OrdersCheck.String()},
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

func (f *fixture) create(t testing.TB, k dialecttest.Key, body string) dialecttest.Reply {
	t.Helper()
	return f.Do(t, dialecttest.Call{Method: "POST", Path: "/api/v1/incidents", Body: body, Key: k})
}

func TestCreateOpensAnIncidentOnTheChecks(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	lead := f.Key(t, f.Acme).User
	r := f.create(t, f.Admin, draft(f, map[string]any{
		"severity": "minor", "status": "fixing", "resolutionNotes": "none yet", "leadId": lead.String(),
		"monitorResultIds": []string{f.OrdersCheck.String(), f.CustomersCheck.String(), f.OrdersCheck.String()},
	}))
	dialecttest.WantStatus(t, r, 200)
	shown := dialecttest.Decode[incidentBody](t, r.Body)
	id, _ := tocsin.ParseID(shown.ID)
	got := f.State(t, id).Incident
	now := f.Clock.Now()
	want := tocsin.Incident{
		Meta: got.Meta, Number: 1, Project: f.Warehouse, Datasets: []tocsin.ID{f.Orders, f.Customers},
		Title: "Orders are late", Description: "No rows since noon", Severity: tocsin.Minor, Status: tocsin.Fixing,
		Source: tocsin.FromManual, ResolutionNotes: "none yet",
		Check: f.OrdersCheck, CheckName: "orders-fresh", CheckURL: "https://data.example.org/orders-fresh",
		Lead: lead, Reporter: f.Admin.User, StartedAt: now, OpenedAt: now, AcknowledgedAt: now,
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
		`{"title":"T","description":"D","severity":"critical","status":null,"leadId":null,"resolutionNotes":null,"monitorResultIds":["` + f.DryCheck.String() + `"]}`,
	} {
		r := f.create(t, f.Admin, body)
		dialecttest.WantStatus(t, r, 200)
		if got := dialecttest.Decode[incidentBody](t, r.Body); got.Status != "reported" || got.Number != int64(number+1) {
			t.Errorf("%s: got %s, want the next number and status reported", body, r.Body)
		}
	}
}

func TestBadCreateIsRefusedByName(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	rival := f.Organisation(t, "Rival")
	stranger := f.Key(t, rival)
	one := f.OrdersCheck.String()
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
		"lead of another place":       {draft(f, map[string]any{"leadId": stranger.User.String()}), []string{"leadId"}},
		"no checks":                   {draft(f, map[string]any{"monitorResultIds": []string{}}), []string{"monitorResultIds"}},
		"checks not a list":           {draft(f, map[string]any{"monitorResultIds": one}), []string{"monitorResultIds"}},
		"a null check":                {draft(f, map[string]any{"monitorResultIds": []any{nil}}), []string{"monitorResultIds"}},
		"a number for a check":        {draft(f, map[string]any{"monitorResultIds": []any{one, 1}}), []string{"monitorResultIds"}},
		"malformed check":             {draft(f, map[string]any{"monitorResultIds": []string{one, "x"}}), []string{"monitorResultIds"}},
		"check of zeros":              {draft(f, map[string]any{"monitorResultIds": []string{tocsin.ID{}.String()}}), []string{"monitorResultIds"}},
		"unknown check":               {draft(f, map[string]any{"monitorResultIds": []string{one, f.Orders.String()}}), []string{"monitorResultIds"}},
		"checks of two projects":      {draft(f, map[string]any{"monitorResultIds": []string{one, f.LakeCheck.String()}}), []string{"monitorResultIds", "one project"}},
		"more checks than are served": {draft(f, map[string]any{"monitorResultIds": make([]string, 1001)}), []string{"monitorResultIds", "1000"}},
		"duplicate key":               {`{"title":"T","title":"U"}`, nil},
		"not an object":               {`[]`, nil},
	}
	before := f.LogLength(t)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			wantError(t, f.create(t, f.Admin, tt.body), 400, "invalid_request", tt.names...)
			if after := f.LogLength(t); after != before {
				t.Errorf("a refused creation left %d log entries", after-before)
			}
		})
	}
	if got := dialecttest.Decode[incidentBody](t, f.create(t, f.Admin, createBody(f)).Body).Number; got != 1 {
		t.Errorf("refused creations used up numbers: the first incident has %d", got)
	}
}

func TestWhoMayCreate(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	onlooker := f.Onlooker(t)
	before := f.LogLength(t)
	for name, tt := range map[string]struct {
		key    dialecttest.Key
		status int
	}{
		"dataset viewer":             {f.Key(t, f.Acme, dialecttest.Granted(tocsin.RoleViewer, tocsin.ScopeDataset, f.Orders)), 200},
		"project editor":             {f.Key(t, f.Acme, dialecttest.Granted(tocsin.RoleEditor, tocsin.ScopeProject, f.Warehouse)), 200},
		"onlooker":                   {f.Key(t, f.Acme, dialecttest.Granted(onlooker, tocsin.ScopeProject, f.Warehouse)), 403},
		"somebody without a grant":   {f.Key(t, f.Acme), 400},
		"manager of another dataset": {f.Key(t, f.Acme, dialecttest.Granted(tocsin.RoleManager, tocsin.ScopeDataset, f.Customers)), 400},
		"key of another project":     {f.KeyOf(t, f.Acme, tocsin.KeyDraft{Owner: f.Admin.User, Name: "lake", Project: f.Lake}), 400},
	} {
		if r := f.create(t, tt.key, createBody(f)); r.Status != tt.status {
			t.Errorf("%s: got %d %s, want %d", name, r.Status, r.Body, tt.status)
		}
	}
	if after := f.LogLength(t); after < before+2 {
		t.Errorf("two incidents were created and the log has grown by %d", after-before)
	}
}

func TestUnseenCheckIsLikeAnUnknownOne(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	k := f.Key(t, f.Acme, dialecttest.Granted(tocsin.RoleManager, tocsin.ScopeDataset, f.Customers))
	unseen := f.create(t, k, createBody(f))
	unknown := f.create(t, k, draft(f, map[string]any{"monitorResultIds": []string{dialecttest.UnknownID}}))
	if unseen.Status != 400 || unseen.Body != unknown.Body {
		t.Errorf("an unseen check is answered %d %s, an unknown one %d %s: they must not differ", unseen.Status, unseen.Body, unknown.Status, unknown.Body)
	}
}

func TestCreatedIncidentCanBeFoundAndUpdated(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	made := f.create(t, f.Admin, createBody(f))
	dialecttest.WantStatus(t, made, 200)
	id, _ := tocsin.ParseID(dialecttest.Decode[incidentBody](t, made.Body).ID)
	same := f.update(t, id, `{}`)
	if same.Body != made.Body {
		t.Errorf("an update that changes nothing shows %s, creation showed %s", same.Body, made.Body)
	}
	page := dialecttest.Decode[pageBody](t, f.Do(t, dialecttest.Call{Method: "GET", Path: "/api/v1/incidents", Key: f.Admin}).Body)
	if len(page.Content) != 1 || page.Content[0].ID != id.String() {
		t.Errorf("the list shows %+v, want the incident", page.Content)
	}
	if _, err := store.Find[*tocsin.Incident](t.Context(), f.Store, f.Acme, tocsin.KindIncident, id); err != nil {
		t.Error(err)
	}
}
