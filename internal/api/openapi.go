package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"tocsin"
	"tocsin/internal/httpkit"
)

// newRegistry collects the schemas of the wire types.
func newRegistry() huma.Registry {
	return huma.NewMapRegistry("#/components/schemas/", func(t reflect.Type, hint string) string {
		name := huma.DefaultSchemaNamer(t, hint)
		if item, ok := strings.CutPrefix(name, "Page"); ok {
			return item + "Page"
		}
		return name
	})
}

// apiVersion is the version of the API, which the document carries. The first
// number is that of the path.
const apiVersion = "1.0.0"

// Document returns the OpenAPI document of an installation. Every call makes it
// anew.
func Document(publicURL string) *huma.OpenAPI {
	c := &core{Deps: Deps{PublicURL: publicURL}, schemas: newRegistry()}
	return c.document()
}

// serveDocument returns the route of the document, which is made when it is
// first asked for: most servers never are.
func (c *core) serveDocument() httpkit.Handler {
	made := sync.OnceValues(func() ([]byte, error) { return encode((&core{Deps: c.Deps}).document()) })
	return func(w http.ResponseWriter, _ *http.Request) error {
		text, err := made()
		if err != nil {
			return err
		}
		return send(w, tocsin.Reply{Status: http.StatusOK, Header: map[string]string{"Content-Type": mediaJSON}, Body: text})
	}
}

const bearer = "apiKey"

func (c *core) document() *huma.OpenAPI {
	c.schemas = newRegistry()
	doc := &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title: "Tocsin", Version: apiVersion,
			Description: "The native API of Tocsin, a self-hosted incident server.\n\n" +
				"Every request carries an API key as `Authorization: Bearer tcn_…`. Errors are problems (RFC 9457) with a `code` for programs. " +
				"Every change can be made safely: `If-Match` guards against lost updates, `Idempotency-Key` against doing it twice, and `?dry_run=true` shows what it would come to.",
		},
		Servers: []*huma.Server{{URL: c.PublicURL}},
		Paths:   map[string]*huma.PathItem{},
		Components: &huma.Components{
			Schemas:         c.schemas,
			SecuritySchemes: map[string]*huma.SecurityScheme{bearer: {Type: "http", Scheme: "bearer", Description: "An API key, as it was shown when it was made."}},
		},
		Security: []map[string][]string{{bearer: {}}},
	}
	problem := c.schemas.Schema(reflect.TypeFor[Problem](), true, "")
	preview := c.schemas.Schema(reflect.TypeFor[Preview](), true, "")
	for _, code := range Codes() {
		codes := c.schemas.SchemaFromRef(problem.Ref).Properties["code"]
		codes.Enum = append(codes.Enum, string(code))
	}
	for _, e := range c.endpoints() {
		item := doc.Paths[e.Path]
		if item == nil {
			item = &huma.PathItem{}
			doc.Paths[e.Path] = item
		}
		op := c.describe(e, problem, preview)
		switch e.Method {
		case http.MethodGet:
			item.Get = op
		case http.MethodPost:
			item.Post = op
		case http.MethodPatch:
			item.Patch = op
		case http.MethodPut:
			item.Put = op
		case http.MethodDelete:
			item.Delete = op
		}
		if !slices.ContainsFunc(doc.Tags, func(t *huma.Tag) bool { return t.Name == e.Tag }) {
			doc.Tags = append(doc.Tags, &huma.Tag{Name: e.Tag})
		}
	}
	return doc
}

// describe turns an operation into its part of the document.
func (c *core) describe(e endpoint, problem, preview *huma.Schema) *huma.Operation {
	in := newInput(c.schemas, e.in)
	op := &huma.Operation{
		OperationID: e.ID, Summary: e.Summary, Description: e.Description, Tags: []string{e.Tag},
		Parameters: c.parameters(e, in), Responses: map[string]*huma.Response{},
	}
	switch {
	case e.Authority.open:
		op.Security = []map[string][]string{{}}
	case e.Authority.permission != 0:
		op.Description += "\n\nNeeds the permission `" + strings.Join(e.Authority.permission.Names(), "`, `") + "`."
	}
	if in.body != nil {
		op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{}}
		for _, media := range mediaOf(e.Method) {
			op.RequestBody.Content[media] = &huma.MediaType{Schema: in.body.schema, Examples: requestExamples(e.Operation)}
		}
	}
	c.describeSuccess(op, e, preview)
	for _, code := range refusals(e, in) {
		status, title := StatusOf(code)
		key := strconv.Itoa(status)
		r := op.Responses[key]
		if r == nil {
			r = &huma.Response{Content: map[string]*huma.MediaType{"application/problem+json": {Schema: problem}}}
			op.Responses[key] = r
		} else {
			title = r.Description + "; or: " + title
		}
		r.Description = title
		if code == tocsin.RateLimited || code == tocsin.Busy {
			r.Headers = map[string]*huma.Param{"Retry-After": header("integer", "How many seconds to wait.")}
		}
	}
	return op
}

func header(kind, description string) *huma.Param {
	return &huma.Param{Description: description, Schema: &huma.Schema{Type: kind}}
}

