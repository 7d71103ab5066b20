package incident_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin"
)

func TestUpdate_isOneChangeWithOneEntry(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	ben := h.holder(t, "ben", tocsin.RoleEditor, place{tocsin.ScopeProject, h.shop}, tocsin.KeyDraft{})
	ben.Request, ben.Address, ben.Agent = "req-1", "192.0.2.7", "curl/8"
	was := h.incident(t)
	got := must[*tocsin.Incident](t)(h.Incidents.Update(ctx, ben, was.ID, tocsin.Patch{
		Title: new("Payments are down"), Status: new(tocsin.Investigating), AffectedRegions: new([]string{"eu", "us"}), Note: "on it",
	}, tocsin.Rules{}))
	want := *was
	want.Title, want.Status, want.AffectedRegions, want.AcknowledgedAt = "Payments are down", tocsin.Investigating, []string{"eu", "us"}, got.UpdatedAt
	want.Meta = got.Meta
	if diff := cmp.Diff(&want, got); diff != "" || got.Version != 2 || !got.CreatedAt.Equal(was.CreatedAt) {
		t.Errorf("version %d (-want +got):\n%s", got.Version, diff)
	}
	history := must[[]tocsin.Entry](t)(h.Incidents.History(ctx, ben, was.ID))
	if len(history) != 2 {
		t.Fatalf("%d entries; want the creation and the update", len(history))
	}
	e := history[1]
	var names []string
	for _, c := range e.Changes {
		names = append(names, c.Name)
	}
	if want := "acknowledged_at affected_regions status title"; strings.Join(names, " ") != want {
		t.Errorf("the entry is of %s; want %s", names, want)
	}
	told := []any{e.Action, e.Note, e.User, e.Key, e.Door, e.Request, e.Address, e.Agent, e.At, e.Version}
	if diff := cmp.Diff([]any{"incident.update", "on it", ben.User, ben.Key, "test", "req-1", "192.0.2.7", "curl/8", got.UpdatedAt, int64(2)}, told); diff != "" {
		t.Errorf("the entry says (-want +got):\n%s", diff)
	}
	h.reopen(t)
	if diff := cmp.Diff(got, h.stored(t, was.ID)); diff != "" {
		t.Errorf("stored otherwise than answered (-answered +stored):\n%s", diff)
	}
}

func TestUpdate_thatComesToNothingLeavesNoTrace(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	was, before := h.incident(t), h.length(t)
	for name, p := range map[string]tocsin.Patch{
		"nothing":            {},
		"the present values": {Title: &was.Title, Severity: &was.Severity, Status: &was.Status, AffectedRegions: &[]string{}, Lead: &was.Lead},
		"a note alone":       {Note: "for the record"},
	} {
		got := must[*tocsin.Incident](t)(h.Incidents.Update(t.Context(), h.system, was.ID, p, tocsin.Rules{}))
		if diff := cmp.Diff(was, got); diff != "" {
			t.Errorf("%s changed something (-was +is):\n%s", name, diff)
		}
	}
	if h.length(t) != before {
		t.Error("the log grew")
	}
}

func TestUpdate_isAtomic(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	was, before := h.incident(t), h.length(t)
	closedIsFinal := tocsin.Rules{
		Moves: func(tocsin.Status) []tocsin.Status { return []tocsin.Status{tocsin.Resolved} },
		Final: func(s tocsin.Status) bool { return s == tocsin.Open },
	}
	for _, c := range []struct {
		name  string
		patch tocsin.Patch
		rules tocsin.Rules
		want  tocsin.Code
	}{
		{"a bad value beside a good one", tocsin.Patch{Title: new("down"), Severity: new(tocsin.Severity("bad"))}, tocsin.Rules{}, tocsin.Invalid},
		{"a lead who is not there", tocsin.Patch{Title: new("down"), Lead: &tocsin.ID{9}}, tocsin.Rules{}, tocsin.Invalid},
		{"a move that the door does not have", tocsin.Patch{Title: new("down"), Status: new(tocsin.Closed)}, closedIsFinal, tocsin.Conflict},
		{"a change after the end", tocsin.Patch{Title: new("down")}, closedIsFinal, tocsin.Conflict},
	} {
		_, err := h.Incidents.Update(t.Context(), h.system, was.ID, c.patch, c.rules)
		wantCode(t, c.name, err, c.want)
	}
	if diff := cmp.Diff(was, h.stored(t, was.ID)); diff != "" || h.length(t) != before {
		t.Errorf("a refusal left something behind, or a record (-was +is):\n%s", diff)
	}
}

