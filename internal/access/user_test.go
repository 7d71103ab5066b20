package access_test

import (
	"sync"
	"testing"

	"tocsin"
)

func TestUpdateUser_rules(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	must[*tocsin.User](t)(o.CreateUser(t.Context(), o.system, "Ben", "ben@example.org"))
	text := func(s string) *string { return &s }
	for _, c := range []struct {
		what        string
		user        tocsin.ID
		name, email *string
		want        tocsin.Code
	}{
		{"a name", o.user.ID, text("Ada Lovelace"), nil, ""},
		{"an address", o.user.ID, nil, text("ada.l@example.org"), ""},
		{"another's address", o.user.ID, nil, text("ben@example.org"), tocsin.Conflict},
		{"no address", o.user.ID, nil, text("ada"), tocsin.Invalid},
		{"no name", o.user.ID, text(""), nil, tocsin.Invalid},
		{"nobody", id(9), text("Ada"), nil, tocsin.NotFound},
	} {
		_, err := o.UpdateUser(t.Context(), o.system, c.user, c.name, c.email)
		wantCode(t, c.what, err, c.want)
	}
}

func TestDeactivateUser_endsTheUseOfHisKeysUntilHeIsBack(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ctx := t.Context()
	o.admin(t)
	_, token := o.key(t, tocsin.KeyDraft{})
	ada := must[tocsin.Actor](t)(o.Authenticate(ctx, token))

	gone := must[*tocsin.User](t)(o.DeactivateUser(ctx, o.system, o.user.ID))
	if gone.DeactivatedAt.IsZero() {
		t.Error("the user does not say since when")
	}
	_, err := o.Authenticate(ctx, token)
	wantCode(t, "his token", err, tocsin.Unauthenticated)
	_, err = o.CreateUser(ctx, ada, "Ben", "ben@example.org") // let in a moment before
	wantCode(t, "a change that he began before", err, tocsin.Unauthenticated)
	_, _, err = o.CreateKey(ctx, o.system, tocsin.KeyDraft{Owner: o.user.ID, Name: "another"})
	wantCode(t, "a new key for him", err, tocsin.Conflict)

	again := must[*tocsin.User](t)(o.DeactivateUser(ctx, o.system, o.user.ID))
	if again.Version != gone.Version {
		t.Error("to deactivate him again is a change")
	}
	back := must[*tocsin.User](t)(o.ReactivateUser(ctx, o.system, o.user.ID))
	if !back.DeactivatedAt.IsZero() || back.Version != gone.Version+1 {
		t.Errorf("reactivated: %+v", back)
	}
	must[tocsin.Actor](t)(o.Authenticate(ctx, token))
}

func TestTheLastAdminStays(t *testing.T) {
	t.Parallel()
	s, system := organisation(t)
	ctx := t.Context()
	ada := holder(t, s, system, "ada@example.org", tocsin.RoleAdmin)
	ben := holder(t, s, system, "ben@example.org", tocsin.RoleUser)
	grantOf := func(user tocsin.ID) tocsin.ID {
		return must[[]*tocsin.Grant](t)(s.Access.GrantPage(ctx, system, user, tocsin.ID{}, 10))[0].ID
	}
	_, err := s.Access.DeactivateUser(ctx, ada, ada.User)
	wantCode(t, "the only admin deactivates himself", err, tocsin.Conflict)
	wantCode(t, "the only admin gives up his role", s.Access.RevokeGrant(ctx, ada, grantOf(ada.User)), tocsin.Conflict)
	_, err = s.Access.DeactivateUser(ctx, ada, ben.User)
	wantCode(t, "he deactivates another", err, "")

	// An admin who is deactivated is none who could stay.
	must[*tocsin.Grant](t)(s.Access.Grant(ctx, ada, ben.User, tocsin.RoleAdmin, tocsin.ScopeOrganisation, tocsin.ID{}))
	wantCode(t, "beside a deactivated one", s.Access.RevokeGrant(ctx, ada, grantOf(ada.User)), tocsin.Conflict)
	must[*tocsin.User](t)(s.Access.ReactivateUser(ctx, ada, ben.User))
	wantCode(t, "beside an active one", s.Access.RevokeGrant(ctx, ada, grantOf(ada.User)), "")
	_, err = s.Access.DeactivateUser(ctx, system, ben.User)
	wantCode(t, "the operator may", err, "")
}

