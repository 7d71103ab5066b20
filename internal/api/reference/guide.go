package reference

import (
	"fmt"
	"slices"
	"strings"

	"tocsin"
	"tocsin/internal/api"
)

// text reads one of our texts, with the server's own address in it.
func (b *builder) text(name string) ([]part, error) {
	raw, err := files.ReadFile("text/" + name)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return partsOf(name, b.own(string(raw)))
}

// guide is the index: what holds for all operations, and where they are.
func (b *builder) guide() (page, error) {
	parts, err := b.text("guide.md")
	if err != nil {
		return page{}, err
	}
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
	return p, nil
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

// errors is the page of every code. Its text must have each once.
func (b *builder) errors() (page, error) {
	parts, err := b.text("errors.md")
	if err != nil {
		return page{}, err
	}
	p := page{Path: errorsPath, Title: "Errors", Lead: parts[0].prose, Sections: b.objects(b.faults, b.faults.objects, "Objects")}
	codes := api.Codes()
	for _, part := range parts[1:] {
		code := tocsin.Code(part.id)
		i := slices.Index(codes, code)
		if i < 0 {
			return page{}, fmt.Errorf("errors.md explains %q, which is no code or was explained before", part.id)
		}
		codes = slices.Delete(codes, i, i+1)
		status, title := api.StatusOf(code)
		p.Sections = append(p.Sections, section{
			ID: part.id, Title: part.id, Part: "Codes", Prose: part.prose, Samples: part.samples,
			Facts: []fact{{Name: "Status", Items: []link{{Text: verdict(status)}}}, {Name: "Title", Items: []link{{Text: title}}}},
		})
	}
	if len(codes) > 0 {
		return page{}, fmt.Errorf("errors.md does not explain %s", strings.Join(texts(codes), ", "))
	}
	return p, nil
}

func texts(codes []tocsin.Code) []string {
	out := make([]string, len(codes))
	for i, code := range codes {
		out[i] = string(code)
	}
	return out
}
