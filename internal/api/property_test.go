package api_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin"
	"tocsin/internal/api"
	"tocsin/internal/api/apitest"
)

// columns are the names of every field of every object that the log knows, and
// of what a store keeps beside them.
func columns() []string {
	names := map[string]bool{"id": true, "org_id": true, "version": true, "seq": true, "leaf": true, "created_at": true, "updated_at": true, "available_transitions": true, "redacted_fields": true}
	for _, o := range []tocsin.Object{
		&tocsin.Incident{}, &tocsin.Comment{}, &tocsin.Organisation{}, &tocsin.User{}, &tocsin.Grant{}, &tocsin.Role{}, &tocsin.APIKey{},
		&tocsin.Invitation{}, &tocsin.Project{}, &tocsin.Dataset{}, &tocsin.Check{},
	} {
		for _, f := range tocsin.Fields(o) {
			names[f.Name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// patchable are the members of a patch, with the fields that each may change.
func patchable() map[string][]string {
	return map[string][]string{
		"title": {"title"}, "description": {"description"}, "severity": {"severity"}, "error_message": {"error_message"},
		"status":           {"status", "acknowledged_at", "resolved_at", "available_transitions"},
		"affected_regions": {"affected_regions"}, "add_regions": {"affected_regions"}, "remove_regions": {"affected_regions"},
		"resolution_notes": {"resolution_notes"}, "labels": {"labels"}, "lead_id": {"lead_id"}, "note": {},
	}
}

// values are JSON that some field would take, and JSON that none would.
func values() *rapid.Generator[string] {
	return rapid.SampledFrom([]string{
		`null`, `true`, `0`, `7`, `-1`, `1e9`, `"x"`, `""`, `"major"`, `"minor"`, `"resolved"`, `"fixing"`, `"closed"`, `[]`, `["eu"]`, `[1]`, `{}`, `{"a":"b"}`, `{"a":null}`, `{"a":1}`,
		`"` + api.SampleUser + `"`, `"` + api.SampleProject + `"`, `"2026-01-01T00:00:00Z"`, `"\u0000"`, `"a\nb"`, `"\u202e"`,
	})
}

// Whatever a patch says, of an incident only those fields change that the patch
// names and the document has; a refusal changes nothing.
func TestOnlyDocumentedFieldsChange(t *testing.T) {
	t.Parallel()
	f := apitest.New(t)
	names := append(columns(), slices.Collect(maps.Keys(patchable()))...)
	names = append(names, "__proto__", "Severity", "tenant", "")
	slices.Sort(names)
	names = slices.Compact(names)
	rapid.Check(t, func(rt *rapid.T) {
		id := f.Incident(t).ID.String()
		before := f.Call(t, apitest.Request{Path: "/v1/incidents/" + id}).JSON(t)
		given := rapid.MapOfN(rapid.SampledFrom(names), values(), 0, 5).Draw(rt, "patch")
		body, err := json.Marshal(rawMembers(given))
		if err != nil {
			rt.Fatal(err)
		}
		got := f.Call(t, apitest.Request{Method: patch, Path: "/v1/incidents/" + id, Body: string(body)})
		after := f.Call(t, apitest.Request{Path: "/v1/incidents/" + id}).JSON(t)
		may := []string{}
		if got.Status == 200 {
			may = append(may, "version", "updated_at")
			for name := range given {
				fields, known := patchable()[name]
				if !known {
					rt.Fatalf("%s was taken, and has %s", body, name)
				}
				may = append(may, fields...)
			}
		} else if got.Status != 400 && got.Status != 422 && got.Status != 409 {
			rt.Fatalf("%s: %d %s", body, got.Status, got.Body)
		}
		for name := range after {
			if diff := cmp.Diff(before[name], after[name]); diff != "" && !slices.Contains(may, name) {
				rt.Fatalf("%s: %d, and %s changed (-before +after):\n%s", body, got.Status, name, diff)
			}
		}
	})
}

// Whatever is sent to any other write, the sample incident stays as it is, but
// for its links; and nothing is a fault of the server.
func TestWritesTakeOnlyWhatTheyDocument(t *testing.T) {
	t.Parallel()
	f := apitest.New(t)
	names := columns()
	before := f.Call(t, apitest.Request{Path: samplePath}).JSON(t)
	writes := slices.DeleteFunc(api.Operations(), func(op api.Operation) bool {
		return !op.Writes() || op.Method == patch || !strings.HasPrefix(op.Path, "/v1/incidents")
	})
	rapid.Check(t, func(rt *rapid.T) {
		op := rapid.SampledFrom(writes).Draw(rt, "operation")
		body, err := json.Marshal(rawMembers(rapid.MapOfN(rapid.SampledFrom(names), values(), 0, 6).Draw(rt, "body")))
		if err != nil {
			rt.Fatal(err)
		}
		path := strings.NewReplacer("{id}", api.SampleIncident, "{link_id}", api.SampleComment).Replace(op.Path)
		got := f.Call(t, apitest.Request{Method: op.Method, Path: path, Body: bodyFor(op, string(body))})
		if got.Status >= 500 {
			rt.Fatalf("%s %s: %d %s", op.ID, body, got.Status, got.Body)
		}
		after := f.Call(t, apitest.Request{Path: samplePath}).JSON(t)
		for name := range after {
			if diff := cmp.Diff(before[name], after[name]); diff != "" && !slices.Contains([]string{"links", "version", "updated_at"}, name) {
				rt.Fatalf("%s %s: %d, and %s changed (-before +after):\n%s", op.ID, body, got.Status, name, diff)
			}
		}
	})
}

func rawMembers(given map[string]string) map[string]json.RawMessage {
	out := make(map[string]json.RawMessage, len(given))
	for name, value := range given {
		out[name] = json.RawMessage(value)
	}
	return out
}
