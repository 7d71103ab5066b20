package store

import (
	"encoding/hex"
	"strconv"

	"tocsin"
)

// Canonical JSON: the restricted profile of RFC 8785 in which leaves and
// details are written. Keys in byte order, no white space, whole numbers only,
// and of the escapes only those that JSON demands. Text is kept as it was sent.

const hexDigits = "0123456789abcdef"

func appendText(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[start:i]...)
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\b':
			b = append(b, `\b`...)
		case '\t':
			b = append(b, `\t`...)
		case '\n':
			b = append(b, `\n`...)
		case '\f':
			b = append(b, `\f`...)
		case '\r':
			b = append(b, `\r`...)
		default:
			b = append(b, `\u00`...)
			b = append(b, hexDigits[c>>4], hexDigits[c&15])
		}
		start = i + 1
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}

func appendValue(b []byte, v tocsin.Value) []byte {
	switch x := v.Any().(type) {
	case int64:
		return strconv.AppendInt(b, x, 10)
	case bool:
		return strconv.AppendBool(b, x)
	case []string:
		b = append(b, '[')
		for i, s := range x {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendText(b, s)
		}
		return append(b, ']')
	default: // text, and times and ids as text
		return appendText(b, v.AsText())
	}
}

// appendFields writes fields as an object. They come in byte order of their
// names (tocsin.Object, held by a test).
func appendFields(b []byte, fields []tocsin.Field) []byte {
	b = append(b, '{')
	for i, f := range fields {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(b, f.Name)
		b = append(b, ':')
		b = appendValue(b, f.Value)
	}
	return append(b, '}')
}

func appendHexText(b, raw []byte) []byte {
	b = append(b, '"')
	b = hex.AppendEncode(b, raw)
	return append(b, '"')
}

func appendIDText(b []byte, id tocsin.ID) []byte {
	if id.IsZero() {
		return append(b, `""`...)
	}
	b = append(b, '"')
	b = append(b, id.String()...)
	return append(b, '"')
}

// CanonicalFields returns an object's fields as the log writes them: what a
// replay of the log must come to.
func CanonicalFields(o tocsin.Object) []byte {
	return appendFields(nil, tocsin.Fields(o))
}

// sortedFields reports whether names are in byte order, each once.
func sortedFields(fields []tocsin.Field) bool {
	for i := 1; i < len(fields); i++ {
		if fields[i-1].Name >= fields[i].Name {
			return false
		}
	}
	return true
}
