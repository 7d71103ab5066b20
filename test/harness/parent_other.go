//go:build !linux

package harness

import "syscall"

// endWithParent has nothing to offer here: a killed test process leaves its servers.
func endWithParent() *syscall.SysProcAttr { return nil }
