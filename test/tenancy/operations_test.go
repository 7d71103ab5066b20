package tenancy_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tocsin"
	"tocsin/internal/api"
	"tocsin/test/harness"
)

// native is the door of the native API. Its routes come from api.Operations.
func native() door {
	return door{name: "api", sign: func(r *http.Request, k harness.Key) { r.Header.Set("Authorization", "Bearer "+k.Token) }}
}

// An operation is one of the native API, with good requests of my tenant: its
// own examples, with my ids in the place of the sample's.
type operation struct {
	api.Operation
	requests []request
	// ids are where else an id can stand: pointers into the body, and parameters
	// of the query.
	bodyIDs, queryIDs []string
}

// A request is what an operation is asked.
type request struct{ path, query, body string }

// target is the request's path and query.
func (r request) target() string {
	if r.query == "" {
		return r.path
	}
	return r.path + "?" + r.query
}

// with is the request with a parameter more.
func (r request) with(parameter, value string) request {
	if r.query += "&" + parameter + "=" + url.QueryEscape(value); r.query[0] == '&' {
		r.query = r.query[1:]
	}
	return r
}

// tried is the request such that it changes nothing where it would.
func (o operation) tried(r request) request {
	if o.Writes() {
		return r.with("dry_run", "true")
	}
	return r
}

// operations lists all operations with my tenant's requests.
func (h *house) operations(t *testing.T) []operation {
	t.Helper()
	document := readDocument(t)
	var all []operation
	for _, op := range api.Operations() {
		if !op.Authority.Declared() {
			t.Errorf("%s has no Authority: declare who may call it", op.ID)
		}
		o := operation{Operation: op}
		for _, x := range op.Examples {
			path, query, _ := strings.Cut(h.fill(t, x.Path), "?")
			values, err := url.ParseQuery(query)
			if err != nil {
				t.Errorf("%s: the query of the example %q: %v", op.ID, x.Summary, err)
			}
			values.Del("dry_run")
			if at := slices.Index(strings.Split(op.Path, "/"), "{seq}"); at >= 0 {
				segments := strings.Split(path, "/")
				segments[at] = strconv.FormatInt(h.things.Entry, 10)
				path = strings.Join(segments, "/")
			}
			o.requests = append(o.requests, request{path, values.Encode(), h.fill(t, x.Body)})
		}
		if len(o.requests) == 0 {
			t.Errorf("%s has no example, from which its requests are made: add one", op.ID)
			continue
		}
		o.bodyIDs, o.queryIDs = document.ids(t, op)
		all = append(all, o)
	}
	if len(all) == 0 {
		t.Fatal("the API has no operations")
	}
	return all
}

// fill puts my ids in the place of the sample organisation's.
func (h *house) fill(t *testing.T, text string) string {
	t.Helper()
	samples := map[string]tocsin.ID{
		api.SampleOrganisation: h.mine.Org, api.SampleProject: h.mine.Project, api.SampleDataset: h.mine.Dataset, api.SampleCheck: h.mine.Check,
		api.SampleUser: h.mine.Ada, api.SampleGrant: h.mine.AdaGrant, api.SampleKey: h.mine.Soda.ID, api.SampleIncident: h.mine.Incident,
		api.SampleLink: h.things.Link, api.SampleComment: h.things.Comment, api.SampleRole: h.things.Role, api.SampleInvitation: h.things.Invitation,
		api.SampleMember: h.things.Member, api.SampleMembership: h.things.Membership,
	}
	text = strings.ReplaceAll(text, api.SampleInvitationToken, h.things.InvitationToken)
	for sample, mine := range samples {
		text = strings.ReplaceAll(text, sample, mine.String())
	}
	if strings.Contains(text, api.SampleProject[:24]) {
		t.Errorf("%s names an id of the sample for which the tenant has nothing: add it to harness.Furniture and to samples", text)
	}
	return text
}

// A spot is a place in an operation where an id can stand, and where one of mine
// does something: put returns a request with an id there.
type spot struct {
	name string
	put  func(id string) request
	// refused: an id that names nothing is an error there.
	refused bool
}

