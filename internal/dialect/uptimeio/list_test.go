package uptimeio_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin"
	"tocsin/internal/dialect/dialecttest"

	"github.com/google/go-cmp/cmp"
)

func (f *fixture) list(t testing.TB, k dialecttest.Key, query string) dialecttest.Reply {
	t.Helper()
	return f.Do(t, dialecttest.Call{Method: "GET", Path: "/api/incidents" + query, Key: k})
}

// titles lists the titles on a page.
func titles(t testing.TB, r dialecttest.Reply) string {
	t.Helper()
	dialecttest.WantStatus(t, r, 200)
	var got []string
	for _, i := range dialecttest.Decode[envelope[listBody]](t, r.Body).Data.Incidents {
		got = append(got, i.Title)
	}
	return strings.Join(got, " ")
}

func titled(title string) func(*tocsin.Draft) {
	return func(d *tocsin.Draft) { d.Title = title }
}

func TestListPages(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	empty := listBody{Incidents: []incidentBody{}, Pagination: pagination{Page: 1, Limit: 20}}
	if diff := cmp.Diff(empty, dialecttest.Decode[envelope[listBody]](t, f.list(t, f.editor, "").Body).Data); diff != "" {
		t.Errorf("the list of nothing (-want +got):\n%s", diff)
	}
	for _, title := range strings.Split("abcdefghijklmnopqrstuvwxy", "") {
		f.Clock.Advance(time.Second)
		f.Incident(t, titled(title))
	}
	f.Incident(t, titled("of the lake"), dialecttest.WithCheck(f.LakeCheck))
	for query, want := range map[string]struct {
		page   pagination
		titles string
	}{
		"":                             {pagination{Page: 1, Limit: 20, TotalPages: 2}, "y x w v u t s r q p o n m l k j i h g f"},
		"?page=1&limit=20":             {pagination{Page: 1, Limit: 20, TotalPages: 2}, "y x w v u t s r q p o n m l k j i h g f"},
		"?page=2":                      {pagination{Page: 2, Limit: 20, TotalPages: 2}, "e d c b a"},
		"?page=3":                      {pagination{Page: 3, Limit: 20, TotalPages: 2}, ""},
		"?limit=1":                     {pagination{Page: 1, Limit: 1, TotalPages: 25}, "y"},
		"?limit=1&page=25":             {pagination{Page: 25, Limit: 1, TotalPages: 25}, "a"},
		"?limit=5&page=5":              {pagination{Page: 5, Limit: 5, TotalPages: 5}, "e d c b a"},
		"?limit=100":                   {pagination{Page: 1, Limit: 100, TotalPages: 1}, "y x w v u t s r q p o n m l k j i h g f e d c b a"},
		"?limit=3&sort_order=asc":      {pagination{Page: 1, Limit: 3, TotalPages: 9}, "a b c"},
		"?page=2147483647&limit=100":   {pagination{Page: 2147483647, Limit: 100, TotalPages: 1}, ""},
		"?limit=2&offset=7&cursor=abc": {pagination{Page: 1, Limit: 2, TotalPages: 13}, "y x"},
	} {
		t.Run(query, func(t *testing.T) {
			r := f.list(t, f.editor, query)
			if got := titles(t, r); got != want.titles {
				t.Errorf("the page shows %q, want %q", got, want.titles)
			}
			want.page.Total = 25
			if diff := cmp.Diff(want.page, dialecttest.Decode[envelope[listBody]](t, r.Body).Data.Pagination); diff != "" {
				t.Errorf("the pagination (-want +got):\n%s", diff)
			}
		})
	}
}

