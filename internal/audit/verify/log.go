package verify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"tocsin"
	"tocsin/internal/audit/proof"
)

// logState is what the reading of the entries has come to.
type logState struct {
	tree proof.Tree
	// bundles are the roots of the full bundles, as the entries come to.
	bundles [][32]byte
	// contradictions are leaf hashes that another entry or a row does not confirm.
	contradictions []contradiction
	// erased are the entries without details; named those that redactions name.
	erased []int64
	named  map[int64]bool
	epochs []epoch
	// head is when the entry was with which the export began, 0 before it is read
	// and for one that is not of an export; last is the latest time behind that.
	head, last int64
	// saved is how many of the kept checkpoints, the smallest first, were read.
	saved int

	// What is used again from entry to entry.
	org                  tocsin.ID
	name                 []byte
	entries, lines, tile []byte
	hashes               []byte
	scratch              []byte
	leaf                 proof.Leaf
	line                 proof.DetailsLine
	details              proof.Details
}

// A contradiction says that a witness, an entry or (0) a row, names another leaf
// hash for an entry than it has.
type contradiction struct{ doubted, witness int64 }

const maxContradictions = 1000

func (v *verifier) contradicts(doubted, witness int64) {
	if len(v.log.contradictions) < maxContradictions {
		v.log.contradictions = append(v.log.contradictions, contradiction{doubted, witness})
	}
}

// readLog reads all entries with their details, bundle by bundle.
func (v *verifier) readLog(ctx context.Context, progress Progress) error {
	v.log.named = make(map[int64]bool)
	v.log.org, _ = tocsin.ParseID(v.meta.Org)
	v.log.name = []byte(v.checkpoint.Log)
	for n := int64(0); n*proof.TileWidth < v.checkpoint.Size; n++ {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := v.readBundle(n); err != nil {
			return err
		}
		progress(min(v.log.tree.Size, v.checkpoint.Size), v.checkpoint.Size)
	}
	return v.readTiles()
}

// readBundle reads one bundle of entries and what belongs to it.
func (v *verifier) readBundle(n int64) error {
	l := &v.log
	width := proof.Width(v.checkpoint.Size, 0, n)
	var err error
	if l.entries, err = v.src.read(proof.EntriesPath(n, width), l.entries[:0]); err != nil {
		return err
	}
	if l.lines, err = v.src.read("details/"+proof.Numbered(n, width)+".jsonl", l.lines[:0]); err != nil {
		return err
	}
	if l.tile, err = v.src.read(proof.TilePath(0, n, width), l.tile[:0]); err != nil {
		return err
	}
	l.hashes = l.hashes[:0]
	entries, lines := l.entries, l.lines
	for range width {
		var leaf, line []byte
		if leaf, entries, err = cutEntry(entries); err != nil {
			v.found(Finding{Kind: BadForm, Seq: l.tree.Size + 1, Message: proof.EntriesPath(n, width) + ": " + err.Error()})
			entries = nil
		}
		line, lines, _ = bytes.Cut(lines, []byte("\n"))
		v.readEntry(leaf, line)
	}
	if len(entries) > 0 || len(lines) > 0 {
		v.found(Finding{Kind: BadForm, Seq: l.tree.Size, Message: "there is more behind the last entry of " + proof.EntriesPath(n, width)})
	}
	if width == proof.TileWidth {
		l.bundles = append(l.bundles, proof.Subtree(l.hashes))
	}
	if !bytes.Equal(l.tile, l.hashes) {
		v.compareTile(n*proof.TileWidth, l.tile, l.hashes)
	}
	return nil
}

// cutEntry takes the first entry off a bundle.
func cutEntry(b []byte) (entry, rest []byte, err error) {
	if len(b) < 2 {
		return nil, nil, errors.New("the bundle ends before its last entry")
	}
	n := int(binary.BigEndian.Uint16(b))
	if b = b[2:]; len(b) < n {
		return nil, nil, errors.New("the bundle ends within an entry")
	}
	return b[:n], b[n:], nil
}

// compareTile finds the entries of which the database keeps another hash.
func (v *verifier) compareTile(before int64, stored, computed []byte) {
	for i := 0; i < len(computed); i += sha256.Size {
		if i+sha256.Size > len(stored) || !bytes.Equal(stored[i:i+sha256.Size], computed[i:i+sha256.Size]) {
			seq := before + int64(i/sha256.Size) + 1
			v.found(Finding{Kind: BadTile, Seq: seq, Message: fmt.Sprintf("the hash that is kept for entry %d is not that of its leaf", seq)})
		}
	}
	if len(stored) > len(computed) {
		v.found(longTile(0, before/proof.TileWidth))
	}
}

// readEntry takes the next entry.
func (v *verifier) readEntry(leaf, line []byte) {
	l := &v.log
	seq := l.tree.Size + 1
	l.scratch = append(append(l.scratch[:0], 0), leaf...)
	hash := sha256.Sum256(l.scratch)
	l.hashes = append(l.hashes, hash[:]...)
	l.tree.Append(hash, nil)
	defer v.rootAt(seq)

	if len(leaf) == 0 {
		v.found(Finding{Kind: MissingEntry, Seq: seq, Message: fmt.Sprintf("entry %d is missing", seq)})
		return
	}
	if err := proof.ParseLeaf(leaf, &l.leaf); errors.Is(err, proof.ErrVersion) {
		if v.newer == 0 {
			v.newer = seq
			v.unknown = append(v.unknown, Finding{Kind: BadForm, Seq: seq, Message: fmt.Sprintf("entry %d: %v", seq, err)})
		}
		return
	} else if err != nil {
		v.found(Finding{Kind: BadForm, Seq: seq, Message: fmt.Sprintf("entry %d: %v", seq, err)})
		return
	}
	if problem := v.placed(seq); problem != "" {
		v.found(Finding{Kind: BadForm, Seq: seq, ObjectKind: string(l.leaf.Kind), Object: l.leaf.Object, Message: fmt.Sprintf("entry %d %s", seq, problem)})
		return
	}
	v.timeOf(&l.leaf)
	details, prevSeq := v.readDetails(seq, line)
	v.objects.follow(v, &l.leaf, hash, details, prevSeq)
	v.special(details)
}

