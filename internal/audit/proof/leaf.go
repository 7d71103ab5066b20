package proof

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"tocsin"
)

// LeafVersion is the number of the leaf's form that this package knows.
const LeafVersion = 1

// ErrVersion says that a leaf was written in a form that is not known here.
var ErrVersion = errors.New("the leaf has a form that this version of tocsin does not know")

// A Leaf is what an entry's leaf says. Texts share the bytes that they were read
// from, unless those had escapes.
type Leaf struct {
	Action, ActorKind, Door, Log, Request []byte
	// Actor and Key may be zero.
	Actor, Key, ID, Object, Org tocsin.ID
	// At is microseconds since 1970.
	At   int64
	Kind []byte
	// Commitment is that to the details, Prev the leaf hash of the object's
	// previous version, zero at version 1.
	Commitment, Prev [32]byte
	Fields           [][]byte
	Version, Seq     int64
}

// ParseLeaf reads a leaf into l, of which Fields is used again. It takes the one
// canonical form and nothing else: two leaves that say the same are the same bytes.
func ParseLeaf(b []byte, l *Leaf) error {
	if !utf8.Valid(b) {
		return errors.New("the leaf is not valid UTF-8")
	}
	s := scanner{b: b}
	s.leaf(l)
	if s.failed || s.at != len(b) {
		if i := bytes.LastIndex(b, []byte(`,"v":`)); i >= 0 && !bytes.Equal(b[i:], []byte(`,"v":1}`)) {
			return ErrVersion
		}
		return fmt.Errorf("the leaf breaks the canonical form at byte %d", s.at)
	}
	return nil
}

func (s *scanner) leaf(l *Leaf) {
	s.literal(`{"act":`)
	l.Action = s.text()
	s.literal(`,"actor":{"id":`)
	l.Actor = s.optionalID("")
	s.literal(`,"kind":`)
	l.ActorKind = s.text()
	s.literal(`,"via":`)
	l.Key = s.optionalID("key:")
	s.literal(`},"at":"`)
	l.At = s.time()
	s.literal(`","chg":"`)
	l.Commitment = s.hash()
	s.literal(`","door":`)
	l.Door = s.text()
	s.literal(`,"fields":`)
	l.Fields = s.list(l.Fields[:0])
	s.literal(`,"id":"`)
	l.ID = s.id()
	s.literal(`","log":`)
	l.Log = s.text()
	s.literal(`,"obj":{"id":"`)
	l.Object = s.id()
	s.literal(`","kind":`)
	l.Kind = s.text()
	s.literal(`,"ver":`)
	l.Version = s.number()
	s.literal(`},"org":"`)
	l.Org = s.id()
	s.literal(`","prev":"`)
	l.Prev = s.hash()
	s.literal(`","req":`)
	l.Request = s.text()
	s.literal(`,"seq":`)
	l.Seq = s.number()
	s.literal(`,"v":1}`)
}

// scanner reads canonical JSON from the left. Once something is amiss it has
// failed, and stands where that was.
type scanner struct {
	b      []byte
	at     int
	failed bool
}

// take returns the next n bytes, or nil.
func (s *scanner) take(n int) []byte {
	if s.failed || len(s.b)-s.at < n {
		s.failed = true
		return nil
	}
	s.at += n
	return s.b[s.at-n : s.at]
}

func (s *scanner) literal(want string) {
	if got := s.take(len(want)); got != nil && string(got) != want {
		s.at, s.failed = s.at-len(want), true
	}
}

// next reports whether the next byte is c.
func (s *scanner) next(c byte) bool { return !s.failed && s.at < len(s.b) && s.b[s.at] == c }

// text reads a string and returns what it says.
func (s *scanner) text() []byte {
	s.literal(`"`)
	start := s.at
	for !s.failed && s.at < len(s.b) {
		switch c := s.b[s.at]; {
		case c == '"':
			s.at++
			return s.b[start : s.at-1]
		case c == '\\':
			return s.escaped(bytes.Clone(s.b[start:s.at]))
		case c < 0x20:
			s.failed = true
		default:
			s.at++
		}
	}
	s.failed = true
	return nil
}

// escaped reads the rest of a string from its first escape on.
func (s *scanner) escaped(text []byte) []byte {
	for !s.failed && s.at < len(s.b) {
		c := s.b[s.at]
		s.at++
		switch {
		case c == '"':
			return text
		case c < 0x20:
			s.failed = true
		case c == '\\':
			text = append(text, s.escape())
		default:
			text = append(text, c)
		}
	}
	s.failed = true
	return nil
}

