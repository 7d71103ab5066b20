package access_test

import (
	"bytes"
	"encoding/hex"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin"
	"tocsin/internal/access"
	"tocsin/internal/app"
	"tocsin/internal/store"
)

func wantCode(t *testing.T, what string, err error, want tocsin.Code) {
	t.Helper()
	if got := tocsin.CodeOf(err); got != want {
		t.Errorf("%s: error %v has code %q; want %q", what, err, got, want)
	}
}

func TestCreateKey_keepsTheSecretToItsHolder(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	k, token := o.key(t, tocsin.KeyDraft{Permissions: tocsin.ViewIncidents})
	secret := token[36:100]
	raw, err := hex.DecodeString(secret)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range must[[]store.Record](t)(o.store.Log(t.Context(), o.system.Org, 0, 100)) {
		if bytes.Contains(r.Details, []byte(secret)) || bytes.Contains(r.Leaf, []byte(secret)) || bytes.Contains(r.Details, raw) {
			t.Errorf("record %d holds the secret", r.Seq)
		}
	}
	stored := must[*tocsin.APIKey](t)(store.Find[*tocsin.APIKey](t.Context(), o.store, o.system.Org, tocsin.KindAPIKey, k.ID))
	if diff := cmp.Diff(k, stored); diff != "" || bytes.Equal(stored.SecretHash[:], raw) {
		t.Errorf("what is stored differs from what was answered, or is the secret:\n%s", diff)
	}
	if _, again := o.key(t, tocsin.KeyDraft{}); again[36:100] == secret {
		t.Error("two keys have one secret")
	}
}

func TestCreateKey_rules(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for _, c := range []struct {
		name  string
		draft tocsin.KeyDraft
		want  tocsin.Code
	}{
		{"a name", tocsin.KeyDraft{Owner: o.user.ID, Name: "script"}, ""},
		{"the same name again", tocsin.KeyDraft{Owner: o.user.ID, Name: "script"}, ""},
		{"no name", tocsin.KeyDraft{Owner: o.user.ID}, tocsin.Invalid},
		{"no owner", tocsin.KeyDraft{Name: "script"}, tocsin.NotFound},
		{"an owner who is not there", tocsin.KeyDraft{Owner: id(9), Name: "script"}, tocsin.NotFound},
		{"a project that is not there", tocsin.KeyDraft{Owner: o.user.ID, Name: "script", Project: id(9)}, tocsin.NotFound},
		{"an end that is past", tocsin.KeyDraft{Owner: o.user.ID, Name: "script", ExpiresAt: time.Now().Add(-time.Minute)}, tocsin.Invalid},
	} {
		k, token, err := o.CreateKey(t.Context(), o.system, c.draft)
		wantCode(t, c.name, err, c.want)
		if err != nil && (k != nil || token != "") {
			t.Errorf("%s: a key was handed out beside the error", c.name)
		}
	}
}

func TestCreateKey_withoutRandomnessMakesNone(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	before := length(t, o)
	s := access.New(o.store, app.NewID, io.LimitReader(bytes.NewReader(make([]byte, 99)), 31), time.Now)
	if _, token, err := s.CreateKey(t.Context(), o.system, tocsin.KeyDraft{Owner: o.user.ID, Name: "script"}); err == nil || token != "" {
		t.Errorf("token %q, %v; want an error", token, err)
	}
	if length(t, o) != before {
		t.Error("a key was made of too little randomness")
	}
}

func TestCreateUser_rules(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for _, c := range []struct {
		name, email string
		want        tocsin.Code
	}{
		{"Ben", "ben@example.org", ""},
		{"Ada", "ada.two@example.org", ""}, // people share names
		{"Ada", "ada@example.org", tocsin.Conflict},
		{"", "chiara@example.org", tocsin.Invalid},
		{"Chiara", "chiara", tocsin.Invalid},
	} {
		_, err := o.CreateUser(t.Context(), o.system, c.name, c.email)
		wantCode(t, c.name+" "+c.email, err, c.want)
	}
	_, err := o.CreateUser(t.Context(), tocsin.System(id(9), "test"), "Ben", "ben@example.org")
	wantCode(t, "in an organisation that is not there", err, tocsin.NotFound)
}

