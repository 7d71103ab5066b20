package uptimeio_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin"
	"tocsin/internal/dialect/dialecttest"

	"github.com/google/go-cmp/cmp"
)

// follow lists what may follow each of the protocol's statuses.
func follow(from string) []string {
	return map[string][]string{
		"open":         {"acknowledged", "resolved"},
		"acknowledged": {"resolved", "closed"},
		"resolved":     {"closed"},
		"closed":       {},
	}[from]
}

// shown is the protocol's word for a status.
func shown(s tocsin.Status) string {
	if s == tocsin.Investigating || s == tocsin.Fixing {
		return "acknowledged"
	}
	return string(s)
}

func TestStatusLifecycle(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, status := range tocsin.Statuses() {
		from := shown(status)
		for _, to := range []string{"open", "acknowledged", "resolved", "closed"} {
			t.Run(string(status)+" to "+to, func(t *testing.T) {
				id := f.Incident(t, dialecttest.WithStatus(status))
				before := f.State(t, id)
				r := f.setStatus(t, id, `{"status":"`+to+`"}`)
				after := f.State(t, id)
				if slices.Contains(follow(from), to) {
					if got := incidentOf(t, r); got.Status != to || shown(after.Incident.Status) != to || after.Log != before.Log+1 {
						t.Errorf("got %s, stored %s with %d entries; want %s with one", r.Body, after.Incident.Status, after.Log-before.Log, to)
					}
					return
				}
				wantTransition(t, r, from, to)
				dialecttest.Unchanged(t, before, after)
			})
		}
	}
}

// wantTransition fails unless the reply refuses that move.
func wantTransition(t testing.TB, r dialecttest.Reply, from, to string) {
	t.Helper()
	dialecttest.WantStatus(t, r, 400)
	want := transition{FromStatus: from, ToStatus: to, ValidTransitions: follow(from)}
	got := dialecttest.Decode[errorEnvelope[transition]](t, r.Body).Error.Details
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the details of the refusal (-want +got):\n%s", diff)
	}
}

func TestStatusSetsItsTimes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.Incident(t)
	f.setStatus(t, id, `{"status":"acknowledged"}`)
	acknowledged := f.Clock.Now()
	got := incidentOf(t, f.setStatus(t, id, `{"status":"resolved"}`))
	resolved := f.Clock.Now()
	if got.ResolvedAt == nil || *got.ResolvedAt != resolved.UnixMilli() {
		t.Errorf("resolved at %v, want %d", got.ResolvedAt, resolved.UnixMilli())
	}
	if got := incidentOf(t, f.setStatus(t, id, `{"status":"closed"}`)); *got.ResolvedAt != resolved.UnixMilli() {
		t.Errorf("closing moved resolved_at to %d", *got.ResolvedAt)
	}
	if got := f.State(t, id).Incident.AcknowledgedAt; !got.Equal(acknowledged) {
		t.Errorf("acknowledged at %v, want %v", got, acknowledged)
	}

	unresolved := f.Incident(t, dialecttest.WithStatus(tocsin.Fixing))
	if got := incidentOf(t, f.setStatus(t, unresolved, `{"status":"closed"}`)); *got.ResolvedAt != f.Clock.Now().UnixMilli() {
		t.Errorf("closing what was not resolved set resolved_at to %d, want now", *got.ResolvedAt)
	}
}

func TestStatusTakesANoteAndAnAssignee(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.Incident(t)
	assignee := f.Key(t, f.Acme).User
	note := strings.Repeat("ü", 500)
	incidentOf(t, f.setStatus(t, id, `{"status":"acknowledged","note":"`+note+`","assignee_id":"`+strings.ToUpper(assignee.String())+`"}`))
	if got := f.State(t, id).Incident.Lead; got != assignee {
		t.Errorf("the lead is %s, want the assignee %s", got, assignee)
	}
	rows := f.rows(t, id, "")
	if len(rows) != 3 || rows[0].Action != "acknowledged" || rows[0].Message == nil || *rows[0].Message != note {
		t.Fatalf("the rows are %+v, want the acknowledgement with the note, the assignment and the creation", rows)
	}
	if got := rows[1]; got.Action != "assigned" || *got.NewValue != assignee.String() || got.Message != nil {
		t.Errorf("the second row is %+v, want the assignment", got)
	}
	before := f.State(t, id).Log
	incidentOf(t, f.setStatus(t, id, `{"status":"resolved","note":null,"assignee_id":null,"unknown":1}`))
	if after := f.State(t, id); after.Incident.Lead != assignee || after.Log != before+1 {
		t.Errorf("nulls are absent, but the lead is %s", after.Incident.Lead)
	}
}

