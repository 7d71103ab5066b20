package demo_test

import (
	"context"
	"log/slog"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin"
	"tocsin/internal/app"
	"tocsin/internal/demo"
	"tocsin/internal/metrics"
)

func open(t *testing.T) (app.Services, demo.UseCases) {
	t.Helper()
	s, err := app.OpenStore(t.Context(), app.Database{Dir: t.TempDir()}, slog.New(slog.DiscardHandler), metrics.New())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	u := app.NewServices(s)
	return u, demo.UseCases{Access: u.Access, Incidents: u.Incidents, Directory: u.Directory}
}

func seed(t *testing.T, u demo.UseCases) demo.Result {
	t.Helper()
	r, err := demo.Seed(t.Context(), u, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func parse(t *testing.T, text string) tocsin.ID {
	t.Helper()
	id, ok := tocsin.ParseID(text)
	if !ok {
		t.Fatalf("%q is no id", text)
	}
	return id
}

func TestSeed_namesAllThatScriptsNeed(t *testing.T) {
	t.Parallel()
	_, u := open(t)
	r := reflect.ValueOf(seed(t, u))
	for i := range r.NumField() {
		if name := r.Type().Field(i).Name; r.Field(i).IsZero() && name != "URL" { // which the server knows
			t.Errorf("%s is empty", name)
		}
	}
}

// What each key may do to an incident is what the demo is there to show.
func TestSeed_keysMayWhatTheirNamesSay(t *testing.T) {
	t.Parallel()
	s, u := open(t)
	r := seed(t, u)
	const ok, forbidden, hidden = tocsin.Code(""), tocsin.Forbidden, tocsin.NotFound
	for name, c := range map[string]struct {
		id, token                         string
		incident, otherProject, otherData tocsin.Code
	}{
		"UptimeIOKey":             {"", r.UptimeIOKey, ok, hidden, ok},
		"UptimeIOReadonlyKey":     {"", r.UptimeIOReadonlyKey, forbidden, hidden, forbidden},
		"UptimeIOOtherProjectKey": {"", r.UptimeIOOtherProjectKey, hidden, ok, hidden},
		"SodaKey":                 {r.SodaKeyID, r.SodaKeySecret, ok, ok, ok},
		"SodaEditorKey":           {r.SodaEditorKeyID, r.SodaEditorKeySecret, ok, hidden, hidden},
		"SodaViewerKey":           {r.SodaViewerKeyID, r.SodaViewerKeySecret, forbidden, hidden, hidden},
		"SodaOtherOrgKey":         {r.SodaOtherOrgKeyID, r.SodaOtherOrgKeySecret, hidden, hidden, hidden},
	} {
		authenticate := func(ctx context.Context) (tocsin.Actor, error) { return u.Access.Authenticate(ctx, c.token) }
		if c.id != "" {
			authenticate = func(ctx context.Context) (tocsin.Actor, error) { return u.Access.AuthenticateKey(ctx, c.id, c.token) }
		}
		actor, err := authenticate(t.Context())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := map[string]tocsin.Code{}
		for what, id := range map[string]string{"incident": r.IncidentID, "other project": r.OtherProjectIncidentID, "other data": r.DatasetTwoIncidentID} {
			_, err := s.Incidents.Manageable(t.Context(), actor, parse(t, id))
			got[what] = tocsin.CodeOf(err)
		}
		want := map[string]tocsin.Code{"incident": c.incident, "other project": c.otherProject, "other data": c.otherData}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s manages (-want +got):\n%s", name, diff)
		}
	}
}

func TestSeed_isTheSameEachTime(t *testing.T) {
	t.Parallel()
	var told [2][]string
	for i := range told {
		s, u := open(t)
		seed(t, u)
		orgs, err := u.Directory.Organisations(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, org := range orgs {
			page, _, err := s.Incidents.List(t.Context(), tocsin.System(org.ID, "test"), tocsin.IncidentQuery{Limit: 100})
			if err != nil {
				t.Fatal(err)
			}
			told[i] = append(told[i], org.Name)
			for _, inc := range page {
				told[i] = append(told[i], inc.Title, string(inc.Severity), string(inc.Status), inc.ErrorMessage)
			}
		}
	}
	if diff := cmp.Diff(told[0], told[1]); diff != "" || len(told[0]) < 20 {
		t.Errorf("two demos tell of %d things, and differ:\n%s", len(told[0]), diff)
	}
}

func TestSeed_leavesADatabaseThatIsInUseAlone(t *testing.T) {
	t.Parallel()
	_, u := open(t)
	if _, err := u.Directory.CreateOrganisation(t.Context(), "test", "Somebody's"); err != nil {
		t.Fatal(err)
	}
	if _, err := demo.Seed(t.Context(), u, time.Now()); tocsin.CodeOf(err) != tocsin.Conflict {
		t.Errorf("%v; want a Conflict", err)
	}
	if orgs, err := u.Directory.Organisations(t.Context()); err != nil || len(orgs) != 1 {
		t.Errorf("%d organisations, %v; want the one that was there", len(orgs), err)
	}
}
