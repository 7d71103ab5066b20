// Package tocsin is the vocabulary of an incident server and its pure rules:
// what an incident is, who may change it, what counts as a change.
//
// It imports only the standard library, does no I/O, reads no clock and makes
// no random numbers, so every rule in it can be read, and tested, by itself.
package tocsin

import (
	"encoding/hex"
	"time"
)

// An ID names one object: a UUID (RFC 9562). The zero ID names nothing.
type ID [16]byte

// ParseID reads the canonical 36-character form of a UUID, in either case.
// Braces, "urn:uuid:" and bare hexadecimal are refused: one object, one spelling.
func ParseID(s string) (ID, bool) {
	var id ID
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return ID{}, false
	}
	var digits [32]byte
	copy(digits[0:8], s[0:8])
	copy(digits[8:12], s[9:13])
	copy(digits[12:16], s[14:18])
	copy(digits[16:20], s[19:23])
	copy(digits[20:32], s[24:36])
	if _, err := hex.Decode(id[:], digits[:]); err != nil {
		return ID{}, false
	}
	return id, true
}

// String returns the canonical form in lower case.
func (id ID) String() string {
	var b [36]byte
	hex.Encode(b[0:8], id[0:4])
	hex.Encode(b[9:13], id[4:6])
	hex.Encode(b[14:18], id[6:8])
	hex.Encode(b[19:23], id[8:10])
	hex.Encode(b[24:36], id[10:16])
	b[8], b[13], b[18], b[23] = '-', '-', '-', '-'
	return string(b[:])
}

// IsZero reports whether id names nothing.
func (id ID) IsZero() bool { return id == ID{} }

// A Kind says what sort of object an ID names. Its text is part of the log.
type Kind string

// The kinds of object that the log speaks of.
const (
	KindOrganisation Kind = "organisation"
	KindProject      Kind = "project"
	KindDataset      Kind = "dataset"
	KindCheck        Kind = "check"
	KindUser         Kind = "user"
	KindRole         Kind = "role"
	KindGrant        Kind = "grant"
	KindAPIKey       Kind = "api_key"
	KindIncident     Kind = "incident"
	KindComment      Kind = "comment"
	KindInvitation   Kind = "invitation"
	// KindRedaction and KindAuditExport are what people do to the log itself.
	KindRedaction   Kind = "redaction"
	KindAuditExport Kind = "audit_export"
	// KindInstallation and KindRegistration live in the installation's own log.
	KindInstallation Kind = "installation"
	KindRegistration Kind = "registration"
)

// Meta is what every object carries: its place in its organisation's log.
// The commit path writes it; nothing else may.
type Meta struct {
	Org ID
	ID  ID
	// Version counts the object's log entries, from 1.
	Version int64
	// Seq is the log sequence number of its newest entry.
	Seq int64
	// Leaf is the leaf hash of its newest entry (RFC 6962, SHA-256).
	Leaf [32]byte
	// CreatedAt and UpdatedAt are the times of its first and newest entry, UTC,
	// whole microseconds.
	CreatedAt, UpdatedAt time.Time
}

// Object is anything whose changes are logged. Objects handed out by a store
// are shared and must not be changed: decisions work on a copy.
type Object interface {
	Kind() Kind
	// Head returns the object's own Meta, not a copy.
	Head() *Meta
	// AppendFields appends every logged field to b, always the same names in the
	// same order. Replaying a log against these fields must give the stored
	// object back.
	AppendFields(b []Field) []Field
}

// Head returns m itself; embedding Meta makes half of an Object.
func (m *Meta) Head() *Meta { return m }
