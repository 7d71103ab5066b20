package api

import (
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tocsin"
)

// An ID is a tocsin.ID on the wire; the zero one is null.
type ID tocsin.ID

// MarshalJSON writes a UUID in lower case, or null.
func (i ID) MarshalJSON() ([]byte, error) {
	if i == (ID{}) {
		return []byte("null"), nil
	}
	return []byte(`"` + tocsin.ID(i).String() + `"`), nil
}

// UnmarshalJSON reads a UUID, or null.
func (i *ID) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*i = ID{}
		return nil
	}
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	id, ok := tocsin.ParseID(s)
	if !ok {
		return fmt.Errorf("%q is not a UUID", s)
	}
	*i = ID(id)
	return nil
}

// Schema describes it.
func (ID) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "uuid"}
}

func toIDs(ids []tocsin.ID) []ID {
	out := make([]ID, len(ids))
	for i, id := range ids {
		out[i] = ID(id)
	}
	return out
}

func fromIDs(ids []ID) []tocsin.ID {
	var out []tocsin.ID
	for _, id := range ids {
		out = append(out, tocsin.ID(id))
	}
	return out
}

// A Time is a time on the wire: UTC with six digits when written; the zero one
// is null.
type Time time.Time

// MarshalJSON writes it in tocsin.TimeLayout, or null.
func (t Time) MarshalJSON() ([]byte, error) {
	if time.Time(t).IsZero() {
		return []byte("null"), nil
	}
	return time.Time(t).UTC().AppendFormat(make([]byte, 0, 32), `"`+tocsin.TimeLayout+`"`), nil
}

// UnmarshalJSON reads a time as parseTime does, or null.
func (t *Time) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*t = Time{}
		return nil
	}
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	at, ok := parseTime(s)
	if !ok {
		return fmt.Errorf("%q is not a time", s)
	}
	*t = Time(at)
	return nil
}

// Schema describes it.
func (Time) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "date-time"}
}

// parseTime reads a time as RFC 3339 has it, with an offset, in the years 2000 to
// 2100. time.Parse also takes an hour of one digit, a decimal comma and offsets
// that there are not.
func parseTime(s string) (time.Time, bool) {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil || s[len("2006-01-02T15")] != ':' || s[len("2006-01-02T15:04:05")] == ',' {
		return time.Time{}, false
	}
	if offset := s[len(s)-len("00:00"):]; s[len(s)-1] != 'Z' && (offset[:2] > "23" || offset[3:] > "59") {
		return time.Time{}, false
	}
	t = t.UTC().Truncate(time.Microsecond)
	return t, t.Year() >= 2000 && t.Year() <= 2100
}

// An Optional is a member of a merge patch (RFC 7396): absent, null or a value.
// Null passes the check of a request only where its field is tagged
// nullable:"true".
type Optional[T any] struct {
	// Given says that the member is there, Null that it is null.
	Given, Null bool
	Value       T
}

// UnmarshalJSON is not called for a member that is not there.
func (o *Optional[T]) UnmarshalJSON(b []byte) error {
	o.Given = true
	if string(b) == "null" {
		o.Null = true
		return nil
	}
	return json.Unmarshal(b, &o.Value)
}

// Schema describes its value.
func (Optional[T]) Schema(r huma.Registry) *huma.Schema {
	s := *r.Schema(reflect.TypeFor[T](), true, "")
	s.Nullable = false
	return &s
}

// pointer returns nil for a member that is not there, and a pointer to the zero
// value for null.
func (o Optional[T]) pointer() *T {
	if !o.Given {
		return nil
	}
	return &o.Value
}

// convert returns what pointer does, as another type of the same kind.
func convert[U, T any](o Optional[T], as func(T) U) *U {
	if !o.Given {
		return nil
	}
	v := as(o.Value)
	return &v
}

// A Page is one page of a list.
type Page[T any] struct {
	Items []T     `json:"items" nullable:"false"`
	Next  *string `json:"next" doc:"The cursor of the next page; null at the end."`
}

// Paging are the parameters of every list.
type Paging struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"100" default:"25" doc:"How many items a page has at most."`
	Cursor string `query:"cursor" doc:"Where to go on: next of the page before. It is good for the same list with the same filters only."`
}

// limit returns the page's size.
func (p Paging) limit() int {
	if p.Limit == 0 {
		return 25
	}
	return p.Limit
}

// oneOf describes a text that has one of few values.
func oneOf[T ~string](values []T) *huma.Schema {
	s := &huma.Schema{Type: huma.TypeString}
	for _, v := range values {
		s.Enum = append(s.Enum, string(v))
	}
	return s
}
