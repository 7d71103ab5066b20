package access

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"strings"

	"tocsin"
)

// A token is a credential as its holder has it: a prefix that says what it is,
// its object's id (32 hex digits), the secret (64) and the CRC-32 of all that
// (8), in lower case. The prefix lets secret scanners know it and the checksum
// sort out mistypings without a look at the database.
const (
	keyToken        = "tcn_"
	invitationToken = "tci_"

	prefixLength = len(keyToken) // each prefix's
	tokenLength  = prefixLength + 32 + 64 + 8
)

// formatToken writes a token.
func formatToken(prefix string, id tocsin.ID, secret [32]byte) string {
	text := prefix + hex.EncodeToString(id[:]) + hex.EncodeToString(secret[:])
	return text + fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(text)))
}

// parseToken reads the one spelling that formatToken writes.
func parseToken(prefix, token string) (id tocsin.ID, secret [32]byte, ok bool) {
	if len(token) != tokenLength || !strings.HasPrefix(token, prefix) || strings.ContainsAny(token, "ABCDEF") {
		return id, secret, false
	}
	body, sum := token[:tokenLength-8], token[tokenLength-8:]
	if _, err := hex.Decode(id[:], []byte(body[prefixLength:prefixLength+32])); err != nil {
		return tocsin.ID{}, secret, false
	}
	if _, err := hex.Decode(secret[:], []byte(body[prefixLength+32:])); err != nil {
		return tocsin.ID{}, [32]byte{}, false
	}
	if fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(body))) != sum {
		return tocsin.ID{}, [32]byte{}, false
	}
	return id, secret, true
}

// hashSecret is what is stored of a secret. It has at least 128 random
// bits, so a quick hash is enough (OWASP ASVS 6.5.2).
func hashSecret(secret [32]byte) [32]byte { return sha256.Sum256(secret[:]) }
