package audit

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"tocsin"
	"tocsin/internal/audit/proof"
	"tocsin/internal/store"
)

// rowsAtOnce is how many objects are read, and written to one file, at a time.
const rowsAtOnce = 1000

// maxRows is about how many bytes of objects one file has. A text may be as long
// as a request, and a verifier takes no file of any length.
const maxRows = 4 << 20

// maxWaits is how often an export looks whether the follower has caught up.
const maxWaits = 120

// exportedKinds are all kinds of object, those of the installation's log among them.
func exportedKinds() []tocsin.Kind {
	return []tocsin.Kind{
		tocsin.KindOrganisation, tocsin.KindProject, tocsin.KindDataset, tocsin.KindCheck, tocsin.KindUser,
		tocsin.KindRole, tocsin.KindGrant, tocsin.KindAPIKey, tocsin.KindInvitation, tocsin.KindIncident,
		tocsin.KindComment, tocsin.KindRedaction, tocsin.KindAuditExport, tocsin.KindInstallation, tocsin.KindRegistration,
	}
}

// Export writes the whole log of the actor's organisation as a .tar: what package
// verify needs, and nothing else. That it was taken is an entry of the log.
//
// No read lasts longer than a page. Objects are read first, the log behind them,
// so that no object is newer than the log; the checkpoint comes last, so that
// every redaction that took place meanwhile is within it.
func (s *Service) Export(ctx context.Context, actor tocsin.Actor, w io.Writer) error {
	if err := s.mayView(ctx, actor); err != nil {
		return err
	}
	head, err := s.recordExport(ctx, actor)
	if err != nil {
		return err
	}
	if _, err := s.treeOf(ctx, actor.Org, head); err != nil {
		return err // before the first byte
	}
	e := &export{Service: s, ctx: ctx, org: actor.Org, out: tar.NewWriter(w), now: s.now().UTC(), head: head, named: make(map[int64]bool)}
	return e.run()
}

// recordExport enters the export in the log and returns its sequence number.
func (s *Service) recordExport(ctx context.Context, actor tocsin.Actor) (int64, error) {
	size := int64(0)
	if newest, err := s.store.LogBefore(ctx, actor.Org, 1<<62, 1); err != nil {
		return 0, err
	} else if len(newest) > 0 {
		size = newest[0].Seq
	}
	id := s.newID()
	o, _, err := store.One[*tocsin.AuditExport](ctx, s.store, store.Command{
		Actor: actor,
		Keys:  []store.Key{{Kind: tocsin.KindAuditExport, ID: id}},
		Decide: func(v store.View) (store.Change, error) {
			if err := v.Authorise(actor, 0, tocsin.ViewAudit, tocsin.Target{}, tocsin.KindOrganisation); err != nil {
				return store.Change{}, err
			}
			return store.Change{Action: "audit.export", Objects: []tocsin.Object{
				&tocsin.AuditExport{Meta: tocsin.Meta{Org: actor.Org, ID: id}, Size: size},
			}}, nil
		},
	})
	if err != nil {
		return 0, err
	}
	return o.Seq, nil
}

// treeOf waits until the log's tree holds entry seq.
func (s *Service) treeOf(ctx context.Context, org tocsin.ID, seq int64) (store.Tree, error) {
	for range maxWaits {
		tree, err := s.store.Tree(ctx, org)
		if err != nil || tree.Size >= seq {
			return tree, err
		}
		if err := s.wait(ctx); err != nil {
			return store.Tree{}, err
		}
	}
	return store.Tree{}, notYet()
}

// export is one export on its way.
type export struct {
	*Service
	ctx  context.Context
	org  tocsin.ID
	out  *tar.Writer
	now  time.Time
	head int64
	// newest is the highest sequence number that an object showed.
	newest int64

	// done is how many entries were read; the others are of the bundle that is
	// not full yet.
	done                   int64
	entries, lines, hashes bytes.Buffer
	// erased are entries without details, named those that redactions name.
	erased []int64
	named  map[int64]bool
}

