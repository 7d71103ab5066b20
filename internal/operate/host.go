package operate

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// A host is the machine that the doctor is asked on.
type host struct {
	Now time.Time
	// User is the effective user id.
	User int
	// OpenFiles is how many files a process may have open.
	OpenFiles uint64
	// Dir is nil without an embedded database.
	Dir *dataDir
}

// A dataDir is the directory of an embedded database.
type dataDir struct {
	Path string
	// Mode is the directory's, Owner its user id.
	Mode  fs.FileMode
	Owner int
	// Strangers are files that belong to somebody else than the directory.
	Strangers []string
	// Free is the space left for an ordinary user, in bytes.
	Free uint64
	// Sync is how long it took to make a small write durable, the median of a
	// few; SyncError what kept it from being tried.
	Sync      time.Duration
	SyncError error
}

func machine(now func() time.Time) host {
	h := host{Now: now(), User: os.Geteuid()}
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) == nil {
		h.OpenFiles = uint64(limit.Cur) // signed on some systems
	}
	return h
}

func directory(path string) (*dataDir, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	d := &dataDir{Path: path, Mode: info.Mode().Perm(), Owner: ownerOf(info)}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, fmt.Errorf("look into the data directory: %w", err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) || e.IsDir() {
			continue // gone meanwhile
		}
		if err != nil {
			return nil, err
		}
		if ownerOf(info) != d.Owner {
			d.Strangers = append(d.Strangers, e.Name())
		}
	}
	var stat syscall.Statfs_t
	if err := syscall.Statfs(path, &stat); err != nil {
		return nil, fmt.Errorf("ask for the space left: %w", err)
	}
	d.Free = uint64(stat.Bavail) * uint64(stat.Bsize)
	d.Sync, d.SyncError = syncTime(path)
	return d, nil
}

func ownerOf(info fs.FileInfo) int {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(stat.Uid)
	}
	return -1
}

// syncTime writes and syncs a small file a few times.
func syncTime(dir string) (median time.Duration, err error) {
	f, err := os.CreateTemp(dir, ".tocsin-sync-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(filepath.Clean(f.Name()))) }()
	var times []time.Duration
	for range 7 {
		began := time.Now()
		if _, err := f.WriteAt(make([]byte, 4096), 0); err != nil {
			return 0, err
		}
		if err := f.Sync(); err != nil {
			return 0, err
		}
		times = append(times, time.Since(began))
	}
	slices.Sort(times)
	return times[len(times)/2], nil
}
