package soda_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"tocsin"
	"tocsin/internal/access"
	"tocsin/internal/dialect"

	"github.com/google/go-cmp/cmp"
)

func TestEachOperationHasItsLimit(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.incident(t)
	for name, tt := range map[string]struct {
		call   call
		limit  int
		window time.Duration
	}{
		"update":     {call{method: "POST", path: incidentPath(id), body: `{"title":"T"}`}, 10, time.Minute},
		"create":     {call{method: "POST", path: "/api/v1/incidents", body: createBody(f)}, 10, time.Minute},
		"list":       {call{method: "GET", path: "/api/v1/incidents"}, 60, time.Minute},
		"test-login": {call{method: "GET", path: "/api/v1/test-login"}, 10, 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			f.clock.advance(time.Hour)
			tt.call.key = f.admin
			for i := range tt.limit {
				if r := f.send(t, tt.call); r.status != 200 {
					t.Fatalf("call %d of %d: got %d %s", i+1, tt.limit, r.status, r.body)
				}
				f.clock.advance(time.Millisecond)
			}
			before := f.state(t, id)
			refused := f.send(t, tt.call)
			wantError(t, refused, 429, "too_many_requests", strconv.Itoa(tt.limit))
			if diff := cmp.Diff(before, f.state(t, id)); diff != "" {
				t.Errorf("a call over the limit left something (-before +after):\n%s", diff)
			}
			seconds, err := strconv.Atoi(refused.header.Get("Retry-After"))
			if err != nil || time.Duration(seconds)*time.Second > tt.window {
				t.Fatalf("Retry-After %q, want whole seconds of at most the window, %v", refused.header.Get("Retry-After"), tt.window)
			}
			f.clock.advance(time.Duration(seconds) * time.Second)
			wantStatus(t, f.send(t, tt.call), 200)
		})
	}
}

func TestLimitSlidesInsteadOfStartingAnew(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	c := call{method: "POST", path: incidentPath(f.incident(t)), body: `{}`, key: f.admin}
	f.clock.advance(59_900 * time.Millisecond)
	for range 10 {
		wantStatus(t, f.send(t, c), 200)
	}
	f.clock.advance(200 * time.Millisecond)
	for range 10 {
		wantStatus(t, f.send(t, c), 429)
	}
	f.clock.advance(59_800 * time.Millisecond)
	wantStatus(t, f.send(t, c), 200)
}

func TestRefusedCallsCountToo(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.incident(t)
	onlooker := f.key(t, f.acme, grant{f.viewerRole(t), tocsin.ScopeProject, f.warehouse})
	for name, tt := range map[string]struct {
		call   call
		status int
	}{
		"bad body":         {call{path: incidentPath(id), body: `{`, key: f.admin}, 400},
		"unknown incident": {call{path: "/api/v1/incidents/nothing", body: `{}`, key: f.admin}, 404},
		"forbidden":        {call{path: incidentPath(id), body: `{}`, key: onlooker}, 403},
	} {
		t.Run(name, func(t *testing.T) {
			f.clock.advance(time.Hour)
			tt.call.method = "POST"
			for range 10 {
				wantStatus(t, f.send(t, tt.call), tt.status)
			}
			wantStatus(t, f.send(t, tt.call), 429)
			good := call{method: "POST", path: incidentPath(id), body: `{}`, key: tt.call.key}
			wantStatus(t, f.send(t, good), 429)
		})
	}
}

func TestFailedCredentialsDoNotUseUpTheVictimsLimit(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.incident(t)
	for range 20 {
		c := call{method: "POST", path: incidentPath(id), body: `{}`, header: map[string][]string{"Authorization": {basic(f.admin.id.String() + ":guess")}}}
		wantStatus(t, f.send(t, c), 401)
	}
	wantStatus(t, f.send(t, call{method: "POST", path: incidentPath(id), body: `{}`, key: f.admin}), 200)
}

func TestLimitIsPerKeyAndOperation(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.incident(t)
	second := f.keyOf(t, f.acme, access.KeyDraft{Owner: f.admin.user, Name: "second"})
	c := call{method: "POST", path: incidentPath(id), body: `{}`, key: f.admin}
	for range 10 {
		wantStatus(t, f.send(t, c), 200)
	}
	wantStatus(t, f.send(t, c), 429)
	c.key = second
	wantStatus(t, f.send(t, c), 200)
	wantStatus(t, f.send(t, call{method: "GET", path: "/api/v1/incidents", key: f.admin}), 200)
	wantStatus(t, f.send(t, call{method: "GET", path: "/api/v1/test-login", key: f.admin}), 200)
	wantStatus(t, f.send(t, call{method: "POST", path: "/api/v1/incidents", body: createBody(f), key: f.admin}), 200)
}

func TestBrokenLimiterStopsNobody(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(_ *fixture, d *dialect.Deps) {
		d.Admit = func(context.Context, tocsin.ID, string, int, time.Duration) (time.Duration, error) {
			return 0, errors.New("the limiter is down")
		}
	})
	wantStatus(t, f.update(t, f.incident(t), `{"title":"T"}`), 200)
	if !strings.Contains(f.log.String(), "the limiter is down") {
		t.Errorf("the log does not say so:\n%s", f.log.String())
	}
}

func TestOnlyAsManyPassAtOnceAsTheLimitSays(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	c := call{method: "POST", path: incidentPath(f.incident(t)), body: `{}`, key: f.admin}
	var mu sync.Mutex
	passed := map[int]int{}
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			r := f.send(t, c)
			mu.Lock()
			defer mu.Unlock()
			passed[r.status]++
		})
	}
	all.Wait()
	if want := (map[int]int{200: 10, 429: 40}); !cmp.Equal(want, passed) {
		t.Errorf("50 calls at once were answered %v, want %v", passed, want)
	}
}

func TestParallelUpdatesLoseNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.incident(t)
	keys := []key{f.admin}
	for len(keys) < 8 {
		keys = append(keys, f.keyOf(t, f.acme, access.KeyDraft{Owner: f.admin.user, Name: "another"}))
	}
	before := f.state(t, id)
	var all sync.WaitGroup
	for i := range 64 {
		member := []string{"title", "description", "resolutionNotes"}[i%3]
		all.Go(func() {
			r := f.send(t, call{method: "POST", path: incidentPath(id), body: fmt.Sprintf(`{%q:"value %d"}`, member, i), key: keys[i%len(keys)]})
			if r.status != 200 {
				t.Errorf("update %d: got %d %s, want 200", i, r.status, r.body)
			}
		})
	}
	all.Wait()
	after := f.state(t, id)
	if after.Incident.Version != before.Incident.Version+64 || after.Log != before.Log+64 {
		t.Errorf("64 updates made %d versions and %d log entries", after.Incident.Version-before.Incident.Version, after.Log-before.Log)
	}
	for name, value := range map[string]string{"title": after.Incident.Title, "description": after.Incident.Description, "notes": after.Incident.ResolutionNotes} {
		if !strings.HasPrefix(value, "value ") {
			t.Errorf("every update of the %s was lost: it is %q", name, value)
		}
	}
}
