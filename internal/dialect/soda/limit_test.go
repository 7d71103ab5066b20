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
	"tocsin/internal/dialect"
	"tocsin/internal/dialect/dialecttest"

	"github.com/google/go-cmp/cmp"
)

func TestEachOperationHasItsLimit(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.Incident(t)
	for name, tt := range map[string]struct {
		call   dialecttest.Call
		limit  int
		window time.Duration
	}{
		"update":     {dialecttest.Call{Method: "POST", Path: incidentPath(id), Body: `{"title":"T"}`}, 10, time.Minute},
		"create":     {dialecttest.Call{Method: "POST", Path: "/api/v1/incidents", Body: createBody(f)}, 10, time.Minute},
		"list":       {dialecttest.Call{Method: "GET", Path: "/api/v1/incidents"}, 60, time.Minute},
		"test-login": {dialecttest.Call{Method: "GET", Path: "/api/v1/test-login"}, 10, 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			f.Clock.Advance(time.Hour)
			tt.call.Key = f.Admin
			for i := range tt.limit {
				if r := f.Send(t, tt.call); r.Status != 200 {
					t.Fatalf("call %d of %d: got %d %s", i+1, tt.limit, r.Status, r.Body)
				}
				f.Clock.Advance(time.Millisecond)
			}
			before := f.State(t, id)
			refused := f.Send(t, tt.call)
			wantError(t, refused, 429, "too_many_requests", strconv.Itoa(tt.limit))
			dialecttest.Unchanged(t, before, f.State(t, id))
			seconds, err := strconv.Atoi(refused.Header.Get("Retry-After"))
			if err != nil || time.Duration(seconds)*time.Second > tt.window {
				t.Fatalf("Retry-After %q, want whole seconds of at most the window, %v", refused.Header.Get("Retry-After"), tt.window)
			}
			f.Clock.Advance(time.Duration(seconds) * time.Second)
			dialecttest.WantStatus(t, f.Send(t, tt.call), 200)
		})
	}
}

func TestLimitSlidesInsteadOfStartingAnew(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	c := dialecttest.Call{Method: "POST", Path: incidentPath(f.Incident(t)), Body: `{}`, Key: f.Admin}
	f.Clock.Advance(59_900 * time.Millisecond)
	for range 10 {
		dialecttest.WantStatus(t, f.Send(t, c), 200)
	}
	f.Clock.Advance(200 * time.Millisecond)
	for range 10 {
		dialecttest.WantStatus(t, f.Send(t, c), 429)
	}
	f.Clock.Advance(59_800 * time.Millisecond)
	dialecttest.WantStatus(t, f.Send(t, c), 200)
}

func TestRefusedCallsCountToo(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.Incident(t)
	onlooker := f.Key(t, f.Acme, dialecttest.Granted(f.Onlooker(t), tocsin.ScopeProject, f.Warehouse))
	for name, tt := range map[string]struct {
		call   dialecttest.Call
		status int
	}{
		"bad body":         {dialecttest.Call{Path: incidentPath(id), Body: `{`, Key: f.Admin}, 400},
		"unknown incident": {dialecttest.Call{Path: "/api/v1/incidents/nothing", Body: `{}`, Key: f.Admin}, 404},
		"forbidden":        {dialecttest.Call{Path: incidentPath(id), Body: `{}`, Key: onlooker}, 403},
	} {
		t.Run(name, func(t *testing.T) {
			f.Clock.Advance(time.Hour)
			tt.call.Method = "POST"
			for range 10 {
				dialecttest.WantStatus(t, f.Send(t, tt.call), tt.status)
			}
			dialecttest.WantStatus(t, f.Send(t, tt.call), 429)
			good := dialecttest.Call{Method: "POST", Path: incidentPath(id), Body: `{}`, Key: tt.call.Key}
			dialecttest.WantStatus(t, f.Send(t, good), 429)
		})
	}
}