func TestCreateRole_rules(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for _, c := range []struct {
		name string
		want tocsin.Code
	}{
		{"Observer", ""},
		{"observer", ""}, // names differ by bytes
		{"Observer", tocsin.Conflict},
		{"Admin", tocsin.Conflict},
		{"Viewer", tocsin.Conflict},
		{" ", tocsin.Invalid},
		{strings.Repeat("x", 256), tocsin.Invalid},
	} {
		_, err := o.CreateRole(t.Context(), o.system, c.name, tocsin.ViewIncidents)
		wantCode(t, c.name, err, c.want)
	}
}

func TestGrant_rules(t *testing.T) {
	t.Parallel()
	s, system := organisation(t)
	ctx := t.Context()
	user := must[*tocsin.User](t)(s.Access.CreateUser(ctx, system, "Ada", "ada@example.org")).ID
	must[*tocsin.Role](t)(s.Access.CreateRole(ctx, system, "Observer", tocsin.ViewIncidents))
	project := must[*tocsin.Project](t)(s.Directory.CreateProject(ctx, system, "Shop")).ID
	dataset := must[*tocsin.Dataset](t)(s.Directory.CreateDataset(ctx, system, project, "orders")).ID
	const org, inProject, onDataset = tocsin.ScopeOrganisation, tocsin.ScopeProject, tocsin.ScopeDataset
	for _, c := range []struct {
		name, role string
		user       tocsin.ID
		scope      tocsin.Scope
		scopeID    tocsin.ID
		want       tocsin.Code
	}{
		{"Admin of the organisation", tocsin.RoleAdmin, user, org, tocsin.ID{}, ""},
		{"User of the organisation", tocsin.RoleUser, user, org, tocsin.ID{}, ""},
		{"Admin of a project", tocsin.RoleAdmin, user, inProject, project, tocsin.Invalid},
		{"Manager of a project", tocsin.RoleManager, user, inProject, project, ""},
		{"Editor of a dataset", tocsin.RoleEditor, user, onDataset, dataset, ""},
		{"Viewer of the organisation", tocsin.RoleViewer, user, org, tocsin.ID{}, tocsin.Invalid},
		{"own role in the organisation", "Observer", user, org, tocsin.ID{}, ""},
		{"own role on a dataset", "Observer", user, onDataset, dataset, ""},
		{"a role that is not there", "Janitor", user, inProject, project, tocsin.NotFound},
		{"a user who is not there", tocsin.RoleEditor, id(9), inProject, project, tocsin.NotFound},
		{"a project that is not there", tocsin.RoleEditor, user, inProject, id(9), tocsin.NotFound},
		{"a dataset for a project", tocsin.RoleEditor, user, inProject, dataset, tocsin.NotFound},
		{"a dataset that is not there", tocsin.RoleEditor, user, onDataset, tocsin.ID{}, tocsin.NotFound},
		{"no scope", tocsin.RoleEditor, user, "", project, tocsin.Invalid},
	} {
		g, err := s.Access.Grant(ctx, system, c.user, c.role, c.scope, c.scopeID)
		wantCode(t, c.name, err, c.want)
		if err == nil && c.scope == org && g.ScopeID != system.Org {
			t.Errorf("%s: granted on %s; want the organisation itself", c.name, g.ScopeID)
		}
	}
}

// The commit judges by the grants as they stand, so taking one away works at
// once, for keys that are in use too.
func TestRevoke_isInForceAtOnceAndForGood(t *testing.T) {
	t.Parallel()
	s, system := organisation(t)
	ctx := t.Context()
	admin := holder(t, s, system, "ada@example.org", tocsin.RoleAdmin)
	must[*tocsin.User](t)(s.Access.CreateUser(ctx, admin, "Ben", "ben@example.org"))
	grant := must[[]*tocsin.Grant](t)(s.Access.Grants(ctx, system))[0]
	revoke := func(actor tocsin.Actor) (tocsin.Code, tocsin.Code) {
		return tocsin.CodeOf(s.Access.RevokeGrant(ctx, actor, grant.ID)), tocsin.CodeOf(s.Access.RevokeKey(ctx, actor, admin.Key))
	}
	other := tocsin.System(must[*tocsin.Organisation](t)(s.Directory.CreateOrganisation(ctx, "test", "Other")).ID, "test")
	if g, k := revoke(other); g != tocsin.NotFound || k != tocsin.NotFound {
		t.Errorf("from another organisation: grant %q, key %q; want not found", g, k)
	}

	wantCode(t, "revoke the grant", s.Access.RevokeGrant(ctx, system, grant.ID), "")
	_, err := s.Access.CreateUser(ctx, admin, "Chiara", "chiara@example.org")
	wantCode(t, "without the grant", err, tocsin.Forbidden)
	wantCode(t, "revoke the key", s.Access.RevokeKey(ctx, system, admin.Key), "")
	_, err = s.Access.CreateUser(ctx, admin, "Chiara", "chiara@example.org")
	wantCode(t, "without the key", err, tocsin.Unauthenticated)

	before := must[[]store.Record](t)(s.Store.Log(ctx, system.Org, 0, 100))
	if g, k := revoke(system); g != "" || k != "" {
		t.Errorf("again: grant %q, key %q; want nothing done and no error", g, k)
	}
	if after := must[[]store.Record](t)(s.Store.Log(ctx, system.Org, 0, 100)); len(after) != len(before) {
		t.Error("revoking again left a record")
	}
	if at := must[[]*tocsin.Grant](t)(s.Access.Grants(ctx, system))[0].RevokedAt; at.IsZero() {
		t.Error("the record of the grant is gone, or does not say when it ended")
	}
}

