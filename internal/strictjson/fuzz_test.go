package strictjson_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"tocsin/internal/strictjson"
)

// FuzzParse holds Parse to this: what it accepts, encoding/json accepts too and
// understands in the same way, and no text of it holds what must not be stored.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"a":"b","c":[1,-2.5e3,{"d":null}],"e":true}`, `{"a":1,"a":2}`, `{"\u0061":"\ud83d\ude00"}`,
		`{"x":"\\\u0000"}`, " { \"a\" : [ ] } ", "{\"x\":\"\xff\"}", `{"x":"\"}"}`, nested(70), `{}{}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		before := bytes.Clone(body)
		o, err := strictjson.Parse(body)
		if !bytes.Equal(before, body) {
			t.Fatal("Parse changed the body")
		}
		if err != nil {
			return
		}
		var want map[string]any
		d := json.NewDecoder(bytes.NewReader(body))
		d.UseNumber()
		if err := d.Decode(&want); err != nil || want == nil {
			t.Fatalf("Parse accepts what encoding/json refuses: %v", err)
		}
		sameObject(t, o, want)
	})
}

func sameObject(t *testing.T, o strictjson.Object, want map[string]any) {
	t.Helper()
	if len(o.Names()) != len(want) {
		t.Fatalf("the object has the names %q, encoding/json found %d", o.Names(), len(want))
	}
	for _, name := range o.Names() {
		v, ok := o.Get(name)
		if _, has := want[name]; !ok || !has || strings.Contains(name, "\x00") {
			t.Fatalf("bad name %q", name)
		}
		sameValue(t, v, want[name])
	}
}

func sameValue(t *testing.T, v strictjson.Value, want any) {
	t.Helper()
	ok := false
	switch want := want.(type) {
	case nil:
		ok = v.IsNull()
	case string:
		var s string
		s, ok = v.Text()
		ok = ok && s == want && !strings.Contains(s, "\x00")
	case bool:
		var b bool
		b, ok = v.Bool()
		ok = ok && b == want
	case json.Number:
		n, isInt := v.Int()
		wanted, err := want.Int64()
		ok = isInt == (err == nil) && n == wanted || !isInt && err != nil
	case []any:
		var list []strictjson.Value
		list, ok = v.List()
		if ok = ok && len(list) == len(want); ok {
			for i := range list {
				sameValue(t, list[i], want[i])
			}
		}
	case map[string]any:
		var o strictjson.Object
		if o, ok = v.Object(); ok {
			sameObject(t, o, want)
		}
	}
	if !ok {
		t.Fatalf("a value that encoding/json reads as %#v reads otherwise here", want)
	}
}
