// Package secret holds the type of values that must not be shown, and the mask
// for addresses that have such values in them.
//
// It must never log, store or transport anything.
package secret

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"strings"
)

const redacted = "[redacted]"

// A Secret is text that prints, logs and marshals as "[redacted]". Only Reveal
// gives it away. Go has two gaps that no method can close: never print a struct
// with an unexported field of this type, nor use it as the key of a JSON map.
type Secret string

var (
	_ fmt.Formatter  = Secret("")
	_ slog.LogValuer = Secret("")
	_ json.Marshaler = Secret("")
)

// Reveal returns the text itself, for the one place that needs it.
func (s Secret) Reveal() string { return string(s) }

// String returns "[redacted]".
func (Secret) String() string { return redacted }

// GoString returns "[redacted]".
func (Secret) GoString() string { return redacted }

// Format writes "[redacted]" for every verb, also for those that look past
// String, as %x does.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue returns "[redacted]".
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON returns "[redacted]" as a JSON string.
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalText returns "[redacted]".
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MaskDSN returns a PostgreSQL connection string, a URL or keyword/value pairs,
// with its password and every parameter named like one masked. It reads
// malformed ones too, as they turn up in errors; in doubt it hides more.
func MaskDSN(dsn string) string {
	const secretName = `[^\s=&?]*(?i:password|passwd|secret|token)[^\s=&?]*`
	scheme, rest, isURL := strings.Cut(dsn, "://")
	if !isURL {
		pair := regexp.MustCompile(`(` + secretName + `\s*=\s*)('(?s:[^'\\]|\\.)*'?|(?s:[^\s'\\]|\\.)(?s:[^\s\\]|\\.)*)`)
		return pair.ReplaceAllString(dsn, "${1}"+redacted)
	}
	// A password may itself have an '@' or a '/' that should have been escaped.
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		if user, _, found := strings.Cut(rest[:at], ":"); found {
			rest = user + ":" + redacted + rest[at:]
		}
	}
	parameter := regexp.MustCompile(`([?&]` + secretName + `=)[^&#]*`)
	return scheme + "://" + parameter.ReplaceAllString(rest, "${1}"+redacted)
}
