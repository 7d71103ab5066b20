package access

import (
	"strings"
	"testing"

	"tocsin"
)

// FuzzParseToken is inside the package because parsing is: outside, every
// token that is not a key's looks alike.
func FuzzParseToken(f *testing.F) {
	good := formatToken(keyToken, tocsin.ID{1, 2, 3}, [32]byte{4, 5, 6})
	f.Add(good)
	f.Add(strings.ToUpper(good))
	f.Add(formatToken(invitationToken, tocsin.ID{1, 2, 3}, [32]byte{4, 5, 6}))
	f.Add(good + "\n")
	f.Add("tcn_")
	f.Add("")
	f.Add(strings.Repeat("\x80", len(good)))
	f.Fuzz(func(t *testing.T, token string) {
		id, secret, ok := parseToken(keyToken, token)
		switch {
		case ok && formatToken(keyToken, id, secret) != token:
			t.Errorf("%q is a second spelling of %q", token, formatToken(keyToken, id, secret))
		case !ok && (id != tocsin.ID{} || secret != [32]byte{}):
			t.Errorf("%q is refused, but says %s", token, id)
		}
	})
}
