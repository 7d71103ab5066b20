package reference_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"tocsin"
	"tocsin/internal/api"
	"tocsin/internal/api/apitest"
	"tocsin/internal/api/reference"
)

// A reader asks the pages for what a browser would.
type reader struct{ handler http.Handler }

func newReader(t testing.TB) reader {
	t.Helper()
	h, err := reference.New(apitest.PublicURL)
	if err != nil {
		t.Fatal(err)
	}
	return reader{h}
}

func (r reader) ask(t testing.TB, method, path string, header http.Header) *http.Response {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), method, path, nil)
	for name, values := range header {
		req.Header[name] = values
	}
	w := httptest.NewRecorder()
	r.handler.ServeHTTP(w, req)
	return w.Result()
}

// get returns the text of what there must be.
func (r reader) get(t testing.TB, path string) string {
	t.Helper()
	resp := r.ask(t, http.MethodGet, path, nil)
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("GET %s answers %d; want 200", path, resp.StatusCode)
	}
	return string(text)
}

// pages are the paths of all pages, as the menu has them.
func (r reader) pages(t testing.TB) []string {
	t.Helper()
	var paths []string
	for _, e := range elements(t, r.get(t, "/docs/api")) {
		if href := attribute(e, "href"); e.Data == "a" && strings.HasPrefix(href, "/docs/") && !strings.ContainsAny(href, "#.") && !slices.Contains(paths, href) {
			paths = append(paths, href)
		}
	}
	if len(paths) < 4 {
		t.Fatalf("the menu has only %v", paths)
	}
	return paths
}

// elements parses a page, and fails the test unless every element is closed where
// it must be.
func elements(t testing.TB, page string) []html.Token {
	t.Helper()
	var all []html.Token
	var open []string
	z := html.NewTokenizer(strings.NewReader(page))
	for {
		switch z.Next() {
		case html.ErrorToken:
			if z.Err() != io.EOF || len(open) > 0 {
				t.Errorf("the page ends within %v: %v", open, z.Err())
			}
			return all
		case html.StartTagToken:
			e := z.Token()
			all = append(all, e)
			if !slices.Contains([]string{"meta", "link", "wbr", "br", "img", "input", "hr"}, e.Data) {
				open = append(open, e.Data)
			}
		case html.SelfClosingTagToken:
			all = append(all, z.Token())
		case html.EndTagToken:
			e := z.Token()
			if len(open) == 0 || open[len(open)-1] != e.Data {
				t.Fatalf("</%s> closes %v", e.Data, open)
			}
			open = open[:len(open)-1]
		}
	}
}

func attribute(e html.Token, name string) string {
	for _, a := range e.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func TestEveryOperationIsOnOnePage(t *testing.T) {
	t.Parallel()
	r := newReader(t)
	found := map[string][]string{}
	for _, path := range r.pages(t) {
		for _, e := range elements(t, r.get(t, path)) {
			if e.Data == "section" {
				id := attribute(e, "id")
				found[id] = append(found[id], path)
			}
		}
	}
	for _, op := range api.Operations() {
		if len(found[op.ID]) != 1 {
			t.Errorf("%s is described on %v; want one page", op.ID, found[op.ID])
		}
	}
	for _, code := range api.Codes() {
		if got := found[string(code)]; !slices.Equal(got, []string{"/docs/errors"}) {
			t.Errorf("the error %s is explained on %v; want /docs/errors alone, where the type of a problem leads", code, got)
		}
	}
}

func TestPagesAreSound(t *testing.T) {
	t.Parallel()
	r := newReader(t)
	for _, path := range r.pages(t) {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			ids := map[string]bool{}
			level, titles := 0, 0
			for _, e := range elements(t, r.get(t, path)) {
				if id := attribute(e, "id"); id != "" {
					if ids[id] {
						t.Errorf("the id %q is there twice", id)
					}
					ids[id] = true
				}
				if slices.Contains([]string{"script", "style", "iframe", "object", "img", "form"}, e.Data) {
					t.Errorf("there is a <%s>; a page needs none", e.Data)
				}
				for _, a := range e.Attr {
					if strings.HasPrefix(a.Key, "on") || a.Key == "style" || a.Key == "src" {
						t.Errorf("<%s> has %s=%q, which the policy does not allow", e.Data, a.Key, a.Val)
					}
				}
				if len(e.Data) == 2 && e.Data[0] == 'h' && e.Data[1] >= '1' && e.Data[1] <= '6' {
					next := int(e.Data[1] - '0')
					if next > level+1 {
						t.Errorf("an h%d follows an h%d", next, level)
					}
					if level = next; next == 1 {
						titles++
					}
				}
			}
			if titles != 1 {
				t.Errorf("there are %d h1; want 1", titles)
			}
		})
	}
}

