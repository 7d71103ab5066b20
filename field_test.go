package tocsin_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin"
)

// objects returns an empty object of each kind.
func objects() []tocsin.Object {
	return []tocsin.Object{
		&tocsin.Organisation{}, &tocsin.Project{}, &tocsin.Dataset{}, &tocsin.Check{}, &tocsin.User{},
		&tocsin.Role{}, &tocsin.Grant{}, &tocsin.APIKey{}, &tocsin.Incident{}, &tocsin.Comment{},
		&tocsin.Invitation{}, &tocsin.Redaction{}, &tocsin.AuditExport{}, &tocsin.Installation{}, &tocsin.Registration{},
	}
}

func TestObjects_haveAKindEachAndTheirOwnHead(t *testing.T) {
	t.Parallel()
	seen := map[tocsin.Kind]bool{}
	for _, o := range objects() {
		if seen[o.Kind()] {
			t.Errorf("two objects are of kind %s", o.Kind())
		}
		seen[o.Kind()] = true
		o.Head().Version = 7
		if o.Head().Version != 7 {
			t.Errorf("the head of a %s is a copy; want the object's own", o.Kind())
		}
	}
}

func TestObjects_fieldsAreInOrderEachOnce(t *testing.T) {
	t.Parallel()
	for _, o := range objects() {
		fields := tocsin.Fields(o)
		for i := 1; i < len(fields); i++ {
			if fields[i-1].Name >= fields[i].Name {
				t.Errorf("%s: field %q comes before %q; want byte order, each once", o.Kind(), fields[i-1].Name, fields[i].Name)
			}
		}
	}
}

// A field that is stored and not logged could be changed behind the log's back,
// and would be lost by a replay.
func TestObjects_noFieldEscapesTheLog(t *testing.T) {
	t.Parallel()
	for _, o := range objects() {
		v := reflect.ValueOf(o).Elem()
		for i := range v.NumField() {
			name := v.Type().Field(i).Name
			if name == "Meta" {
				continue
			}
			before := tocsin.Fields(o)
			alter(t, v.Field(i))
			if _, changed := tocsin.Diff(before, tocsin.Fields(o)); len(changed) != 1 {
				t.Errorf("a change of %s.%s shows in %d of its Fields; want it in one", v.Type().Name(), name, len(changed))
			}
		}
	}
}

// alter gives a struct's field another value than it has.
func alter(t *testing.T, v reflect.Value) {
	t.Helper()
	switch x := v.Addr().Interface().(type) {
	case *tocsin.ID:
		x[0]++
	case *[]tocsin.ID:
		*x = append(*x, tocsin.ID{1})
	case *[]string:
		*x = append(*x, "one more")
	case *[32]byte:
		x[31]++
	case *bool:
		*x = !*x
	case *[]int64:
		*x = append(*x, 7)
	case *map[string]string:
		*x = map[string]string{"team": "other"}
	case *[]tocsin.Link:
		*x = append(*x, tocsin.Link{ID: tocsin.ID{1}, URL: "https://x.test/", Title: "one more"})
	case *time.Time:
		*x = hour(1).Add(time.Microsecond)
	case *tocsin.Permissions:
		*x ^= tocsin.ViewIncidents
	default:
		switch v.Kind() {
		case reflect.String:
			v.SetString(v.String() + "x")
		case reflect.Int32, reflect.Int64:
			v.SetInt(v.Int() + 1)
		default:
			t.Fatalf("the test does not know how to change a %s: teach it", v.Type())
		}
	}
}

