package reference

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	typeHTML     = "text/html; charset=utf-8"
	typeMarkdown = "text/markdown; charset=utf-8"
)

// policy lets a page load its style and its icon from the server, and nothing
// else from anywhere.
const policy = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// A document is something that is served, as it is and compressed.
type document struct {
	media         string
	plain, zipped []byte
	tag           string
}

// A shelf has the documents by their paths; "" is for every other path.
type shelf map[string]document

func (s shelf) put(path, media string, text []byte) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(text) // a bytes.Buffer takes everything
	_ = z.Close()
	hash := sha256.Sum256(text)
	s[path] = document{media: media, plain: text, zipped: b.Bytes(), tag: hex.EncodeToString(hash[:8])}
}

func (s shelf) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	if r.URL.Path == "/docs/" {
		h.Set("Location", guidePath)
		w.WriteHeader(http.StatusFound)
		return
	}
	if d, ok := s[r.URL.Path]; ok {
		d.serve(w, r)
		return
	}
	h.Set("Content-Type", typeHTML)
	w.WriteHeader(http.StatusNotFound)
	_, _ = w.Write(s[""].plain) // an error here is a client that went away
}

// serve answers with the document. A copy may be kept, but not shown without
// asking: another version of the server has other pages.
func (d document) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", d.media)
	h.Set("Cache-Control", "no-cache")
	h.Set("Vary", "Accept-Encoding")
	text, tag := d.plain, `"`+d.tag+`"`
	if takesGzip(r.Header.Get("Accept-Encoding")) {
		text, tag = d.zipped, `"`+d.tag+`-gzip"`
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("ETag", tag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(text))
}

// takesGzip reports whether an Accept-Encoding names gzip and does not refuse it.
func takesGzip(accept string) bool {
	for coding := range strings.SplitSeq(accept, ",") {
		name, weight, _ := strings.Cut(strings.ReplaceAll(coding, " ", ""), ";q=")
		if strings.EqualFold(name, "gzip") {
			q, err := strconv.ParseFloat(weight, 64)
			return err != nil || q > 0
		}
	}
	return false
}
