package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"tocsin"
	"tocsin/internal/httpkit"
)

// A core does for every operation what is the same for all: it answers requests
// in the order route, authentication, rate limit, what the actor may see and do,
// media type, size, syntax, preconditions, values, and then the use case.
type core struct {
	Deps
	limiter *limiter
	schemas huma.Registry
}

func newCore(d Deps) *core {
	return &core{Deps: d, limiter: newLimiter(d.RateLimit, d.Now), schemas: newRegistry()}
}

// A Call is one request to an operation.
type Call struct {
	// Actor is who calls, with the terms of the change once the body was read; the
	// zero Actor where the operation is open to anyone.
	Actor tocsin.Actor
	// Rights is what the actor's key may do, nil where there is none.
	Rights *tocsin.Access
	// Found is for what an operation's Find has found already.
	Found tocsin.Object

	core    *core
	op      Operation
	request *http.Request
	header  http.Header
}

// RequestID returns the id of the request.
func (c *Call) RequestID() string { return c.Actor.Request }

func (c *Call) list() listName {
	return nameList(c.Actor.Org, c.request.URL.EscapedPath(), c.request.URL.RawQuery)
}

// linkNext names the next page in the answer's header (RFC 8288).
func (c *Call) linkNext(cursor string) {
	values, _ := url.ParseQuery(c.request.URL.RawQuery)
	values.Set("cursor", cursor)
	c.header.Set("Link", fmt.Sprintf(`<%s%s?%s>; rel="next"`, c.core.PublicURL, c.request.URL.EscapedPath(), values.Encode()))
}

// begin authenticates a request and judges what can be judged of it before
// anything but its path is read.
func (c *core) begin(w http.ResponseWriter, r *http.Request, op Operation) (*Call, error) {
	call := &Call{core: c, op: op, request: r, header: w.Header()}
	if op.Authority.open {
		call.Actor = identify(r, tocsin.Actor{})
		return call, nil
	}
	actor, err := c.authenticate(r)
	if err != nil {
		return nil, err
	}
	call.Actor = identify(r, actor)
	if err := c.limiter.admit(actor.Key, w.Header()); err != nil {
		return nil, err
	}
	switch call.Rights, err = c.Rights(r.Context(), actor.Key); {
	case tocsin.CodeOf(err) == tocsin.NotFound: // gone since it was checked
		return nil, tocsin.Errorf(tocsin.Unauthenticated, "there is no such key any more")
	case err != nil:
		return nil, err
	}
	if p := op.Authority.permission; p != 0 && !holds(call.Rights.Reach(p)) {
		return nil, tocsin.Errorf(tocsin.Forbidden, "this needs the permission %s", strings.Join(p.Names(), " and "))
	}
	return call, nil
}

// holds reports whether a permission is held anywhere at all.
func holds(r tocsin.Reach) bool { return r.Everywhere || len(r.Projects)+len(r.Datasets) > 0 }

// authenticate returns the actor of the one Bearer token that a request must
// carry, and nothing beside it that another door would take for a credential.
func (c *core) authenticate(r *http.Request) (tocsin.Actor, error) {
	lines := r.Header["Authorization"]
	err := error(tocsin.Errorf(tocsin.Unauthenticated, "there is no single Bearer token"))
	if len(lines) == 1 && len(r.Header["X-Api-Key"]) == 0 {
		scheme, token, _ := strings.Cut(lines[0], " ")
		if strings.EqualFold(scheme, "Bearer") {
			var actor tocsin.Actor
			if actor, err = c.Access.Authenticate(r.Context(), token); err == nil {
				return actor, nil
			}
		}
	}
	if tocsin.CodeOf(err) != tocsin.Unauthenticated {
		return tocsin.Actor{}, err
	}
	if wait, refuse := c.Guard.Failed(httpkit.Address(r.Context())); refuse {
		err = &tocsin.Error{Code: tocsin.RateLimited, Message: "too many failed attempts from this address", RetryAfter: wait}
	}
	return tocsin.Actor{}, err
}

// maxAgent is how many bytes of a User-Agent the log keeps.
const maxAgent = 200

// identify gives an actor the request that he came with, and the request's log
// line the actor.
func identify(r *http.Request, actor tocsin.Actor) tocsin.Actor {
	event := httpkit.EventOf(r.Context())
	agent := r.UserAgent()
	actor.Door, actor.Request, actor.Agent = door, event.RequestID(), strings.ToValidUTF8(agent[:min(len(agent), maxAgent)], "")
	if !actor.Org.IsZero() {
		event.Set(slog.String("org", actor.Org.String()), slog.String("key", actor.Key.String()))
	}
	if a := httpkit.Address(r.Context()); a.IsValid() {
		actor.Address = a.String()
	}
	return actor
}

