// Package audit reads the log, proves it and hands it out: entries, proofs of
// inclusion, exports, redactions, and the follower that signs what each log has
// come to. It must never hold up a change: everything here comes after the commit.
package audit

import (
	"context"
	"math"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"tocsin"
	"tocsin/internal/audit/proof"
	"tocsin/internal/store"
)

// Service is the use cases over a store.
type Service struct {
	store store.Store
	newID func() tocsin.ID
	now   func() time.Time
	// wait pauses between two looks at how far the follower is.
	wait func(context.Context) error
}

// Options are what a Service needs.
type Options struct {
	Store store.Store
	// NewID makes the ids of redactions and exports; Now is the clock.
	NewID func() tocsin.ID
	Now   func() time.Time
	// Wait pauses for a moment, or returns why it cannot: half a second, in a server.
	Wait func(context.Context) error
}

// New returns the use cases.
func New(o Options) *Service {
	return &Service{store: o.Store, newID: o.NewID, now: o.Now, wait: o.Wait}
}

// MaxScan is how many entries one call looks at, at most.
const MaxScan = 10_000

// scanPage is how many entries are read at a time.
const scanPage = 500

// Entries returns up to limit entries that match and have a sequence number
// below before, the newest first; 0 begins with the newest of all. It looks at no
// more than MaxScan entries and returns what to go on before, 0 when there is no
// more: there may be few entries, or none, and still a next.
func (s *Service) Entries(ctx context.Context, actor tocsin.Actor, q tocsin.EntryQuery, before int64, limit int) (found []tocsin.Entry, next int64, err error) {
	if err := s.mayView(ctx, actor); err != nil {
		return nil, 0, err
	}
	if before <= 0 {
		before = math.MaxInt64
	}
	if q.Kind != "" && !q.Object.IsZero() {
		return s.ofObject(ctx, actor.Org, q, before, limit)
	}
	for scanned := 0; scanned < MaxScan; {
		records, err := s.store.LogBefore(ctx, actor.Org, before, min(scanPage, MaxScan-scanned))
		if err != nil || len(records) == 0 {
			return found, 0, err
		}
		for _, r := range records {
			e, err := r.Entry()
			if err != nil {
				return nil, 0, err
			}
			scanned, before = scanned+1, r.Seq
			if !q.Takes(e) {
				continue
			}
			if found = append(found, e); len(found) == limit {
				return found, behind(before), nil
			}
		}
	}
	return found, behind(before), nil
}

// behind returns where to go on after the entry seq: nowhere behind the first.
func behind(seq int64) int64 {
	if seq <= 1 {
		return 0
	}
	return seq
}

// ofObject is Entries for one object, whose history is walked by itself.
func (s *Service) ofObject(ctx context.Context, org tocsin.ID, q tocsin.EntryQuery, before int64, limit int) (found []tocsin.Entry, next int64, err error) {
	history, err := s.store.History(ctx, org, store.Key{Kind: q.Kind, ID: q.Object})
	if tocsin.CodeOf(err) == tocsin.NotFound {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	for i, e := range slices.Backward(history) {
		if e.Seq >= before || !q.Takes(e) {
			continue
		}
		if found = append(found, e); len(found) == limit {
			if i > 0 {
				next = e.Seq
			}
			break
		}
	}
	return found, next, nil
}

// Entry returns one entry.
func (s *Service) Entry(ctx context.Context, actor tocsin.Actor, seq int64) (tocsin.Entry, error) {
	if err := s.mayView(ctx, actor); err != nil {
		return tocsin.Entry{}, err
	}
	r, err := s.record(ctx, actor.Org, seq)
	if err != nil {
		return tocsin.Entry{}, err
	}
	return r.Entry()
}

// record returns one record of the log.
func (s *Service) record(ctx context.Context, org tocsin.ID, seq int64) (store.Record, error) {
	if seq >= 1 {
		records, err := s.store.Log(ctx, org, seq-1, 1)
		if err != nil {
			return store.Record{}, err
		}
		if len(records) == 1 && records[0].Seq == seq {
			return records[0], nil
		}
	}
	return store.Record{}, tocsin.Errorf(tocsin.NotFound, "the log has no entry %d", seq)
}

// notYet is the answer while the follower has still to sign what is asked for.
func notYet() error {
	return &tocsin.Error{Code: tocsin.Busy, Message: "this part of the log has not been signed yet", RetryAfter: time.Second}
}

// Checkpoint returns the newest signed checkpoint of the actor's log (C2SP
// tlog-checkpoint), or Busy while there is none.
func (s *Service) Checkpoint(ctx context.Context, actor tocsin.Actor) ([]byte, error) {
	if err := s.mayView(ctx, actor); err != nil {
		return nil, err
	}
	tree, err := s.store.Tree(ctx, actor.Org)
	if err != nil {
		return nil, err
	}
	if len(tree.Checkpoint) == 0 {
		return nil, notYet()
	}
	return tree.Checkpoint, nil
}

// Proof returns a proof that an entry is in the log (C2SP tlog-proof), or Busy
// while no checkpoint holds it.
func (s *Service) Proof(ctx context.Context, actor tocsin.Actor, seq int64) ([]byte, error) {
	if err := s.mayView(ctx, actor); err != nil {
		return nil, err
	}
	r, err := s.record(ctx, actor.Org, seq)
	if err != nil {
		return nil, err
	}
	tree, err := s.store.Tree(ctx, actor.Org)
	if err != nil {
		return nil, err
	}
	if seq > tree.Size || len(tree.Checkpoint) == 0 {
		return nil, notYet()
	}
	path, err := tlog.ProveRecord(tree.Size, seq-1, newHashes(ctx, s.store, actor.Org))
	if err != nil {
		return nil, err
	}
	c, err := proof.ParseCheckpoint(tree.Checkpoint)
	if err != nil {
		return nil, err
	}
	// A proof that does not hold would only raise alarm later, elsewhere.
	if err := tlog.CheckRecord(path, c.Size, c.Root, seq-1, r.LeafHash); err != nil {
		return nil, err
	}
	return proof.Inclusion{Index: seq - 1, Path: path, Checkpoint: tree.Checkpoint}.Format(), nil
}

// Keys returns the verifier keys of the installation, the present one last, or
// Busy while it has none. They are no secret.
func (s *Service) Keys(ctx context.Context) ([]string, error) {
	i, err := installation(ctx, s.store)
	if err != nil {
		return nil, err
	}
	if i == nil || len(i.Keys) == 0 {
		return nil, notYet()
	}
	return i.Keys, nil
}

// mayView refuses who may not read the log.
func (s *Service) mayView(ctx context.Context, actor tocsin.Actor) error {
	return s.may(ctx, actor, tocsin.ViewAudit, "this key may not read the audit log")
}

func (s *Service) may(ctx context.Context, actor tocsin.Actor, p tocsin.Permissions, refusal string) error {
	if actor.Kind == tocsin.ActorSystem {
		return nil
	}
	a, err := s.store.Access(ctx, actor.Key)
	switch {
	case tocsin.CodeOf(err) == tocsin.NotFound:
		return tocsin.Errorf(tocsin.Unauthenticated, "this needs an API key")
	case err != nil:
		return err
	case a.Key.Org != actor.Org || !a.May(p, tocsin.Target{}):
		return tocsin.Errorf(tocsin.Forbidden, "%s", refusal)
	}
	return a.Check(s.now())
}
