package tenancy_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"tocsin"
	"tocsin/internal/api"
	"tocsin/test/harness"
)

// The requests are good: what is refused below is refused for its ids and its
// key alone. To try a change changes nothing.
func TestTheNativeRequestsAreGood(t *testing.T) {
	t.Parallel()
	h := newHouse(t, harness.Engines()[0])
	k := h.key(native())
	before := h.lengths(t)
	for _, o := range h.operations(t) {
		for _, r := range o.requests {
			if a := h.askAPI(t, k, o, o.tried(r)); o.Writes() && a.status >= 300 {
				t.Errorf("%s %s is answered with %d %s, should succeed", o.Method, r.target(), a.status, a.body)
			}
		}
	}
	if after := h.lengths(t); after[1] != before[1] || after[0] > before[0]+1 { // an export is an entry
		t.Errorf("to try changes made the logs grow from %v to %v", before, after)
	}
}

func TestForeignIDsAreUnknownToTheNativeAPI(t *testing.T) {
	t.Parallel()
	for _, engine := range harness.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, engine)
			k := h.key(native())
			places := 0
			for _, o := range h.operations(t) {
				for _, s := range h.spots(t, o, k) {
					places++
					h.mustBeUnknown(t, o, s, k, "another organisation's", h.foreign)
				}
				if !o.Writes() {
					for _, r := range o.requests {
						a := h.askAPI(t, k, o, r)
						if shown := a.shows(h.foreign); a.status != http.StatusOK || len(shown) > 0 {
							t.Errorf("%s is answered with %d and shows another organisation's %v", r.target(), a.status, shown)
						}
					}
				}
			}
			t.Logf("%d places of %d operations", places, len(api.Operations()))
		})
	}
}

// A filter by an id of mine finds something, else those above would find nothing
// whatever they looked for.
func TestNativeFiltersFindWhatIsMine(t *testing.T) {
	t.Parallel()
	h := newHouse(t, harness.Engines()[0])
	k := h.key(native())
	for _, o := range h.operations(t) {
		for _, name := range o.queryIDs {
			found := false
			for _, id := range everything(h.mine, h.things) {
				r := request{path: o.requests[0].path}
				want := h.askAPI(t, k, o, r.with(name, unknown)).about(unknown)
				found = found || h.askAPI(t, k, o, r.with(name, id.String())).about(id.String()) != want
			}
			if !found {
				t.Errorf("%s: the filter %s finds nothing of mine; does it filter?", o.ID, name)
			}
		}
	}
}

func TestProjectKeysSeeOneProjectThroughTheNativeAPI(t *testing.T) {
	t.Parallel()
	for _, engine := range harness.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, engine)
			wide := h.key(native())
			bound := h.mine.Key(tocsin.KeyDraft{Owner: h.mine.Ada, Name: "bound", Project: h.mine.Project})
			for _, o := range h.operations(t) {
				for _, s := range h.spots(t, o, wide) {
					h.mustBeUnknown(t, o, s, bound, "another project's", h.otherProject)
				}
				if o.Writes() {
					continue
				}
				for _, r := range append(o.requests, request{path: o.requests[0].path}) {
					if a := h.askAPI(t, bound, o, r); a.status < 300 && len(a.shows(h.otherProject)) > 0 {
						t.Errorf("%s shows another project's %v: %s", r.target(), a.shows(h.otherProject), a.body)
					}
				}
			}
		})
	}
}

// A cursor is good in the organisation that it was given to only.
func TestForeignCursorsAreNone(t *testing.T) {
	t.Parallel()
	h := newHouse(t, harness.Engines()[0])
	mine, theirs := h.key(native()), h.theirs.Key(tocsin.KeyDraft{Owner: h.theirs.Ada, Name: "probe"})
	h.theirs.NewProject("Warehouse")
	tried := 0
	for _, o := range h.operations(t) {
		if strings.Contains(o.Path, "{") || o.Writes() {
			continue
		}
		r := request{path: o.Path}.with("limit", "1")
		var page struct{ Next string }
		if a := h.askAPI(t, theirs, o, r); a.status != http.StatusOK || json.Unmarshal([]byte(a.body), &page) != nil || page.Next == "" {
			continue
		}
		tried++
		if a := h.askAPI(t, theirs, o, r.with("cursor", page.Next)); a.status != http.StatusOK {
			t.Errorf("%s: their own cursor is answered with %d %s", o.ID, a.status, a.body)
		}
		if a := h.askAPI(t, mine, o, r.with("cursor", page.Next)); a.status != http.StatusBadRequest {
			t.Errorf("%s: another organisation's cursor is answered with %d %s, should be 400", o.ID, a.status, a.body)
		}
	}
	if tried < 4 {
		t.Errorf("only %d lists had a second page: the test shows little", tried)
	}
}
