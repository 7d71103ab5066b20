// Package verify is the auditor's side: it judges an export of a log by nothing
// but the export itself, the log's public key, and checkpoints that the auditor
// kept. It must never ask the server, the network or a clock.
//
// It reads the export once, in order, and keeps a few hundred bytes an object.
package verify

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/note"

	"tocsin"
	"tocsin/internal/audit/proof"
)

// A Verdict is what a verification comes to.
type Verdict string

// The verdicts.
const (
	// Proven: the export is what was signed, and the objects are what it says.
	Proven Verdict = "proven"
	// Tampered: something is not as it was signed, or not as the log says.
	Tampered Verdict = "tampered"
	// CannotTell: something that is needed is missing or not understood.
	CannotTell Verdict = "cannot tell"
)

// A Kind says what is amiss.
type Kind string

// The kinds of finding.
const (
	// BadCheckpoint: the export's checkpoint is not signed by the key, or of another log.
	BadCheckpoint Kind = "checkpoint"
	// BadLeaf: an entry is not the one under the signed root.
	BadLeaf Kind = "leaf"
	// BadForm: an entry does not have the form, place or log that it must have.
	BadForm Kind = "form"
	// MissingEntry: an entry is not there.
	MissingEntry Kind = "missing entry"
	// BadTile: a stored hash of the tree is not what the entries come to.
	BadTile Kind = "tile"
	// BadColumn: what entries are found by differs from what they say.
	BadColumn Kind = "column"
	// BadChain: an entry does not follow the one before it of the same object.
	BadChain Kind = "chain"
	// BadDetails: details are not those that the entry commits to.
	BadDetails Kind = "details"
	// SilentRedaction: details are gone and no redaction says so.
	SilentRedaction Kind = "silent redaction"
	// BadObject: an object is not what its entries come to.
	BadObject Kind = "object"
	// BadHistory: a checkpoint that was kept contradicts the log.
	BadHistory Kind = "history"
	// BadEpoch: the log was taken up again in a way that does not hold together.
	BadEpoch Kind = "epoch"
	// Unreadable: a file of the export is missing, or not what it should be.
	Unreadable Kind = "unreadable"
)

// A Finding is one thing that is amiss.
type Finding struct {
	Kind Kind
	// Seq is the entry that it is about, 0 when it is about the whole; where only
	// a range can be named it runs to Last.
	Seq, Last int64
	// Object is what the entry or row is of, where that is known.
	ObjectKind string
	Object     tocsin.ID
	// Message says it in words.
	Message string
}

// A Report is what a verification found.
type Report struct {
	Verdict Verdict
	// Finding is the first thing to look at; zero when all is proven.
	Finding
	// Others are further findings, at most MaxFindings.
	Others []Finding
	// Log is the log's name, Size the number of entries that the checkpoint is of.
	Log  string
	Size int64
	// Through says that entries 1 to Through are as they were signed, whatever
	// else was found.
	Through int64
	// AsOf is the entry with which the export began, AsOfTime when it was: objects
	// are held against the log as it was then, or later. 0 if that cannot be told.
	AsOf     int64
	AsOfTime time.Time
	// Redacted counts the entries whose details were erased, as redactions say.
	Redacted int
}

// MaxFindings bounds how many findings are kept.
const MaxFindings = 100

// Progress is told how many of the entries have been read.
type Progress func(done, total int64)

// Run verifies the export at path, a directory or a .tar file. key is the log's
// verifier key, or several between white space after a change of keys. saved are
// checkpoints that the auditor kept from earlier. progress may be nil. The error
// is ctx's; everything else is in the report.
func Run(ctx context.Context, path, key string, saved [][]byte, progress Progress) (Report, error) {
	keys, err := proof.Keys(key)
	if err != nil {
		return cannotTell(err), nil
	}
	src, err := open(path)
	if err != nil {
		return cannotTell(err), nil
	}
	defer src.close()
	if progress == nil {
		progress = func(int64, int64) {}
	}
	v := &verifier{src: src, keys: keys, objects: newObjects()}
	if err := v.begin(saved); err != nil {
		return cannotTell(err), nil
	}
	if err := v.readRows(ctx); err != nil {
		return v.stopped(ctx, err)
	}
	if err := v.readLog(ctx, progress); err != nil {
		return v.stopped(ctx, err)
	}
	return v.report(), nil
}

func cannotTell(err error) Report {
	return Report{Verdict: CannotTell, Finding: Finding{Kind: Unreadable, Message: err.Error()}}
}

// verifier is one verification on its way.
type verifier struct {
	src  *source
	keys note.Verifiers
	meta meta
	// checkpoint is the export's own; signed says whether the key's holder signed it.
	checkpoint proof.Checkpoint
	signed     bool
	saved      []savedCheckpoint
	objects    *objects
	log        logState
	findings   []Finding
	// unknown are reasons why no verdict is possible.
	unknown []Finding
	// newer is the first entry of a form that is not known here, 0 for none.
	newer int64
}

// stopped reports an export that could not be read to its end.
func (v *verifier) stopped(ctx context.Context, err error) (Report, error) {
	if ctx.Err() != nil {
		return Report{}, ctx.Err()
	}
	v.unknown = append(v.unknown, Finding{Kind: Unreadable, Message: err.Error()})
	r := Report{Log: v.checkpoint.Log, Size: v.checkpoint.Size}
	return v.decide(r), nil
}

// meta is the export's meta.json.
type meta struct {
	Format       int    `json:"format"`
	Origin       string `json:"origin"`
	Installation string `json:"installation"`
	Org          string `json:"org"`
	Head         int64  `json:"head"`
	Time         string `json:"time"`
}

