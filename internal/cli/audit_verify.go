package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"tocsin/internal/app"
	"tocsin/internal/audit/verify"
)

type auditVerify struct {
	shaped
	Export string   `arg:"" help:"What 'tocsin audit export' wrote: a .tar file, or the directory it was unpacked into."`
	Key    string   `required:"" placeholder:"VKEY|FILE" help:"The log's public key, as 'tocsin audit key' printed it when you began to trust the server, or a file with it."`
	Since  []string `placeholder:"FILE" sep:"none" help:"Checkpoint that you kept, or a directory of them; may be given again."`
}

// Help explains checkpoints, with examples.
func (auditVerify) Help() string {
	return "Examples:\n\n" +
		"  tocsin audit verify audit.tar --key tocsin.vkey\n" +
		"  tocsin audit verify audit.tar --key tocsin.vkey --since checkpoint-2026-10-01.txt\n" +
		"  tocsin audit verify audit.tar --key tocsin.vkey --since ~/checkpoints --json verdict,message\n\n" +
		"It asks nobody: the export, the key and the checkpoints that you kept are all it goes by. It finds entries that were " +
		"changed, taken out, put in, moved or back-dated, and objects that were changed without an entry, and says where.\n\n" +
		"A checkpoint is the server's signature under the log as it stood: its length and the root of a hash tree over all " +
		"entries. The export has one of its own, which shows that export and signature belong together. What it cannot show is " +
		"that the end of the log was not cut off, or all of it written anew by somebody who holds the signing key. A checkpoint " +
		"that you kept from an earlier day shows that too, for all that was in the log by then:\n\n" +
		"  tocsin audit checkpoint >~/checkpoints/$(date +%F).txt\n\n" +
		"Exit codes: 0 proven, 1 tampered with, 2 cannot tell (something is missing or not understood)."
}

// A verdict is a report as it is printed.
type verdict struct {
	Verdict string `json:"verdict"`
	Log     string `json:"log"`
	// Entries is how many the checkpoint is of; entries 1 to Through are proven.
	Entries int64 `json:"entries"`
	Through int64 `json:"through"`
	// AsOf is the entry, and AsOfTime the time, as of which objects were compared.
	AsOf     int64            `json:"objects_as_of"`
	AsOfTime string           `json:"objects_as_of_time"`
	Redacted int              `json:"redacted"`
	Message  string           `json:"message,omitempty"`
	Findings []verdictFinding `json:"findings"`
}

type verdictFinding struct {
	Kind       string `json:"kind"`
	Seq        int64  `json:"seq,omitempty"`
	Last       int64  `json:"last,omitempty"`
	ObjectKind string `json:"object_kind,omitempty"`
	ObjectID   string `json:"object_id,omitempty"`
	Message    string `json:"message"`
}

// Run verifies an export.
func (cmd auditVerify) Run(c console) error {
	if cmd.JSON.list {
		return call[verdict](c, nil, cmd.shaped, nil)
	}
	out, err := newPrinter(c, cmd.shaped, fieldsOf[verdict]())
	if err != nil {
		return err
	}
	key, err := keyOrFile(cmd.Key)
	if err != nil {
		return exitError{err, exitUsage}
	}
	saved, err := readCheckpoints(cmd.Since)
	if err != nil {
		return exitError{err, exitUsage}
	}
	var progress verify.Progress
	if isTerminal(c.stderr) {
		progress = func(done, total int64) { fmt.Fprintf(c.stderr, "\r%d of %d entries", done, total) }
	}
	app.TuneRuntime()
	report, err := verify.Run(c.ctx, cmd.Export, key, saved, progress)
	if progress != nil {
		fmt.Fprint(c.stderr, "\r\x1b[K")
	}
	if err != nil {
		return exitError{choose(c.ctx.Err() == context.Canceled, errors.New("cancelled"), err), exitUsage}
	}
	v := verdictOf(report)
	if out.shaped.asked() {
		err = nothing(&caller{out: out}, v)
	} else {
		err = v.print(out, len(saved))
	}
	if err != nil {
		return err
	}
	switch report.Verdict {
	case verify.Proven:
		return nil
	case verify.Tampered:
		return exitError{errSaid, exitFailed}
	default:
		return exitError{errSaid, exitUsage}
	}
}

