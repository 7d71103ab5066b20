package store

import (
	"time"

	"tocsin"
)

// A Command is one change that somebody asks for.
type Command struct {
	// Actor is who asks; its Org is the tenant that everything is bound to.
	Actor tocsin.Actor
	// Keys are the objects that Decide wants to see and all that it may write,
	// new ones among them.
	Keys []Key
	// Decide is pure: it may run more than once, and on any goroutine.
	Decide func(View) (Change, error)
}

// A View is what a decision sees: the keyed objects under the lock.
type View struct {
	// Now is the engine's time, never before the last change of a keyed object.
	Now time.Time
	// Access is what the actor may do now; nil for an actor without a key.
	Access *tocsin.Access
	// NextNumber is the number that a new incident would get, 0 when the
	// organisation has used all of them up.
	NextNumber int32
	find       func(Key) tocsin.Object
}

// Object returns a keyed object of type T. It is the store's own: copy it to
// change it.
func Object[T tocsin.Object](v View, kind tocsin.Kind, id tocsin.ID) (T, error) {
	o, ok := v.find(Key{kind, id}).(T)
	if !ok {
		return o, ErrNotFound(kind)
	}
	return o, nil
}

// Authorise returns an error unless the actor may do p to t: Unauthenticated
// when he has no key, hidden when he may not even see (zero hides nothing), else
// Forbidden. The key itself has been checked before the decision.
func (v View) Authorise(actor tocsin.Actor, see, p tocsin.Permissions, t tocsin.Target, hidden tocsin.Kind) error {
	if actor.Kind == tocsin.ActorSystem {
		return nil
	}
	if v.Access == nil {
		return tocsin.Errorf(tocsin.Unauthenticated, "this needs an API key")
	}
	if see != 0 && !v.Access.May(see, t) {
		return ErrNotFound(hidden)
	}
	if !v.Access.May(p, t) {
		return tocsin.Errorf(tocsin.Forbidden, "this key may not do that here")
	}
	return nil
}

// A Change is what a decision wants written. Objects are copies with new field
// values, or new ones with Org and ID set; one that differs in no field from
// what is stored is no change and leaves no record.
type Change struct {
	// Action is "<kind>.<verb>".
	Action string
	// Note is what the actor said about it, kept in the record's details.
	Note    string
	Objects []tocsin.Object
	// Erase are the sequence numbers of log records whose details go, for good.
	Erase []int64
}

// A Result is what a command came to: the objects of the decision's Change as
// they are now stored.
type Result struct {
	Objects []tocsin.Object
	// Changed is false when nothing differed.
	Changed bool
}

// touchesAccess reports whether k is of a kind that decides who may do what.
// Commands that write one run in a batch of their own, so that no command
// beside them is judged on what they are changing.
func touchesAccess(k tocsin.Kind) bool {
	return k == tocsin.KindRole || k == tocsin.KindGrant || k == tocsin.KindAPIKey
}
