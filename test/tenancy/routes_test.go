package tenancy_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tocsin/test/harness"
)

// A door is a dialect: how a request is signed, and all of its routes.
type door struct {
	name string
	sign func(*http.Request, harness.Key)
	// projectKeys says that every key of the door is bound to a project.
	projectKeys bool
	routes      []route
}

// A route is one operation and the places in it where an id can stand.
type route struct {
	method, path string
	// bodyOf is a good body; its ids are put in by what follows.
	bodyOf string
	// ids are places besides the path: a query such as "?check_id=", or a body
	// with %s for the id.
	ids []idPlace
	// list says that it answers with many; wideQueries select all of them.
	list        bool
	wideQueries []string
}

// An idPlace is where a route takes an id that is not in its path.
type idPlace struct {
	name string
	// query is put behind the path, text is the body; each ends or holds %s.
	query, text string
	// refused: an id that means nothing is an error here, not an empty list.
	refused bool
}

// A place is one way to ask a route about an id.
type place struct {
	name    string
	path    func(id string) string
	body    func(id string) string
	refused bool
	wants   string
}

// places lists the ways to ask the route about an id.
func (r route) places() []place {
	fixed := func(text string) func(string) string { return func(string) string { return text } }
	fill := func(text string) func(string) string {
		return func(id string) string { return strings.ReplaceAll(text, "%s", id) }
	}
	var out []place
	if before, after, found := strings.Cut(r.path, "{"); found {
		_, after, _ = strings.Cut(after, "}")
		out = append(out, place{"in the path", fill(before + "%s" + after), fixed(r.bodyOf), true, "incident"})
	}
	for _, p := range r.ids {
		path, body := fixed(r.path), fixed(r.bodyOf)
		if p.query != "" {
			path = fill(r.path + p.query)
		}
		if p.text != "" {
			body = fill(p.text)
		}
		out = append(out, place{p.name, path, body, p.refused, ""})
	}
	return out
}

// doors lists every route of every dialect. TestTheTableIsComplete holds it
// against the program.
func doors() []door {
	return []door{
		{
			name: "soda",
			sign: func(r *http.Request, k harness.Key) { r.SetBasicAuth(k.ID.String(), k.Token) },
			routes: []route{
				{method: "POST", path: "/api/v1/incidents/{incidentId}", bodyOf: `{"title":"taken over"}`},
				{method: "POST", path: "/api/v1/incidents", ids: []idPlace{
					{name: "monitorResultIds", text: `{"title":"x","description":"x","severity":"minor","monitorResultIds":["%s"]}`, refused: true},
				}},
				{method: "GET", path: "/api/v1/incidents", list: true, wideQueries: []string{"?size=1000", "?from=2000-01-01&to=2100-01-01"}, ids: []idPlace{
					{name: "datasetId", query: "?datasetId=%s"},
					{name: "leadId", query: "?leadId=%s"},
					{name: "incidentIds", query: "?incidentIds=%s"},
				}},
				{method: "GET", path: "/api/v1/test-login"},
			},
		},
		{
			name:        "uptimeio",
			sign:        func(r *http.Request, k harness.Key) { r.Header.Set("X-API-Key", k.Token) },
			projectKeys: true,
			routes: []route{
				{method: "POST", path: "/api/incidents", ids: []idPlace{
					{name: "check_id", text: `{"severity":"minor","type":"timeout","error_message":"x","check_id":"%s"}`, refused: true},
				}},
				{method: "GET", path: "/api/incidents", list: true, wideQueries: []string{"?limit=100", "?limit=100&sort_by=severity&sort_order=asc"}, ids: []idPlace{
					{name: "check_id", query: "?check_id=%s"},
				}},
				{method: "GET", path: "/api/incidents/{id}"},
				{method: "PUT", path: "/api/incidents/{id}", bodyOf: `{"severity":"minor"}`},
				{method: "PUT", path: "/api/incidents/{id}/status", bodyOf: `{"status":"resolved"}`},
				{method: "POST", path: "/api/incidents/{id}/acknowledge"},
				{method: "GET", path: "/api/incidents/{id}/updates"},
				{method: "POST", path: "/api/incidents/{id}/updates", bodyOf: `{"message":"taken over"}`},
			},
		},
	}
}

// Leads are given on an incident that is mine, which no table of ids can name.
func TestForeignLeadsAreUnknownLeads(t *testing.T) {
	t.Parallel()
	for _, engine := range harness.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, engine)
			soda, uptime := doors()[0], doors()[1]
			for _, c := range []struct {
				door               door
				method, path, body string
			}{
				{uptime, "PUT", "/api/incidents/" + h.mine.Incident.String() + "/status", `{"status":"resolved","assignee_id":"%s"}`},
				{soda, "POST", "/api/v1/incidents", `{"title":"x","description":"x","severity":"minor","monitorResultIds":["` + h.mine.Check.String() + `"],"leadId":"%s"}`},
				{soda, "POST", "/api/v1/incidents", `{"title":"x","description":"x","severity":"minor","monitorResultIds":["` + h.mine.Check.String() + `","%s"]}`},
			} {
				before := h.lengths(t)
				for kind, id := range h.foreign {
					k := h.key(c.door)
					before[0]++ // the key's own entry
					want := h.ask(t, c.door, k, c.method, c.path, strings.ReplaceAll(c.body, "%s", unknown))
					got := h.ask(t, c.door, k, c.method, c.path, strings.ReplaceAll(c.body, "%s", id.String()))
					h.same(t, c.path+" with another organisation's "+kind, before, got, want)
					if got.status != http.StatusBadRequest {
						t.Errorf("%s with another organisation's %s is answered with %d, should be 400", c.path, kind, got.status)
					}
				}
			}
		})
	}
}

// The table is complete when it has every path that the dialects' source names,
// and for each the very methods that the program allows there.
func TestTheTableIsComplete(t *testing.T) {
	t.Parallel()
	table := map[string][]string{}
	for _, d := range doors() {
		for _, r := range d.routes {
			table[r.path] = append(table[r.path], r.method)
			if r.method == http.MethodGet {
				table[r.path] = append(table[r.path], http.MethodHead)
			}
		}
	}
	for _, path := range patterns(t) {
		if table[path] == nil {
			t.Errorf("the dialects' source names the path %s, which the table lacks: add its route", path)
		}
	}
	h := newHouse(t, harness.Engines()[0])
	for path, methods := range table {
		got := h.allowed(t, strings.NewReplacer("{id}", unknown, "{incidentId}", unknown).Replace(path))
		slices.Sort(methods)
		if !slices.Equal(got, methods) {
			t.Errorf("%s has the methods %v, the table has %v", path, got, methods)
		}
	}
}

// allowed returns the methods of a path, as its 405 lists them.
func (h *house) allowed(t *testing.T, path string) []string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "PROBE", h.server.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	methods := strings.Split(res.Header.Get("Allow"), ", ")
	slices.Sort(methods)
	return methods
}

// patterns returns the paths of routes that the dialects' source names: its
// texts with a slash in front and a segment behind a prefix of the dialect.
func patterns(t *testing.T) []string {
	t.Helper()
	found := map[string]bool{}
	root := os.DirFS("../../internal/dialect")
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return err
		}
		source, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, source, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if text, err := strconv.Unquote(lit.Value); err == nil && strings.HasPrefix(text, "/api/") && text != "/api/v1" {
					found[text] = true
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 {
		t.Fatal("no path was found in the dialects' source; has the folder moved?")
	}
	return slices.Sorted(maps.Keys(found))
}
