package dialect

import (
	"net/http"
	"time"
)

// Credential returns the value of the header that carries a dialect's
// credential. It must come once, and alone: beside the header of another
// dialect, which of the two counts would be nobody's to guess.
func Credential(h http.Header, name string) (string, bool) {
	all := 0
	for _, carrier := range []string{"Authorization", "X-Api-Key"} {
		all += len(h[carrier])
	}
	return h.Get(name), all == 1 && len(h.Values(name)) == 1
}

// ParseTime reads a time as RFC 3339 has it, with an offset.
func ParseTime(s string) (time.Time, bool) {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}, false
	}
	// Parse also takes an hour of one digit and a decimal comma; RFC 3339 does not.
	return t, s[len("2006-01-02T15")] == ':' && s[len("2006-01-02T15:04:05")] != ','
}
