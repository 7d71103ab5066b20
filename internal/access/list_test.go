package access_test

import (
	"log/slog"
	"testing"
	"time"

	"tocsin"
	"tocsin/internal/app"
)

type unobserved struct{}

func (unobserved) Committed(int, time.Duration) {}
func (unobserved) Refused(string)               {}

// must returns what a step made, or fails the test.
func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// organisation opens an empty database and makes an organisation in it.
func organisation(t *testing.T) (app.Services, tocsin.Actor) {
	t.Helper()
	s := must[app.Services](t)(open(t))
	org := must[*tocsin.Organisation](t)(s.Directory.CreateOrganisation(t.Context(), "test", "Meridian"))
	return s, tocsin.System(org.ID, "test")
}

func open(t *testing.T) (app.Services, error) {
	s, err := app.OpenStore(t.Context(), app.Database{Dir: t.TempDir()}, slog.New(slog.DiscardHandler), unobserved{})
	if err != nil {
		return app.Services{}, err
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return app.NewServices(s), nil
}

// holder makes a user with a role in the organisation, and returns the actor
// that his key makes of a request.
func holder(t *testing.T, s app.Services, system tocsin.Actor, email, role string) tocsin.Actor {
	t.Helper()
	ctx := t.Context()
	u := must[*tocsin.User](t)(s.Access.CreateUser(ctx, system, "Somebody", email))
	must[*tocsin.Grant](t)(s.Access.Grant(ctx, system, u.ID, role, tocsin.ScopeOrganisation, system.Org))
	_, token, err := s.Access.CreateKey(ctx, system, tocsin.KeyDraft{Owner: u.ID, Name: "script"})
	if err != nil {
		t.Fatal(err)
	}
	return must[tocsin.Actor](t)(s.Access.Authenticate(ctx, token))
}

func TestThoseWhoManageMembersSeeThem(t *testing.T) {
	t.Parallel()
	s, system := organisation(t)
	ctx := t.Context()
	admin := holder(t, s, system, "ada@example.org", tocsin.RoleAdmin)
	must[*tocsin.Role](t)(s.Access.CreateRole(ctx, system, "Observer", tocsin.ViewIncidents))

	users := must[[]*tocsin.User](t)(s.Access.Users(ctx, admin))
	if len(users) != 1 || users[0].Email != "ada@example.org" {
		t.Errorf("Users returns %d users; want the one that was made", len(users))
	}
	roles := must[[]*tocsin.Role](t)(s.Access.Roles(ctx, admin))
	if len(roles) != 1 || roles[0].Name != "Observer" {
		t.Errorf("Roles returns %d roles; want only the organisation's own", len(roles))
	}
	grants := must[[]*tocsin.Grant](t)(s.Access.Grants(ctx, admin))
	if err := s.Access.RevokeGrant(ctx, system, grants[0].ID); err != nil {
		t.Fatal(err)
	}
	if grants = must[[]*tocsin.Grant](t)(s.Access.Grants(ctx, system)); len(grants) != 1 || grants[0].RevokedAt.IsZero() {
		t.Error("Grants leaves out a revoked grant, or does not show that it is revoked")
	}
}

func TestKeysComeWithTheirLastUse(t *testing.T) {
	t.Parallel()
	s, system := organisation(t)
	ctx := t.Context()
	used := holder(t, s, system, "ada@example.org", tocsin.RoleAdmin) // by being authenticated
	unused, _, err := s.Access.CreateKey(ctx, system, tocsin.KeyDraft{Owner: used.User, Name: "spare"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Access.FlushUses(ctx); err != nil {
		t.Fatal(err)
	}
	keys, uses, err := s.Access.Keys(ctx, system)
	if err != nil || len(keys) != 2 {
		t.Fatalf("Keys returns %d keys and %v; want both", len(keys), err)
	}
	if uses[used.Key].IsZero() {
		t.Error("a key that was used has no last use")
	}
	if at, known := uses[unused.ID]; known {
		t.Errorf("a key that was never used was used at %v", at)
	}
}

func TestMembersAreNotListedToOthers(t *testing.T) {
	t.Parallel()
	s, system := organisation(t)
	ctx := t.Context()
	owner := holder(t, s, system, "ada@example.org", tocsin.RoleAdmin)
	restricted := tocsin.KeyDraft{Owner: owner.User, Name: "wallboard"}
	restricted.Permissions = tocsin.ViewIncidents
	_, token, err := s.Access.CreateKey(ctx, system, restricted)
	if err != nil {
		t.Fatal(err)
	}
	others := map[string]tocsin.Actor{
		"a user without rights":             holder(t, s, system, "ben@example.org", tocsin.RoleUser),
		"an admin's key that may only look": must[tocsin.Actor](t)(s.Access.Authenticate(ctx, token)),
	}
	for who, actor := range others {
		_, users := s.Access.Users(ctx, actor)
		_, roles := s.Access.Roles(ctx, actor)
		_, grants := s.Access.Grants(ctx, actor)
		_, _, keys := s.Access.Keys(ctx, actor)
		for what, err := range map[string]error{"users": users, "roles": roles, "grants": grants, "keys": keys} {
			if tocsin.CodeOf(err) != tocsin.Forbidden {
				t.Errorf("%s asking for %s gets %v; want Forbidden", who, what, err)
			}
		}
	}
}
