package tocsin

import (
	"fmt"
	"time"
)

// Terms are the conditions under which somebody asks for a change. The zero
// Terms ask for it plainly. The commit path applies them to every command
// alike; no use case does.
type Terms struct {
	// Match, unless nil, is a precondition (RFC 9110, section 13.1.1): refused
	// with a *StaleError, after what the actor may not do and before what the
	// object's state does not allow.
	Match *Match
	// Once, unless nil, makes the change happen once, however often it is asked
	// for: the second time gets the first one's reply, as a *Replayed.
	Once *Once
	// DryRun asks what the change would come to: the answer is a *Preview, and
	// nothing is changed.
	DryRun bool
}

// A Match names an object and the versions of it that a caller has in mind.
type Match struct {
	Kind Kind
	ID   ID
	// Versions are those that will do; none when it is empty.
	Versions []int64
	// Any takes every version of an object that exists.
	Any bool
}

// Holds reports whether a version of the named object will do.
func (m Match) Holds(version int64) bool {
	if m.Any {
		return true
	}
	for _, v := range m.Versions {
		if v == version {
			return true
		}
	}
	return false
}

// ReplyLife is how long the reply to a change asked for once is kept.
const ReplyLife = 24 * time.Hour

// A Once names a change that must not happen twice.
type Once struct {
	// Key is a hash of the caller and the name that he gave the request.
	Key [32]byte
	// Fingerprint is a hash of the request: the same name on another request is
	// a mistake, answered with KeyReused.
	Fingerprint [32]byte
	// Reply renders the answer to the objects that the change came to, as they
	// are stored. It is pure; what it returns is kept in the change's own
	// transaction and must hold no secret.
	Reply func(objects []Object) (Reply, error)
}

// A Reply is an answer as a door gave it, kept for ReplyLife.
type Reply struct {
	Status int
	// Header holds the fields beside those that every answer has, in canonical form.
	Header map[string]string
	Body   []byte
}

// A Replayed is the outcome of asking again for a change that has been made:
// nothing was changed, and this is the reply that it got then. It travels as an
// error so that no use case takes it for the objects it asked for.
type Replayed struct{ Reply Reply }

func (*Replayed) Error() string { return "this change was made before" }

// ErrorCode returns Conflict, for doors that do not offer Terms.Once.
func (*Replayed) ErrorCode() Code { return Conflict }

// A Preview is the outcome of a dry run: what would have been written.
type Preview struct{ Changes []ObjectChange }

// An ObjectChange is what a change does to one object.
type ObjectChange struct {
	// Action is what the log would call it.
	Action string
	Kind   Kind
	ID     ID
	// Version is the one that it would have.
	Version int64
	Fields  []FieldChange
}

func (*Preview) Error() string { return "this was a dry run" }

// ErrorCode returns Conflict, for doors that do not offer Terms.DryRun.
func (*Preview) ErrorCode() Code { return Conflict }

// A StaleError refuses a change whose precondition does not hold.
type StaleError struct {
	// Current is the object as it stands.
	Current Object
	// Match is the precondition.
	Match Match
}

func (e *StaleError) Error() string {
	kind, is := e.Current.Kind(), e.Current.Head().Version
	var named int64
	for _, v := range e.Match.Versions {
		named = max(named, v)
	}
	switch {
	case named == 0:
		return fmt.Sprintf("the precondition names no version of this %s, which is at version %d: read it again", kind, is)
	case named > is:
		return fmt.Sprintf("the precondition names version %d of the %s, which is only at version %d: read it again", named, kind, is)
	default:
		return fmt.Sprintf("the %s has moved on from version %d to version %d", kind, named, is)
	}
}

// ErrorCode returns Stale.
func (*StaleError) ErrorCode() Code { return Stale }
