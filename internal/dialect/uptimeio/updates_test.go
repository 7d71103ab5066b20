package uptimeio_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"tocsin"
	"tocsin/internal/dialect/dialecttest"
	"tocsin/internal/dialect/soda"

	"github.com/google/go-cmp/cmp"
)

// A change is what a row says beside its id, who and when.
type change struct{ Action, Field, Old, New, Message string }

// none stands for a null in a change.
const none = "(null)"

func changesOf(rows []rowBody) []change {
	text := func(s *string) string {
		if s == nil {
			return none
		}
		return *s
	}
	var changes []change
	for _, r := range rows {
		changes = append(changes, change{r.Action, r.Metadata["field"], text(r.OldValue), text(r.NewValue), text(r.Message)})
	}
	return changes
}

func TestUpdatesTellEachChangedFieldNewestFirst(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.created(t, f.create(t, draft(nil))).ID
	var times []time.Time
	do := func(r dialecttest.Reply) {
		t.Helper()
		incidentOf(t, r)
		times = append(times, f.Clock.Now())
	}
	times = append(times, f.Clock.Now())
	do(f.update(t, id, `{"severity":"critical","error_message":"Still no answer","affected_regions":["us-east-1","<eu>"]}`))
	do(f.update(t, id, `{"severity":"critical","affected_regions":[]}`))
	do(f.acknowledge(t, id))
	do(f.setStatus(t, id, `{"status":"resolved","note":"Restarted"}`))
	do(f.setStatus(t, id, `{"status":"closed"}`))
	rows := f.rows(t, id, "")
	want := []change{
		{"closed", "status", "resolved", "closed", none},
		{"resolved", "status", "acknowledged", "resolved", "Restarted"},
		{"acknowledged", "status", "open", "acknowledged", none},
		{"assigned", "lead_id", "", f.editor.User.String(), none},
		{"updated", "affected_regions", `["us-east-1","<eu>"]`, `[]`, none},
		{"updated", "affected_regions", `[]`, `["us-east-1","<eu>"]`, none},
		{"updated", "error_message", "No answer", "Still no answer", none},
		{"severity_changed", "severity", "major", "critical", none},
		{"created", "", none, none, none},
	}
	if diff := cmp.Diff(want, changesOf(rows)); diff != "" {
		t.Fatalf("the rows (-want +got):\n%s", diff)
	}
	for i, entry := range []int{5, 4, 3, 3, 2, 1, 1, 1, 0} {
		if want := times[entry].Format("2006-01-02T15:04:05.000Z"); rows[i].CreatedAt != want || rows[i].IncidentID != id.String() {
			t.Errorf("row %d is of %s at %s, want %s at %s", i, rows[i].IncidentID, rows[i].CreatedAt, id, want)
		}
		if rows[i].UserID == nil || *rows[i].UserID != f.editor.User.String() || *rows[i].UserName != "Ada" || !strings.HasSuffix(*rows[i].UserEmail, "@example.org") {
			t.Errorf("row %d is not of the key's user: %+v", i, rows[i])
		}
	}
}

func TestRowsKeepTheirIDs(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.Incident(t)
	f.update(t, id, `{"severity":"critical","error_message":"E"}`)
	before := f.rows(t, id, "")
	f.acknowledge(t, id)
	after := f.rows(t, id, "")
	if diff := cmp.Diff(before, after[len(after)-len(before):]); diff != "" {
		t.Errorf("older rows changed (-before +after):\n%s", diff)
	}
	seen := map[string]bool{}
	for _, r := range after {
		if seen[r.ID] || r.ID[14] != '8' {
			t.Errorf("row id %s is not the only one of its kind, or no UUID of version 8", r.ID)
		}
		seen[r.ID] = true
	}
}

func TestUpdatesCanBeLimited(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.Incident(t)
	for _, severity := range []string{"critical", "minor", "warning"} {
		f.update(t, id, `{"severity":"`+severity+`","error_message":"`+severity+`"}`)
	}
	all := f.rows(t, id, "")
	if len(all) != 7 {
		t.Fatalf("there are %d rows, want all 7", len(all))
	}
	for query, want := range map[string]int{"?limit=1": 1, "?limit=2": 2, "?limit=3": 3, "?limit=7": 7, "?limit=2147483647": 7, "?page=2": 7} {
		if diff := cmp.Diff(all[:want], f.rows(t, id, query)); diff != "" {
			t.Errorf("%s: want the newest %d rows (-want +got):\n%s", query, want, diff)
		}
	}
}

func TestUpdatesGoByVersionNotByTime(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.Incident(t)
	f.update(t, id, `{"severity":"critical"}`)
	f.Clock.Advance(-time.Hour)
	f.update(t, id, `{"severity":"minor"}`)
	rows := f.rows(t, id, "")
	if got := *rows[0].NewValue + " " + *rows[1].NewValue; got != "minor critical" {
		t.Errorf("the rows tell of %s, want the last change first", got)
	}
}

func TestNoChangeLeavesNoRow(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.Incident(t)
	f.update(t, id, `{"severity":"major","affected_regions":[]}`)
	f.update(t, id, `{"severity":"bad"}`)
	f.setStatus(t, id, `{"status":"open"}`)
	want := []change{{"created", "", none, none, none}}
	rows := f.rows(t, id, "")
	if diff := cmp.Diff(want, changesOf(rows)); diff != "" {
		t.Errorf("the rows (-want +got):\n%s", diff)
	}
	if rows[0].UserID != nil {
		t.Errorf("what the system did is put down to user %s", *rows[0].UserID)
	}
}

