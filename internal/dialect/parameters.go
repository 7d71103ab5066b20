package dialect

import (
	"net/url"
	"strconv"

	"tocsin"
)

// Parameters reads a query string's parameters one by one and collects what is
// wrong with them, by name. What nobody asks for is ignored, and what is asked
// for and bad is refused: an ignored filter would show too much.
type Parameters struct {
	values   url.Values
	problems map[string]string
}

// ParseParameters reads a query string.
func ParseParameters(rawQuery string) (Parameters, error) {
	values, err := url.ParseQuery(rawQuery)
	if err != nil {
		return Parameters{}, tocsin.InvalidFields(map[string]string{"query": "query string is malformed; percent-encode its values"})
	}
	return Parameters{values: values, problems: make(map[string]string)}, nil
}

// Err returns an Invalid error that names every parameter found bad so far, or nil.
func (p Parameters) Err() error { return tocsin.InvalidFields(p.problems) }

// Refuse notes what is wrong with a parameter.
func (p Parameters) Refuse(name, problem string) { p.problems[name] = problem }

// All returns the values of a parameter that may be repeated, and whether there
// are any.
func (p Parameters) All(name string) ([]string, bool) {
	values, ok := p.values[name]
	return values, ok
}

// Parameter returns a parameter that may come once, as parse reads it, and
// whether it is there and good; problem says what parse wants.
func Parameter[T any](p Parameters, name, problem string, parse func(string) (T, bool)) (T, bool) {
	var none T
	switch values := p.values[name]; len(values) {
	case 0:
		return none, false
	case 1:
		v, ok := parse(values[0])
		if !ok {
			p.Refuse(name, problem)
			return none, false
		}
		return v, true
	default:
		p.Refuse(name, name+" must not be repeated")
		return none, false
	}
}

// Number returns a parameter that is a whole number from least to most in
// decimal digits, or absent when it is not there.
func (p Parameters) Number(name string, absent, least, most int) int {
	problem := name + " must be a whole number from " + strconv.Itoa(least) + " to " + strconv.Itoa(most)
	n, ok := Parameter(p, name, problem, func(s string) (int, bool) {
		n, err := strconv.ParseUint(s, 10, 31) // takes no sign
		return int(n), err == nil && int(n) >= least && int(n) <= most
	})
	if !ok {
		return absent
	}
	return n
}

// ID returns a parameter that is a UUID. The nil UUID names nothing, but in a
// query it would not narrow: it makes q select nothing.
func (p Parameters) ID(name string, q *tocsin.IncidentQuery) tocsin.ID {
	id, ok := Parameter(p, name, name+" must be a UUID", tocsin.ParseID)
	if ok && id.IsZero() {
		q.IDs = []tocsin.ID{{}}
	}
	return id
}
