package api_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"time"

	"tocsin"
	"tocsin/internal/api"
	"tocsin/internal/api/apitest"
)

// text returns a member of a reply as a text.
func text(t *testing.T, r apitest.Reply, names ...string) string {
	t.Helper()
	var v any = r.JSON(t)
	for _, name := range names {
		m, ok := v.(map[string]any)
		if !ok {
			t.Fatalf("there is no %v in %s", names, r.Body)
		}
		v = m[name]
	}
	s, ok := v.(string)
	if !ok {
		t.Fatalf("%v is no text in %s", names, r.Body)
	}
	return s
}

func TestAKey_fromItsMakingToItsEnd(t *testing.T) {
	t.Parallel()
	f := apitest.New(t)
	call := func(token, method, path, body string) apitest.Reply {
		return f.Call(t, apitest.Request{Token: token, Method: method, Path: path, Body: body})
	}
	made := call("", "POST", "/v1/api-keys", `{"name":"script","permissions":["incidents.view"],"expires_at":"2027-01-01T00:00:00+01:00"}`)
	want(t, "make", made, 201, "")
	token, path := text(t, made, "token"), made.Header.Get("Location")
	if path != "/v1/api-keys/"+text(t, made, "id") || text(t, made, "expires_at") != "2026-12-31T23:00:00.000000Z" || text(t, made, "owner_id") != api.SampleUser {
		t.Errorf("made %s at %s", made.Body, path)
	}
	want(t, "use", call(token, "GET", samplePath, ""), 200, "")
	want(t, "beyond it", call(token, patch, samplePath, `{"severity":"minor"}`), 403, tocsin.Forbidden)
	want(t, "rename", call("", patch, path, `{"name":"night script","expires_at":null}`), 200, "")

	rotated := call("", "POST", path+"/rotate", `{"overlap_seconds":0}`)
	want(t, "rotate", rotated, 201, "")
	fresh := text(t, rotated, "token")
	want(t, "the old token", call(token, "GET", samplePath, ""), 401, tocsin.Unauthenticated)
	want(t, "the new one", call(fresh, "GET", samplePath, ""), 200, "")
	want(t, "the new one, beyond it", call(fresh, patch, samplePath, `{"severity":"minor"}`), 403, tocsin.Forbidden)
	want(t, "rotate the old one again", call("", "POST", path+"/rotate", `{}`), 409, tocsin.Conflict)

	want(t, "its own end", call(fresh, http.MethodDelete, rotated.Header.Get("Location"), ""), 200, "")
	want(t, "after it", call(fresh, "GET", samplePath, ""), 401, tocsin.Unauthenticated)
}

