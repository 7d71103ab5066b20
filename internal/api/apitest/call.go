package apitest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"tocsin"
	"tocsin/internal/api"
)

// A Request is what a test sends. The zero Method is GET; Token is the sample
// administrator's unless set, "-" for none. Media is that of the body.
type Request struct {
	Method, Path, Token string
	Header              http.Header
	Body, Media         string
}

// A Reply is what came back.
type Reply struct {
	Status int
	Header http.Header
	Body   []byte
}

// JSON returns the body as an object; the test fails when it is none.
func (r Reply) JSON(t testing.TB) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(r.Body, &m); err != nil {
		t.Fatalf("the body is not a JSON object: %v\n%s", err, r.Body)
	}
	return m
}

// Code returns the code of a problem, "" for any other body.
func (r Reply) Code() tocsin.Code {
	var p struct {
		Code tocsin.Code `json:"code"`
	}
	_ = json.Unmarshal(r.Body, &p) // what is no JSON has no code
	return p.Code
}

// Places returns what the errors of a problem point to, in order.
func (r Reply) Places() []string {
	var p struct {
		Errors []struct{ Pointer, Parameter string }
	}
	_ = json.Unmarshal(r.Body, &p)
	places := []string{}
	for _, e := range p.Errors {
		places = append(places, e.Pointer+e.Parameter)
	}
	return places
}

// Call sends a request, and fails the test when the request or the answer is not
// as the server's OpenAPI document has them, or the answer lacks a header that
// every answer has.
func (f *Fixture) Call(t testing.TB, q Request) Reply {
	t.Helper()
	req := f.request(t, q)
	resp, err := client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	reply := Reply{Status: resp.StatusCode, Header: resp.Header, Body: body}
	for name, want := range map[string]string{"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"} {
		if got := resp.Header.Get(name); got != want {
			t.Errorf("%s %s: %s is %q; want %q", q.Method, q.Path, name, got, want)
		}
	}
	if resp.Header.Get("X-Request-Id") == "" {
		t.Errorf("%s %s: the answer has no X-Request-Id", q.Method, q.Path)
	}
	if reply.Status >= 400 {
		if got := resp.Header.Get("Content-Type"); got != "application/problem+json" {
			t.Errorf("%s %s: an error of type %q; want application/problem+json", q.Method, q.Path, got)
		}
	}
	f.book.check(t, f.request(t, q), reply)
	return reply
}

func (f *Fixture) request(t testing.TB, q Request) *http.Request {
	t.Helper()
	if q.Method == "" {
		q.Method = http.MethodGet
	}
	req, err := http.NewRequestWithContext(t.Context(), q.Method, f.Server.URL+q.Path, strings.NewReader(q.Body))
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range q.Header {
		req.Header[http.CanonicalHeaderKey(name)] = values
	}
	switch {
	case q.Token == "":
		req.Header.Set("Authorization", "Bearer "+f.Token)
	case q.Token != "-":
		req.Header.Set("Authorization", "Bearer "+q.Token)
	}
	switch {
	case q.Media == "-":
	case q.Media != "":
		req.Header.Set("Content-Type", q.Media)
	case q.Body != "":
		req.Header.Set("Content-Type", "application/json")
	}
	return req
}

// A book is the OpenAPI document, to look up what is allowed.
type book struct {
	router  routers.Router
	options *openapi3filter.Options
}

// theBook reads the document once: it is the same for every fixture, and to read
// it takes longer than most tests.
var theBook = sync.OnceValues(func() (*book, error) {
	text, err := json.Marshal(api.Document(PublicURL))
	if err != nil {
		return nil, err
	}
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		return nil, err
	}
	doc.Servers = nil // the test's server is elsewhere
	router, err := legacy.NewRouter(doc)
	return &book{router: router, options: &openapi3filter.Options{
		IncludeResponseStatus: true, MultiError: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc,
		SchemaValidationOptions: []openapi3.SchemaValidationOption{openapi3.EnableFormatValidation()},
	}}, err
})

// check holds an exchange to the document: the answer always, the request when
// the server took it. Paths and methods that the document does not have are
// the server's to refuse.
func (b *book) check(t testing.TB, req *http.Request, reply Reply) {
	t.Helper()
	route, params, err := b.router.FindRoute(req)
	if err != nil || strings.HasSuffix(req.URL.Path, "/") { // which the router passes over
		documented := req.Method == http.MethodHead || req.URL.Path == "/openapi.json"
		if !documented && reply.Status != http.StatusNotFound && reply.Status != http.StatusMethodNotAllowed {
			t.Errorf("%s %s: %d, but the document has no such operation", req.Method, req.URL.Path, reply.Status)
		}
		return
	}
	in := &openapi3filter.RequestValidationInput{Request: req, PathParams: params, Route: route, Options: b.options}
	if reply.Status < 400 {
		if err := openapi3filter.ValidateRequest(t.Context(), in); err != nil {
			t.Errorf("%s %s: the server took a request that the document does not allow: %v", req.Method, req.URL, err)
		}
	}
	options := *b.options
	options.ExcludeResponseBody = reply.Header.Get("Content-Type") == "application/x-tar" // which has no schema
	out := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: in, Status: reply.Status, Header: reply.Header,
		Body: io.NopCloser(bytes.NewReader(reply.Body)), Options: &options,
	}
	if err := openapi3filter.ValidateResponse(t.Context(), out); err != nil {
		t.Errorf("%s %s: the answer is not as the document has it: %v\n%d %s", req.Method, req.URL, err, reply.Status, reply.Body)
	}
}