// spots lists every place in an operation where an id can stand.
func (h *house) spots(t *testing.T, o operation, k harness.Key) []spot {
	t.Helper()
	var out []spot
	for _, parameter := range regexp.MustCompile(`\{[^}]*\}`).FindAllString(o.Path, -1) {
		at := slices.Index(strings.Split(o.Path, "/"), parameter)
		switch parameter {
		case "{id}", "{link_id}":
			out = append(out, spot{"in the path as " + parameter, func(id string) request {
				r := o.requests[0]
				segments := strings.Split(r.path, "/")
				segments[at] = id
				r.path = strings.Join(segments, "/")
				return r
			}, true})
		case "{seq}": // counts within the organisation; no id
		default:
			t.Errorf("%s has %s in its path: say in spots what it is", o.ID, parameter)
		}
	}
	for _, name := range o.queryIDs {
		out = append(out, spot{"in the query as " + name, func(id string) request {
			r := o.requests[0]
			values, _ := url.ParseQuery(r.query) // operations has read it
			values.Set(name, id)
			r.query = values.Encode()
			return r
		}, false})
	}
	for _, pointer := range o.bodyIDs {
		if s, ok := h.bodySpot(t, o, k, pointer); ok {
			out = append(out, s)
		} else {
			t.Errorf("%s takes an id in its body at %s, but none of mine is taken there in any of its examples: add an example that goes with one", o.ID, pointer)
		}
	}
	return out
}

// bodySpot finds an example in which one of my ids is taken at the pointer.
func (h *house) bodySpot(t *testing.T, o operation, k harness.Key, pointer string) (spot, bool) {
	t.Helper()
	for _, r := range o.requests {
		put := func(id string) request {
			r.body = setAt(t, r.body, pointer, id)
			return r
		}
		for _, id := range everything(h.mine, h.things) {
			if h.askAPI(t, k, o, o.tried(put(id.String()))).outcome() < 300 {
				return spot{"in the body at " + pointer, put, true}, true
			}
		}
	}
	return spot{}, false
}

// setAt returns JSON with a value at a pointer, whose members and lists of one it
// makes where they are not there.
func setAt(t *testing.T, text, pointer string, value any) string {
	t.Helper()
	var body any
	if text != "" {
		if err := json.Unmarshal([]byte(text), &body); err != nil {
			t.Fatalf("the example's body %s: %v", text, err)
		}
	}
	var set func(in any, segments []string) any
	set = func(in any, segments []string) any {
		if len(segments) == 0 {
			return value
		}
		if segments[0] == "0" {
			list, _ := in.([]any)
			if len(list) == 0 {
				list = []any{nil}
			}
			list[0] = set(list[0], segments[1:])
			return list
		}
		object, _ := in.(map[string]any)
		if object == nil {
			object = map[string]any{}
		}
		object[segments[0]] = set(object[segments[0]], segments[1:])
		return object
	}
	out, err := json.Marshal(set(body, strings.Split(pointer, "/")[1:]))
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// askAPI sends a request of an operation.
func (h *house) askAPI(t *testing.T, k harness.Key, o operation, r request) answer {
	t.Helper()
	return h.ask(t, native(), k, o.Method, r.target(), r.body)
}

// outcome is the answer's status, or that of its first part where it has parts.
func (a answer) outcome() int {
	var parts struct{ Results []struct{ Status int } }
	if json.Unmarshal([]byte(a.body), &parts) == nil && len(parts.Results) > 0 {
		return parts.Results[0].Status
	}
	return a.status
}

// about is the answer without the id that was asked about and the request's own.
func (a answer) about(id string) answer {
	a.body = regexp.MustCompile(`"request_id":"[^"]*"`).ReplaceAllString(strings.ReplaceAll(a.body, id, "ID"), `"request_id":""`)
	a.header = regexp.MustCompile(`"Content-Length":\["\d+"\],?`).ReplaceAllString(strings.ReplaceAll(a.header, id, "ID"), "")
	return a
}

// mustBeUnknown fails where an answer about one of the ids is not that about an
// id that names nothing.
func (h *house) mustBeUnknown(t *testing.T, o operation, s spot, k harness.Key, whose string, ids map[string]tocsin.ID) {
	t.Helper()
	before := h.lengths(t)
	want := h.askAPI(t, k, o, s.put(unknown)).about(unknown)
	if s.refused && want.outcome() < 400 {
		t.Errorf("%s %s: an id that names nothing is answered with %d %s, should be refused", o.ID, s.name, want.status, want.body)
	}
	for _, kind := range slices.Sorted(maps.Keys(ids)) {
		id := ids[kind].String()
		kind = whose + " " + kind
		got := h.askAPI(t, k, o, s.put(id)).about(id)
		if got != want {
			t.Errorf("%s %s: %s is answered with\n%+v\nand what there is not with\n%+v", o.ID, s.name, kind, got, want)
		}
	}
	if after := h.lengths(t); after != before {
		t.Errorf("%s %s: the logs grew from %v to %v", o.ID, s.name, before, after)
	}
}

// shows returns what of ids an answer shows.
func (a answer) shows(ids map[string]tocsin.ID) []string {
	var out []string
	for kind, id := range ids {
		if strings.Contains(a.body+a.header, id.String()) {
			out = append(out, kind)
		}
	}
	slices.Sort(out)
	return out
}