// Each of two admins sends the other away at the same moment: one remains.
func TestTheLastAdminStays_whoeverIsQuicker(t *testing.T) {
	t.Parallel()
	for range 10 {
		s, system := organisation(t)
		ada := holder(t, s, system, "ada@example.org", tocsin.RoleAdmin)
		ben := holder(t, s, system, "ben@example.org", tocsin.RoleAdmin)
		var both sync.WaitGroup
		for _, pair := range [][2]tocsin.Actor{{ada, ben}, {ben, ada}} {
			both.Go(func() { _, _ = s.Access.DeactivateUser(t.Context(), pair[0], pair[1].User) })
		}
		both.Wait()
		active := 0
		for _, u := range must[[]*tocsin.User](t)(s.Access.Users(t.Context(), system)) {
			if u.DeactivatedAt.IsZero() {
				active++
			}
		}
		if active != 1 {
			t.Fatalf("%d admins are left; want one", active)
		}
	}
}

func TestGrant_theSameLiveOneIsNotMadeTwice(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ctx := t.Context()
	grant := func() (*tocsin.Grant, error) {
		return o.Grant(ctx, o.system, o.user.ID, tocsin.RoleUser, tocsin.ScopeOrganisation, tocsin.ID{})
	}
	first := must[*tocsin.Grant](t)(grant())
	_, err := grant()
	wantCode(t, "again", err, tocsin.Conflict)
	wantCode(t, "revoke", o.RevokeGrant(ctx, o.system, first.ID), "")
	_, err = grant()
	wantCode(t, "after it was revoked", err, "")
}

func TestUpdateRole_isInForceAtOnce(t *testing.T) {
	t.Parallel()
	s, system := organisation(t)
	ctx := t.Context()
	role := must[*tocsin.Role](t)(s.Access.CreateRole(ctx, system, "Registrar", tocsin.ManageMembers))
	registrar := holder(t, s, system, "ada@example.org", "Registrar")
	must[*tocsin.User](t)(s.Access.CreateUser(ctx, registrar, "Ben", "ben@example.org"))
	look, all := tocsin.ViewIncidents, tocsin.AllPermissions
	must[*tocsin.Role](t)(s.Access.UpdateRole(ctx, system, role.ID, &look))
	_, err := s.Access.CreateUser(ctx, registrar, "Chiara", "chiara@example.org")
	wantCode(t, "what the role does not give any more", err, tocsin.Forbidden)
	_, err = s.Access.UpdateRole(ctx, registrar, role.ID, &all)
	wantCode(t, "to give it to oneself", err, tocsin.Forbidden)
}

func TestPages_showAllInOrder(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ctx := t.Context()
	for _, name := range []string{"b", "c", "d", "e"} {
		must[*tocsin.User](t)(o.CreateUser(ctx, o.system, name, name+"@example.org"))
	}
	var names string
	var after tocsin.ID
	for {
		page := must[[]*tocsin.User](t)(o.UserPage(ctx, o.system, after, 2))
		for _, u := range page {
			names += u.Name
			after = u.ID
		}
		if len(page) < 2 {
			break
		}
	}
	if names != "Adabcde" {
		t.Errorf("pages of two show %q", names)
	}
}

// One sees oneself, and no others without the right to.
func TestUser_isShownToHimself(t *testing.T) {
	t.Parallel()
	s, system := organisation(t)
	admin := holder(t, s, system, "ada@example.org", tocsin.RoleAdmin)
	user := holder(t, s, system, "ben@example.org", tocsin.RoleUser)
	for _, c := range []struct {
		what  string
		actor tocsin.Actor
		user  tocsin.ID
		want  tocsin.Code
	}{
		{"himself", user, user.User, ""},
		{"another", user, admin.User, tocsin.NotFound},
		{"nobody", user, id(9), tocsin.NotFound},
		{"an admin, another", admin, user.User, ""},
	} {
		_, err := s.Access.User(t.Context(), c.actor, c.user)
		wantCode(t, c.what, err, c.want)
	}
}
