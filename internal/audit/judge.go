package audit

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"tocsin"
	"tocsin/internal/audit/proof"
	"tocsin/internal/store"
)

// A refusal is why a log must not be signed.
type refusal struct {
	reason string
	// restored: the database is an older copy than one that was signed before.
	// That can be recorded, by opening an epoch; damage cannot.
	restored bool
}

func damaged(format string, args ...any) *refusal {
	return &refusal{reason: fmt.Sprintf(format, args...) + "; restore a backup of the database, and keep this one for whoever looks into it"}
}

func restored(kept proof.Checkpoint, format string, args ...any) *refusal {
	return &refusal{restored: true, reason: fmt.Sprintf("this node saw a checkpoint of %d entries (epoch %d), and the database %s: it is an older copy, or was changed; "+
		"if you restored a backup, record that with tocsin admin audit-epoch", kept.Size, kept.Epoch, fmt.Sprintf(format, args...))}
}

// judge holds what the database says of a log's tree against the checkpoint that
// this node kept (a zero one if none), and returns why the log must not be
// signed, or nil. It returns the database's own checkpoint too.
func judge(ctx context.Context, from store.Trees, log store.LogState, kept proof.Checkpoint) (proof.Checkpoint, *refusal, error) {
	t := log.Tree
	if len(t.Checkpoint) == 0 {
		if kept.Size > 0 {
			return proof.Checkpoint{}, restored(kept, "has none of this log"), nil
		}
		return proof.Checkpoint{}, nil, nil
	}
	c, err := proof.ParseCheckpoint(t.Checkpoint)
	if err != nil {
		return c, damaged("the stored checkpoint cannot be read: %v", err), nil
	}
	tree, err := proof.OpenTree(t.Size, t.Edge)
	switch {
	case err != nil, c.Size != t.Size, c.Root != tree.Root():
		return c, damaged("the stored tree is not the one that its checkpoint is of"), nil
	case kept.Size == 0, bytes.Equal(kept.Text, c.Text):
	case c.Log != kept.Log:
		return c, restored(kept, "has one of another log, %s", c.Log), nil
	case c.Epoch > kept.Epoch: // another node has gone on after a restore
		return c, nil, nil
	case c.Epoch < kept.Epoch:
		return c, restored(kept, "has one of epoch %d", c.Epoch), nil
	case c.Size < kept.Size:
		return c, restored(kept, "has one of %d entries", c.Size), nil
	default:
		root, err := tlog.TreeHash(kept.Size, newHashes(ctx, from, t.Org))
		if err != nil {
			return c, nil, fmt.Errorf("read the tree of organisation %s: %w", t.Org, err)
		}
		if root != kept.Root {
			return c, restored(kept, "has other entries there"), nil
		}
	}
	if log.Seq < t.Size {
		return c, damaged("the log has %d entries, %d of which were signed", log.Seq, t.Size), nil
	}
	return c, nil, nil
}

// examine is judge's thorough sister, for a first look: that tiles and leaf hashes
// come to the checkpoint's root.
func examine(ctx context.Context, from store.Trees, c proof.Checkpoint, org tocsin.ID) *refusal {
	root, err := tlog.TreeHash(c.Size, newHashes(ctx, from, org))
	switch {
	case ctx.Err() != nil:
		return nil
	case err != nil:
		return damaged("the stored tree cannot be read: %v", err)
	case root != c.Root:
		return damaged("the stored tiles are not those of the signed tree")
	}
	return nil
}

// An epochHolder is the object that says how often a log was taken up again.
type epochHolder struct {
	object tocsin.Object
	epoch  int64
}

// holderOf reads the object that a log begins with.
func holderOf(ctx context.Context, s store.Store, org tocsin.ID) (epochHolder, error) {
	kind := tocsin.KindOrganisation
	if org == s.Installation() {
		kind = tocsin.KindInstallation
	}
	o, err := s.Get(ctx, org, store.Key{Kind: kind, ID: org})
	if err != nil {
		return epochHolder{}, err
	}
	return holderFrom(o), nil
}

// judgeEpoch says why a log must not be signed in the epoch that its holder names,
// when last is that which was signed last: epochs only rise, each with its entry.
func judgeEpoch(ctx context.Context, s store.Store, h epochHolder, last int64) (*refusal, error) {
	if h.epoch == last {
		return nil, nil
	}
	org := h.object.Head().Org
	history, err := s.History(ctx, org, store.Key{Kind: h.object.Kind(), ID: org})
	if err != nil {
		return nil, err
	}
	opened := slices.ContainsFunc(history, func(e tocsin.Entry) bool {
		c, ok := e.Change("audit_epoch")
		return ok && e.Action == ActionEpoch && c.New.AsInt() == h.epoch
	})
	if h.epoch < last || !opened {
		return damaged("the database has the log in epoch %d, epoch %d was signed last, and no entry opens another", h.epoch, last), nil
	}
	return nil, nil
}

func holderFrom(o tocsin.Object) epochHolder {
	h := epochHolder{object: o}
	switch o := o.(type) {
	case *tocsin.Organisation:
		h.epoch = o.AuditEpoch
	case *tocsin.Installation:
		h.epoch = o.AuditEpoch
	}
	h.epoch = max(h.epoch, 1)
	return h
}

// with returns a copy of the object in a new epoch.
func (h epochHolder) with(epoch int64, previous string) tocsin.Object {
	switch o := h.object.(type) {
	case *tocsin.Organisation:
		next := *o
		next.AuditEpoch, next.AuditPrevious = epoch, previous
		return &next
	case *tocsin.Installation:
		next := *o
		next.AuditEpoch, next.AuditPrevious = epoch, previous
		return &next
	default:
		return h.object
	}
}
