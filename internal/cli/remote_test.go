package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/app"
	"tocsin/internal/cli"
	"tocsin/internal/demo"
)

// serve starts a real server on an embedded database with the demo's data.
func serve(t *testing.T) demo.Result {
	t.Helper()
	_, r := serveApp(t)
	return r
}

func serveApp(t *testing.T) (*app.App, demo.Result) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	a, err := app.New(ctx, app.Options{
		Database: app.Database{Dir: t.TempDir(), Server: true}, Listen: "127.0.0.1:0",
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		stop()
		t.Fatal(err)
	}
	r, err := demo.Seed(ctx, demo.UseCases{Access: a.Access, Incidents: a.Incidents, Directory: a.Directory}, time.Now())
	r.URL = a.URL()
	done := make(chan error, 1)
	go func() { done <- a.Serve(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return a, r
}

// A person is somebody at a shell, with settings of his own.
type person struct {
	t    *testing.T
	home string
}

func newPerson(t *testing.T) person {
	t.Helper()
	return person{t, t.TempDir()}
}

// signedIn is a person who has signed in to a server.
func signedIn(t *testing.T, url, token string) person {
	t.Helper()
	p := newPerson(t)
	if got := p.types(token+"\n", "login", url); got.code != 0 {
		t.Fatalf("login exits with %d: %s", got.code, got.stderr)
	}
	return p
}

// types runs a command with something on standard input.
func (p person) types(stdin string, args ...string) told {
	var stdout, stderr bytes.Buffer
	code := cli.Run(args, []string{"XDG_CONFIG_HOME=" + p.home}, strings.NewReader(stdin), &stdout, &stderr)
	return told{code, stdout.String(), stderr.String()}
}

func (p person) tries(args ...string) told { return p.types("", args...) }

// does runs a command that must succeed and returns what it printed, without
// the end of the line.
func (p person) does(args ...string) string {
	p.t.Helper()
	got := p.tries(args...)
	if got.code != 0 {
		p.t.Fatalf("tocsin %q exits with %d: %s", args, got.code, got.stderr)
	}
	return strings.TrimSuffix(got.stdout, "\n")
}

// fails runs a command that must exit with a code and say a text.
func (p person) fails(code int, says string, args ...string) {
	p.t.Helper()
	if got := p.tries(args...); got.code != code || !strings.Contains(got.stderr, says) {
		p.t.Errorf("tocsin %q exits with %d: %s%s; want %d, and %q said", args, got.code, got.stdout, got.stderr, code, says)
	}
}

func TestSigningInAndOut(t *testing.T) {
	t.Parallel()
	d := serve(t)
	p := newPerson(t)
	p.fails(4, "tocsin login", "whoami")
	if got := p.types(d.SodaKeySecret, "login", d.URL, "--context", "prod"); got.code != 0 || got.stdout != "" || !strings.Contains(got.stderr, "Ada Okafor") {
		t.Fatalf("login exits with %d, prints %q, says %q", got.code, got.stdout, got.stderr)
	}
	if email := p.does("whoami", "--jq", ".user.email"); email != "ada@example.org" {
		t.Errorf("whoami gives %s", email)
	}
	token := filepath.Join(p.home, "tocsin", "tokens", "prod")
	if info, err := os.Stat(token); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the token's file is %v, %v; want mode 0600", info.Mode(), err)
	}
	config, err := os.ReadFile(filepath.Join(p.home, "tocsin", "config.json"))
	if err != nil || strings.Contains(string(config), "tcn_") {
		t.Errorf("the settings hold the token: %s, %v", config, err)
	}
	if err := os.Chmod(token, 0o644); err != nil {
		t.Fatal(err)
	}
	p.fails(1, "chmod 600", "whoami")
	if err := os.Chmod(token, 0o600); err != nil {
		t.Fatal(err)
	}
	p.does("logout")
	if _, err := os.Stat(token); !os.IsNotExist(err) {
		t.Errorf("after logout the token's file is there: %v", err)
	}
	p.fails(4, "tocsin login", "whoami")
}

func TestAWrongTokenIsNotStored(t *testing.T) {
	t.Parallel()
	d := serve(t)
	p := newPerson(t)
	if got := p.types("tcn_"+strings.Repeat("0", 104), "login", d.URL); got.code != 4 {
		t.Errorf("login with a wrong token exits with %d: %s; want 4", got.code, got.stderr)
	}
	if got := p.types("", "login", d.URL); got.code != 2 {
		t.Errorf("login without a token exits with %d: %s; want 2", got.code, got.stderr)
	}
	if listed := p.does("context", "list"); listed != "" {
		t.Errorf("there are contexts: %s", listed)
	}
}

func TestContexts(t *testing.T) {
	t.Parallel()
	d := serve(t)
	p := signedIn(t, d.URL, d.SodaKeySecret)
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(d.SodaOtherOrgKeySecret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.does("context", "add", "other", d.URL, "--token-file", file)
	one := p.does("whoami", "--jq", ".organisation.name")
	other := p.does("whoami", "-C", "other", "--jq", ".organisation.name")
	if one == other {
		t.Errorf("both contexts are of %s", one)
	}
	p.does("context", "use", "other")
	if got := p.does("whoami", "--jq", ".organisation.name"); got != other {
		t.Errorf("after 'context use' the organisation is %s; want %s", got, other)
	}
	p.fails(3, `Did you mean "other"?`, "context", "use", "othr")
	p.does("context", "remove", "other")
	p.fails(4, "signed in nowhere", "whoami")
	if got := p.does("context", "list", "--jq", ".[].name"); strings.Contains(got, "other") {
		t.Errorf("the context is listed after its removal: %s", got)
	}
}

func TestAStoredTokenGoesToItsOwnServerOnly(t *testing.T) {
	t.Parallel()
	d := serve(t)
	p := signedIn(t, d.URL, d.SodaKeySecret)
	var seen bool
	stranger := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { seen = true }))
	defer stranger.Close()
	p.fails(4, "there is no token for", "whoami", "--url", stranger.URL)
	if seen {
		t.Error("a server that one is not signed in to was asked")
	}
	p.does("whoami", "--url", d.URL+"/")
}

