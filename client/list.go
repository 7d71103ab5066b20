package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"strconv"
)

// A Page is one part of a list.
type Page[T any] struct {
	Items []T `json:"items"`
	// Next is the cursor of the part that follows, or empty at the end.
	Next string `json:"next"`
}

// A ListOptions says which part of a list to get; the zero value the first.
type ListOptions struct {
	// Limit is how many items a part has at most, 1 to 100; zero leaves it to the
	// server.
	Limit int
	// Cursor is the Next of the part before.
	Cursor string
}

func (o ListOptions) set(q url.Values) {
	if o.Limit != 0 {
		q.Set("limit", strconv.Itoa(o.Limit))
	}
	setText(q, "cursor", o.Cursor)
}

// setText sets a parameter unless its value is empty.
func setText(q url.Values, name, value string) {
	if value != "" {
		q.Set(name, value)
	}
}

// page gets one part of the list at path.
func page[T any](ctx context.Context, c *Client, path string, q url.Values, o ListOptions, opts []CallOption) (Page[T], error) {
	if q == nil {
		q = url.Values{}
	}
	o.set(q)
	return ask[Page[T]](ctx, c, request{method: http.MethodGet, path: path, query: q}, nil, opts)
}

// all goes through a list, part after part, as far as it is asked for. Its last
// pair has the error that ended it early, if any.
func all[T any](next func(cursor string) (Page[T], error), cursor string) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for {
			p, err := next(cursor)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, item := range p.Items {
				if !yield(item, nil) {
					return
				}
			}
			if p.Next == "" {
				return
			}
			cursor = p.Next
		}
	}
}

// The methods of resources, in their common forms.

func get[T any](ctx context.Context, c *Client, path string, opts []CallOption) (T, error) {
	return ask[T](ctx, c, request{method: http.MethodGet, path: path}, nil, opts)
}

func post[T any](ctx context.Context, c *Client, path string, in any, opts []CallOption) (T, error) {
	return ask[T](ctx, c, request{method: http.MethodPost, path: path}, in, opts)
}

func patch[T any](ctx context.Context, c *Client, path string, in any, opts []CallOption) (T, error) {
	return ask[T](ctx, c, request{method: http.MethodPatch, path: path}, in, opts)
}

func del[T any](ctx context.Context, c *Client, path string, opts []CallOption) (T, error) {
	return ask[T](ctx, c, request{method: http.MethodDelete, path: path}, nil, opts)
}

// segment is one part of a path, from a caller's text.
func segment(text string) string { return "/" + url.PathEscape(text) }
