package reference

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"tocsin"
	"tocsin/internal/api"
)

// A builder turns the declarations of the API into pages.
type builder struct {
	url      string
	doc      *huma.OpenAPI
	refusals map[string][]tocsin.Code

	resources []resource
	// guidance and faults are the pages of what all resources share.
	guidance, faults resource
	// homes are the places where schemas are described, by name; bodies those of
	// the operations that take them as their body.
	homes, bodies map[string]string
}

// A resource is what the operations of one tag are about.
type resource struct {
	tag, path  string
	operations []api.Operation
	// objects are the names of the schemas that its page describes: first those of
	// whole answers, as many as answers says, then those within them.
	objects []string
	answers int
}

// The paths of the pages that are not a resource's.
const (
	guidePath  = "/docs/api"
	errorsPath = "/docs/errors"
)

func newBuilder(publicURL string, doc *huma.OpenAPI, ops []api.Operation, refusals map[string][]tocsin.Code) *builder {
	b := &builder{
		url: publicURL, doc: doc, refusals: refusals,
		guidance: resource{path: guidePath}, faults: resource{path: errorsPath},
		homes: map[string]string{}, bodies: map[string]string{},
	}
	for _, op := range ops {
		i := slices.IndexFunc(b.resources, func(r resource) bool { return r.tag == op.Tag })
		if i < 0 {
			i = len(b.resources)
			b.resources = append(b.resources, resource{tag: op.Tag, path: guidePath + "/" + slug(op.Tag)})
		}
		r := &b.resources[i]
		r.operations = append(r.operations, op)
		if body := bodyOf(b.described(op)); body != nil && body.Ref != "" {
			if name := nameOf(body.Ref); b.bodies[name] == "" {
				b.bodies[name] = r.path + "#" + op.ID
			}
		}
	}
	b.settle()
	return b
}

// slug is a tag as part of a path.
func slug(tag string) string { return strings.ReplaceAll(strings.ToLower(tag), " ", "-") }

// settle gives each schema of an answer the one page that describes it: that of
// the first resource that answers with it, or else has it within an answer.
func (b *builder) settle() {
	b.claim(&b.faults, "Problem")
	b.claim(&b.guidance, "Preview")
	for i := range b.resources {
		r := &b.resources[i]
		for _, op := range r.operations {
			b.claim(r, b.answer(op))
		}
		r.answers = len(r.objects)
	}
	for i := range b.resources {
		b.claimWithin(&b.resources[i])
	}
	b.claimWithin(&b.faults)
	b.claimWithin(&b.guidance)
}

func (b *builder) claimWithin(r *resource) {
	for at := 0; at < len(r.objects); at++ { // claim makes it longer
		for _, name := range b.within(r.objects[at]) {
			b.claim(r, name)
		}
	}
}

func (b *builder) claim(r *resource, schema string) {
	if schema != "" && b.homes[schema] == "" {
		b.homes[schema] = r.path + "#" + schema
		r.objects = append(r.objects, schema)
	}
}

// described is an operation in the document.
func (b *builder) described(op api.Operation) *huma.Operation {
	item := b.doc.Paths[op.Path]
	switch op.Method {
	case http.MethodGet:
		return item.Get
	case http.MethodPost:
		return item.Post
	case http.MethodPatch:
		return item.Patch
	case http.MethodPut:
		return item.Put
	default:
		return item.Delete
	}
}

// bodyOf is the schema of what an operation takes, nil for nothing.
func bodyOf(op *huma.Operation) *huma.Schema {
	if op.RequestBody == nil {
		return nil
	}
	for _, media := range op.RequestBody.Content {
		return media.Schema // the same for all
	}
	return nil
}

// answer is the name of the schema of what an operation answers with, or of one
// item where it is a list; "" for what is not JSON.
func (b *builder) answer(op api.Operation) string {
	media := b.described(op).Responses[strconv.Itoa(statusOf(op))].Content["application/json"]
	if media == nil {
		return ""
	}
	s := media.Schema
	if len(s.OneOf) > 0 {
		s = s.OneOf[0]
	}
	if s.Ref == "" {
		return ""
	}
	if item := b.itemOf(s); item != "" {
		return item
	}
	return nameOf(s.Ref)
}