// begin reads what the export says of itself and who signed it.
func (v *verifier) begin(saved [][]byte) error {
	text, err := v.src.read("meta.json", nil)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, &v.meta); err != nil {
		return fmt.Errorf("meta.json: %w", err)
	}
	if v.meta.Format != proof.ExportFormat {
		return fmt.Errorf("the export has form %d, this version of tocsin knows %d", v.meta.Format, proof.ExportFormat)
	}
	if text, err = v.src.read("checkpoint", nil); err != nil {
		return err
	}
	if v.checkpoint, err = proof.OpenCheckpoint(text, v.keys); err == nil {
		v.signed = true
	} else {
		v.found(Finding{Kind: BadCheckpoint, Message: "the export's checkpoint does not hold: " + err.Error()})
		if v.checkpoint, err = proof.ParseCheckpoint(text); err != nil {
			return err
		}
	}
	if want := "tocsin/" + v.meta.Installation + "/" + v.meta.Org; v.checkpoint.Log != want || v.meta.Origin != want {
		v.found(Finding{Kind: BadCheckpoint, Message: fmt.Sprintf("the checkpoint is of the log %s, the export says that it is of %s", v.checkpoint.Log, want)})
	}
	if v.meta.Head > v.checkpoint.Size {
		v.found(Finding{Kind: MissingEntry, Seq: v.checkpoint.Size + 1, Last: v.meta.Head, Message: fmt.Sprintf(
			"the log had %d entries when the export began, and its checkpoint has only %d", v.meta.Head, v.checkpoint.Size)})
	}
	v.openSaved(saved)
	return nil
}

// found keeps a finding.
func (v *verifier) found(f Finding) {
	if len(v.findings) < MaxFindings {
		v.findings = append(v.findings, f)
	}
}

// report judges what has been read.
func (v *verifier) report() Report {
	r := Report{Log: v.checkpoint.Log, Size: v.checkpoint.Size}
	rooted := v.log.tree.Size == v.checkpoint.Size && v.log.tree.Root() == v.checkpoint.Root
	if v.checkpoint.Size == 0 {
		v.unknown = append(v.unknown, Finding{Kind: MissingEntry, Message: "the log is empty: a log begins with the entry that says whose it is"})
	}
	if rooted && v.signed && v.newer > 0 {
		r.Through = v.checkpoint.Size
		v.findings = slices.DeleteFunc(v.findings, v.beyond)
		v.judgeSaved(&r)
		return v.decide(r)
	}
	if !rooted {
		f := v.locate()
		v.findings = append([]Finding{f}, v.findings...)
	}
	if rooted && v.signed {
		r.Through = v.checkpoint.Size
	}
	v.judgeSaved(&r)
	v.judgeEpochs()
	v.judgeHead(&r)
	r.Redacted = v.judgeRedactions()
	v.objects.finish(v)
	if rooted {
		v.judgeChains()
	}
	return v.decide(r)
}

// beyond reports whether a finding may come of an entry that was not understood.
func (v *verifier) beyond(f Finding) bool {
	switch f.Kind {
	case BadCheckpoint, MissingEntry, BadTile:
		return false
	default:
		return f.Seq == 0 || f.Seq >= v.newer
	}
}

// maxExport is how long an export may take at most. Objects that were made or
// changed meanwhile may be missing from it or be older, but not for longer.
const maxExport = 24 * time.Hour

// judgeHead checks what the export says of when it was begun. No signature
// covers that: but the export is an entry itself, and what is far behind it in
// the log cannot have been made while the objects were being read.
func (v *verifier) judgeHead(r *Report) {
	f := Finding{Kind: Unreadable, Seq: max(v.meta.Head, 0)}
	head, last := time.UnixMicro(v.log.head).UTC(), time.UnixMicro(v.log.last).UTC()
	switch {
	case v.log.head == 0:
		f.Message = fmt.Sprintf("the export says that it was begun with entry %d, which is none of an export: whether objects are missing cannot be told", v.meta.Head)
	case last.Sub(head) > maxExport:
		f.Message = fmt.Sprintf("the export was begun with entry %d, at %s, and its log goes on until %s: whether objects that changed meanwhile are missing cannot be told; take a new one",
			v.meta.Head, head.Format(time.RFC3339), last.Format(time.RFC3339))
	default:
		r.AsOf, r.AsOfTime = v.meta.Head, head
	}
	if f.Message != "" {
		v.unknown = append(v.unknown, f)
	}
	if name := v.src.stranger(); name != "" {
		v.unknown = append(v.unknown, Finding{Kind: Unreadable, Message: "the export holds " + name + ", which is no part of the log that was signed"})
	}
}

// decide gives the verdict and picks what to look at first: what the tree says
// before all else, then whatever lies furthest back.
func (v *verifier) decide(r Report) Report {
	all := v.findings
	r.Verdict = Tampered
	if len(all) == 0 {
		all, r.Verdict = v.unknown, CannotTell
	}
	if len(all) == 0 {
		r.Verdict = Proven
		return r
	}
	first := 0
	for i, f := range all {
		if rank(f) < rank(all[first]) || rank(f) == rank(all[first]) && f.Seq < all[first].Seq {
			first = i
		}
	}
	r.Finding = all[first]
	r.Others = append(append(r.Others, all[:first]...), all[first+1:]...)
	return r
}

// rank says how much a finding explains of the others.
func rank(f Finding) int {
	switch f.Kind {
	case BadCheckpoint:
		return 0
	case BadLeaf, MissingEntry:
		return 1
	case BadHistory:
		return 2
	default:
		return 3
	}
}
