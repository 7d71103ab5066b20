package secret_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"tocsin/internal/secret"
)

func TestASecretShowsItselfOnlyWhenAsked(t *testing.T) {
	t.Parallel()
	const word = "sesame"
	s := secret.Secret(word)
	holder := struct {
		Name string
		Key  secret.Secret
		More []secret.Secret
		Ptr  *secret.Secret
	}{"n", s, []secret.Secret{s}, &s}

	asJSON, err := json.Marshal(map[string]any{"a": s, "b": holder})
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	for _, h := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
		slog.New(h).Info("x", "key", s, "holder", holder, "group", slog.GroupValue(slog.Any("key", s)))
	}
	shown := map[string]string{"JSON": string(asJSON), "the log": log.String(), "String": s.String(), "GoString": s.GoString()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%10.3s", "%T|%v"} {
		args := []any{s}
		if strings.HasPrefix(verb, "%T") {
			args = []any{0, s}
		}
		shown["fmt "+verb] = fmt.Sprintf(verb, args...)
		shown["fmt "+verb+" of a struct"] = fmt.Sprintf(strings.TrimPrefix(verb, "%T|"), holder)
	}
	for where, got := range shown {
		if strings.Contains(got, word) || strings.Contains(got, fmt.Sprintf("%x", word)) || strings.Contains(got, "ses") {
			t.Errorf("%s shows the secret: %s", where, got)
		}
		if !strings.Contains(got, "[redacted]") {
			t.Errorf("%s does not say that something was left out: %s", where, got)
		}
	}
	if s.Reveal() != word {
		t.Errorf("Reveal returned %q, want the text itself", s.Reveal())
	}
}

func TestMaskDSN(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ dsn, want string }{
		"a URL":                             {"postgres://u:pw1@h:5432/db?sslmode=require", "postgres://u:[redacted]@h:5432/db?sslmode=require"},
		"no password":                       {"postgres://u@h/db", "postgres://u@h/db"},
		"no user":                           {"postgres://h:5432/db", "postgres://h:5432/db"},
		"several hosts":                     {"postgresql://u:pw1@a:5432,b:5433/db?target_session_attrs=read-write", "postgresql://u:[redacted]@a:5432,b:5433/db?target_session_attrs=read-write"},
		"parameters that are passwords":     {"postgres://h/db?user=u&password=pw1&sslmode=off&sslpassword=pw2#f", "postgres://h/db?user=u&password=[redacted]&sslmode=off&sslpassword=[redacted]#f"},
		"a parameter in upper case":         {"postgres://h/db?PASSWORD=pw1", "postgres://h/db?PASSWORD=[redacted]"},
		"an at sign in the password":        {"postgres://u:pw1@pw2@h/db", "postgres://u:[redacted]@h/db"},
		"a slash in the password":           {"postgres://u:pw1/pw2@h/db", "postgres://u:[redacted]@h/db"},
		"a question mark in the password":   {"postgres://u:pw1?pw2@h/db", "postgres://u:[redacted]@h/db"},
		"a URL that does not parse":         {"postgres://u:pw1%zz@h:port/db", "postgres://u:[redacted]@h:port/db"},
		"keyword and value":                 {"host=h user=u password=pw1 dbname=d", "host=h user=u password=[redacted] dbname=d"},
		"a quoted value":                    {`host=h password='pw1 \' pw2' dbname=d`, "host=h password=[redacted] dbname=d"},
		"a quote that never ends":           {`host=h password='pw1 pw2`, "host=h password=[redacted]"},
		"an escaped space":                  {`password=pw1\ pw2 host=h`, "password=[redacted] host=h"},
		"spaces about the equals sign":      {"host = h password = pw1", "host = h password = [redacted]"},
		"another word for it, in capitals":  {"SSLPASSWORD=pw1 host=h", "SSLPASSWORD=[redacted] host=h"},
		"an empty value":                    {"password='' host=h", "password=[redacted] host=h"},
		"a file of passwords is no secret":  {"passfile=/etc/x host=h", "passfile=/etc/x host=h"},
		"nothing":                           {"", ""},
		"an at sign in a parameter: rather": {"postgres://u:pw1@h/db?user=a@b", "postgres://u:[redacted]@b"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := secret.MaskDSN(test.dsn)
			if got != test.want {
				t.Errorf("MaskDSN(%s) = %s, want %s", test.dsn, got, test.want)
			}
			if strings.Contains(got, "pw") {
				t.Errorf("the password shows in %s", got)
			}
		})
	}
}
