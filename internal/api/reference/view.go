package reference

import (
	"context"
	"io"
	"strings"

	"github.com/a-h/templ"
)

// titleOf is a page's title in a browser's tab.
func titleOf(p page) string {
	if p.Path == guidePath {
		return p.Title
	}
	return p.Title + " · Tocsin API"
}

// menuTitle is a page's title among all pages.
func menuTitle(p page) string {
	if p.Path == guidePath {
		return "Guide"
	}
	return p.Title
}

// A chapter is a run of sections with the same Part.
type chapter struct {
	title    string
	sections []section
}

func partsIn(p page) []chapter {
	var out []chapter
	for _, s := range p.Sections {
		if len(out) == 0 || out[len(out)-1].title != s.Part {
			out = append(out, chapter{title: s.Part})
		}
		last := &out[len(out)-1]
		last.sections = append(last.sections, s)
	}
	return out
}

// isIndex reports whether a section lists operations.
func isIndex(s section) bool { return s.ID == "operations" }

// runsOf groups the items of a list; a paragraph is a run of its own.
func runsOf(markdown string) [][]block {
	var out [][]block
	for _, b := range blocksOf(markdown) {
		if last := len(out) - 1; b.item && last >= 0 && out[last][0].item {
			out[last] = append(out[last], b)
			continue
		}
		out = append(out, []block{b})
	}
	return out
}

// pieces cuts a name after each '/', '.' and '_' that is not at its end.
func pieces(text string) []string {
	var out []string
	for text != "" {
		cut := strings.IndexAny(text[1:], "/._") + 1
		if cut <= 0 || cut == len(text)-1 {
			return append(out, text)
		}
		if text[cut] != '/' {
			cut++
		}
		out = append(out, text[:cut])
		text = text[cut:]
	}
	return out
}

// A token is a piece of an answer with the class of its colour.
type token struct{ text, class string }

// tokens colours the names of members and the strings in JSON. In any other text
// it finds nothing to colour.
func tokens(text string) []token {
	if !strings.HasPrefix(text, "{") && !strings.HasPrefix(text, "[") {
		return []token{{text: text}}
	}
	var out []token
	for {
		open := strings.IndexByte(text, '"')
		if open < 0 {
			return append(out, token{text: text})
		}
		end := open + 1
		for end < len(text) && text[end] != '"' {
			if text[end] == '\\' {
				end++
			}
			end++
		}
		end = min(end+1, len(text))
		class := "string"
		if strings.HasPrefix(text[end:], ":") {
			class = "member"
		}
		out = append(out, token{text: text[:open]}, token{text: text[open:end], class: class})
		text = text[end:]
	}
}

// written is a component of which every space counts: a template would add and
// take away some between its elements.
func written(build func(*strings.Builder)) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		var b strings.Builder
		build(&b)
		_, err := io.WriteString(w, b.String())
		return err
	})
}

// coloured is an answer with colours.
func coloured(text string) templ.Component {
	return written(func(b *strings.Builder) {
		for _, t := range tokens(text) {
			if t.class == "" {
				b.WriteString(templ.EscapeString(t.text))
				continue
			}
			b.WriteString(`<span class="` + t.class + `">` + templ.EscapeString(t.text) + `</span>`)
		}
	})
}

// runningText is a paragraph's text.
func runningText(spans []span) templ.Component {
	return written(func(b *strings.Builder) {
		for _, s := range spans {
			text := templ.EscapeString(s.text)
			if s.code {
				text = "<code>" + text + "</code>"
			}
			if s.target != "" {
				text = `<a href="` + templ.EscapeString(string(templ.URL(s.target))) + `">` + text + "</a>"
			}
			b.WriteString(text)
		}
	})
}

// breakable is a path or a name that may be broken after each of its parts.
func breakable(text string) templ.Component {
	return written(func(b *strings.Builder) {
		for i, piece := range pieces(text) {
			if i > 0 {
				b.WriteString("<wbr>")
			}
			b.WriteString(templ.EscapeString(piece))
		}
	})
}