// A token is in the answer that made it and nowhere else.
func TestTokens_areShownOnce(t *testing.T) {
	t.Parallel()
	f := apitest.New(t)
	var secrets []string
	post := func(path, body, name string) apitest.Reply {
		h := http.Header{}
		if name != "" {
			h.Set("Idempotency-Key", name)
		}
		token := ""
		if path == "/v1/invitations/accept" {
			token = "-"
		}
		return f.Call(t, apitest.Request{Method: "POST", Path: path, Token: token, Body: body, Header: h})
	}
	bodies := map[string]string{
		"/v1/api-keys":    `{"name":"script"}`,
		"/v1/invitations": `{"email":"eli@example.org","role":"User","scope":"organisation"}`,
		"/v1/api-keys/" + api.SampleKey + "/rotate": `{}`,
		"/v1/invitations/accept":                    `{"token":"` + api.SampleInvitationToken + `","name":"Dana"}`,
	}
	for path, body := range bodies {
		dry := post(path+"?dry_run=true", body, "")
		want(t, path+" dry", dry, 200, "")
		if strings.Contains(string(dry.Body), "secret") || strings.Contains(string(dry.Body), "token") {
			t.Errorf("a dry run of %s shows a secret: %s", path, dry.Body)
		}
		made := post(path, body, path)
		want(t, path, made, 201, "")
		secrets = append(secrets, text(t, made, "token")[36:100])
	}
	secrets = append(secrets, api.SampleInvitationToken[36:100])
	for path, body := range bodies {
		again := post(path, body, path)
		want(t, path+" again", again, 201, "")
		if again.JSON(t)["token"] != nil || again.Header.Get("Idempotent-Replayed") != "true" {
			t.Errorf("%s again: %v %s; want a replay without a token", path, again.Header, again.Body)
		}
	}
	records, err := f.Store.Log(t.Context(), f.System.Org, 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	lists := []apitest.Reply{f.Call(t, apitest.Request{Path: "/v1/api-keys"}), f.Call(t, apitest.Request{Path: "/v1/invitations"})}
	for _, secret := range secrets {
		for _, r := range records {
			if bytes.Contains(r.Details, []byte(secret)) || bytes.Contains(r.Leaf, []byte(secret)) {
				t.Errorf("entry %d holds a secret", r.Seq)
			}
		}
		for _, l := range lists {
			if bytes.Contains(l.Body, []byte(secret)) || bytes.Contains(l.Body, []byte("secret")) {
				t.Errorf("a list shows a secret: %s", l.Body)
			}
		}
	}
	broken := f.Call(t, apitest.Request{Method: "POST", Path: "/v1/invitations/accept", Token: "-", Body: `{"token":"` + api.SampleInvitationToken + `","name":""}`})
	if bytes.Contains(broken.Body, []byte(api.SampleInvitationToken[36:100])) {
		t.Errorf("an error shows a token: %s", broken.Body)
	}
}

// No key gets beyond its own restrictions through another one.
func TestKeys_doNotGrow(t *testing.T) {
	t.Parallel()
	f := apitest.New(t)
	holder := func(name string, d tocsin.KeyDraft) string {
		return f.Holder(t, name, tocsin.RoleAdmin, tocsin.ScopeOrganisation, tocsin.ID{}, d)
	}
	members := holder("members", tocsin.KeyDraft{Permissions: tocsin.ManageMembers})
	looker := holder("looker", tocsin.KeyDraft{Permissions: tocsin.ViewIncidents})
	bound := holder("bound", tocsin.KeyDraft{Project: apitest.ID(api.SampleProject)})
	before := f.LogLength(t)
	rotate := "/v1/api-keys/" + api.SampleKey + "/rotate"
	for _, c := range []struct {
		name, token, path, body string
		status                  int
	}{
		{"makes one without restrictions", members, "/v1/api-keys", `{"name":"x"}`, 403},
		{"makes one for more", members, "/v1/api-keys", `{"name":"x","permissions":["members.manage","settings.manage"]}`, 403},
		{"rotates the admin's", members, rotate, `{}`, 403},
		{"invites itself as an admin", members, "/v1/invitations", `{"email":"m@example.org","role":"Admin","scope":"organisation"}`, 403},
		{"to look makes a key", looker, "/v1/api-keys", `{"name":"x","permissions":["incidents.view"]}`, 403},
		{"to look rotates another's", looker, rotate, `{}`, 404},
		{"of a project makes a key", bound, "/v1/api-keys", `{"name":"x","project_id":"` + api.SampleProject + `"}`, 403},
		{"of a project invites", bound, "/v1/invitations", `{"email":"m@example.org","role":"Admin","scope":"organisation"}`, 403},
		{"of a project rotates another's", bound, rotate, `{}`, 404},
	} {
		got := f.Call(t, apitest.Request{Method: "POST", Path: c.path, Token: c.token, Body: c.body})
		if got.Status != c.status {
			t.Errorf("a key of members %s: %d %s; want %d", c.name, got.Status, got.Body, c.status)
		}
	}
	if f.LogLength(t) != before {
		t.Error("a refusal left an entry")
	}
}

// Without the right to manage members one has one's own keys, and oneself.
func TestOnesOwn(t *testing.T) {
	t.Parallel()
	f := apitest.New(t)
	user := f.Holder(t, "una", tocsin.RoleUser, tocsin.ScopeOrganisation, tocsin.ID{}, tocsin.KeyDraft{})
	me := f.Call(t, apitest.Request{Path: "/v1/me", Token: user})
	key, id := text(t, me, "api_key", "id"), text(t, me, "user", "id")
	call := func(method, path, body string) apitest.Reply {
		return f.Call(t, apitest.Request{Method: method, Path: path, Token: user, Body: body})
	}
	if keys := call("GET", "/v1/api-keys", "").JSON(t)["items"].([]any); len(keys) != 1 || keys[0].(map[string]any)["id"] != key {
		t.Errorf("the keys are %v; want one's own", keys)
	}
	want(t, "oneself", call("GET", "/v1/users/"+id, ""), 200, "")
	want(t, "another", call("GET", "/v1/users/"+api.SampleUser, ""), 404, tocsin.NotFound)
	want(t, "all", call("GET", "/v1/users", ""), 403, tocsin.Forbidden)
	want(t, "another's key", call("GET", "/v1/api-keys/"+api.SampleKey, ""), 404, tocsin.NotFound)
	want(t, "end of another's key", call("DELETE", "/v1/api-keys/"+api.SampleKey, ""), 404, tocsin.NotFound)
	want(t, "rotation of another's key, with a broken body", call("POST", "/v1/api-keys/"+api.SampleKey+"/rotate", `{broken`), 404, tocsin.NotFound)
	want(t, "a change of one's own key", call(patch, "/v1/api-keys/"+key, `{"name":"x"}`), 403, tocsin.Forbidden)
	rotated := call("POST", "/v1/api-keys/"+key+"/rotate", `{}`)
	want(t, "rotation of one's own key", rotated, 201, "")
	want(t, "end of one's own key", call("DELETE", "/v1/api-keys/"+key, ""), 200, "")
	want(t, "after it", call("GET", "/v1/me", ""), 401, tocsin.Unauthenticated)
	want(t, "with the new one", f.Call(t, apitest.Request{Path: "/v1/me", Token: text(t, rotated, "token")}), 200, "")
}

// An invitation makes a member of somebody who has nothing but its token.
func TestAnInvitation_fromItsMakingToItsUse(t *testing.T) {
	t.Parallel()
	f := apitest.New(t)
	invite := func(email string) (path, token string) {
		made := f.Call(t, apitest.Request{Method: "POST", Path: "/v1/invitations", Body: `{"email":"` + email + `","role":"Viewer","scope":"project","scope_id":"` + api.SampleProject + `"}`})
		want(t, "invite", made, 201, "")
		return made.Header.Get("Location"), text(t, made, "token")
	}
	accept := func(token, key string) apitest.Reply {
		return f.Call(t, apitest.Request{Method: "POST", Path: "/v1/invitations/accept", Token: key, Body: `{"token":"` + token + `","name":"Eli Eng"}`})
	}
	path, token := invite("eli@example.org")
	welcome := accept(token, "-")
	want(t, "accept", welcome, 201, "")
	eli := text(t, welcome, "token")
	if text(t, welcome, "user", "email") != "eli@example.org" || text(t, welcome, "user", "name") != "Eli Eng" {
		t.Errorf("made %s", welcome.Body)
	}
	want(t, "look", f.Call(t, apitest.Request{Path: samplePath, Token: eli}), 200, "")
	want(t, "elsewhere", f.Call(t, apitest.Request{Path: "/v1/users", Token: eli}), 403, tocsin.Forbidden)
	if used := f.Call(t, apitest.Request{Path: path}); text(t, used, "user_id") != text(t, welcome, "user", "id") {
		t.Errorf("the invitation is %s; want who used it", used.Body)
	}
	want(t, "revoke what was used", f.Call(t, apitest.Request{Method: "DELETE", Path: path}), 409, tocsin.Conflict)

	// Whatever is wrong with a token, the answer is the same.
	revokedPath, revoked := invite("r@example.org")
	want(t, "revoke", f.Call(t, apitest.Request{Method: "DELETE", Path: revokedPath}), 200, "")
	_, expired := invite("e@example.org")
	f.Clock.Advance(8 * 24 * time.Hour)
	bodies := map[string]bool{}
	for name, bad := range map[string]string{
		"used": token, "revoked": revoked, "expired": expired, "unknown": "tci_" + strings.Repeat("0", 104), "a key's": f.Token, "short": "x",
	} {
		got := accept(bad, "-")
		want(t, name, got, 401, tocsin.Unauthenticated)
		bodies[nameless(got.Body)] = true
	}
	if len(bodies) != 1 {
		t.Errorf("there are %d answers to bad invitations; want one: %v", len(bodies), bodies)
	}
	want(t, "no admin's key helps", accept(revoked, f.Token), 401, tocsin.Unauthenticated)
}

func TestAnInvitation_isNotGuessed(t *testing.T) {
	t.Parallel()
	f := apitest.New(t)
	var got apitest.Reply
	for range 61 {
		got = f.Call(t, apitest.Request{Method: "POST", Path: "/v1/invitations/accept", Token: "-", Body: `{"token":"tci_0","name":"Eve"}`})
	}
	want(t, "one more than 60 a minute", got, 429, tocsin.RateLimited)
	want(t, "a good one all the same", f.Call(t, apitest.Request{
		Method: "POST", Path: "/v1/invitations/accept", Token: "-", Body: `{"token":"` + api.SampleInvitationToken + `","name":"Dana"}`,
	}), 201, "")
}

// What was taken away is gone for the next request, and for one under way.
func TestTakenAway(t *testing.T) {
	t.Parallel()
	f := apitest.New(t)
	token := f.Holder(t, "una", tocsin.RoleAdmin, tocsin.ScopeOrganisation, tocsin.ID{}, tocsin.KeyDraft{})
	me := text(t, f.Call(t, apitest.Request{Path: "/v1/me", Token: token}), "user", "id")
	users := func() apitest.Reply { return f.Call(t, apitest.Request{Path: "/v1/users", Token: token}) }
	want(t, "an admin", users(), 200, "")
	binding := f.Call(t, apitest.Request{Path: "/v1/role-bindings?user_id=" + me}).JSON(t)["items"].([]any)[0].(map[string]any)["id"].(string)
	want(t, "revoke the role", f.Call(t, apitest.Request{Method: "DELETE", Path: "/v1/role-bindings/" + binding}), 200, "")
	want(t, "without it", users(), 403, tocsin.Forbidden)
	want(t, "deactivate", f.Call(t, apitest.Request{Method: "POST", Path: "/v1/users/" + me + "/deactivate"}), 200, "")
	want(t, "deactivated", users(), 401, tocsin.Unauthenticated)
	want(t, "the last admin", f.Call(t, apitest.Request{Method: "POST", Path: "/v1/users/" + api.SampleUser + "/deactivate"}), 409, tocsin.Conflict)
	want(t, "his role", f.Call(t, apitest.Request{Method: "DELETE", Path: "/v1/role-bindings/" + api.SampleGrant}), 409, tocsin.Conflict)
	want(t, "reactivate", f.Call(t, apitest.Request{Method: "POST", Path: "/v1/users/" + me + "/reactivate"}), 200, "")
	want(t, "back", f.Call(t, apitest.Request{Path: "/v1/me", Token: token}), 200, "")
}

// Viewers see what incidents live in, and only its managers change it.
func TestPlaces_byWhom(t *testing.T) {
	t.Parallel()
	f := apitest.New(t)
	shop, elsewhere := apitest.ID(api.SampleProject), mustProject(t, f, "warehouse")
	manager := f.Holder(t, "manager", tocsin.RoleManager, tocsin.ScopeProject, shop, tocsin.KeyDraft{})
	viewer := f.Holder(t, "viewer", tocsin.RoleViewer, tocsin.ScopeProject, shop, tocsin.KeyDraft{})
	other := f.Holder(t, "other", tocsin.RoleManager, tocsin.ScopeProject, elsewhere, tocsin.KeyDraft{})
	for path, draft := range map[string]string{
		"/v1/projects/" + api.SampleProject: ``,
		"/v1/datasets/" + api.SampleDataset: `{"name":"new","project_id":"` + api.SampleProject + `"}`,
		"/v1/checks/" + api.SampleCheck:     `{"name":"new","project_id":"` + api.SampleProject + `"}`,
	} {
		list := path[:strings.LastIndex(path, "/")]
		for who, c := range map[string]struct {
			token               string
			read, rename, draft int
		}{"the manager": {manager, 200, 200, 201}, "a viewer": {viewer, 200, 403, 403}, "another's manager": {other, 404, 404, 422}} {
			call := func(method, path, body string) int {
				return f.Call(t, apitest.Request{Method: method, Path: path, Token: c.token, Body: body}).Status
			}
			if got := call("GET", path, ""); got != c.read {
				t.Errorf("%s reads %s: %d; want %d", who, path, got, c.read)
			}
			if got := call(patch, path, `{"name":"renamed"}`); got != c.rename {
				t.Errorf("%s renames %s: %d; want %d", who, path, got, c.rename)
			}
			if draft == "" {
				if got := call("POST", list, `{"name":"another"}`); got != 403 {
					t.Errorf("%s makes a project: %d; want 403", who, got)
				}
			} else if got := call("POST", list, draft); got != c.draft {
				t.Errorf("%s makes one of %s: %d; want %d", who, list, got, c.draft)
			}
		}
	}
}
