package tenancy_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tocsin/internal/api"
)

// A document is the API's OpenAPI document.
type document struct {
	Paths      map[string]map[string]described
	Components struct{ Schemas map[string]schema }
}

type described struct {
	Parameters []struct {
		Name, In string
		Schema   schema
	}
	RequestBody struct {
		Content map[string]struct{ Schema schema }
	}
}

type schema struct {
	Ref        string `json:"$ref"`
	Type       any
	Format     string
	Enum       []any
	Properties map[string]schema
	Items      *schema
	AllOf      []schema
	AnyOf      []schema
	OneOf      []schema
}

func readDocument(t *testing.T) document {
	t.Helper()
	text, err := json.Marshal(api.Document("https://tocsin.example.org"))
	if err != nil {
		t.Fatal(err)
	}
	var d document
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// resolve follows a reference.
func (d document) resolve(s schema) schema {
	if name, ok := strings.CutPrefix(s.Ref, "#/components/schemas/"); ok {
		return d.resolve(d.Components.Schemas[name])
	}
	return s
}

// body returns the schema of an operation's body, the zero schema for none.
func (d document) body(op api.Operation) schema {
	for _, content := range d.Paths[op.Path][strings.ToLower(op.Method)].RequestBody.Content {
		return d.resolve(content.Schema)
	}
	return schema{}
}

// objects adds to all, by its pointer, each object of a body that has members
// with names of its own.
func (d document) objects(s schema, at string, all map[string]schema) {
	s = d.resolve(s)
	if s.Items != nil {
		d.objects(*s.Items, at+"/0", all)
	}
	if len(s.Properties) > 0 {
		all[at] = s
	}
	for name, p := range s.Properties {
		d.objects(p, at+"/"+name, all)
	}
}

// ids returns where in an operation's body and query an id can stand.
func (d document) ids(t *testing.T, op api.Operation) (body, query []string) {
	t.Helper()
	described, ok := d.Paths[op.Path][strings.ToLower(op.Method)]
	if !ok {
		t.Errorf("the OpenAPI document lacks %s %s", op.Method, op.Path)
	}
	for _, p := range described.Parameters {
		if p.In == "query" && len(d.idsIn(t, op, p.Schema, "/"+p.Name)) > 0 {
			query = append(query, p.Name)
		}
	}
	for _, content := range described.RequestBody.Content {
		for _, pointer := range d.idsIn(t, op, content.Schema, "") {
			if !slices.Contains(body, pointer) {
				body = append(body, pointer)
			}
		}
	}
	slices.Sort(body)
	return body, query
}

// idsIn returns pointers to the ids in a schema, through the first item of each
// list.
func (d document) idsIn(t *testing.T, op api.Operation, s schema, at string) []string {
	t.Helper()
	s = d.resolve(s)
	var out []string
	named := strings.TrimSuffix(at, "/0")
	switch {
	case s.Format == "uuid":
		return []string{at}
	case strings.Contains(fmt.Sprint(s.Type), "string") && regexp.MustCompile(`(^|/|_)ids?$`).MatchString(named) && !strings.HasSuffix(named, "request_id"):
		t.Errorf("%s has the text %s, which looks like an id and is not declared as one: use api.ID", op.ID, at)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		out = append(out, d.idsIn(t, op, s.Properties[name], at+"/"+name)...)
	}
	if s.Items != nil {
		out = append(out, d.idsIn(t, op, *s.Items, at+"/0")...)
	}
	for _, part := range slices.Concat(s.AllOf, s.AnyOf, s.OneOf) {
		out = append(out, d.idsIn(t, op, part, at)...)
	}
	return out
}