func TestFailedCredentialsDoNotUseUpTheVictimsLimit(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.Incident(t)
	for range 20 {
		c := dialecttest.Call{Method: "POST", Path: incidentPath(id), Body: `{}`, Header: map[string][]string{"Authorization": {basic(f.Admin.ID.String() + ":guess")}}}
		dialecttest.WantStatus(t, f.Send(t, c), 401)
	}
	dialecttest.WantStatus(t, f.Send(t, dialecttest.Call{Method: "POST", Path: incidentPath(id), Body: `{}`, Key: f.Admin}), 200)
}

func TestLimitIsPerKeyAndOperation(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.Incident(t)
	second := f.KeyOf(t, f.Acme, tocsin.KeyDraft{Owner: f.Admin.User, Name: "second"})
	c := dialecttest.Call{Method: "POST", Path: incidentPath(id), Body: `{}`, Key: f.Admin}
	for range 10 {
		dialecttest.WantStatus(t, f.Send(t, c), 200)
	}
	dialecttest.WantStatus(t, f.Send(t, c), 429)
	c.Key = second
	dialecttest.WantStatus(t, f.Send(t, c), 200)
	dialecttest.WantStatus(t, f.Send(t, dialecttest.Call{Method: "GET", Path: "/api/v1/incidents", Key: f.Admin}), 200)
	dialecttest.WantStatus(t, f.Send(t, dialecttest.Call{Method: "GET", Path: "/api/v1/test-login", Key: f.Admin}), 200)
	dialecttest.WantStatus(t, f.Send(t, dialecttest.Call{Method: "POST", Path: "/api/v1/incidents", Body: createBody(f), Key: f.Admin}), 200)
}

func TestBrokenLimiterStopsNobody(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(d *dialect.Deps) {
		d.Admit = func(context.Context, tocsin.ID, string, int, time.Duration) (time.Duration, error) {
			return 0, errors.New("the limiter is down")
		}
	})
	dialecttest.WantStatus(t, f.update(t, f.Incident(t), `{"title":"T"}`), 200)
	if !strings.Contains(f.Log.String(), "the limiter is down") {
		t.Errorf("the log does not say so:\n%s", f.Log.String())
	}
}

func TestOnlyAsManyPassAtOnceAsTheLimitSays(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	c := dialecttest.Call{Method: "POST", Path: incidentPath(f.Incident(t)), Body: `{}`, Key: f.Admin}
	var mu sync.Mutex
	passed := map[int]int{}
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			r := f.Send(t, c)
			mu.Lock()
			defer mu.Unlock()
			passed[r.Status]++
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
	id := f.Incident(t)
	keys := []dialecttest.Key{f.Admin}
	for len(keys) < 8 {
		keys = append(keys, f.KeyOf(t, f.Acme, tocsin.KeyDraft{Owner: f.Admin.User, Name: "another"}))
	}
	before := f.State(t, id)
	var all sync.WaitGroup
	for i := range 64 {
		member := []string{"title", "description", "resolutionNotes"}[i%3]
		all.Go(func() {
			r := f.Send(t, dialecttest.Call{Method: "POST", Path: incidentPath(id), Body: fmt.Sprintf(`{%q:"value %d"}`, member, i), Key: keys[i%len(keys)]})
			if r.Status != 200 {
				t.Errorf("update %d: got %d %s, want 200", i, r.Status, r.Body)
			}
		})
	}
	all.Wait()
	after := f.State(t, id)
	if after.Incident.Version != before.Incident.Version+64 || after.Log != before.Log+64 {
		t.Errorf("64 updates made %d versions and %d log entries", after.Incident.Version-before.Incident.Version, after.Log-before.Log)
	}
	for name, value := range map[string]string{"title": after.Incident.Title, "description": after.Incident.Description, "notes": after.Incident.ResolutionNotes} {
		if !strings.HasPrefix(value, "value ") {
			t.Errorf("every update of the %s was lost: it is %q", name, value)
		}
	}
}
