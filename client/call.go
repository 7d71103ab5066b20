package client

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// maxAnswer bounds what is read of one answer, in bytes: the largest is a page
// of a hundred incidents with all that they may say.
const maxAnswer = 32 << 20

// A CallOption belongs to one call.
type CallOption func(*callOptions)

type callOptions struct {
	ifMatch, key string
	preview      *Preview
	meta         *Meta
	anonymous    bool
}

// IfMatch makes the change only if the object still has the entity tag, as from
// Incident.ETag; otherwise the error is ErrStale and shows what has moved.
func IfMatch(tag string) CallOption { return func(o *callOptions) { o.ifMatch = tag } }

// IdempotencyKey names the write: asking for it again with the same name within
// a day gets the first answer and changes nothing. Without it each call has a
// random name of its own, kept over its retries.
func IdempotencyKey(key string) CallOption { return func(o *callOptions) { o.key = key } }

// DryRun asks what a write would change and fills p with it. Nothing is
// changed, and what the method returns beside the error is empty.
func DryRun(p *Preview) CallOption { return func(o *callOptions) { o.preview = p } }

// WithMeta fills m with what the answer says beside the object.
func WithMeta(m *Meta) CallOption { return func(o *callOptions) { o.meta = m } }

// Meta is what an answer says beside its body.
type Meta struct {
	// Status is the HTTP status.
	Status int
	// ETag is the entity tag of the object as the answer shows it.
	ETag string
	// AuditLeaf is the hash of the log entry that made the object so, in
	// hexadecimal: keep it, and the log can later be held to it.
	AuditLeaf string
	// RequestID is what the server's operator finds the request by.
	RequestID string
	// Replayed says that the change was made by an earlier request of this name.
	Replayed bool
}

// A Preview is what a write would change.
type Preview struct {
	Changes []PreviewChange `json:"changes"`
}

// A PreviewChange is what would happen to one object.
type PreviewChange struct {
	Action  string        `json:"action"`
	Kind    string        `json:"kind"`
	ID      string        `json:"id"`
	Version int64         `json:"version"`
	Fields  []FieldChange `json:"fields"`
}

// A FieldChange is one field before and after. A value is nil, a bool, a
// float64, a string or a list, as encoding/json reads it; both are nil for a
// field that has been redacted.
type FieldChange struct {
	Name string `json:"name"`
	Old  any    `json:"old"`
	New  any    `json:"new"`
}

// A Response is a whole answer.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// Do sends a request that has no method of its own: path begins with /v1 and
// may have a query; body is JSON or nil. Where the answer is no success, it is
// returned with an *Error.
func (c *Client) Do(ctx context.Context, method, path string, body []byte, opts ...CallOption) (*Response, error) {
	u, err := url.Parse(path)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(path, "/") {
		return nil, fmt.Errorf("%q is not a path; it looks like /v1/incidents", path)
	}
	r := request{method: method, path: u.EscapedPath(), query: u.Query(), body: body}
	r.apply(opts)
	return c.call(ctx, r)
}

// A request is what is sent, as often as it takes.
type request struct {
	// path is below the client's base, escaped.
	method, path string
	query        url.Values
	body         []byte
	accept       string
	callOptions
}

func (r *request) apply(opts []CallOption) {
	for _, o := range opts {
		o(&r.callOptions)
	}
	if reads := r.method == http.MethodGet || r.method == http.MethodHead; reads {
		r.key, r.preview = "", nil
	}
}

// call sends r and returns the whole answer.
func (c *Client) call(ctx context.Context, r request) (*Response, error) {
	if err := c.prepare(&r); err != nil {
		return nil, err
	}
	res, err := c.repeat(ctx, &r, func(ctx context.Context) (*Response, error) {
		ctx, cancel := context.WithTimeout(ctx, c.timeout)
		defer cancel()
		raw, err := c.send(ctx, &r)
		if err != nil {
			return nil, err
		}
		defer raw.Body.Close()
		return r.read(raw)
	})
	if res != nil && r.meta != nil {
		*r.meta = Meta{
			Status: res.Status, ETag: res.Header.Get("ETag"), AuditLeaf: res.Header.Get("Audit-Leaf"),
			RequestID: res.Header.Get("X-Request-Id"), Replayed: res.Header.Get("Idempotent-Replayed") == "true",
		}
	}
	return res, err
}