func TestListFilters(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for title, changes := range map[string][]func(*tocsin.Draft){
		"a": {dialecttest.WithStatus(tocsin.Open), dialecttest.WithSeverity(tocsin.Critical)},
		"b": {dialecttest.WithStatus(tocsin.Investigating), dialecttest.WithSeverity(tocsin.Major)},
		"c": {dialecttest.WithStatus(tocsin.Fixing), dialecttest.WithSeverity(tocsin.Minor), dialecttest.WithCheck(f.CustomersCheck)},
		"d": {dialecttest.WithStatus(tocsin.Resolved), dialecttest.WithSeverity(tocsin.Warning)},
		"e": {dialecttest.WithStatus(tocsin.Closed), dialecttest.WithSeverity(tocsin.Major), dialecttest.WithCheck(f.CustomersCheck)},
		"x": {dialecttest.WithCheck(f.LakeCheck)},
	} {
		f.Incident(t, append(changes, titled(title))...)
	}
	for query, want := range map[string]string{
		"":                                       "abcde",
		"?status=open":                           "a",
		"?status=acknowledged":                   "bc",
		"?status=resolved":                       "d",
		"?status=closed":                         "e",
		"?severity=critical":                     "a",
		"?severity=major":                        "be",
		"?severity=minor":                        "c",
		"?severity=warning":                      "d",
		"?status=acknowledged&severity=minor":    "c",
		"?status=open&severity=minor":            "",
		"?check_id=" + f.CustomersCheck.String(): "ce",
		"?check_id=" + strings.ToUpper(f.CustomersCheck.String()) + "&status=closed": "e",
		"?check_id=" + f.LakeCheck.String():                                          "",
		"?check_id=" + dialecttest.UnknownID:                                         "",
		"?check_id=" + tocsin.ID{}.String():                                          "",
		"?Status=open&unknown=1&unknown=2&project_id=" + f.Lake.String():             "abcde",
	} {
		r := f.list(t, f.editor, query)
		if got := strings.ReplaceAll(inOrder(titles(t, r)), " ", ""); got != want {
			t.Errorf("%s selects %s, want %s", query, got, want)
		}
		if total := dialecttest.Decode[envelope[listBody]](t, r.Body).Data.Pagination.Total; total != len(want) {
			t.Errorf("%s counts %d, want %d", query, total, len(want))
		}
	}
}

func TestListOrders(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	begin := f.Clock.Now()
	started := func(d time.Duration) func(*tocsin.Draft) {
		return func(i *tocsin.Draft) { i.StartedAt = begin.Add(d) }
	}
	add := func(title string, changes ...func(*tocsin.Draft)) tocsin.ID {
		f.Clock.Advance(time.Minute)
		return f.Incident(t, append(changes, titled(title))...)
	}
	a := add("a", dialecttest.WithSeverity(tocsin.Minor), started(-time.Hour))
	b := add("b", dialecttest.WithSeverity(tocsin.Critical), started(-3*time.Hour))
	add("c", dialecttest.WithSeverity(tocsin.Warning), started(-2*time.Hour), dialecttest.WithStatus(tocsin.Fixing))
	add("d", dialecttest.WithSeverity(tocsin.Major), started(-4*time.Hour))
	f.setStatus(t, b, `{"status":"resolved"}`)
	f.setStatus(t, a, `{"status":"resolved"}`)
	for by, asc := range map[string]string{
		"":           "a b c d",
		"created_at": "a b c d",
		"updated_at": "c d b a",
		"started_at": "d b c a",
		"severity":   "c a d b",
		"status":     "d c a b",
	} {
		for order, want := range map[string]string{"asc": asc, "desc": reversed(asc), "": reversed(asc)} {
			q := url.Values{}
			if by != "" {
				q.Set("sort_by", by)
			}
			if order != "" {
				q.Set("sort_order", order)
			}
			got := titles(t, f.list(t, f.editor, "?"+q.Encode()))
			if got != want {
				t.Errorf("sort_by %q, sort_order %q: the order is %s, want %s", by, order, got, want)
			}
		}
	}
	if got := titles(t, f.list(t, f.editor, "?sort_by=resolved_at&status=resolved")); got != "a b" {
		t.Errorf("the last resolved first: %s, want a b", got)
	}
}

