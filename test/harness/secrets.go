package harness

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"maps"
	"regexp"
	"testing"

	"tocsin"
	"tocsin/internal/app"
)

// Secrets are what tests were given and nobody else may be shown: of each token
// its secret part, and the hash that is stored of it.
type Secrets struct {
	// secrets and hashes are in hex and in base64, without the last digit, which
	// has padding in it.
	secrets, hashes map[string]bool
}

// The digits of a token's parts, and of 32 bytes in hex and in base64.
const (
	tokenHead, tokenTail   = 36, 8
	hexLength, base64Digit = 64, 42
)

// Add notes a token.
func (s *Secrets) Add(token string) {
	if s.secrets == nil {
		s.secrets, s.hashes = map[string]bool{}, map[string]bool{}
	}
	secret, err := hex.DecodeString(token[tokenHead : len(token)-tokenTail])
	if err != nil {
		panic("harness: " + err.Error()) // the product made it
	}
	hash := sha256.Sum256(secret)
	for _, form := range []func([]byte) string{hex.EncodeToString, func(b []byte) string { return base64.StdEncoding.EncodeToString(b)[:base64Digit] }} {
		s.secrets[form(secret)], s.hashes[form(hash[:])] = true, true
	}
}

// Join adds those of others.
func (s *Secrets) Join(others Secrets) {
	if s.secrets == nil {
		s.secrets, s.hashes = map[string]bool{}, map[string]bool{}
	}
	maps.Copy(s.secrets, others.secrets)
	maps.Copy(s.hashes, others.hashes)
}

// In reports whether a text holds one of the secrets, or the hash of one, in any
// place and in hex of either case or in base64.
func (s *Secrets) In(text []byte) (secret, hash bool) {
	look := func(run []byte, length int) {
		for i := 0; i+length <= len(run); i++ {
			secret = secret || s.secrets[string(run[i:i+length])]
			hash = hash || s.hashes[string(run[i:i+length])]
		}
	}
	for _, run := range runs(text, isHex) {
		look(bytes.ToLower(run), hexLength)
	}
	for _, run := range runs(text, isBase64) {
		look(run, base64Digit)
	}
	return secret, hash
}

// runs returns the longest parts of a text that could hold 32 bytes.
func runs(text []byte, digit func(byte) bool) [][]byte {
	var out [][]byte
	from := 0
	for i := 0; i <= len(text); i++ {
		if i < len(text) && digit(text[i]) {
			continue
		}
		if i-from >= base64Digit {
			out = append(out, text[from:i])
		}
		from = i + 1
	}
	return out
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func isBase64(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '+' || c == '/'
}

// ShowsToken reports whether a text holds what looks like a token, or much of
// one, whosever it is.
func ShowsToken(text []byte) bool {
	return bytes.Contains(text, []byte("_")) && regexp.MustCompile(`(?i)tc[ni]_[0-9a-f]{32}`).Match(text)
}

// NotLoggedBy fails the test where what a server has written holds one of them.
func (s *Secrets) NotLoggedBy(tb testing.TB, server *Server) {
	tb.Helper()
	if secret, hash := s.In([]byte(server.FullLog())); secret || hash {
		tb.Errorf("the server's log holds the secret of a token: %v, the hash of one: %v", secret, hash)
	}
}

// NotRecorded fails the test where an organisation's log holds one of them. Of a
// hash, the details of the entries of its key or invitation are the place.
func (s *Secrets) NotRecorded(tb testing.TB, services app.Services, org tocsin.ID) {
	tb.Helper()
	for last := int64(0); ; {
		records, err := services.Store.Log(context.Background(), org, last, 1000)
		if err != nil {
			tb.Fatalf("read the log: %v", err)
		}
		if len(records) == 0 {
			return
		}
		for _, r := range records {
			last = r.Seq
			place := r.Kind == tocsin.KindAPIKey || r.Kind == tocsin.KindInvitation
			if secret, hash := s.In(r.Leaf); secret || hash || ShowsToken(r.Leaf) {
				tb.Errorf("the leaf of entry %d holds a secret: %s", r.Seq, r.Leaf)
			}
			if secret, hash := s.In(r.Details); secret || hash && !place || ShowsToken(r.Details) {
				tb.Errorf("the details of entry %d hold a secret: %s", r.Seq, r.Details)
			}
		}
	}
}
