package access

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"strings"

	"tocsin"
)

// A token is an API key as its holder has it: "tcn_", the key's id (32 hex
// digits), the secret (64) and the CRC-32 of all that (8), in lower case. The
// prefix lets secret scanners know it and the checksum sort out mistypings
// without a look at the database.
const (
	tokenPrefix = "tcn_"
	tokenLength = len(tokenPrefix) + 32 + 64 + 8
)

// formatToken writes a token.
func formatToken(id tocsin.ID, secret [32]byte) string {
	text := tokenPrefix + hex.EncodeToString(id[:]) + hex.EncodeToString(secret[:])
	return text + fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(text)))
}

// parseToken reads the one spelling that formatToken writes.
func parseToken(token string) (id tocsin.ID, secret [32]byte, ok bool) {
	if len(token) != tokenLength || !strings.HasPrefix(token, tokenPrefix) || strings.ContainsAny(token, "ABCDEF") {
		return id, secret, false
	}
	body, sum := token[:tokenLength-8], token[tokenLength-8:]
	if _, err := hex.Decode(id[:], []byte(body[len(tokenPrefix):len(tokenPrefix)+32])); err != nil {
		return tocsin.ID{}, secret, false
	}
	if _, err := hex.Decode(secret[:], []byte(body[len(tokenPrefix)+32:])); err != nil {
		return tocsin.ID{}, [32]byte{}, false
	}
	if fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(body))) != sum {
		return tocsin.ID{}, [32]byte{}, false
	}
	return id, secret, true
}

// hashSecret is what is stored of a secret. It has 256 random bits, so a quick
// hash is enough (OWASP ASVS 6.5.2).
func hashSecret(secret [32]byte) [32]byte { return sha256.Sum256(secret[:]) }
