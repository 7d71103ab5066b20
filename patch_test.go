package tocsin_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin"
)

func TestPatch_changesRegionsAsASet(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name              string
		have, add, remove []string
		want              []string
	}{
		{"adding what is there", []string{"eu", "us"}, []string{"us"}, nil, []string{"eu", "us"}},
		{"adding keeps the order", []string{"us", "eu"}, []string{"ap", "af"}, nil, []string{"us", "eu", "ap", "af"}},
		{"removing what is not there", []string{"eu"}, nil, []string{"us"}, []string{"eu"}},
		{"removing wins over adding", []string{"eu"}, []string{"us"}, []string{"us", "eu"}, nil},
	} {
		before := fmt.Sprint(c.have)
		got, err := tocsin.Patch{AddRegions: c.add, RemoveRegions: c.remove}.Apply(&tocsin.Incident{AffectedRegions: c.have}, tocsin.Lifecycle(), hour(1))
		if err != nil || cmp.Diff(c.want, got.AffectedRegions) != "" {
			t.Errorf("%s: %q, %v; want %q", c.name, got.AffectedRegions, err, c.want)
		}
		if fmt.Sprint(c.have) != before {
			t.Errorf("%s: the list that was stored changed to %q", c.name, c.have)
		}
	}
	problems := tocsin.Patch{AffectedRegions: &[]string{}, AddRegions: []string{"eu"}}.Problems()
	if problems["affected_regions"] == "" {
		t.Error("replacing the regions and adding to them at once was let through")
	}
}

func TestPatch_mergesLabelsAndLinks(t *testing.T) {
	t.Parallel()
	red, empty := "red", ""
	have := map[string]string{"team": "web", "colour": "blue"}
	cur := &tocsin.Incident{Labels: have, Links: []tocsin.Link{{ID: id(1), URL: "https://a.test/"}, {ID: id(2), URL: "https://b.test/"}}}
	got, err := tocsin.Patch{
		Labels:   map[string]*string{"colour": &red, "team": nil, "none": nil, "new": &empty},
		AddLinks: []tocsin.Link{{ID: id(2), URL: "https://b.test/2"}, {ID: id(3), URL: "https://c.test/"}}, RemoveLinks: []tocsin.ID{id(1), id(9)},
	}.Apply(cur, tocsin.Lifecycle(), hour(1))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"colour": "red", "new": ""}, got.Labels); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]tocsin.Link{{ID: id(2), URL: "https://b.test/2"}, {ID: id(3), URL: "https://c.test/"}}, got.Links); diff != "" {
		t.Error(diff)
	}
	if have["colour"] != "blue" || len(have) != 2 || cur.Links[1].URL != "https://b.test/" {
		t.Error("what was stored has changed")
	}
	if got, want := tocsin.ParseLabels(tocsin.LabelTexts(got.Labels)), got.Labels; cmp.Diff(want, got) != "" {
		t.Errorf("labels as the log has them read as %v; want %v", got, want)
	}
	if got, want := tocsin.ParseLinks(tocsin.LinkTexts(got.Links)), got.Links; cmp.Diff(want, got) != "" {
		t.Errorf("links as the log has them read as %v; want %v", got, want)
	}
}

func TestPatch_holdsSetsToTheirLimits(t *testing.T) {
	t.Parallel()
	value := "v"
	labels := make(map[string]*string)
	cur := &tocsin.Incident{Labels: map[string]string{}}
	for n := range tocsin.MaxLabels {
		labels[fmt.Sprint("k", n)] = &value
	}
	for n := range tocsin.MaxRegions {
		cur.AffectedRegions = append(cur.AffectedRegions, fmt.Sprint("r", n))
	}
	full, err := tocsin.Patch{Labels: labels}.Apply(cur, tocsin.Lifecycle(), hour(1))
	if err != nil {
		t.Fatalf("%d labels: %v", len(labels), err)
	}
	for name, patch := range map[string]tocsin.Patch{
		"labels":      {Labels: map[string]*string{"one-more": &value}},
		"add_regions": {AddRegions: []string{"one more"}},
	} {
		if _, err := patch.Apply(full, tocsin.Lifecycle(), hour(1)); tocsin.CodeOf(err) != tocsin.Invalid {
			t.Errorf("one more than the most %s: %v; want it refused", name, err)
		}
	}
}

func TestPatch_refusesBadLabelsAndLinks(t *testing.T) {
	t.Parallel()
	long, control := strings.Repeat("é", 256), "a\nb"
	for key, value := range map[string]*string{
		"": nil, "Team": nil, "a b": nil, "-a": nil, "a-": nil, "a=b": nil, "ä": nil, strings.Repeat("k", 64): nil, "long": &long, "control": &control,
	} {
		if problems := (tocsin.Patch{Labels: map[string]*string{key: value}}).Problems(); problems["labels"] == "" {
			t.Errorf("a label with key %.10q was let through", key)
		}
	}
	for _, url := range []string{"", "javascript:alert(1)", "//x.test/", "https:", "ftp://x.test/", "https://x.test/a b", "https://x.test/\x00", "https://" + strings.Repeat("x", 2050)} {
		if problems := (tocsin.Patch{AddLinks: []tocsin.Link{{URL: url}}}).Problems(); problems["links"] == "" {
			t.Errorf("a link to %.30q was let through", url)
		}
	}
	if problems := (tocsin.Patch{AddLinks: []tocsin.Link{{URL: "https://x.test/?a=b#c", Title: "Ä b"}}}).Problems(); len(problems) > 0 {
		t.Errorf("a good link: %v", problems)
	}
}

func TestLifecycle(t *testing.T) {
	t.Parallel()
	for _, from := range tocsin.Statuses() {
		for _, to := range tocsin.Statuses() {
			_, err := tocsin.Patch{Status: &to}.Apply(&tocsin.Incident{Status: from}, tocsin.Lifecycle(), hour(1))
			if ok := from == to || from != tocsin.Closed; (err == nil) != ok {
				t.Errorf("from %s to %s: %v", from, to, err)
			}
		}
	}
	title := "other"
	if _, err := (tocsin.Patch{Title: &title}).Apply(&tocsin.Incident{Status: tocsin.Closed}, tocsin.Lifecycle(), hour(1)); tocsin.CodeOf(err) != tocsin.Conflict {
		t.Errorf("a change of a closed incident: %v; want a conflict", err)
	}
}
