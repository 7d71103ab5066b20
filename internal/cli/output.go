package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"golang.org/x/term"
)

// A row is one line of a list. Its JSON form is the value itself.
type row interface {
	// columns names what cells returns, in the same order; the id comes first.
	columns() []string
	cells(output) []string
}

// output prints what a command found or made: for a person on a terminal, as
// tab-separated lines into a pipe, or as JSON.
type output struct {
	stdout, stderr io.Writer
	json, terminal bool
	now            time.Time
}

func newOutput(c console, asJSON bool) output {
	return output{stdout: c.stdout, stderr: c.stderr, json: asJSON, terminal: isTerminal(c.stdout), now: time.Now()}
}

func isTerminal(w any) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// list prints rows: a table with a heading on a terminal, bare lines elsewhere.
func list[R row](o output, rows []R) error {
	if o.json {
		lines := json.NewEncoder(o.stdout)
		for _, r := range rows {
			if err := lines.Encode(r); err != nil {
				return err
			}
		}
		return nil
	}
	if !o.terminal {
		for _, r := range rows {
			if err := o.line(o.stdout, r.cells(o)); err != nil {
				return err
			}
		}
		return nil
	}
	if len(rows) == 0 {
		_, err := fmt.Fprintln(o.stderr, "There is nothing to list.")
		return err
	}
	table := tabwriter.NewWriter(o.stdout, 0, 0, 2, ' ', 0)
	heading := rows[0].columns()
	for i, name := range heading {
		heading[i] = strings.ToUpper(name)
	}
	if err := o.line(table, heading); err != nil {
		return err
	}
	for _, r := range rows {
		if err := o.line(table, r.cells(o)); err != nil {
			return err
		}
	}
	return table.Flush()
}

// rowsOf makes a row of each object.
func rowsOf[T any, R row](all []T, rowOf func(T) R) []R {
	rows := make([]R, len(all))
	for i, o := range all {
		rows[i] = rowOf(o)
	}
	return rows
}

// made prints what a command has made: as a list would in JSON, else its id and
// whatever else belongs to it and cannot be had later.
func (o output) made(r row, values ...string) error {
	if o.json {
		return json.NewEncoder(o.stdout).Encode(r)
	}
	return o.line(o.stdout, values)
}

func (o output) line(w io.Writer, cells []string) error {
	shown := make([]string, len(cells))
	for i, c := range cells {
		// A name must not break the line, nor command the terminal.
		shown[i] = strings.Map(func(r rune) rune {
			if unicode.IsControl(r) {
				return '\uFFFD'
			}
			return r
		}, c)
		if c == "" && o.terminal {
			shown[i] = "-"
		}
	}
	_, err := fmt.Fprintln(w, strings.Join(shown, "\t"))
	return err
}

// time shows a time: how far away it is to a person, RFC 3339 to a program.
func (o output) time(t time.Time) string {
	switch {
	case t.IsZero():
		return ""
	case !o.terminal:
		return t.UTC().Format(time.RFC3339)
	case t.After(o.now):
		return "in " + span(t.Sub(o.now))
	default:
		return span(o.now.Sub(t)) + " ago"
	}
}

// span is a length of time in its largest unit.
func span(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d < 2*day:
		return fmt.Sprintf("%dh", d/time.Hour)
	default:
		return fmt.Sprintf("%dd", d/day)
	}
}
