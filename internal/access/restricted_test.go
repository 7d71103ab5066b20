package access_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"tocsin"
)

// A restricted key hands out no right that it does not have: not by a role, not
// by what a role may do, not by a longer life of another key.
func TestARestrictedKeyGivesNoMoreThanItHas(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.admin(t)
	ctx := t.Context()
	friend := must[*tocsin.User](t)(o.CreateUser(ctx, o.system, "Fred", "fred@example.org")).ID
	role := func(name string, p tocsin.Permissions) *tocsin.Role {
		return must[*tocsin.Role](t)(o.CreateRole(ctx, o.system, name, p))
	}
	within, beyond := tocsin.ManageMembers|tocsin.ViewIncidents, tocsin.ManageMembers|tocsin.ViewAudit
	role("within", within)
	role("beyond", beyond)
	grows := role("grows", tocsin.ManageSettings)
	members := o.with(t, tocsin.KeyDraft{Permissions: within})
	free := o.with(t, tocsin.KeyDraft{})

	grant := func(by tocsin.Actor, role string) error {
		_, err := o.Grant(ctx, by, friend, role, tocsin.ScopeOrganisation, tocsin.ID{})
		return err
	}
	update := func(by tocsin.Actor, p tocsin.Permissions) error {
		_, err := o.UpdateRole(ctx, by, grows.ID, &p)
		return err
	}
	soon := time.Now().Add(time.Hour)
	ending, _ := o.key(t, tocsin.KeyDraft{ExpiresAt: soon})
	narrow, _ := o.key(t, tocsin.KeyDraft{ExpiresAt: soon, Permissions: tocsin.ViewIncidents})
	expire := func(by tocsin.Actor, k *tocsin.APIKey, at time.Time) error {
		_, err := o.UpdateKey(ctx, by, k.ID, nil, &at)
		return err
	}
	for _, c := range []struct {
		what string
		err  error
		want tocsin.Code
	}{
		{"it makes an Admin", grant(members, tocsin.RoleAdmin), tocsin.Forbidden},
		{"it gives a role beyond", grant(members, "beyond"), tocsin.Forbidden},
		{"it gives a role within", grant(members, "within"), ""},
		{"it gives a role that may do nothing", grant(members, tocsin.RoleUser), ""},
		{"an unrestricted key gives a role beyond", grant(free, "beyond"), ""},
		{"it adds to a role what it has", update(members, tocsin.ManageSettings|tocsin.ViewIncidents), ""},
		{"it adds to a role what it has not", update(members, tocsin.ManageSettings|tocsin.ViewAudit), tocsin.Forbidden},
		{"it takes from a role what it has not", update(members, tocsin.ViewIncidents), ""},
		{"an unrestricted key adds what it likes", update(free, tocsin.AllPermissions), ""},
		{"it lengthens a life", expire(members, ending, soon.Add(time.Hour)), tocsin.Forbidden},
		{"it makes one endless", expire(members, ending, time.Time{}), tocsin.Forbidden},
		{"it shortens a life", expire(members, ending, soon.Add(-time.Minute)), ""},
		{"it lengthens that of a narrower key", expire(members, narrow, time.Time{}), ""},
		{"an unrestricted key lengthens a life", expire(free, ending, time.Time{}), ""},
	} {
		wantCode(t, c.what, c.err, c.want)
	}
}

// A key that was found on a wallboard ends itself, but does not lock its owner out.
func TestEndKey_aRestrictedKeyEndsNoneOfItsOwnersThatMayDoMore(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.admin(t)
	whole, _ := o.key(t, tocsin.KeyDraft{})
	other, _ := o.key(t, tocsin.KeyDraft{Permissions: tocsin.ViewIncidents})
	wall := o.with(t, tocsin.KeyDraft{Permissions: tocsin.ViewIncidents})
	members := o.with(t, tocsin.KeyDraft{Permissions: tocsin.ManageMembers})
	end := func(by tocsin.Actor, key tocsin.ID) error {
		_, err := o.EndKey(t.Context(), by, key)
		return err
	}
	wantCode(t, "the whole one", end(wall, whole.ID), tocsin.Forbidden)
	wantCode(t, "its like", end(wall, other.ID), "")
	wantCode(t, "itself", end(wall, wall.Key), "")
	wantCode(t, "the whole one, by a key of members", end(members, whole.ID), "")
}

// A key that is bound to a project sees no key of its owner's that is not.
func TestKeys_ofOnesOwnThroughAProjectsKey(t *testing.T) {
	t.Parallel()
	s, system := organisation(t)
	ctx := t.Context()
	user := holder(t, s, system, "ben@example.org", tocsin.RoleUser)
	project := func(name string) tocsin.ID {
		return must[*tocsin.Project](t)(s.Directory.CreateProject(ctx, system, name)).ID
	}
	key := func(in tocsin.ID) (*tocsin.APIKey, tocsin.Actor) {
		k, token, err := s.Access.CreateKey(ctx, system, tocsin.KeyDraft{Owner: user.User, Name: "script", Project: in})
		if err != nil {
			t.Fatal(err)
		}
		return k, must[tocsin.Actor](t)(s.Access.Authenticate(ctx, token))
	}
	shop, depot := project("shop"), project("depot")
	mine, bound := key(shop)
	other, _ := key(depot)
	found := must[[]*tocsin.APIKey](t)(s.Access.KeyPage(ctx, bound, tocsin.ID{}, 10))
	if len(found) != 1 || found[0].ID != mine.ID {
		t.Errorf("the shop's key is shown %d keys; want itself", len(found))
	}
	for _, id := range []tocsin.ID{user.Key, other.ID} {
		_, err := s.Access.Key(ctx, bound, id)
		wantCode(t, "read another", err, tocsin.NotFound)
		wantCode(t, "revoke another", s.Access.RevokeKey(ctx, bound, id), tocsin.NotFound)
	}
	wantCode(t, "revoke itself", s.Access.RevokeKey(ctx, bound, mine.ID), "")
}

// Whoever meets an address that is taken is told so, and not of a name.
func TestAnAddressThatIsTaken_isCalledSo(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	_, token := o.invite(t, "ben@example.org", 0)
	ben := must[*tocsin.User](t)(o.CreateUser(t.Context(), o.system, "Ben", "ben@example.org"))
	_, made := o.CreateUser(t.Context(), o.system, "Another", "ben@example.org")
	ada := o.user.Email
	_, changed := o.UpdateUser(t.Context(), o.system, ben.ID, nil, &ada)
	_, _, _, accepted := o.Accept(t.Context(), guest, token, "Ben")
	for what, err := range map[string]error{"made": made, "changed": changed, "accepted": accepted} {
		var own *tocsin.Error
		if !errors.As(err, &own) || own.Code != tocsin.Conflict || !strings.HasPrefix(own.Message, "there is a user with this email already") {
			t.Errorf("%s: %v; want a conflict over the email", what, err)
		}
	}
}
