package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/client"
)

// A sent is a request as the server saw it.
type sent struct {
	method, path, query, key, auth, media, match, body string
}

// A desk is a real server that answers in turn as it was told; its last answer
// stands for all that follow.
type desk struct {
	*httptest.Server
	mu      sync.Mutex
	seen    []sent
	answers []http.HandlerFunc
	slept   []time.Duration
}

func open(t *testing.T, answers ...http.HandlerFunc) *desk {
	t.Helper()
	d := &desk{answers: answers}
	d.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		d.mu.Lock()
		d.seen = append(d.seen, sent{
			r.Method, r.URL.EscapedPath(), r.URL.RawQuery, r.Header.Get("Idempotency-Key"), r.Header.Get("Authorization"),
			r.Header.Get("Content-Type"), r.Header.Get("If-Match"), string(body),
		})
		answer := d.answers[min(len(d.seen), len(d.answers))-1]
		d.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(d.Close)
	return d
}

// requests returns what the server has seen so far.
func (d *desk) requests() []sent {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.seen)
}

// client returns one that does not wait but notes how long it would have.
func (d *desk) client(t *testing.T, opts ...client.Option) *client.Client {
	t.Helper()
	pause := func(ctx context.Context, wait time.Duration) error {
		d.slept = append(d.slept, wait)
		return ctx.Err()
	}
	c, err := client.New(d.URL, "tcn_secret", append([]client.Option{client.WithSleep(pause)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func says(status int, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if status >= 400 {
			w.Header().Set("Content-Type", "application/problem+json")
		}
		w.Header().Set("X-Request-Id", "req-7")
		for _, h := range header {
			name, value, _ := strings.Cut(h, ": ")
			w.Header().Set(name, value)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// cuts ends the connection without an answer.
func cuts(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// breaks ends the connection within the answer.
func breaks(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "1000")
	_, _ = io.WriteString(w, `{"id":`)
	panic(http.ErrAbortHandler)
}

const incident = `{"id":"0198c2f4-7c1e-7a30-b1d2-3f4a5b6c7d8e","number":7,"title":"Payments are down","severity":"critical","status":"open","lead_id":null,"acknowledged_at":null,"opened_at":"2026-11-22T01:02:03.123456Z","labels":{"team":"shop"},"affected_regions":[],"version":3,"available_transitions":["investigating"]}`

func TestAnUpdateSaysWhatItShould(t *testing.T) {
	t.Parallel()
	d := open(t, says(200, incident, `ETag: "3f4a5b6c7d8e-3"`, "Audit-Leaf: ab12"))
	var meta client.Meta
	i, err := d.client(t).Incidents.Update(t.Context(), "0198c2f4-7c1e-7a30-b1d2-3f4a5b6c7d8e", client.IncidentPatch{
		Status: new(client.Investigating), LeadID: new(""), Description: new(""),
		Labels: map[string]*string{"team": new("data"), "old": nil}, AffectedRegions: []string{},
	}, client.IfMatch(`"3f4a5b6c7d8e-2"`), client.IdempotencyKey("deploy-7"), client.WithMeta(&meta))
	if err != nil {
		t.Fatal(err)
	}
	want := []sent{{
		"PATCH", "/v1/incidents/0198c2f4-7c1e-7a30-b1d2-3f4a5b6c7d8e", "", "deploy-7", "Bearer tcn_secret",
		"application/merge-patch+json", `"3f4a5b6c7d8e-2"`,
		`{"description":"","status":"investigating","affected_regions":[],"labels":{"old":null,"team":"data"},"lead_id":null}`,
	}}
	if diff := cmp.Diff(want, d.requests(), cmp.AllowUnexported(sent{})); diff != "" {
		t.Errorf("the request differs (-want +got):\n%s", diff)
	}
	if meta.ETag != i.ETag() || meta.AuditLeaf != "ab12" || meta.RequestID != "req-7" {
		t.Errorf("the answer's headers read as %+v, the incident's tag is %s", meta, i.ETag())
	}
	if i.Number != 7 || i.LeadID != "" || !i.AcknowledgedAt.IsZero() || i.OpenedAt.IsZero() {
		t.Errorf("the incident reads as %+v", i)
	}
}

func TestAWriteIsRepeatedUnderOneName(t *testing.T) {
	t.Parallel()
	for name, bad := range map[string]http.HandlerFunc{
		"a cut connection": cuts,
		"a broken answer":  breaks,
		"429":              says(429, `{"code":"rate_limited"}`, "Retry-After: 3"),
		"503":              says(503, `{"code":"busy"}`, "Retry-After: 3"),
		"an unknown 500":   says(500, `{"code":"unknown"}`),
		"a proxy's 502":    says(502, "<html>"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := open(t, bad, bad, says(201, incident))
			if _, err := d.client(t).Incidents.Create(t.Context(), client.NewIncident{Title: "t"}); err != nil {
				t.Fatal(err)
			}
			if len(d.requests()) < 3 || d.requests()[0].key == "" || d.requests()[0].key != d.requests()[len(d.requests())-1].key || d.requests()[0].body != d.requests()[2].body {
				t.Errorf("the server saw %+v; want the same request three times under one key", d.requests())
			}
		})
	}
}

func TestEachWriteHasANameOfItsOwn(t *testing.T) {
	t.Parallel()
	d := open(t, says(201, incident))
	c := d.client(t)
	for range 2 {
		if _, err := c.Incidents.Create(t.Context(), client.NewIncident{}); err != nil {
			t.Fatal(err)
		}
	}
	if d.requests()[0].key == d.requests()[1].key {
		t.Error("two writes share an idempotency key: the second would be taken for the first")
	}
}

func TestWhatRepeatingCannotHelpIsNotRepeated(t *testing.T) {
	t.Parallel()
	for status, kind := range map[int]error{
		400: client.ErrBadRequest, 401: client.ErrUnauthenticated, 403: client.ErrForbidden, 404: client.ErrNotFound,
		409: client.ErrConflict, 412: client.ErrStale, 422: client.ErrInvalid, 428: client.ErrPreconditionRequired,
	} {
		d := open(t, says(status, `not JSON`))
		_, err := d.client(t).Incidents.Get(t.Context(), "x")
		if !errors.Is(err, kind) || len(d.requests()) != 1 {
			t.Errorf("%d: asked %d times, error %v; want once, and %v by the status alone", status, len(d.requests()), err, kind)
		}
	}
	d := open(t, says(500, `{"code":"internal"}`))
	if _, err := d.client(t).Incidents.Get(t.Context(), "x"); err == nil || len(d.requests()) != 1 {
		t.Errorf("500 internal: asked %d times, error %v; want once", len(d.requests()), err)
	}
}

func TestAttemptsAndWaitsAreBounded(t *testing.T) {
	t.Parallel()
	d := open(t, cuts)
	_, err := d.client(t).Incidents.Create(t.Context(), client.NewIncident{})
	var cut *client.ConnectionError
	if !errors.As(err, &cut) || !errors.Is(err, client.ErrUnreachable) || cut.Attempts != client.DefaultAttempts || cut.IdempotencyKey != d.requests()[0].key {
		t.Errorf("the error is %v; want a ConnectionError with the attempts and the key", err)
	}
	for n, wait := range d.slept {
		if bound := 200 * time.Millisecond << n; wait > bound {
			t.Errorf("wait %d is %v; want at most %v", n+1, wait, bound)
		}
	}
	if len(d.slept) != client.DefaultAttempts-1 {
		t.Errorf("%d waits; want %d", len(d.slept), client.DefaultAttempts-1)
	}
}

func TestTheServersWaitIsHonoured(t *testing.T) {
	t.Parallel()
	date := time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC)
	for header, least := range map[string]time.Duration{
		"7": 7 * time.Second,
		date.Add(9 * time.Second).Format(http.TimeFormat): 9 * time.Second,
	} {
		d := open(t, says(503, `{}`, "Date: "+date.Format(http.TimeFormat), "Retry-After: "+header), says(200, incident))
		if _, err := d.client(t).Incidents.Get(t.Context(), "x"); err != nil {
			t.Fatal(err)
		}
		if len(d.slept) != 1 || d.slept[0] < least || d.slept[0] > least+time.Second {
			t.Errorf("Retry-After %q: waited %v; want %v and a little", header, d.slept, least)
		}
	}
	d := open(t, says(429, `{"code":"rate_limited"}`, "Retry-After: 3600"))
	var problem *client.Error
	if _, err := d.client(t).Incidents.Get(t.Context(), "x"); !errors.As(err, &problem) || problem.RetryAfter != time.Hour || len(d.slept) != 0 {
		t.Errorf("an hour's wait: %v after %v; want the error at once", err, d.slept)
	}
}

func TestTheCallerCanStopIt(t *testing.T) {
	t.Parallel()
	d := open(t, says(503, `{"code":"busy"}`, "Retry-After: 5"))
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	_, err := d.client(t).Incidents.Get(ctx, "x")
	if !errors.Is(err, client.ErrBusy) || !errors.Is(err, context.DeadlineExceeded) || len(d.slept) != 0 {
		t.Errorf("the error is %v after waits of %v; want busy and the deadline at once: it would pass within the wait", err, d.slept)
	}
	ctx, stop := context.WithCancel(t.Context())
	d = open(t, func(http.ResponseWriter, *http.Request) { stop(); panic(http.ErrAbortHandler) })
	if _, err := d.client(t).Incidents.Get(ctx, "x"); !errors.Is(err, context.Canceled) || len(d.requests()) != 1 {
		t.Errorf("the error is %v after %d requests; want cancelled after one", err, len(d.requests()))
	}
}

func TestAProblemIsReadWhole(t *testing.T) {
	t.Parallel()
	d := open(t, says(412, `{"title":"Stale","status":412,"detail":"the incident has moved on","code":"stale","request_id":"r","errors":[{"pointer":"/severity","code":"invalid","message":"no"}],"current":{"version":9},"moved":["severity"],"available_transitions":["closed"]}`))
	_, err := d.client(t).Incidents.Update(t.Context(), "a/b", client.IncidentPatch{})
	var got *client.Error
	if !errors.As(err, &got) {
		t.Fatalf("the error is %v; want a *client.Error", err)
	}
	want := &client.Error{
		Method: "PATCH", Path: "/v1/incidents/a%2Fb", Status: 412, Code: "stale", Title: "Stale", Detail: "the incident has moved on", RequestID: "r",
		Problems: []client.Problem{{Pointer: "/severity", Code: "invalid", Message: "no"}}, Current: json.RawMessage(`{"version":9}`),
		Moved: []string{"severity"}, AvailableTransitions: []string{"closed"}, IdempotencyKey: d.requests()[0].key,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the error differs (-want +got):\n%s", diff)
	}
	if !client.IsConflict(err) || client.IsNotFound(err) {
		t.Errorf("%v: want a conflict and nothing else", err)
	}
}

func TestADryRunHasNoName(t *testing.T) {
	t.Parallel()
	d := open(t, says(200, `{"dry_run":true,"changes":[{"action":"incident.update","kind":"incident","id":"x","version":4,"fields":[{"name":"severity","old":"major","new":"minor"}]}]}`))
	var p client.Preview
	if _, err := d.client(t).Incidents.Update(t.Context(), "x", client.IncidentPatch{}, client.DryRun(&p)); err != nil {
		t.Fatal(err)
	}
	if d.requests()[0].query != "dry_run=true" || d.requests()[0].key != "" || len(p.Changes) != 1 || p.Changes[0].Fields[0].New != "minor" {
		t.Errorf("sent %+v, read %+v", d.requests()[0], p)
	}
}

func TestAListIsReadAsFarAsAskedFor(t *testing.T) {
	t.Parallel()
	d := open(t, says(200, `{"items":[{"number":3},{"number":2}],"next":"c1"}`), says(200, `{"items":[],"next":"c2"}`), says(200, `{"items":[{"number":1}],"next":null}`))
	c := d.client(t)
	var numbers []int32
	for i, err := range c.Incidents.All(t.Context(), client.IncidentQuery{Statuses: []client.Status{"open", "fixing"}, Labels: []string{"a=b"}}) {
		if err != nil {
			t.Fatal(err)
		}
		numbers = append(numbers, i.Number)
	}
	if diff := cmp.Diff([]int32{3, 2, 1}, numbers); diff != "" {
		t.Errorf("the list differs (-want +got):\n%s", diff)
	}
	if got := d.requests()[1].query; got != "cursor=c1&label=a%3Db&status=open&status=fixing" {
		t.Errorf("the second part is asked for with %q", got)
	}
	d = open(t, says(200, `{"items":[{"number":3},{"number":2}],"next":"c1"}`))
	for range d.client(t).Incidents.All(t.Context(), client.IncidentQuery{}) {
		break
	}
	if len(d.requests()) != 1 {
		t.Errorf("%d requests for one item; want one", len(d.requests()))
	}
}

func TestBulkKeepsEachResultApart(t *testing.T) {
	t.Parallel()
	d := open(t, says(200, `{"results":[{"id":"a","status":200,"incident":`+incident+`},{"id":"b","status":404,"problem":{"code":"not_found","detail":"there is no such incident"}}]}`))
	got, err := d.client(t).Incidents.Bulk(t.Context(), []client.BulkItem{{ID: "a"}, {ID: "b", IfMatch: `"b-1"`}})
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0].Incident.Number != 7 || got[0].Problem != nil || !client.IsNotFound(got[1].Problem) {
		t.Errorf("the results read as %+v", got)
	}
	if want := `{"items":[{"id":"a","patch":{}},{"id":"b","if_match":"\"b-1\"","patch":{}}]}`; d.requests()[0].body != want {
		t.Errorf("sent %s; want %s", d.requests()[0].body, want)
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	elsewhere := open(t, says(200, incident))
	d := open(t, says(308, "", "Location: "+elsewhere.URL))
	_, err := d.client(t).Incidents.Get(t.Context(), "x")
	if err == nil || !strings.Contains(err.Error(), elsewhere.URL) || len(elsewhere.requests()) != 0 {
		t.Errorf("the error is %v and the other server saw %+v; want the address named and not asked", err, elsewhere.requests())
	}
}

func TestAnAnswerWithoutEndIsGivenUp(t *testing.T) {
	t.Parallel()
	d := open(t, func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := w.Write(make([]byte, 1<<20)); err != nil {
				return
			}
		}
	})
	if _, err := d.client(t).Incidents.Get(t.Context(), "x"); err == nil || len(d.requests()) != 1 {
		t.Errorf("asked %d times, error %v; want an error at once", len(d.requests()), err)
	}
}

func TestAnExportIsAStream(t *testing.T) {
	t.Parallel()
	d := open(t, says(503, `{"code":"busy"}`), says(200, "tar"))
	body, err := d.client(t).Audit.Export(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if text, err := io.ReadAll(body); err != nil || string(text) != "tar" {
		t.Errorf("the stream reads %q, %v", text, err)
	}
}

func TestAnInvitationIsAcceptedWithoutTheToken(t *testing.T) {
	t.Parallel()
	d := open(t, says(201, `{"user":{"id":"u"},"api_key":{"id":"k"},"token":"tcn_new"}`))
	got, err := d.client(t).Invitations.Accept(t.Context(), "tci_x", "Ada Okafor")
	if err != nil || got.Token != "tcn_new" || d.requests()[0].auth != "" {
		t.Errorf("accepted as %+v, %v, with the credential %q", got, err, d.requests()[0].auth)
	}
}

func TestDoKeepsToTheServer(t *testing.T) {
	t.Parallel()
	d := open(t, says(404, `{"code":"not_found"}`))
	c := d.client(t)
	for _, path := range []string{"https://elsewhere.example.org/v1/me", "//elsewhere.example.org/v1/me", "v1/me", ""} {
		if _, err := c.Do(t.Context(), "GET", path, nil); err == nil {
			t.Errorf("Do takes %q for a path", path)
		}
	}
	res, err := c.Do(t.Context(), "POST", "/v1/incidents?a=b", []byte(`{}`))
	if !client.IsNotFound(err) || res == nil || res.Status != 404 || len(d.requests()) != 1 || d.requests()[0].query != "a=b" || d.requests()[0].media != "application/json" {
		t.Errorf("Do returns %+v, %v for %+v", res, err, d.requests())
	}
}

func TestAddressesAndTokensThatCannotBeAreRefused(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"", "tocsin.example.org", "ftp://example.org", "https://user:pw@example.org", "https://example.org?a=b", "https://"} {
		if _, err := client.New(address, ""); err == nil {
			t.Errorf("New takes %q for an address", address)
		} else if strings.Contains(err.Error(), "pw") {
			t.Errorf("New shows the password: %v", err)
		}
	}
	if _, err := client.New("https://example.org", "a\nb"); err == nil {
		t.Error("New takes a token with a line break in it")
	}
}

func ExampleNew() {
	c, err := client.New("https://tocsin.example.org/", "tcn_token")
	fmt.Println(c != nil, err)
	// Output: true <nil>
}

func ExampleIncidents_Update() {
	server := httptest.NewServer(says(200, incident))
	defer server.Close()
	c, err := client.New(server.URL, "tcn_token")
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	i, err := c.Incidents.Get(ctx, "0198c2f4-7c1e-7a30-b1d2-3f4a5b6c7d8e")
	if err != nil {
		fmt.Println(err)
		return
	}
	// The change is made only if nobody was faster; its name is kept over retries.
	_, err = c.Incidents.Update(ctx, i.ID, client.IncidentPatch{Status: new(client.Investigating)}, client.IfMatch(i.ETag()))
	if errors.Is(err, client.ErrStale) {
		fmt.Println("somebody was faster")
	}
	fmt.Println(i.Number, i.Title)
	// Output: 7 Payments are down
}

func ExampleIncidents_All() {
	server := httptest.NewServer(says(200, `{"items":[`+incident+`],"next":null}`))
	defer server.Close()
	c, err := client.New(server.URL, "tcn_token")
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, err := range c.Incidents.All(context.Background(), client.IncidentQuery{Severities: []client.Severity{client.Critical}}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(i.Number, i.Severity, i.Title)
	}
	// Output: 7 critical Payments are down
}
