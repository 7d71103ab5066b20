package uptimeio_test

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"tocsin"
	"tocsin/internal/dialect/dialecttest"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestWireForms(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	onlooker := f.onlooker(t)
	closed := f.Incident(t, dialecttest.WithStatus(tocsin.Closed), dialecttest.WithSeverity(tocsin.Warning))
	put := func(path, body string, k dialecttest.Key) dialecttest.Call {
		return dialecttest.Call{Method: "PUT", Path: path, Body: body, Key: k}
	}
	for _, g := range []struct {
		name string
		call dialecttest.Call
	}{
		{"error-invalid", put(incidentPath(closed), `{"severity":"bad","error_message":null,"affected_regions":[""]}`, f.editor)},
		{"error-malformed", put(incidentPath(closed), `{"severity":"minor",}`, f.editor)},
		{"error-unauthorized", put(incidentPath(closed), `{}`, dialecttest.Key{})},
		{"error-forbidden", put(incidentPath(closed), `{}`, onlooker)},
		{"error-not-found", put("/api/incidents/unknown", `{}`, f.editor)},
		{"error-method", dialecttest.Call{Method: "DELETE", Path: incidentPath(closed)}},
		{"error-closed", put(incidentPath(closed), `{"severity":"minor"}`, f.editor)},
		{"error-transition", put(incidentPath(closed, "status"), `{"status":"open"}`, f.editor)},
		{"error-list", dialecttest.Call{Method: "GET", Path: "/api/incidents?limit=0&status=x&sort_by=x&sort_order=x", Key: f.editor}},
		{"error-create", dialecttest.Call{Method: "POST", Path: "/api/incidents", Body: `{}`, Key: f.editor}},
	} {
		dialecttest.Golden(t, *update, g.name, f.Do(t, g.call))
	}

	made := f.create(t, draft(map[string]any{"title": nil, "check_id": f.OrdersCheck.String(), "type": "connection_error", "failure_count": 3, "affected_regions": []string{"us-east-1"}}))
	dialecttest.Golden(t, *update, "create", made)
	id := f.created(t, made).ID
	dialecttest.Golden(t, *update, "update", f.update(t, id, `{"severity":"critical","error_message":"<Payments> & \"all\" \u2028 \u00fc","affected_regions":["us-east-1","eu-west-1"]}`))
	dialecttest.Golden(t, *update, "acknowledge", f.acknowledge(t, id))
	dialecttest.Golden(t, *update, "error-acknowledge", f.acknowledge(t, id))
	dialecttest.Golden(t, *update, "comment", f.Do(t, dialecttest.Call{Method: "POST", Path: incidentPath(id, "updates"), Body: `{"message":"Looking into it"}`, Key: f.editor}))
	dialecttest.Golden(t, *update, "status", f.setStatus(t, id, `{"status":"resolved","note":"Restarted"}`))
	dialecttest.Golden(t, *update, "updates", f.Do(t, dialecttest.Call{Method: "GET", Path: incidentPath(id, "updates"), Key: f.editor}))
	dialecttest.Golden(t, *update, "list", f.Do(t, dialecttest.Call{Method: "GET", Path: "/api/incidents?limit=2", Key: f.editor}))

	guess := dialecttest.Call{Method: "GET", Path: "/api/incidents"}
	f.Clock.Advance(time.Minute)
	for range 60 {
		f.Send(t, guess)
	}
	dialecttest.Golden(t, *update, "error-too-many", f.Send(t, guess))
}

// seedReply is the body that the founding document of this protocol shows.
const seedReply = `{"success":true,"data":{"incident":{"id":"550e8400-e29b-41d4-a716-446655440000",` +
	`"check_id":"660e8400-e29b-41d4-a716-446655440000","check_name":"Payment Service","check_url":"https://payments.example.com/health",` +
	`"status":"open","severity":"critical","type":"connection_error","title":"Payment Service - Connection Error",` +
	`"error_message":"Payment processing API is completely down across all regions","started_at":1703001600000,"resolved_at":null,` +
	`"affected_regions":["us-east-1","us-west-2","eu-west-1","ap-southeast-1"],"failure_count":3,"notification_sent":true,` +
	`"created_at":1703001600000,"updated_at":1703001720000}}}`

func TestReplyHasTheMembersThatClientsWereShown(t *testing.T) {
	t.Parallel()
	shown := dialecttest.Reply{Status: 200, Header: http.Header{"Content-Type": {"application/json"}, "X-Request-Id": {"x"}}, Body: seedReply}
	conform(t, dialecttest.Call{Method: "PUT", Path: "/api/incidents/550e8400-e29b-41d4-a716-446655440000"}, shown)

	f := newFixture(t)
	order := func(body string) string {
		var names []string
		for rest := body; ; {
			_, after, found := strings.Cut(rest, `"`)
			name, tail, _ := strings.Cut(after, `"`)
			if !found {
				return strings.Join(names, " ")
			}
			if strings.HasPrefix(tail, ":") {
				names = append(names, name)
			}
			rest = tail
		}
	}
	if want, got := order(seedReply), order(f.get(t, f.Incident(t)).Body); got != want {
		t.Errorf("the members come as\n%s\nwant them as clients were shown\n%s", got, want)
	}
}

func TestWrongKeyIsRefusedBeforeTheBodyIsAskedFor(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	conn := f.Dial(t)
	fmt.Fprintf(conn, "PUT %s HTTP/1.1\r\nHost: x\r\nX-API-Key: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n", incidentPath(f.Incident(t)))
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "HTTP/1.1 401 ") {
		t.Errorf("the first thing said is %q (%v), want 401", line, err)
	}
}

func TestEachPipelinedRequestCountsByItsOwnKey(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	path := incidentPath(f.Incident(t))
	conn := f.Dial(t)
	for _, k := range []dialecttest.Key{f.editor, f.stranger(t), {}, f.editor} {
		fmt.Fprintf(conn, "PUT %s HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nContent-Length: 2\r\n\r\n{}", path, k.Token)
	}
	in := bufio.NewReader(conn)
	for i, want := range []int{200, 404, 401, 200} {
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		if res.StatusCode != want {
			t.Errorf("request %d: got %d, want %d", i+1, res.StatusCode, want)
		}
		var body bytes.Buffer
		if _, err := body.ReadFrom(res.Body); err != nil {
			t.Fatal(err)
		}
	}
}
