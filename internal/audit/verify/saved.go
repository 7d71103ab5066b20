package verify

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"tocsin/internal/audit/proof"
)

// A savedCheckpoint is one that the auditor kept.
type savedCheckpoint struct {
	proof.Checkpoint
	number int
	// root is what the first Size entries of the export come to.
	root tlog.Hash
	read bool
}

// openSaved reads the checkpoints that the auditor kept.
func (v *verifier) openSaved(saved [][]byte) {
	for i, text := range saved {
		c, err := proof.OpenCheckpoint(text, v.keys)
		switch {
		case err != nil:
			v.unknown = append(v.unknown, Finding{Kind: BadHistory, Message: fmt.Sprintf("saved checkpoint %d: %v", i+1, err)})
		case c.Log != v.checkpoint.Log:
			v.unknown = append(v.unknown, Finding{Kind: BadHistory, Message: fmt.Sprintf("saved checkpoint %d is of another log, %s", i+1, c.Log)})
		default:
			v.saved = append(v.saved, savedCheckpoint{Checkpoint: c, number: i + 1})
		}
	}
	slices.SortStableFunc(v.saved, func(a, b savedCheckpoint) int { return cmp.Compare(a.Size, b.Size) })
}

// rootAt notes the root where saved checkpoints need it.
func (v *verifier) rootAt(size int64) {
	for ; v.log.saved < len(v.saved) && v.saved[v.log.saved].Size <= size; v.log.saved++ {
		if s := &v.saved[v.log.saved]; s.Size == size {
			s.root, s.read = v.log.tree.Root(), true
		}
	}
}

// judgeSaved holds the log against the checkpoints that the auditor kept. One of
// the same epoch must be of a log that this one continues.
func (v *verifier) judgeSaved(r *Report) {
	for _, s := range v.saved {
		if s.Size == 0 {
			continue
		}
		agrees := s.read && s.root == s.Root
		switch {
		case agrees:
			r.Through = max(r.Through, s.Size)
		case s.Epoch > v.checkpoint.Epoch:
			v.found(Finding{Kind: BadHistory, Message: fmt.Sprintf(
				"saved checkpoint %d is of epoch %d of this log, the export of epoch %d: an older log was put in its place", s.number, s.Epoch, v.checkpoint.Epoch)})
		case s.Epoch < v.checkpoint.Epoch:
			v.unknown = append(v.unknown, Finding{Kind: BadHistory, Message: v.abandoned(s)})
		case s.Size > v.checkpoint.Size:
			v.found(Finding{Kind: BadHistory, Seq: v.checkpoint.Size + 1, Last: s.Size, Message: fmt.Sprintf(
				"saved checkpoint %d is of %d entries, and the log has only %d now: its end was cut off", s.number, s.Size, v.checkpoint.Size)})
		default:
			v.found(Finding{Kind: BadHistory, Seq: 1, Last: s.Size, Message: fmt.Sprintf(
				"the first %d entries are not those of saved checkpoint %d: the log was written anew, or is one of two", s.Size, s.number)})
		}
	}
}

// abandoned says why a checkpoint of an earlier epoch cannot be judged.
func (v *verifier) abandoned(s savedCheckpoint) string {
	for _, e := range v.log.epochs {
		if e.number > s.Epoch {
			return fmt.Sprintf("saved checkpoint %d, of %d entries, is of what epoch %d of this log had after the backup that was restored; "+
				"entry %d records that, and this log does not hold those entries any more", s.number, s.Size, s.Epoch, e.seq)
		}
	}
	return fmt.Sprintf("saved checkpoint %d is of epoch %d, and the log does not say how that ended", s.number, s.Epoch)
}

// An epoch is a new beginning that the log records.
type epoch struct {
	seq, number int64
	previous    string
}

// takeEpoch notes what an entry of the organisation or installation says of epochs.
func (v *verifier) takeEpoch(d *proof.Details) {
	e := epoch{seq: v.log.leaf.Seq}
	for _, f := range d.After {
		switch string(f.Name) {
		case "audit_epoch":
			e.number, _ = f.Number()
		case "audit_previous":
			e.previous, _ = f.Text()
		}
	}
	if e.number > 0 {
		v.log.epochs = append(v.log.epochs, e)
	}
}

// judgeEpochs checks that each epoch follows the one before it, that it names
// the last checkpoint of that, and that the export's checkpoint is of the last.
func (v *verifier) judgeEpochs() {
	var last int64
	for _, e := range v.log.epochs {
		f := Finding{Kind: BadEpoch, Seq: e.seq}
		if e.number > 1 {
			c, err := v.openPrevious(e)
			switch {
			case err != nil:
				f.Message = fmt.Sprintf("entry %d opens epoch %d and does not hold the checkpoint that it follows", e.seq, e.number)
			case c.Log != v.checkpoint.Log || c.Epoch >= e.number || e.number <= last:
				f.Message = fmt.Sprintf("entry %d opens epoch %d after epoch %d of %s", e.seq, e.number, c.Epoch, c.Log)
			}
		}
		if f.Message != "" {
			v.found(f)
		}
		last = e.number
	}
	if last > 0 && v.checkpoint.Epoch != last {
		v.found(Finding{Kind: BadEpoch, Message: fmt.Sprintf("the checkpoint is of epoch %d, the log is in epoch %d", v.checkpoint.Epoch, last)})
	}
}

// openPrevious reads the checkpoint that an epoch follows. One that is signed by
// a key that was not given leaves the verdict open.
func (v *verifier) openPrevious(e epoch) (proof.Checkpoint, error) {
	c, err := proof.OpenCheckpoint([]byte(e.previous), v.keys)
	if stranger := (*note.UnverifiedNoteError)(nil); errors.As(err, &stranger) {
		v.unknown = append(v.unknown, Finding{Kind: BadEpoch, Seq: e.seq, Message: fmt.Sprintf(
			"entry %d opens epoch %d after a checkpoint that none of the given keys signed: give those that the installation had before as well", e.seq, e.number)})
		return proof.ParseCheckpoint([]byte(e.previous))
	}
	return c, err
}
