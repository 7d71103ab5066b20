package cli

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// debugTransport shows requests and answers, without bodies of answers, which
// may be long, and without tokens.
type debugTransport struct {
	next http.RoundTripper
	w    io.Writer
}

// RoundTrip is http.RoundTripper's.
func (d debugTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "> %s %s\n", r.Method, r.URL.Redacted())
	headers(&b, "> ", r.Header)
	if r.GetBody != nil {
		if body, err := r.GetBody(); err == nil {
			text, _ := io.ReadAll(io.LimitReader(body, 4<<10))
			fmt.Fprintf(&b, "> %s\n", text)
		}
	}
	began := time.Now()
	res, err := d.next.RoundTrip(r)
	took := time.Since(began).Round(time.Millisecond)
	if err != nil {
		fmt.Fprintf(&b, "< no answer after %v: %v\n", took, err)
	} else {
		fmt.Fprintf(&b, "< %s after %v\n", res.Status, took)
		headers(&b, "< ", res.Header)
	}
	fmt.Fprintln(d.w, paragraph(masked(strings.TrimSuffix(b.String(), "\n"))))
	return res, err
}

func headers(b *strings.Builder, prefix string, h http.Header) {
	var names []string
	for name := range h {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		value := strings.Join(h[name], ", ")
		if name == "Authorization" || name == "Cookie" || name == "Set-Cookie" {
			scheme, _, _ := strings.Cut(value, " ")
			value = scheme + " [redacted]"
		}
		fmt.Fprintf(b, "%s%s: %s\n", prefix, name, value)
	}
}

// tokens are those of keys (tcn_) and invitations (tci_).
var tokens = regexp.MustCompile(`\btc[ni]_[0-9A-Za-z]+`)

// masked hides every token in a text.
func masked(text string) string { return tokens.ReplaceAllString(text, "[redacted]") }
