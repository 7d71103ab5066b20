package audit

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/mod/sumdb/note"

	"tocsin"
	"tocsin/internal/store"
)

// door is what the log says of the follower's own changes.
const door = "follower"

// keys returns the verifier keys that ever signed here.
func (r *round) keys() (note.Verifiers, error) {
	i, err := installation(r.ctx, r.Store)
	if err != nil {
		return nil, err
	}
	var list []note.Verifier
	if i != nil {
		for _, key := range i.Keys {
			v, err := note.NewVerifier(key)
			if err != nil {
				return nil, fmt.Errorf("a key in the installation's log: %w", err)
			}
			list = append(list, v)
		}
	}
	return note.VerifierList(list...), nil
}

// prepareKey makes sure that this node holds the key that the installation signs
// with, and returns what the operator must do where it does not. It makes a key
// only for an installation that has none.
func (r *round) prepareKey() (problem string, err error) {
	seq := r.installationSeq()
	if r.key != nil && r.keysAt == seq {
		return "", nil
	}
	i, err := installation(r.ctx, r.Store)
	if err != nil {
		return "", err
	}
	key, err := readKey(r.KeyFile, r.Store.Installation())
	switch {
	case errors.Is(err, fs.ErrNotExist) && i == nil && !r.anySigned():
		return "", nil // begin makes it, under the lease
	case errors.Is(err, fs.ErrNotExist):
		return "the signing key " + r.KeyFile + " is missing: put it back from a backup, or copy it from another node; if it is lost, tocsin admin audit-key --replace makes another", nil
	case err != nil:
		return err.Error() + ": put the installation's own key there, or move this one away if the installation is new", nil
	case i == nil && r.anySigned():
		return "the database has signed checkpoints and no installation's log: it was not made by this program alone", nil
	case i != nil && (len(i.Keys) == 0 || i.Keys[len(i.Keys)-1] != key.verifier):
		return r.KeyFile + " is not the key that signs this installation's log: put that one in its place; if it is lost, move this file away, and tocsin admin audit-key --replace makes another", nil
	}
	r.key, r.keysAt = key, seq
	return "", nil
}

// anySigned reports whether any log was ever signed, as the database or this
// node has it.
func (r *round) anySigned() bool {
	for _, log := range r.logs {
		if len(log.Tree.Checkpoint) > 0 {
			return true
		}
	}
	return len(r.state.kept) > 0
}

// begin makes the installation's log, and its key if there is none.
func (r *round) begin() error {
	if r.key == nil {
		key, err := makeKey(r.KeyFile, r.Store.Installation(), r.Random)
		if err != nil {
			return err
		}
		r.key = key
	}
	entered, err := introduce(r.ctx, r.Store, door, r.key.verifier, true)
	if err != nil || !entered {
		return err // another node was first; the next round says whose key it is
	}
	r.Logger.Info("the audit log is signed with a new key: keep its public half where nobody who runs this server can change it", "vkey", r.key.verifier)
	return nil
}

// unregistered returns the logs of organisations that the installation's log may
// not know.
func (r *round) unregistered() []tocsin.ID {
	var orgs []tocsin.ID
	for _, log := range r.logs {
		if org := log.Tree.Org; org != r.Store.Installation() && !r.registered[org] {
			orgs = append(orgs, org)
		}
	}
	return orgs
}

// register enters organisations in the installation's log.
func (r *round) register(orgs []tocsin.ID) error {
	for _, org := range orgs {
		leaves, err := r.Store.LeafHashes(r.ctx, org, 0, 1)
		if err != nil || len(leaves) == 0 {
			return errors.Join(err, r.ctx.Err())
		}
		if err := r.registerOne(org, hex.EncodeToString(leaves[0][:])); err != nil {
			return err
		}
		r.registered[org] = true
	}
	return nil
}

func (r *round) registerOne(org tocsin.ID, firstLeaf string) error {
	id := r.Store.Installation()
	if _, err := r.Store.Get(r.ctx, id, store.Key{Kind: tocsin.KindRegistration, ID: org}); tocsin.CodeOf(err) != tocsin.NotFound {
		return err
	}
	_, err := r.Store.Commit(r.ctx, store.Command{
		Actor: tocsin.System(id, door),
		Keys:  []store.Key{{Kind: tocsin.KindRegistration, ID: org}},
		Decide: func(v store.View) (store.Change, error) {
			if _, err := store.Object[*tocsin.Registration](v, tocsin.KindRegistration, org); err == nil {
				return store.Change{}, nil // another node was first
			}
			return store.Change{Action: "registration.create", Objects: []tocsin.Object{
				&tocsin.Registration{Meta: tocsin.Meta{Org: id, ID: org}, FirstLeaf: firstLeaf},
			}}, nil
		},
	})
	return err
}