func (e *export) run() error {
	if err := e.describe(); err != nil {
		return err
	}
	e.newest = e.head
	for _, kind := range exportedKinds() {
		if err := e.objects(kind); err != nil {
			return err
		}
	}
	tree, err := e.log()
	if err != nil {
		return err
	}
	if err := e.flush(tree.Size); err != nil {
		return err
	}
	if err := e.tiles(tree.Size); err != nil {
		return err
	}
	if err := e.file("checkpoint", tree.Checkpoint); err != nil {
		return err
	}
	return e.out.Close()
}

func (e *export) file(name string, content []byte) error {
	h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(content)), Mode: 0o644, ModTime: e.now.Truncate(time.Second)}
	if err := e.out.WriteHeader(h); err != nil {
		return fmt.Errorf("write %s to the export: %w", name, err)
	}
	if _, err := e.out.Write(content); err != nil {
		return fmt.Errorf("write %s to the export: %w", name, err)
	}
	return nil
}

func (e *export) describe() error {
	installation := e.store.Installation()
	meta, err := json.MarshalIndent(map[string]any{
		"format": proof.ExportFormat, "origin": store.OriginOf(installation, e.org), "installation": installation.String(), "org": e.org.String(),
		"head": e.head, "time": e.now.Format(tocsin.TimeLayout),
	}, "", "  ")
	if err != nil {
		return err
	}
	if err := e.file("README.txt", []byte(readme)); err != nil {
		return err
	}
	return e.file("meta.json", append(meta, '\n'))
}

const readme = `This is the audit log of one organisation in Tocsin, with what is needed to prove it.

To verify it:  tocsin audit verify --key <verifier key> <this file or folder>
The verifier key is the one that the server printed when it was installed, kept
where nobody who runs the server can change it. Add checkpoints that you kept
from earlier, each with --since: they show that nothing was cut off or written
anew since.

meta.json                what this is, and how long the log was when it was begun
checkpoint               how many entries, under which root, signed (C2SP tlog-checkpoint)
tile/entries/...         the entries: their very bytes, each behind its length (C2SP tlog-tiles)
tile/<level>/...         the hashes of the Merkle tree over them (RFC 6962)
details/....jsonl        for each entry what changed, with the nonce of its commitment
objects/<kind>/...jsonl  the objects as the database has them
`

// objects writes all objects of a kind, a page a file.
func (e *export) objects(kind tocsin.Kind) error {
	page := store.Page{Limit: rowsAtOnce}
	n := 0
	flush := func(b []byte) error {
		if n++; len(b) == 0 {
			return nil
		}
		return e.file(fmt.Sprintf("objects/%s/%03d.jsonl", kind, n-1), b)
	}
	for {
		rows, err := e.store.List(e.ctx, e.org, kind, page)
		if err != nil {
			return fmt.Errorf("read objects of kind %s for the export: %w", kind, err)
		}
		var b []byte
		for _, o := range rows {
			b = append(proof.AppendRow(b, o, store.CanonicalFields(o)), '\n')
			e.newest = max(e.newest, o.Head().Seq)
			page.After = o.Head().ID
			if len(b) < maxRows {
				continue
			}
			if err := flush(b); err != nil {
				return err
			}
			b = nil
		}
		if err := flush(b); err != nil {
			return err
		}
		if len(rows) < rowsAtOnce {
			return nil
		}
	}
}

// log writes the entries, up to a checkpoint that holds every object and every
// redaction that shows in them.
func (e *export) log() (store.Tree, error) {
	tree, err := e.treeOf(e.ctx, e.org, e.newest)
	if err != nil {
		return store.Tree{}, err
	}
	for range maxWaits {
		if err := e.readTo(tree.Size); err != nil {
			return store.Tree{}, err
		}
		if e.explained() {
			return tree, nil
		}
		// A redaction that came after the checkpoint erased what was read before
		// it: take the log as far as it goes now.
		newest, err := e.store.LogBefore(e.ctx, e.org, 1<<62, 1)
		if err != nil || len(newest) == 0 || newest[0].Seq <= tree.Size {
			return tree, err // then nothing explains it, as an auditor will find
		}
		if tree, err = e.treeOf(e.ctx, e.org, newest[0].Seq); err != nil {
			return store.Tree{}, err
		}
	}
	return tree, nil
}

