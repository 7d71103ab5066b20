package soda

import (
	"encoding/base64"
	"net/http"
	"strings"

	"tocsin"
	"tocsin/internal/dialect"
)

// challenge is the WWW-Authenticate of every 401.
const challenge = `Basic realm="Tocsin", charset="UTF-8"`

// authenticate returns who is asking. A credential that cannot even be read
// fails like one that does not hold.
func (a *api) authenticate(r *http.Request) (tocsin.Actor, error) {
	keyID, token, ok := credential(r.Header)
	if !ok {
		return tocsin.Actor{}, tocsin.Errorf(tocsin.Unauthenticated, "there is no readable Basic credential")
	}
	return a.Access.AuthenticateKey(r.Context(), keyID, token)
}

// credential reads the one Basic credential of a request, split at its first
// colon.
func credential(h http.Header) (keyID, token string, ok bool) {
	value, ok := dialect.Credential(h, "Authorization")
	scheme, encoded, found := strings.Cut(value, " ")
	if !ok || !found || !strings.EqualFold(scheme, "Basic") {
		return "", "", false
	}
	decoded, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return "", "", false
	}
	return strings.Cut(string(decoded), ":")
}
