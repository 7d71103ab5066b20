package proof

import (
	"bytes"
	"errors"
	"fmt"

	"tocsin"
)

// A RawField is a field as the log writes it: Value is canonical JSON, so equal
// values are equal bytes.
type RawField struct{ Name, Value []byte }

// Details is what an entry's details say of the object. All slices share the
// bytes that they were read from.
type Details struct{ After, Before []RawField }

// ParseDetails reads details into d, whose slices are used again.
func ParseDetails(b []byte, d *Details) error {
	s := scanner{b: b}
	s.details(d)
	if s.failed || s.at != len(b) {
		return fmt.Errorf("the details break the canonical form at byte %d", s.at)
	}
	return nil
}

func (s *scanner) details(d *Details) {
	s.literal(`{"after":`)
	d.After = s.fields(d.After[:0])
	s.literal(`,"before":`)
	d.Before = s.fields(d.Before[:0])
	s.literal(`,"ip":`)
	s.skipText()
	s.literal(`,"note":`)
	s.skipText()
	s.literal(`,"ua":`)
	s.skipText()
	s.literal(`}`)
}

// maxFields is the most fields that an object may have, several times those of
// any kind: whoever reads an export keeps a place for each.
const maxFields = 256

// fields reads an object of which the names rise.
func (s *scanner) fields(into []RawField) []RawField {
	s.literal("{")
	for !s.next('}') && !s.failed {
		if len(into) > 0 {
			s.literal(",")
		}
		f := RawField{Name: s.text()}
		s.literal(":")
		start := s.at
		s.skipValue()
		f.Value = s.b[start:s.at]
		if n := len(into); n > 0 && bytes.Compare(into[n-1].Name, f.Name) >= 0 || n == maxFields {
			s.failed = true
		}
		into = append(into, f)
	}
	s.literal("}")
	return into
}

// skipText passes over a string.
func (s *scanner) skipText() {
	s.literal(`"`)
	for !s.failed && s.at < len(s.b) {
		switch s.b[s.at] {
		case '"':
			s.at++
			return
		case '\\':
			s.at += 2
		default:
			s.at++
		}
	}
	s.at, s.failed = min(s.at, len(s.b)), true
}

// skipValue passes over a text, a whole number, a truth or a list of texts.
func (s *scanner) skipValue() {
	switch {
	case s.next('"'):
		s.skipText()
	case s.next('t'):
		s.literal("true")
	case s.next('f'):
		s.literal("false")
	case s.next('['):
		s.at++
		for first := true; !s.next(']') && !s.failed; first = false {
			if !first {
				s.literal(",")
			}
			s.skipText()
		}
		s.literal("]")
	default:
		s.number()
	}
}

// Text returns what a text value says.
func (f RawField) Text() (string, error) {
	s := scanner{b: f.Value}
	text := s.text()
	if s.failed || s.at != len(f.Value) {
		return "", fmt.Errorf("%s is not a text", f.Name)
	}
	return string(text), nil
}

// Number returns what a number value says.
func (f RawField) Number() (int64, error) {
	s := scanner{b: f.Value}
	n := s.number()
	if s.failed || s.at != len(f.Value) {
		return 0, fmt.Errorf("%s is not a whole number", f.Name)
	}
	return n, nil
}

// Numbers returns what a list of decimal numbers says, as a redaction names
// entries.
func (f RawField) Numbers() ([]int64, error) {
	s := scanner{b: f.Value}
	texts := s.list(nil)
	if s.failed || s.at != len(f.Value) {
		return nil, fmt.Errorf("%s is not a list", f.Name)
	}
	numbers := make([]int64, len(texts))
	for i, text := range texts {
		var err error
		if numbers[i], err = parseDecimal(string(text)); err != nil {
			return nil, err
		}
	}
	return numbers, nil
}

// ExportFormat is the number of the form of exports.
const ExportFormat = 2

