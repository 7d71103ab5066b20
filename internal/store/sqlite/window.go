package sqlite

import (
	"sync"
	"time"

	"tocsin"
)

type windowKey struct {
	key       tocsin.ID
	operation string
}

// windows are sliding logs of calls: the times of those that were let through.
type windows struct {
	mu    sync.Mutex
	calls map[windowKey][]time.Time
	swept time.Time
}

// sweepEvery is how often keys that fell silent are forgotten. It is longer
// than any window.
const sweepEvery = 10 * time.Minute

// sweep forgets the keys whose last call is long past.
func (w *windows) sweep(now time.Time, window time.Duration) {
	kept := make(map[windowKey][]time.Time)
	for k, calls := range w.calls {
		if now.Sub(calls[len(calls)-1]) < max(window, sweepEvery) {
			kept[k] = calls
		}
	}
	w.calls, w.swept = kept, now
}

// admit lets a call through if fewer than limit were in the window that ends
// now, and returns how long until one fits otherwise.
func (w *windows) admit(k windowKey, limit int, window time.Duration, now time.Time) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.calls == nil || now.Sub(w.swept) > sweepEvery {
		w.sweep(now, window)
	}
	calls := w.calls[k]
	if len(calls) >= limit {
		if wait := calls[len(calls)-limit].Add(window).Sub(now); wait > 0 {
			return wait
		}
		calls = calls[len(calls)-limit+1:]
	}
	w.calls[k] = append(calls, now)
	return 0
}
