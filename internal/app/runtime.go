package app

import (
	"os"
	"runtime"
	"runtime/debug"
)

// TuneRuntime fits Go's runtime to a server that commits to disk, for a process
// that does nothing else. GOMAXPROCS and GOGC in the environment win.
//
// On a small machine four goroutines may run at once: the committing one spends
// much of its time in the kernel, waiting for the disk, and others should have
// its processor meanwhile. And the heap may grow to four times what is live
// between collections: it is small, and collecting costs a tenth of the
// processor time otherwise. Figures: docs/performance.md.
func TuneRuntime() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(max(4, runtime.GOMAXPROCS(0)))
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(300)
	}
}
