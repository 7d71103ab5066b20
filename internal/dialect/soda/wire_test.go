package soda_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tocsin"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden is a reply as its file has it: status, the headers that matter here,
// and the body, byte for byte but for the indentation.
func golden(t *testing.T, r reply) string {
	t.Helper()
	headers := map[string]string{}
	for _, name := range []string{"Allow", "Content-Type", "Retry-After", "WWW-Authenticate"} {
		if v := r.header.Get(name); v != "" {
			headers[name] = v
		}
	}
	head, err := json.Marshal(headers)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := json.Indent(&b, fmt.Appendf(nil, `{"status":%d,"headers":%s,"body":%s}`, r.status, head, r.body), "", "  "); err != nil {
		t.Fatalf("%v: %s", err, r.body)
	}
	b.WriteByte('\n')
	return b.String()
}

func TestWireForms(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.incident(t)
	f.incident(t, withStatus(tocsin.Closed), withSeverity(tocsin.Warning), func(d *tocsin.Draft) { d.ResolutionNotes = "The loader was restarted." })
	onlooker := f.key(t, f.acme, grant{f.viewerRole(t), tocsin.ScopeProject, f.warehouse})
	post := func(path, body string, k key) call { return call{method: "POST", path: path, body: body, key: k} }
	for name, c := range map[string]call{
		"update":              post(incidentPath(id), `{"title":"<Orders> & \"rows\" \u2028 \u00fc"}`, f.admin),
		"error-invalid":       post(incidentPath(id), `{"title":" ","severity":"warning","status":"closed","description":1}`, f.admin),
		"error-malformed":     post(incidentPath(id), `{"title":"T",}`, f.admin),
		"error-unauthorized":  post(incidentPath(id), `{}`, key{}),
		"error-forbidden":     post(incidentPath(id), `{}`, onlooker),
		"error-not-found":     post("/api/v1/incidents/unknown", `{}`, f.admin),
		"error-method":        {method: "DELETE", path: incidentPath(id)},
		"create-error":        post("/api/v1/incidents", `{}`, f.admin),
		"create-error-checks": post("/api/v1/incidents", draft(f, map[string]any{"monitorResultIds": []string{f.orders.String()}}), f.admin),
		"test-login":          {method: "GET", path: "/api/v1/test-login", key: f.admin},
	} {
		t.Run(name, func(t *testing.T) { compare(t, name, f.do(t, c)) })
	}
	compare(t, "update-resolved", f.update(t, id, `{"title":"Orders were late","status":"resolved","resolutionNotes":"The loader was restarted."}`))
	compare(t, "create", f.do(t, post("/api/v1/incidents", createBody(f), f.admin)))
	compare(t, "list", f.do(t, call{method: "GET", path: "/api/v1/incidents?size=2", key: f.admin}))
	compare(t, "list-error", f.do(t, call{method: "GET", path: "/api/v1/incidents?size=0&from=now&leadId=x", key: f.admin}))
	for range 10 {
		f.send(t, post(incidentPath(id), `{}`, onlooker))
	}
	compare(t, "error-too-many", f.send(t, post(incidentPath(id), `{}`, onlooker)))
}

// compare holds a reply to its golden file.
func compare(t *testing.T, name string, r reply) {
	t.Helper()
	path := filepath.Join("testdata", name+".json")
	got := golden(t, r)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; go test -update writes it", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("the reply differs from %s; if clients can live with that, run go test -update (-want +got):\n%s", path, diff)
	}
}

// dial opens a plain connection to the server.
func (f *fixture) dial(t *testing.T) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", f.server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn
}

func TestWrongKeyIsRefusedBeforeTheBodyIsAskedFor(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	conn := f.dial(t)
	fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Basic x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n", incidentPath(f.incident(t)))
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "HTTP/1.1 401 ") {
		t.Errorf("the first thing said is %q (%v), want 401", line, err)
	}
}

func TestEachPipelinedRequestCountsByItsOwnKey(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	path := incidentPath(f.incident(t))
	stranger := f.key(t, f.organisation(t, "Rival"))
	conn := f.dial(t)
	for _, k := range []key{f.admin, stranger, {}, f.admin} {
		fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\nContent-Length: 2\r\n\r\n{}", path, k.basic())
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
