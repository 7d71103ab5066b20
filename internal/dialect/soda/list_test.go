package soda_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin"

	"github.com/google/go-cmp/cmp"
)

func (f *fixture) list(t testing.TB, k key, query string) reply {
	t.Helper()
	return f.do(t, call{method: "GET", path: "/api/v1/incidents" + query, key: k})
}

// numbers lists the numbers on a page.
func numbers(t testing.TB, r reply) []int64 {
	t.Helper()
	wantStatus(t, r, 200)
	got := []int64{}
	for _, i := range decode[pageBody](t, r.body).Content {
		got = append(got, i.Number)
	}
	return got
}

func TestListPages(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	empty := pageBody{Content: []incidentBody{}, First: true, Last: true, Size: 10}
	if diff := cmp.Diff(empty, decode[pageBody](t, f.list(t, f.admin, "").body)); diff != "" {
		t.Errorf("the list of nothing (-want +got):\n%s", diff)
	}
	for range 25 {
		f.incident(t)
	}
	for query, want := range map[string]struct {
		page  pageBody
		first int64
		count int
	}{
		"":                          {pageBody{First: true, Number: 0, Size: 10, TotalPages: 3}, 1, 10},
		"?page=1":                   {pageBody{Number: 1, Size: 10, TotalPages: 3}, 11, 10},
		"?page=2":                   {pageBody{Last: true, Number: 2, Size: 10, TotalPages: 3}, 21, 5},
		"?page=3":                   {pageBody{Last: true, Number: 3, Size: 10, TotalPages: 3}, 0, 0},
		"?size=25":                  {pageBody{First: true, Last: true, Size: 25, TotalPages: 1}, 1, 25},
		"?size=1000":                {pageBody{First: true, Last: true, Size: 1000, TotalPages: 1}, 1, 25},
		"?size=1&page=24":           {pageBody{Last: true, Number: 24, Size: 1, TotalPages: 25}, 25, 1},
		"?page=2147483647&size=999": {pageBody{Last: true, Number: 2147483647, Size: 999, TotalPages: 1}, 0, 0},
	} {
		t.Run(query, func(t *testing.T) {
			got := decode[pageBody](t, f.list(t, f.admin, query).body)
			var shown []int64
			for _, i := range got.Content {
				shown = append(shown, i.Number)
			}
			if len(shown) != want.count || want.count > 0 && (shown[0] != want.first || !slices.IsSorted(shown)) {
				t.Errorf("the page shows %v, want %d incidents in order of number from %d", shown, want.count, want.first)
			}
			want.page.TotalElements, got.Content = 25, nil
			if diff := cmp.Diff(want.page, got); diff != "" {
				t.Errorf("the envelope (-want +got):\n%s", diff)
			}
		})
	}
}

