package audit

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"tocsin"
	"tocsin/internal/store"
)

// KeyFile is the name of the signing key's file in the data directory.
const KeyFile = "audit.key"

// A signingKey is the installation's own, and how others know it.
type signingKey struct {
	note.Signer
	verifier string
}

// keyName is the name under which an installation signs.
func keyName(installation tocsin.ID) string { return "tocsin/" + installation.String() }

// readKey reads the signing key of an installation.
func readKey(path string, installation tocsin.ID) (*signingKey, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	text := strings.TrimSpace(string(b))
	signer, err := note.NewSigner(text)
	if err != nil {
		return nil, fmt.Errorf("%s is not a signing key: %w", path, err)
	}
	if signer.Name() != keyName(installation) {
		return nil, fmt.Errorf("%s is the key of %s, this installation is %s", path, signer.Name(), keyName(installation))
	}
	parts := strings.SplitN(text, "+", 5) // PRIVATE+KEY+name+hash+base64, which may have a "+" of its own
	raw, err := base64.StdEncoding.DecodeString(parts[len(parts)-1])
	if err != nil || len(raw) != 1+ed25519.SeedSize {
		return nil, fmt.Errorf("%s is not a signing key", path)
	}
	public := ed25519.NewKeyFromSeed(raw[1:]).Public().(ed25519.PublicKey)
	verifier, err := note.NewEd25519VerifierKey(signer.Name(), public)
	return &signingKey{signer, verifier}, err
}

// makeKey makes a key in a file of its own, durably; it never replaces one.
func makeKey(path string, installation tocsin.ID, random io.Reader) (*signingKey, error) {
	private, _, err := note.GenerateKey(random, keyName(installation))
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("make the signing key: %w", err)
	}
	_, err = f.WriteString(private + "\n")
	if err = errors.Join(err, f.Sync(), f.Close(), syncDir(filepath.Dir(path))); err != nil {
		return nil, fmt.Errorf("make the signing key: %w", err)
	}
	return readKey(path, installation)
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// installation returns the installation as its own log knows it, nil before it
// has one.
func installation(ctx context.Context, s store.Store) (*tocsin.Installation, error) {
	i, err := store.Find[*tocsin.Installation](ctx, s, s.Installation(), tocsin.KindInstallation, s.Installation())
	if tocsin.CodeOf(err) == tocsin.NotFound {
		return nil, nil
	}
	return i, err
}

// introduce enters a key as the one that signs from now on, making the
// installation's log if there is none; a first key only then. It reports whether
// it entered it.
func introduce(ctx context.Context, s store.Store, door, verifier string, first bool) (bool, error) {
	id := s.Installation()
	done, err := s.Commit(ctx, store.Command{
		Actor: tocsin.System(id, door),
		Keys:  []store.Key{{Kind: tocsin.KindInstallation, ID: id}},
		Decide: func(v store.View) (store.Change, error) {
			cur, err := store.Object[*tocsin.Installation](v, tocsin.KindInstallation, id)
			if tocsin.CodeOf(err) == tocsin.NotFound {
				return store.Change{Action: "installation.create", Objects: []tocsin.Object{&tocsin.Installation{
					Meta: tocsin.Meta{Org: id, ID: id}, Keys: []string{verifier}, AuditEpoch: 1,
				}}}, nil
			}
			if err != nil || first { // another node was
				return store.Change{}, err
			}
			next := *cur
			next.Keys = append(slices.DeleteFunc(slices.Clone(cur.Keys), func(k string) bool { return k == verifier }), verifier)
			return store.Change{Action: "installation.key", Objects: []tocsin.Object{&next}}, nil
		},
	})
	return done.Changed, err
}

// ReplaceKey makes a new signing key at path, which must not exist, and enters it
// in the installation's log: for a key that was lost, or was moved away because
// it must not sign any more. It returns the new verifier key.
func ReplaceKey(ctx context.Context, s store.Store, door, path string, random io.Reader) (string, error) {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return "", tocsin.Errorf(tocsin.Conflict, "%s is still there: move it away first", path)
	}
	key, err := makeKey(path, s.Installation(), random)
	if err != nil {
		return "", err
	}
	_, err = introduce(ctx, s, door, key.verifier, false)
	return key.verifier, err
}
