package api_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"tocsin/internal/api"
	"tocsin/internal/api/apitest"
)

func document(t *testing.T) []byte {
	t.Helper()
	text, err := json.MarshalIndent(api.Document(apitest.PublicURL), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return append(text, '\n')
}

func TestTheDocumentIsOpenAPI(t *testing.T) {
	t.Parallel()
	doc, err := openapi3.NewLoader().LoadFromData(document(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestTheServerGivesOutItsDocument(t *testing.T) {
	t.Parallel()
	got := apitest.New(t).Call(t, apitest.Request{Path: "/openapi.json", Token: "-"})
	var want, have any
	if err := json.Unmarshal(document(t), &want); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(got.Body, &have); err != nil || got.Status != 200 || fmt.Sprint(want) != fmt.Sprint(have) {
		t.Errorf("%d %v; want the document, to anybody", got.Status, err)
	}
}

// Every operation says what it is for, and every id is given once.
func TestOperationsAreDescribed(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, op := range api.Operations() {
		if seen[op.ID] || op.ID == "" || op.Tag == "" || op.Summary == "" || op.Description == "" {
			t.Errorf("%s %s: needs an ID of its own, a Tag, a Summary and a Description", op.Method, op.Path)
		}
		if strings.HasSuffix(op.Summary, ".") {
			t.Errorf("%s: a summary is a title, without a full stop: %q", op.ID, op.Summary)
		}
		seen[op.ID] = true
	}
}

// What a client relies on stays: testdata/openapi.json is the document that was
// last given out. -update writes it anew, unless that would break a client.
func TestTheDocumentBreaksNoClient(t *testing.T) {
	t.Parallel()
	const file = "testdata/openapi.json"
	text, err := os.ReadFile(file)
	if err != nil && !updating() {
		t.Fatalf("%v; go test -update writes it", err)
	}
	var was, is node
	if err == nil {
		if err := json.Unmarshal(text, &was); err != nil {
			t.Fatal(err)
		}
	}
	if err := json.Unmarshal(document(t), &is); err != nil {
		t.Fatal(err)
	}
	withoutProse(is)
	for _, breach := range breaches(was, is) {
		t.Errorf("%s: a client may rely on it. Keep it, or move apiVersion and the path to the next version", breach)
	}
	if !t.Failed() {
		bare, err := json.MarshalIndent(is, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		golden(t, file, append(bare, '\n'))
	}
}

// withoutProse takes out what is for people, and the examples, which have files of
// their own.
func withoutProse(v any) {
	switch v := v.(type) {
	case node:
		withoutProse(map[string]any(v))
	case map[string]any:
		for _, key := range []string{"description", "summary", "title"} {
			if _, prose := v[key].(string); prose { // and not a member with that name
				delete(v, key)
			}
		}
		delete(v, "examples")
		for _, child := range v {
			withoutProse(child)
		}
	case []any:
		for _, child := range v {
			withoutProse(child)
		}
	}
}

func TestBreachesAreFound(t *testing.T) {
	t.Parallel()
	doc := func(edit string) node {
		text := `{"paths":{"/a":{"get":{"operationId":"readA","parameters":[{"name":"q"}],"responses":{"200":{}}},
			"post":{"operationId":"makeA","requestBody":{"schema":{"$ref":"#/components/schemas/In"}},"responses":{}}}},
			"components":{"schemas":{"In":{"type":"object","properties":{"x":{"type":"string","enum":["one","two"]},"y":{"type":"string"}},"required":["x"]}}}}`
		if edit != "" {
			from, to, _ := strings.Cut(edit, " => ")
			if !strings.Contains(text, from) {
				t.Fatalf("nothing to edit: %s", from)
			}
			text = strings.Replace(text, from, to, 1)
		}
		var n node
		if err := json.Unmarshal([]byte(text), &n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	for edit, want := range map[string]int{
		``:                     0,
		`"/a" => "/b"`:         2,
		`"post" => "put"`:      1,
		`"makeA" => "createA"`: 1,
		`"200" => "201"`:       1,
		`{"name":"q"} => `:     1,
		`{"name":"q"} => {"name":"q"},{"name":"r"}`:                 0,
		`{"name":"q"} => {"name":"q"},{"name":"r","required":true}`: 1,
		`"two" => "three"`:       1,
		`"two" => "two","three"`: 0,
		`"y":{ => "z":{`:         1,
		`"y":{"type":"string"} => "y":{"type":"integer"}`: 1,
		`"required":["x"] => "required":["x","y"]`:        1,
	} {
		if got := breaches(doc(""), doc(edit)); len(got) != want {
			t.Errorf("%s breaks %q; want %d", edit, got, want)
		}
	}
}

// A node is an object of a document.
type node map[string]any

func (n node) at(name string) node {
	child, _ := n[name].(map[string]any)
	return child
}

// breaches lists what a client of one document misses in another.
func breaches(was, is node) []string {
	var out []string
	for path, item := range was.at("paths") {
		for method, op := range node(item.(map[string]any)) {
			old, now := node(op.(map[string]any)), is.at("paths").at(path).at(method)
			what := strings.ToUpper(method) + " " + path
			if now == nil || now["operationId"] != old["operationId"] {
				out = append(out, what+" as "+fmt.Sprint(old["operationId"])+" is gone")
				continue
			}
			for status := range old.at("responses") {
				if now.at("responses")[status] == nil {
					out = append(out, what+" no longer answers "+status)
				}
			}
			out = append(out, parameterBreaches(what, old, now)...)
		}
	}
	required := requestSchemas(is)
	for name, schema := range was.at("components").at("schemas") {
		out = append(out, schemaBreaches(name, node(schema.(map[string]any)), is.at("components").at("schemas").at(name), required[name])...)
	}
	slices.Sort(out)
	return out
}

func parameterBreaches(what string, old, now node) (out []string) {
	byName := func(op node) map[string]node {
		all := map[string]node{}
		list, _ := op["parameters"].([]any)
		for _, p := range list {
			p := node(p.(map[string]any))
			all[p["name"].(string)] = p
		}
		return all
	}
	before, after := byName(old), byName(now)
	for name, p := range before {
		if after[name] == nil {
			out = append(out, what+" no longer takes "+name)
			continue
		}
		out = append(out, schemaBreaches(what+" "+name, p.at("schema"), after[name].at("schema"), true)...)
	}
	for name, p := range after {
		if p["required"] == true && (before[name] == nil || before[name]["required"] != true) {
			out = append(out, what+" now needs "+name)
		}
	}
	return out
}

// schemaBreaches compares two schemas and what is in them.
func schemaBreaches(what string, old, now node, request bool) (out []string) {
	switch {
	case old == nil:
		return nil
	case now == nil:
		return []string{what + " is gone"}
	}
	for _, key := range []string{"type", "format", "$ref"} {
		if fmt.Sprint(old[key]) != fmt.Sprint(now[key]) && !(key == "format" && old[key] == nil) {
			out = append(out, fmt.Sprintf("%s: %s was %v and is %v", what, key, old[key], now[key]))
		}
	}
	oldEnum, _ := old["enum"].([]any)
	nowEnum, _ := now["enum"].([]any)
	for _, v := range oldEnum {
		if !slices.Contains(nowEnum, v) {
			out = append(out, fmt.Sprintf("%s: %v is gone", what, v))
		}
	}
	for name := range old.at("properties") {
		out = append(out, schemaBreaches(what+"."+name, old.at("properties").at(name), now.at("properties").at(name), request)...)
	}
	if items := old.at("items"); items != nil {
		out = append(out, schemaBreaches(what+"[]", items, now.at("items"), request)...)
	}
	was, _ := old["required"].([]any)
	is, _ := now["required"].([]any)
	from, to := was, is // an answer must not lose what it always had
	verb := "no longer always has"
	if request {
		from, to, verb = is, was, "now needs" // a request must not need more
	}
	for _, name := range from {
		if !slices.Contains(to, name) {
			out = append(out, fmt.Sprintf("%s %s %v", what, verb, name))
		}
	}
	return out
}

// requestSchemas returns the names of the schemas that requests are made of.
func requestSchemas(doc node) map[string]bool {
	found := map[string]bool{}
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if ref, ok := v["$ref"].(string); ok {
				name := ref[strings.LastIndexByte(ref, '/')+1:]
				if !found[name] {
					found[name] = true
					walk(map[string]any(doc.at("components").at("schemas").at(name)))
				}
			}
			for _, key := range slices.Sorted(maps.Keys(v)) {
				walk(v[key])
			}
		case []any:
			for _, x := range v {
				walk(x)
			}
		}
	}
	for _, item := range doc.at("paths") {
		for _, op := range item.(map[string]any) {
			walk(op.(map[string]any)["requestBody"])
		}
	}
	return found
}
