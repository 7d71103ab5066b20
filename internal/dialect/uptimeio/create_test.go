package uptimeio_test

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"tocsin"
	"tocsin/internal/dialect/dialecttest"

	"github.com/google/go-cmp/cmp"
)

// draft is a body for create, with members changed; a nil value leaves one out.
func draft(changes map[string]any) string {
	body := map[string]any{"severity": "major", "type": "timeout", "error_message": "No answer", "title": "Orders are down"}
	maps.Copy(body, changes)
	maps.DeleteFunc(body, func(_ string, v any) bool { return v == nil })
	text, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func (f *fixture) create(t testing.TB, body string) dialecttest.Reply {
	t.Helper()
	return f.Do(t, dialecttest.Call{Method: "POST", Path: "/api/incidents", Body: body, Key: f.editor})
}

// created returns the stored incident that a reply to create shows.
func (f *fixture) created(t testing.TB, r dialecttest.Reply) tocsin.Incident {
	t.Helper()
	dialecttest.WantStatus(t, r, 201)
	id, _ := tocsin.ParseID(incidentOf(t, r).ID)
	return f.State(t, id).Incident
}

func TestCreateTakesAllFields(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	r := f.create(t, draft(map[string]any{
		"severity": "warning", "type": "slow_response", "error_message": "Took 9 s", "check_id": strings.ToUpper(f.OrdersCheck.String()), "title": nil,
		"source": "manual", "affected_regions": []string{"us-east-1", "eu-west-1"}, "failure_count": 3, "started_at": "2026-03-01T13:30:00.25+02:00",
		"status": "closed", "unknown": map[string]any{"x": 1},
	}))
	got := f.created(t, r)
	now := f.Clock.Now()
	want := tocsin.Incident{
		Meta: got.Meta, Number: 1, Project: f.Warehouse, Datasets: []tocsin.ID{f.Orders},
		Title: "orders-fresh - Slow Response", Severity: tocsin.Warning, Status: tocsin.Open, Type: "slow_response", Source: tocsin.FromManual,
		ErrorMessage: "Took 9 s", AffectedRegions: []string{"us-east-1", "eu-west-1"}, FailureCount: 3,
		Check: f.OrdersCheck, CheckName: "orders-fresh", CheckURL: "https://data.example.org/orders-fresh",
		Reporter: f.editor.User, StartedAt: dialecttest.Begin().Add(-30*time.Minute + 250*time.Millisecond), OpenedAt: now,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the incident is not what was asked for (-want +got):\n%s", diff)
	}
	if again := f.get(t, got.ID); again.Body != r.Body {
		t.Errorf("creation shows %s, reading it %s", r.Body, again.Body)
	}
}

func TestCreateNeedsNoMoreThanTheRequiredMembers(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	got := f.created(t, f.create(t, draft(map[string]any{"title": strings.Repeat("ü", 255), "error_message": strings.Repeat("ü", 1000)})))
	now := f.Clock.Now()
	want := tocsin.Incident{
		Meta: got.Meta, Number: 1, Project: f.Warehouse, Title: strings.Repeat("ü", 255), Severity: tocsin.Major, Status: tocsin.Open, Type: "timeout",
		Source: tocsin.FromManual, ErrorMessage: strings.Repeat("ü", 1000), Reporter: f.editor.User, StartedAt: now, OpenedAt: now,
	}
	if diff := cmp.Diff(want, got, equateEmpty()); diff != "" {
		t.Errorf("the manual incident (-want +got):\n%s", diff)
	}
	got = f.created(t, f.create(t, `{"severity":"minor","type":"dns_error","error_message":"NXDOMAIN","check_id":"`+f.DryCheck.String()+`",
		"title":null,"source":null,"affected_regions":null,"failure_count":null,"started_at":null}`))
	if got.Check != f.DryCheck || got.Source != tocsin.FromSystem || len(got.AffectedRegions) != 0 || got.FailureCount != 0 || !got.StartedAt.Equal(f.Clock.Now()) {
		t.Errorf("optional nulls are absent and a check's incident is the system's, but it is %+v", got)
	}
}

func TestTitleOfACheckNamesCheckAndType(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for kind, words := range map[string]string{
		"timeout": "Timeout", "status_code": "Status Code", "keyword_missing": "Keyword Missing", "ssl_error": "Ssl Error",
		"dns_error": "Dns Error", "connection_error": "Connection Error", "slow_response": "Slow Response",
	} {
		got := f.created(t, f.create(t, draft(map[string]any{"type": kind, "title": nil, "check_id": f.OrdersCheck.String()})))
		if want := "orders-fresh - " + words; got.Title != want {
			t.Errorf("%s: the title is %q, want %q", kind, got.Title, want)
		}
	}
	got := f.created(t, f.create(t, draft(map[string]any{"check_id": f.OrdersCheck.String(), "title": "As I say"})))
	if got.Title != "As I say" || got.Check != f.OrdersCheck {
		t.Errorf("with both, the incident is %q of check %s; want the given title on the check", got.Title, got.Check)
	}
}

func TestStartInTheFutureIsNow(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	got := f.created(t, f.create(t, draft(map[string]any{"started_at": "2099-12-31T23:59:59Z"})))
	if !got.StartedAt.Equal(f.Clock.Now()) {
		t.Errorf("started at %v, want now", got.StartedAt)
	}
}

func TestBadCreateIsRefusedByName(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	started := func(s any) string { return draft(map[string]any{"started_at": s}) }
	with := func(name string, v any) string { return draft(map[string]any{name: v}) }
	check := func(v any) string { return draft(map[string]any{"check_id": v, "title": nil}) }
	tests := map[string]struct {
		body  string
		names []string
	}{
		"nothing":                    {`{}`, []string{"severity", "type", "error_message", "title"}},
		"nulls":                      {`{"severity":null,"type":null,"error_message":null,"title":null,"check_id":null}`, []string{"severity", "type", "error_message", "title"}},
		"everything bad":             {`{"severity":"x","type":"x","error_message":1,"title":1,"check_id":1,"source":"x","affected_regions":1,"failure_count":"1","started_at":1}`, []string{"severity", "type", "error_message", "title", "check_id", "source", "affected_regions", "failure_count", "started_at"}},
		"severity":                   {with("severity", "Major"), []string{"severity"}},
		"type":                       {with("type", "http"), []string{"type"}},
		"type in capitals":           {with("type", "TIMEOUT"), []string{"type"}},
		"type empty":                 {with("type", ""), []string{"type"}},
		"message empty":              {with("error_message", ""), []string{"error_message"}},
		"message of 1001":            {with("error_message", strings.Repeat("e", 1001)), []string{"error_message"}},
		"neither title nor check":    {with("title", nil), []string{"title"}},
		"title empty":                {with("title", ""), []string{"title"}},
		"title of spaces":            {with("title", " \u00a0"), []string{"title"}},
		"title number":               {with("title", 5), []string{"title"}},
		"title of 256":               {with("title", strings.Repeat("t", 256)), []string{"title"}},
		"check malformed":            {check("orders"), []string{"check_id"}},
		"check of zeros":             {check(tocsin.ID{}.String()), []string{"check_id"}},
		"check number":               {check(7), []string{"check_id"}},
		"check unknown":              {check(dialecttest.UnknownID), []string{"check_id"}},
		"check of another project":   {check(f.LakeCheck.String()), []string{"check_id"}},
		"a project for a check":      {check(f.Warehouse.String()), []string{"check_id"}},
		"check and blank title":      {draft(map[string]any{"check_id": f.OrdersCheck.String(), "title": "  "}), []string{"title"}},
		"source":                     {with("source", "robot"), []string{"source"}},
		"source empty":               {with("source", ""), []string{"source"}},
		"regions":                    {with("affected_regions", []any{nil}), []string{"affected_regions"}},
		"101 regions":                {with("affected_regions", strings.Split(strings.Repeat("eu ", 100)+"eu", " ")), []string{"affected_regions"}},
		"count negative":             {with("failure_count", -1), []string{"failure_count"}},
		"count broken":               {with("failure_count", 1.5), []string{"failure_count"}},
		"count beyond an int32":      {with("failure_count", int64(1)<<31), []string{"failure_count"}},
		"count beyond all":           {with("failure_count", json.Number("1e400")), []string{"failure_count"}},
		"count as text":              {with("failure_count", "3"), []string{"failure_count"}},
		"start without an offset":    {started("2026-01-01T00:00:00"), []string{"started_at"}},
		"start a date":               {started("2026-01-01"), []string{"started_at"}},
		"start in milliseconds":      {started(1703001600000), []string{"started_at"}},
		"start with a comma":         {started("2026-01-01T00:00:00,5Z"), []string{"started_at"}},
		"start, an hour of a digit":  {started("2026-01-01T0:00:00Z"), []string{"started_at"}},
		"start on 30 February":       {started("2026-02-30T00:00:00Z"), []string{"started_at"}},
		"start at 24:00":             {started("2026-01-01T24:00:00Z"), []string{"started_at"}},
		"start in a leap second":     {started("2026-01-01T23:59:60Z"), []string{"started_at"}},
		"start with an odd offset":   {started("2026-01-01T00:00:00+99:99"), []string{"started_at"}},
		"start in the year 0":        {started("0000-01-01T00:00:00Z"), []string{"started_at"}},
		"start before the century":   {started("1999-12-31T23:59:59Z"), []string{"started_at"}},
		"start after the next":       {started("9999-01-01T00:00:00Z"), []string{"started_at"}},
		"start empty":                {started(""), []string{"started_at"}},
		"two of the use case's own":  {draft(map[string]any{"error_message": strings.Repeat("e", 1001), "failure_count": -1}), []string{"error_message", "failure_count"}},
		"one of the wire's, one not": {draft(map[string]any{"started_at": "x", "failure_count": -1}), []string{"started_at", "failure_count"}},
	}
	before := f.LogLength(t)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			wantError(t, f.create(t, tt.body), 400, tt.names...)
			if after := f.LogLength(t); after != before {
				t.Errorf("a refused creation left %d log entries", after-before)
			}
		})
	}
	if got := f.created(t, f.create(t, draft(nil))).Number; got != 1 {
		t.Errorf("refused creations used up numbers: the first incident has %d", got)
	}
}

