package access_test

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin"
	"tocsin/internal/store"
)

// guest is the actor as a door knows him who comes with an invitation.
var guest = tocsin.Actor{Door: "test", Request: "request 1", Address: "192.0.2.1"}

// invite makes an invitation of an Admin.
func (o *office) invite(t *testing.T, email string, life time.Duration) (*tocsin.Invitation, string) {
	t.Helper()
	i, token, err := o.Invite(t.Context(), o.system, email, tocsin.RoleAdmin, tocsin.ScopeOrganisation, tocsin.ID{}, life)
	if err != nil {
		t.Fatal(err)
	}
	return i, token
}

func TestAccept_makesAMemberInOneChange(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ctx := t.Context()
	i, invitation := o.invite(t, "ben@example.org", 0)
	if want := i.CreatedAt.Add(7 * 24 * time.Hour); !i.ExpiresAt.Equal(want) {
		t.Errorf("the invitation holds until %v; want a week, %v", i.ExpiresAt, want)
	}
	before := length(t, o)

	u, k, token, err := o.Accept(ctx, guest, invitation, "Ben")
	if err != nil {
		t.Fatal(err)
	}
	if u.Email != "ben@example.org" || u.Name != "Ben" || k.Owner != u.ID || k.Name != "first key" {
		t.Errorf("made %+v with %+v", u, k)
	}
	ben := must[tocsin.Actor](t)(o.Authenticate(ctx, token))
	must[*tocsin.User](t)(o.CreateUser(ctx, ben, "Chiara", "chiara@example.org")) // as the Admin that he is

	records := must[[]store.Record](t)(o.store.Log(ctx, o.system.Org, int64(before), 4))
	var kinds []tocsin.Kind
	for _, r := range records {
		e := must[tocsin.Entry](t)(r.Entry())
		kinds = append(kinds, e.Kind)
		if e.Action != "invitation.accept" || e.Actor != tocsin.ActorUser || e.User != u.ID || e.Request != guest.Request || e.Door != "test" {
			t.Errorf("entry %d: %s by %s %s through %s, %s", e.Seq, e.Action, e.Actor, e.User, e.Door, e.Request)
		}
		for what, secret := range map[string]string{"the invitation's": invitation[36:100], "the key's": token[36:100]} {
			if bytes.Contains(r.Details, []byte(secret)) || bytes.Contains(r.Leaf, []byte(secret)) {
				t.Errorf("entry %d holds %s secret", e.Seq, what)
			}
		}
	}
	want := []tocsin.Kind{tocsin.KindUser, tocsin.KindGrant, tocsin.KindAPIKey, tocsin.KindInvitation}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
	if i = must[*tocsin.Invitation](t)(o.Invitation(ctx, o.system, i.ID)); i.User != u.ID || i.AcceptedAt.IsZero() {
		t.Errorf("the invitation does not say who accepted it: %+v", i)
	}
	_, err = o.RevokeInvitation(ctx, o.system, i.ID)
	wantCode(t, "revoke what was accepted", err, tocsin.Conflict)
}

// Nobody learns why an invitation does not hold.
func TestAccept_oneErrorForEveryInvitationThatDoesNotHold(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ctx := t.Context()
	_, good := o.invite(t, "a@example.org", 0)
	_, used := o.invite(t, "b@example.org", 0)
	if _, _, _, err := o.Accept(ctx, guest, used, "B"); err != nil {
		t.Fatal(err)
	}
	revoked, revokedToken := o.invite(t, "c@example.org", 0)
	must[*tocsin.Invitation](t)(o.RevokeInvitation(ctx, o.system, revoked.ID))
	_, key := o.key(t, tocsin.KeyDraft{})
	sum := func(body string) string { return body + fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(body))) }
	before := length(t, o)
	refused := func(name, token string) {
		u, k, made, err := o.Accept(ctx, guest, token, "Eve")
		wantCode(t, name, err, tocsin.Unauthenticated)
		if u != nil || k != nil || made != "" {
			t.Errorf("%s: something was handed out beside the error", name)
		}
		if err != nil && err.Error() != "the invitation is not known, or was used, was revoked or has expired" {
			t.Errorf("%s: the error says %q; want the one of all", name, err)
		}
	}
	for name, token := range map[string]string{
		"used": used, "revoked": revokedToken, "none": "", "a key's": key, "upper case": strings.ToUpper(good),
		"unknown id":           sum("tci_" + strings.Repeat("ab", 16) + good[36:100]),
		"unknown organisation": sum(good[:36] + strings.Repeat("ab", 16) + good[68:100]),
		"wrong secret":         sum(good[:68] + strings.Repeat("ab", 16)),
		"bad checksum":         good[:107] + map[bool]string{true: "1", false: "0"}[good[107] == '0'],
		"a line feed":          good + "\n",
		"very long":            strings.Repeat(good, 100),
	} {
		refused(name, token)
	}
	o.clock.set(time.Now().Add(8 * 24 * time.Hour))
	refused("expired", good)
	if length(t, o) != before {
		t.Error("a refusal left an entry")
	}
}