// A DetailsLine is one line of an export's details: what the log keeps of an
// entry beside its leaf.
type DetailsLine struct {
	Seq int64
	// Kind, Object, Version and PrevSeq are the columns by which entries are found.
	Kind             []byte
	Object           tocsin.ID
	Version, PrevSeq int64
	// Details and Nonce are nil once erased.
	Details []byte
	Nonce   []byte
}

// Append writes the line, without its end, to b.
func (l DetailsLine) Append(b []byte) []byte {
	b = fmt.Appendf(b, `{"seq":%d,"kind":"%s","object":"%s","version":%d,"prev_seq":%d,"details":`, l.Seq, l.Kind, l.Object, l.Version, l.PrevSeq)
	if l.Details == nil {
		b = append(b, "null"...)
	} else {
		b = append(b, l.Details...)
	}
	return fmt.Appendf(b, `,"nonce":"%x"}`, l.Nonce)
}

// nonceSize is how many bytes a nonce has.
const nonceSize = 32

// ParseDetailsLine reads a line into l, whose Nonce is used again.
func ParseDetailsLine(b []byte, l *DetailsLine) error {
	s := scanner{b: b}
	s.literal(`{"seq":`)
	l.Seq = s.number()
	s.literal(`,"kind":`)
	l.Kind = s.text()
	s.literal(`,"object":"`)
	l.Object = s.id()
	s.literal(`","version":`)
	l.Version = s.number()
	s.literal(`,"prev_seq":`)
	l.PrevSeq = s.number()
	s.literal(`,"details":`)
	// The nonce's length is known, so the details are what lies between: their
	// own form is judged by who reads them.
	end := len(b) - len(`,"nonce":""}`)
	if s.failed || end < s.at {
		return errors.New("this is not a line of details")
	}
	l.Nonce = l.Nonce[:0]
	if bytes.HasPrefix(b[s.at:], []byte("null,")) {
		l.Details, l.Nonce = nil, nil
		s.literal(`null,"nonce":""}`)
	} else if end -= 2 * nonceSize; end >= s.at {
		l.Details, s.at = b[s.at:end], end
		s.literal(`,"nonce":"`)
		nonce := s.hash()
		l.Nonce = append(l.Nonce, nonce[:]...)
		s.literal(`"}`)
	} else {
		s.failed = true
	}
	if s.failed || s.at != len(b) {
		return errors.New("this is not a line of details")
	}
	return nil
}

// A Row is one line of an export's objects: an object as the database has it.
type Row struct {
	Kind         []byte
	ID           tocsin.ID
	Version, Seq int64
	Leaf         [32]byte
	// Created and Updated are microseconds since 1970.
	Created, Updated int64
	Fields           []RawField
}

// AppendRow writes an object's line, without its end, to b; fields are the
// object's in canonical form.
func AppendRow(b []byte, o tocsin.Object, fields []byte) []byte {
	m := o.Head()
	b = fmt.Appendf(b, `{"kind":"%s","id":"%s","version":%d,"seq":%d,"leaf":"%x","created":"%s","updated":"%s","fields":`,
		o.Kind(), m.ID, m.Version, m.Seq, m.Leaf, m.CreatedAt.UTC().Format(tocsin.TimeLayout), m.UpdatedAt.UTC().Format(tocsin.TimeLayout))
	return append(append(b, fields...), '}')
}

// ParseRow reads a line into r, whose Fields is used again.
func ParseRow(b []byte, r *Row) error {
	s := scanner{b: b}
	s.literal(`{"kind":`)
	r.Kind = s.text()
	s.literal(`,"id":"`)
	r.ID = s.id()
	s.literal(`","version":`)
	r.Version = s.number()
	s.literal(`,"seq":`)
	r.Seq = s.number()
	s.literal(`,"leaf":"`)
	r.Leaf = s.hash()
	s.literal(`","created":"`)
	r.Created = s.time()
	s.literal(`","updated":"`)
	r.Updated = s.time()
	s.literal(`","fields":`)
	r.Fields = s.fields(r.Fields[:0])
	s.literal("}")
	if s.failed || s.at != len(b) {
		return fmt.Errorf("this is not a line of objects: byte %d", s.at)
	}
	return nil
}
