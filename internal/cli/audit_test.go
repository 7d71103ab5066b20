package cli_test

import (
	"bytes"
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
	if got := a.tries("audit", "verify", a.export, "--key", a.key, "--since", a.checkpoint); got.code != 0 || !strings.Contains(got.stdout, "PROVEN") {
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