func TestAccept_worksOnce(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	_, token := o.invite(t, "ben@example.org", 0)
	var mu sync.Mutex
	var all sync.WaitGroup
	accepted := 0
	for n := range 8 {
		all.Go(func() {
			_, _, _, err := o.Accept(t.Context(), guest, token, fmt.Sprint("Ben ", n))
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				accepted++
			} else {
				wantCode(t, "the others", err, tocsin.Unauthenticated)
			}
		})
	}
	if all.Wait(); accepted != 1 {
		t.Errorf("accepted %d times; want once", accepted)
	}
}

// A guest who did not get the answer asks again; another with the same name for
// his request is somebody else.
func TestAccept_askedForOnceIsToldAgain(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	accept := func(token string) error {
		from := guest
		from.Terms.Once = &tocsin.Once{Key: [32]byte{1}, Reply: func([]tocsin.Object) (tocsin.Reply, error) {
			return tocsin.Reply{Status: 201, Body: []byte("made")}, nil
		}}
		_, _, _, err := o.Accept(t.Context(), from, token, "Guest")
		return err
	}
	_, first := o.invite(t, "ben@example.org", 0)
	_, second := o.invite(t, "chiara@example.org", 0)
	wantCode(t, "a guest", accept(first), "")
	var again *tocsin.Replayed
	if err := accept(first); !errors.As(err, &again) || string(again.Reply.Body) != "made" {
		t.Errorf("asked for again: %v; want the first reply", err)
	}
	wantCode(t, "another guest", accept(second), "")
}

func TestAccept_ofAnAddressThatIsTakenMeanwhile(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ctx := t.Context()
	i, token := o.invite(t, "ben@example.org", 0)
	must[*tocsin.User](t)(o.CreateUser(ctx, o.system, "Ben", "ben@example.org"))
	before := length(t, o)
	_, _, _, err := o.Accept(ctx, guest, token, "Ben")
	wantCode(t, "accept", err, tocsin.Conflict)
	if i = must[*tocsin.Invitation](t)(o.Invitation(ctx, o.system, i.ID)); !i.AcceptedAt.IsZero() || length(t, o) != before {
		t.Error("something was changed")
	}
	_, _, _, err = o.Accept(ctx, guest, token, " ")
	wantCode(t, "without a name", err, tocsin.Invalid)
}

func TestInvite_rules(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ctx := t.Context()
	o.admin(t)
	const org, inProject = tocsin.ScopeOrganisation, tocsin.ScopeProject
	system := o.system
	for _, c := range []struct {
		name, email, role string
		actor             tocsin.Actor
		scope             tocsin.Scope
		life              time.Duration
		want              tocsin.Code
	}{
		{"an admin", "ben@example.org", tocsin.RoleAdmin, o.with(t, tocsin.KeyDraft{}), org, 0, ""},
		{"the same address again", "ben@example.org", tocsin.RoleAdmin, system, org, 0, ""},
		{"a user's address", "ada@example.org", tocsin.RoleAdmin, system, org, 0, tocsin.Conflict},
		{"no address", "ben", tocsin.RoleAdmin, system, org, 0, tocsin.Invalid},
		{"a role of elsewhere", "c@example.org", tocsin.RoleViewer, system, org, 0, tocsin.Invalid},
		{"a role that is not there", "c@example.org", "Janitor", system, org, 0, tocsin.NotFound},
		{"a project that is not there", "c@example.org", tocsin.RoleViewer, system, inProject, 0, tocsin.NotFound},
		{"too long", "c@example.org", tocsin.RoleAdmin, system, org, 31 * 24 * time.Hour, tocsin.Invalid},
		{"backwards", "c@example.org", tocsin.RoleAdmin, system, org, -time.Second, tocsin.Invalid},
		// Its guest would get a key that may do more than this one.
		{"by a restricted key", "c@example.org", tocsin.RoleAdmin, o.with(t, tocsin.KeyDraft{Permissions: tocsin.ManageMembers}), org, 0, tocsin.Forbidden},
		{"by a key that may not", "c@example.org", tocsin.RoleAdmin, o.with(t, tocsin.KeyDraft{Permissions: tocsin.ViewIncidents}), org, 0, tocsin.Forbidden},
		{"in no organisation", "c@example.org", tocsin.RoleAdmin, tocsin.System(id(9), "test"), org, 0, tocsin.NotFound},
	} {
		i, token, err := o.Invite(ctx, c.actor, c.email, c.role, c.scope, tocsin.ID{}, c.life)
		wantCode(t, c.name, err, c.want)
		if err != nil && (i != nil || token != "") {
			t.Errorf("%s: an invitation was handed out beside the error", c.name)
		}
	}
}
