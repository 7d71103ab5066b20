package reference_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"tocsin/internal/api/apitest"
)

// A sample is what a page shows: a request, and the answer to it.
type sample struct {
	section, command, answer string
	status                   int
}

// samples reads the samples of a page, in order.
func (r reader) samples(t testing.TB, path string) []sample {
	t.Helper()
	root, err := html.Parse(strings.NewReader(r.get(t, path)))
	if err != nil {
		t.Fatal(err)
	}
	var all []sample
	section := ""
	for n := range root.Descendants() {
		switch class := value(n, "class"); {
		case n.Data == "section":
			section = value(n, "id")
		case n.Data == "figure":
			all = append(all, sample{section: section})
		case n.Data == "pre" && class == "command":
			all[len(all)-1].command = content(n)
		case n.Data == "pre" && class == "answer":
			all[len(all)-1].answer = content(n)
		case strings.HasPrefix(class, "verdict"):
			number, _, _ := strings.Cut(content(n), " ")
			if all[len(all)-1].status, err = strconv.Atoi(number); err != nil {
				t.Fatalf("%s, %s: %v", path, section, err)
			}
		}
	}
	return all
}

func value(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func content(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return b.String()
}

// words cuts a command line as a POSIX shell does.
func words(command, token string) []string {
	var all []string
	var word strings.Builder
	inWord, quote := false, rune(0)
	end := func() {
		if inWord {
			all = append(all, word.String())
		}
		word.Reset()
		inWord = false
	}
	text := []rune(command)
	for i := 0; i < len(text); i++ {
		switch r := text[i]; {
		case quote == 0 && r == '\\' && i+1 < len(text):
			if i++; text[i] != '\n' {
				word.WriteRune(text[i])
				inWord = true
			}
		case quote == 0 && (r == ' ' || r == '\n'):
			end()
		case quote == 0 && (r == '\'' || r == '"'):
			quote, inWord = r, true
		case r == quote:
			quote = 0
		case quote == '"' && strings.HasPrefix(string(text[i:]), "$TOCSIN_TOKEN"):
			word.WriteString(token)
			i += len("$TOCSIN_TOKEN") - 1
		default:
			word.WriteRune(r)
			inWord = true
		}
	}
	end()
	return all
}

// requestOf reads a curl command.
func requestOf(t testing.TB, command, token string) apitest.Request {
	t.Helper()
	q := apitest.Request{Token: "-", Media: "-", Header: http.Header{}}
	line := words(command, token)
	if len(line) < 2 || line[0] != "curl" {
		t.Fatalf("%q is no curl command", command)
	}
	for i := 1; i < len(line); i++ {
		switch word := line[i]; {
		case word == "-i":
		case word == "-X":
			i++
			q.Method = line[i]
		case word == "-d":
			i++
			if q.Body = line[i]; q.Method == "" {
				q.Method = http.MethodPost
			}
		case word == "-H":
			i++
			name, text, _ := strings.Cut(line[i], ": ")
			q.Header.Add(name, text)
		case strings.HasPrefix(word, apitest.PublicURL+"/") && q.Path == "":
			q.Path = strings.TrimPrefix(word, apitest.PublicURL)
		default:
			t.Fatalf("%q has %q, which the reader of curl commands does not know", command, word)
		}
	}
	if q.Path == "" {
		t.Fatalf("%q asks no server of ours", command)
	}
	return q
}