// placed says what is wrong with where the leaf is.
func (v *verifier) placed(seq int64) string {
	l := &v.log
	first := "organisation"
	if v.meta.Org == v.meta.Installation {
		first = "installation"
	}
	switch {
	case l.leaf.Seq != seq:
		return fmt.Sprintf("is number %d by its own account", l.leaf.Seq)
	case !bytes.Equal(l.leaf.Log, l.name):
		return fmt.Sprintf("is of the log %s", l.leaf.Log)
	case l.leaf.Org != l.org:
		return fmt.Sprintf("is of the organisation %s", l.leaf.Org)
	case seq == 1 && (string(l.leaf.Kind) != first || l.leaf.Object != l.org):
		return "is the first and does not say whose log it is"
	default:
		return ""
	}
}

// readDetails returns what the entry's details say, nil if they are gone or not
// to be believed, and where the database says that the entry before it is.
func (v *verifier) readDetails(seq int64, line []byte) (*proof.Details, int64) {
	l := &v.log
	about := Finding{Kind: BadDetails, Seq: seq, ObjectKind: string(l.leaf.Kind), Object: l.leaf.Object}
	bad := func(format string, args ...any) (*proof.Details, int64) {
		about.Message = fmt.Sprintf(format, args...)
		v.found(about)
		return nil, l.line.PrevSeq
	}
	if err := proof.ParseDetailsLine(line, &l.line); err != nil || l.line.Seq != seq {
		return bad("the details of entry %d cannot be read", seq)
	}
	if !bytes.Equal(l.line.Kind, l.leaf.Kind) || l.line.Object != l.leaf.Object || l.line.Version != l.leaf.Version {
		about.Kind = BadColumn
		bad("the database finds entry %d as that of version %d of %s %s, which is not what it says", seq, l.line.Version, l.line.Kind, l.line.Object)
		about.Kind = BadDetails
	}
	if l.line.Details == nil {
		l.erased = append(l.erased, seq)
		if string(l.leaf.Kind) == string(tocsin.KindRedaction) || string(l.leaf.Action) == actionEpoch {
			about.Kind = SilentRedaction
			return bad("the details of entry %d are gone: it is about the log itself, and such entries are never redacted", seq)
		}
		return nil, l.line.PrevSeq
	}
	m := hmac.New(sha256.New, l.line.Nonce)
	m.Write(l.line.Details)
	if !bytes.Equal(m.Sum(l.scratch[:0]), l.leaf.Commitment[:]) {
		return bad("the details of entry %d are not those that it commits to", seq)
	}
	if err := proof.ParseDetails(l.line.Details, &l.details); err != nil {
		return bad("entry %d: %v", seq, err)
	}
	return &l.details, l.line.PrevSeq
}

// actionEpoch is what the log calls the opening of an epoch.
const actionEpoch = "audit.epoch"

// timeOf notes when the export began and how far behind that the log goes on.
func (v *verifier) timeOf(leaf *proof.Leaf) {
	if l := &v.log; leaf.Seq == v.meta.Head && string(leaf.Kind) == string(tocsin.KindAuditExport) {
		l.head, l.last = leaf.At, leaf.At
	} else if leaf.Seq > v.meta.Head {
		l.last = max(l.last, leaf.At)
	}
}

// special takes what entries about the log itself say.
func (v *verifier) special(d *proof.Details) {
	l := &v.log
	if d == nil {
		return
	}
	switch tocsin.Kind(l.leaf.Kind) {
	case tocsin.KindRedaction:
		for _, f := range d.After {
			if string(f.Name) != "entries" {
				continue
			}
			seqs, err := f.Numbers()
			if err != nil {
				v.found(Finding{Kind: BadDetails, Seq: l.leaf.Seq, Message: "a redaction does not say what it erased"})
			}
			for _, seq := range seqs {
				if seq < 1 || seq >= l.leaf.Seq {
					v.found(Finding{Kind: BadDetails, Seq: l.leaf.Seq, Message: fmt.Sprintf("entry %d says that it erased the details of entry %d, which is not before it", l.leaf.Seq, seq)})
					break
				}
				l.named[seq] = true
			}
		}
	case tocsin.KindOrganisation, tocsin.KindInstallation:
		v.takeEpoch(d)
	}
}

// judgeRedactions returns how many entries were redacted, and finds those whose
// details went without a word.
func (v *verifier) judgeRedactions() int {
	redacted := 0
	for _, seq := range v.log.erased {
		if v.log.named[seq] {
			redacted++
			continue
		}
		v.found(Finding{Kind: SilentRedaction, Seq: seq, Message: fmt.Sprintf("the details of entry %d are gone, and no redaction says so", seq)})
	}
	return redacted
}
