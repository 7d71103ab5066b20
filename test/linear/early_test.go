package linear_test

import "github.com/anishathalye/porcupine"

// A moment is when a list shows a change.
type moment bool

// On SQLite a list reads the database, and so may show a change that has been
// committed before anybody was answered for it, while reads of the incident
// alone do not show it yet (docs/architecture.md).
const (
	inOrder moment = false
	early   moment = true
)

// showEarly lets each list end with the change that it shows first, if that had
// been asked for by then.
func showEarly(history []porcupine.Operation, states []register, writes []*porcupine.Operation) {
	for i := range history {
		o, seen := &history[i], history[i].Output.(view)
		if seen.version > 0 || seen.door != soda {
			continue
		}
		first := len(states) - 1
		for first > 0 && !seen.fits(states[first]) {
			first--
		}
		for first > 1 && seen.fits(states[first-1]) {
			first--
		}
		if first > 1 && writes[first].Call < o.Return {
			o.Return = max(o.Return, writes[first].Return)
		}
	}
}
