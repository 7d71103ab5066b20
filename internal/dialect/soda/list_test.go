package soda_test

import (
	"fmt"
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
	return f.Do(t, dialecttest.Call{Method: "GET", Path: "/api/v1/incidents" + query, Key: k})
}

// numbers lists the numbers on a page.
func numbers(t testing.TB, r dialecttest.Reply) []int64 {
	t.Helper()
	dialecttest.WantStatus(t, r, 200)
	got := []int64{}
	for _, i := range dialecttest.Decode[pageBody](t, r.Body).Content {
		got = append(got, i.Number)
	}
	return got
}

func TestListPages(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	empty := pageBody{Content: []incidentBody{}, First: true, Last: true, Size: 10}
	if diff := cmp.Diff(empty, dialecttest.Decode[pageBody](t, f.list(t, f.Admin, "").Body)); diff != "" {
		t.Errorf("the list of nothing (-want +got):\n%s", diff)
	}
	for range 25 {
		f.Incident(t)
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
			got := dialecttest.Decode[pageBody](t, f.list(t, f.Admin, query).Body)
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
	lead := f.Key(t, f.Acme).User
	drafts := [][]func(*tocsin.Draft){
		{dialecttest.WithStatus(tocsin.Open), dialecttest.WithSeverity(tocsin.Critical)},
		{dialecttest.WithStatus(tocsin.Investigating), dialecttest.WithSeverity(tocsin.Major)},
		{dialecttest.WithStatus(tocsin.Fixing), dialecttest.WithSeverity(tocsin.Minor)},
		{dialecttest.WithStatus(tocsin.Resolved), dialecttest.WithSeverity(tocsin.Warning)},
		{dialecttest.WithStatus(tocsin.Closed), dialecttest.WithSeverity(tocsin.Major), dialecttest.WithCheck(f.CustomersCheck)},
		{dialecttest.WithCheck(f.LakeCheck), func(d *tocsin.Draft) { d.Lead = lead }},
	}
	ids := make([]string, len(drafts)+1)
	for i, changes := range drafts {
		f.Clock.Advance(time.Hour) // incident n is created n hours after begin
		ids[i+1] = f.Incident(t, changes...).String()
	}
	hour := func(n int) string {
		return url.QueryEscape(dialecttest.Begin().Add(time.Duration(n) * time.Hour).Format(time.RFC3339))
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
		"?datasetId=" + f.Customers.String():         {5},
		"?datasetId=" + ids[1]:                       {},
		"?datasetId=" + zero:                         {},
		"?leadId=" + lead.String():                   {6},
		"?leadId=" + f.Admin.User.String():           {},
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
		"?severity=major&datasetId=" + f.Orders.String() + "&page=0&size=1":      {2},
		"?incidentIds=" + strings.Repeat(ids[1]+",", 200) + ids[2] + "&size=200": {1, 2},
	} {
		if diff := cmp.Diff(want, numbers(t, f.list(t, f.Admin, query))); diff != "" {
			t.Errorf("%.80s selects other incidents (-want +got):\n%s", query, diff)
		}
	}
}

func TestBadParameterIsRefusedByName(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.Incident(t).String()
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
		r := f.list(t, f.Admin, query)
		if r.Status != 400 {
			t.Errorf("%s: got %d, want 400", query, r.Status)
			continue
		}
		wantError(t, r, 400, "invalid_request", names...)
	}
}

func TestListShowsOnlyWhatTheCallerMayView(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, check := range []tocsin.ID{f.OrdersCheck, f.CustomersCheck, f.DryCheck, f.LakeCheck} {
		f.Incident(t, dialecttest.WithCheck(check))
	}
	onlooker := f.Onlooker(t)
	for name, tt := range map[string]struct {
		grants []dialecttest.Grant
		want   []int64
	}{
		"admin":        {[]dialecttest.Grant{dialecttest.Granted(tocsin.RoleAdmin, tocsin.ScopeOrganisation, tocsin.ID{})}, []int64{1, 2, 3, 4}},
		"no grant":     {nil, []int64{}},
		"project":      {[]dialecttest.Grant{dialecttest.Granted(tocsin.RoleViewer, tocsin.ScopeProject, f.Warehouse)}, []int64{1, 2, 3}},
		"dataset":      {[]dialecttest.Grant{dialecttest.Granted(tocsin.RoleViewer, tocsin.ScopeDataset, f.Customers)}, []int64{2}},
		"onlooker":     {[]dialecttest.Grant{dialecttest.Granted(onlooker, tocsin.ScopeDataset, f.Orders)}, []int64{1}},
		"two datasets": {[]dialecttest.Grant{dialecttest.Granted(onlooker, tocsin.ScopeDataset, f.Orders), dialecttest.Granted(onlooker, tocsin.ScopeDataset, f.Customers)}, []int64{1, 2}},
	} {
		r := f.list(t, f.Key(t, f.Acme, tt.grants...), "")
		if diff := cmp.Diff(tt.want, numbers(t, r)); diff != "" {
			t.Errorf("%s sees other incidents (-want +got):\n%s", name, diff)
		}
		if total := dialecttest.Decode[pageBody](t, r.Body).TotalElements; total != len(tt.want) {
			t.Errorf("%s: totalElements %d counts what he may not see, want %d", name, total, len(tt.want))
		}
	}
}

func TestListItemIsTheUpdatesReply(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.Incident(t, dialecttest.WithStatus(tocsin.Closed), dialecttest.WithSeverity(tocsin.Warning))
	updated := f.update(t, id, `{"resolutionNotes":"done"}`)
	if list := f.list(t, f.Admin, ""); !strings.Contains(list.Body, fmt.Sprintf(`"content":[%s]`, updated.Body)) {
		t.Errorf("the list has the item as\n%s\nand the update replied\n%s", list.Body, updated.Body)
	}
}

func TestHeadIsServedLikeGet(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	r := f.Do(t, dialecttest.Call{Method: "HEAD", Path: "/api/v1/incidents", Key: f.Admin})
	if r.Status != 200 || r.Body != "" {
		t.Errorf("HEAD: got %d %q, want 200 without a body", r.Status, r.Body)
	}
}

func TestTestLoginNamesTheOrganisation(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	r := f.Do(t, dialecttest.Call{Method: "GET", Path: "/api/v1/test-login", Key: f.Key(t, f.Acme)})
	if r.Status != 200 || r.Body != `{"organisationName":"Acme"}` {
		t.Errorf("got %d %s", r.Status, r.Body)
	}
}