// explained reports whether redactions name all entries without details.
func (e *export) explained() bool {
	for _, seq := range e.erased {
		if !e.named[seq] {
			return false
		}
	}
	return true
}

// readTo reads the entries up to size and writes the bundles that are full.
func (e *export) readTo(size int64) error {
	for e.done < size {
		limit := min(size-e.done, proof.TileWidth-e.done%proof.TileWidth)
		records, err := e.store.Log(e.ctx, e.org, e.done, int(limit))
		if err != nil {
			return fmt.Errorf("read the log for the export: %w", err)
		}
		for seq := e.done + 1; seq <= e.done+limit; seq++ {
			if len(records) == 0 || records[0].Seq != seq {
				e.take(store.Record{Seq: seq}) // missing: the auditor is to see that
				continue
			}
			e.take(records[0])
			records = records[1:]
		}
		if e.done += limit; e.done%proof.TileWidth == 0 {
			if err := e.flush(e.done); err != nil {
				return err
			}
		}
	}
	return nil
}

// take adds one record to the bundle.
func (e *export) take(r store.Record) {
	if len(r.Leaf) > store.MaxLeaf {
		r.Leaf = nil // never written by Tocsin; the format has no room for it
	}
	e.entries.Write(binary.BigEndian.AppendUint16(nil, uint16(len(r.Leaf))))
	e.entries.Write(r.Leaf)
	e.hashes.Write(r.LeafHash[:])
	if len(r.Leaf) > 0 {
		line := proof.DetailsLine{
			Seq: r.Seq, Kind: []byte(r.Kind), Object: r.Object, Version: r.Version, PrevSeq: r.PrevSeq, Details: r.Details, Nonce: r.Nonce,
		}
		e.lines.Write(line.Append(nil))
		e.note(r)
	}
	e.lines.WriteByte('\n')
}

// note keeps who lacks details and whom a redaction names.
func (e *export) note(r store.Record) {
	if r.Details == nil {
		e.erased = append(e.erased, r.Seq)
	}
	if r.Kind != tocsin.KindRedaction || r.Details == nil {
		return
	}
	var d proof.Details
	if proof.ParseDetails(r.Details, &d) != nil {
		return
	}
	for _, f := range d.After {
		if string(f.Name) != "entries" {
			continue
		}
		seqs, _ := f.Numbers()
		for _, seq := range seqs {
			e.named[seq] = true
		}
	}
}

// flush writes the bundle that ends with entry size.
func (e *export) flush(size int64) error {
	if e.entries.Len() == 0 {
		return nil
	}
	n := (size - 1) / proof.TileWidth
	width := proof.Width(size, 0, n)
	for _, f := range []struct {
		name string
		from *bytes.Buffer
	}{
		{proof.EntriesPath(n, width), &e.entries},
		{"details/" + proof.Numbered(n, width) + ".jsonl", &e.lines},
		{proof.TilePath(0, n, width), &e.hashes},
	} {
		if err := e.file(f.name, f.from.Bytes()); err != nil {
			return err
		}
		f.from.Reset()
	}
	return nil
}

// tiles writes the tiles above the lowest level, as they are stored.
func (e *export) tiles(size int64) error {
	for level := 1; size>>(proof.TileHeight*level) > 0; level++ {
		for n := int64(0); proof.Width(size, level, n) > 0; n++ {
			width := proof.Width(size, level, n)
			tile, err := e.store.Tile(e.ctx, e.org, level, n)
			if err != nil {
				return fmt.Errorf("read the tree for the export: %w", err)
			}
			// What lies beyond belongs to a later checkpoint.
			tile = tile[:min(len(tile), width*tlog.HashSize)]
			if err := e.file(proof.TilePath(level, n, width), tile); err != nil {
				return err
			}
		}
	}
	return nil
}
