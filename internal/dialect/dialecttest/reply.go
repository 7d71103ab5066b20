package dialecttest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// WantStatus fails unless the reply has that status.
func WantStatus(t testing.TB, r Reply, status int) {
	t.Helper()
	if r.Status != status {
		t.Fatalf("got %d %s, want %d", r.Status, r.Body, status)
	}
}

// Decode reads JSON that must have no other members than T.
func Decode[T any](t testing.TB, body string) (v T) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("the body is not what the protocol has: %v\n%s", err, body)
	}
	return v
}

// Members fails unless body is an object with just the members of that name.
// It returns them.
func Members(t testing.TB, body string, names ...string) map[string]json.RawMessage {
	t.Helper()
	var object map[string]json.RawMessage
	if err := json.Unmarshal([]byte(body), &object); err != nil {
		t.Errorf("the body is not an object: %v\n%s", err, body)
		return nil
	}
	slices.Sort(names)
	if got := slices.Sorted(maps.Keys(object)); !slices.Equal(got, names) {
		t.Errorf("the object has the members %q, want %q\n%s", got, names, body)
	}
	return object
}

// Unchanged fails unless two states are the same.
func Unchanged(t testing.TB, before, after State) {
	t.Helper()
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("something changed (-before +after):\n%s", diff)
	}
}

// Golden holds a reply to its file in testdata: status, the headers that matter
// here, and the body, byte for byte but for the indentation. With update it
// writes the file.
func Golden(t *testing.T, update bool, name string, r Reply) {
	t.Helper()
	path := filepath.Join("testdata", name+".json")
	got := golden(t, r)
	if update {
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

func golden(t *testing.T, r Reply) string {
	t.Helper()
	headers := map[string]string{}
	for _, name := range []string{"Allow", "Content-Type", "Retry-After", "WWW-Authenticate"} {
		if v := r.Header.Get(name); v != "" {
			headers[name] = v
		}
	}
	head, err := json.Marshal(headers)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := json.Indent(&b, fmt.Appendf(nil, `{"status":%d,"headers":%s,"body":%s}`, r.Status, head, r.Body), "", "  "); err != nil {
		t.Fatalf("%v: %s", err, r.Body)
	}
	b.WriteByte('\n')
	return b.String()
}
