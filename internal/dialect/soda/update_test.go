package soda_test

import (
	"strings"
	"testing"
	"time"

	"tocsin"
	"tocsin/internal/dialect/dialecttest"

	"github.com/google/go-cmp/cmp"
)

func TestUpdateChangesWhatTheBodyNames(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	tests := map[string]struct {
		body  string
		apply func(*tocsin.Incident)
	}{
		"title":                {`{"title":"Late again"}`, func(i *tocsin.Incident) { i.Title = "Late again" }},
		"description":          {`{"description":"see the loader"}`, func(i *tocsin.Incident) { i.Description = "see the loader" }},
		"empty description":    {`{"description":""}`, func(i *tocsin.Incident) { i.Description = "" }},
		"resolutionNotes":      {`{"resolutionNotes":"restarted"}`, func(i *tocsin.Incident) { i.ResolutionNotes = "restarted" }},
		"severity":             {`{"severity":"critical"}`, func(i *tocsin.Incident) { i.Severity = tocsin.Critical }},
		"status":               {`{"status":"fixing"}`, func(i *tocsin.Incident) { i.Status = tocsin.Fixing }},
		"several at once":      {`{"title":"T","severity":"minor"}`, func(i *tocsin.Incident) { i.Title, i.Severity = "T", tocsin.Minor }},
		"null keeps":           {`{"title":null,"status":null,"severity":"minor","description":null,"resolutionNotes":null}`, func(i *tocsin.Incident) { i.Severity = tocsin.Minor }},
		"unknown keys pass":    {`{"x":{"y":[1,null]},"__proto__":{"isAdmin":true},"severity":"minor"}`, func(i *tocsin.Incident) { i.Severity = tocsin.Minor }},
		"case counts":          {`{"severity":"minor","Severity":"critical"}`, func(i *tocsin.Incident) { i.Severity = tocsin.Minor }},
		"escapes in a name":    {`{"sever\u0069ty":"critical"}`, func(i *tocsin.Incident) { i.Severity = tocsin.Critical }},
		"text as sent":         {`{"title":"<script>{{7*7}}\u0007\u2028\ufeff=1+1"}`, func(i *tocsin.Incident) { i.Title = "<script>{{7*7}}\u0007\u2028\ufeff=1+1" }},
		"decomposed text":      {`{"title":"Cafe\u0301"}`, func(i *tocsin.Incident) { i.Title = "Cafe\u0301" }},
		"foreign fields":       {`{"number":7,"name":"N","cloudUrl":"x","lead":"x","reporter":"x","organisationId":"x","title":"T"}`, func(i *tocsin.Incident) { i.Title = "T" }},
		"over 64 KiB":          {`{"description":"` + strings.Repeat("d", 64<<10+1) + `"}`, func(i *tocsin.Incident) { i.Description = strings.Repeat("d", 64<<10+1) }},
		"spaces around a body": {" \t\r\n{ \"title\" : \"T\" } \n", func(i *tocsin.Incident) { i.Title = "T" }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			id := f.Incident(t)
			before := f.State(t, id)
			dialecttest.WantStatus(t, f.update(t, id, tt.body), 200)
			after := f.State(t, id)

			want := before.Incident
			tt.apply(&want)
			if diff := cmp.Diff(dialecttest.Fields(&want), dialecttest.Fields(&after.Incident)); diff != "" {
				t.Errorf("the incident is not what was asked for (-want +got):\n%s", diff)
			}
			if after.Log != before.Log+1 || after.Incident.Version != 2 || !after.Incident.UpdatedAt.Equal(f.Clock.Now()) {
				t.Errorf("one change must leave one log entry, one version and its time: %d entries, version %d, updated at %v",
					after.Log-before.Log, after.Incident.Version, after.Incident.UpdatedAt)
			}
		})
	}
}

func TestUpdateThatChangesNothingLeavesNoTrace(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	full := f.Incident(t, func(d *tocsin.Draft) { d.ResolutionNotes = "notes" })
	closed := f.Incident(t, dialecttest.WithStatus(tocsin.Closed))
	warning := f.Incident(t, dialecttest.WithSeverity(tocsin.Warning))
	tests := map[string]struct {
		id   tocsin.ID
		body string
	}{
		"empty object":            {full, `{}`},
		"only nulls":              {full, `{"title":null,"severity":null,"status":null}`},
		"only unknown keys":       {full, `{"a":1,"Severity":"critical","SEVERITY":"critical","ſeverity":"critical"}`},
		"a nested unknown":        {full, `{"x":` + strings.Repeat(`{"a":`, 50) + `1` + strings.Repeat(`}`, 50) + `}`},
		"equal values":            {full, `{"title":"Orders are late","description":"No rows since noon","severity":"major","status":"reported","resolutionNotes":"notes"}`},
		"closed shows resolved":   {closed, `{"status":"resolved"}`},
		"warning shows minor":     {warning, `{"severity":"minor"}`},
		"both, beside equal text": {warning, `{"severity":"minor","status":"reported","title":"Orders are late"}`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			before := f.State(t, tt.id)
			for range 3 {
				dialecttest.WantStatus(t, f.update(t, tt.id, tt.body), 200)
			}
			if diff := cmp.Diff(before, f.State(t, tt.id)); diff != "" {
				t.Errorf("something changed (-before +after):\n%s", diff)
			}
		})
	}
}

