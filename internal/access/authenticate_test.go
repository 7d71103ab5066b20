package access_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"hash/crc32"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin"
	"tocsin/internal/access"
	"tocsin/internal/app"
	"tocsin/internal/store"
)

// A clock stands still until it is set.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) set(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = at
}

// office is an organisation with one user, seen through a service whose clock
// the test sets.
type office struct {
	*access.Service
	clock  *clock
	store  store.Store
	system tocsin.Actor
	user   *tocsin.User
}

func newOffice(t *testing.T) *office {
	t.Helper()
	s, system := organisation(t)
	o := &office{clock: &clock{at: time.Now()}, store: s.Store, system: system}
	o.Service = access.New(s.Store, app.NewID, rand.Reader, o.clock.now)
	o.user = must[*tocsin.User](t)(o.CreateUser(t.Context(), system, "Ada", "ada@example.org"))
	return o
}

// key makes a key of the user's.
func (o *office) key(t *testing.T, d tocsin.KeyDraft) (*tocsin.APIKey, string) {
	t.Helper()
	d.Owner, d.Name = o.user.ID, "script"
	k, token, err := o.CreateKey(t.Context(), o.system, d)
	if err != nil {
		t.Fatalf("make a key: %v", err)
	}
	return k, token
}

func TestAuthenticate_bindsTheActorToTheKey(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	project := id(7)
	_, err := o.store.Commit(t.Context(), store.Command{
		Actor: o.system, Keys: []store.Key{{Kind: tocsin.KindProject, ID: project}},
		Decide: func(store.View) (store.Change, error) {
			return store.Change{Action: "project.create", Objects: []tocsin.Object{
				&tocsin.Project{Meta: tocsin.Meta{Org: o.system.Org, ID: project}, Name: "Shop"},
			}}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	k, token := o.key(t, tocsin.KeyDraft{Project: project})
	want := tocsin.Actor{Kind: tocsin.ActorUser, Org: o.system.Org, User: o.user.ID, Key: k.ID, Project: project}
	if diff := cmp.Diff(want, must[tocsin.Actor](t)(o.Authenticate(t.Context(), token))); diff != "" {
		t.Errorf("by the token (-want +got):\n%s", diff)
	}
	for _, spelling := range []string{k.ID.String(), strings.ToUpper(k.ID.String())} {
		if diff := cmp.Diff(want, must[tocsin.Actor](t)(o.AuthenticateKey(t.Context(), spelling, token))); diff != "" {
			t.Errorf("by key %s and token (-want +got):\n%s", spelling, diff)
		}
	}
}

func id(n byte) tocsin.ID { return tocsin.ID{15: n} }

// withSum puts the right checksum behind a token's first part.
func withSum(body string) string {
	return fmt.Sprintf("%s%08x", body, crc32.ChecksumIEEE([]byte(body)))
}

// Whoever guesses learns nothing from the answer, and there is one spelling, so
// that a leaked key can be searched for.
func TestAuthenticate_answersEveryFailureAlike(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	k, token := o.key(t, tocsin.KeyDraft{})
	other, otherToken := o.key(t, tocsin.KeyDraft{})
	ended, revoked := o.key(t, tocsin.KeyDraft{})
	if err := o.RevokeKey(t.Context(), o.system, ended.ID); err != nil {
		t.Fatal(err)
	}
	_, expired := o.key(t, tocsin.KeyDraft{ExpiresAt: time.Now().Add(time.Hour)})
	o.clock.set(time.Now().Add(2 * time.Hour))

	body, sum := token[:len(token)-8], token[len(token)-8:]
	flipped := "0"
	if strings.HasSuffix(body, flipped) {
		flipped = "1"
	}
	tokens := map[string]string{
		"nothing":                       "",
		"in upper case":                 strings.ToUpper(token),
		"with an upper case prefix":     "TCN_" + token[4:],
		"with a secret in upper case":   withSum(body[:36] + strings.ToUpper(body[36:])),
		"without its prefix":            token[4:],
		"with another prefix":           withSum("tcx_" + body[4:]),
		"a letter too long":             token + "0",
		"a letter too short":            token[:len(token)-1],
		"with a space before":           " " + token,
		"with a newline behind":         token + "\n",
		"with a hyphenated id":          "tcn_" + k.ID.String() + token[36:],
		"mistyped":                      body[:len(body)-1] + flipped + sum,
		"with another checksum":         body + "00000000",
		"with another secret":           withSum(body[:len(body)-1] + flipped),
		"with another key's secret":     withSum("tcn_" + body[4:36] + otherToken[36:100]),
		"of a key that is not there":    withSum("tcn_" + strings.Repeat("0", 31) + "1" + body[36:]),
		"of the nil id":                 withSum("tcn_" + strings.Repeat("0", 96)),
		"not of hexadecimal digits":     withSum("tcn_" + strings.Repeat("g", 96)),
		"of a revoked key":              revoked,
		"of an expired key":             expired,
		"its key's id":                  k.ID.String(),
		"its secret alone":              body[36:],
		"with the id of its key's peer": withSum("tcn_" + otherToken[4:36] + body[36:]),
	}
	_, want := o.Authenticate(t.Context(), "")
	if tocsin.CodeOf(want) != tocsin.Unauthenticated {
		t.Fatalf("without a token: %v; want Unauthenticated", want)
	}
	for name, token := range tokens {
		actor, err := o.Authenticate(t.Context(), token)
		if diff := cmp.Diff(want, err); diff != "" || actor != (tocsin.Actor{}) {
			t.Errorf("a token %s: %+v, %v; want the one answer and nobody", name, actor, err)
		}
	}
	for name, keyID := range map[string]string{
		"nothing": "", "another key's": other.ID.String(), "no UUID": "key-1", "bare": strings.ReplaceAll(k.ID.String(), "-", ""),
		"the owner's": o.user.ID.String(), "the token": token,
	} {
		actor, err := o.AuthenticateKey(t.Context(), keyID, token)
		if diff := cmp.Diff(want, err); diff != "" || actor != (tocsin.Actor{}) {
			t.Errorf("a good token beside a key id that is %s: %+v, %v; want the one answer and nobody", name, actor, err)
		}
	}
	if _, err := o.AuthenticateKey(t.Context(), k.ID.String(), otherToken); cmp.Diff(want, err) != "" {
		t.Errorf("a token beside its peer's id: %v; want the one answer", err)
	}
}

func TestAuthenticate_aKeyEndsAtTheInstantThatItExpires(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	k, token := o.key(t, tocsin.KeyDraft{ExpiresAt: time.Now().Add(time.Hour).In(time.FixedZone("", 7200))})
	if k.ExpiresAt.Location() != time.UTC || k.ExpiresAt.Nanosecond()%1000 != 0 {
		t.Errorf("expires at %v; want whole microseconds UTC, as stored", k.ExpiresAt)
	}
	for _, c := range []struct {
		at   time.Time
		want tocsin.Code
	}{
		{k.ExpiresAt.Add(-time.Nanosecond), ""},
		{k.ExpiresAt, tocsin.Unauthenticated},
		{k.ExpiresAt.Add(time.Nanosecond), tocsin.Unauthenticated},
	} {
		o.clock.set(c.at)
		if _, err := o.Authenticate(t.Context(), token); tocsin.CodeOf(err) != c.want {
			t.Errorf("%v from its end: %v; want code %q", c.at.Sub(k.ExpiresAt), err, c.want)
		}
	}
}

// A caller must not be told that his key is bad when it could not be looked up.
func TestAuthenticate_aDatabaseThatFailsIsNoBadCredential(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	_, token := o.key(t, tocsin.KeyDraft{})
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	unread := withSum("tcn_" + strings.Repeat("7", 32) + token[36:100]) // no cache has heard of it
	if actor, err := o.Authenticate(ended, unread); tocsin.CodeOf(err) != tocsin.Internal {
		t.Errorf("a lookup that failed: %+v, %v; want its own error", actor, err)
	}
}

func TestFlushUses_notesTheLastUseOfEachKeyOnce(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	k, token := o.key(t, tocsin.KeyDraft{})
	refused, refusedToken := o.key(t, tocsin.KeyDraft{})
	seq := length(t, o)
	morning := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	for _, hour := range []time.Duration{0, 2} {
		o.clock.set(morning.Add(hour * time.Hour))
		must[tocsin.Actor](t)(o.AuthenticateKey(t.Context(), k.ID.String(), token))
	}
	if _, err := o.AuthenticateKey(t.Context(), k.ID.String(), refusedToken); err == nil {
		t.Fatal("a key id beside another key's token was taken")
	}
	if uses := must[map[tocsin.ID]time.Time](t)(o.store.LastUse(t.Context(), o.system.Org)); len(uses) != 0 {
		t.Errorf("noted before it was asked for, at the cost of a write each: %v", uses)
	}
	for range 2 { // the second finds nothing new
		if err := o.FlushUses(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	want := map[tocsin.ID]time.Time{k.ID: morning.Add(2 * time.Hour)}
	if diff := cmp.Diff(want, must[map[tocsin.ID]time.Time](t)(o.store.LastUse(t.Context(), o.system.Org))); diff != "" {
		t.Errorf("last uses, %s refused (-want +got):\n%s", refused.ID, diff)
	}
	if length(t, o) != seq {
		t.Error("the use of a key is in the log; it is no change")
	}
}

// out is a store that cannot note uses while it is out.
type out struct {
	store.Store
	out bool
}

func (s *out) RecordUse(ctx context.Context, uses []store.KeyUse) error {
	if s.out {
		return errors.New("out")
	}
	return s.Store.RecordUse(ctx, uses)
}

func TestFlushUses_keepsWhatCouldNotBeNoted(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	s := &out{Store: o.store, out: true}
	o.Service = access.New(s, app.NewID, rand.Reader, o.clock.now)
	k, token := o.key(t, tocsin.KeyDraft{})
	must[tocsin.Actor](t)(o.Authenticate(t.Context(), token))
	if err := o.FlushUses(t.Context()); err == nil {
		t.Fatal("a use that was not noted is told as noted")
	}
	s.out = false
	if err := o.FlushUses(t.Context()); err != nil {
		t.Fatal(err)
	}
	if uses := must[map[tocsin.ID]time.Time](t)(o.store.LastUse(t.Context(), o.system.Org)); uses[k.ID].IsZero() {
		t.Error("the use was forgotten with the failure")
	}
}

// length returns how many records the office's log has.
func length(t *testing.T, o *office) int {
	t.Helper()
	return len(must[[]store.Record](t)(o.store.Log(t.Context(), o.system.Org, 0, 10_000)))
}
