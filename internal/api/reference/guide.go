package reference

import (
	"fmt"
	"slices"
	"strings"

	"tocsin"
	"tocsin/internal/api"
)

// texts are the files of our own words.
type texts struct{ guide, errors []part }

// readTexts reads them, with the server's own address in them. Every code must be
// explained once.
func readTexts(publicURL string) (texts, error) {
	var t texts
	for name, into := range map[string]*[]part{"guide.md": &t.guide, "errors.md": &t.errors} {
		raw, err := files.ReadFile("text/" + name)
		if err != nil {
			return t, fmt.Errorf("read %s: %w", name, err)
		}
		if *into, err = partsOf(name, strings.ReplaceAll(string(raw), sampleURL, publicURL)); err != nil {
			return t, err
		}
	}
	codes := api.Codes()
	for _, p := range t.errors[1:] {
		i := slices.Index(codes, tocsin.Code(p.id))
		if i < 0 {
			return t, fmt.Errorf("errors.md explains %q, which is no code or was explained before", p.id)
		}
		codes = slices.Delete(codes, i, i+1)
	}
	if len(codes) > 0 {
		return t, fmt.Errorf("errors.md does not explain %v", codes)
	}
	return t, nil
}

// guide is the index: what holds for all operations, and where they are.
func (b *builder) guide(parts []part) page {
	p := page{Path: guidePath, Title: "Tocsin API", Lead: parts[0].prose}
	for _, part := range parts[1:] {
		s := section{ID: part.id, Title: part.title, Prose: part.prose, Samples: part.samples, Part: "Guide"}
		p.Sections = append(p.Sections, s)
		if part.id == "dry-run" {
			p.Sections = append(p.Sections, b.objects(b.guidance, b.guidance.objects, "Guide")...)
		}
	}
	p.Sections = append(p.Sections, b.overview())
	for _, g := range glossaries() {
		s := section{ID: g.id, Title: g.title, Prose: g.prose, Part: "Words", Groups: []group{{Title: "Values"}}}
		for _, w := range g.words {
			s.Groups[0].Fields = append(s.Groups[0].Fields, field{ID: g.id + "." + w.name, Name: w.name, Text: w.text})
		}
		p.Sections = append(p.Sections, s)
	}
	return p
}

// overview lists every operation.
func (b *builder) overview() section {
	s := section{ID: "operations", Title: "All operations", Part: "Operations"}
	for _, r := range b.resources {
		f := group{Title: r.tag}
		for _, op := range r.operations {
			f.Fields = append(f.Fields, field{Name: op.Method + " " + op.Path, TypeLink: r.path + "#" + op.ID, Type: op.Summary})
		}
		s.Groups = append(s.Groups, f)
	}
	return s
}

// errors is the page of every code.
func (b *builder) errors(parts []part) page {
	p := page{Path: errorsPath, Title: "Errors", Lead: parts[0].prose, Sections: b.objects(b.faults, b.faults.objects, "Objects")}
	for _, part := range parts[1:] {
		status, title := api.StatusOf(tocsin.Code(part.id))
		p.Sections = append(p.Sections, section{
			ID: part.id, Title: part.id, Part: "Codes", Prose: part.prose, Samples: part.samples,
			Facts: []fact{{Name: "Status", Items: []link{{Text: verdict(status)}}}, {Name: "Title", Items: []link{{Text: title}}}},
		})
	}
	return p
}
