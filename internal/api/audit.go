package api

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"tocsin"
	"tocsin/internal/httpkit"
)

// Audit are the use cases of the log; see package audit.
type Audit interface {
	Entries(ctx context.Context, actor tocsin.Actor, q tocsin.EntryQuery, before int64, limit int) (found []tocsin.Entry, next int64, err error)
	Entry(ctx context.Context, actor tocsin.Actor, seq int64) (tocsin.Entry, error)
	Proof(ctx context.Context, actor tocsin.Actor, seq int64) ([]byte, error)
	Checkpoint(ctx context.Context, actor tocsin.Actor) ([]byte, error)
	// Keys returns the verifier keys, the present one last.
	Keys(ctx context.Context) ([]string, error)
	// Export writes nothing before it is sure that it can begin.
	Export(ctx context.Context, actor tocsin.Actor, w io.Writer) error
	Redact(ctx context.Context, actor tocsin.Actor, seq int64, reason string, fields []string) (*tocsin.Redaction, error)
}

const tagAudit = "Audit log"

func (c *core) auditEndpoints() []endpoint {
	return []endpoint{
		c.listEntries(), c.getEntry(), c.redactEntry(), c.proveEntry(), c.getCheckpoint(), c.getAuditKey(), c.exportLog(),
	}
}

// entryFilter is what a list of entries can be narrowed by.
type entryFilter struct {
	Kind      string `query:"kind" doc:"Only of one kind of object, as in incident."`
	ObjectID  ID     `query:"object_id" doc:"Only of one object. With kind, its history is read by itself, however long the log is."`
	ActorID   ID     `query:"actor_id" doc:"Only by one user or API key."`
	Action    string `query:"action" doc:"Only of one action, as in incident.update."`
	Door      string `query:"door" doc:"Only through one way in, as in api."`
	RequestID string `query:"request_id" doc:"Only of one request."`
	After     Time   `query:"after" doc:"Only from this time on."`
	Before    Time   `query:"before" doc:"Only before this time."`
	Paging
}

func (f *entryFilter) query() tocsin.EntryQuery {
	return tocsin.EntryQuery{
		Kind: tocsin.Kind(f.Kind), Object: tocsin.ID(f.ObjectID), Actor: tocsin.ID(f.ActorID),
		Action: f.Action, Door: f.Door, Request: f.RequestID, From: time.Time(f.After), To: time.Time(f.Before),
	}
}

func (c *core) listEntries() endpoint {
	return read(reader[entryFilter, Page[Entry]]{
		Operation: Operation{
			ID: "listAuditEntries", Method: http.MethodGet, Path: "/v1/audit", Tag: tagAudit,
			Summary: "List the entries of the log",
			Description: "Everything that was changed in the organisation, by whom, through which door; the newest first. " +
				"A page may be short, or empty, and still have a `next`: each looks at a bounded part of the log. Follow it until it is null.",
			Authority: Needs(tocsin.ViewAudit),
			Examples: []Example{
				{Summary: "The latest", Path: "/v1/audit?limit=2"},
				{Summary: "What happened to an incident", Path: "/v1/audit?kind=incident&object_id=" + SampleIncident},
			},
		},
		Do: func(ctx context.Context, call *Call, f *entryFilter) (Answer[Page[Entry]], error) {
			var before int64
			position, err := call.after(f.Paging, 1)
			if err != nil {
				return Answer[Page[Entry]]{}, err
			}
			if position != nil {
				before = position[0]
			}
			found, next, err := c.Audit.Entries(ctx, call.Actor, f.query(), before, f.limit())
			if err != nil {
				return Answer[Page[Entry]]{}, err
			}
			page := Page[Entry]{Items: make([]Entry, len(found))}
			for i, e := range found {
				page.Items[i] = showEntry(e)
			}
			if next > 0 {
				cursor := c.seal(call.list(), numbers(next))
				page.Next = &cursor
				call.linkNext(cursor)
			}
			return Answer[Page[Entry]]{Body: page}, nil
		},
	})
}

// seqPath is the path of an entry.
type seqPath struct {
	Seq int64 `path:"seq" minimum:"1" doc:"The entry's place in the log."`
}