func TestChangesThroughTheOtherDialectAreToldInTheWordsOfThisOne(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	other := f.Beside(t, dialecttest.Door{
		Dialect: soda.Dialect(),
		Credential: func(k dialecttest.Key) (name, value string) {
			return "Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte(k.ID.String()+":"+k.Token))
		},
		Conform: func(testing.TB, dialecttest.Call, dialecttest.Reply) {},
	})
	id := f.Incident(t)
	for _, body := range []string{
		`{"title":"Orders are very late","description":"Since noon","severity":"minor"}`,
		`{"status":"investigating"}`,
		`{"status":"fixing"}`,
		`{"status":"investigating","title":"Orders"}`,
		`{"status":"resolved","resolutionNotes":"Restarted"}`,
		`{"status":"fixing"}`,
		`{"status":"resolved"}`,
		`{"status":"reported"}`,
	} {
		c := dialecttest.Call{Method: "POST", Path: "/api/v1/incidents/" + id.String(), Body: body, Key: f.Admin}
		dialecttest.WantStatus(t, other.Do(t, c), 200)
	}
	rows := f.rows(t, id, "")
	want := []change{
		{"reopened", "status", "resolved", "open", none},
		{"resolved", "status", "acknowledged", "resolved", none},
		{"acknowledged", "status", "resolved", "acknowledged", none},
		{"resolved", "status", "acknowledged", "resolved", none},
		{"updated", "resolution_notes", "", "Restarted", none},
		{"updated", "title", "Orders are very late", "Orders", none},
		{"acknowledged", "status", "open", "acknowledged", none},
		{"updated", "description", "No rows since noon", "Since noon", none},
		{"severity_changed", "severity", "major", "minor", none},
		{"updated", "title", "Orders are late", "Orders are very late", none},
		{"created", "", none, none, none},
	}
	if diff := cmp.Diff(want, changesOf(rows)); diff != "" {
		t.Errorf("the rows (-want +got):\n%s", diff)
	}
	for _, r := range rows[:len(rows)-1] {
		if r.UserID == nil || *r.UserID != f.Admin.User.String() {
			t.Errorf("%s %s is not put down to who did it", r.Action, r.Metadata)
		}
	}
	if got := incidentOf(t, f.get(t, id)); got.Status != "open" || got.ResolvedAt != nil {
		t.Errorf("the reopened incident shows %+v", got)
	}
	if got := f.State(t, id).Incident.AcknowledgedAt; !got.IsZero() {
		t.Errorf("a return to open left it acknowledged at %v", got)
	}
}

func TestCommentIsAnswered(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, status := range []tocsin.Status{tocsin.Open, tocsin.Closed} {
		id := f.Incident(t, dialecttest.WithStatus(status))
		before := f.State(t, id)
		message := strings.Repeat("ü", 999) + "\n"
		r := f.Do(t, dialecttest.Call{Method: "POST", Path: incidentPath(id, "updates"), Body: `{"message":"` + strings.Repeat("ü", 999) + `\n","action":"closed"}`, Key: f.editor})
		dialecttest.WantStatus(t, r, 201)
		row := dialecttest.Decode[envelope[rowBody]](t, r.Body).Data
		if diff := cmp.Diff([]change{{"comment_added", "", none, none, message}}, changesOf([]rowBody{row})); diff != "" {
			t.Errorf("the row (-want +got):\n%s", diff)
		}
		if row.IncidentID != id.String() || *row.UserID != f.editor.User.String() || row.CreatedAt != f.Clock.Now().Format("2006-01-02T15:04:05.000Z") {
			t.Errorf("the row says %+v, want the incident, the key's user and now", row)
		}
		comments := dialecttest.Must(f.Incidents.Comments(t.Context(), tocsin.System(f.Acme, "test"), id))(t)
		if len(comments) != 1 || comments[0].Message != message || comments[0].ID.String() != row.ID || comments[0].Author != f.editor.User {
			t.Errorf("stored %+v, want the comment", comments)
		}
		after := f.State(t, id)
		if diff := cmp.Diff(before.Incident, after.Incident); diff != "" || after.Log != before.Log+1 {
			t.Errorf("a comment is an entry of its own and leaves the incident alone; %d entries, (-before +after):\n%s", after.Log-before.Log, diff)
		}
		if rows := f.rows(t, id, ""); len(rows) != 1 {
			t.Errorf("comments are not shown here, but there are %d rows", len(rows))
		}
	}
}

func TestBadCommentIsRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.Incident(t)
	before := f.State(t, id)
	for _, body := range []string{
		`{}`, `{"Message":"x"}`, `{"message":null}`, `{"message":""}`, `{"message":1}`, `{"message":["x"]}`, `{"message":"` + strings.Repeat("m", 1001) + `"}`,
	} {
		wantError(t, f.Do(t, dialecttest.Call{Method: "POST", Path: incidentPath(id, "updates"), Body: body, Key: f.editor}), 400, "message")
		dialecttest.Unchanged(t, before, f.State(t, id))
	}
}

func TestReaderSeesWhoDidIt(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.Incident(t)
	f.update(t, id, `{"severity":"critical"}`)
	f.Revoke(t, f.editor)
	reader := f.KeyOf(t, f.Acme, tocsin.KeyDraft{Project: f.Warehouse, Permissions: tocsin.ViewIncidents}, dialecttest.Granted(tocsin.RoleViewer, tocsin.ScopeDataset, f.Orders))
	r := f.Do(t, dialecttest.Call{Method: "GET", Path: incidentPath(id, "updates"), Key: reader})
	rows := dialecttest.Decode[envelope[[]rowBody]](t, r.Body).Data
	if len(rows) != 2 || *rows[0].UserID != f.editor.User.String() {
		t.Errorf("a reader sees %s, want who made the change", r.Body)
	}
}