func TestMembers_areChangedOnlyByThoseWhoMay(t *testing.T) {
	t.Parallel()
	s, system := organisation(t)
	ctx := t.Context()
	admin := holder(t, s, system, "ada@example.org", tocsin.RoleAdmin)
	other := must[*tocsin.Organisation](t)(s.Directory.CreateOrganisation(ctx, "test", "Other"))
	stranger := admin
	stranger.Org = other.ID
	keyless := admin
	keyless.Key = tocsin.ID{}
	look := tocsin.KeyDraft{Owner: admin.User, Name: "wallboard"}
	look.Permissions = tocsin.ViewIncidents
	_, token, err := s.Access.CreateKey(ctx, system, look)
	if err != nil {
		t.Fatal(err)
	}
	for who, c := range map[string]struct {
		actor tocsin.Actor
		want  tocsin.Code
	}{
		"the operator":                        {system, ""},
		"an admin":                            {admin, ""},
		"a user without rights":               {holder(t, s, system, "ben@example.org", tocsin.RoleUser), tocsin.Forbidden},
		"an admin's key that may only look":   {must[tocsin.Actor](t)(s.Access.Authenticate(ctx, token)), tocsin.Forbidden},
		"an admin in another organisation":    {stranger, tocsin.Unauthenticated},
		"somebody who says that he is a user": {keyless, tocsin.Unauthenticated},
	} {
		user := must[*tocsin.User](t)(s.Access.CreateUser(ctx, system, "Somebody", strings.ReplaceAll(who, " ", ".")+"@example.com"))
		_, userErr := s.Access.CreateUser(ctx, c.actor, "Somebody", strings.ReplaceAll(who, " ", ".")+"@example.org")
		_, roleErr := s.Access.CreateRole(ctx, c.actor, who, tocsin.ViewIncidents)
		_, grantErr := s.Access.Grant(ctx, c.actor, user.ID, tocsin.RoleUser, tocsin.ScopeOrganisation, tocsin.ID{})
		_, _, keyErr := s.Access.CreateKey(ctx, c.actor, tocsin.KeyDraft{Owner: user.ID, Name: "script"})
		for what, err := range map[string]error{"a user": userErr, "a role": roleErr, "a grant": grantErr, "a key": keyErr} {
			wantCode(t, who+" makes "+what, err, c.want)
		}
	}
}

// A key that may do less than its owner cannot get out of that by making
// another one.
func TestCreateKey_aRestrictedKeyMakesNoneThatMayDoMore(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	must[*tocsin.Grant](t)(o.Grant(t.Context(), o.system, o.user.ID, tocsin.RoleAdmin, tocsin.ScopeOrganisation, tocsin.ID{}))
	_, token := o.key(t, tocsin.KeyDraft{Permissions: tocsin.ManageMembers | tocsin.ViewIncidents})
	actor := must[tocsin.Actor](t)(o.Authenticate(t.Context(), token))
	for _, c := range []struct {
		name  string
		asked tocsin.Permissions
		want  tocsin.Code
	}{
		{"no restriction", 0, tocsin.Forbidden},
		{"another permission", tocsin.ManageMembers | tocsin.ManageIncidents, tocsin.Forbidden},
		{"the same restriction", tocsin.ManageMembers | tocsin.ViewIncidents, ""},
		{"a narrower one", tocsin.ViewIncidents, ""},
	} {
		_, _, err := o.CreateKey(t.Context(), actor, tocsin.KeyDraft{Owner: o.user.ID, Name: "another", Permissions: c.asked})
		wantCode(t, c.name, err, c.want)
	}
}
