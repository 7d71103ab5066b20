//go:build unix && !linux

package pgtest

import "syscall"

// endWithParent has no means here to make a child end with the test process.
func endWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{} }
