package tocsin_test

import (
	"testing"

	"tocsin"
)

// A refused precondition says what to do about it: whether the object has gone
// on, or the caller never had a version of it.
func TestStaleError_saysWhatTheCallerHadInMind(t *testing.T) {
	t.Parallel()
	now := &tocsin.Incident{Meta: tocsin.Meta{Version: 3}}
	for _, c := range []struct {
		versions []int64
		want     string
	}{
		{[]int64{1, 2}, "the incident has moved on from version 2 to version 3"},
		{nil, "the precondition names no version of this incident, which is at version 3: read it again"},
		{[]int64{9}, "the precondition names version 9 of the incident, which is only at version 3: read it again"},
	} {
		err := &tocsin.StaleError{Current: now, Match: tocsin.Match{Versions: c.versions}}
		if got := err.Error(); got != c.want {
			t.Errorf("versions %v: %q; want %q", c.versions, got, c.want)
		}
		if code := tocsin.CodeOf(err); code != tocsin.Stale {
			t.Errorf("versions %v have code %q", c.versions, code)
		}
	}
}
