package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/itchyny/gojq"
)

// shaped says how a command prints what it found, beside the usual way.
type shaped struct {
	JSON fieldList `name:"json" placeholder:"FIELDS" help:"Print JSON with these fields, separated by commas; without any, list the fields there are."`
	JQ   string    `name:"jq" placeholder:"EXPRESSION" help:"Print what a jq expression makes of the JSON."`
}

// asked reports whether JSON is wanted.
func (s shaped) asked() bool { return len(s.JSON.names) > 0 || s.JQ != "" }

// A fieldList is the value of --json. It may be left out.
type fieldList struct {
	names []string
	list  bool
}

// Decode is kong.MapperValue's.
func (f *fieldList) Decode(d *kong.DecodeContext) error {
	next := d.Scan.Peek()
	text, isText := next.Value.(string)
	if next.IsEOL() || !isText || next.Type != kong.FlagValueToken && strings.HasPrefix(text, "-") {
		*f = fieldList{list: true}
		return nil
	}
	d.Scan.Pop()
	*f = fieldList{}
	for name := range strings.SplitSeq(text, ",") {
		if name = strings.TrimSpace(name); name != "" {
			f.names = append(f.names, name)
		}
	}
	f.list = len(f.names) == 0
	return nil
}

// fieldsOf lists the JSON names of a T's fields, sorted.
func fieldsOf[T any]() []string {
	names := namesIn(reflect.TypeFor[T]())
	slices.Sort(names)
	return names
}

func namesIn(t reflect.Type) (names []string) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			names = append(names, namesIn(f.Type)...)
		case f.IsExported() && name != "" && name != "-":
			names = append(names, name)
		}
	}
	return names
}

// A printer prints what a remote command found.
type printer struct {
	output
	ctx    context.Context
	shaped shaped
	fields []string
	query  *gojq.Code
	colour bool
	width  int
}

// newPrinter checks what is asked for against the fields that there are.
func newPrinter(c console, s shaped, fields []string) (printer, error) {
	p := printer{output: newOutput(c, false), ctx: c.ctx, shaped: s, fields: s.JSON.names}
	p.colour, p.width = wantsColour(c, p.terminal), widthOf(c.stdout)
	var errs []error
	for _, name := range s.JSON.names {
		if !slices.Contains(fields, name) {
			hint := ""
			if near := nearest(name, fields); len(near) > 0 {
				hint = fmt.Sprintf(" Did you mean %s?", strings.Join(near, " or "))
			}
			errs = append(errs, fmt.Errorf("--json: there is no field %q.%s There are: %s", name, hint, strings.Join(fields, ", ")))
		}
	}
	if len(p.fields) == 0 {
		p.fields = fields
	}
	if s.JQ != "" {
		query, err := gojq.Parse(s.JQ)
		if err == nil {
			p.query, err = gojq.Compile(query)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("--jq: %w", err))
		}
	}
	if len(errs) > 0 {
		return p, usageError{errors.Join(errs...)}
	}
	return p, nil
}

// chosen returns the asked-for fields of v, in the order asked for. One that v
// leaves out is null.
func (p printer) chosen(v any) (json.RawMessage, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteByte('{')
	for i, name := range p.fields {
		if i > 0 {
			b.WriteByte(',')
		}
		value := all[name]
		if value == nil {
			value = json.RawMessage("null")
		}
		fmt.Fprintf(&b, "%q:%s", name, value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// value prints v as JSON, or what the expression makes of it.
func (p printer) value(v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return p.raw(text)
}

// raw is value of JSON text.
func (p printer) raw(text []byte) error {
	if p.query == nil {
		return p.writeJSON(text)
	}
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		return err
	}
	results := p.query.RunWithContext(p.ctx, v)
	for {
		r, ok := results.Next()
		if !ok {
			return nil
		}
		if err, failed := r.(error); failed {
			return fmt.Errorf("--jq: %w", err)
		}
		if s, isText := r.(string); isText {
			if p.terminal {
				s = paragraph(s)
			}
			if _, err := fmt.Fprintln(p.stdout, s); err != nil {
				return err
			}
			continue
		}
		text, err := gojq.Marshal(r)
		if err != nil {
			return err
		}
		if err := p.writeJSON(text); err != nil {
			return err
		}
	}
}

// writeJSON prints JSON: indented for a person, one line for a program.
func (p printer) writeJSON(text []byte) error {
	var b bytes.Buffer
	var err error
	if p.terminal {
		err = json.Indent(&b, text, "", "  ")
	} else {
		err = json.Compact(&b, text)
	}
	if err != nil {
		return err
	}
	b.WriteByte('\n')
	out := b.Bytes()
	if p.terminal {
		out = []byte(paragraph(b.String())) // JSON may hold C1 controls as they are
	}
	_, err = p.stdout.Write(out)
	return err
}

// show prints a list: JSON where that is asked for, else a table for a person
// and lines with tabs for a program.
func show[T any](p printer, items []T, columns []column[T]) error {
	if p.shaped.asked() {
		all := make([]json.RawMessage, len(items))
		for i, item := range items {
			text, err := p.chosen(item)
			if err != nil {
				return err
			}
			all[i] = text
		}
		return p.value(all)
	}
	return table(p, items, columns)
}

// showOne prints one object: JSON where that is asked for, else as text says.
func showOne[T any](p printer, item T, text func(io.Writer) error) error {
	if !p.shaped.asked() {
		return text(p.stdout)
	}
	chosen, err := p.chosen(item)
	if err != nil {
		return err
	}
	return p.raw(chosen)
}

// made prints what a command made: JSON where that is asked for, else its id and
// whatever cannot be had later, on one line with tabs between.
func made[T any](p printer, item T, values ...string) error {
	return showOne(p, item, func(io.Writer) error { return p.line(p.stdout, values) })
}

// A fact is one line about an object.
type fact struct{ name, value string }

// facts prints what is known: names in a column on a terminal, with a tab
// between elsewhere. What is not there is left out.
func (p printer) facts(w io.Writer, all []fact) error {
	width := 0
	for _, f := range all {
		width = max(width, len(f.name))
	}
	for _, f := range all {
		var err error
		switch {
		case f.value == "":
		case p.terminal:
			_, err = fmt.Fprintf(w, "%s%s  %s\n", p.paint(faint, f.name), strings.Repeat(" ", width-len(f.name)), escaped(f.value))
		default:
			_, err = fmt.Fprintf(w, "%s\t%s\n", f.name, escaped(f.value))
		}
		if err != nil {
			return err
		}
	}
	return nil
}
