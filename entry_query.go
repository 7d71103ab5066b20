package tocsin

import "time"

// An EntryQuery selects entries of a log; zero fields do not narrow.
type EntryQuery struct {
	Kind   Kind
	Object ID
	// Actor is a user or an API key.
	Actor                 ID
	Action, Door, Request string
	// From and To limit the time: From <= at < To.
	From, To time.Time
}

// Takes reports whether the query selects an entry.
func (q EntryQuery) Takes(e Entry) bool {
	return (q.Kind == "" || e.Kind == q.Kind) &&
		(q.Object.IsZero() || e.Object == q.Object) &&
		(q.Actor.IsZero() || e.User == q.Actor || e.Key == q.Actor) &&
		(q.Action == "" || e.Action == q.Action) &&
		(q.Door == "" || e.Door == q.Door) &&
		(q.Request == "" || e.Request == q.Request) &&
		(q.From.IsZero() || !e.At.Before(q.From)) &&
		(q.To.IsZero() || e.At.Before(q.To))
}