// A request fills the inputs of one operation.
type request[In any] struct {
	op    Operation
	input input
	find  func(context.Context, *Call, *In) error
}

// read does all of a request that comes before the use case.
func (q request[In]) read(c *core, w http.ResponseWriter, r *http.Request) (*Call, *In, error) {
	call, err := c.begin(w, r, q.op)
	if err != nil {
		return nil, nil, err
	}
	in := new(In)
	into := reflect.ValueOf(in).Elem()
	if err := q.input.readPath(r.PathValue, into); err != nil {
		return nil, nil, err
	}
	if q.find != nil {
		if err := q.find(r.Context(), call, in); err != nil {
			return nil, nil, err
		}
	}
	var body []byte
	var media string
	if q.input.body != nil {
		if body, media, err = readBody(w, r); err != nil {
			return nil, nil, err
		}
	}
	var p problems
	var extra []string
	dry := false
	if q.op.Writes() {
		extra = []string{dryRun}
		dry = wantsDryRun(r.URL.RawQuery, &p)
	}
	q.input.readQuery(r.URL.RawQuery, extra, into, &p)
	if q.input.body != nil {
		if err := q.input.body.decode(body, into, &p); err != nil {
			return nil, nil, err
		}
	}
	if err := p.syntaxErr(); err != nil {
		return nil, nil, err
	}
	if q.op.Writes() {
		if err := c.setTerms(call, dry, media, body); err != nil {
			return nil, nil, err
		}
	}
	return call, in, p.valueErr()
}

// setTerms gives the call's actor the terms that the request asks for.
func (c *core) setTerms(call *Call, dry bool, media string, body []byte) error {
	r, terms := call.request, &call.Actor.Terms
	key, ok := parseIdempotencyKey(r.Header["Idempotency-Key"])
	if !ok {
		return badParameter("Idempotency-Key", "must be 1 to 255 visible ASCII characters, bare or as a quoted string")
	}
	lines, given := r.Header["If-Match"]
	switch {
	case given && call.op.On == "":
		return badParameter("If-Match", "has no object here that it could be about")
	case given:
		terms.Match = parseMatch(lines, call.op.On, call.object())
	case call.op.On != "" && !call.op.Adds:
		if err := c.wantMatch(call); err != nil {
			return err
		}
	}
	terms.DryRun = dry
	if key != "" && !dry { // trying it must not use up the name
		terms.Once = onceOf(call.Actor.Key, key, r, media, body)
	}
	return nil
}

// object returns the id of the object that the operation is on.
func (c *Call) object() tocsin.ID {
	if c.op.On == tocsin.KindOrganisation {
		return c.Actor.Org
	}
	id, _ := tocsin.ParseID(c.request.PathValue("id"))
	return id
}

// wantMatch refuses a change without a precondition where the organisation
// wants one with each.
func (c *core) wantMatch(call *Call) error {
	org, err := c.Directory.Organisation(call.request.Context(), call.Actor)
	if err != nil {
		return err
	}
	if org.RequireIfMatch {
		return tocsin.Errorf(tocsin.PreconditionRequired, "read the object and send its ETag as If-Match, so that no change of somebody else is lost")
	}
	return nil
}

func bindReader[In, Out any](c *core, h reader[In, Out]) httpkit.Handler {
	q := request[In]{op: h.Operation, input: newInput(c.schemas, reflect.TypeFor[In]()), find: h.Find}
	return c.naming(h.Operation, func(w http.ResponseWriter, r *http.Request) error {
		call, in, err := q.read(c, w, r)
		if err != nil {
			return err
		}
		answer, err := h.Do(r.Context(), call, in)
		if err != nil {
			return c.explain(call, err)
		}
		if answer.Of != nil {
			tag := tagOf(answer.Of)
			w.Header().Set("ETag", tag)
			if unmodified(r.Header["If-None-Match"], tag) {
				w.WriteHeader(http.StatusNotModified)
				return nil
			}
		}
		body, err := encode(answer.Body)
		if err != nil {
			return err
		}
		return send(w, tocsin.Reply{Status: h.status(), Header: map[string]string{"Content-Type": mediaJSON}, Body: body})
	})
}

func bindWriter[In, Out any](c *core, h writer[In, Out]) httpkit.Handler {
	q := request[In]{op: h.Operation, input: newInput(c.schemas, reflect.TypeFor[In]()), find: h.Find}
	return c.naming(h.Operation, func(w http.ResponseWriter, r *http.Request) error {
		call, in, err := q.read(c, w, r)
		if err != nil {
			return err
		}
		reply := func(m Made) (tocsin.Reply, error) { return replyOf(h.Operation, m, h.Show(in, m)) }
		if once := call.Actor.Terms.Once; once != nil {
			once.Reply = func(objects []tocsin.Object) (tocsin.Reply, error) { return reply(Made{Objects: objects}) }
		}
		m, err := h.Do(r.Context(), call, in)
		if err != nil {
			return c.answerInstead(w, call, err, h.Again)
		}
		out, err := reply(m)
		if err != nil {
			return err
		}
		return send(w, out)
	})
}

