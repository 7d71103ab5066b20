// Package reference is the documentation of the native API that the server
// itself gives out: a guide, one page for each resource, one with every error,
// each also as Markdown, and a list of them all for language models.
//
// The pages are made once from the operations and the OpenAPI document, so they
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

	"tocsin/internal/api"
)

//go:generate go tool -modfile=../../../tools/go.mod templ generate -log-level error

//go:embed style.css icon.svg text
var files embed.FS

// sampleURL is the address of the server in recorded answers and in our texts.
// Pages have the server's own in its place.
const sampleURL = "https://tocsin.example.org"

// New returns the handler of everything below /docs/. publicURL is the server's
// address without a final slash, as examples and links show it. An error is a
// mistake in a text of this package.
func New(publicURL string) (http.Handler, error) {
	s, err := newSite(publicURL)
	if err != nil {
		return nil, fmt.Errorf("make the API reference: %w", err)
	}
	shelf := shelf{}
	for _, p := range s.Pages {
		var html bytes.Buffer
		if err := layout(s, p).Render(context.Background(), &html); err != nil {
			return nil, fmt.Errorf("render %s: %w", p.Path, err)
		}
		shelf.put(p.Path, typeHTML, html.Bytes())
		shelf.put(p.Path+".md", typeMarkdown, []byte(s.markdown(p)))
	}
	shelf.put("/docs/llms.txt", "text/plain; charset=utf-8", []byte(s.list()))
	for path, media := range map[string]string{"style.css": "text/css; charset=utf-8", "icon.svg": "image/svg+xml"} {
		text, err := files.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		shelf.put("/docs/"+path, media, text)
	}
	var lost bytes.Buffer
	missing := page{Title: "There is no such page", Lead: "Look for it in the [guide](/docs/api)."}
	if err := layout(s, missing).Render(context.Background(), &lost); err != nil {
		return nil, fmt.Errorf("render the page for what is not there: %w", err)
	}
	return shelf.handler(newDocument(typeHTML, lost.Bytes())), nil
}

// A site is all pages, and what links between them go by.
type site struct {
	// URL is the server's address.
	URL   string
	Pages []page
}

// newSite makes the pages from what the API says of itself.
func newSite(publicURL string) (*site, error) {
	b := newBuilder(publicURL, api.Document(publicURL), api.Operations(), api.Refusals())
	guide, err := b.guide()
	if err != nil {
		return nil, err
	}
	problems, err := b.errors()
	if err != nil {
		return nil, err
	}
	s := &site{URL: publicURL, Pages: []page{guide}}
	for _, r := range b.resources {
		s.Pages = append(s.Pages, b.resource(r))
	}
	s.Pages = append(s.Pages, problems)
	return s, nil
}
