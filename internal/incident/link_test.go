package incident_test

import (
	"testing"

	"tocsin"
)

func TestLinksComeAndGo(t *testing.T) {
	t.Parallel()
	h, ctx := newHouse(t), t.Context()
	inc := h.incident(t)
	for _, url := range []string{"https://example.org/runbook", "https://example.org/dashboard"} {
		inc = must[*tocsin.Incident](t)(h.Incidents.AddLink(ctx, h.system, inc.ID, url, "title"))
		if last := inc.Links[len(inc.Links)-1]; last.URL != url || last.Title != "title" || last.ID.IsZero() {
			t.Errorf("the last link is %+v; want %s with an id", last, url)
		}
	}
	first := inc.Links[0].ID
	inc = must[*tocsin.Incident](t)(h.Incidents.RemoveLink(ctx, h.system, inc.ID, first))
	if len(inc.Links) != 1 || inc.Links[0].URL != "https://example.org/dashboard" || inc.Version != 4 {
		t.Errorf("after a removal there are %+v at version %d; want the other, at 4", inc.Links, inc.Version)
	}
	_, err := h.Incidents.RemoveLink(ctx, h.system, inc.ID, first)
	wantCode(t, "the same again", err, tocsin.NotFound)
	_, err = h.Incidents.AddLink(ctx, h.system, inc.ID, "javascript:alert(1)", "")
	wantCode(t, "no web address", err, tocsin.Invalid)

	closed := tocsin.Closed
	must[*tocsin.Incident](t)(h.Incidents.Update(ctx, h.system, inc.ID, tocsin.Patch{Status: &closed}, tocsin.Lifecycle()))
	_, err = h.Incidents.AddLink(ctx, h.system, inc.ID, "https://example.org", "")
	wantCode(t, "a link to a closed incident", err, tocsin.Conflict)
	_, err = h.Incidents.RemoveLink(ctx, h.system, inc.ID, inc.Links[0].ID)
	wantCode(t, "a link of a closed incident", err, tocsin.Conflict)

	scanner := must[*tocsin.Incident](t)(h.Incidents.Create(ctx, h.system, tocsin.Draft{
		Checks: []tocsin.ID{h.scanner}, Severity: tocsin.Major, Type: "timeout", Source: tocsin.FromSystem,
	}))
	editor := h.holder(t, "jo", tocsin.RoleEditor, place{tocsin.ScopeProject, h.shop}, tocsin.KeyDraft{})
	_, err = h.Incidents.AddLink(ctx, editor, scanner.ID, "https://example.org", "")
	wantCode(t, "a link where the actor sees nothing", err, tocsin.NotFound)
	_, err = h.Incidents.RemoveLink(ctx, editor, scanner.ID, first)
	wantCode(t, "a removal where the actor sees nothing", err, tocsin.NotFound)
}
