package soda_test

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"tocsin"
	"tocsin/internal/dialect/dialecttest"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestWireForms(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.Incident(t)
	f.Incident(t, dialecttest.WithStatus(tocsin.Closed), dialecttest.WithSeverity(tocsin.Warning), func(d *tocsin.Draft) { d.ResolutionNotes = "The loader was restarted." })
	onlooker := f.Key(t, f.Acme, dialecttest.Granted(f.Onlooker(t), tocsin.ScopeProject, f.Warehouse))
	post := func(path, body string, k dialecttest.Key) dialecttest.Call {
		return dialecttest.Call{Method: "POST", Path: path, Body: body, Key: k}
	}
	for name, c := range map[string]dialecttest.Call{
		"update":              post(incidentPath(id), `{"title":"<Orders> & \"rows\" \u2028 \u00fc"}`, f.Admin),
		"error-invalid":       post(incidentPath(id), `{"title":" ","severity":"warning","status":"closed","description":1}`, f.Admin),
		"error-malformed":     post(incidentPath(id), `{"title":"T",}`, f.Admin),
		"error-unauthorized":  post(incidentPath(id), `{}`, dialecttest.Key{}),
		"error-forbidden":     post(incidentPath(id), `{}`, onlooker),
		"error-not-found":     post("/api/v1/incidents/unknown", `{}`, f.Admin),
		"error-method":        {Method: "DELETE", Path: incidentPath(id)},
		"create-error":        post("/api/v1/incidents", `{}`, f.Admin),
		"create-error-checks": post("/api/v1/incidents", draft(f, map[string]any{"monitorResultIds": []string{f.Orders.String()}}), f.Admin),
		"test-login":          {Method: "GET", Path: "/api/v1/test-login", Key: f.Admin},
	} {
		t.Run(name, func(t *testing.T) { dialecttest.Golden(t, *update, name, f.Do(t, c)) })
	}
	dialecttest.Golden(t, *update, "update-resolved", f.update(t, id, `{"title":"Orders were late","status":"resolved","resolutionNotes":"The loader was restarted."}`))
	dialecttest.Golden(t, *update, "create", f.Do(t, post("/api/v1/incidents", createBody(f), f.Admin)))
	dialecttest.Golden(t, *update, "list", f.Do(t, dialecttest.Call{Method: "GET", Path: "/api/v1/incidents?size=2", Key: f.Admin}))
	dialecttest.Golden(t, *update, "list-error", f.Do(t, dialecttest.Call{Method: "GET", Path: "/api/v1/incidents?size=0&from=now&leadId=x", Key: f.Admin}))
	for range 10 {
		f.Send(t, post(incidentPath(id), `{}`, onlooker))
	}
	dialecttest.Golden(t, *update, "error-too-many", f.Send(t, post(incidentPath(id), `{}`, onlooker)))
}

func TestWrongKeyIsRefusedBeforeTheBodyIsAskedFor(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	conn := f.Dial(t)
	fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Basic x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n", incidentPath(f.Incident(t)))
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "HTTP/1.1 401 ") {
		t.Errorf("the first thing said is %q (%v), want 401", line, err)
	}
}

func TestEachPipelinedRequestCountsByItsOwnKey(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	path := incidentPath(f.Incident(t))
	stranger := f.Key(t, f.Organisation(t, "Rival"))
	conn := f.Dial(t)
	for _, k := range []dialecttest.Key{f.Admin, stranger, {}, f.Admin} {
		fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\nContent-Length: 2\r\n\r\n{}", path, basicOf(k))
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
