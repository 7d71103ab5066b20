package api_test

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"tocsin"
	"tocsin/internal/api/apitest"
	"tocsin/internal/audit/proof"
	"tocsin/internal/audit/verify"
)

func TestAudit_provesWhatAnAnswerPromised(t *testing.T) {
	t.Parallel()
	f := apitest.New(t)
	changed := f.Call(t, apitest.Request{Method: patch, Path: samplePath, Body: `{"severity":"minor"}`})
	want(t, "change", changed, 200, "")
	promised := changed.Header.Get("Audit-Leaf")
	length := strconv.Itoa(f.LogLength(t))
	entry := f.Call(t, apitest.Request{Path: "/v1/audit/entries/" + length})
	if text(t, entry, "leaf") != promised {
		t.Errorf("the newest entry is %s; want that of the change, %s", entry.Body, promised)
	}

	key := f.Call(t, apitest.Request{Path: "/v1/audit/key"})
	keys, err := proof.Keys(string(key.Body))
	if err != nil {
		t.Fatal(err)
	}
	reply := f.Call(t, apitest.Request{Path: "/v1/audit/entries/" + length + "/proof"})
	want(t, "prove", reply, 200, "")
	p, err := proof.ParseInclusion(reply.Body)
	if err != nil {
		t.Fatal(err)
	}
	leaf := leafOf(t, promised)
	if _, err := p.Check(keys, leaf); err != nil {
		t.Errorf("the proof of %s: %v", promised, err)
	}
	checkpoint := f.Call(t, apitest.Request{Path: "/v1/audit/checkpoint"})
	if c, err := proof.OpenCheckpoint(checkpoint.Body, keys); err != nil || strconv.FormatInt(c.Size, 10) != length {
		t.Errorf("the checkpoint is of %d entries (%v); want %s", c.Size, err, length)
	}
	for _, seq := range []string{"0", "-1", "x", "1000", "99999999999999999999"} {
		want(t, "entry "+seq, f.Call(t, apitest.Request{Path: "/v1/audit/entries/" + seq}), 404, tocsin.NotFound)
		want(t, "proof of entry "+seq, f.Call(t, apitest.Request{Path: "/v1/audit/entries/" + seq + "/proof"}), 404, tocsin.NotFound)
	}
}

