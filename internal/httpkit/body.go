package httpkit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"tocsin"
)

// A BodyError refuses a request's body before anybody looked into it. Reason is
// safe to show.
type BodyError struct {
	Reason string
	// TooLarge: it is over the limit. MediaType: it is not declared as plain JSON.
	TooLarge, MediaType bool
}

func (e *BodyError) Error() string { return e.Reason }

// ErrorCode returns Invalid.
func (e *BodyError) ErrorCode() tocsin.Code { return tocsin.Invalid }

// ReadJSON returns the body of a request that declares JSON in UTF-8, or
// declares nothing, uncompressed, of at most limit bytes. It does not look into
// it. Errors are *BodyError; where bytes were left unread, the connection is
// closed after the answer.
func ReadJSON(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if err := checkMediaType(r.Header); err != nil {
		return nil, err
	}
	tooLarge := func() error {
		w.Header().Set("Connection", "close")
		return &BodyError{Reason: fmt.Sprintf("the body is larger than %d bytes", limit), TooLarge: true}
	}
	if r.ContentLength > limit {
		return nil, tooLarge()
	}
	// What a client declares is not what it sends: set little aside ahead of it.
	const ahead = 16 << 10
	var body bytes.Buffer
	body.Grow(int(min(max(r.ContentLength, 0), ahead)) + bytes.MinRead)
	_, err := body.ReadFrom(io.LimitReader(r.Body, limit+1))
	switch {
	case err == nil && int64(body.Len()) > limit:
		return nil, tooLarge()
	case err == nil:
		return body.Bytes(), nil
	}
	w.Header().Set("Connection", "close")
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, &BodyError{Reason: "the body did not arrive in time"}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, &BodyError{Reason: "the body ended early"}
	default:
		return nil, &BodyError{Reason: "the body is not well framed"}
	}
}

func checkMediaType(h http.Header) error {
	for _, coding := range h["Content-Encoding"] {
		if !strings.EqualFold(coding, "identity") {
			return &BodyError{Reason: "the body must not be compressed", MediaType: true}
		}
	}
	declared := h["Content-Type"]
	if len(declared) == 0 || len(declared) == 1 && declared[0] == "application/json" {
		return nil
	}
	if len(declared) > 1 {
		return &BodyError{Reason: "there must be one Content-Type", MediaType: true}
	}
	name, params, err := mime.ParseMediaType(declared[0])
	if err != nil || name != "application/json" {
		return &BodyError{Reason: "Content-Type must be application/json", MediaType: true}
	}
	if charset, ok := params["charset"]; ok && !strings.EqualFold(charset, "utf-8") {
		return &BodyError{Reason: "the charset of JSON must be utf-8", MediaType: true}
	}
	return nil
}

// WriteJSON answers with body as JSON. It encodes first: an error means that
// nothing was sent, or that the client is gone.
func WriteJSON(w http.ResponseWriter, status int, body any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(body); err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}
	b.Truncate(b.Len() - 1) // Encode ends with a newline
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	w.WriteHeader(status)
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	return nil
}

// RetryAfter sets Retry-After: whole seconds, rounded up, at least 1.
func RetryAfter(h http.Header, d time.Duration) {
	seconds := max(1, (d+time.Second-1)/time.Second)
	h.Set("Retry-After", strconv.FormatInt(int64(seconds), 10))
}