// itemOf is the name of the schema of the items of a page of a list, "" for any
// other schema.
func (b *builder) itemOf(s *huma.Schema) string {
	full := b.doc.Components.Schemas.SchemaFromRef(s.Ref)
	items, next := full.Properties["items"], full.Properties["next"]
	if items == nil || next == nil || items.Items == nil || items.Items.Ref == "" {
		return ""
	}
	return nameOf(items.Items.Ref)
}

func nameOf(ref string) string { return ref[strings.LastIndexByte(ref, '/')+1:] }

// resource is the page of a resource: its objects, what can be done, and the
// objects within objects.
func (b *builder) resource(r resource) page {
	p := page{Path: r.path, Title: r.tag, Lead: lead(r.tag), Sections: b.objects(r, r.objects[:r.answers], "Objects")}
	for _, op := range r.operations {
		p.Sections = append(p.Sections, b.operation(op))
	}
	p.Sections = append(p.Sections, b.objects(r, r.objects[r.answers:], "Within objects")...)
	return p
}

func (b *builder) objects(r resource, names []string, part string) []section {
	var out []section
	for _, name := range names {
		s := b.object(r, name)
		s.Part = part
		out = append(out, s)
	}
	return out
}

// object describes a schema of an answer, with the first one that an example of
// the resource got.
func (b *builder) object(r resource, name string) section {
	schema := b.doc.Components.Schemas.Map()[name]
	s := section{
		ID: name, Title: spaced(name), Prose: schema.Description,
		Groups: []group{{Title: "Fields", Fields: b.members(name, name, false, nil)}},
	}
	for _, op := range r.operations {
		if b.answer(op) != name {
			continue
		}
		for i := range op.Examples {
			a, err := api.AnswerTo(op, i)
			if err != nil || a.Status != statusOf(op) {
				continue
			}
			if object, ok := oneOf(a.Body, b.isList(op)); ok {
				s.Samples = []sample{{Title: "Example", Answer: b.own(indented(object))}}
				return s
			}
		}
	}
	return s
}

func (b *builder) isList(op api.Operation) bool {
	media := b.described(op).Responses[strconv.Itoa(statusOf(op))].Content["application/json"]
	return media != nil && media.Schema.Ref != "" && b.itemOf(media.Schema) != ""
}

// operation describes one operation.
func (b *builder) operation(op api.Operation) section {
	described := b.described(op)
	s := section{
		ID: op.ID, Title: op.Summary, Part: "Operations", Method: op.Method, Path: op.Path,
		Prose: op.Description, Samples: b.samples(op),
	}
	s.Facts = []fact{permission(op.Authority), b.result(op)}
	takes, gives := fact{Name: "Takes"}, fact{Name: "Gives"}
	groups := []group{{Title: "Path"}, {Title: "Query"}}
	for _, p := range described.Parameters {
		switch {
		case anchorOf(p.Name) != "":
			takes.Items = append(takes.Items, link{Text: p.Name, Target: anchorOf(p.Name), Code: true})
		case p.In == "path":
			groups[0].Fields = append(groups[0].Fields, b.parameter(op.ID, p))
		case p.In == "query":
			groups[1].Fields = append(groups[1].Fields, b.parameter(op.ID, p))
		}
	}
	for name := range described.Responses[strconv.Itoa(statusOf(op))].Headers {
		gives.Items = append(gives.Items, link{Text: name, Target: anchorOf(name), Code: true})
	}
	slices.SortFunc(gives.Items, func(a, c link) int { return strings.Compare(a.Text, c.Text) })
	s.Facts = append(s.Facts, takes, gives, b.errorsOf(op))
	s.Facts = slices.DeleteFunc(s.Facts, func(f fact) bool { return len(f.Items) == 0 })
	if body := bodyOf(described); body != nil && body.Ref != "" {
		name := nameOf(body.Ref)
		groups = append(groups, group{Title: "Body", Fields: b.members(op.ID, name, true, []string{name})})
	}
	s.Groups = slices.DeleteFunc(groups, func(g group) bool { return len(g.Fields) == 0 })
	return s
}