func leafOf(t *testing.T, digits string) (h [32]byte) {
	t.Helper()
	for i := range h {
		n, err := strconv.ParseUint(digits[2*i:2*i+2], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		h[i] = byte(n)
	}
	return h
}

func TestAudit_exportsWhatAVerifierProves(t *testing.T) {
	t.Parallel()
	f := apitest.New(t)
	head := f.Call(t, apitest.Request{Method: http.MethodHead, Path: "/v1/audit/export"})
	if before := f.LogLength(t); head.Status != 200 || before != 14 {
		t.Errorf("HEAD answers %d, and the log has %d entries; want a look at the header to take no copy", head.Status, before)
	}
	reply := f.Call(t, apitest.Request{Path: "/v1/audit/export"})
	if reply.Status != 200 || reply.Header.Get("Content-Type") != "application/x-tar" {
		t.Fatalf("the export answers %d %s", reply.Status, reply.Header)
	}
	path := filepath.Join(t.TempDir(), "export.tar")
	if err := os.WriteFile(path, reply.Body, 0o600); err != nil {
		t.Fatal(err)
	}
	key := string(f.Call(t, apitest.Request{Path: "/v1/audit/key"}).Body)
	r, err := verify.Run(t.Context(), path, key, [][]byte{f.Call(t, apitest.Request{Path: "/v1/audit/checkpoint"}).Body}, nil)
	if err != nil || r.Verdict != verify.Proven || r.Size != 15 {
		t.Errorf("the verdict is %s on %d entries: %s (%v)", r.Verdict, r.Size, r.Message, err)
	}
	if bytes.Contains(reply.Body, []byte(f.Token)) {
		t.Error("the export holds a token")
	}
}

func TestAudit_isReadInPagesAndFilters(t *testing.T) {
	t.Parallel()
	f := apitest.New(t)
	for query, count := range map[string]int{
		"":                                 14,
		"?kind=incident":                   2,
		"?action=incident.create&door=api": 1,
		"?actor_id=0198c1a0-0000-7000-8000-000000000005":          3,
		"?after=2026-03-01T12:00:11Z&before=2026-03-01T12:00:13Z": 2,
		"?request_id=nobody": 0,
	} {
		sep := "?"
		if query != "" {
			sep = "&"
		}
		seen, path := 0, "/v1/audit"+query+sep+"limit=2"
		for path != "" {
			reply := f.Call(t, apitest.Request{Path: path})
			want(t, path, reply, 200, "")
			page := reply.JSON(t)
			seen += len(page["items"].([]any))
			if next, _ := page["next"].(string); next != "" {
				path = "/v1/audit" + query + sep + "limit=2&cursor=" + next
			} else {
				path = ""
			}
		}
		if seen != count {
			t.Errorf("%q selects %d entries; want %d", query, seen, count)
		}
	}
}

func TestAudit_redactsOnceAndIsForThoseWhoMay(t *testing.T) {
	t.Parallel()
	f := apitest.New(t)
	redact := func(token string) apitest.Reply {
		return f.Call(t, apitest.Request{Token: token, Method: "POST", Path: "/v1/audit/entries/6/redact", Body: `{"reason":"a name"}`})
	}
	viewer := f.Holder(t, "vera", tocsin.RoleAdmin, tocsin.ScopeOrganisation, tocsin.ID{}, tocsin.KeyDraft{Permissions: tocsin.ViewAudit})
	editor := f.Holder(t, "eli", tocsin.RoleEditor, tocsin.ScopeProject, apitest.ID("0198c1a0-0000-7000-8000-000000000002"), tocsin.KeyDraft{})
	stranger := f.Stranger(t)
	want(t, "redact with a key that may only look", redact(viewer), 403, tocsin.Forbidden)
	project := apitest.ID("0198c1a0-0000-7000-8000-000000000002")
	bound := f.Holder(t, "paula", tocsin.RoleAdmin, tocsin.ScopeOrganisation, tocsin.ID{}, tocsin.KeyDraft{Project: project})
	manager := f.Holder(t, "max", tocsin.RoleAdmin, tocsin.ScopeOrganisation, tocsin.ID{}, tocsin.KeyDraft{Permissions: tocsin.ManageSettings})
	for _, path := range []string{"", "/entries/1", "/entries/1/proof", "/checkpoint", "/key", "/export"} {
		for who, token := range map[string]string{"an editor": editor, "a key of a project": bound, "who may manage but not look": manager} {
			if path == "/key" && token == bound {
				continue // it is no secret, and the same for all projects
			}
			want(t, who+" looks at "+path, f.Call(t, apitest.Request{Token: token, Path: "/v1/audit" + path}), 403, tocsin.Forbidden)
		}
	}
	want(t, "redact with a key of a project", redact(bound), 403, tocsin.Forbidden)
	want(t, "redact another organisation's entry", redact(stranger), 404, tocsin.NotFound)
	refused := f.Call(t, apitest.Request{Token: manager, Method: "POST", Path: "/v1/audit/entries/8/redact", Body: `{"reason":"x","fields":["colour"]}`})
	want(t, "redact a field that the entry lacks", refused, 422, tocsin.Invalid)
	if strings.Contains(string(refused.Body), "severity") {
		t.Errorf("who may not read the log is told what an entry changed: %s", refused.Body)
	}
	others := f.Call(t, apitest.Request{Token: stranger, Path: "/v1/audit"})
	if strings.Contains(string(others.Body), "payments") {
		t.Errorf("another organisation's administrator reads %s", others.Body)
	}
	first := redact("")
	want(t, "redact", first, 200, "")
	length := f.LogLength(t)
	again := redact("")
	want(t, "redact again", again, 200, "")
	if !bytes.Equal(first.Body, again.Body) || f.LogLength(t) != length {
		t.Errorf("to redact again answers %s after %s, or left an entry", again.Body, first.Body)
	}
	if shown := f.Call(t, apitest.Request{Path: "/v1/audit/entries/6"}); strings.Contains(string(shown.Body), "Admin") {
		t.Errorf("the redacted entry shows %s", shown.Body)
	}
	want(t, "redact what is still there", f.Call(t, apitest.Request{Method: "POST", Path: "/v1/audit/entries/8/redact", Body: `{"reason":"x"}`}), 409, tocsin.Conflict)
}
