package api_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/api"
	"tocsin/internal/api/apitest"
)

// numbersOf returns the numbers of the incidents on a page.
func numbersOf(t *testing.T, r apitest.Reply) []int {
	t.Helper()
	if r.Status != 200 {
		t.Fatalf("%d %s", r.Status, r.Body)
	}
	out := []int{}
	for _, item := range r.JSON(t)["items"].([]any) {
		out = append(out, int(item.(map[string]any)["number"].(float64)))
	}
	return out
}

// several makes incidents 2 to 7.
func several(t *testing.T, f *apitest.Fixture) {
	t.Helper()
	for i, severity := range []string{"minor", "critical", "warning", "critical", "major", "minor"} {
		body := fmt.Sprintf(`{"title":"Number %d","severity":%q,"project_id":%q,"labels":{"n":"%d","kind":"x"}}`, i+2, severity, api.SampleProject, i+2)
		want(t, "create", f.Call(t, apitest.Request{Method: "POST", Path: "/v1/incidents", Body: body}), 201, "")
	}
	two := f.Call(t, apitest.Request{Path: "/v1/incidents?number=2"}).JSON(t)["items"].([]any)[0].(map[string]any)["id"].(string)
	want(t, "resolve", f.Call(t, apitest.Request{Method: patch, Path: "/v1/incidents/" + two, Body: `{"status":"resolved","lead_id":"` + api.SampleUser + `"}`}), 200, "")
}

func TestFilters(t *testing.T) {
	t.Parallel()
	f := apitest.New(t)
	several(t, f)
	created := f.Call(t, apitest.Request{Path: "/v1/incidents?number=4"}).JSON(t)["items"].([]any)[0].(map[string]any)["created_at"].(string)
	for query, numbers := range map[string][]int{
		"":                                   {7, 6, 5, 4, 3, 2, 1},
		"order=asc":                          {1, 2, 3, 4, 5, 6, 7},
		"sort=severity":                      {5, 3, 6, 1, 7, 2, 4},
		"sort=severity&order=asc":            {4, 2, 7, 1, 6, 3, 5},
		"sort=updated_at&limit=2":            {2, 7},
		"sort=created_at":                    {7, 6, 5, 4, 3, 2, 1},
		"severity=critical":                  {5, 3},
		"severity=critical&severity=warning": {5, 4, 3},
		"status=resolved":                    {2},
		"status=open&severity=minor":         {7},
		"label=kind":                         {7, 6, 5, 4, 3, 2},
		"label=n%3D4":                        {4},
		"label=kind&label=n%3D4":             {4},
		"label=kind%3Dy":                     {},
		"number=3":                           {3},
		"text=number":                        {7, 6, 5, 4, 3, 2},
		"text=PAYMENTS":                      {1},
		"lead_id=" + api.SampleUser:          {2},
		"check_id=" + api.SampleCheck:        {1},
		"dataset_id=" + api.SampleDataset:    {1},
		"project_id=" + api.SampleProject:    {7, 6, 5, 4, 3, 2, 1},
		"project_id=" + api.SampleUser:       {},
		"created_after=" + created:           {7, 6, 5, 4},
		"created_before=" + created:          {3, 2, 1},
		"created_after=" + url.QueryEscape(strings.Replace(created, "Z", "+00:00", 1)): {7, 6, 5, 4},
	} {
		if diff := cmp.Diff(numbers, numbersOf(t, f.Call(t, apitest.Request{Path: "/v1/incidents?" + query}))); diff != "" {
			t.Errorf("%s selects (-want +got):\n%s", query, diff)
		}
	}
	for query, status := range map[string]int{
		"limit=0": 422, "limit=101": 422, "limit=-1": 422, "limit=x": 422, "limit=1.0": 422, "limit=+1": 422, "limit=": 422, "limit=null": 422,
		"status=gone": 422, "severity=": 422, "project_id=x": 422, "created_after=today": 422, "number=0": 422, "sort=title": 422, "order=up": 422, "text=": 422,
		"limit=1&limit=2": 400, "state=open": 400, "Status=open": 400, "cursor=x": 400, "cursor=": 200, "a;b": 400, "text=%ff": 400, "text=%00": 422,
	} {
		if got := f.Call(t, apitest.Request{Path: "/v1/incidents?" + query}); got.Status != status {
			t.Errorf("%s: %d %s; want %d", query, got.Status, got.Body, status)
		}
	}
	bad := f.Call(t, apitest.Request{Path: "/v1/incidents?limit=0&status=x&order=y"})
	if diff := cmp.Diff([]string{"limit", "order", "status"}, bad.Places()); diff != "" {
		t.Errorf("bad parameters are told (-want +got):\n%s", diff)
	}
}

func TestPagesJoinUp(t *testing.T) {
	t.Parallel()
	f := apitest.New(t)
	several(t, f)
	for _, query := range []string{"sort=number", "sort=number&order=asc", "sort=severity", "sort=severity&order=asc", "sort=updated_at", "sort=started_at&order=asc", "label=kind"} {
		whole := numbersOf(t, f.Call(t, apitest.Request{Path: "/v1/incidents?" + query}))
		var joined []int
		path := "/v1/incidents?limit=2&" + query
		for pages := 0; path != ""; pages++ {
			if pages > 5 {
				t.Fatalf("%s does not end", query)
			}
			got := f.Call(t, apitest.Request{Path: path})
			joined = append(joined, numbersOf(t, got)...)
			link := got.Header.Get("Link")
			if (link == "") != (got.JSON(t)["next"] == nil) {
				t.Errorf("%s: Link %q beside next %v", query, link, got.JSON(t)["next"])
			}
			if path = ""; link != "" {
				path = strings.TrimSuffix(strings.TrimPrefix(link, "<"+apitest.PublicURL), `>; rel="next"`)
			}
		}
		if diff := cmp.Diff(whole, joined); diff != "" {
			t.Errorf("the pages of %s do not join up (-whole +pages):\n%s", query, diff)
		}
	}
}

// A cursor is good for its organisation, its list and its filters, and for
// nothing else.
func TestCursorsAreBound(t *testing.T) {
	t.Parallel()
	f := apitest.New(t)
	several(t, f)
	cursor := f.Call(t, apitest.Request{Path: "/v1/incidents?limit=2&label=kind"}).JSON(t)["next"].(string)
	get := func(path, token string) apitest.Reply { return f.Call(t, apitest.Request{Path: path, Token: token}) }
	if got := numbersOf(t, get("/v1/incidents?label=kind&limit=3&cursor="+cursor, "")); !cmp.Equal(got, []int{5, 4, 3}) {
		t.Errorf("with another limit: %v; want 5, 4, 3", got)
	}
	for name, got := range map[string]apitest.Reply{
		"other filters":        get("/v1/incidents?limit=2&label=n&cursor="+cursor, ""),
		"another order":        get("/v1/incidents?limit=2&label=kind&order=asc&cursor="+cursor, ""),
		"another list":         get(samplePath+"/comments?label=kind&cursor="+cursor, ""),
		"the history":          get(samplePath+"/history?cursor="+cursor, ""),
		"another organisation": get("/v1/incidents?limit=2&label=kind&cursor="+cursor, f.Stranger(t)),
		"a changed one":        get("/v1/incidents?limit=2&label=kind&cursor=A"+cursor[1:], ""),
		"a shorter one":        get("/v1/incidents?limit=2&label=kind&cursor="+cursor[:len(cursor)-4], ""),
		"another spelling":     get("/v1/incidents?limit=2&label=kind&cursor="+cursor+"=", ""),
	} {
		want(t, name, got, 400, "bad_request")
	}
}
