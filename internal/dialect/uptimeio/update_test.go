package uptimeio_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"tocsin"
	"tocsin/internal/dialect/dialecttest"

	"github.com/google/go-cmp/cmp"
)

// inTwoRegions makes an incident that has an error message and regions.
func inTwoRegions(d *tocsin.Draft) {
	d.ErrorMessage, d.AffectedRegions = "No answer", []string{"eu-west-1", "us-east-1"}
}

func TestUpdateChangesWhatTheBodyNames(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	message := func(s string) func(*tocsin.Incident) {
		return func(i *tocsin.Incident) { i.ErrorMessage = s }
	}
	regions := func(names ...string) func(*tocsin.Incident) {
		return func(i *tocsin.Incident) { i.AffectedRegions = names }
	}
	severity := func(s tocsin.Severity) func(*tocsin.Incident) {
		return func(i *tocsin.Incident) { i.Severity = s }
	}
	hundred := strings.Split(strings.Repeat("eu ", 99)+"eu", " ")
	tests := map[string]struct {
		body  string
		apply func(*tocsin.Incident)
	}{
		"critical":               {`{"severity":"critical"}`, severity(tocsin.Critical)},
		"minor":                  {`{"severity":"minor"}`, severity(tocsin.Minor)},
		"warning":                {`{"severity":"warning"}`, severity(tocsin.Warning)},
		"message":                {`{"error_message":"Connection refused"}`, message("Connection refused")},
		"message empty":          {`{"error_message":""}`, message("")},
		"message of spaces":      {`{"error_message":"   "}`, message("   ")},
		"message of 1000":        {`{"error_message":"` + strings.Repeat("e", 1000) + `"}`, message(strings.Repeat("e", 1000))},
		"message of 1000 emoji":  {`{"error_message":"` + strings.Repeat("🔥", 1000) + `"}`, message(strings.Repeat("🔥", 1000))},
		"message, combined":      {`{"error_message":"` + strings.Repeat("e\u0301", 500) + `"}`, message(strings.Repeat("e\u0301", 500))},
		"message as sent":        {`{"error_message":"<script>{{7*7}}\u0007\u2028\u202e\ufeff=1+1"}`, message("<script>{{7*7}}\u0007\u2028\u202e\ufeff=1+1")},
		"one region":             {`{"affected_regions":["ap-southeast-1"]}`, regions("ap-southeast-1")},
		"no regions":             {`{"affected_regions":[]}`, regions()},
		"regions in order":       {`{"affected_regions":["us-east-1","eu-west-1"]}`, regions("us-east-1", "eu-west-1")},
		"a region twice":         {`{"affected_regions":["eu","eu"]}`, regions("eu", "eu")},
		"a region of 255":        {`{"affected_regions":["` + strings.Repeat("é", 255) + `"]}`, regions(strings.Repeat("é", 255))},
		"100 regions":            {`{"affected_regions":["` + strings.Join(hundred, `","`) + `"]}`, regions(hundred...)},
		"several at once":        {`{"severity":"minor","error_message":"E","affected_regions":["eu"]}`, func(i *tocsin.Incident) { severity(tocsin.Minor)(i); message("E")(i); regions("eu")(i) }},
		"unknown keys pass":      {`{"x":{"y":[1,null]},"__proto__":{"isAdmin":true},"constructor":{},"severity":"minor"}`, severity(tocsin.Minor)},
		"10,000 unknown keys":    {manyKeys(10_000) + `"severity":"minor"}`, severity(tocsin.Minor)},
		"case counts":            {`{"severity":"minor","Severity":"critical"}`, severity(tocsin.Minor)},
		"escapes in a name":      {`{"sever\u0069ty":"critical"}`, severity(tocsin.Critical)},
		"spaces around a body":   {" \t\r\n{ \"severity\" : \"minor\" } \n", severity(tocsin.Minor)},
		"what is not updated so": {notUpdatable + `,"severity":"minor"}`, severity(tocsin.Minor)},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			id := f.Incident(t, inTwoRegions)
			before := f.State(t, id)
			shown := incidentOf(t, f.update(t, id, tt.body))
			after := f.State(t, id)

			want := before.Incident
			tt.apply(&want)
			if diff := cmp.Diff(dialecttest.Fields(&want), dialecttest.Fields(&after.Incident), equateEmpty()); diff != "" {
				t.Errorf("the incident is not what was asked for (-want +got):\n%s", diff)
			}
			if shown.Severity != string(want.Severity) || shown.ErrorMessage != want.ErrorMessage || !cmp.Equal(shown.AffectedRegions, want.AffectedRegions, equateEmpty()) {
				t.Errorf("the reply shows %+v", shown)
			}
			if after.Log != before.Log+1 || after.Incident.Version != 2 || !after.Incident.UpdatedAt.Equal(f.Clock.Now()) || shown.UpdatedAt != f.Clock.Now().UnixMilli() {
				t.Errorf("one change must leave one log entry, one version and its time: %d entries, version %d, updated at %v, shown as %d",
					after.Log-before.Log, after.Incident.Version, after.Incident.UpdatedAt, shown.UpdatedAt)
			}
		})
	}
}

