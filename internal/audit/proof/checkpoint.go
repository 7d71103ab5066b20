package proof

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// A Checkpoint is what a log says of itself: so many entries, under this root
// (C2SP tlog-checkpoint).
type Checkpoint struct {
	// Log is the log's name, which every leaf carries; Epoch counts from 1 the
	// times that it was taken up again after a restore.
	Log   string
	Epoch int64
	Size  int64
	Root  tlog.Hash
	// Text is the signed note that it was read from.
	Text []byte
}

// Body returns the text to be signed: origin, size and root, a line each.
func (c Checkpoint) Body() string {
	origin := c.Log
	if c.Epoch > 1 {
		origin = fmt.Sprintf("%s/%d", c.Log, c.Epoch)
	}
	return fmt.Sprintf("%s\n%d\n%s\n", origin, c.Size, c.Root)
}

// SignCheckpoint returns the checkpoint's note, signed.
func SignCheckpoint(c Checkpoint, key note.Signer) ([]byte, error) {
	return note.Sign(&note.Note{Text: c.Body()}, key)
}

// OpenCheckpoint reads a signed checkpoint. At least one of the keys must have
// signed it; signatures by others are passed over.
func OpenCheckpoint(text []byte, keys note.Verifiers) (Checkpoint, error) {
	n, err := note.Open(text, keys)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("the checkpoint's signature: %w", err)
	}
	c, err := parseBody(n.Text)
	c.Text = text
	return c, err
}

// ParseCheckpoint reads a checkpoint without asking who signed it: for one that
// comes from a place which is trusted by itself.
func ParseCheckpoint(text []byte) (Checkpoint, error) {
	body, _, ok := strings.Cut(string(text), "\n\n")
	if !ok {
		return Checkpoint{}, errors.New("this is not a signed checkpoint: it has no blank line")
	}
	c, err := parseBody(body + "\n")
	c.Text = text
	return c, err
}

func parseBody(body string) (Checkpoint, error) {
	lines := strings.Split(body, "\n")
	if len(lines) != 4 || lines[3] != "" {
		return Checkpoint{}, errors.New("a checkpoint has three lines: origin, size and root")
	}
	c := Checkpoint{Epoch: 1}
	var err error
	if c.Log, c.Epoch, err = splitOrigin(lines[0]); err != nil {
		return Checkpoint{}, err
	}
	if c.Size, err = parseDecimal(lines[1]); err != nil {
		return Checkpoint{}, fmt.Errorf("the checkpoint's size: %w", err)
	}
	if c.Root, err = parseHash(lines[2]); err != nil {
		return Checkpoint{}, fmt.Errorf("the checkpoint's root: %w", err)
	}
	return c, nil
}

// splitOrigin parts the name of a log from the number of its epoch. A name has
// three parts: "tocsin", the installation, the organisation.
func splitOrigin(origin string) (log string, epoch int64, err error) {
	parts := strings.Split(origin, "/")
	switch {
	case len(parts) < 3 || parts[0] != "tocsin":
		return "", 0, fmt.Errorf("%q is not the origin of a log of Tocsin", origin)
	case len(parts) == 3:
		return origin, 1, nil
	}
	if epoch, err = parseDecimal(parts[3]); err != nil || epoch < 2 || len(parts) > 4 {
		return "", 0, fmt.Errorf("%q is not the origin of a log of Tocsin: its epoch must be a number from 2", origin)
	}
	return strings.Join(parts[:3], "/"), epoch, nil
}

// Keys reads verifier keys (C2SP signed note), one or more, between white space.
// A key that is there twice counts once.
func Keys(text string) (note.Verifiers, error) {
	var list []note.Verifier
	var seen []string
	for field := range strings.FieldsSeq(text) {
		v, err := note.NewVerifier(field)
		if err == nil && !canonicalKey(field) {
			err = errors.New("it is spelled in another way than the one that there is")
		}
		if err != nil {
			return nil, fmt.Errorf("%q is not a verifier key: %w", field, err)
		}
		if !slices.Contains(seen, field) {
			seen, list = append(seen, field), append(list, v)
		}
	}
	if len(list) == 0 {
		return nil, errors.New("there is no verifier key")
	}
	return note.VerifierList(list...), nil
}

// canonicalKey reports whether a verifier key is written as all others write it:
// its number in small letters, its base64 without stray bits.
func canonicalKey(key string) bool {
	parts := strings.SplitN(key, "+", 3)
	_, err := base64.StdEncoding.Strict().DecodeString(parts[len(parts)-1])
	return err == nil && len(parts) == 3 && parts[1] == strings.ToLower(parts[1])
}