func TestATokenIsNoArgument(t *testing.T) {
	t.Parallel()
	p := newPerson(t)
	for _, args := range [][]string{
		{"whoami", "--url", "http://127.0.0.1:1", "--token", "tcn_x"},
		{"login", "http://127.0.0.1:1", "--token", "tcn_x"},
	} {
		p.fails(2, "TOCSIN_TOKEN_FILE", args...)
	}
}

func TestTheLifeOfAnIncident(t *testing.T) {
	t.Parallel()
	d := serve(t)
	p := signedIn(t, d.URL, d.SodaKeySecret)
	p.fails(2, "say which with --project", "incident", "open", "Orders are late", "--severity", "minor")
	p.fails(2, `did you mean "minor"?`, "incident", "open", "Orders are late", "--severity", "minr", "-p", "Warehouse")
	p.fails(3, `Did you mean "Warehouse"?`, "incident", "open", "Orders are late", "--severity", "minor", "-p", "Warehose")
	number, id, _ := strings.Cut(p.does("incident", "open", "Orders are late", "--severity", "minor", "-p", "Warehouse", "--label", "team=data", "--lead", "me"), "\t")
	if got := p.does("incident", "view", id, "--jq", `[.number, .status, .labels.team, .lead_id != null] | map(tostring) | join(" ")`); got != number+" open data true" {
		t.Errorf("the new incident is %s", got)
	}
	p.does("incident", "ack", number, "--note", "looking")
	if got := p.tries("incident", "ack", number); got.code != 0 || !strings.Contains(got.stdout, "already by Ada Okafor") {
		t.Errorf("ack of one that is acknowledged: exit %d, %s%s; want success, and who has it", got.code, got.stdout, got.stderr)
	}
	p.does("incident", "update", "#"+number, "--severity", "major", "--label", "team-", "--title", "Orders are very late")
	if got := p.does("incident", "view", number, "--json", "title,severity,labels,version"); got != `{"title":"Orders are very late","severity":"major","labels":{},"version":3}` {
		t.Errorf("after the update it is %s", got)
	}
	p.fails(5, "changed since: labels, severity, title", "incident", "update", number, "--severity", "minor", "--if-version", "2")
	p.does("incident", "note", number, "The provider says 18:00 UTC")
	link := p.does("incident", "link", number, "https://wiki.example.org/runbook", "--title", "Runbook")
	p.does("incident", "link", number, "--remove", link)
	p.does("incident", "resolve", number, "--notes", "restarted")
	p.fails(5, "--status investigating", "incident", "ack", number)
	p.fails(2, "--yes", "incident", "close", number)
	p.does("incident", "close", number, "--yes")
	p.fails(5, "closed", "incident", "update", number, "--title", "Too late")
	if got := p.does("incident", "list", "--jq", ".[].number"); slices.Contains(strings.Fields(got), number) {
		t.Errorf("a closed incident is listed without --all: %s", got)
	}
	if got := p.does("incident", "view", number, "--version", "1", "--jq", ".title"); got != "Orders are late" {
		t.Errorf("at version 1 the title is %s", got)
	}
}