func TestUnseenCheckIsLikeAnUnknownOne(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	k := f.keyFor(t, f.Warehouse, dialecttest.Granted(tocsin.RoleManager, tocsin.ScopeDataset, f.Customers))
	create := func(check string) dialecttest.Reply {
		return f.Do(t, dialecttest.Call{Method: "POST", Path: "/api/incidents", Key: k, Body: draft(map[string]any{"title": nil, "check_id": check})})
	}
	unseen, foreign, unknown := create(f.OrdersCheck.String()), create(f.LakeCheck.String()), create(dialecttest.UnknownID)
	if unseen.Status != 400 || unseen.Body != unknown.Body || foreign.Body != unknown.Body {
		t.Errorf("an unseen check is answered %s, one of another project %s, an unknown one %s: they must not differ", unseen.Body, foreign.Body, unknown.Body)
	}
	dialecttest.WantStatus(t, create(f.CustomersCheck.String()), 201)
}

func TestCreationNeedsARightWhereItIsMade(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	before := f.LogLength(t)
	for name, k := range map[string]dialecttest.Key{
		"manager of a dataset":       f.keyFor(t, f.Warehouse, dialecttest.Granted(tocsin.RoleManager, tocsin.ScopeDataset, f.Customers)),
		"manager of another project": f.keyFor(t, f.Warehouse, dialecttest.Granted(tocsin.RoleManager, tocsin.ScopeProject, f.Lake)),
		"nobody":                     f.keyFor(t, f.Warehouse),
	} {
		made := f.LogLength(t)
		if r := f.Do(t, dialecttest.Call{Method: "POST", Path: "/api/incidents", Body: draft(nil), Key: k}); r.Status != 403 {
			t.Errorf("%s: a manual incident is answered %d %s, want 403", name, r.Status, r.Body)
		}
		if after := f.LogLength(t); after != made {
			t.Errorf("%s: a refused creation left %d log entries", name, after-made)
		}
	}
	if before == f.LogLength(t) {
		t.Error("the keys left no log entries, so the log is not what was counted")
	}
}