// escape reads what follows a backslash. Each character has one spelling.
func (s *scanner) escape() byte {
	c := s.take(1)
	if c == nil {
		return 0
	}
	switch c[0] {
	case '"', '\\':
		return c[0]
	case 'b':
		return '\b'
	case 't':
		return '\t'
	case 'n':
		return '\n'
	case 'f':
		return '\f'
	case 'r':
		return '\r'
	case 'u':
		digits := s.take(4)
		if digits == nil {
			return 0
		}
		var code [2]byte
		_, err := hex.Decode(code[:], digits)
		named := bytes.IndexByte([]byte("\b\t\n\f\r"), code[1]) >= 0
		if err != nil || code[0] != 0 || code[1] >= 0x20 || code[1] == 0 || named || hasUpper(digits) {
			s.failed = true
		}
		return code[1]
	default:
		s.failed = true
		return 0
	}
}

func hasUpper(digits []byte) bool {
	for _, c := range digits {
		if 'A' <= c && c <= 'F' {
			return true
		}
	}
	return false
}

// list reads an array of strings.
func (s *scanner) list(into [][]byte) [][]byte {
	s.literal("[")
	for !s.next(']') && !s.failed {
		if len(into) > 0 {
			s.literal(",")
		}
		into = append(into, s.text())
	}
	s.literal("]")
	return into
}

// number reads a whole number from 0 to 2^53-1.
func (s *scanner) number() int64 {
	start := s.at
	var n int64
	for !s.failed && s.at < len(s.b) && '0' <= s.b[s.at] && s.b[s.at] <= '9' && s.at-start <= 16 {
		n = n*10 + int64(s.b[s.at]-'0')
		s.at++
	}
	if length := s.at - start; length == 0 || length > 1 && s.b[start] == '0' || n > 1<<53-1 {
		s.failed = true
	}
	return n
}

// id reads an id and stops before the quote behind it.
func (s *scanner) id() tocsin.ID {
	text := s.take(36)
	if text == nil {
		return tocsin.ID{}
	}
	var id tocsin.ID
	i := 0
	for d := range id {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if text[i] != '-' {
				s.failed = true
			}
			i++
		}
		id[d] = s.nibble(text[i])<<4 | s.nibble(text[i+1])
		i += 2
	}
	if id.IsZero() {
		s.failed = true
	}
	return id
}

// nibble reads a lower-case hexadecimal digit.
func (s *scanner) nibble(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	default:
		s.failed = true
		return 0
	}
}

// optionalID reads a string that is empty, or an id behind a prefix.
func (s *scanner) optionalID(prefix string) tocsin.ID {
	s.literal(`"`)
	if s.next('"') {
		s.at++
		return tocsin.ID{}
	}
	s.literal(prefix)
	id := s.id()
	s.literal(`"`)
	return id
}

// hash reads a hash and stops before the quote behind it.
func (s *scanner) hash() (h [32]byte) {
	text := s.take(64)
	if text == nil {
		return h
	}
	if _, err := hex.Decode(h[:], text); err != nil || hasUpper(text) {
		s.failed = true
	}
	return h
}

// time reads a time in tocsin.TimeLayout.
func (s *scanner) time() int64 {
	text := s.take(len(tocsin.TimeLayout))
	if text == nil {
		return 0
	}
	for i, c := range []byte(tocsin.TimeLayout) {
		digit := '0' <= c && c <= '9'
		if digit && (text[i] < '0' || '9' < text[i]) || !digit && text[i] != c {
			s.failed = true
			return 0
		}
	}
	part := func(from, to int) int {
		n := 0
		for _, c := range text[from:to] {
			n = n*10 + int(c-'0')
		}
		return n
	}
	year, month, day := part(0, 4), part(5, 7), part(8, 10)
	hour, minute, second := part(11, 13), part(14, 16), part(17, 19)
	t := time.Date(year, time.Month(month), day, hour, minute, second, part(20, 26)*1000, time.UTC)
	if t.Year() != year || int(t.Month()) != month || t.Day() != day || t.Hour() != hour || t.Minute() != minute || t.Second() != second {
		s.failed = true
	}
	return t.UnixMicro()
}