func TestEachOfSeveralIncidentsHasItsResult(t *testing.T) {
	t.Parallel()
	d := serve(t)
	p := signedIn(t, d.URL, d.SodaKeySecret)
	p.does("incident", "ack", d.ManualIncidentID)
	got := p.tries("incident", "ack", d.IncidentID, "9999", d.ManualIncidentID, "--json", "result")
	want := `[{"result":"done"},{"result":"failed"},{"result":"already"}]` + "\n"
	if got.stdout != want || got.code != 3 || !strings.Contains(got.stderr, "1 of 3") {
		t.Errorf("exit %d, printed %s, said %s; want 3 and %s", got.code, got.stdout, got.stderr, want)
	}
}

func TestADryRunChangesNothing(t *testing.T) {
	t.Parallel()
	d := serve(t)
	p := signedIn(t, d.URL, d.SodaKeySecret)
	before := p.does("incident", "list", "--all", "--json", "id,version,status")
	for _, args := range [][]string{
		{"incident", "open", "Orders are late", "--severity", "minor", "-p", "Warehouse"},
		{"incident", "ack", d.IncidentID},
		{"incident", "resolve", d.IncidentID, "--notes", "done"},
		{"incident", "close", d.IncidentID},
		{"incident", "note", d.IncidentID, "hello"},
		{"incident", "update", d.IncidentID, "--severity", "minor"},
		{"incident", "link", d.IncidentID, "https://example.org"},
		{"project", "create", "Web shop"},
		{"key", "create", "script"},
		{"member", "invite", "eve@example.org", "--role", "Admin"},
	} {
		if got := p.does(append(args, "--dry-run")...); !strings.Contains(got, "would do ") || strings.Contains(got, "tcn_") || strings.Contains(got, "secret") {
			t.Errorf("tocsin %q --dry-run prints %q", args, got)
		}
	}
	if after := p.does("incident", "list", "--all", "--json", "id,version,status"); after != before {
		t.Errorf("a dry run changed something:\n%s\n%s", before, after)
	}
}

func TestAnExportHasTheWholeTimeline(t *testing.T) {
	t.Parallel()
	d := serve(t)
	p := signedIn(t, d.URL, d.SodaKeySecret)
	p.does("incident", "update", d.ManualIncidentID, "--title", "=HYPERLINK(1) *down*", "--note=-1+1")
	p.does("incident", "note", d.ManualIncidentID, "seen by\ntwo people")
	markdown := p.does("incident", "export", d.ManualIncidentID)
	for _, want := range []string{"# Incident 2: =HYPERLINK(1) \\*down\\*\n", "incident.update by Ada Okafor", "comment by Ada Okafor", "> seen by  \n  > two people"} {
		if !strings.Contains(markdown, want) {
			t.Errorf("the Markdown lacks %q:\n%s", want, markdown)
		}
	}
	table := p.does("incident", "export", d.ManualIncidentID, "--format", "csv")
	for _, want := range []string{",title,Refunds are slow,'=HYPERLINK(1) *down*,'-1+1\n", `"seen by` + "\n" + `two people"`} {
		if !strings.Contains(table, want) {
			t.Errorf("the CSV lacks %q:\n%s", want, table)
		}
	}
	timeline := decode(t, p.does("incident", "export", d.ManualIncidentID, "--format", "json"))["timeline"].([]any)
	if n := len(timeline); n != 3 {
		t.Errorf("the timeline has %d moments; want 3: opened, changed, commented on", n)
	}
}

