package tocsin

import "time"

// An Entry is one entry of an organisation's log: what happened to which
// object, by whom, through which door, field by field. It is audit entry and
// event at once.
type Entry struct {
	// ID names the entry; Seq is its place in the log, from 1 without a gap.
	ID  ID
	Seq int64
	// Kind, Object and Version say which object it made into which version.
	Kind    Kind
	Object  ID
	Version int64
	// Action is "<kind>.<verb>", as in "incident.update".
	Action string
	At     time.Time
	// Actor, User, Key and Door say who; User and Key may be zero.
	Actor ActorKind
	User  ID
	Key   ID
	Door  string
	// Request, Address and Agent say through which request.
	Request, Address, Agent string
	// Note is what the actor said about the change.
	Note string
	// Fields names the fields that changed. Changes has their values, in the same
	// order; a redacted entry has none.
	Fields   []string
	Changes  []FieldChange
	Redacted bool
	// Leaf is the entry's leaf hash: its name in proofs.
	Leaf [32]byte
}

// A FieldChange is one field's old and new value. Old is the zero Value where
// the entry created the object.
type FieldChange struct {
	Name     string
	Old, New Value
}

// Change returns the change of the named field, if there was one.
func (e *Entry) Change(name string) (FieldChange, bool) {
	for _, c := range e.Changes {
		if c.Name == name {
			return c, true
		}
	}
	return FieldChange{}, false
}