// errSaid ends a command that has said on standard output what is amiss.
var errSaid = errors.New("")

func verdictOf(r verify.Report) verdict {
	v := verdict{
		Verdict: string(r.Verdict), Log: r.Log, Entries: r.Size, Through: r.Through, Redacted: r.Redacted,
		Message: r.Message, Findings: []verdictFinding{},
	}
	if v.AsOf = r.AsOf; r.AsOf > 0 {
		v.AsOfTime = r.AsOfTime.Format(time.RFC3339)
	}
	if r.Verdict == verify.Proven {
		return v
	}
	for _, f := range append([]verify.Finding{r.Finding}, r.Others...) {
		one := verdictFinding{Kind: string(f.Kind), Seq: f.Seq, Last: f.Last, ObjectKind: f.ObjectKind, Message: f.Message}
		if !f.Object.IsZero() {
			one.ObjectID = f.Object.String()
		}
		v.Findings = append(v.Findings, one)
	}
	return v
}

// print says what was found, for a person.
func (v verdict) print(out printer, saved int) error {
	var b strings.Builder
	colour := map[string]style{string(verify.Proven): green, string(verify.Tampered): red}[v.Verdict]
	if colour == plain {
		colour = yellow
	}
	fmt.Fprintf(&b, "%s\n", out.paint(colour, strings.ToUpper(v.Verdict)))
	if v.Log != "" {
		fmt.Fprintf(&b, "Log %s, %d entries\n", escaped(v.Log), v.Entries)
	}
	if v.Verdict == string(verify.Proven) {
		fmt.Fprintln(&b, "Every entry is as it was signed, and every object is what its entries come to.")
		fmt.Fprintf(&b, "The export was begun with entry %d, at %s.\n", v.AsOf, v.AsOfTime)
	} else if v.Through > 0 {
		fmt.Fprintf(&b, "Entries 1 to %d are as they were signed.\n", v.Through)
	}
	if v.Redacted > 0 {
		fmt.Fprintf(&b, "The details of %d entries were erased, as redactions in the log say.\n", v.Redacted)
	}
	for _, f := range v.Findings {
		where := ""
		switch {
		case f.Last > f.Seq:
			where = fmt.Sprintf(" (entries %d to %d)", f.Seq, f.Last)
		case f.Seq > 0:
			where = fmt.Sprintf(" (entry %d)", f.Seq)
		}
		fmt.Fprintf(&b, "- %s%s: %s\n", escaped(f.Kind), where, escaped(f.Message))
	}
	if v.Verdict == string(verify.Proven) && saved == 0 {
		fmt.Fprintln(&b, "No kept checkpoint was given with --since, so a cut end would not show.")
	}
	_, err := fmt.Fprint(out.stdout, b.String())
	return err
}

// keyOrFile returns a verifier key that is given itself or by a file.
func keyOrFile(given string) (string, error) {
	if strings.Contains(given, "+") {
		if _, err := os.Stat(given); err != nil {
			return given, nil
		}
	}
	text, err := os.ReadFile(given)
	if err != nil {
		return "", fmt.Errorf("--key: it is neither a key (they look like name+1234abcd+base64) nor a file with one: %w", err)
	}
	return string(text), nil
}

// readCheckpoints reads files, and the files of directories.
func readCheckpoints(paths []string) ([][]byte, error) {
	var all [][]byte
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, fmt.Errorf("--since: %w", err)
		}
		files := []string{path}
		if info.IsDir() {
			if files, err = filepath.Glob(filepath.Join(path, "*")); err != nil || len(files) == 0 {
				return nil, fmt.Errorf("--since: there is no checkpoint in %s", path)
			}
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				return nil, fmt.Errorf("--since: %w", err)
			}
			all = append(all, text)
		}
	}
	return all, nil
}