func (c *core) getEntry() endpoint {
	return read(reader[seqPath, Entry]{
		Operation: Operation{
			ID: "getAuditEntry", Method: http.MethodGet, Path: "/v1/audit/entries/{seq}", Tag: tagAudit,
			Summary: "Read an entry of the log", Description: "By its place in the organisation's log.",
			Authority: Needs(tocsin.ViewAudit), Refusals: []tocsin.Code{tocsin.NotFound},
			Examples: []Example{{Summary: "One entry", Path: "/v1/audit/entries/8"}},
		},
		Do: func(ctx context.Context, call *Call, in *seqPath) (Answer[Entry], error) {
			e, err := c.Audit.Entry(ctx, call.Actor, in.Seq)
			if err != nil {
				return Answer[Entry]{}, err
			}
			return Answer[Entry]{Body: showEntry(e)}, nil
		},
	})
}

// Redaction is a tocsin.Redaction on the wire.
type Redaction struct {
	ID        ID      `json:"id"`
	Entries   []int64 `json:"entries" nullable:"false" doc:"The entries whose details were erased."`
	Reason    string  `json:"reason"`
	Version   int64   `json:"version" doc:"Always 1: a redaction is never changed."`
	CreatedAt Time    `json:"created_at"`
}

func showRedaction(r *tocsin.Redaction) Redaction {
	return Redaction{ID: ID(r.ID), Entries: notNil(r.Entries), Reason: r.Reason, Version: r.Version, CreatedAt: Time(r.CreatedAt)}
}

// RedactionDraft is why details are to be erased, on the wire.
type RedactionDraft struct {
	Reason string   `json:"reason" minLength:"1" maxLength:"1000" format:"multiline" doc:"Why. It stays in the log: do not repeat what is to be erased."`
	Fields []string `json:"fields,omitempty" maxItems:"64" nullable:"false" doc:"Which of the fields that the entry changed hold what is to be erased; every free text unless said. The object must not hold their values any more."`
}

func (c *core) redactEntry() endpoint {
	type input struct {
		seqPath
		Body RedactionDraft
	}
	return write(writer[input, Redaction]{
		Operation: Operation{
			ID: "redactAuditEntry", Method: http.MethodPost, Path: "/v1/audit/entries/{seq}/redact", Tag: tagAudit,
			Summary: "Erase the details of an entry",
			Description: "For good: old and new values, the note, the caller's address; and those of each later entry that shows one of " +
				"its texts as the value before. That it was done, by whom and why, is an entry itself, and the proof of the log still holds. " +
				"Where the object still has such a text, change that first (409), or name in `fields` those that matter. " +
				"A stored reply to an `Idempotency-Key` may still show a text until it is a day old.",
			Authority: Needs(tocsin.ManageSettings), Refusals: []tocsin.Code{tocsin.NotFound, tocsin.Conflict},
			Examples: []Example{{
				Summary: "Erase whom an entry names", Path: "/v1/audit/entries/6/redact",
				Body: `{"reason":"The person asked for it."}`,
			}},
		},
		Do: func(ctx context.Context, call *Call, in *input) (Made, error) {
			return made(c.Audit.Redact(ctx, call.Actor, in.Seq, in.Body.Reason, in.Body.Fields))
		},
		Show: func(_ *input, m Made) Redaction { return showRedaction(m.Objects[0].(*tocsin.Redaction)) },
	})
}

// mediaText is the media type of notes, proofs and keys.
const mediaText = "text/plain; charset=utf-8"

func sendText(w http.ResponseWriter, text []byte) error {
	return send(w, tocsin.Reply{Status: http.StatusOK, Header: map[string]string{"Content-Type": mediaText}, Body: text})
}

func (c *core) proveEntry() endpoint {
	return stream(streamer[seqPath]{
		Operation: Operation{
			ID: "proveAuditEntry", Method: http.MethodGet, Path: "/v1/audit/entries/{seq}/proof", Tag: tagAudit, Media: "text/plain",
			Summary: "Prove that an entry is in the log",
			Description: "A C2SP `tlog-proof`: the hashes that lead from the entry to a signed checkpoint. With the leaf hash " +
				"that an answer gave as `Audit-Leaf`, and the log's public key, anybody can check it. An entry can be proven about a second " +
				"after it was made; before that the answer is 503 with `Retry-After`.",
			Authority: Needs(tocsin.ViewAudit), Refusals: []tocsin.Code{tocsin.NotFound, tocsin.Busy},
			Examples: []Example{{Summary: "Prove one entry", Path: "/v1/audit/entries/8/proof"}},
		},
		Do: func(ctx context.Context, call *Call, in *seqPath, w http.ResponseWriter) error {
			text, err := c.Audit.Proof(ctx, call.Actor, in.Seq)
			if err != nil {
				return err
			}
			return sendText(w, text)
		},
	})
}