func TestEveryLinkLeadsSomewhere(t *testing.T) {
	t.Parallel()
	r := newReader(t)
	anchors := map[string]map[string]bool{}
	for _, path := range r.pages(t) {
		anchors[path] = map[string]bool{"": true}
		for _, e := range elements(t, r.get(t, path)) {
			anchors[path][attribute(e, "id")] = true
		}
	}
	for _, path := range r.pages(t) {
		for _, e := range elements(t, r.get(t, path)) {
			href := attribute(e, "href")
			page, anchor, _ := strings.Cut(href, "#")
			if page == "" {
				page = path
			}
			switch {
			case e.Data != "a" && e.Data != "link", page == "/openapi.json", strings.HasPrefix(page, "https://www.rfc-editor.org/rfc/"):
			case anchors[page] == nil:
				if anchor != "" || r.ask(t, http.MethodGet, page, nil).StatusCode != http.StatusOK {
					t.Errorf("%s: %s leads nowhere", path, href)
				}
			case !anchors[page][anchor]:
				t.Errorf("%s: there is no #%s on %s", path, anchor, page)
			}
		}
	}
}

func TestTheMarkdownSaysTheSame(t *testing.T) {
	t.Parallel()
	r := newReader(t)
	list := r.get(t, "/docs/llms.txt")
	for _, path := range r.pages(t) {
		if !strings.Contains(list, "("+apitest.PublicURL+path+".md)") {
			t.Errorf("llms.txt does not list %s.md", path)
		}
		twin := r.get(t, path+".md")
		page := r.get(t, path)
		for _, op := range api.Operations() {
			if strings.Contains(page, `<section id="`+op.ID+`"`) != strings.Contains(twin, "\n`"+op.Method+" "+op.Path+"`\n") {
				t.Errorf("%s has %s, its twin has not, or the other way round", path, op.ID)
			}
		}
		for _, after := range strings.Split(twin, "]("+apitest.PublicURL)[1:] {
			target, _, _ := strings.Cut(after, ")")
			target, _, _ = strings.Cut(target, "#")
			if target != "/openapi.json" && r.ask(t, http.MethodGet, target, nil).StatusCode != http.StatusOK {
				t.Errorf("%s.md: %s leads nowhere", path, target)
			}
		}
		if strings.Contains(twin, "](/") {
			t.Errorf("%s.md has a link without the server's address", path)
		}
	}
}

func TestPagesSpeakOfThisServer(t *testing.T) {
	t.Parallel()
	h, err := reference.New("http://127.0.0.1:4000")
	if err != nil {
		t.Fatal(err)
	}
	r := reader{h}
	for _, path := range append(r.pages(t), "/docs/llms.txt") {
		if text := r.get(t, path); strings.Contains(text, "tocsin.example.org") || !strings.Contains(text, "http://127.0.0.1:4000") {
			t.Errorf("%s has another address than the server's own", path)
		}
	}
}

func TestWordsAreExplained(t *testing.T) {
	t.Parallel()
	guide := newReader(t).get(t, "/docs/api")
	var ids []string
	for _, s := range tocsin.Statuses() {
		ids = append(ids, "status."+string(s))
	}
	for _, s := range tocsin.Severities() {
		ids = append(ids, "severity."+string(s))
	}
	for _, name := range tocsin.AllPermissions.Names() {
		ids = append(ids, "permission."+name)
	}
	for _, id := range ids {
		if !strings.Contains(guide, `<li id="`+id+`"`) {
			t.Errorf("the guide has no %s: explain it in words.go", id)
		}
	}
}