func TestListFilters(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	lead := f.key(t, f.acme).user
	drafts := [][]func(*tocsin.Draft){
		{withStatus(tocsin.Open), withSeverity(tocsin.Critical)},
		{withStatus(tocsin.Investigating), withSeverity(tocsin.Major)},
		{withStatus(tocsin.Fixing), withSeverity(tocsin.Minor)},
		{withStatus(tocsin.Resolved), withSeverity(tocsin.Warning)},
		{withStatus(tocsin.Closed), withSeverity(tocsin.Major), withCheck(f.customersCheck)},
		{withCheck(f.lakeCheck), func(d *tocsin.Draft) { d.Lead = lead }},
	}
	ids := make([]string, len(drafts)+1)
	for i, changes := range drafts {
		f.clock.advance(time.Hour) // incident n is created n hours after begin
		ids[i+1] = f.incident(t, changes...).String()
	}
	hour := func(n int) string {
		return url.QueryEscape(begin().Add(time.Duration(n) * time.Hour).Format(time.RFC3339))
	}
	zero := tocsin.ID{}.String()
	for query, want := range map[string][]int64{
		"":                                           {1, 2, 3, 4, 5, 6},
		"?status=reported":                           {1, 6},
		"?status=investigating":                      {2},
		"?status=fixing":                             {3},
		"?status=resolved":                           {4, 5},
		"?severity=critical":                         {1},
		"?severity=major":                            {2, 5, 6},
		"?severity=minor":                            {3, 4},
		"?status=resolved&severity=minor":            {4},
		"?status=reported&severity=minor":            {},
		"?datasetId=" + f.customers.String():         {5},
		"?datasetId=" + ids[1]:                       {},
		"?datasetId=" + zero:                         {},
		"?leadId=" + lead.String():                   {6},
		"?leadId=" + f.admin.user.String():           {},
		"?leadId=" + zero:                            {},
		"?incidentIds=" + ids[2]:                     {2},
		"?incidentIds=" + ids[5] + "," + ids[1]:      {1, 5},
		"?incidentIds=" + ids[5] + "%2C%20" + ids[1]: {1, 5},
		"?incidentIds=" + ids[5] + "&incidentIds=" + ids[1] + "," + ids[2]:       {1, 2, 5},
		"?incidentIds=" + strings.ToUpper(ids[3]):                                {3},
		"?incidentIds=" + lead.String():                                          {},
		"?incidentIds=" + zero:                                                   {},
		"?incidentIds=" + ids[2] + "," + zero:                                    {2},
		"?incidentIds=" + ids[1] + "," + ids[2] + "&status=reported":             {1},
		"?incidentIds=" + ids[1] + "&datasetId=" + zero:                          {},
		"?from=" + hour(2):                                                       {2, 3, 4, 5, 6},
		"?to=" + hour(2):                                                         {1},
		"?from=" + hour(2) + "&to=" + hour(4):                                    {2, 3},
		"?from=" + hour(4) + "&to=" + hour(2):                                    {},
		"?from=2026-03-01T16%3A00%3A00.000001%2B02%3A00":                         {3, 4, 5, 6},
		"?from=2026-03-01":                                                       {1, 2, 3, 4, 5, 6},
		"?from=2026-03-02":                                                       {},
		"?to=2026-03-01":                                                         {},
		"?to=2026-03-02":                                                         {1, 2, 3, 4, 5, 6},
		"?from=0001-01-01T00:00:00Z":                                             {1, 2, 3, 4, 5, 6},
		"?to=0001-01-01T00:00:00Z":                                               {},
		"?to=9999-12-31T23:59:59Z":                                               {1, 2, 3, 4, 5, 6},
		"?sort=title&Status=nothing&unknown=1&unknown=2":                         {1, 2, 3, 4, 5, 6},
		"?status=resolved&leadId=" + lead.String() + "&from=" + hour(0):          {},
		"?severity=major&datasetId=" + f.orders.String() + "&page=0&size=1":      {2},
		"?incidentIds=" + strings.Repeat(ids[1]+",", 200) + ids[2] + "&size=200": {1, 2},
	} {
		if diff := cmp.Diff(want, numbers(t, f.list(t, f.admin, query))); diff != "" {
			t.Errorf("%.80s selects other incidents (-want +got):\n%s", query, diff)
		}
	}
}

