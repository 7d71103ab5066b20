package operate

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
)

// The seal is the last line of a backup, after the pages of the database, which
// SQLite does not read: "tocsin backup sha256 <hash of all before it>".

const (
	sealPrefix = "\ntocsin backup sha256 "
	sealSize   = len(sealPrefix) + 2*sha256.Size + 1
)

// sealOf returns the seal of what was written to h.
func sealOf(h hash.Hash) []byte {
	return []byte(sealPrefix + hex.EncodeToString(h.Sum(nil)) + "\n")
}

// seal appends the seal to a file.
func seal(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	h := sha256.New()
	if _, err = io.Copy(h, f); err == nil { // ends at the file's end
		_, err = f.Write(sealOf(h))
	}
	return errors.Join(err, f.Close())
}

// unseal writes what was sealed to w, and refuses a file whose seal is missing
// or not of what it holds.
func unseal(path string, w io.Writer) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	size := info.Size() - int64(sealSize)
	found := make([]byte, sealSize)
	if size > 0 {
		if _, err := f.ReadAt(found, size); err != nil {
			return err
		}
	}
	if !bytes.HasPrefix(found, []byte(sealPrefix)) {
		return fmt.Errorf("%s is no whole backup of Tocsin's: its last line is not a seal; was it cut short, or changed?", path)
	}
	h := sha256.New()
	if _, err := io.Copy(io.MultiWriter(h, w), io.NewSectionReader(f, 0, size)); err != nil {
		return fmt.Errorf("read the backup: %w", err)
	}
	if !bytes.Equal(found, sealOf(h)) {
		return fmt.Errorf("%s is damaged: it does not hold the bytes that were backed up; use another copy", path)
	}
	return nil
}