func TestAnyStatusMayFollowAny(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	words := map[string]tocsin.Status{
		"reported": tocsin.Open, "investigating": tocsin.Investigating, "fixing": tocsin.Fixing, "resolved": tocsin.Resolved,
	}
	for _, from := range tocsin.Statuses() {
		for word, to := range words {
			t.Run(string(from)+" to "+word, func(t *testing.T) {
				id := f.Incident(t, dialecttest.WithStatus(from), func(d *tocsin.Draft) { d.ResolutionNotes = "kept" })
				got := dialecttest.Decode[incidentBody](t, f.update(t, id, `{"status":"`+word+`"}`).Body)
				if got.Status != word || got.ResolutionNotes == nil || *got.ResolutionNotes != "kept" {
					t.Errorf("the reply shows %+v, want status %s and the notes kept", got, word)
				}
				want := to
				if from == tocsin.Closed && to == tocsin.Resolved {
					want = tocsin.Closed // what is shown was written back
				}
				after := f.State(t, id).Incident
				if after.Status != want || after.ResolvedAt.IsZero() == want.Over() {
					t.Errorf("stored status %s, resolved at %v; want %s, with a time of resolution only when it is over", after.Status, after.ResolvedAt, want)
				}
			})
		}
	}
}

func TestResolutionTimeFollowsTheStatus(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.Incident(t)
	f.update(t, id, `{"status":"resolved"}`)
	resolved := f.Clock.Now()
	if got := f.State(t, id).Incident.ResolvedAt; !got.Equal(resolved) {
		t.Errorf("resolved at %v, want %v", got, resolved)
	}
	f.update(t, id, `{"title":"Still over"}`)
	if got := f.State(t, id).Incident.ResolvedAt; !got.Equal(resolved) {
		t.Errorf("another change moved the time of resolution to %v, want %v", got, resolved)
	}
	f.update(t, id, `{"status":"fixing"}`)
	if got := f.State(t, id).Incident.ResolvedAt; !got.IsZero() {
		t.Errorf("a reopened incident still has the time of resolution %v", got)
	}
}

func TestClosedIncidentStaysClosedWhenItsTextChanges(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.Incident(t, dialecttest.WithStatus(tocsin.Closed))
	got := dialecttest.Decode[incidentBody](t, f.update(t, id, `{"title":"For the record","status":"resolved"}`).Body)
	if got.Name != "For the record" || got.Status != "resolved" {
		t.Errorf("the reply shows %+v, want the new title and resolved", got)
	}
	if after := f.State(t, id).Incident; after.Status != tocsin.Closed || after.Title != "For the record" {
		t.Errorf("stored: %s %q, want closed with the new title", after.Status, after.Title)
	}
}

func TestChangeIsLoggedWithWhoAndThroughWhat(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.Incident(t)
	r := f.Do(t, dialecttest.Call{
		Method: "POST", Path: incidentPath(id), Key: f.Admin, Body: `{"severity":"critical"}`,
		Header: map[string][]string{"User-Agent": {"ticket-sync/2"}},
	})
	dialecttest.WantStatus(t, r, 200)
	history := dialecttest.Must(f.Incidents.History(t.Context(), tocsin.System(f.Acme, "test"), id))(t)
	got := history[len(history)-1]
	want := tocsin.Entry{
		ID: got.ID, Seq: got.Seq, Kind: tocsin.KindIncident, Object: id, Version: 2, Action: "incident.update", At: f.Clock.Now(),
		Actor: tocsin.ActorUser, User: f.Admin.User, Key: f.Admin.ID, Door: "soda",
		Request: r.Header.Get("X-Soda-Trace-Id"), Address: "127.0.0.1", Agent: "ticket-sync/2",
		Fields: []string{"severity"}, Leaf: got.Leaf,
		Changes: []tocsin.FieldChange{{Name: "severity", Old: tocsin.Text("major"), New: tocsin.Text("critical")}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the log entry is not what happened (-want +got):\n%s", diff)
	}
}

func TestMediaTypeIsComparedWithoutCaseAndParameters(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.Incident(t)
	for _, tt := range dialecttest.MediaTypes() {
		before := f.State(t, id)
		r := f.Do(t, dialecttest.Call{Method: "POST", Path: incidentPath(id), Key: f.Admin, Header: tt.Header, Body: `{"title":"as of ` + f.Clock.Now().Format(time.TimeOnly) + `"}`})
		if taken := r.Status == 200; taken != tt.Taken || !taken && r.Status != 400 {
			t.Errorf("%v: got %d %s; taken should be %v", tt.Header, r.Status, r.Body, tt.Taken)
		}
		if changed := !cmp.Equal(before, f.State(t, id)); changed != tt.Taken {
			t.Errorf("%v: answered %d, and changed is %v", tt.Header, r.Status, changed)
		}
	}
}

func TestQueryAndMethodOverrideAreIgnored(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.Incident(t)
	r := f.Do(t, dialecttest.Call{
		Method: "POST", Path: incidentPath(id) + "?severity=critical&status=resolved", Key: f.Admin, Body: `{"title":"T"}`,
		Header: map[string][]string{"X-Http-Method-Override": {"DELETE"}},
	})
	dialecttest.WantStatus(t, r, 200)
	if got := f.State(t, id).Incident; got.Severity != tocsin.Major || got.Status != tocsin.Open || got.Title != "T" {
		t.Errorf("the query or the override had an effect: %+v", got)
	}
}