func TestBadParameterIsRefusedByName(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.Incident(t)
	for query, names := range map[string][]string{
		"?page=0":                     {"page"},
		"?page=-1":                    {"page"},
		"?page=%2B1":                  {"page"},
		"?page=1.0":                   {"page"},
		"?page=":                      {"page"},
		"?page":                       {"page"},
		"?page=x":                     {"page"},
		"?page=2147483648":            {"page"},
		"?page=18446744073709551617":  {"page"},
		"?limit=0":                    {"limit"},
		"?limit=101":                  {"limit"},
		"?limit=-1":                   {"limit"},
		"?limit=ten":                  {"limit"},
		"?status=reported":            {"status"},
		"?status=investigating":       {"status"},
		"?status=Open":                {"status"},
		"?status=":                    {"status"},
		"?status=open,closed":         {"status"},
		"?severity=Major":             {"severity"},
		"?severity=":                  {"severity"},
		"?check_id=orders":            {"check_id"},
		"?check_id=":                  {"check_id"},
		"?check_id=%7B" + id.String(): {"check_id"},
		"?sort_by=title":              {"sort_by"},
		"?sort_by=":                   {"sort_by"},
		"?sort_by=id;drop":            {"query"},
		"?sort_by=number":             {"sort_by"},
		"?sort_order=ASC":             {"sort_order"},
		"?sort_order=":                {"sort_order"},
		"?page=1&page=1":              {"page"},
		"?status=open&status=closed":  {"status"},
		"?check_id=x&check_id=x":      {"check_id"},
		"?page=0&limit=0&status=x&severity=x&check_id=x&sort_by=x&sort_order=x": {"page", "limit", "status", "severity", "check_id", "sort_by", "sort_order"},
		"?page=%zz": {"query"},
		"?a=1;b=2":  {"query"},
	} {
		r := f.list(t, f.editor, query)
		if r.Status != 400 {
			t.Errorf("%s: got %d, want 400", query, r.Status)
			continue
		}
		wantError(t, r, 400, names...)
	}
	for query, name := range map[string]string{"?limit=0": "limit", "?limit=x": "limit", "?limit=": "limit", "?limit=1&limit=2": "limit", "?%zz": "query"} {
		r := f.Do(t, dialecttest.Call{Method: "GET", Path: incidentPath(id, "updates") + query, Key: f.editor})
		wantError(t, r, 400, name)
	}
}

func TestListShowsOnlyWhatTheCallerMayView(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for title, check := range map[string]tocsin.ID{"orders": f.OrdersCheck, "customers": f.CustomersCheck, "dry": f.DryCheck, "lake": f.LakeCheck} {
		f.Incident(t, titled(title), dialecttest.WithCheck(check))
	}
	onlooker := f.Onlooker(t)
	everywhere := dialecttest.Granted(tocsin.RoleAdmin, tocsin.ScopeOrganisation, tocsin.ID{})
	for name, tt := range map[string]struct {
		key  dialecttest.Key
		want string
	}{
		"admin in one project": {f.keyFor(t, f.Warehouse, everywhere), "customers dry orders"},
		"admin in the other":   {f.keyFor(t, f.Lake, everywhere), "lake"},
		"no grant":             {f.keyFor(t, f.Warehouse), ""},
		"other project":        {f.keyFor(t, f.Warehouse, dialecttest.Granted(tocsin.RoleViewer, tocsin.ScopeProject, f.Lake)), ""},
		"dataset":              {f.keyFor(t, f.Warehouse, dialecttest.Granted(onlooker, tocsin.ScopeDataset, f.Orders)), "orders"},
		"stranger":             {f.stranger(t), ""},
	} {
		r := f.list(t, tt.key, "?sort_by=severity")
		if got := inOrder(titles(t, r)); got != tt.want {
			t.Errorf("%s sees %q, want %q", name, got, tt.want)
		}
		if total := dialecttest.Decode[envelope[listBody]](t, r.Body).Data.Pagination.Total; total != len(strings.Fields(tt.want)) {
			t.Errorf("%s: the total of %d does not count %q", name, total, tt.want)
		}
	}
}

func TestListItemIsWhatGetShows(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.Incident(t, inTwoRegions, dialecttest.WithStatus(tocsin.Closed))
	one := dialecttest.Decode[envelope[incidentData]](t, f.get(t, id).Body).Data.Incident
	all := dialecttest.Decode[envelope[listBody]](t, f.list(t, f.editor, "").Body).Data.Incidents
	if diff := cmp.Diff([]incidentBody{one}, all); diff != "" {
		t.Errorf("the list has another form (-get +list):\n%s", diff)
	}
}

func TestHeadIsServedLikeGet(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.Incident(t)
	for path, status := range map[string]int{
		"/api/incidents": 200, incidentPath(id): 200, incidentPath(id, "updates"): 200, "/api/incidents/" + dialecttest.UnknownID: 404,
	} {
		if r := f.Do(t, dialecttest.Call{Method: "HEAD", Path: path, Key: f.editor}); r.Status != status || r.Body != "" {
			t.Errorf("HEAD %s: got %d %q, want %d without a body", path, r.Status, r.Body, status)
		}
	}
}

// inOrder sorts words.
func inOrder(words string) string {
	list := strings.Fields(words)
	slices.Sort(list)
	return strings.Join(list, " ")
}

func reversed(words string) string {
	list := strings.Fields(words)
	slices.Reverse(list)
	return strings.Join(list, " ")
}
