package access_test

import (
	"slices"
	"testing"
	"time"

	"tocsin"
	"tocsin/internal/store"
)

// with returns the actor of a new key that a draft restricts.
func (o *office) with(t *testing.T, d tocsin.KeyDraft) tocsin.Actor {
	t.Helper()
	_, token := o.key(t, d)
	return must[tocsin.Actor](t)(o.Authenticate(t.Context(), token))
}

// admin gives the office's user the role.
func (o *office) admin(t *testing.T) {
	t.Helper()
	must[*tocsin.Grant](t)(o.Grant(t.Context(), o.system, o.user.ID, tocsin.RoleAdmin, tocsin.ScopeOrganisation, tocsin.ID{}))
}

func TestRotateKey_isOneChangeOfTwoKeys(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	end := time.Now().Add(30 * 24 * time.Hour).UTC().Truncate(time.Microsecond)
	old, oldToken := o.key(t, tocsin.KeyDraft{Permissions: tocsin.ViewIncidents, ExpiresAt: end})
	before := length(t, o)

	fresh, token, err := o.RotateKey(t.Context(), o.system, old.ID, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	records := must[[]store.Record](t)(o.store.Log(t.Context(), o.system.Org, int64(before), 10))
	if len(records) != 2 {
		t.Fatalf("the change left %d entries; want one for each key", len(records))
	}
	for _, r := range records {
		e := must[tocsin.Entry](t)(r.Entry())
		if e.Action != "api_key.rotate" {
			t.Errorf("entry %d is called %s", e.Seq, e.Action)
		}
	}
	if fresh.ID == old.ID || fresh.Owner != old.Owner || fresh.Name != old.Name || fresh.Permissions != old.Permissions || !fresh.ExpiresAt.Equal(end) {
		t.Errorf("the new key is %+v; want the old one's owner, name, restrictions and end", fresh)
	}
	now := must[*tocsin.APIKey](t)(o.Key(t.Context(), o.system, old.ID))
	if want := now.UpdatedAt.Add(time.Hour); !now.ExpiresAt.Equal(want) {
		t.Errorf("the old key ends %v; want the overlap after the change, %v", now.ExpiresAt, want)
	}
	o.clock.set(now.ExpiresAt.Add(-time.Second))
	must[tocsin.Actor](t)(o.Authenticate(t.Context(), oldToken))
	o.clock.set(now.ExpiresAt)
	_, err = o.Authenticate(t.Context(), oldToken)
	wantCode(t, "the old token after the overlap", err, tocsin.Unauthenticated)
	must[tocsin.Actor](t)(o.Authenticate(t.Context(), token))
}

func TestRotateKey_neverLengthensTheOldKeysLife(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	soon := time.Now().Add(time.Minute).UTC().Truncate(time.Microsecond)
	old, _ := o.key(t, tocsin.KeyDraft{ExpiresAt: soon})
	if _, _, err := o.RotateKey(t.Context(), o.system, old.ID, time.Hour); err != nil {
		t.Fatal(err)
	}
	if now := must[*tocsin.APIKey](t)(o.Key(t.Context(), o.system, old.ID)); !now.ExpiresAt.Equal(soon) {
		t.Errorf("the old key ends %v; want %v as before", now.ExpiresAt, soon)
	}
}

func TestRotateKey_refusals(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	good, _ := o.key(t, tocsin.KeyDraft{})
	revoked, _ := o.key(t, tocsin.KeyDraft{})
	if err := o.RevokeKey(t.Context(), o.system, revoked.ID); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		key     tocsin.ID
		overlap time.Duration
		want    tocsin.Code
	}{
		{"one that is not there", id(9), 0, tocsin.NotFound},
		{"a revoked one", revoked.ID, 0, tocsin.Conflict},
		{"an overlap before now", good.ID, -time.Second, tocsin.Invalid},
		{"an overlap over a week", good.ID, 7*24*time.Hour + time.Second, tocsin.Invalid},
		{"no overlap", good.ID, 0, ""},
		{"again, when it has ended", good.ID, 0, tocsin.Conflict},
	} {
		k, token, err := o.RotateKey(t.Context(), o.system, c.key, c.overlap)
		wantCode(t, c.name, err, c.want)
		if err != nil && (k != nil || token != "") {
			t.Errorf("%s: a key was handed out beside the error", c.name)
		}
	}
}

