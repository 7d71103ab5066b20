package client

import (
	"context"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// An Entry is one entry of the organisation's log: what happened to what, by
// whom, through which door, field by field.
type Entry struct {
	// Seq is its place in the log, from 1.
	Seq       int64         `json:"seq"`
	ID        string        `json:"id"`
	Action    string        `json:"action"`
	Kind      string        `json:"kind"`
	ObjectID  string        `json:"object_id"`
	Version   int64         `json:"version"`
	At        time.Time     `json:"at,omitzero"`
	Actor     EntryActor    `json:"actor"`
	Door      string        `json:"door"`
	RequestID string        `json:"request_id,omitempty"`
	Address   string        `json:"address,omitempty"`
	UserAgent string        `json:"user_agent,omitempty"`
	Note      string        `json:"note,omitempty"`
	Fields    []FieldChange `json:"fields"`
	// Redacted says that the details have been erased; the proof still holds.
	Redacted bool `json:"redacted"`
	// Leaf is the hash that the proof is made of, in hexadecimal.
	Leaf string `json:"leaf"`
}

// An EntryActor is who did what an entry tells.
type EntryActor struct {
	// Type is user, api_key, integration, check or system.
	Type     string `json:"type"`
	UserID   string `json:"user_id,omitempty"`
	APIKeyID string `json:"api_key_id,omitempty"`
	Name     string `json:"name,omitempty"`
}

// An AuditQuery selects log entries; what is empty does not narrow.
type AuditQuery struct {
	Kind, ObjectID, ActorID, Action, Door, RequestID string
	After, Before                                    time.Time
	ListOptions
}

func (q AuditQuery) values() url.Values {
	v := url.Values{}
	setText(v, "kind", q.Kind)
	setText(v, "object_id", q.ObjectID)
	setText(v, "actor_id", q.ActorID)
	setText(v, "action", q.Action)
	setText(v, "door", q.Door)
	setText(v, "request_id", q.RequestID)
	setTime(v, "after", q.After)
	setTime(v, "before", q.Before)
	return v
}

// Audit is /v1/audit: the organisation's log and its proof.
type Audit struct{ c *Client }

const auditPath = "/v1/audit"

// List returns one part of the log, newest first. A part may be shorter than
// its limit, even empty, and yet have a Next.
func (s *Audit) List(ctx context.Context, q AuditQuery, opts ...CallOption) (Page[Entry], error) {
	return page[Entry](ctx, s.c, auditPath, q.values(), q.ListOptions, opts)
}

// All goes through the entries that q selects, newest first.
func (s *Audit) All(ctx context.Context, q AuditQuery) iter.Seq2[Entry, error] {
	return all(func(cursor string) (Page[Entry], error) {
		q.Cursor = cursor
		return s.List(ctx, q)
	}, q.Cursor)
}

// Entry returns the entry at a place in the log.
func (s *Audit) Entry(ctx context.Context, seq int64, opts ...CallOption) (Entry, error) {
	return get[Entry](ctx, s.c, entryPath(seq), opts)
}

func entryPath(seq int64) string { return auditPath + "/entries/" + strconv.FormatInt(seq, 10) }

// A Redaction says that the details of entries were erased, and why.
type Redaction struct {
	ID string `json:"id"`
	// Entries are the places in the log of those whose details are gone: the one
	// that was named, and later ones that showed its texts as the values before.
	Entries   []int64   `json:"entries"`
	Reason    string    `json:"reason"`
	Version   int64     `json:"version"`
	CreatedAt time.Time `json:"created_at,omitzero"`
}

// Redact erases the details of an entry for good, for a reason that stays in
// the log. fields are those of the entry that hold what is to be erased, every
// free text where there are none; their values must be gone from the object.
func (s *Audit) Redact(ctx context.Context, seq int64, reason string, fields []string, opts ...CallOption) (Redaction, error) {
	in := struct {
		Reason string   `json:"reason"`
		Fields []string `json:"fields,omitempty"`
	}{reason, fields}
	return post[Redaction](ctx, s.c, entryPath(seq)+"/redact", in, opts)
}

// Proof returns the proof that an entry is in the log, as a C2SP tlog-proof.
func (s *Audit) Proof(ctx context.Context, seq int64, opts ...CallOption) ([]byte, error) {
	return s.text(ctx, entryPath(seq)+"/proof", opts)
}

// Checkpoint returns the latest signed checkpoint, a C2SP signed note. Kept
// elsewhere, it holds the log to what it was.
func (s *Audit) Checkpoint(ctx context.Context, opts ...CallOption) ([]byte, error) {
	return s.text(ctx, auditPath+"/checkpoint", opts)
}

// Key returns the verifier keys (vkey) that checkpoints are checked with, one a
// line, the present one last.
func (s *Audit) Key(ctx context.Context, opts ...CallOption) (string, error) {
	text, err := s.text(ctx, auditPath+"/key", opts)
	return string(text), err
}

func (s *Audit) text(ctx context.Context, path string, opts []CallOption) ([]byte, error) {
	r := request{method: http.MethodGet, path: path, accept: "text/plain"}
	r.apply(opts)
	res, err := s.c.call(ctx, r)
	if err != nil {
		return nil, err
	}
	return res.Body, nil
}

// Export returns the whole log as a tar stream, for the verifier. The caller
// closes it. The export is itself an entry.
func (s *Audit) Export(ctx context.Context) (io.ReadCloser, error) {
	return s.c.stream(ctx, request{method: http.MethodGet, path: auditPath + "/export", accept: "application/x-tar"})
}
