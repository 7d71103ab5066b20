package api

import (
	"crypto/sha256"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"tocsin"
)

// tagOf returns an object's strong entity tag (RFC 9110, section 8.8.3): the last
// group of its id, which is the random part of one of version 7, and its version.
func tagOf(o tocsin.Object) string {
	m := o.Head()
	return `"` + shortID(m.ID) + "-" + strconv.FormatInt(m.Version, 10) + `"`
}

func shortID(id tocsin.ID) string { return id.String()[24:] }

// parseMatch reads the lines of an If-Match about an object. Tags that are weak,
// of another object or no tags at all match nothing.
func parseMatch(lines []string, kind tocsin.Kind, id tocsin.ID) *tocsin.Match {
	m := &tocsin.Match{Kind: kind, ID: id}
	if len(lines) == 1 && strings.TrimSpace(lines[0]) == "*" {
		m.Any = true
		return m
	}
	for _, line := range lines {
		for tag := range strings.SplitSeq(line, ",") { // a tag of ours has no comma
			if version, ok := versionOf(strings.Trim(tag, " \t"), id); ok {
				m.Versions = append(m.Versions, version)
			}
		}
	}
	return m
}

// versionOf returns the version that a strong tag of an object names.
func versionOf(tag string, id tocsin.ID) (int64, bool) {
	digits, ok := strings.CutPrefix(tag, `"`+shortID(id)+"-")
	if !ok {
		return 0, false
	}
	if digits, ok = strings.CutSuffix(digits, `"`); !ok {
		return 0, false
	}
	version, err := strconv.ParseInt(digits, 10, 64)
	return version, err == nil && version > 0 && strconv.FormatInt(version, 10) == digits
}

// unmodified reports whether an If-None-Match says that the client has the
// representation with this tag already; tags compare weakly (RFC 9110, section
// 13.1.2).
func unmodified(lines []string, tag string) bool {
	for _, line := range lines {
		for given := range strings.SplitSeq(line, ",") {
			given = strings.Trim(given, " \t")
			if given == "*" || strings.TrimPrefix(given, "W/") == tag {
				return true
			}
		}
	}
	return false
}

// maxKey is the most characters of an idempotency key.
const maxKey = 255

// parseIdempotencyKey reads the lines of an Idempotency-Key: bare, or a quoted
// string of structured fields (RFC 9651), which is the same key. It returns ""
// for none, and false for what is no key.
func parseIdempotencyKey(lines []string) (string, bool) {
	if len(lines) == 0 {
		return "", true
	}
	key := strings.Trim(lines[0], " \t")
	if strings.HasPrefix(key, `"`) {
		var ok bool
		if key, ok = unquote(key); !ok {
			return "", false
		}
	}
	visible := !strings.ContainsFunc(key, func(r rune) bool { return r <= 0x20 || r > 0x7e })
	return key, len(lines) == 1 && key != "" && len(key) <= maxKey && visible
}

// unquote reads a whole quoted string of structured fields.
func unquote(s string) (string, bool) {
	var out strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; c {
		case '"':
			return out.String(), i == len(s)-1
		case '\\':
			if i++; i >= len(s) || s[i] != '"' && s[i] != '\\' {
				return "", false
			}
			out.WriteByte(s[i])
		default:
			out.WriteByte(c)
		}
	}
	return "", false
}

// onceOf names a request that must happen once: by the caller's key and the
// name that he gave it, with a fingerprint of all that it says.
func onceOf(caller tocsin.ID, key string, r *http.Request, media string, body []byte) *tocsin.Once {
	name := sha256.New()
	name.Write(caller[:])
	name.Write([]byte(key))
	print := sha256.New()
	for _, part := range []string{r.Method, r.URL.EscapedPath(), r.URL.RawQuery, media} {
		print.Write([]byte(part))
		print.Write([]byte{0})
	}
	print.Write(body)
	return &tocsin.Once{Key: [32]byte(name.Sum(nil)), Fingerprint: [32]byte(print.Sum(nil))}
}

// wantsDryRun reads the parameter dry_run, which every write has.
func wantsDryRun(rawQuery string, p *problems) bool {
	values, err := url.ParseQuery(rawQuery)
	if err != nil || len(values[dryRun]) == 0 {
		return false
	}
	if !slices.Contains([]string{"true", "false"}, values[dryRun][0]) {
		p.invalid = append(p.invalid, fieldProblem{Parameter: dryRun, Code: tocsin.Invalid, Message: "must be true or false"})
	}
	return values[dryRun][0] == "true"
}

const dryRun = "dry_run"
