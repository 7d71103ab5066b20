package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"tocsin/internal/httpkit"
	"tocsin/internal/strictjson"
)

// The bounds of a body.
const (
	maxBody  = 64 << 10
	maxDepth = 8
	maxNames = 64
)

const (
	mediaJSON       = "application/json"
	mediaMergePatch = "application/merge-patch+json"
)

// mediaOf returns the media types of an operation's body.
func mediaOf(method string) []string {
	if method == http.MethodPatch {
		return []string{mediaJSON, mediaMergePatch}
	}
	return []string{mediaJSON}
}

// readBody returns the bytes of a body, and the media type that it declares.
func readBody(w http.ResponseWriter, r *http.Request) (body []byte, media string, err error) {
	if media, err = declaredMedia(r); err != nil {
		name := "Accept"
		if r.Method == http.MethodPatch {
			name = "Accept-Patch"
		}
		w.Header().Set(name, strings.Join(mediaOf(r.Method), ", "))
		w.Header().Set("Connection", "close") // the body was not read
		return nil, "", err
	}
	// The media type has been judged here, where there is more than one.
	plain := *r
	plain.Header = http.Header{"Content-Type": {mediaJSON}}
	body, err = httpkit.ReadJSON(w, &plain, maxBody)
	return body, media, err
}

// declaredMedia returns the media type of a request's body, if it may have it.
func declaredMedia(r *http.Request) (string, error) {
	refuse := func(reason string) error { return &httpkit.BodyError{Reason: reason, MediaType: true} }
	for _, coding := range r.Header["Content-Encoding"] {
		if !strings.EqualFold(coding, "identity") {
			return "", refuse("the body must not be compressed")
		}
	}
	declared := r.Header["Content-Type"]
	if len(declared) != 1 {
		return "", refuse("the body needs one Content-Type: " + strings.Join(mediaOf(r.Method), " or "))
	}
	media, params, err := mime.ParseMediaType(declared[0])
	if err != nil || !slices.Contains(mediaOf(r.Method), media) {
		return "", refuse("Content-Type must be " + strings.Join(mediaOf(r.Method), " or "))
	}
	if charset, ok := params["charset"]; ok && !strings.EqualFold(charset, "utf-8") {
		return "", refuse("the charset of JSON must be utf-8")
	}
	return media, nil
}

// decode checks a body and fills the field with it, if there is nothing wrong.
func (s slot) decode(body []byte, into reflect.Value, p *problems) error {
	body = withoutNUL(body)
	o, err := strictjson.Parse(body)
	if err != nil {
		var syntax *strictjson.SyntaxError
		if errors.As(err, &syntax) {
			return malformed(syntax.Reason)
		}
		return err
	}
	if reason := outOfBounds(body); reason != "" {
		return malformed(reason)
	}
	s.check.judgeObject(o, "", p)
	slices.SortStableFunc(p.malformed, byPlace)
	slices.SortStableFunc(p.invalid, byPlace)
	if len(p.malformed)+len(p.invalid) > 0 {
		return nil
	}
	if err := json.Unmarshal(body, into.FieldByIndex(s.index).Addr().Interface()); err != nil {
		return fmt.Errorf("a body that its check let pass: %w", err)
	}
	return nil
}

// withoutNUL writes U+0001 for U+0000: strictjson refuses the latter as malformed,
// while here it is a bad value like every other control character, to be told
// with its place.
func withoutNUL(body []byte) []byte {
	const nul = `\u0000`
	if !bytes.Contains(body, []byte(nul)) {
		return body
	}
	out := bytes.Clone(body)
	for i := 0; i+1 < len(out); i++ {
		if out[i] != '\\' {
			continue
		}
		if bytes.HasPrefix(out[i:], []byte(nul)) {
			out[i+len(nul)-1] = '1'
		}
		i++ // what is escaped
	}
	return out
}

// outOfBounds says why a valid body is too deep or too wide, "" when it is not.
func outOfBounds(body []byte) string {
	var names [maxDepth + 1]int
	depth, inText := 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case inText && c == '\\':
			i++
		case c == '"':
			inText = !inText
		case inText:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return fmt.Sprintf("it is nested more than %d deep", maxDepth)
			}
			names[depth] = 0
		case c == '}' || c == ']':
			depth--
		case c == ':':
			if names[depth]++; names[depth] > maxNames {
				return fmt.Sprintf("an object has more than %d members", maxNames)
			}
		}
	}
	return ""
}
