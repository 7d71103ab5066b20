package audit

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"tocsin"
	"tocsin/internal/audit/proof"
)

// StateFile is the name of the file in which a node keeps the last checkpoint of
// each log that it saw: outside the database, so that an old copy of that is known
// for one.
const StateFile = "last-checkpoints"

// State is the checkpoints that this node saw last, a log each.
type State struct {
	path string
	kept map[tocsin.ID]proof.Checkpoint
}

// OpenState reads the file in a directory; there need not be one yet.
func OpenState(dir string) (*State, error) {
	s := &State{path: filepath.Join(dir, StateFile)}
	return s, s.load()
}

func (s *State) load() error {
	s.kept = make(map[tocsin.ID]proof.Checkpoint)
	b, err := os.ReadFile(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the last checkpoints: %w", err)
	}
	for line := range bytes.Lines(b) {
		id, encoded, _ := bytes.Cut(bytes.TrimSpace(line), []byte(" "))
		org, ok := tocsin.ParseID(string(id))
		text, err := base64.StdEncoding.DecodeString(string(encoded))
		c, parseErr := proof.ParseCheckpoint(text)
		if !ok || err != nil || parseErr != nil || !bytes.HasSuffix(text, []byte("\n")) || !bytes.HasSuffix(line, []byte("\n")) {
			return fmt.Errorf("%s is damaged: put it back from a backup of this node, or another node's", s.path)
		}
		s.kept[org] = c
	}
	return nil
}

// Kept returns the last checkpoint of a log, if there is one.
func (s *State) Kept(org tocsin.ID) (proof.Checkpoint, bool) {
	c, ok := s.kept[org]
	return c, ok
}

// keep replaces checkpoints, durably and at once.
func (s *State) keep(news map[tocsin.ID]proof.Checkpoint) error {
	next := maps.Clone(s.kept)
	maps.Copy(next, news)
	return s.replace(next)
}

// forget takes checkpoints out again.
func (s *State) forget(gone map[tocsin.ID]proof.Checkpoint) error {
	next := maps.Clone(s.kept)
	maps.DeleteFunc(next, func(org tocsin.ID, _ proof.Checkpoint) bool {
		_, ok := gone[org]
		return ok
	})
	return s.replace(next)
}

func (s *State) replace(next map[tocsin.ID]proof.Checkpoint) error {
	var b bytes.Buffer
	orgs := slices.SortedFunc(maps.Keys(next), func(a, b tocsin.ID) int { return bytes.Compare(a[:], b[:]) })
	for _, org := range orgs {
		fmt.Fprintf(&b, "%s %s\n", org, base64.StdEncoding.EncodeToString(next[org].Text))
	}
	if err := replaceFile(s.path, b.Bytes()); err != nil {
		return fmt.Errorf("keep the last checkpoints: %w", err)
	}
	s.kept = next
	return nil
}

// replaceFile writes a file that is either the old one or the new one, whatever
// happens.
func replaceFile(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // for when it was not renamed
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}