func TestKeysMembersAndProjects(t *testing.T) {
	t.Parallel()
	d := serve(t)
	p := signedIn(t, d.URL, d.SodaKeySecret)
	p.does("project", "rename", "Warehouse", "Depot")
	if got := p.does("project", "list", "--jq", ".[].name"); !strings.Contains(got, "Depot") {
		t.Errorf("the projects are %s", got)
	}
	id, token, _ := strings.Cut(p.does("key", "create", "script", "--permission", "incidents.view", "--expires", "30d"), "\t")
	script := signedIn(t, d.URL, token)
	script.fails(1, "tocsin whoami", "incident", "ack", d.IncidentID)
	newID := p.does("key", "rotate", id, "--overlap", "0", "--json", "id")
	script.fails(4, "tocsin login", "incident", "list")
	made := decode(t, newID)
	rotated, _ := made["token"].(string)
	if !strings.HasPrefix(rotated, "tcn_") {
		t.Fatalf("key rotate --json id prints %s; want the token too, which would be lost", newID)
	}
	script = signedIn(t, d.URL, rotated)
	p.fails(2, "--yes", "key", "revoke", made["id"].(string))
	p.does("key", "revoke", made["id"].(string), "--yes")
	script.fails(4, "tocsin login", "incident", "list")

	_, invitation, _ := strings.Cut(p.does("member", "invite", "eve@example.org", "--role", "Editor", "-p", "Depot"), "\t")
	eve := newPerson(t)
	if got := eve.types(invitation, "login", d.URL, "--invitation-file", "-", "--name", "Eve Novak"); got.code != 0 {
		t.Fatalf("accepting the invitation exits with %d: %s", got.code, got.stderr)
	}
	if got := eve.does("whoami", "--jq", ".user.name"); got != "Eve Novak" {
		t.Errorf("who accepted is %s", got)
	}
	grant := p.does("member", "role", "grant", "eve@example.org", "Viewer", "-p", "Online shop")
	if got := p.does("member", "role", "list", "eve@example.org"); strings.Count(got, "\n") != 1 || !strings.Contains(got, "Online shop") {
		t.Errorf("the roles are %s", got)
	}
	p.does("member", "role", "revoke", grant)
	p.fails(3, `Did you mean "eve@example.org"`, "member", "deactivate", "eva@example.org", "--yes")
	p.does("member", "deactivate", "eve@example.org", "--yes")
	eve.fails(4, "tocsin login", "whoami")
	p.does("member", "reactivate", "eve@example.org")
	eve.does("whoami")
}

func TestAnyRequest(t *testing.T) {
	t.Parallel()
	d := serve(t)
	p := signedIn(t, d.URL, d.SodaKeySecret)
	all := p.does("api", "GET", "incidents", "-f", "limit=2", "-f", "order=asc", "--paginate", "--jq", ".items[].number")
	if all != "1\n2\n3\n4\n5" {
		t.Errorf("all parts have the numbers %q", all)
	}
	got := p.does("api", "PATCH", "/v1/incidents/"+d.IncidentID, "-f", "severity=minor", "-f", "lead_id=null", "-f", `labels:={"a":"b"}`, "--jq", "[.severity,.labels.a]|@csv")
	if got != `"minor","b"` {
		t.Errorf("after the change: %s", got)
	}
	if got := p.types(`{"name":"Web shop"}`, "api", "POST", "projects", "--input", "-", "--dry-run"); got.code != 0 || !strings.Contains(got.stdout, `"dry_run":true`) {
		t.Errorf("a dry run gives %+v", got)
	}
	if got := p.tries("api", "GET", "incidents/"+d.SodaKeyID); got.code != 3 || !strings.Contains(got.stdout, `"code":"not_found"`) {
		t.Errorf("what is not there: %+v; want exit 3 and the problem printed", got)
	}
	p.fails(2, "no method", "api", "FETCH", "me")
	p.fails(1, "not a path", "api", "GET", "//elsewhere.example.org/v1/me")
}

func TestFieldsCanBeAskedForAndAboutWithoutAServer(t *testing.T) {
	t.Parallel()
	p := newPerson(t)
	if got := strings.Fields(p.does("incident", "list", "--json")); !slices.Contains(got, "severity") || !slices.IsSorted(got) {
		t.Errorf("--json alone prints %q", got)
	}
	if got := p.does("incident", "close", "12", "--json"); !strings.Contains(got, "result") {
		t.Errorf("--json alone of a write prints %q", got)
	}
	p.fails(2, `Did you mean "severity"?`, "incident", "list", "--json", "id,severty")
	p.fails(2, "--jq", "incident", "list", "--jq", ".[")
}

