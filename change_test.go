package tocsin_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin"
)

// problemNames are the fields that have a problem, sorted.
func problemNames(problems map[string]string) []string {
	return slices.Sorted(maps.Keys(problems))
}

// wide is a text of n code points, each of four bytes.
func wide(n int) string { return strings.Repeat("\U0001f525", n) }

func regions(n int) []string { return slices.Repeat([]string{"eu-west-1"}, n) }

func TestPatch_Problems(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		patch tocsin.Patch
		bad   []string
	}{
		{"nothing", tocsin.Patch{}, nil},
		{"a title", tocsin.Patch{Title: new("down")}, nil},
		{"no title", tocsin.Patch{Title: new("")}, []string{"title"}},
		{"a blank title", tocsin.Patch{Title: new(" \t\u00a0\u2003\n")}, []string{"title"}},
		{"empty texts", tocsin.Patch{Description: new(""), ErrorMessage: new(""), ResolutionNotes: new("")}, nil},
		{"a long description and notes", tocsin.Patch{Description: new(wide(100_000)), ResolutionNotes: new(wide(100_000))}, nil},
		{"an error message of 1000 characters", tocsin.Patch{ErrorMessage: new(wide(1000))}, nil},
		{"an error message of 1001", tocsin.Patch{ErrorMessage: new(wide(1001))}, []string{"error_message"}},
		{"a note of 1000 characters", tocsin.Patch{Note: wide(1000)}, nil},
		{"a note of 1001", tocsin.Patch{Note: wide(1001)}, []string{"note"}},
		{"a severity", tocsin.Patch{Severity: new(tocsin.Warning)}, nil},
		{"a severity that is none", tocsin.Patch{Severity: new(tocsin.Severity("Critical"))}, []string{"severity"}},
		{"an empty severity", tocsin.Patch{Severity: new(tocsin.Severity(""))}, []string{"severity"}},
		{"a status", tocsin.Patch{Status: new(tocsin.Closed)}, nil},
		{"a dialect's status", tocsin.Patch{Status: new(tocsin.Status("reported"))}, []string{"status"}},
		{"no regions", tocsin.Patch{AffectedRegions: new([]string{})}, nil},
		{"a region twice", tocsin.Patch{AffectedRegions: new(regions(2))}, nil},
		{"100 regions", tocsin.Patch{AffectedRegions: new(regions(100))}, nil},
		{"101 regions", tocsin.Patch{AffectedRegions: new(regions(101))}, []string{"affected_regions"}},
		{"a region without a name", tocsin.Patch{AffectedRegions: new([]string{"eu", ""})}, []string{"affected_regions"}},
		{"a region of 255 characters", tocsin.Patch{AffectedRegions: new([]string{wide(255)})}, nil},
		{"a region of 256", tocsin.Patch{AffectedRegions: new([]string{wide(256)})}, []string{"affected_regions"}},
		{
			"everything at once",
			tocsin.Patch{
				Title: new(""), Severity: new(tocsin.Severity("x")), Status: new(tocsin.Status("x")), Note: wide(1001),
				ErrorMessage: new(wide(1001)), AffectedRegions: new([]string{""}),
			},
			[]string{"affected_regions", "error_message", "note", "severity", "status", "title"},
		},
	} {
		if diff := cmp.Diff(c.bad, problemNames(c.patch.Problems())); diff != "" {
			t.Errorf("%s: fields with a problem (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestProblems_sayWhatToDo(t *testing.T) {
	t.Parallel()
	got := tocsin.Patch{
		Title: new(""), Severity: new(tocsin.Severity("x")), Status: new(tocsin.Status("x")), Note: wide(1001),
		ErrorMessage: new(wide(1001)), AffectedRegions: new([]string{""}),
	}.Problems()
	want := map[string]string{
		"title":            "title must not be blank",
		"severity":         "severity must be one of: critical, major, minor, warning", // the UptimeIO contract's words
		"status":           "status must be one of: open, investigating, fixing, resolved, closed",
		"note":             "note must be at most 1000 characters",
		"error_message":    "error_message must be at most 1000 characters",
		"affected_regions": "affected_regions must hold names of 1 to 255 characters",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

// current is an incident in the middle of its story.
func current() *tocsin.Incident {
	return &tocsin.Incident{
		Meta: tocsin.Meta{Org: id(1), ID: id(2), Version: 3}, Number: 4, Project: id(5),
		Title: "slow", Description: "d", Severity: tocsin.Warning, Status: tocsin.Investigating, ErrorMessage: "e",
		AffectedRegions: []string{"eu"}, ResolutionNotes: "r", Lead: id(6), AcknowledgedAt: hour(1),
	}
}

func TestPatch_Apply_changesWhatIsGivenAndNothingElse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		patch tocsin.Patch
		want  func(*tocsin.Incident)
	}{
		{"nothing", tocsin.Patch{}, func(*tocsin.Incident) {}},
		{"the title", tocsin.Patch{Title: new("down")}, func(i *tocsin.Incident) { i.Title = "down" }},
		{"the description, to nothing", tocsin.Patch{Description: new("")}, func(i *tocsin.Incident) { i.Description = "" }},
		{"the severity", tocsin.Patch{Severity: new(tocsin.Critical)}, func(i *tocsin.Incident) { i.Severity = tocsin.Critical }},
		{"the error message", tocsin.Patch{ErrorMessage: new("f")}, func(i *tocsin.Incident) { i.ErrorMessage = "f" }},
		{"the regions, whole", tocsin.Patch{AffectedRegions: new([]string{"us", "ap"})}, func(i *tocsin.Incident) { i.AffectedRegions = []string{"us", "ap"} }},
		{"the regions, to none", tocsin.Patch{AffectedRegions: new([]string{})}, func(i *tocsin.Incident) { i.AffectedRegions = []string{} }},
		{"the notes", tocsin.Patch{ResolutionNotes: new("s")}, func(i *tocsin.Incident) { i.ResolutionNotes = "s" }},
		{"the lead", tocsin.Patch{Lead: new(id(7))}, func(i *tocsin.Incident) { i.Lead = id(7) }},
		{"the lead, to nobody", tocsin.Patch{Lead: new(tocsin.ID{})}, func(i *tocsin.Incident) { i.Lead = tocsin.ID{} }},
		{"the status, with its times", tocsin.Patch{Status: new(tocsin.Resolved)}, func(i *tocsin.Incident) { i.Status, i.ResolvedAt = tocsin.Resolved, hour(9) }},
		{"the present values", tocsin.Patch{Title: new("slow"), Severity: new(tocsin.Warning), Status: new(tocsin.Investigating)}, func(*tocsin.Incident) {}},
		{"a note alone", tocsin.Patch{Note: "for the record"}, func(*tocsin.Incident) {}},
	} {
		cur, want := current(), current()
		c.want(want)
		got, err := c.patch.Apply(cur, tocsin.Rules{}, hour(9))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
		if diff := cmp.Diff(current(), cur); diff != "" {
			t.Errorf("%s changed the incident that it was given, which others read (-was +is):\n%s", c.name, diff)
		}
	}
}

// coarse is a door that knows two statuses and no warning.
func coarse() tocsin.Rules {
	return tocsin.Rules{
		ShowStatus: func(s tocsin.Status) tocsin.Status {
			if s.Over() {
				return tocsin.Resolved
			}
			return tocsin.Open
		},
		ShowSeverity: func(s tocsin.Severity) tocsin.Severity {
			if s == tocsin.Warning {
				return tocsin.Minor
			}
			return s
		},
	}
}

func TestPatch_Apply_writingBackWhatTheDoorShowsIsNoChange(t *testing.T) {
	t.Parallel()
	shown := tocsin.Patch{Status: new(tocsin.Open), Severity: new(tocsin.Minor)}
	got, err := shown.Apply(current(), coarse(), hour(9))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(current(), got); diff != "" {
		t.Errorf("written back what was shown (-was +is):\n%s", diff)
	}
	moved, err := tocsin.Patch{Status: new(tocsin.Resolved), Severity: new(tocsin.Major)}.Apply(current(), coarse(), hour(9))
	if err != nil || moved.Status != tocsin.Resolved || moved.Severity != tocsin.Major || !moved.ResolvedAt.Equal(hour(9)) {
		t.Errorf("a value that shows otherwise: %+v, %v; want it taken", moved, err)
	}
	plain, err := shown.Apply(current(), tocsin.Rules{}, hour(9))
	if err != nil || plain.Status != tocsin.Open || plain.Severity != tocsin.Minor {
		t.Errorf("the same at a door that shows all: %+v, %v; want it taken", plain, err)
	}
}

func TestPatch_Apply_refusesMovesThatTheDoorDoesNotHave(t *testing.T) {
	t.Parallel()
	rules := coarse()
	rules.Moves = func(from tocsin.Status) []tocsin.Status {
		if from == tocsin.Investigating {
			return []tocsin.Status{tocsin.Resolved, tocsin.Closed}
		}
		return nil
	}
	for _, to := range []tocsin.Status{tocsin.Open, tocsin.Investigating, tocsin.Fixing} {
		_, err := tocsin.Patch{Status: &to, Title: new("down")}.Apply(current(), rules, hour(9))
		want := &tocsin.TransitionError{From: tocsin.Investigating, To: to, Allowed: []tocsin.Status{tocsin.Resolved, tocsin.Closed}}
		var got *tocsin.TransitionError
		if !errors.As(err, &got) || cmp.Diff(want, got) != "" {
			t.Errorf("to %s: %v; want a TransitionError with the moves that there are", to, err)
		}
	}
	for _, to := range []tocsin.Status{tocsin.Resolved, tocsin.Closed} {
		if got, err := (tocsin.Patch{Status: &to}).Apply(current(), rules, hour(9)); err != nil || got.Status != to {
			t.Errorf("to %s: %+v, %v; want it moved", to, got, err)
		}
	}
	if _, err := (tocsin.Patch{Title: new("down")}).Apply(current(), rules, hour(9)); err != nil {
		t.Errorf("a change without a move: %v", err)
	}
}

func TestPatch_Apply_nothingChangesAfterTheEnd(t *testing.T) {
	t.Parallel()
	rules := tocsin.Rules{Final: func(s tocsin.Status) bool { return s == tocsin.Closed }}
	closed := current()
	closed.Status, closed.ResolvedAt = tocsin.Closed, hour(2)
	for _, p := range []tocsin.Patch{{Title: new("down")}, {Status: new(tocsin.Open)}, {AffectedRegions: new([]string{})}} {
		if got, err := p.Apply(closed, rules, hour(9)); tocsin.CodeOf(err) != tocsin.Conflict {
			t.Errorf("%+v on a closed incident: %+v, %v; want a Conflict", p, got, err)
		}
	}
	for _, p := range []tocsin.Patch{{}, {Title: new("slow")}, {Status: new(tocsin.Closed)}, {AffectedRegions: new([]string{"eu"})}} {
		if got, err := p.Apply(closed, rules, hour(9)); err != nil || cmp.Diff(closed, got) != "" {
			t.Errorf("%+v comes to nothing: %v, %s", p, err, cmp.Diff(closed, got))
		}
	}
	if got, err := (tocsin.Patch{Title: new("down")}).Apply(current(), rules, hour(9)); err != nil || got.Title != "down" {
		t.Errorf("an incident under way: %+v, %v", got, err)
	}
}

func TestDraft_Problems(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(*tocsin.Draft)
		bad    []string
	}{
		{"nothing wrong", func(*tocsin.Draft) {}, nil},
		{"no title", func(d *tocsin.Draft) { d.Title = "" }, []string{"title"}},
		{"a blank title", func(d *tocsin.Draft) { d.Title = " " }, []string{"title"}},
		{"no title but a check, which names it", func(d *tocsin.Draft) { d.Title, d.Checks = "", []tocsin.ID{id(1)} }, nil},
		{"a blank title and a check", func(d *tocsin.Draft) { d.Title, d.Checks = " ", []tocsin.ID{id(1)} }, []string{"title"}},
		{"no severity", func(d *tocsin.Draft) { d.Severity = "" }, []string{"severity"}},
		{"no status", func(d *tocsin.Draft) { d.Status = "" }, nil},
		{"a status", func(d *tocsin.Draft) { d.Status = tocsin.Closed }, nil},
		{"a status that is none", func(d *tocsin.Draft) { d.Status = "new" }, []string{"status"}},
		{"no type", func(d *tocsin.Draft) { d.Type = "" }, nil},
		{"a type that is none", func(d *tocsin.Draft) { d.Type = "fire" }, []string{"type"}},
		{"from the system", func(d *tocsin.Draft) { d.Source = tocsin.FromSystem }, nil},
		{"from nowhere", func(d *tocsin.Draft) { d.Source = "" }, []string{"source"}},
		{"no failures", func(d *tocsin.Draft) { d.FailureCount = 0 }, nil},
		{"the most failures", func(d *tocsin.Draft) { d.FailureCount = 1<<31 - 1 }, nil},
		{"more failures", func(d *tocsin.Draft) { d.FailureCount = 1 << 31 }, []string{"failure_count"}},
		{"less than none", func(d *tocsin.Draft) { d.FailureCount = -1 }, []string{"failure_count"}},
		{"begun before there was time", func(d *tocsin.Draft) { d.StartedAt = time.UnixMicro(0) }, []string{"started_at"}},
		{"begun long ago", func(d *tocsin.Draft) { d.StartedAt = time.UnixMicro(1) }, nil},
		{"an error message of 1000 characters", func(d *tocsin.Draft) { d.ErrorMessage = wide(1000) }, nil},
		{"an error message of 1001", func(d *tocsin.Draft) { d.ErrorMessage = wide(1001) }, []string{"error_message"}},
		{"101 regions", func(d *tocsin.Draft) { d.AffectedRegions = regions(101) }, []string{"affected_regions"}},
		{"a region without a name", func(d *tocsin.Draft) { d.AffectedRegions = []string{""} }, []string{"affected_regions"}},
	} {
		d := tocsin.Draft{Title: "down", Severity: tocsin.Major, Type: "timeout", Source: tocsin.FromManual, FailureCount: 3, AffectedRegions: []string{"eu"}}
		c.change(&d)
		if diff := cmp.Diff(c.bad, problemNames(d.Problems())); diff != "" {
			t.Errorf("%s: fields with a problem (-want +got):\n%s", c.name, diff)
		}
	}
}
