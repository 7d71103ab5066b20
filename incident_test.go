package tocsin_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin"
)

// Times of an incident's story, an hour apart.
func hour(n int) time.Time { return time.Date(2026, 3, 1, n, 0, 0, 0, time.UTC) }

func TestSeverityAndStatus_listsAreWhatIsValid(t *testing.T) {
	t.Parallel()
	for _, s := range tocsin.Severities() {
		if !s.Valid() {
			t.Errorf("severity %q is listed but not valid", s)
		}
	}
	for _, s := range tocsin.Statuses() {
		if !s.Valid() {
			t.Errorf("status %q is listed but not valid", s)
		}
	}
	for _, word := range []string{"", "Open", "open ", "reported", "acknowledged", "Critical", "info"} {
		if tocsin.Severity(word).Valid() || tocsin.Status(word).Valid() {
			t.Errorf("%q is valid; want only the exact words", word)
		}
	}
}

func TestStatus_phases(t *testing.T) {
	t.Parallel()
	type phase struct{ Acknowledged, Over bool }
	got := map[tocsin.Status]phase{}
	for _, s := range tocsin.Statuses() {
		got[s] = phase{s.Acknowledged(), s.Over()}
	}
	want := map[tocsin.Status]phase{
		tocsin.Open: {}, tocsin.Investigating: {Acknowledged: true}, tocsin.Fixing: {Acknowledged: true},
		tocsin.Resolved: {Over: true}, tocsin.Closed: {Over: true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("phases (-want +got):\n%s", diff)
	}
}

// Every move from every status, with and without the times that an incident may
// already have. "kept" is hour 1 or 2, "now" is hour 9.
func TestIncident_MoveTo(t *testing.T) {
	t.Parallel()
	const none, kept, now = "", "kept", "now"
	type times struct{ Acknowledged, Resolved string }
	// What becomes of the times depends on where the move leads, not on where
	// it begins.
	want := map[tocsin.Status]map[times]times{
		tocsin.Open: {
			{none, none}: {none, none}, {kept, none}: {none, none},
			{none, kept}: {none, none}, {kept, kept}: {none, none},
		},
		tocsin.Investigating: {
			{none, none}: {now, none}, {kept, none}: {kept, none},
			{none, kept}: {now, none}, {kept, kept}: {kept, none},
		},
		tocsin.Fixing: {
			{none, none}: {now, none}, {kept, none}: {kept, none},
			{none, kept}: {now, none}, {kept, kept}: {kept, none},
		},
		tocsin.Resolved: {
			{none, none}: {none, now}, {kept, none}: {kept, now},
			{none, kept}: {none, kept}, {kept, kept}: {kept, kept},
		},
		tocsin.Closed: {
			{none, none}: {none, now}, {kept, none}: {kept, now},
			{none, kept}: {none, kept}, {kept, kept}: {kept, kept},
		},
	}
	at := func(word string, before int) time.Time {
		return map[string]time.Time{none: {}, kept: hour(before), now: hour(9)}[word]
	}
	for _, from := range tocsin.Statuses() {
		for to, moves := range want {
			for before, after := range moves {
				inc := tocsin.Incident{Status: from, AcknowledgedAt: at(before.Acknowledged, 1), ResolvedAt: at(before.Resolved, 2)}
				inc.MoveTo(to, hour(9))
				if inc.Status != to {
					t.Errorf("%s to %s: status is %s", from, to, inc.Status)
				}
				if !inc.AcknowledgedAt.Equal(at(after.Acknowledged, 1)) {
					t.Errorf("%s to %s with %+v: acknowledged at %v; want %q", from, to, before, inc.AcknowledgedAt, after.Acknowledged)
				}
				if !inc.ResolvedAt.Equal(at(after.Resolved, 2)) {
					t.Errorf("%s to %s with %+v: resolved at %v; want %q", from, to, before, inc.ResolvedAt, after.Resolved)
				}
			}
		}
	}
}
