// Package proof is the formats in which a log proves itself: leaves, their
// details, Merkle trees and tiles, signed checkpoints, proofs of inclusion. An
// auditor's program needs nothing else of Tocsin.
//
// Everything here is pure. The package must never read a file, a database or a
// clock, and never hold a signing key.
package proof

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// inclusionHeader is the first line of a proof (C2SP tlog-proof).
const inclusionHeader = "c2sp.org/tlog-proof@v1\n"

// maxPath is the most hashes that a proof of inclusion can have.
const maxPath = 63

// An Inclusion proves that an entry is in a log: it needs no more than the
// entry's bytes and the log's public key to be checked.
type Inclusion struct {
	// Index is the entry's place, from 0: its sequence number less one.
	Index int64
	// Path are the hashes from the leaf's sibling up to the root's child.
	Path tlog.RecordProof
	// Checkpoint is the signed note over the tree that the path leads to.
	Checkpoint []byte
}

// Format returns the proof as a C2SP tlog-proof text.
func (p Inclusion) Format() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%sindex %d\n", inclusionHeader, p.Index)
	for _, h := range p.Path {
		fmt.Fprintf(&b, "%s\n", h)
	}
	b.WriteByte('\n')
	b.Write(p.Checkpoint)
	return b.Bytes()
}

// ParseInclusion reads a C2SP tlog-proof text. It checks the form alone; Check
// does the rest.
func ParseInclusion(text []byte) (Inclusion, error) {
	rest, ok := strings.CutPrefix(string(text), inclusionHeader)
	if !ok {
		return Inclusion{}, errors.New("this is not a proof of inclusion: it does not begin with c2sp.org/tlog-proof@v1")
	}
	head, checkpoint, ok := strings.Cut(rest, "\n\n")
	if !ok {
		return Inclusion{}, errors.New("the proof has no checkpoint")
	}
	lines := strings.Split(head, "\n")
	if extra, ok := strings.CutPrefix(lines[0], "extra "); ok {
		if _, err := base64.StdEncoding.Strict().DecodeString(extra); err != nil || strings.Contains(extra, "\r") {
			return Inclusion{}, errors.New("the proof's extra data is not base64")
		}
		lines = lines[1:]
	}
	if len(lines) == 0 || len(lines)-1 > maxPath {
		return Inclusion{}, errors.New("the proof has no index, or more hashes than any tree needs")
	}
	digits, ok := strings.CutPrefix(lines[0], "index ")
	index, err := parseDecimal(digits)
	if !ok || err != nil {
		return Inclusion{}, errors.New("the proof has no index")
	}
	p := Inclusion{Index: index, Checkpoint: []byte(checkpoint)}
	for _, line := range lines[1:] {
		h, err := parseHash(line)
		if err != nil {
			return Inclusion{}, fmt.Errorf("a hash of the proof: %w", err)
		}
		p.Path = append(p.Path, h)
	}
	return p, nil
}

// Check returns the checkpoint that proves the entry with this leaf hash to be
// in the log, or an error.
func (p Inclusion) Check(keys note.Verifiers, leaf [32]byte) (Checkpoint, error) {
	c, err := OpenCheckpoint(p.Checkpoint, keys)
	if err != nil {
		return Checkpoint{}, err
	}
	if p.Index >= c.Size {
		return Checkpoint{}, fmt.Errorf("the checkpoint is of %d entries, the proof of number %d", c.Size, p.Index+1)
	}
	if err := tlog.CheckRecord(p.Path, c.Size, c.Root, p.Index, leaf); err != nil {
		return Checkpoint{}, fmt.Errorf("the proof does not lead from the entry to the checkpoint: %w", err)
	}
	return c, nil
}

// parseDecimal reads a whole number from 0 without sign or leading zero.
func parseDecimal(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || strconv.FormatInt(n, 10) != s {
		return 0, fmt.Errorf("%q is not a whole number", s)
	}
	return n, nil
}

// parseHash reads a hash in canonical base64.
func parseHash(s string) (tlog.Hash, error) {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != tlog.HashSize || strings.ContainsAny(s, "\r\n") {
		return tlog.Hash{}, fmt.Errorf("%q is not the base64 of a hash", s)
	}
	return tlog.Hash(b), nil
}