// answers is a server that gives one answer to everything.
func answers(t *testing.T, answer http.HandlerFunc) person {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	p := newPerson(t)
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("tcn_00112233\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.does("context", "add", "test", server.URL, "--token-file", token)
	return p
}

func TestExitCodesFollowTheAnswer(t *testing.T) {
	t.Parallel()
	for status, code := range map[int]int{
		400: 1, 401: 4, 403: 1, 404: 3, 409: 5, 412: 5, 422: 1, 428: 5, 500: 1,
	} {
		p := answers(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, `{"detail":"it is so","errors":[{"pointer":"/title","message":"must be there"}]}`)
		})
		p.fails(code, "it is so\n  title: must be there", "project", "create", "x")
	}
	closed := httptest.NewServer(nil)
	p := newPerson(t)
	p.does("context", "add", "gone", closed.URL)
	token := filepath.Join(p.home, "token")
	if err := os.WriteFile(token, []byte("tcn_x"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.does("context", "add", "gone", closed.URL, "--token-file", token)
	closed.Close()
	p.fails(6, "does not answer", "whoami")
}

func TestAWriteSurvivesACutConnectionOnce(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	keys := []string{}
	p := answers(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		keys = append(keys, r.Header.Get("Idempotency-Key"))
		if len(keys) == 1 {
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"id":"p1","name":"x"}`)
	})
	if got := p.does("project", "create", "x"); got != "p1" {
		t.Errorf("it prints %q", got)
	}
	if len(keys) != 2 || keys[0] == "" || keys[0] != keys[1] {
		t.Errorf("the requests had the keys %q; want one key twice", keys)
	}
}

func TestDebugShowsRequestsWithoutTokens(t *testing.T) {
	t.Parallel()
	p := answers(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Request-Id", "r-1")
		_, _ = io.WriteString(w, `{"id":"k","token":"tcn_99887766"}`)
	})
	got := p.tries("key", "create", "tcn_445566", "--debug")
	if strings.Contains(got.stderr, "tcn_") || !strings.Contains(got.stderr, "> POST ") || !strings.Contains(got.stderr, "X-Request-Id: r-1") {
		t.Errorf("--debug says:\n%s", got.stderr)
	}
}

func TestWhatAServerSaysCannotCommandTheTerminal(t *testing.T) {
	t.Parallel()
	item, err := json.Marshal(map[string]any{"id": "i", "number": 1, "title": "a\tb\nc\x1b[31m\u202e\u009b"})
	if err != nil {
		t.Fatal(err)
	}
	p := answers(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"items":[`+string(item)+`],"next":null}`)
	})
	for _, args := range [][]string{{"incident", "list"}, {"incident", "view", "1"}} {
		if got := p.does(args...); !strings.Contains(got, `a\tb\nc\x1b[31m\u202e\x9b`) {
			t.Errorf("tocsin %q prints %q; want the characters as escapes", args, got)
		}
	}
	p = answers(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusConflict)
		_, _ = io.WriteString(w, `{"detail":"no\u001b]0;x\u0007"}`)
	})
	p.fails(5, `no\x1b]0;x\x07`, "incident", "list")
}

func TestCompletion(t *testing.T) {
	t.Parallel()
	p := newPerson(t)
	for _, c := range []struct {
		words []string
		want  []string
	}{
		{[]string{"inc"}, []string{"incident"}},
		{[]string{"incident", "--context", "prod", "re"}, []string{"resolve"}},
		{[]string{"completion", ""}, []string{"bash", "fish", "powershell", "zsh"}},
		{[]string{"incident", "list", "--order", ""}, []string{"asc", "desc"}},
		{[]string{"incident", "list", "--so"}, []string{"--sort"}},
		{[]string{"whoami", "--to"}, nil},
	} {
		var got []string
		for line := range strings.Lines(p.does(append([]string{"__complete"}, c.words...)...)) {
			name, _, _ := strings.Cut(strings.TrimSpace(line), "\t")
			got = append(got, name)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("what may follow %q differs (-want +got):\n%s", c.words, diff)
		}
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if got := p.does("completion", shell); !strings.Contains(got, "__complete") {
			t.Errorf("completion %s prints %q", shell, got)
		}
	}
}

func TestHelpHasTopics(t *testing.T) {
	t.Parallel()
	p := newPerson(t)
	for topic, want := range map[string]string{
		"exit-codes": "sign-in needed", "environment": "TOCSIN_TOKEN_FILE", "formatting": "--jq", "incident ack": "tocsin incident ack 12",
	} {
		if got := p.does(append([]string{"help"}, strings.Fields(topic)...)...); !strings.Contains(got, want) {
			t.Errorf("help %s lacks %q:\n%s", topic, want, got)
		}
	}
	p.fails(2, `Did you mean "exit-codes"?`, "help", "exit-code")
	p.fails(2, `did you mean "incident"?`, "incidnt", "list")
}

func TestATokenThatGotLostIsSaidToBe(t *testing.T) {
	t.Parallel()
	p := answers(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Idempotent-Replayed", "true")
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"id":"k7","token":null,"organisation":{"id":"o"}}`)
	})
	p.fails(1, "tocsin key revoke k7", "key", "create", "script")
	p.fails(1, "--revoke k7", "member", "invite", "eve@example.org", "--role", "Admin")
}
