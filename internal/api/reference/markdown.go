package reference

import (
	"fmt"
	"strings"
)

// markdown is the twin of a page for those who read text. Links in it lead to
// other twins.
func (s *site) markdown(p page) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n", p.Title)
	if p.Lead != "" {
		fmt.Fprintf(&b, "%s\n\n", s.absolute(p.Lead))
	}
	for _, sec := range p.Sections {
		fmt.Fprintf(&b, "## %s\n\n", sec.Title)
		if sec.Method != "" {
			fmt.Fprintf(&b, "`%s %s`\n\n", sec.Method, sec.Path)
		}
		if sec.Prose != "" {
			fmt.Fprintf(&b, "%s\n\n", s.absolute(sec.Prose))
		}
		for _, f := range sec.Facts {
			fmt.Fprintf(&b, "- %s: %s\n", f.Name, s.links(f.Items, ", "))
		}
		if len(sec.Facts) > 0 {
			b.WriteString("\n")
		}
		for _, g := range sec.Groups {
			fmt.Fprintf(&b, "### %s\n\n", g.Title)
			s.fields(&b, g.Fields, "")
			b.WriteString("\n")
		}
		for _, x := range sec.Samples {
			s.sample(&b, x)
		}
	}
	return strings.TrimSpace(b.String()) + "\n"
}

func (s *site) fields(b *strings.Builder, fields []field, indent string) {
	for _, f := range fields {
		fmt.Fprintf(b, "%s- `%s`", indent, f.Name)
		var about []string
		if f.Type != "" {
			about = append(about, s.link(link{Text: f.Type, Target: f.TypeLink}))
		}
		if f.Mark != "" {
			about = append(about, f.Mark)
		}
		about = append(about, f.Limits...)
		if len(about) > 0 {
			fmt.Fprintf(b, " (%s)", strings.Join(about, "; "))
		}
		if f.Text != "" {
			fmt.Fprintf(b, ": %s", s.absolute(f.Text))
		}
		if len(f.Values) > 0 {
			fmt.Fprintf(b, " One of: %s.", s.links(f.Values, ", "))
		}
		b.WriteString("\n")
		s.fields(b, f.Fields, indent+"  ")
	}
}

func (s *site) sample(b *strings.Builder, x sample) {
	if x.Title != "" {
		fmt.Fprintf(b, "%s:\n\n", x.Title)
	}
	if x.Command != "" {
		fmt.Fprintf(b, "```sh\n%s\n```\n\n", x.Command)
	}
	if x.Status != 0 {
		fmt.Fprintf(b, "%s\n\n", x.Verdict())
	}
	if x.Answer != "" {
		fmt.Fprintf(b, "```\n%s\n```\n\n", x.Answer)
	}
}

func (s *site) links(items []link, between string) string {
	out := make([]string, len(items))
	for i, l := range items {
		out[i] = s.link(l)
	}
	return strings.Join(out, between)
}

func (s *site) link(l link) string {
	text := l.Text
	if l.Code {
		text = "`" + text + "`"
	}
	if l.Target == "" {
		return text
	}
	return s.absolute("[" + text + "](" + l.Target + ")")
}

// absolute makes the links in a Markdown text lead to twins on this server.
func (s *site) absolute(markdown string) string {
	return linkPattern.ReplaceAllStringFunc(markdown, func(found string) string {
		at := linkPattern.FindStringSubmatch(found)
		if at[1] != guidePath && at[1] != errorsPath && !strings.HasPrefix(at[1], guidePath+"/") {
			return "](" + s.URL + at[1] + at[2] + ")"
		}
		return "](" + s.URL + at[1] + ".md" + at[2] + ")"
	})
}

// list is the list of pages for language models (llmstxt.org).
func (s *site) list() string {
	var b strings.Builder
	b.WriteString("# Tocsin API\n\n> Tocsin is a self-hosted incident server. This is the reference of its HTTP API, for the very version that runs at " + s.URL + ".\n\n## Pages\n\n")
	for _, p := range s.Pages {
		about, _, _ := strings.Cut(p.Lead, "\n\n")
		fmt.Fprintf(&b, "- [%s](%s%s.md): %s\n", p.Title, s.URL, p.Path, strings.ReplaceAll(s.absolute(about), "\n", " "))
	}
	fmt.Fprintf(&b, "\n## For programs\n\n- [OpenAPI 3.1 document](%s/openapi.json): every operation and schema\n", s.URL)
	return b.String()
}
