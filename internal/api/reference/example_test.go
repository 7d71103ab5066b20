package reference_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin"
	"tocsin/internal/api"
	"tocsin/internal/api/apitest"
)

// TestOperationsShowTheirExamples runs every example of an operation as its page
// shows it, and holds the answer shown to the one that the API's own test recorded.
func TestOperationsShowTheirExamples(t *testing.T) {
	t.Parallel()
	r := newReader(t)
	shown := map[string][]sample{}
	for _, path := range r.pages(t) {
		for _, s := range r.samples(t, path) {
			shown[s.section] = append(shown[s.section], s)
		}
	}
	reading := apitest.New(t)
	for _, op := range api.Operations() {
		if len(shown[op.ID]) != len(op.Examples) {
			t.Errorf("%s shows %d examples; want its %d", op.ID, len(shown[op.ID]), len(op.Examples))
			continue
		}
		for i, s := range shown[op.ID] {
			t.Run(fmt.Sprintf("%s-%d", op.ID, i+1), func(t *testing.T) {
				t.Parallel()
				f := reading
				if op.Writes() {
					f = apitest.New(t)
				}
				q := requestOf(t, s.command, f.Token)
				if q.Method == "" {
					q.Method = http.MethodGet
				}
				if q.Method != op.Method || q.Path != op.Examples[i].Path {
					t.Errorf("the page shows %s %s; want %s %s", q.Method, q.Path, op.Method, op.Examples[i].Path)
				}
				if got := f.Call(t, q); got.Status != s.status {
					t.Errorf("%s\nanswers %d %s; the page shows %d", s.command, got.Status, got.Body, s.status)
				}
				if op.Media != "" {
					return
				}
				want, err := api.AnswerTo(op, i)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(parsed(t, string(want.Body)), parsed(t, s.answer)); diff != "" {
					t.Errorf("the page shows another answer than was recorded (-recorded +shown):\n%s", diff)
				}
			})
		}
	}
}

func parsed(t testing.TB, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}

// TestTheGuideTellsTheTruth runs the requests of each section of the guide and of
// the errors, one after the other, on a server of its own. What the page shows
// of an answer must be in it; the page may leave things out.
func TestTheGuideTellsTheTruth(t *testing.T) {
	t.Parallel()
	r := newReader(t)
	for _, path := range []string{"/docs/api", "/docs/errors"} {
		sections := map[string][]sample{}
		for _, s := range r.samples(t, path) {
			sections[s.section] = append(sections[s.section], s)
		}
		for name, all := range sections {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				if all[0].status == 0 {
					return // an object, shown for itself
				}
				if all[0].command == "" {
					compare(t, all[0], provoke(t, tocsin.Code(name)))
					return
				}
				f := apitest.New(t)
				for _, s := range all {
					compare(t, s, f.Call(t, requestOf(t, s.command, f.Token)))
				}
			})
		}
	}
}

// compare holds what is shown of an answer to the answer.
func compare(t *testing.T, s sample, got apitest.Reply) {
	t.Helper()
	if got.Status != s.status {
		t.Errorf("%s\nanswers %d %s; the page shows %d", s.command, got.Status, got.Body, s.status)
		return
	}
	if strings.HasPrefix(s.answer, "{") {
		if bad := missing(parsed(t, s.answer), parsed(t, string(got.Body)), ""); bad != "" {
			t.Errorf("%s\nthe answer is not as shown: %s\n%s", s.command, bad, got.Body)
		}
		return
	}
	for line := range strings.Lines(s.answer) {
		name, want, _ := strings.Cut(strings.TrimSpace(line), ": ")
		hash := regexp.MustCompile(`^[0-9a-f]{64}$`)
		if have := got.Header.Get(name); have != want && (!hash.MatchString(have) || !hash.MatchString(want)) {
			t.Errorf("%s\nanswers %s: %q; the page shows %q", s.command, name, have, want)
		}
	}
}

// missing says what is shown and is not there: members may be left out, items of
// a list may not.
func missing(shown, there any, at string) string {
	switch shown := shown.(type) {
	case map[string]any:
		object, _ := there.(map[string]any)
		for name, v := range shown {
			if bad := missing(v, object[name], at+"/"+name); bad != "" {
				return bad
			}
		}
		return ""
	case []any:
		list, _ := there.([]any)
		if len(list) != len(shown) {
			return fmt.Sprintf("%s has %d items, not %d", at, len(list), len(shown))
		}
		for i, v := range shown {
			if bad := missing(v, list[i], fmt.Sprintf("%s/%d", at, i)); bad != "" {
				return bad
			}
		}
		return ""
	}
	if shown != there {
		return fmt.Sprintf("%s is %v, not %v", at, there, shown)
	}
	return ""
}

// A failing API can neither read nor open an incident.
type failing struct {
	api.Incidents
	code tocsin.Code
}

func (f failing) Create(context.Context, tocsin.Actor, tocsin.Draft) (*tocsin.Incident, error) {
	return nil, &tocsin.Error{Code: f.code, Message: "it is so"}
}

func (f failing) View(context.Context, tocsin.Actor, tocsin.ID) (*tocsin.Incident, error) {
	return nil, &tocsin.Error{Code: f.code, Message: "it is so"}
}

// provoke gets an error that no single request on the sample organisation meets.
func provoke(t *testing.T, code tocsin.Code) apitest.Reply {
	t.Helper()
	incident := apitest.Request{Path: "/v1/incidents/" + api.SampleIncident}
	change := apitest.Request{Method: http.MethodPatch, Path: incident.Path, Body: `{"severity":"critical"}`}
	switch code {
	case tocsin.Forbidden:
		f := apitest.New(t)
		change.Token = f.Holder(t, "bo", tocsin.RoleAdmin, tocsin.ScopeOrganisation, tocsin.ID{}, tocsin.KeyDraft{Permissions: tocsin.ViewIncidents})
		return f.Call(t, change)
	case "too_large":
		change.Body = `{"title":"` + string(bytes.Repeat([]byte("x"), 65<<10)) + `"}`
		return apitest.New(t).Call(t, change)
	case tocsin.PreconditionRequired:
		f := apitest.New(t)
		f.Call(t, apitest.Request{Method: http.MethodPatch, Path: "/v1/organisation", Body: `{"require_if_match":true}`})
		return f.Call(t, change)
	case tocsin.RateLimited:
		f := apitest.New(t, func(d *api.Deps) { d.RateLimit = 1 })
		f.Call(t, incident)
		return f.Call(t, incident)
	case tocsin.Exhausted:
		open := apitest.Request{Method: http.MethodPost, Path: "/v1/incidents", Body: `{"title":"One too many","severity":"minor","project_id":"` + api.SampleProject + `"}`}
		return apitest.New(t, func(d *api.Deps) { d.Incidents = failing{d.Incidents, code} }).Call(t, open)
	case tocsin.Busy, tocsin.Unknown, tocsin.Internal:
		return apitest.New(t, func(d *api.Deps) { d.Incidents = failing{d.Incidents, code} }).Call(t, incident)
	default:
		t.Fatalf("the error %s is shown without a request that meets it: show one, or say here how to meet it", code)
		return apitest.Reply{}
	}
}
