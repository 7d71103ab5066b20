package cli

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"
)

// A column is one of a table.
type column[T any] struct {
	name string
	text func(T) string
	// style, if any, gives the colour of a cell.
	style func(T) style
	// long cells give way where a line is too narrow.
	long bool
	// piped columns are for programs: a terminal has no room for them.
	piped bool
}

// A style is an SGR parameter: how a terminal shows a text.
type style string

// The styles in use: the terminal's own palette, so that its owner's choice of
// colours stays readable.
const (
	plain  style = ""
	bold   style = "1"
	faint  style = "2"
	red    style = "31"
	green  style = "32"
	yellow style = "33"
	blue   style = "34"
)

// paint gives text a style, where colours are wanted.
func (p printer) paint(s style, text string) string {
	if !p.colour || s == plain || text == "" {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

// wantsColour follows NO_COLOR and CLICOLOR_FORCE, else the terminal.
func wantsColour(c console, terminal bool) bool {
	switch {
	case c.env("NO_COLOR") != "":
		return false
	case c.env("CLICOLOR_FORCE") != "" && c.env("CLICOLOR_FORCE") != "0":
		return true
	default:
		return terminal && c.env("TERM") != "dumb"
	}
}

// widthOf returns how many columns a terminal has, 0 if it is none.
func widthOf(w io.Writer) int {
	file, ok := w.(*os.File)
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(file.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// table prints items: aligned under a heading on a terminal, else one a line
// with tabs between, nothing cut.
func table[T any](p printer, items []T, columns []column[T]) error {
	if p.terminal && len(items) == 0 {
		_, err := fmt.Fprintln(p.stderr, "There is nothing to list.")
		return err
	}
	if p.terminal {
		columns = slices.DeleteFunc(slices.Clone(columns), func(c column[T]) bool { return c.piped })
	}
	rows := make([][]string, len(items))
	for i, item := range items {
		for _, c := range columns {
			rows[i] = append(rows[i], escaped(c.text(item)))
		}
	}
	if !p.terminal {
		for i, cells := range rows {
			for j, c := range columns {
				if c.style != nil {
					cells[j] = p.paint(c.style(items[i]), cells[j])
				}
			}
			if _, err := fmt.Fprintln(p.stdout, strings.Join(cells, "\t")); err != nil {
				return err
			}
		}
		return nil
	}
	widths := layout(rows, columns, p.width)
	var b strings.Builder
	for j, c := range columns {
		b.WriteString(p.paint(faint, cell(strings.ToUpper(c.name), widths[j], j == len(columns)-1)))
	}
	for i, cells := range rows {
		b.WriteByte('\n')
		for j, c := range columns {
			text := cell(orDash(cells[j]), widths[j], j == len(columns)-1)
			if c.style != nil {
				text = p.paint(c.style(items[i]), text)
			}
			b.WriteString(text)
		}
	}
	_, err := fmt.Fprintln(p.stdout, b.String())
	return err
}

// gap is between two columns.
const gap = 2

// layout returns how wide each column is. Long ones give way where the line is
// wider than the terminal; width 0 is without end.
func layout[T any](rows [][]string, columns []column[T], width int) []int {
	widths := make([]int, len(columns))
	total := 0
	for j, c := range columns {
		widths[j] = utf8.RuneCountInString(c.name)
		for _, cells := range rows {
			widths[j] = max(widths[j], utf8.RuneCountInString(orDash(cells[j])))
		}
		total += widths[j] + gap
	}
	const least = 16
	for j, c := range columns {
		if over := total - gap - width; width > 0 && c.long && over > 0 && widths[j] > least {
			cut := min(over, widths[j]-least)
			widths[j], total = widths[j]-cut, total-cut
		}
	}
	return widths
}

// cell is text, cut or filled to a width; the last of a line is not filled.
func cell(text string, width int, last bool) string {
	n := utf8.RuneCountInString(text)
	if n > width {
		text, n = string([]rune(text)[:width-1])+"…", width
	}
	if last {
		return text
	}
	return text + strings.Repeat(" ", width-n+gap)
}

// escaped shows a text on one line: control characters, and those that turn the
// direction of writing, as escapes. A text from a server must neither break a
// line nor command the terminal.
func escaped(text string) string {
	return escapeBut(text, "")
}

// paragraph is escaped for a text of several lines.
func paragraph(text string) string { return escapeBut(text, "\n\t") }

func escapeBut(text, kept string) string {
	risky := func(r rune) bool {
		return r == utf8.RuneError || !strings.ContainsRune(kept, r) && (unicode.IsControl(r) || directing(r))
	}
	if strings.IndexFunc(text, risky) < 0 {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		switch {
		case !risky(r) || r == utf8.RuneError:
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\r':
			b.WriteString(`\r`)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// directing reports whether r turns the direction of writing or ends a line.
func directing(r rune) bool {
	return r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0x2028 || r == 0x2029
}
