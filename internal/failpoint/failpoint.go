//go:build !failpoint

// Package failpoint names the places where tests make the program die. In an
// ordinary build it is nothing; built with the tag "failpoint" it reads the
// variable FAILPOINT, see armed.go.
package failpoint

// Hit is a named place.
func Hit(string) {}

// Bug reports whether a known bug is switched on, to show that a test sees it.
func Bug(string) bool { return false }