func (c *core) getCheckpoint() endpoint {
	return stream(streamer[struct{}]{
		Operation: Operation{
			ID: "getAuditCheckpoint", Method: http.MethodGet, Path: "/v1/audit/checkpoint", Tag: tagAudit, Media: "text/plain",
			Summary: "Read the newest checkpoint",
			Description: "How many entries the log has, under which root, signed: a C2SP `tlog-checkpoint`. " +
				"Keep one now and then where nobody who runs the server can change it: with it, an auditor finds a log that was cut or written anew.",
			Authority: Needs(tocsin.ViewAudit), Refusals: []tocsin.Code{tocsin.Busy},
			Examples: []Example{{Summary: "The newest checkpoint", Path: "/v1/audit/checkpoint"}},
		},
		Do: func(ctx context.Context, call *Call, _ *struct{}, w http.ResponseWriter) error {
			text, err := c.Audit.Checkpoint(ctx, call.Actor)
			if err != nil {
				return err
			}
			return sendText(w, text)
		},
	})
}

func (c *core) getAuditKey() endpoint {
	return stream(streamer[struct{}]{
		Operation: Operation{
			ID: "getAuditKey", Method: http.MethodGet, Path: "/v1/audit/key", Tag: tagAudit, Media: "text/plain",
			Summary: "Read the log's public key",
			Description: "The verifier keys of the installation, one a line, the present one last. Take them once, when you begin to trust the " +
				"server: fetched together with an export they prove nothing against whoever runs it.",
			Authority: Needs(tocsin.ViewAudit), Refusals: []tocsin.Code{tocsin.Busy},
			Examples: []Example{{Summary: "The key", Path: "/v1/audit/key"}},
		},
		Do: func(ctx context.Context, _ *Call, _ *struct{}, w http.ResponseWriter) error {
			keys, err := c.Audit.Keys(ctx)
			if err != nil {
				return err
			}
			return sendText(w, []byte(strings.Join(keys, "\n")+"\n"))
		},
	})
}

func (c *core) exportLog() endpoint {
	return stream(streamer[struct{}]{
		Operation: Operation{
			ID: "exportAuditLog", Method: http.MethodGet, Path: "/v1/audit/export", Tag: tagAudit, Media: mediaTar,
			Summary: "Export the log",
			Description: "All entries, the tree over them and the organisation's objects, as a .tar that `tocsin audit verify` judges without " +
				"the server. That it was taken is an entry of the log. The answer has no length; one that breaks off has no checkpoint and is not taken for whole.",
			Authority: Needs(tocsin.ViewAudit), Refusals: []tocsin.Code{tocsin.Busy},
			Examples: []Example{{Summary: "The whole log", Path: "/v1/audit/export"}},
		},
		Do: func(ctx context.Context, call *Call, _ *struct{}, w http.ResponseWriter) error {
			out := &tarWriter{w: w}
			if call.request.Method == http.MethodHead { // a look at the header takes no copy
				out.begin()
				return nil
			}
			err := c.Audit.Export(ctx, call.Actor, out)
			if err != nil && out.begun {
				// Half an export must not look whole: the connection is cut.
				httpkit.EventOf(ctx).Set(slog.String("error", err.Error()))
				panic(http.ErrAbortHandler)
			}
			return err
		},
	})
}

const mediaTar = "application/x-tar"

// tarWriter begins a successful answer with its first byte, and gives it all the
// time that it takes.
type tarWriter struct {
	w     http.ResponseWriter
	begun bool
}

func (t *tarWriter) begin() {
	t.begun = true
	_ = http.NewResponseController(t.w).SetWriteDeadline(time.Time{}) // where there is none to lift, that is well
	t.w.Header().Set("Content-Type", mediaTar)
	t.w.Header().Set("Content-Disposition", `attachment; filename="tocsin-audit.tar"`)
	t.w.WriteHeader(http.StatusOK)
}

// Write is io.Writer's.
func (t *tarWriter) Write(b []byte) (int, error) {
	if !t.begun {
		t.begin()
	}
	return t.w.Write(b)
}
