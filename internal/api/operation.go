package api

import (
	"context"
	"net/http"
	"reflect"

	"tocsin"
	"tocsin/internal/httpkit"
)

// An Operation is all that there is to say about a route but what it does.
type Operation struct {
	// ID names the operation in the document, in lower camel case.
	ID string
	// Method and Path are as in http.ServeMux: "/v1/incidents/{id}".
	Method, Path string
	// Tag groups operations in the document.
	Tag string
	// Summary is one line, Description Markdown.
	Summary, Description string
	// Authority says who may call it.
	Authority Authority
	// Status is that of success, 0 for 200.
	Status int
	// On is the kind of the object that the path names by {id}, or that the
	// organisation itself is: what an If-Match is about. Empty for none.
	On tocsin.Kind
	// Adds says that the operation makes an object of its own below On: an
	// If-Match is honoured, but never required.
	Adds bool
	// Location is the path of what was made, with {id} for its id.
	Location string
	// Media is the media type of an answer that is not JSON.
	Media string
	// Names are the JSON pointers of the use case's names of fields, where they
	// are not the same.
	Names map[string]string
	// Refusals are codes of errors beside those that the shape of the operation
	// implies.
	Refusals []tocsin.Code
	// Examples are requests that work on the sample organisation.
	Examples []Example
}

// An Example is a request as it is shown in the document; a test runs it and
// keeps what it answers.
type Example struct {
	// Summary says what it does.
	Summary string
	// Path is the request's path and query, Body its JSON or "".
	Path, Body string
}

// An Authority says who may call an operation. The zero one says nothing, which
// a test refuses.
type Authority struct {
	open, anyKey bool
	permission   tocsin.Permissions
}

// Anyone needs no credential.
func Anyone() Authority { return Authority{open: true} }

// AnyKey needs a good API key and nothing else: the operation shows each caller
// his own, or decides itself.
func AnyKey() Authority { return Authority{anyKey: true} }

// Needs wants a permission: held somewhere before the operation begins, and at
// the very place when it is done.
func Needs(p tocsin.Permissions) Authority { return Authority{permission: p} }

// Declared reports whether a is not the zero Authority.
func (a Authority) Declared() bool { return a != Authority{} }

// Open reports whether no credential is needed.
func (a Authority) Open() bool { return a.open }

// Permission returns the permission that is needed, zero for none.
func (a Authority) Permission() tocsin.Permissions { return a.permission }

// Writes reports whether the operation changes something.
func (o Operation) Writes() bool { return o.Method != http.MethodGet }

func (o Operation) status() int {
	if o.Status == 0 {
		return http.StatusOK
	}
	return o.Status
}

// An endpoint is an operation with what serves it.
type endpoint struct {
	Operation
	in, out reflect.Type
	// writes says that the core gives the change its terms: that it happens once,
	// that it may be tried dry.
	writes bool
	bind   func(*core) httpkit.Handler
}

// A reader serves an operation that answers with what it finds.
type reader[In, Out any] struct {
	Operation
	// Find, unless nil, judges whether the actor may see what the path names and do
	// this to it, before anything else of the request is read: of In only what
	// comes from the path is there.
	Find func(context.Context, *Call, *In) error
	Do   func(context.Context, *Call, *In) (Answer[Out], error)
}

// An Answer is what a reader found.
type Answer[Out any] struct {
	Body Out
	// Of, unless nil, is the one object that Body shows: it gives the ETag.
	Of tocsin.Object
}

// A writer serves an operation that makes one change.
type writer[In, Out any] struct {
	Operation
	// Find is as of a reader.
	Find func(context.Context, *Call, *In) error
	// Again, unless nil, judges whether the actor may still see what an earlier
	// request made, before the answer that was kept is given again. Where the path
	// names the object, Find has done so.
	Again func(ctx context.Context, actor tocsin.Actor, made tocsin.ID) error
	// Do makes the change.
	Do func(context.Context, *Call, *In) (Made, error)
	// Show is pure: the answer to the objects that the change came to, as they are
	// stored. It may run in the commit, and what it returns then is kept.
	Show func(*In, Made) Out
}

// Made is what a change came to.
type Made struct {
	// Objects are those of the change; the first gives ETag, Audit-Leaf and
	// Location.
	Objects []tocsin.Object
	// Secret is shown once: it is not there when the answer is kept.
	Secret string
}

// made returns what a use case returned as Made.
func made[T tocsin.Object](o T, err error) (Made, error) {
	if err != nil {
		return Made{}, err
	}
	return Made{Objects: []tocsin.Object{o}}, nil
}

func read[In, Out any](h reader[In, Out]) endpoint {
	return endpoint{
		Operation: h.Operation, in: reflect.TypeFor[In](), out: reflect.TypeFor[Out](),
		bind: func(c *core) httpkit.Handler { return bindReader(c, h) },
	}
}

func write[In, Out any](h writer[In, Out]) endpoint {
	return endpoint{
		Operation: h.Operation, in: reflect.TypeFor[In](), out: reflect.TypeFor[Out](), writes: true,
		bind: func(c *core) httpkit.Handler { return bindWriter(c, h) },
	}
}

// A streamer serves an operation whose answer is not JSON, as Operation.Media says.
type streamer[In any] struct {
	Operation
	// Find is as of a reader.
	Find func(context.Context, *Call, *In) error
	// Do writes the answer; an error before the first byte is answered as any.
	Do func(context.Context, *Call, *In, http.ResponseWriter) error
}

func stream[In any](h streamer[In]) endpoint {
	return endpoint{
		Operation: h.Operation, in: reflect.TypeFor[In](),
		bind: func(c *core) httpkit.Handler { return bindStreamer(c, h) },
	}
}

// endpoints lists every operation with what serves it, one function a noun.
func (c *core) endpoints() []endpoint {
	var all []endpoint
	for _, noun := range [][]endpoint{
		c.meEndpoints(),
		c.organisationEndpoints(),
		c.incidentEndpoints(),
		c.commentEndpoints(),
		c.linkEndpoints(),
		c.projectEndpoints(),
		c.datasetEndpoints(),
		c.checkEndpoints(),
		c.userEndpoints(),
		c.invitationEndpoints(),
		c.roleEndpoints(),
		c.bindingEndpoints(),
		c.keyEndpoints(),
		c.auditEndpoints(),
	} {
		all = append(all, noun...)
	}
	return all
}