// describeSuccess adds the answers of an operation that went well.
func (c *core) describeSuccess(op *huma.Operation, e endpoint, preview *huma.Schema) {
	if e.out == nil {
		op.Responses[strconv.Itoa(e.status())] = &huma.Response{
			Description: "Done.", Content: map[string]*huma.MediaType{e.Media: {Schema: &huma.Schema{Type: huma.TypeString}}},
		}
		return
	}
	out := c.schemas.Schema(e.out, true, e.ID)
	ok := &huma.Response{Description: "Done.", Headers: map[string]*huma.Param{}}
	ok.Content = map[string]*huma.MediaType{mediaJSON: {Schema: out, Examples: responseExamples(e.Operation, e.status())}}
	op.Responses[strconv.Itoa(e.status())] = ok
	if e.On != "" {
		ok.Headers["ETag"] = header("string", "The tag of what the answer shows, for If-Match and If-None-Match.")
	}
	if !e.Writes() {
		if e.On != "" {
			op.Responses["304"] = &huma.Response{Description: "What If-None-Match names is what there is."}
		}
		if strings.HasSuffix(e.out.Name(), "]") && strings.HasPrefix(e.out.Name(), "Page[") {
			ok.Headers["Link"] = header("string", `The next page, as rel="next" (RFC 8288).`)
		}
		return
	}
	if !e.writes {
		return
	}
	ok.Headers["ETag"] = header("string", "The tag of the object as it is now.")
	ok.Headers["Audit-Leaf"] = header("string", "The leaf hash of the log entry that made the object what the answer shows.")
	ok.Headers["Idempotent-Replayed"] = header("string", "true when this is the answer to an earlier request with the same Idempotency-Key.")
	if e.Location != "" {
		ok.Headers["Location"] = header("string", "The path of what was made.")
	}
	if e.status() != http.StatusOK {
		op.Responses["200"] = &huma.Response{
			Description: "What it would come to, with dry_run.",
			Content:     map[string]*huma.MediaType{mediaJSON: {Schema: preview, Examples: responseExamples(e.Operation, http.StatusOK)}},
		}
		return
	}
	ok.Description = "Done; or, with dry_run, what it would come to."
	ok.Content[mediaJSON].Schema = &huma.Schema{OneOf: []*huma.Schema{out, preview}}
}

// parameters describes what an operation takes beside its body.
func (c *core) parameters(e endpoint, in input) []*huma.Param {
	var out []*huma.Param
	for _, s := range in.path {
		out = append(out, &huma.Param{Name: s.name, In: "path", Required: true, Description: s.schema.Description, Schema: withoutText(s.schema)})
	}
	for _, s := range in.query {
		out = append(out, &huma.Param{Name: s.name, In: "query", Required: s.required, Description: s.schema.Description, Schema: withoutText(s.schema)})
	}
	text := &huma.Schema{Type: huma.TypeString}
	switch {
	case !e.Writes() && e.On != "":
		out = append(out, &huma.Param{Name: "If-None-Match", In: "header", Schema: text, Description: "Answer 304 while the object still has this ETag."})
	case e.Writes():
		if e.On != "" {
			out = append(out, &huma.Param{Name: "If-Match", In: "header", Schema: text, Description: "Make the change only while the object still has this ETag."})
		}
		out = append(out,
			&huma.Param{Name: "Idempotency-Key", In: "header", Schema: text, Description: "A name for this request, new for each: sent again within 24 hours, it gets the first answer and changes nothing."},
			&huma.Param{Name: dryRun, In: "query", Schema: &huma.Schema{Type: huma.TypeBoolean}, Description: "Change nothing, and answer what the change would come to."},
		)
	}
	return out
}

// withoutText is a schema whose description stands beside it.
func withoutText(s *huma.Schema) *huma.Schema {
	bare := *s
	bare.Description = ""
	return &bare
}

// refusals are the codes of the errors that an operation can answer, each once.
func refusals(e endpoint, in input) []tocsin.Code {
	codes := []tocsin.Code{badRequest}
	add := func(when bool, more ...tocsin.Code) {
		for _, code := range more {
			if when && !slices.Contains(codes, code) {
				codes = append(codes, code)
			}
		}
	}
	add(!e.Authority.open, tocsin.Unauthenticated)
	add(e.Authority.permission != 0, tocsin.Forbidden)
	add(len(in.path) > 0, tocsin.NotFound)
	add(true, e.Refusals...)
	add(e.Writes() && e.On != "", tocsin.Stale)
	add(in.body != nil, tooLarge, mediaType)
	add(in.body != nil || len(in.query) > 0 || e.Writes(), tocsin.Invalid)
	add(e.Writes(), tocsin.KeyReused)
	add(e.Writes() && e.On != "" && !e.Adds, tocsin.PreconditionRequired)
	add(true, tocsin.RateLimited, tocsin.Internal)
	add(e.Writes(), tocsin.Unknown)
	add(true, tocsin.Busy)
	return codes
}

func requestExamples(op Operation) map[string]*huma.Example {
	out := map[string]*huma.Example{}
	for i, x := range op.Examples {
		if x.Body != "" {
			out[exampleName(i)] = &huma.Example{Summary: x.Summary, Value: json.RawMessage(x.Body)}
		}
	}
	return out
}

func exampleName(i int) string { return fmt.Sprintf("example%d", i+1) }
