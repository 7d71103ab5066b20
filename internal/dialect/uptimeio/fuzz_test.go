package uptimeio_test

import (
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"testing"
	"unicode/utf8"

	"tocsin"
	"tocsin/internal/dialect/dialecttest"

	"github.com/google/go-cmp/cmp"
)

func FuzzUpdateBody(f *testing.F) {
	for _, seed := range []string{
		`{}`, `null`, `{"severity":"critical"}`, `{"severity":null}`, `{"severity":"Critical"}`, `{"error_message":""}`, `{"error_message":"\ud83d\ude00"}`,
		`{"affected_regions":[]}`, `{"affected_regions":["eu","us"]}`, `{"affected_regions":[null]}`, `{"affected_regions":[["a"]]}`,
		`{"severity":"minor","error_message":"E","affected_regions":["ap"],"status":"closed","x":[1,{"y":"z"}]}`, `{"Severity":"minor"}`,
		`{"severity":"minor","severity":"major"}`, `{"error_message":"\ud800"}`, "{\"error_message\":\"\xff\"}", notUpdatable + `}`,
	} {
		f.Add([]byte(seed))
	}
	fix := newFixture(f)
	id := fix.Incident(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		before := fix.State(t, id)
		got := fix.Serve(t, dialecttest.Call{Method: "PUT", Path: incidentPath(id), Body: string(body), Key: fix.editor})
		after := fix.State(t, id)
		switch got.Status {
		case 200:
			want := expected(t, before.Incident, body)
			if diff := cmp.Diff(want, dialecttest.Fields(&after.Incident), equateEmpty()); diff != "" {
				t.Errorf("body %q made (-want +got):\n%s", body, diff)
			}
			if changed := after.Log != before.Log; changed != !cmp.Equal(want, dialecttest.Fields(&before.Incident), equateEmpty()) {
				t.Errorf("body %q left %d log entries", body, after.Log-before.Log)
			}
		case 400:
			dialecttest.Unchanged(t, before, after)
		default:
			t.Errorf("body %q: got %d %s, want 200 or 400", body, got.Status, got.Body)
		}
	})
}

// expected is what a body, as another JSON reader understands it, makes of an
// incident: the three documented members, and nothing else.
func expected(t *testing.T, i tocsin.Incident, body []byte) map[string]any {
	t.Helper()
	var members map[string]any
	if err := json.Unmarshal(body, &members); err != nil || !utf8.Valid(body) {
		t.Fatalf("body %q was accepted and is not JSON: %v", body, err)
	}
	fields := dialecttest.Fields(&i)
	for _, name := range []string{"severity", "error_message"} {
		if v, there := members[name]; there {
			fields[name] = v
		}
	}
	if v, there := members["affected_regions"]; there {
		regions := []string{}
		for _, r := range v.([]any) {
			regions = append(regions, r.(string))
		}
		fields["affected_regions"] = regions
	}
	return fields
}

func FuzzListQuery(f *testing.F) {
	for _, seed := range []string{
		"", "page=1", "page=2&limit=2", "page=0", "limit=101", "page=2147483647&limit=100", "status=open", "status=acknowledged&severity=major", "status=Open",
		"check_id=" + dialecttest.UnknownID, "check_id=" + tocsin.ID{}.String(), "sort_by=severity&sort_order=asc", "sort_by=resolved_at", "sort_order=up",
		"page=1&page=1", "a=1;b=2", "page=%zz", "x=%00&%ff=1", "limit=+1", "limit=%2B1", "unknown=1", "&&=&", "severity=critical' OR 1=1--",
	} {
		f.Add(seed)
	}
	fix := newFixture(f)
	for _, s := range tocsin.Statuses() {
		fix.Incident(f, dialecttest.WithStatus(s))
	}
	fix.Incident(f, dialecttest.WithCheck(fix.LakeCheck))
	f.Fuzz(func(t *testing.T, query string) {
		got := fix.Serve(t, dialecttest.Call{Method: "GET", Path: "/api/incidents?" + query, Key: fix.editor})
		want, values := 200, url.Values{}
		if v, err := url.ParseQuery(query); err != nil || !goodQuery(v) {
			want = 400
		} else {
			values = v
		}
		if got.Status != want {
			t.Fatalf("%q: got %d %s, want %d", query, got.Status, got.Body, want)
		}
		if want == 400 {
			return
		}
		list := dialecttest.Decode[envelope[listBody]](t, got.Body).Data
		for _, i := range list.Incidents {
			if s := values.Get("status"); s != "" && i.Status != s {
				t.Errorf("%q shows an incident that is %s", query, i.Status)
			}
			if s := values.Get("severity"); s != "" && i.Severity != s {
				t.Errorf("%q shows an incident of severity %s", query, i.Severity)
			}
		}
		if len(list.Incidents) > list.Pagination.Limit || list.Pagination.Total > 5 {
			t.Errorf("%q shows %d of %d incidents", query, len(list.Incidents), list.Pagination.Total)
		}
	})
}

// goodQuery says, apart from the dialect, whether a list's parameters are good.
func goodQuery(v url.Values) bool {
	whole := func(most int) func(string) bool {
		return func(s string) bool {
			n, err := strconv.Atoi(s)
			return err == nil && n >= 1 && n <= most && s[0] != '+'
		}
	}
	oneOf := func(words ...string) func(string) bool {
		return func(s string) bool { return slices.Contains(words, s) }
	}
	for name, good := range map[string]func(string) bool{
		"page": whole(1<<31 - 1), "limit": whole(100),
		"status":     oneOf("open", "acknowledged", "resolved", "closed"),
		"severity":   oneOf("critical", "major", "minor", "warning"),
		"check_id":   func(s string) bool { _, ok := tocsin.ParseID(s); return ok },
		"sort_by":    oneOf("created_at", "updated_at", "started_at", "resolved_at", "severity", "status"),
		"sort_order": oneOf("asc", "desc"),
	} {
		if values := v[name]; len(values) > 1 || len(values) == 1 && !good(values[0]) {
			return false
		}
	}
	return true
}
