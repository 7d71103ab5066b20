package reference

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"tocsin/internal/api"
)

// curl is the command line that sends an example to the server.
func curl(publicURL string, op api.Operation, x api.Example) string {
	lines := []string{"curl " + quoted(publicURL+x.Path)}
	if op.Method != http.MethodGet && (op.Method != http.MethodPost || x.Body == "") {
		lines[0] = "curl -X " + op.Method + " " + quoted(publicURL+x.Path)
	}
	if !op.Authority.Open() {
		lines = append(lines, `-H "Authorization: Bearer $TOCSIN_TOKEN"`)
	}
	if x.Body != "" {
		media := "application/json"
		if op.Method == http.MethodPatch {
			media = "application/merge-patch+json"
		}
		lines = append(lines, "-H 'Content-Type: "+media+"'", "-d '"+strings.ReplaceAll(indented([]byte(x.Body)), "'", `'\''`)+"'")
	}
	return strings.Join(lines, " \\\n  ")
}

// quoted is a word for a POSIX shell.
func quoted(word string) string {
	if strings.ContainsAny(word, "?&*[]{}$'\" ;|<>()\\#") {
		return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	return word
}

// indented is JSON on several lines, or text that is not JSON as it is.
func indented(text []byte) string {
	var b bytes.Buffer
	if err := json.Indent(&b, text, "", "  "); err != nil {
		return string(text)
	}
	return b.String()
}

// samples are the examples of an operation with their answers.
func (b *builder) samples(op api.Operation) []sample {
	var out []sample
	for i, x := range op.Examples {
		s := sample{Title: x.Summary, Command: curl(b.url, op, x)}
		if a, err := api.AnswerTo(op, i); err == nil {
			s.Status, s.Answer = a.Status, b.own(indented(a.Body))
		} else if op.Media != "" {
			s.Status, s.Answer = statusOf(op), fmt.Sprintf("(%s)", op.Media)
		}
		out = append(out, s)
	}
	return out
}

// statusOf is that of success.
func statusOf(op api.Operation) int {
	if op.Status == 0 {
		return http.StatusOK
	}
	return op.Status
}

// own puts the server's own address in the place of the sample one.
func (b *builder) own(text string) string { return strings.ReplaceAll(text, sampleURL, b.url) }
