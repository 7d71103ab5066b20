package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"tocsin/client"
)

type auditCommand struct {
	remote
	List       auditList       `cmd:"" help:"List log entries, newest first."`
	Verify     auditVerify     `cmd:"" help:"Check an export without asking anybody: nothing changed, nothing cut."`
	Export     auditExport     `cmd:"" help:"Take the whole log away, for the verifier."`
	Checkpoint auditCheckpoint `cmd:"" help:"Print the latest signed checkpoint."`
	Key        auditVKey       `cmd:"" help:"Print the public key that checkpoints are checked with."`
	Proof      auditProof      `cmd:"" help:"Print the proof that an entry is in the log."`
	Redact     auditRedact     `cmd:"" help:"Erase the details of an entry, as after a pasted secret; the proof still holds."`
}

type auditList struct {
	shaped
	Kind      string `placeholder:"KIND" help:"Only of one kind of object, as in incident or api_key."`
	Object    string `placeholder:"ID" help:"Only of one object."`
	Actor     string `placeholder:"ID" help:"Only by one actor."`
	Action    string `placeholder:"ACTION" help:"Only of one action, as in incident.update."`
	Door      string `placeholder:"DOOR" help:"Only through one door, as in api or cli."`
	RequestID string `name:"request" placeholder:"ID" help:"Only of one request."`
	Since     string `placeholder:"WHEN" help:"Only since: a time, a day, or how long ago, as in 2h or 7d."`
	Until     string `placeholder:"WHEN" help:"Only before."`
	Limit     int    `short:"n" default:"50" help:"At most so many; 0 is all."`
}

// Help returns the examples.
func (auditList) Help() string {
	return "Examples:\n\n" +
		"  tocsin audit list\n" +
		"  tocsin audit list --kind api_key --since 30d\n" +
		"  tocsin audit list --json seq,action,fields --jq '.[] | select(.action == \"incident.update\")'\n\n" +
		"On a terminal it prints a table. Into a pipe it prints lines with tabs between: seq, time, action, actor, object, note."
}

// Run lists log entries.
func (cmd auditList) Run(c console, r *remote) error {
	q := client.AuditQuery{
		Kind: cmd.Kind, ObjectID: cmd.Object, ActorID: cmd.Actor, Action: cmd.Action, Door: cmd.Door, RequestID: cmd.RequestID,
	}
	var since, until error
	q.After, since = parseWhen("since", cmd.Since, time.Now())
	q.Before, until = parseWhen("until", cmd.Until, time.Now())
	if err := errors.Join(since, until); err != nil {
		return usageError{err}
	}
	q.Limit = pageSize(cmd.Limit)
	return call[client.Entry](c, r, cmd.shaped, func(s *caller) error {
		found, err := collect(s.Audit.All(s.ctx, q), cmd.Limit)
		if err != nil {
			return err
		}
		return show(s.out, found, []column[client.Entry]{
			{name: "seq", text: func(e client.Entry) string { return strconv.FormatInt(e.Seq, 10) }},
			{name: "time", text: func(e client.Entry) string { return s.out.time(e.At) }},
			{name: "action", text: func(e client.Entry) string { return e.Action }},
			{name: "actor", text: func(e client.Entry) string { return s.actor(e.Actor) }, long: true},
			{name: "object", text: func(e client.Entry) string { return e.ObjectID }},
			{name: "note", text: func(e client.Entry) string { return e.Note }, long: true},
		})
	})
}

type auditExport struct {
	Output string `short:"o" placeholder:"FILE" help:"File to write; without it, standard output unless that is a terminal."`
}

// Help returns the examples.
func (auditExport) Help() string {
	return "Examples:\n\n" +
		"  tocsin audit export --output audit.tar\n" +
		"  tocsin audit export | gzip >audit.tar.gz\n\n" +
		"The export holds every entry of the organisation's log, and is an entry itself. A file is there whole or not at all."
}

// Run writes the export.
func (cmd auditExport) Run(c console, r *remote) error {
	if cmd.Output == "" && isTerminal(c.stdout) {
		return usageError{errors.New("an export is not for a terminal: give a file with --output")}
	}
	return call[client.Entry](c, r, shaped{}, func(s *caller) error {
		body, err := s.Audit.Export(s.ctx)
		if err != nil {
			return err
		}
		defer body.Close()
		if cmd.Output == "" {
			_, err = io.Copy(c.stdout, body)
			return cutOff(err)
		}
		n, err := writeWhole(cmd.Output, body)
		if err != nil {
			return cutOff(err)
		}
		s.say("Wrote %d bytes to %s. To check it: tocsin audit verify %s --key VKEY", n, cmd.Output, cmd.Output)
		return nil
	})
}