func TestBadStatusIsRefusedByName(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.Incident(t)
	foreigner := f.stranger(t).User
	before := f.State(t, id)
	for body, names := range map[string][]string{
		`{}`:                                    {"status"},
		`{"Status":"resolved"}`:                 {"status"},
		`{"status":null}`:                       {"status"},
		`{"status":""}`:                         {"status"},
		`{"status":"Resolved"}`:                 {"status"},
		`{"status":"resolved "}`:                {"status"},
		`{"status":"reported"}`:                 {"status"},
		`{"status":"investigating"}`:            {"status"},
		`{"status":["resolved"]}`:               {"status"},
		`{"status":1}`:                          {"status"},
		`{"status":"resolved","note":1}`:        {"note"},
		`{"status":"resolved","note":["done"]}`: {"note"},
		`{"status":"resolved","note":"` + strings.Repeat("n", 501) + `"}`:                  {"note"},
		`{"status":"resolved","note":"` + strings.Repeat("n", 1001) + `"}`:                 {"note"},
		`{"status":"resolved","assignee_id":"ada"}`:                                        {"assignee_id"},
		`{"status":"resolved","assignee_id":1}`:                                            {"assignee_id"},
		`{"status":"resolved","assignee_id":""}`:                                           {"assignee_id"},
		`{"status":"resolved","assignee_id":"` + tocsin.ID{}.String() + `"}`:               {"assignee_id"},
		`{"status":"resolved","assignee_id":"` + dialecttest.UnknownID + `"}`:              {"assignee_id"},
		`{"status":"resolved","assignee_id":"` + foreigner.String() + `"}`:                 {"assignee_id"},
		`{"status":"resolved","assignee_id":"` + f.Acme.String() + `"}`:                    {"assignee_id"},
		`{"status":"bad","note":1,"assignee_id":"x"}`:                                      {"status", "note", "assignee_id"},
		`{"note":"` + strings.Repeat("n", 501) + `","assignee_id":false,"severity":"bad"}`: {"status", "note", "assignee_id"},
	} {
		wantError(t, f.setStatus(t, id, body), 400, names...)
		dialecttest.Unchanged(t, before, f.State(t, id))
	}
}

func TestAcknowledgeTakesItOn(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	started := f.Clock.Now().Add(-10 * time.Minute)
	id := f.Incident(t, func(d *tocsin.Draft) { d.StartedAt = started })
	r := f.acknowledge(t, id)
	dialecttest.WantStatus(t, r, 200)
	now := f.Clock.Now()
	got := dialecttest.Decode[envelope[incidentData]](t, r.Body).Data
	if got.Incident.Status != "acknowledged" || *got.Incident.AcknowledgedAt != now.UnixMilli() || *got.RecoveryTimeSeconds != int64(now.Sub(started)/time.Second) {
		t.Errorf("got %s, want it acknowledged now, after %v", r.Body, now.Sub(started))
	}
	after := f.State(t, id)
	if after.Incident.Status != tocsin.Investigating || after.Incident.Lead != f.editor.User || !after.Incident.AcknowledgedAt.Equal(now) {
		t.Errorf("stored %+v, want it investigated by the caller", after.Incident)
	}

	wantTransition(t, f.acknowledge(t, id), "acknowledged", "acknowledged")
	wantTransition(t, f.setStatus(t, id, `{"status":"acknowledged"}`), "acknowledged", "acknowledged")
	dialecttest.Unchanged(t, after, f.State(t, id))
}

func TestOnlyAnOpenIncidentCanBeAcknowledged(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, status := range tocsin.Statuses()[1:] {
		id := f.Incident(t, dialecttest.WithStatus(status))
		before := f.State(t, id)
		wantTransition(t, f.acknowledge(t, id), shown(status), "acknowledged")
		dialecttest.Unchanged(t, before, f.State(t, id))
	}
}

func TestAcknowledgeReadsNoBody(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, body := range []string{`{}`, `not even JSON`, `{"status":"closed"}`, strings.Repeat("x", 2<<20)} {
		c := dialecttest.Call{Method: "POST", Path: incidentPath(f.Incident(t), "acknowledge"), Body: body, Key: f.editor, Header: map[string][]string{"Content-Type": {"text/plain"}}}
		dialecttest.WantStatus(t, f.Serve(t, c), 200)
	}
}

func TestOneOfManyAcknowledgementsWins(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.Incident(t)
	replies := make(chan int, 16)
	for range cap(replies) {
		go func() {
			replies <- f.Send(t, dialecttest.Call{Method: "POST", Path: incidentPath(id, "acknowledge"), Key: f.editor}).Status
		}()
	}
	got := map[int]int{}
	for range cap(replies) {
		got[<-replies]++
	}
	if want := (map[int]int{200: 1, 400: 15}); !cmp.Equal(want, got) {
		t.Errorf("16 acknowledgements at once were answered %v, want %v", got, want)
	}
}
