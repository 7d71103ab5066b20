package pgtest

import "syscall"

// endWithParent makes a child end when the test process is killed.
func endWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGQUIT} }
