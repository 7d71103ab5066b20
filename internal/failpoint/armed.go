//go:build failpoint

// Package failpoint names the places where tests make the program die.
//
// FAILPOINT=name:n kills the process, as SIGKILL does, at the n-th Hit of that
// name. FAILPOINT_BUG=name switches on a known bug.
package failpoint

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

var (
	name, times, _ = strings.Cut(os.Getenv("FAILPOINT"), ":")
	at, _          = strconv.ParseInt(times, 10, 64)
	bug            = os.Getenv("FAILPOINT_BUG")
	hits           atomic.Int64
)

// Hit kills the process if this is the chosen place and time.
func Hit(place string) {
	if place == name && hits.Add(1) == at {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
}

// Bug reports whether a known bug is switched on.
func Bug(which string) bool { return which == bug }
