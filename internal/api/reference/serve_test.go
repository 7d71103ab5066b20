package reference_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"

	"tocsin/internal/api"
	"tocsin/internal/api/apitest"
	"tocsin/internal/api/reference"
)

func TestHeadersOfPages(t *testing.T) {
	t.Parallel()
	r := newReader(t)
	for path, media := range map[string]string{
		"/docs/api": "text/html; charset=utf-8", "/docs/api.md": "text/markdown; charset=utf-8", "/docs/errors": "text/html; charset=utf-8",
		"/docs/llms.txt": "text/plain; charset=utf-8", "/docs/style.css": "text/css; charset=utf-8", "/docs/icon.svg": "image/svg+xml",
	} {
		h := r.ask(t, http.MethodGet, path, nil).Header
		if got := h.Get("Content-Type"); got != media {
			t.Errorf("%s is %q; want %q", path, got, media)
		}
		policy := h.Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, "default-src 'none'; style-src 'self'; img-src 'self'") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s has the policy %q", path, policy)
		}
		if h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s may be sniffed", path)
		}
	}
}

func TestAPageIsSentOnce(t *testing.T) {
	t.Parallel()
	r := newReader(t)
	for _, codings := range []string{"", "gzip", "br, gzip;q=0.5"} {
		header := http.Header{"Accept-Encoding": {codings}}
		first := r.ask(t, http.MethodGet, "/docs/api", header)
		if got, want := first.Header.Get("Content-Encoding") == "gzip", codings != ""; got != want {
			t.Errorf("Accept-Encoding %q: compressed is %v; want %v", codings, got, want)
		}
		header["If-None-Match"] = []string{first.Header.Get("ETag")}
		if again := r.ask(t, http.MethodGet, "/docs/api", header); again.StatusCode != http.StatusNotModified {
			t.Errorf("Accept-Encoding %q: the same page again answers %d; want 304", codings, again.StatusCode)
		}
	}
	if got := r.ask(t, http.MethodGet, "/docs/api", http.Header{"Accept-Encoding": {"gzip;q=0"}}).Header.Get("Content-Encoding"); got != "" {
		t.Errorf("a reader without gzip gets %s", got)
	}
	zipped := r.ask(t, http.MethodGet, "/docs/api", http.Header{"Accept-Encoding": {"gzip"}})
	z, err := gzip.NewReader(zipped.Body)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != r.get(t, "/docs/api") {
		t.Error("the compressed page is another one")
	}
}

func TestWhatIsNotThere(t *testing.T) {
	t.Parallel()
	r := newReader(t)
	for _, path := range []string{"/docs/api/nothing", "/docs/api/", "/docs/errors/stale", "/docs/api/incidents.html"} {
		if got := r.ask(t, http.MethodGet, path, nil); got.StatusCode != http.StatusNotFound {
			t.Errorf("%s answers %d; want 404", path, got.StatusCode)
		}
	}
	if got := r.ask(t, http.MethodGet, "/docs/", nil); got.StatusCode != http.StatusFound || got.Header.Get("Location") != "/docs/api" {
		t.Errorf("/docs/ answers %d to %q; want 302 to /docs/api", got.StatusCode, got.Header.Get("Location"))
	}
}

// TestThePagesAreMounted asks a whole server.
func TestThePagesAreMounted(t *testing.T) {
	t.Parallel()
	h, err := reference.New(apitest.PublicURL)
	if err != nil {
		t.Fatal(err)
	}
	f := apitest.New(t, func(d *api.Deps) { d.Docs = h })
	for method, want := range map[string]int{http.MethodGet: 200, http.MethodHead: 200, http.MethodPost: 405} {
		req, err := http.NewRequestWithContext(t.Context(), method, f.Server.URL+"/docs/errors", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := f.Server.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		if err := resp.Body.Close(); err != nil {
			t.Error(err)
		}
		if resp.StatusCode != want || method == http.MethodHead && len(body) > 0 {
			t.Errorf("%s /docs/errors answers %d with %d bytes; want %d", method, resp.StatusCode, len(body), want)
		}
		if got := resp.Header.Get("Cache-Control"); want == 200 && got != "no-cache" {
			t.Errorf("%s has Cache-Control %q; want no-cache: a page may be kept, but must be asked for", method, got)
		}
	}
}
