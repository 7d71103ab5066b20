package tocsin_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tocsin"
)

const (
	lower = "550e8400-e29b-41d4-a716-446655440000"
	upper = "550E8400-E29B-41D4-A716-446655440000"
)

func TestParseID_readsTheCanonicalFormInEitherCase(t *testing.T) {
	t.Parallel()
	for _, text := range []string{lower, upper, "550e8400-E29B-41d4-A716-446655440000"} {
		id, ok := tocsin.ParseID(text)
		if !ok || id.String() != lower {
			t.Errorf("ParseID(%q) = %s, %t; want %s", text, id, ok, lower)
		}
	}
	if id, ok := tocsin.ParseID("00000000-0000-0000-0000-000000000000"); !ok || !id.IsZero() {
		t.Errorf("the nil UUID is %s, %t; want the zero ID", id, ok)
	}
}

func TestParseID_refusesEveryOtherSpelling(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"empty":                   "",
		"bare hexadecimal":        strings.ReplaceAll(lower, "-", ""),
		"braces":                  "{" + lower + "}",
		"urn":                     "urn:uuid:" + lower,
		"too short":               lower[:35],
		"too long":                lower + "0",
		"space before":            " " + lower[:35],
		"space after":             lower + " ",
		"newline after":           lower + "\n",
		"a letter that is no hex": "g" + lower[1:],
		"hyphens moved":           "550e840-0e29b-41d4-a716-446655440000",
		"hyphen for a digit":      "-50e8400-e29b-41d4-a716-446655440000",
		"underscores":             strings.ReplaceAll(lower, "-", "_"),
		"digit beyond ASCII":      "\u0665" + lower[2:],
		"sign":                    "+" + lower[1:],
		"36 bytes of nothing":     strings.Repeat("\x00", 36),
	} {
		if id, ok := tocsin.ParseID(text); ok || !id.IsZero() {
			t.Errorf("%s: ParseID(%q) = %s, %t; want it refused with the zero ID", name, text, id, ok)
		}
	}
}

func TestParseID_readsBackWhatStringWrites(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		id := anyID().Draw(t, "id")
		if back, ok := tocsin.ParseID(id.String()); !ok || back != id {
			t.Fatalf("ParseID(%q) = %s, %t", id.String(), back, ok)
		}
	})
}

// anyID generates ids, now and then the zero one.
func anyID() *rapid.Generator[tocsin.ID] {
	return rapid.Custom(func(t *rapid.T) tocsin.ID {
		return tocsin.ID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "bytes"))
	})
}

// id returns the id that ends in n.
func id(n byte) tocsin.ID { return tocsin.ID{15: n} }
