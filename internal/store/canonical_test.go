package store_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin"
	"tocsin/internal/store"
)

func TestCanonicalFields_escapesOnlyWhatJSONDemands(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"plain":                     `plain`,
		`say "no" \ twice`:          `say \"no\" \\ twice`,
		"\b\t\n\f\r":                `\b\t\n\f\r`,
		"\x00\x01\x1f":              `\u0000\u0001\u001f`,
		"\x7f":                      "\x7f",
		"<script>&amp;</x>":         `<script>&amp;</x>`,
		"a/b":                       `a/b`,
		"\u2028\u2029":              "\u2028\u2029",
		"gr\u00fc\u00df \U0001f525": "gr\u00fc\u00df \U0001f525",
		"a\u0308":                   "a\u0308", // as sent, not in another normal form
	} {
		got := store.CanonicalFields(&tocsin.Project{Name: text})
		if want := `{"name":"` + want + `"}`; string(got) != want {
			t.Errorf("%q is written %s; want %s", text, got, want)
		}
	}
}

func TestCanonicalFields_ofEveryKindOfValue(t *testing.T) {
	t.Parallel()
	values := many{
		{Name: "a_text", Value: tocsin.Text("x")},
		{Name: "b_empty", Value: tocsin.Value{}},
		{Name: "c_number", Value: tocsin.Int(1<<53 - 1)},
		{Name: "d_zero", Value: tocsin.Int(0)},
		{Name: "e_true", Value: tocsin.Bool(true)},
		{Name: "f_false", Value: tocsin.Bool(false)},
		{Name: "g_list", Value: tocsin.List([]string{"b", "a", "\n"})},
		{Name: "h_nothing", Value: tocsin.List(nil)},
		{Name: "i_time", Value: tocsin.Time(noon)},
		{Name: "j_id", Value: tocsin.IDText(id(1))},
	}
	want := `{"a_text":"x","b_empty":"","c_number":9007199254740991,"d_zero":0,"e_true":true,"f_false":false,` +
		`"g_list":["b","a","\n"],"h_nothing":[],"i_time":"2026-03-01T12:00:00.000000Z","j_id":"00000000-0000-0000-0000-000000000001"}`
	if diff := cmp.Diff(want, string(store.CanonicalFields(&values))); diff != "" {
		t.Errorf("canonical fields (-want +got):\n%s", diff)
	}
}

// many is an object of any fields.
type many []tocsin.Field

func (many) Kind() tocsin.Kind                               { return tocsin.KindProject }
func (many) Head() *tocsin.Meta                              { return &tocsin.Meta{} }
func (m *many) AppendFields(b []tocsin.Field) []tocsin.Field { return append(b, *m...) }

// checkCanonical fails the test unless b is one JSON value as the log writes it:
// no white space, keys in order and each once, whole numbers.
func checkCanonical(t interface{ Fatalf(string, ...any) }, b []byte) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := walk(d); err != nil {
		t.Fatalf("%v in %s", err, b)
	}
	if _, err := d.Token(); err != io.EOF {
		t.Fatalf("there is more after the value in %s", b)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, b); err != nil || !bytes.Equal(compact.Bytes(), b) {
		t.Fatalf("%v; there is white space in %s", err, b)
	}
	for _, escape := range []string{`\u003c`, `\u003e`, `\u0026`, `\u2028`} {
		if n := bytes.Count(b, []byte(escape)); n > bytes.Count(b, []byte(`\`+escape)) {
			t.Fatalf("%s is escaped, as only HTML demands, in %s", escape, b)
		}
	}
}

// walk reads one value.
func walk(d *json.Decoder) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	switch token {
	case json.Delim('{'):
		last := ""
		for first := true; d.More(); first = false {
			key, err := d.Token()
			if err != nil {
				return err
			}
			if name := key.(string); !first && name <= last {
				return fmt.Errorf("key %q comes after %q", name, last)
			} else {
				last = name
			}
			if err := walk(d); err != nil {
				return err
			}
		}
		_, err = d.Token()
	case json.Delim('['):
		for d.More() {
			if err := walk(d); err != nil {
				return err
			}
		}
		_, err = d.Token()
	default:
		if n, ok := token.(json.Number); ok && strings.ContainsAny(string(n), ".eE-") {
			return fmt.Errorf("%s is not a whole number", n)
		}
	}
	return err
}