// notUpdatable begins a body with members of an incident that no update changes.
const notUpdatable = `{"status":"closed","title":"x","type":"dns_error","check_id":"` + dialecttest.UnknownID + `","project_id":"x","id":"x",
	"created_at":1,"started_at":1,"resolved_at":1,"updated_at":1,"failure_count":9,"notification_sent":true,"version":9,"lead_id":"x"`

// manyKeys begins a body with so many unknown keys.
func manyKeys(n int) string {
	var b strings.Builder
	b.WriteByte('{')
	for i := range n {
		fmt.Fprintf(&b, `"key %d":%d,`, i, i)
	}
	return b.String()
}

// equateEmpty makes an empty list and none the same.
func equateEmpty() cmp.Option {
	return cmp.FilterValues(func(a, b []string) bool { return len(a) == 0 && len(b) == 0 }, cmp.Ignore())
}

func TestUpdateThatChangesNothingLeavesNoTrace(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.Incident(t, inTwoRegions)
	plain := f.Incident(t)
	tests := map[string]struct {
		id   tocsin.ID
		body string
	}{
		"empty object":            {id, `{}`},
		"only unknown keys":       {id, `{"a":null,"Severity":"critical","SEVERITY":"critical","ſeverity":"critical"}`},
		"a nested unknown":        {id, `{"x":` + strings.Repeat(`{"a":`, 50) + `1` + strings.Repeat(`}`, 50) + `}`},
		"status has its own door": {id, `{"status":"closed"}`},
		"not a good status":       {id, `{"status":17}`},
		"nothing of the update":   {id, notUpdatable + `}`},
		"equal severity":          {id, `{"severity":"major"}`},
		"equal values":            {id, `{"severity":"major","error_message":"No answer","affected_regions":["eu-west-1","us-east-1"]}`},
		"no regions where none":   {plain, `{"affected_regions":[],"error_message":""}`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			before := f.State(t, tt.id)
			for range 3 {
				shown := incidentOf(t, f.update(t, tt.id, tt.body))
				if shown.UpdatedAt != before.Incident.UpdatedAt.UnixMilli() {
					t.Errorf("updated_at moved to %d", shown.UpdatedAt)
				}
			}
			dialecttest.Unchanged(t, before, f.State(t, tt.id))
		})
	}
}

func TestClearedRegionsAreAnEmptyList(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.Incident(t, inTwoRegions)
	if r := f.update(t, id, `{"affected_regions":[]}`); !strings.Contains(r.Body, `"affected_regions":[]`) {
		t.Errorf("got %s, want an empty list of regions", r.Body)
	}
	if r := f.get(t, f.Incident(t)); !strings.Contains(r.Body, `"affected_regions":[]`) {
		t.Errorf("an incident without regions shows %s, want an empty list", r.Body)
	}
}

func TestClosedIncidentCannotBeChanged(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.Incident(t, inTwoRegions, dialecttest.WithStatus(tocsin.Closed))
	before := f.State(t, id)
	for body, status := range map[string]int{
		`{"severity":"critical"}`:        400,
		`{"error_message":""}`:           400,
		`{"affected_regions":[]}`:        400,
		`{"severity":"major","x":1}`:     200,
		`{}`:                             200,
		`{"error_message":"No answer"}`:  200,
		`{"severity":"bad"}`:             400,
		`{"status":"open","severity":1}`: 400,
	} {
		if r := f.update(t, id, body); r.Status != status {
			t.Errorf("%s: got %d %s, want %d", body, r.Status, r.Body, status)
		}
		dialecttest.Unchanged(t, before, f.State(t, id))
	}
	resolved := f.Incident(t, dialecttest.WithStatus(tocsin.Resolved))
	if got := incidentOf(t, f.update(t, resolved, `{"severity":"critical"}`)); got.Severity != "critical" {
		t.Errorf("a resolved incident is not final, but shows %+v", got)
	}
}

func TestIncidentOfACheckNamesIt(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	got := incidentOf(t, f.get(t, f.Incident(t)))
	if got.CheckID == nil || *got.CheckID != f.OrdersCheck.String() || *got.CheckName != "orders-fresh" || *got.CheckURL != "https://data.example.org/orders-fresh" {
		t.Errorf("the incident shows %+v, want its check", got)
	}
	manual := f.Incident(t, func(d *tocsin.Draft) { d.Checks, d.Project = nil, f.Warehouse })
	if got := incidentOf(t, f.get(t, manual)); got.CheckID != nil {
		t.Errorf("a manual incident shows the check %s", *got.CheckID)
	}
}

