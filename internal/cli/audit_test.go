package cli_test

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tocsin"
)

// An auditor has an export, the key, and a checkpoint kept from earlier.
type auditor struct {
	person
	export, key, checkpoint string
}

func newAuditor(t *testing.T) auditor {
	t.Helper()
	a, d := serveApp(t)
	admin := signedIn(t, d.URL, d.SodaKeySecret)
	org, ok := tocsin.ParseID(admin.does("whoami", "--jq", ".organisation.id"))
	if !ok {
		t.Fatal("whoami gives no organisation")
	}
	dir, actor := t.TempDir(), tocsin.System(org, "test")
	var tar bytes.Buffer
	if err := a.Audit.Export(t.Context(), actor, &tar); err != nil {
		t.Fatal(err)
	}
	note, err := a.Audit.Checkpoint(t.Context(), actor)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := a.Audit.Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	write := func(name string, text []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return auditor{
		newPerson(t), write("audit.tar", tar.Bytes()),
		write("vkey", []byte(strings.Join(keys, "\n"))), write("checkpoint", note),
	}
}

func TestAnExportIsVerifiedWithoutAServer(t *testing.T) {
	t.Parallel()
	a := newAuditor(t)
	if got := a.tries("audit", "verify", a.export, "--key", a.key, "--since", a.checkpoint); got.code != 0 || !strings.Contains(got.stdout, "PROVEN") || !strings.Contains(got.stdout, "was begun with entry ") {
		t.Errorf("an export as it was taken: exit %d, %s%s; want 0, proven", got.code, got.stdout, got.stderr)
	}
	key, err := os.ReadFile(a.key)
	if err != nil {
		t.Fatal(err)
	}
	if got := a.does("audit", "verify", a.export, "--key", string(key), "--jq", ".verdict"); got != "proven" {
		t.Errorf("with the key itself the verdict is %q", got)
	}
}

func TestAChangedExportIsFoundOut(t *testing.T) {
	t.Parallel()
	a := newAuditor(t)
	text, err := os.ReadFile(a.export)
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.ReplaceAll(text, []byte("Refunds are slow"), []byte("Refunds are fast"))
	if bytes.Equal(text, changed) {
		t.Fatal("the export does not hold the text that this test changes")
	}
	if err := os.WriteFile(a.export, changed, 0o600); err != nil {
		t.Fatal(err)
	}
	got := a.tries("audit", "verify", a.export, "--key", a.key)
	if got.code != 1 || !strings.Contains(got.stdout, "TAMPERED") || !strings.Contains(got.stdout, "entry ") {
		t.Errorf("a changed export: exit %d, %s%s; want 1, and where", got.code, got.stdout, got.stderr)
	}
}

func TestWhatCannotBeJudgedIsNotJudged(t *testing.T) {
	t.Parallel()
	a := newAuditor(t)
	for _, args := range [][]string{
		{"nowhere.tar", "--key", a.key},
		{a.key, "--key", a.key},
		{a.export, "--key", "nowhere"},
		{a.export, "--key", a.key, "--since", "nowhere"},
		{a.export},
	} {
		if got := a.tries(append([]string{"audit", "verify"}, args...)...); got.code != 2 {
			t.Errorf("audit verify %q exits with %d: %s%s; want 2", args, got.code, got.stdout, got.stderr)
		}
	}
}

// The audit routes as the contract has them.
func auditRoutes(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/v1/audit":
		if r.URL.Query().Get("cursor") == "" {
			_, _ = io.WriteString(w, `{"items":[],"next":"c"}`) // a page may be short
			return
		}
		_, _ = io.WriteString(w, `{"items":[{"seq":9,"action":"incident.update","kind":"incident","object_id":"i","at":"2026-11-22T01:02:03.000000Z","actor":{"type":"user","name":"Ada Okafor"},"note":"why","fields":[{"name":"severity","old":"major","new":"minor"}]}],"next":null}`)
	case "/v1/audit/checkpoint":
		_, _ = io.WriteString(w, "tocsin/x/y\n9\nabc=\n\n— tocsin/x/y sig\n")
	case "/v1/audit/key":
		_, _ = io.WriteString(w, "tocsin/x/y+1234+abc\n")
	case "/v1/audit/entries/9/proof":
		_, _ = io.WriteString(w, "c2sp.org/tlog-proof@v1\n")
	case "/v1/audit/export":
		_, _ = io.WriteString(w, "a tar")
	}
}

func TestTheLogIsReadAndTakenAway(t *testing.T) {
	t.Parallel()
	p := answers(t, auditRoutes)
	if got := p.does("audit", "list", "--kind", "incident"); got != "9\t2026-11-22T01:02:03Z\tincident.update\tAda Okafor\ti\twhy" {
		t.Errorf("audit list prints %q", got)
	}
	if got := p.does("audit", "list", "--jq", ".[].fields[].new"); got != "minor" {
		t.Errorf("audit list --jq prints %q", got)
	}
	if got := p.does("audit", "checkpoint"); got != "tocsin/x/y\n9\nabc=\n\n— tocsin/x/y sig" {
		t.Errorf("audit checkpoint prints %q; want it to the byte", got)
	}
	if got := p.does("audit", "key"); got != "tocsin/x/y+1234+abc" {
		t.Errorf("audit key prints %q", got)
	}
	if got := p.does("audit", "proof", "9"); !strings.HasPrefix(got, "c2sp.org/") {
		t.Errorf("audit proof prints %q", got)
	}
	file := filepath.Join(t.TempDir(), "audit.tar")
	p.does("audit", "export", "--output", file)
	if text, err := os.ReadFile(file); err != nil || string(text) != "a tar" {
		t.Errorf("the export is %q, %v", text, err)
	}
}

func TestAnExportThatBreaksOffLeavesNoFile(t *testing.T) {
	t.Parallel()
	p := answers(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, "half a tar")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	dir := t.TempDir()
	p.fails(1, "not whole", "audit", "export", "--output", filepath.Join(dir, "audit.tar"))
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("the directory holds %v, %v; want nothing", left, err)
	}
}