func cutOff(err error) error {
	if err != nil {
		err = fmt.Errorf("the export is not whole: %w", err)
	}
	return err
}

// writeWhole writes a file that is there whole or not at all.
func writeWhole(path string, from io.Reader) (n int64, err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".tocsin-*")
	if err != nil {
		return 0, err
	}
	n, err = io.Copy(f, from)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return n, err
}

type auditCheckpoint struct{}

// Help returns the example.
func (auditCheckpoint) Help() string {
	return "Example:\n\n  tocsin audit checkpoint >checkpoint-2026-11-22.txt\n\n" +
		"Keep checkpoints where the server's operators cannot change them: with one, 'tocsin audit verify --since' " +
		"finds out whether anything from before it has been changed or cut off."
}

// Run prints the checkpoint.
func (auditCheckpoint) Run(c console, r *remote) error {
	return call[client.Entry](c, r, shaped{}, func(s *caller) error {
		note, err := s.Audit.Checkpoint(s.ctx)
		return s.out.document(note, err)
	})
}

// document prints a text of the server's as it is, made safe for a terminal.
func (p printer) document(text []byte, err error) error {
	if err != nil {
		return err
	}
	if p.terminal {
		text = []byte(paragraph(string(text)))
	}
	_, err = p.stdout.Write(text)
	return err
}

type auditVKey struct{}

// Help returns the example.
func (auditVKey) Help() string {
	return "Example:\n\n  tocsin audit key >tocsin.vkey\n\n" +
		"Take it once, when you begin to trust the server, and keep it: a key that is fetched together with an export proves nothing against whoever runs the server."
}

// Run prints the key.
func (auditVKey) Run(c console, r *remote) error {
	return call[client.Entry](c, r, shaped{}, func(s *caller) error {
		key, err := s.Audit.Key(s.ctx)
		return s.out.document([]byte(key), err)
	})
}

type auditProof struct {
	Seq int64 `arg:"" help:"The entry's place in the log, as 'tocsin audit list' shows it."`
}

// Help returns the example.
func (auditProof) Help() string {
	return "Example:\n\n  tocsin audit proof 1041 >entry-1041.tlog-proof\n\nThe proof (c2sp.org/tlog-proof) shows a third party that the entry is in the log, without the rest of it."
}

// Run prints the proof.
func (cmd auditProof) Run(c console, r *remote) error {
	return call[client.Entry](c, r, shaped{}, func(s *caller) error {
		proof, err := s.Audit.Proof(s.ctx, cmd.Seq)
		return s.out.document(proof, err)
	})
}

type auditRedact struct {
	shaped
	writing
	consent
	Seq    int64    `arg:"" help:"The entry's place in the log, as 'tocsin audit list' shows it."`
	Reason string   `required:"" placeholder:"TEXT" help:"Why. It stays in the log: do not repeat what is to be erased."`
	Field  []string `placeholder:"NAME" help:"Field that holds what is to be erased; may be given again. Every free text unless said."`
}

// Help returns the examples.
func (auditRedact) Help() string {
	return "Examples:\n\n" +
		"  tocsin incident update 12 --error-message 'login failed'\n" +
		"  tocsin audit redact 4711 --field error_message --reason 'a password was pasted'\n\n" +
		"Old and new values, the note and the caller's address of the entry go for good, and those of later entries that\n" +
		"show the same texts. Take the text out of the object itself first. That it was done is an entry as well."
}

// Run erases the details of an entry.
func (cmd auditRedact) Run(c console, r *remote) error {
	if !cmd.DryRun && !cmd.JSON.list {
		if err := cmd.given(c, fmt.Sprintf("Erase the details of entry %d for good?", cmd.Seq)); err != nil {
			return err
		}
	}
	return call[client.Redaction](c, r, cmd.shaped, func(s *caller) error {
		return change(s, cmd.writing, func(opts ...client.CallOption) (client.Redaction, error) {
			return s.Audit.Redact(s.ctx, cmd.Seq, cmd.Reason, cmd.Field, opts...)
		}, func(done client.Redaction) error {
			if s.out.shaped.asked() {
				return s.out.value(done)
			}
			s.say("Erased the details of %d entries: %s", len(done.Entries), strings.Trim(fmt.Sprint(done.Entries), "[]"))
			return nil
		})
	})
}
