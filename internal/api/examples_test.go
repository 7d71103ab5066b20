package api_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/api"
	"tocsin/internal/api/apitest"
)

func updating() bool {
	return flag.Lookup("update").Value.(flag.Getter).Get().(bool)
}

func TestMain(m *testing.M) {
	flag.Bool("update", false, "write the golden files anew")
	flag.Parse()
	os.Exit(m.Run())
}

// golden holds text to a file, or writes the file.
func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if updating() {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; go test -update writes it", err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s is otherwise (-want +got); if that is meant, go test -update writes it:\n%s", file, diff)
	}
}

// indented returns JSON as it is read by people, with what is random in it
// replaced.
func indented(t *testing.T, text []byte) []byte {
	t.Helper()
	if len(text) == 0 {
		text = []byte("null")
	}
	var b bytes.Buffer
	if err := json.Indent(&b, text, "", "  "); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	out := regexp.MustCompile(`"leaf": "[0-9a-f]{64}"`).ReplaceAll(b.Bytes(), []byte(`"leaf": "9f2c6a5d1e0b47c38a64f1d2b7e59c03a86e4f10d95b27c3e8a1f4062d7b9c5e"`))
	out = regexp.MustCompile(`"(tc[ni])_[0-9a-f]+"`).ReplaceAll(out, []byte(`"${1}_…"`))
	out = regexp.MustCompile(`"address": "127.0.0.1"`).ReplaceAll(out, []byte(`"address": "192.0.2.10"`))
	return append(out, '\n')
}

// TestExamplesRun runs every example of every operation on a sample organisation
// of its own: it must succeed, and answer what the file with its answer says.
func TestExamplesRun(t *testing.T) {
	t.Parallel()
	wanted := map[string]bool{}
	for _, op := range api.Operations() {
		if len(op.Examples) == 0 {
			t.Errorf("%s has no example: show at least one request that works", op.ID)
		}
		for i, x := range op.Examples {
			file := api.ExampleFile(op, i)
			wanted[file] = true
			t.Run(op.ID, func(t *testing.T) {
				t.Parallel()
				f := apitest.New(t)
				reply := f.Call(t, apitest.Request{Method: op.Method, Path: x.Path, Body: x.Body})
				if reply.Status >= 300 {
					t.Fatalf("%s %s answers %d %s; want success", op.Method, x.Path, reply.Status, reply.Body)
				}
				if op.Media != "" {
					return
				}
				answer, err := json.Marshal(map[string]any{"status": reply.Status, "body": json.RawMessage(reply.Body)})
				if err != nil {
					t.Fatal(err)
				}
				golden(t, file, indented(t, answer))
			})
		}
	}
	files, err := filepath.Glob("examples/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if !wanted[filepath.ToSlash(file)] {
			t.Errorf("%s answers no example: remove it", file)
		}
	}
}
