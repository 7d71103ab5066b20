package tenancy_test

import (
	"encoding/json"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tocsin"
	"tocsin/internal/store"
	"tocsin/test/harness"
)

// columns returns the name of every column of the database, as the migrations of
// both engines have them.
func columns(t *testing.T) []string {
	t.Helper()
	column := regexp.MustCompile(`(?m)^\s+([a-z_][a-z_0-9]*)\s+(?:BLOB|TEXT|INTEGER|REAL|BYTEA|BIGINT|SMALLINT|BOOLEAN|UUID|JSONB?|TIMESTAMPTZ)\b`)
	found := map[string]bool{}
	for _, engine := range []string{"sqlite", "postgres"} {
		root := os.DirFS("../../internal/store/" + engine + "/migrations")
		files, err := fs.Glob(root, "*.sql")
		if err != nil || len(files) == 0 {
			t.Fatalf("%s has no migrations: %v; have they moved?", engine, err)
		}
		for _, name := range files {
			text, err := fs.ReadFile(root, name)
			if err != nil {
				t.Fatal(err)
			}
			for _, match := range column.FindAllSubmatch(text, -1) {
				found[string(match[1])] = true
			}
		}
	}
	for _, name := range []string{"org_id", "version", "secret_hash", "failure_count", "revoked_at", "leaf"} {
		if !found[name] {
			t.Errorf("the column %s was not found in the migrations; is columns right?", name)
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// anything is any JSON value, and often one of the ids.
func anything(ids []string) *rapid.Generator[any] {
	return rapid.OneOf(
		rapid.Just[any](nil),
		rapid.Bool().AsAny(), rapid.IntRange(-1, 1<<40).AsAny(), rapid.StringN(0, 20, -1).AsAny(), rapid.SampledFrom(ids).AsAny(),
		rapid.SliceOfN(rapid.SampledFrom(ids), 0, 3).AsAny(),
		rapid.MapOfN(rapid.StringMatching(`[a-z]{1,5}`), rapid.Bool(), 0, 3).AsAny(),
		rapid.Just[any]("2099-01-01T00:00:00Z"),
	)
}

// good is mostly a value as a schema has it.
func good(d document, s schema, ids []string) *rapid.Generator[any] {
	s = d.resolve(s)
	text, _ := json.Marshal(s.Type) // of a document that was JSON
	kind := string(text)
	var of *rapid.Generator[any]
	switch {
	case len(s.Enum) > 0:
		of = rapid.SampledFrom(s.Enum)
	case s.Format == "uuid":
		of = rapid.SampledFrom(ids).AsAny()
	case s.Format == "date-time":
		of = rapid.Just[any]("2099-01-01T00:00:00Z")
	case s.Format == "email":
		of = rapid.StringMatching(`[a-z]{1,8}@example\.org`).AsAny()
	case strings.Contains(kind, "string"):
		of = rapid.StringMatching(`[A-Za-z0-9 ]{1,12}`).AsAny()
	case strings.Contains(kind, "boolean"):
		of = rapid.Bool().AsAny()
	case strings.Contains(kind, "integer"):
		of = rapid.IntRange(0, 100).AsAny()
	case s.Items != nil:
		of = rapid.SliceOfN(good(d, *s.Items, ids), 0, 3).AsAny()
	default:
		of = rapid.MapOfN(rapid.StringMatching(`[a-z]{1,5}`), rapid.StringN(0, 5, -1), 0, 3).AsAny()
	}
	return rapid.OneOf(of, of, of, anything(ids))
}

// allIDs lists all ids of both tenants, as texts.
func (h *house) allIDs() []string {
	var out []string
	for _, ids := range []map[string]tocsin.ID{everything(h.mine, h.things), h.foreign, h.otherProject} {
		for _, id := range ids {
			out = append(out, id.String())
		}
	}
	slices.Sort(out)
	return out
}

// pointersOf returns what a problem points at, sorted.
func pointersOf(a answer) []string {
	var p struct{ Errors []struct{ Pointer string } }
	_ = json.Unmarshal([]byte(a.body), &p) // what is no JSON points at nothing
	var out []string
	for _, e := range p.Errors {
		out = append(out, e.Pointer)
	}
	slices.Sort(out)
	return out
}

// Whatever columns there are in the database: a member that an operation does
// not document is refused, wherever it stands in the body, and nothing changes.
func TestUndocumentedMembersAreRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t, harness.Engines()[0])
	k, document, names, ids := h.key(native()), readDocument(t), columns(t), h.allIDs()
	before := h.lengths(t)
	for _, o := range h.operations(t) {
		objects := map[string]schema{}
		document.objects(document.body(o.Operation), "", objects)
		for at, s := range objects {
			unknown := slices.DeleteFunc(slices.Clone(names), func(name string) bool {
				_, documented := s.Properties[name]
				return documented
			})
			rapid.Check(t, func(rt *rapid.T) {
				r := rapid.SampledFrom(o.requests).Draw(rt, "request")
				given := rapid.MapOfN(rapid.SampledFrom(unknown), anything(ids), 1, 5).Draw(rt, "members")
				var want []string
				for name, value := range given {
					r.body = setAt(t, r.body, at+"/"+name, value)
					want = append(want, at+"/"+name)
				}
				slices.Sort(want)
				a := h.askAPI(t, k, o, r)
				if got := pointersOf(a); a.status != http.StatusBadRequest || !slices.Equal(got, want) {
					rt.Fatalf("%s with %s is answered with %d %s, should be 400 and point at %v", o.ID, r.body, a.status, a.body, want)
				}
			})
		}
	}
	if after := h.lengths(t); after != before {
		t.Errorf("the logs grew from %v to %v", before, after)
	}
}

// besides lists the fields that a documented member may change, where it is not
// the field of its name alone.
func besides(member string) []string {
	switch member {
	case "status":
		return []string{"status", "acknowledged_at", "resolved_at"}
	case "add_regions", "remove_regions":
		return []string{"affected_regions"}
	default:
		return []string{member}
	}
}

// stored reads an object from the database itself.
func (h *house) stored(t *testing.T, kind tocsin.Kind, id tocsin.ID) tocsin.Object {
	t.Helper()
	if kind == tocsin.KindIncident {
		return harness.Incident(t, h.services, h.mine.Org, id)
	}
	all, err := h.services.Store.List(t.Context(), h.mine.Org, kind, store.Page{})
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(all, func(o tocsin.Object) bool { return o.Head().ID == id })
	if at < 0 {
		t.Fatalf("there is no %s %s", kind, id)
	}
	return all[at]
}

// Whatever values a patch has: only fields that it names change, of that one
// object, and a refusal changes nothing.
func TestAPatchChangesOnlyWhatItNames(t *testing.T) {
	t.Parallel()
	h := newHouse(t, harness.Engines()[0])
	k, document, ids := h.key(native()), readDocument(t), h.allIDs()
	signed := native()
	signed.sign = func(r *http.Request, k harness.Key) {
		native().sign(r, k)
		r.Header.Set("If-Match", "*") // the organisation may come to want one
	}
	for _, o := range h.operations(t) {
		if o.Method != http.MethodPatch {
			continue
		}
		properties := document.body(o.Operation).Properties
		names := slices.Sorted(maps.Keys(properties))
		changes := 0
		rapid.Check(t, func(rt *rapid.T) {
			r := o.requests[0]
			id, _ := tocsin.ParseID(r.path[strings.LastIndexByte(r.path, '/')+1:])
			switch o.On {
			case tocsin.KindIncident: // one that is not closed yet
				id = h.mine.NewIncident(h.mine.Check, tocsin.Open)
				r.path = "/v1/incidents/" + id.String()
			case tocsin.KindOrganisation:
				id = h.mine.Org
			}
			body, may := map[string]any{}, map[string]bool{}
			for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom(names), 0, len(names), rapid.ID).Draw(rt, "names") {
				body[name] = good(document, properties[name], ids).Draw(rt, name)
				for _, field := range besides(name) {
					may[field] = true
				}
			}
			text, err := json.Marshal(body)
			if err != nil {
				rt.Fatal(err)
			}
			before, entries := h.stored(t, o.On, id), h.lengths(t)
			a := h.ask(t, signed, k, o.Method, r.target(), string(text))
			after, grown := h.stored(t, o.On, id), h.lengths(t)
			_, changed := tocsin.Diff(tocsin.Fields(before), tocsin.Fields(after))
			made := int64(0)
			if len(changed) > 0 {
				made = 1
				changes++
			}
			if a.status >= 300 && made > 0 || a.status >= 500 || a.status == http.StatusBadRequest {
				rt.Fatalf("%s with %s is answered with %d %s and changes %v", o.ID, text, a.status, a.body, changed)
			}
			for _, f := range changed {
				if !may[f.Name] {
					rt.Fatalf("%s with %s changes %s to %v", o.ID, text, f.Name, f.Value.Any())
				}
			}
			was, is := before.Head(), after.Head()
			if is.Version != was.Version+made || !is.CreatedAt.Equal(was.CreatedAt) || is.Org != was.Org || grown[0] != entries[0]+made || grown[1] != entries[1] {
				rt.Fatalf("%s with %s: the version went from %d to %d and the logs from %v to %v", o.ID, text, was.Version, is.Version, entries, grown)
			}
		})
		if changes == 0 {
			t.Errorf("%s: nothing was ever changed, so the test shows nothing", o.ID)
		}
	}
}
