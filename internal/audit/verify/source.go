package verify

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
)

// maxMember is the most bytes that a file of an export may have: 256 of the
// longest leaves, and room.
const maxMember = 64 << 20

// source is an export as a set of files. A .tar is read by its index, not unpacked.
type source struct {
	dir     *os.Root
	tar     *os.File
	members map[string]member
	// used are the files that were read.
	used map[string]bool
}

// member is where a file lies in a .tar.
type member struct{ at, size int64 }

// sparse reports whether a file of a .tar lies there with holes: other programs
// would read other bytes than those that were judged.
func sparse(h *tar.Header) bool {
	for name := range h.PAXRecords {
		if strings.HasPrefix(name, "GNU.sparse.") {
			return true
		}
	}
	return false
}

func open(path string) (*source, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		dir, err := os.OpenRoot(path)
		if err != nil {
			return nil, err
		}
		s := &source{dir: dir, members: make(map[string]member), used: make(map[string]bool)}
		return s, s.index(fs.WalkDir(dir.FS(), ".", s.walk))
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	s := &source{tar: f, members: make(map[string]member), used: make(map[string]bool)}
	return s, s.index(s.indexTar(f))
}

// index closes the source if it cannot be used.
func (s *source) index(err error) error {
	if err != nil {
		s.close()
		return fmt.Errorf("read the export: %w", err)
	}
	return nil
}

func (s *source) walk(name string, d fs.DirEntry, err error) error {
	if err != nil || !d.Type().IsRegular() {
		return err
	}
	info, err := d.Info()
	if err == nil {
		s.members[name] = member{size: info.Size()}
	}
	return err
}

func (s *source) indexTar(f io.ReadSeeker) error {
	r := tar.NewReader(f)
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil // one that breaks off lacks the checkpoint, which comes last
		}
		if err != nil {
			return fmt.Errorf("the .tar is damaged or incomplete: %w", err)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		name := path.Clean(h.Name)
		if _, twice := s.members[name]; twice {
			return fmt.Errorf("the .tar holds %s twice", name)
		}
		if sparse(h) {
			return fmt.Errorf("the .tar holds %s as a sparse file", name)
		}
		at, err := f.Seek(0, io.SeekCurrent) // the reader takes headers block by block
		if err != nil {
			return err
		}
		s.members[name] = member{at, h.Size}
	}
}

// read appends a file to b.
func (s *source) read(name string, b []byte) ([]byte, error) {
	m, ok := s.members[name]
	switch {
	case !ok:
		return b, fmt.Errorf("the export has no file %s", name)
	case m.size > maxMember:
		return b, fmt.Errorf("%s has %d bytes; no file of an export has more than %d", name, m.size, maxMember)
	}
	s.used[name] = true
	start := len(b)
	b = slices.Grow(b, int(m.size))[:start+int(m.size)]
	var err error
	if s.tar != nil {
		_, err = s.tar.ReadAt(b[start:], m.at)
	} else {
		var f *os.File
		if f, err = s.dir.Open(name); err == nil {
			_, err = io.ReadFull(f, b[start:])
			f.Close()
		}
	}
	if err != nil {
		return b[:start], fmt.Errorf("read %s: %w", name, err)
	}
	return b, nil
}

// under lists the files of a folder in order of their names.
func (s *source) under(folder string) []string {
	var names []string
	for name := range s.members {
		if strings.HasPrefix(name, folder+"/") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// stranger returns a file among the log's own that nothing asked for, "" if there
// is none: what nobody has judged must not pass for proven.
func (s *source) stranger() string {
	for _, folder := range []string{"tile", "details", "objects"} {
		for _, name := range s.under(folder) {
			if !s.used[name] {
				return name
			}
		}
	}
	return ""
}

func (s *source) close() {
	if s.dir != nil {
		s.dir.Close()
	}
	if s.tar != nil {
		s.tar.Close()
	}
}
