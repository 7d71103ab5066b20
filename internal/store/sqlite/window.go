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
}

// admit lets a call through if fewer than limit were in the window that ends
// now, and returns how long until one fits otherwise.
func (w *windows) admit(k windowKey, limit int, window time.Duration, now time.Time) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.calls == nil {
		w.calls = make(map[windowKey][]time.Time)
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
