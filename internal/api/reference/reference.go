// Package reference is the documentation of the native API that the server
// itself gives out: a guide, one page for each resource, one with every error,
// each also as Markdown, and a list of them all for language models.
//
// The pages are made, once, from the operations and the OpenAPI document, so they
// are those of this very version and speak of this very server. They need no
// script and load nothing from elsewhere.
//
// The package must never know a use case, a store or a credential, and must never
// say of an operation what its declaration does not say.
package reference

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"net/http"
	"sync"

	"tocsin/internal/api"
)

//go:generate go tool -modfile=../../../tools/go.mod templ generate -log-level error

//go:embed style.css icon.svg text
var files embed.FS

// sampleURL is the address of the server in recorded answers and in our texts.
// Pages have the server's own in its place.
const sampleURL = "https://tocsin.example.org"

// New returns the handler of everything below /docs/. publicURL is the server's
// address without a final slash, as examples and links show it. The pages are
// made when the first of them is asked for, so that a server starts without
// waiting for them. An error is a mistake in a text of this package.
func New(publicURL string) (http.Handler, error) {
	texts, err := readTexts(publicURL)
	if err != nil {
		return nil, fmt.Errorf("make the API reference: %w", err)
	}
	shelf := sync.OnceValues(func() (shelf, error) { return newShelf(newSite(publicURL, texts)) })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, err := shelf()
		if err != nil {
			panic(err) // the server answers 500 and says so in its log
		}
		s.serve(w, r)
	}), nil
}

// A site is all pages.
type site struct {
	// URL is the server's address.
	URL   string
	Pages []page
}

// newSite makes the pages from what the API says of itself and our texts.
func newSite(publicURL string, t texts) *site {
	b := newBuilder(publicURL, api.Document(publicURL), api.Operations(), api.Refusals())
	s := &site{URL: publicURL, Pages: []page{b.guide(t.guide)}}
	for _, r := range b.resources {
		s.Pages = append(s.Pages, b.resource(r))
	}
	s.Pages = append(s.Pages, b.errors(t.errors))
	return s
}

// newShelf renders every page.
func newShelf(s *site) (shelf, error) {
	out := shelf{}
	for _, p := range s.Pages {
		text, err := rendered(s, p)
		if err != nil {
			return nil, err
		}
		out.put(p.Path, typeHTML, text)
		out.put(p.Path+".md", typeMarkdown, []byte(s.markdown(p)))
	}
	out.put("/docs/llms.txt", "text/plain; charset=utf-8", []byte(s.list()))
	for name, media := range map[string]string{"style.css": "text/css; charset=utf-8", "icon.svg": "image/svg+xml"} {
		text, err := files.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		out.put("/docs/"+name, media, text)
	}
	missing, err := rendered(s, page{Title: "There is no such page", Lead: "Look for it in the [guide](/docs/api)."})
	out.put("", typeHTML, missing)
	return out, err
}

func rendered(s *site, p page) ([]byte, error) {
	var b bytes.Buffer
	if err := layout(s, p).Render(context.Background(), &b); err != nil {
		return nil, fmt.Errorf("render %q: %w", p.Title, err)
	}
	return b.Bytes(), nil
}