func TestValue_isReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 12, 30, 0, 1_999, time.FixedZone("", 3600))
	for _, c := range []struct {
		name  string
		value tocsin.Value
		any   any
		text  string
		list  []string
	}{
		{name: "zero", value: tocsin.Value{}, any: ""},
		{name: "text", value: tocsin.Text("a\x00ü"), any: "a\x00ü", text: "a\x00ü"},
		{name: "number", value: tocsin.Int(1<<53 - 1), any: int64(1<<53 - 1)},
		{name: "true", value: tocsin.Bool(true), any: true},
		{name: "false", value: tocsin.Bool(false), any: false},
		{name: "list", value: tocsin.List([]string{"b", "a"}), any: []string{"b", "a"}, list: []string{"b", "a"}},
		{name: "ids", value: tocsin.IDList([]tocsin.ID{id(1)}), any: []string{id(1).String()}, list: []string{id(1).String()}},
		{name: "id", value: tocsin.IDText(id(1)), any: id(1).String(), text: id(1).String()},
		{name: "no id", value: tocsin.IDText(tocsin.ID{}), any: ""},
		{name: "time", value: tocsin.Time(at), any: "2026-03-01T11:30:00.000001Z", text: "2026-03-01T11:30:00.000001Z"},
		{name: "no time", value: tocsin.Time(time.Time{}), any: ""},
	} {
		if diff := cmp.Diff(c.any, c.value.Any()); diff != "" {
			t.Errorf("%s: Any (-want +got):\n%s", c.name, diff)
		}
		if got := c.value.AsText(); got != c.text {
			t.Errorf("%s: AsText = %q; want %q", c.name, got, c.text)
		}
		if diff := cmp.Diff(c.list, c.value.AsList()); diff != "" {
			t.Errorf("%s: AsList (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestValue_Equal(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		a, b tocsin.Value
		want bool
	}{
		{"the same text", tocsin.Text("a"), tocsin.Text("a"), true},
		{"another case", tocsin.Text("a"), tocsin.Text("A"), false},
		{"another normal form", tocsin.Text("\u00e4"), tocsin.Text("a\u0308"), false},
		{"text and number", tocsin.Text("1"), tocsin.Int(1), false},
		{"number and truth", tocsin.Int(1), tocsin.Bool(true), false},
		{"no list and an empty one", tocsin.List(nil), tocsin.List([]string{}), true},
		{"no list and no text", tocsin.List(nil), tocsin.Text(""), false},
		{"another order", tocsin.List([]string{"a", "b"}), tocsin.List([]string{"b", "a"}), false},
		{"one instant in two zones", tocsin.Time(hour(1)), tocsin.Time(hour(1).In(time.FixedZone("", 3600))), true},
		{"less than a microsecond apart", tocsin.Time(hour(1)), tocsin.Time(hour(1).Add(999)), true},
		{"a microsecond apart", tocsin.Time(hour(1)), tocsin.Time(hour(1).Add(time.Microsecond)), false},
		{"no time and the epoch", tocsin.Time(time.Time{}), tocsin.Time(time.UnixMicro(0)), false},
	} {
		if c.a.Equal(c.b) != c.want || c.b.Equal(c.a) != c.want {
			t.Errorf("%s: equal %t; want %t, both ways", c.name, !c.want, c.want)
		}
	}
}

func TestDiff(t *testing.T) {
	t.Parallel()
	fields := func(severity, title string) []tocsin.Field {
		return []tocsin.Field{{Name: "severity", Value: tocsin.Text(severity)}, {Name: "title", Value: tocsin.Text(title)}}
	}
	old, changed := tocsin.Diff(fields("major", "slow"), fields("major", "down"))
	if diff := cmp.Diff(fields("", "slow")[1:], old); diff != "" {
		t.Errorf("old values (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(fields("", "down")[1:], changed); diff != "" {
		t.Errorf("new values (-want +got):\n%s", diff)
	}
	if old, changed := tocsin.Diff(fields("major", "slow"), fields("major", "slow")); len(old)+len(changed) != 0 {
		t.Errorf("equal fields differ: %v, %v", old, changed)
	}
	if old, changed := tocsin.Diff(nil, fields("", "")); old != nil || len(changed) != 2 {
		t.Errorf("a new object: %v, %v; want every field, and nothing old", old, changed)
	}
}

func TestEntry_Change(t *testing.T) {
	t.Parallel()
	e := tocsin.Entry{Changes: []tocsin.FieldChange{{Name: "title", Old: tocsin.Text("slow"), New: tocsin.Text("down")}}}
	if c, ok := e.Change("title"); !ok || c.New.AsText() != "down" {
		t.Errorf("the title's change: %+v, %t", c, ok)
	}
	if c, ok := e.Change("status"); ok || c.Name != "" {
		t.Errorf("a field that did not change: %+v, %t", c, ok)
	}
}
