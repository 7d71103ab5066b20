package tocsin_test

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"tocsin"
)

func TestCodeOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		err  error
		want tocsin.Code
	}{
		{"no error", nil, ""},
		{"an error without a code", io.EOF, tocsin.Internal},
		{"an error with one", tocsin.Errorf(tocsin.Busy, "wait"), tocsin.Busy},
		{"a wrapped one", fmt.Errorf("update: %w", tocsin.Errorf(tocsin.NotFound, "gone")), tocsin.NotFound},
		{"a joined one", errors.Join(io.EOF, tocsin.Errorf(tocsin.Forbidden, "no")), tocsin.Forbidden},
		{"the outermost of two", &tocsin.Error{Code: tocsin.Unknown, Err: tocsin.Errorf(tocsin.Busy, "wait")}, tocsin.Unknown},
		{"a move that is not allowed", &tocsin.TransitionError{From: tocsin.Open, To: tocsin.Closed}, tocsin.Conflict},
	} {
		if got := tocsin.CodeOf(c.err); got != c.want {
			t.Errorf("%s: CodeOf = %q; want %q", c.name, got, c.want)
		}
	}
}

func TestCodes_areDistinct(t *testing.T) {
	t.Parallel()
	codes := tocsin.Codes()
	slices.Sort(codes)
	if len(slices.Compact(codes)) != len(tocsin.Codes()) {
		t.Errorf("Codes lists one twice: %v", tocsin.Codes())
	}
}

func TestError_saysEachFieldsProblemInOrderAndTheCause(t *testing.T) {
	t.Parallel()
	err := &tocsin.Error{
		Code: tocsin.Invalid, Message: "some values are not valid", Err: io.EOF,
		Fields: map[string]string{"title": "title must not be blank", "note": "note must be shorter"},
	}
	want := "some values are not valid; note must be shorter; title must not be blank: EOF"
	if got := err.Error(); got != want {
		t.Errorf("Error() = %q; want %q", got, want)
	}
	if !errors.Is(err, io.EOF) {
		t.Error("the cause is not found by errors.Is")
	}
}

func TestInvalidFields(t *testing.T) {
	t.Parallel()
	// A nil *Error in an error interface would be an error of nothing.
	if err := tocsin.InvalidFields(map[string]string{}); err != nil {
		t.Errorf("nothing is wrong, but the error is %v", err)
	}
	err := tocsin.InvalidFields(map[string]string{"title": "title must not be blank"})
	var e *tocsin.Error
	if !errors.As(err, &e) || e.Code != tocsin.Invalid || e.Fields["title"] == "" {
		t.Errorf("got %#v; want an Invalid error that names the title", err)
	}
}