func TestUpdate_lead(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	inc := h.incident(t)
	ada := must[*tocsin.User](t)(h.Access.CreateUser(ctx, h.system, "Ada", "ada@example.org")).ID
	eve := must[*tocsin.User](t)(h.Access.CreateUser(ctx, h.organisation(t, "Harbour"), "Eve", "eve@example.org")).ID
	led := must[*tocsin.Incident](t)(h.Incidents.Update(ctx, h.system, inc.ID, tocsin.Patch{Lead: &ada}, tocsin.Rules{}))
	if led.Lead != ada {
		t.Errorf("lead %s; want %s", led.Lead, ada)
	}
	_, err := h.Incidents.Update(ctx, h.system, inc.ID, tocsin.Patch{Lead: &eve}, tocsin.Rules{})
	wantCode(t, "a lead from another organisation", err, tocsin.Invalid)
	if free := must[*tocsin.Incident](t)(h.Incidents.Update(ctx, h.system, inc.ID, tocsin.Patch{Lead: &tocsin.ID{}}, tocsin.Rules{})); !free.Lead.IsZero() {
		t.Errorf("lead %s; want nobody", free.Lead)
	}
}

// Every use case, for each sort of actor. Who may not see an incident is told
// that there is none.
func TestIncidents_byWhom(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	inc := h.incident(t)
	must[*tocsin.Role](t)(h.Access.CreateRole(ctx, h.system, "Observer", tocsin.ViewIncidents))
	must[*tocsin.Role](t)(h.Access.CreateRole(ctx, h.system, "Scribe", tocsin.ManageIncidents))
	inShop, unbound := place{tocsin.ScopeProject, h.shop}, tocsin.KeyDraft{}
	everywhere := place{scope: tocsin.ScopeOrganisation}
	stranger := h.holder(t, "sam", tocsin.RoleAdmin, everywhere, unbound)
	stranger.Org = h.organisation(t, "Harbour").Org
	const ok, forbidden, hidden = tocsin.Code(""), tocsin.Forbidden, tocsin.NotFound
	for who, c := range map[string]struct {
		actor        tocsin.Actor
		view, manage tocsin.Code
	}{
		"the operator":                    {h.system, ok, ok},
		"another organisation's":          {h.organisation(t, "Third"), hidden, hidden},
		"an admin":                        {h.holder(t, "ada", tocsin.RoleAdmin, everywhere, unbound), ok, ok},
		"a user without grants":           {h.holder(t, "una", tocsin.RoleUser, everywhere, unbound), hidden, hidden},
		"an editor of the project":        {h.holder(t, "ben", tocsin.RoleEditor, inShop, unbound), ok, ok},
		"a viewer of its dataset":         {h.holder(t, "vic", tocsin.RoleViewer, place{tocsin.ScopeDataset, h.orders}, unbound), ok, ok},
		"an editor of another dataset":    {h.holder(t, "chi", tocsin.RoleEditor, place{tocsin.ScopeDataset, h.customers}, unbound), hidden, hidden},
		"an editor of the other project":  {h.holder(t, "gus", tocsin.RoleEditor, place{tocsin.ScopeProject, h.warehouse}, unbound), hidden, hidden},
		"who may only look":               {h.holder(t, "dmi", "Observer", inShop, unbound), ok, forbidden},
		"who may manage but not look":     {h.holder(t, "scr", "Scribe", inShop, unbound), hidden, hidden},
		"an admin's key to look":          {h.holder(t, "eve", tocsin.RoleAdmin, everywhere, tocsin.KeyDraft{Permissions: tocsin.ViewIncidents}), ok, forbidden},
		"an admin's key of the other":     {h.holder(t, "fay", tocsin.RoleAdmin, everywhere, tocsin.KeyDraft{Project: h.warehouse}), hidden, hidden},
		"a key in the wrong organisation": {stranger, hidden, hidden},
	} {
		_, viewErr := h.Incidents.View(ctx, c.actor, inc.ID)
		_, historyErr := h.Incidents.History(ctx, c.actor, inc.ID)
		_, commentsErr := h.Incidents.Comments(ctx, c.actor, inc.ID)
		for what, err := range map[string]error{"view": viewErr, "history": historyErr, "comments": commentsErr} {
			wantCode(t, who+", "+what, err, c.view)
		}
		_, manageableErr := h.Incidents.Manageable(ctx, c.actor, inc.ID)
		_, updateErr := h.Incidents.Update(ctx, c.actor, inc.ID, tocsin.Patch{ErrorMessage: &who}, tocsin.Rules{})
		_, commentErr := h.Incidents.Comment(ctx, c.actor, inc.ID, who)
		for what, err := range map[string]error{"manageable": manageableErr, "update": updateErr, "comment": commentErr} {
			wantCode(t, who+", "+what, err, c.manage)
		}
		page, n, err := h.Incidents.List(ctx, c.actor, tocsin.IncidentQuery{Limit: 10})
		if listed := n == 1 && len(page) == 1; err != nil || listed != (c.view == ok) {
			t.Errorf("%s is listed %d of %d incidents, %v; want what he may see one by one", who, len(page), n, err)
		}
	}
}