func bindStreamer[In any](c *core, h streamer[In]) httpkit.Handler {
	q := request[In]{op: h.Operation, input: newInput(c.schemas, reflect.TypeFor[In]()), find: h.Find}
	return c.naming(h.Operation, func(w http.ResponseWriter, r *http.Request) error {
		call, in, err := q.read(c, w, r)
		if err != nil {
			return err
		}
		if err := h.Do(r.Context(), call, in, w); err != nil {
			return c.explain(call, err)
		}
		return nil
	})
}

// naming gives the errors of an operation its own names for fields.
func (c *core) naming(op Operation, next httpkit.Handler) httpkit.Handler {
	if op.Names == nil {
		return next
	}
	return func(w http.ResponseWriter, r *http.Request) error {
		if err := next(w, r); err != nil {
			return &namedError{error: err, names: op.Names}
		}
		return nil
	}
}

// answerInstead answers where a change came to a reply made before, which again
// judges unless it is nil, or was only tried; other errors it explains.
func (c *core) answerInstead(w http.ResponseWriter, call *Call, err error, again func(context.Context, tocsin.Actor, tocsin.ID) error) error {
	var replayed *tocsin.Replayed
	if errors.As(err, &replayed) {
		if again != nil {
			switch err := again(call.request.Context(), call.Actor, madeIn(replayed.Reply)); {
			case tocsin.CodeOf(err) == tocsin.NotFound:
				return tocsin.Errorf(tocsin.Forbidden, "this was made before, and this key may not see it any more")
			case err != nil:
				return err
			}
		}
		w.Header().Set("Idempotent-Replayed", "true")
		return send(w, replayed.Reply)
	}
	var preview *tocsin.Preview
	if errors.As(err, &preview) {
		body, err := encode(showPreview(preview.Changes))
		if err != nil {
			return err
		}
		return send(w, tocsin.Reply{Status: http.StatusOK, Header: map[string]string{"Content-Type": mediaJSON}, Body: body})
	}
	return c.explain(call, err)
}

// explain adds to a StaleError what the object is now, and what moved.
func (c *core) explain(call *Call, err error) error {
	var stale *tocsin.StaleError
	if !errors.As(err, &stale) {
		return err
	}
	out := &staleError{StaleError: stale, current: show(stale.Current), moved: []string{}}
	var since int64
	for _, v := range call.Actor.Terms.Match.Versions {
		since = max(since, v)
	}
	if since == 0 || since >= stale.Current.Head().Version {
		return out
	}
	entries, err := c.Entries(call.request.Context(), call.Actor, stale.Current.Kind(), stale.Current.Head().ID, since)
	if err != nil {
		return err
	}
	out.moved = moved(entries, since)
	return out
}

// encode writes a value as JSON, and text in it as it is.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("encode the answer: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// replyOf is the answer to a change.
func replyOf(op Operation, m Made, out any) (tocsin.Reply, error) {
	body, err := encode(out)
	if err != nil {
		return tocsin.Reply{}, err
	}
	head := m.Objects[0].Head()
	header := map[string]string{
		"Content-Type": mediaJSON,
		"Etag":         tagOf(m.Objects[0]),
		"Audit-Leaf":   hexOf(head.Leaf),
	}
	if op.Location != "" {
		header["Location"] = strings.Replace(op.Location, "{id}", head.ID.String(), 1)
	}
	return tocsin.Reply{Status: op.status(), Header: header, Body: body}, nil
}

// madeIn returns the id of what a reply says was made: its Location ends with it.
func madeIn(reply tocsin.Reply) tocsin.ID {
	location := reply.Header["Location"]
	id, _ := tocsin.ParseID(location[strings.LastIndexByte(location, '/')+1:])
	return id
}

// stillSeen makes an Again of a use case that returns what the actor may see.
func stillSeen[T tocsin.Object](find func(context.Context, tocsin.Actor, tocsin.ID) (T, error)) func(context.Context, tocsin.Actor, tocsin.ID) error {
	return func(ctx context.Context, actor tocsin.Actor, id tocsin.ID) error {
		_, err := find(ctx, actor, id)
		return err
	}
}

// send writes an answer.
func send(w http.ResponseWriter, reply tocsin.Reply) error {
	h := w.Header()
	for name, value := range reply.Header {
		h.Set(name, value)
	}
	h.Set("Content-Length", strconv.Itoa(len(reply.Body)))
	w.WriteHeader(reply.Status)
	if _, err := w.Write(reply.Body); err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	return nil
}
