package incident_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin"
)

// Every version that was ever answered can be had again, as it was.
func TestThePastIsRebuilt(t *testing.T) {
	t.Parallel()
	h, ctx := newHouse(t), t.Context()
	versions := []*tocsin.Incident{h.incident(t)}
	minor, fixing, note := tocsin.Minor, tocsin.Fixing, "x"
	for _, p := range []tocsin.Patch{
		{Severity: &minor, Labels: map[string]*string{"team": &note}},
		{Status: &fixing, AddRegions: []string{"eu", "us"}},
		{RemoveRegions: []string{"eu"}, Labels: map[string]*string{"team": nil}},
	} {
		versions = append(versions, must[*tocsin.Incident](t)(h.Incidents.Update(ctx, h.system, versions[0].ID, p, tocsin.Lifecycle())))
	}
	id := versions[0].ID
	for i, want := range versions {
		got, erased, err := h.Incidents.AtVersion(ctx, h.system, id, int64(i+1))
		if err != nil || len(erased) > 0 {
			t.Fatalf("version %d: %v, erased %v", i+1, err, erased)
		}
		if diff := cmp.Diff(tocsin.Fields(want), tocsin.Fields(got)); diff != "" || !cmp.Equal(want.Meta, got.Meta) {
			t.Errorf("version %d is otherwise (-want +got):\n%s", i+1, diff)
		}
	}
	last := versions[len(versions)-1]
	then, _, err := h.Incidents.AtTime(ctx, h.system, id, last.UpdatedAt)
	if err != nil || then.Version != last.Version {
		t.Errorf("at its last change it has version %v, %v; want %d", then, err, last.Version)
	}
	_, _, err = h.Incidents.AtTime(ctx, h.system, id, versions[0].CreatedAt.Add(-time.Microsecond))
	wantCode(t, "before it was there", err, tocsin.NotFound)
	for _, v := range []int64{0, 5} {
		_, _, err = h.Incidents.AtVersion(ctx, h.system, id, v)
		wantCode(t, "a version that there is not", err, tocsin.NotFound)
	}
	stranger := h.organisation(t, "Harbour")
	_, _, err = h.Incidents.AtVersion(ctx, stranger, id, 1)
	wantCode(t, "another organisation's", err, tocsin.NotFound)
}

func TestCommentsComeInPages(t *testing.T) {
	t.Parallel()
	h, ctx := newHouse(t), t.Context()
	inc := h.incident(t)
	for _, message := range []string{"one", "two", "three"} {
		must[*tocsin.Comment](t)(h.Incidents.Comment(ctx, h.system, inc.ID, message))
	}
	first := must[[]*tocsin.Comment](t)(h.Incidents.CommentsAfter(ctx, h.system, inc.ID, 0, 2))
	if len(first) != 2 || first[0].Message != "one" {
		t.Fatalf("the first page has %d comments; want one and two", len(first))
	}
	rest := must[[]*tocsin.Comment](t)(h.Incidents.CommentsAfter(ctx, h.system, inc.ID, first[1].Seq, 2))
	if len(rest) != 1 || rest[0].Message != "three" {
		t.Errorf("the second page has %d comments; want three", len(rest))
	}
	_, err := h.Incidents.CommentsAfter(ctx, h.organisation(t, "Harbour"), inc.ID, 0, 2)
	wantCode(t, "another organisation's", err, tocsin.NotFound)
}