func TestBadParameterIsRefusedByName(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.incident(t).String()
	for query, names := range map[string][]string{
		"?page=-1":                                 {"page"},
		"?page=+1":                                 {"page"},
		"?page=%2B1":                               {"page"},
		"?page=1.0":                                {"page"},
		"?page=":                                   {"page"},
		"?page":                                    {"page"},
		"?page=x":                                  {"page"},
		"?page=2147483648":                         {"page"},
		"?page=9223372036854775807":                {"page"},
		"?page=18446744073709551617":               {"page"},
		"?size=0":                                  {"size", "1 to 1000"},
		"?size=1001":                               {"size"},
		"?size=-10":                                {"size"},
		"?size=ten":                                {"size"},
		"?status=closed":                           {"status"},
		"?status=open":                             {"status"},
		"?status=Resolved":                         {"status"},
		"?status=":                                 {"status"},
		"?status=reported,fixing":                  {"status"},
		"?severity=warning":                        {"severity"},
		"?severity=critical%20":                    {"severity"},
		"?datasetId=orders":                        {"datasetId"},
		"?datasetId=":                              {"datasetId"},
		"?datasetId=%7B" + id + "%7D":              {"datasetId"},
		"?leadId=ada@example.org":                  {"leadId"},
		"?incidentIds=":                            {"incidentIds"},
		"?incidentIds=" + id + ",":                 {"incidentIds"},
		"?incidentIds=" + id + ",x":                {"incidentIds"},
		"?incidentIds=7":                           {"incidentIds"},
		"?from=yesterday":                          {"from"},
		"?from=":                                   {"from"},
		"?from=2026-3-1":                           {"from"},
		"?from=2026-02-30":                         {"from"},
		"?from=2026-02-30T00:00:00Z":               {"from"},
		"?from=2026-01-01T00:00:00":                {"from"},
		"?from=2026-01-01T24:00:00Z":               {"from"},
		"?from=2026-01-01T00:00:00%2B99:99":        {"from"},
		"?from=2026-01-01T00:00:00,5Z":             {"from"},
		"?from=2026-01-01T0:00:00Z":                {"from"},
		"?from=2026-01-01T00:00:00+02:00":          {"from", "%2B"},
		"?to=2026-01-01%2000:00:00":                {"to"},
		"?to=1767225600":                           {"to"},
		"?page=1&page=1":                           {"page"},
		"?status=reported&status=fixing":           {"status"},
		"?datasetId=" + id + "&datasetId=" + id:    {"datasetId"},
		"?page=x&size=x&status=x&from=x&leadId=x":  {"page", "size", "status", "from", "leadId"},
		"?status=fixing&status=fixing&severity=no": {"status", "severity"},
		"?page=%zz":                                nil,
		"?a=1;b=2":                                 nil,
	} {
		r := f.list(t, f.admin, query)
		if r.status != 400 {
			t.Errorf("%s: got %d, want 400", query, r.status)
			continue
		}
		wantError(t, r, 400, "invalid_request", names...)
	}
}

func TestListShowsOnlyWhatTheCallerMayView(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, check := range []tocsin.ID{f.ordersCheck, f.customersCheck, f.dryCheck, f.lakeCheck} {
		f.incident(t, withCheck(check))
	}
	onlooker := f.viewerRole(t)
	for name, tt := range map[string]struct {
		grants []grant
		want   []int64
	}{
		"admin":        {[]grant{{tocsin.RoleAdmin, tocsin.ScopeOrganisation, tocsin.ID{}}}, []int64{1, 2, 3, 4}},
		"no grant":     {nil, []int64{}},
		"project":      {[]grant{{tocsin.RoleViewer, tocsin.ScopeProject, f.warehouse}}, []int64{1, 2, 3}},
		"dataset":      {[]grant{{tocsin.RoleViewer, tocsin.ScopeDataset, f.customers}}, []int64{2}},
		"onlooker":     {[]grant{{onlooker, tocsin.ScopeDataset, f.orders}}, []int64{1}},
		"two datasets": {[]grant{{onlooker, tocsin.ScopeDataset, f.orders}, {onlooker, tocsin.ScopeDataset, f.customers}}, []int64{1, 2}},
	} {
		r := f.list(t, f.key(t, f.acme, tt.grants...), "")
		if diff := cmp.Diff(tt.want, numbers(t, r)); diff != "" {
			t.Errorf("%s sees other incidents (-want +got):\n%s", name, diff)
		}
		if total := decode[pageBody](t, r.body).TotalElements; total != len(tt.want) {
			t.Errorf("%s: totalElements %d counts what he may not see, want %d", name, total, len(tt.want))
		}
	}
}

func TestListItemIsTheUpdatesReply(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.incident(t, withStatus(tocsin.Closed), withSeverity(tocsin.Warning))
	updated := f.update(t, id, `{"resolutionNotes":"done"}`)
	if list := f.list(t, f.admin, ""); !strings.Contains(list.body, fmt.Sprintf(`"content":[%s]`, updated.body)) {
		t.Errorf("the list has the item as\n%s\nand the update replied\n%s", list.body, updated.body)
	}
}

func TestHeadIsServedLikeGet(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	r := f.do(t, call{method: "HEAD", path: "/api/v1/incidents", key: f.admin})
	if r.status != 200 || r.body != "" {
		t.Errorf("HEAD: got %d %q, want 200 without a body", r.status, r.body)
	}
}

func TestTestLoginNamesTheOrganisation(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	r := f.do(t, call{method: "GET", path: "/api/v1/test-login", key: f.key(t, f.acme)})
	if r.status != 200 || r.body != `{"organisationName":"Acme"}` {
		t.Errorf("got %d %s", r.status, r.body)
	}
}
