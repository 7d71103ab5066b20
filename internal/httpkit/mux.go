package httpkit

import (
	"net/http"
	"slices"
	"strings"

	"tocsin"
)

// A Route binds a method and a pattern to a handler. Pattern is as in
// http.ServeMux without the method, as in "/api/incidents/{id}".
type Route struct {
	Method, Pattern string
	Handle          Handler
}

// A MethodError refuses a method that the path does not have. The Allow header
// is already set when a Renderer sees it.
type MethodError struct {
	// Allow are the methods that there are, in order.
	Allow []string
}

func (e *MethodError) Error() string {
	return "this path has no such method; it has " + strings.Join(e.Allow, ", ")
}

// ErrorCode returns Invalid.
func (e *MethodError) ErrorCode() tocsin.Code { return tocsin.Invalid }

// NewMux returns a handler that serves routes and renders every error: a
// handler's own, a *tocsin.Error with NotFound for a path without a route, and
// a *MethodError. It never redirects: a path with "//", "/./" or "/../", or with
// a trailing slash that its route does not have, is not found. A GET route also
// serves HEAD. It names the route in the request's Event. Like http.ServeMux it
// panics on patterns that are malformed or conflict.
func NewMux(render Renderer, routes ...Route) http.Handler {
	m := &mux{render: render}
	taken := map[string]bool{}
	for _, route := range routes {
		name := route.Method + " " + route.Pattern
		m.routes.Handle(name, &endpoint{name: name, handle: route.Handle, render: render})
		m.addMethod(route.Method)
		taken[name] = true
	}
	m.routes.HandleFunc("/", m.unmatched)
	// ServeMux redirects "/x" to "/x/" where only the latter has a route: take
	// such paths before it does.
	for _, route := range routes {
		bare := withoutTail(route.Pattern)
		name := route.Method + " " + bare
		if bare != "" && !taken[name] {
			taken[name] = true
			m.routes.HandleFunc(name, m.unmatched)
		}
	}
	return m
}

// withoutTail returns the path just above a pattern that matches a trailing
// slash, and "" for all other patterns.
func withoutTail(pattern string) string {
	cut := strings.LastIndexByte(pattern, '/')
	tail := pattern[cut+1:]
	if tail == "" || tail == "{$}" || strings.HasSuffix(tail, "...}") {
		return pattern[:cut]
	}
	return ""
}

type mux struct {
	routes  http.ServeMux
	methods []string
	render  Renderer
}

func (m *mux) addMethod(method string) {
	add := []string{method}
	if method == http.MethodGet {
		add = append(add, http.MethodHead)
	}
	for _, method := range add {
		if !slices.Contains(m.methods, method) {
			m.methods = append(m.methods, method)
		}
	}
	slices.Sort(m.methods)
}

func (m *mux) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !clean(r.URL.EscapedPath()) {
		m.notFound(w, r)
		return
	}
	m.routes.ServeHTTP(w, r)
}

// clean reports whether ServeMux would take path as it is, without redirecting.
func clean(path string) bool {
	if path == "" || path[0] != '/' {
		return false
	}
	for rest := path; rest != ""; {
		rest = rest[1:] // the slash
		end := strings.IndexByte(rest, '/')
		segment := rest
		if end >= 0 {
			segment = rest[:end]
		}
		if segment == "." || segment == ".." || segment == "" && end >= 0 {
			return false
		}
		rest = rest[len(segment):]
	}
	return true
}

// unmatched answers what no route took: ask, for each method, whether the path
// would have had a route.
func (m *mux) unmatched(w http.ResponseWriter, r *http.Request) {
	var allow []string
	probe := *r
	for _, method := range m.methods {
		probe.Method = method
		handler, _ := m.routes.Handler(&probe)
		if _, ok := handler.(*endpoint); ok {
			allow = append(allow, method)
		}
	}
	if len(allow) == 0 {
		m.notFound(w, r)
		return
	}
	w.Header().Set("Allow", strings.Join(allow, ", "))
	m.refuse(w, r, &MethodError{Allow: allow})
}

func (m *mux) notFound(w http.ResponseWriter, r *http.Request) {
	m.refuse(w, r, tocsin.Errorf(tocsin.NotFound, "there is nothing at this path"))
}

func (m *mux) refuse(w http.ResponseWriter, r *http.Request, err error) {
	EventOf(r.Context()).SetError(err)
	m.render(w, r, err)
}

// endpoint is one route as ServeMux serves it.
type endpoint struct {
	name   string
	handle Handler
	render Renderer
}

func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	event := EventOf(r.Context())
	event.SetRoute(e.name)
	err := e.handle(w, r)
	if err == nil {
		return
	}
	event.SetError(err)
	if rec, ok := w.(*recorder); ok && rec.status != 0 {
		panic(http.ErrAbortHandler)
	}
	e.render(w, r, err)
}