// Somebody who found the wallboard's key must not get the admin's with it.
func TestRotateKey_aRestrictedKeyGetsNoneThatMayDoMore(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.admin(t)
	s := tocsin.System(o.system.Org, "test")
	shop := id(7)
	_, err := o.store.Commit(t.Context(), store.Command{
		Actor: s, Keys: []store.Key{{Kind: tocsin.KindProject, ID: shop}},
		Decide: func(store.View) (store.Change, error) {
			return store.Change{Action: "project.create", Objects: []tocsin.Object{&tocsin.Project{Meta: tocsin.Meta{Org: s.Org, ID: shop}, Name: "shop"}}}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	all, _ := o.key(t, tocsin.KeyDraft{})
	look, _ := o.key(t, tocsin.KeyDraft{Permissions: tocsin.ViewIncidents})
	inShop, _ := o.key(t, tocsin.KeyDraft{Project: shop})
	for _, c := range []struct {
		name string
		by   tocsin.KeyDraft
		key  tocsin.ID
		want tocsin.Code
	}{
		{"a key to look, the whole one", tocsin.KeyDraft{Permissions: tocsin.ViewIncidents}, all.ID, tocsin.Forbidden},
		{"a key to look, its like", tocsin.KeyDraft{Permissions: tocsin.ViewIncidents}, look.ID, ""},
		{"a key of members, the whole one", tocsin.KeyDraft{Permissions: tocsin.ManageMembers}, all.ID, tocsin.Forbidden},
		{"a key of members, the one to look", tocsin.KeyDraft{Permissions: tocsin.ManageMembers}, look.ID, tocsin.Forbidden},
		{"a project's key, the whole one", tocsin.KeyDraft{Project: shop}, all.ID, tocsin.NotFound},
		{"a project's key, its like", tocsin.KeyDraft{Project: shop}, inShop.ID, ""},
		{"an unrestricted key, any", tocsin.KeyDraft{}, inShop.ID, ""},
	} {
		_, _, err := o.RotateKey(t.Context(), o.with(t, c.by), c.key, time.Hour)
		wantCode(t, c.name, err, c.want)
	}
}

func TestUpdateKey_rules(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	k, _ := o.key(t, tocsin.KeyDraft{})
	ended, _ := o.key(t, tocsin.KeyDraft{})
	if err := o.RevokeKey(t.Context(), o.system, ended.ID); err != nil {
		t.Fatal(err)
	}
	name, blank, same := "night shift", " ", "script"
	later, sooner, past, never := time.Now().Add(48*time.Hour), time.Now().Add(time.Hour), time.Now().Add(-time.Hour), time.Time{}
	for _, c := range []struct {
		what    string
		key     tocsin.ID
		name    *string
		expires *time.Time
		want    tocsin.Code
	}{
		{"a name", k.ID, &name, nil, ""},
		{"a blank one", k.ID, &blank, nil, tocsin.Invalid},
		{"an end", k.ID, nil, &later, ""},
		{"an earlier one", k.ID, nil, &sooner, ""},
		{"one that is past", k.ID, nil, &past, tocsin.Invalid},
		{"no end any more", k.ID, nil, &never, ""},
		{"nothing", k.ID, nil, nil, ""},
		{"a name for one that has ended", ended.ID, &name, nil, tocsin.Conflict},
		{"what it has, for one that has ended", ended.ID, &same, nil, ""},
		{"one that is not there", id(9), &name, nil, tocsin.NotFound},
	} {
		_, err := o.UpdateKey(t.Context(), o.system, c.key, c.name, c.expires)
		wantCode(t, c.what, err, c.want)
	}
	if now := must[*tocsin.APIKey](t)(o.Key(t.Context(), o.system, k.ID)); now.Name != name || !now.ExpiresAt.IsZero() || now.Version != 5 {
		t.Errorf("the key is %q, ends %v, version %d; want %q, never, 5", now.Name, now.ExpiresAt, now.Version, name)
	}
}

// Without the right to manage members one sees and ends one's own keys. Others'
// are not there.
func TestKeys_ofOnesOwn(t *testing.T) {
	t.Parallel()
	s, system := organisation(t)
	ctx := t.Context()
	admin := holder(t, s, system, "ada@example.org", tocsin.RoleAdmin)
	user := holder(t, s, system, "ben@example.org", tocsin.RoleUser)

	seen := func(actor tocsin.Actor) (ids []tocsin.ID) {
		for _, k := range must[[]*tocsin.APIKey](t)(s.Access.KeyPage(ctx, actor, tocsin.ID{}, 10)) {
			ids = append(ids, k.ID)
		}
		return ids
	}
	if got := seen(admin); !slices.Equal(got, []tocsin.ID{admin.Key, user.Key}) {
		t.Errorf("an admin is shown %v; want both keys", got)
	}
	if got := seen(user); !slices.Equal(got, []tocsin.ID{user.Key}) {
		t.Errorf("a user is shown %v; want his own key", got)
	}
	name := "mine"
	for _, key := range []struct {
		name         string
		id           tocsin.ID
		read, change tocsin.Code
	}{
		{"another's", admin.Key, tocsin.NotFound, tocsin.NotFound},
		{"one that is not there", id(9), tocsin.NotFound, tocsin.NotFound},
		{"his own", user.Key, "", tocsin.Forbidden},
	} {
		_, err := s.Access.Key(ctx, user, key.id)
		wantCode(t, "read "+key.name, err, key.read)
		_, err = s.Access.UpdateKey(ctx, user, key.id, &name, nil)
		wantCode(t, "change "+key.name, err, key.change)
		_, _, err = s.Access.RotateKey(ctx, user, key.id, time.Hour)
		wantCode(t, "rotate "+key.name, err, key.read)
		wantCode(t, "revoke "+key.name, s.Access.RevokeKey(ctx, user, key.id), key.read)
	}
}