func TestTimeOfChangeNeverGoesBack(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.Incident(t)
	first := incidentOf(t, f.update(t, id, `{"severity":"critical"}`)).UpdatedAt
	f.Clock.Advance(-2 * time.Hour)
	if second := incidentOf(t, f.update(t, id, `{"severity":"minor"}`)).UpdatedAt; second < first {
		t.Errorf("updated_at went from %d back to %d with the server's clock", first, second)
	}
}

func TestChangeIsLoggedWithWhoAndThroughWhat(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.Incident(t)
	r := f.Do(t, dialecttest.Call{
		Method: "PUT", Path: incidentPath(id), Key: f.editor, Body: `{"severity":"critical"}`,
		Header: map[string][]string{"User-Agent": {"uptime-sync/2"}},
	})
	dialecttest.WantStatus(t, r, 200)
	history := dialecttest.Must(f.Incidents.History(t.Context(), tocsin.System(f.Acme, "test"), id))(t)
	got := history[len(history)-1]
	want := tocsin.Entry{
		ID: got.ID, Seq: got.Seq, Kind: tocsin.KindIncident, Object: id, Version: 2, Action: "incident.update", At: f.Clock.Now(),
		Actor: tocsin.ActorUser, User: f.editor.User, Key: f.editor.ID, Door: "uptimeio",
		Request: r.Header.Get("X-Request-Id"), Address: "127.0.0.1", Agent: "uptime-sync/2",
		Fields: []string{"severity"}, Leaf: got.Leaf,
		Changes: []tocsin.FieldChange{{Name: "severity", Old: tocsin.Text("major"), New: tocsin.Text("critical")}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the log entry is not what happened (-want +got):\n%s", diff)
	}
}

func TestMediaTypeIsComparedWithoutCaseAndParameters(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.Incident(t)
	for i, tt := range dialecttest.MediaTypes() {
		before := f.State(t, id)
		r := f.Do(t, dialecttest.Call{Method: "PUT", Path: incidentPath(id), Key: f.editor, Header: tt.Header, Body: fmt.Sprintf(`{"error_message":"number %d"}`, i)})
		if taken := r.Status == 200; taken != tt.Taken || !taken && r.Status != 400 {
			t.Errorf("%v: got %d %s; taken should be %v", tt.Header, r.Status, r.Body, tt.Taken)
		}
		if changed := !cmp.Equal(before, f.State(t, id)); changed != tt.Taken {
			t.Errorf("%v: answered %d, and changed is %v", tt.Header, r.Status, changed)
		}
	}
}

func TestQueryAndOverridesAreIgnored(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.Incident(t)
	r := f.Do(t, dialecttest.Call{
		Method: "PUT", Path: incidentPath(id) + "?severity=critical&status=closed", Key: f.editor, Body: `{"error_message":"E"}`,
		Header: map[string][]string{"X-Http-Method-Override": {"DELETE"}, "If-Match": {`"garbage"`}},
	})
	dialecttest.WantStatus(t, r, 200)
	if got := f.State(t, id).Incident; got.Severity != tocsin.Major || got.Status != tocsin.Open || got.ErrorMessage != "E" {
		t.Errorf("the query or the override had an effect: %+v", got)
	}
}

func TestParallelUpdatesLoseNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.Incident(t)
	before := f.State(t, id)
	var all sync.WaitGroup
	for i := range 64 {
		body := fmt.Sprintf(`{"error_message":"value %d"}`, i)
		if i%2 == 0 {
			body = fmt.Sprintf(`{"affected_regions":["value %d"]}`, i)
		}
		all.Go(func() {
			if r := f.Send(t, dialecttest.Call{Method: "PUT", Path: incidentPath(id), Body: body, Key: f.editor}); r.Status != 200 {
				t.Errorf("update %d: got %d %s, want 200", i, r.Status, r.Body)
			}
		})
	}
	all.Wait()
	after := f.State(t, id)
	if after.Incident.Version != before.Incident.Version+64 || after.Log != before.Log+64 {
		t.Errorf("64 updates made %d versions and %d log entries", after.Incident.Version-before.Incident.Version, after.Log-before.Log)
	}
	if !strings.HasPrefix(after.Incident.ErrorMessage, "value ") || len(after.Incident.AffectedRegions) != 1 {
		t.Errorf("every update of one field was lost: %+v", after.Incident)
	}
	if rows := f.rows(t, id, ""); len(rows) != 65 {
		t.Errorf("64 updates left %d rows, want one each and the creation's", len(rows))
	}
}
