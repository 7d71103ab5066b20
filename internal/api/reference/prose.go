package reference

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// A block is a paragraph, or an item of a list.
type block struct {
	item  bool
	spans []span
}

// A span is a run of text of one kind.
type span struct {
	text   string
	code   bool
	target string
}

// spanPattern finds `code` and [text](target), the only marks that our texts have
// within a paragraph.
var spanPattern = regexp.MustCompile("`([^`]+)`|\\[([^\\]]+)\\]\\(([^)\\s]+)\\)")

// linkPattern finds the targets of links to this server.
var linkPattern = regexp.MustCompile(`\]\((/[^)#\s]*)(#[^)\s]*)?\)`)

// blocksOf reads the Markdown that our texts and the descriptions of operations
// are in: paragraphs, lists of "- " items, code and links.
func blocksOf(markdown string) []block {
	var out []block
	for paragraph := range strings.SplitSeq(markdown, "\n\n") {
		var lines []string
		for line := range strings.SplitSeq(strings.TrimSpace(paragraph), "\n") {
			item := strings.HasPrefix(line, "- ")
			if item && len(lines) > 0 {
				out = append(out, blockOf(lines))
				lines = nil
			}
			lines = append(lines, strings.TrimSpace(line))
		}
		if lines[0] != "" {
			out = append(out, blockOf(lines))
		}
	}
	return out
}

func blockOf(lines []string) block {
	text, item := strings.CutPrefix(strings.Join(lines, " "), "- ")
	return block{item: item, spans: spansOf(text)}
}

func spansOf(text string) []span {
	var out []span
	for {
		at := spanPattern.FindStringSubmatchIndex(text)
		if at == nil {
			if text != "" {
				out = append(out, span{text: text})
			}
			return out
		}
		if at[0] > 0 {
			out = append(out, span{text: text[:at[0]]})
		}
		if at[2] >= 0 {
			out = append(out, span{text: text[at[2]:at[3]], code: true})
		} else {
			label := text[at[4]:at[5]]
			bare := strings.Trim(label, "`")
			out = append(out, span{text: bare, code: bare != label, target: text[at[6]:at[7]]})
		}
		text = text[at[1]:]
	}
}

// A part is a heading of a text file with what follows it.
type part struct {
	id, title, prose string
	samples          []sample
}

// partsOf reads a text file: parts that begin with "## Title {#id}", of prose and
// of fenced code. A fence "sh" is a request, and the next one, "json 200" or
// "http 200", is the answer; an answer without a
// request stands alone. A line "# …" at the beginning of a request is its title.
func partsOf(name, text string) ([]part, error) {
	var out []part
	for i, chunk := range strings.Split("\n"+text, "\n## ") {
		if i == 0 {
			out = append(out, part{prose: strings.TrimSpace(chunk)})
			continue
		}
		heading, body, _ := strings.Cut(chunk, "\n")
		title, id, ok := strings.Cut(heading, " {#")
		p := part{title: title, id: strings.TrimSuffix(id, "}")}
		if !ok {
			return nil, fmt.Errorf("%s: the heading %q has no {#id}", name, heading)
		}
		if err := p.read(body); err != nil {
			return nil, fmt.Errorf("%s, %q: %w", name, title, err)
		}
		out = append(out, p)
	}
	return out, nil
}

func (p *part) read(body string) error {
	pieces := strings.Split("\n"+body, "\n```")
	if len(pieces)%2 == 0 {
		return fmt.Errorf("a fence of code is not closed")
	}
	var prose []string
	for i, piece := range pieces {
		if i%2 == 0 {
			if text := strings.TrimSpace(piece); text != "" {
				prose = append(prose, text)
			}
			continue
		}
		info, code, _ := strings.Cut(piece, "\n")
		if err := p.addCode(info, code); err != nil {
			return err
		}
	}
	p.prose = strings.Join(prose, "\n\n")
	return nil
}

func (p *part) addCode(info, code string) error {
	language, status, answer := strings.Cut(info, " ")
	if language == "sh" && !answer {
		s := sample{Command: code}
		if title, rest, ok := strings.Cut(code, "\n"); ok && strings.HasPrefix(title, "# ") {
			s.Title, s.Command = title[len("# "):], rest
		}
		p.samples = append(p.samples, s)
		return nil
	}
	n, err := strconv.Atoi(status)
	if err != nil {
		return fmt.Errorf("code that is neither a request nor an answer: %q", info)
	}
	last := len(p.samples) - 1
	if last < 0 || p.samples[last].Status != 0 {
		p.samples = append(p.samples, sample{})
		last++
	}
	p.samples[last].Status, p.samples[last].Answer = n, code
	return nil
}