// stream sends r and returns the body as it comes, which the caller closes.
func (c *Client) stream(ctx context.Context, r request) (body io.ReadCloser, err error) {
	if err := c.prepare(&r); err != nil {
		return nil, err
	}
	_, err = c.repeat(ctx, &r, func(ctx context.Context) (*Response, error) {
		raw, err := c.send(ctx, &r)
		if err != nil {
			return nil, err
		}
		if raw.StatusCode == http.StatusOK {
			body = raw.Body
			return &Response{Status: raw.StatusCode, Header: raw.Header}, nil
		}
		defer raw.Body.Close()
		return r.read(raw)
	})
	return body, err
}

// prepare names a write that has no name.
func (c *Client) prepare(r *request) error {
	if r.query == nil {
		r.query = url.Values{}
	}
	if r.preview != nil {
		r.query.Set("dry_run", "true")
		r.key = "" // it is of the change that may follow
	} else if r.method != http.MethodGet && r.method != http.MethodHead && r.key == "" {
		var name [16]byte
		if _, err := io.ReadFull(c.random, name[:]); err != nil {
			return fmt.Errorf("make an idempotency key: %w", err)
		}
		r.key = hex.EncodeToString(name[:])
	}
	return nil
}

// send sends r once.
func (c *Client) send(ctx context.Context, r *request) (*http.Response, error) {
	address := strings.TrimSuffix(c.base.String(), "/") + r.path
	if len(r.query) > 0 {
		address += "?" + r.query.Encode()
	}
	var body io.Reader
	if r.body != nil {
		body = bytes.NewReader(r.body)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, address, body)
	if err != nil {
		return nil, err
	}
	h := req.Header
	h.Set("User-Agent", c.agent)
	h.Set("Accept", "application/json, application/problem+json")
	if r.accept != "" {
		h.Set("Accept", r.accept+", application/problem+json")
	}
	if c.token != "" && !r.anonymous {
		h.Set("Authorization", "Bearer "+c.token)
	}
	switch {
	case r.body == nil:
	case r.method == http.MethodPatch:
		h.Set("Content-Type", "application/merge-patch+json")
	default:
		h.Set("Content-Type", "application/json")
	}
	if r.key != "" {
		h.Set("Idempotency-Key", r.key)
	}
	if r.ifMatch != "" {
		h.Set("If-Match", r.ifMatch)
	}
	return c.http.Do(req)
}

// read reads an answer up to the bound.
func (r *request) read(raw *http.Response) (*Response, error) {
	body, err := io.ReadAll(io.LimitReader(raw.Body, maxAnswer+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxAnswer {
		return nil, errTooLong
	}
	res := &Response{Status: raw.StatusCode, Header: raw.Header, Body: body}
	if res.Status < 200 || res.Status > 299 {
		return res, problemOf(r.method, r.path, r.key, res.Status, res.Header, body)
	}
	return res, nil
}

var errTooLong = errors.New("the answer is longer than any that a Tocsin server gives")

// ask sends a request with in as its body, unless nil, and reads the answer's
// JSON as a T.
func ask[T any](ctx context.Context, c *Client, r request, in any, opts []CallOption) (T, error) {
	var out T
	if in != nil {
		body, err := json.Marshal(in)
		if err != nil {
			return out, fmt.Errorf("write the request: %w", err)
		}
		r.body = body
	}
	r.apply(opts)
	res, err := c.call(ctx, r)
	if err != nil {
		return out, err
	}
	var into any = &out
	if r.preview != nil {
		into = r.preview
	}
	if err := json.Unmarshal(res.Body, into); err != nil {
		return out, fmt.Errorf("%s %s: read the answer: %w", r.method, r.path, err)
	}
	return out, nil
}
