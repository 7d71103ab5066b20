package tocsin

import (
	"slices"
	"strconv"
	"time"
)

// A Field is one named value of an object, as the log records it.
type Field struct {
	Name  string
	Value Value
}

// A Value is text, a whole number, a truth, a time, an id or a list of texts.
// The zero Value is the empty text.
type Value struct {
	kind valueKind
	text string
	num  int64
	id   ID
	list []string
}

type valueKind uint8

const (
	textValue valueKind = iota
	intValue
	boolValue
	listValue
	timeValue // num is microseconds since 1970
	idValue
)

// Text returns s as a Value.
func Text(s string) Value { return Value{text: s} }

// Int returns n as a Value; n must lie in [0, 2^53-1] (the log's canonical JSON).
func Int(n int64) Value { return Value{kind: intValue, num: n} }

// Bool returns b as a Value.
func Bool(b bool) Value {
	v := Value{kind: boolValue}
	if b {
		v.num = 1
	}
	return v
}

// List returns the texts as a Value; it keeps the slice, which must not change.
func List(texts []string) Value { return Value{kind: listValue, list: texts} }

// IntList returns whole numbers as a List of their decimal forms.
func IntList(numbers []int64) Value {
	texts := make([]string, len(numbers))
	for i, n := range numbers {
		texts[i] = strconv.FormatInt(n, 10)
	}
	return List(texts)
}

// IDText returns id as a Value, which reads as text in its canonical form; the
// zero ID is the empty text.
func IDText(id ID) Value {
	if id.IsZero() {
		return Value{}
	}
	return Value{kind: idValue, id: id}
}

// IDList returns ids in canonical form.
func IDList(ids []ID) Value {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = id.String()
	}
	return List(texts)
}

// TimeLayout is the only form of a time in the log: UTC, six digits, Z.
const TimeLayout = "2006-01-02T15:04:05.000000Z"

// Time returns t as a Value, which reads as text in TimeLayout; the zero time is
// the empty text.
func Time(t time.Time) Value {
	if t.IsZero() {
		return Value{}
	}
	return Value{kind: timeValue, num: t.UnixMicro()}
}

// Equal reports whether two values are the same kind and content.
func (v Value) Equal(w Value) bool {
	return v.kind == w.kind && v.text == w.text && v.num == w.num && v.id == w.id && slices.Equal(v.list, w.list)
}

// AsText returns the text, or "" when v has none.
func (v Value) AsText() string {
	switch v.kind {
	case timeValue:
		return time.UnixMicro(v.num).UTC().Format(TimeLayout)
	case idValue:
		return v.id.String()
	default:
		return v.text
	}
}

// AsInt returns the whole number, or 0 when v is not one.
func (v Value) AsInt() int64 {
	if v.kind != intValue {
		return 0
	}
	return v.num
}

// AsList returns the list, or nil when v is not a list.
func (v Value) AsList() []string { return v.list }

// Any returns v as string, int64, bool or []string.
func (v Value) Any() any {
	switch v.kind {
	case intValue:
		return v.num
	case boolValue:
		return v.num == 1
	case listValue:
		return v.list
	default:
		return v.AsText()
	}
}

// Fields lists every logged field of an object.
func Fields(o Object) []Field { return o.AppendFields(nil) }

// Diff returns the fields of after that differ from before, and what they were.
// A nil before stands for an object that did not exist: every field differs.
func Diff(before, after []Field) (old, changed []Field) {
	if before == nil {
		return nil, after
	}
	for i, f := range after {
		if !f.Value.Equal(before[i].Value) {
			old = append(old, before[i])
			changed = append(changed, f)
		}
	}
	return old, changed
}