// A door's claim about what may be seen is not believed.
func TestList_setsTheReachItself(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.incident(t)
	gus := h.holder(t, "gus", tocsin.RoleEditor, place{tocsin.ScopeProject, h.warehouse}, tocsin.KeyDraft{})
	q := tocsin.IncidentQuery{Limit: 10, Reach: tocsin.Reach{Everywhere: true}}
	if page, n, err := h.Incidents.List(t.Context(), gus, q); err != nil || n != 0 || len(page) != 0 {
		t.Errorf("%d of %d incidents, %v; want none", len(page), n, err)
	}
}

func TestComment(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	ben := h.holder(t, "ben", tocsin.RoleEditor, place{tocsin.ScopeProject, h.shop}, tocsin.KeyDraft{})
	inc := h.incident(t)
	first := must[*tocsin.Comment](t)(h.Incidents.Comment(ctx, ben, inc.ID, "looking <b>"))
	second := must[*tocsin.Comment](t)(h.Incidents.Comment(ctx, h.system, inc.ID, "it is the pool"))
	if first.Author != ben.User || first.Incident != inc.ID || !second.Author.IsZero() {
		t.Errorf("comments %+v and %+v; want the author and the incident", first, second)
	}
	got := must[[]*tocsin.Comment](t)(h.Incidents.Comments(ctx, ben, inc.ID))
	if diff := cmp.Diff([]*tocsin.Comment{first, second}, got); diff != "" {
		t.Errorf("comments, oldest first (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(inc, h.stored(t, inc.ID)); diff != "" {
		t.Errorf("a comment changed its incident:\n%s", diff)
	}
	for text, want := range map[string]tocsin.Code{"": tocsin.Invalid, strings.Repeat("x", 1001): tocsin.Invalid, "a\x00": tocsin.Invalid} {
		_, err := h.Incidents.Comment(ctx, ben, inc.ID, text)
		wantCode(t, "a message of "+text, err, want)
	}
	_, err := h.Incidents.Comment(ctx, ben, tocsin.ID{9}, "hello?")
	wantCode(t, "on an incident that is not there", err, tocsin.NotFound)
}
