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

// A Filter selects entries; zero fields do not narrow.
type Filter struct {
	Kind   tocsin.Kind
	Object tocsin.ID
	// Actor is a user or an API key.
	Actor                 tocsin.ID
	Action, Door, Request string
	// From and To limit the time: From <= at < To.
	From, To time.Time
}

func (f Filter) takes(e tocsin.Entry) bool {
	return (f.Kind == "" || e.Kind == f.Kind) &&
		(f.Object.IsZero() || e.Object == f.Object) &&
		(f.Actor.IsZero() || e.User == f.Actor || e.Key == f.Actor) &&
		(f.Action == "" || e.Action == f.Action) &&
		(f.Door == "" || e.Door == f.Door) &&
		(f.Request == "" || e.Request == f.Request) &&
		(f.From.IsZero() || !e.At.Before(f.From)) &&
		(f.To.IsZero() || e.At.Before(f.To))
}

// A Page is a part of a log, the newest entry first.
type Page struct {
	Entries []tocsin.Entry
	// Next is what to go on before; 0 when there is no more. A page may be short,
	// or empty, and still have a next.
	Next int64
}

// Entries returns up to limit entries that match and have a sequence number
// below before; 0 begins with the newest. It looks at no more than MaxScan.
func (s *Service) Entries(ctx context.Context, actor tocsin.Actor, f Filter, before int64, limit int) (Page, error) {
	if err := s.mayView(ctx, actor); err != nil {
		return Page{}, err
	}
	if before <= 0 {
		before = math.MaxInt64
	}
	if f.Kind != "" && !f.Object.IsZero() {
		return s.ofObject(ctx, actor.Org, f, before, limit)
	}
	var page Page
	for scanned := 0; scanned < MaxScan; {
		records, err := s.store.LogBefore(ctx, actor.Org, before, min(scanPage, MaxScan-scanned))
		if err != nil {
			return Page{}, err
		}
		if len(records) == 0 {
			return page, nil
		}
		for _, r := range records {
			e, err := r.Entry()
			if err != nil {
				return Page{}, err
			}
			scanned, before = scanned+1, r.Seq
			if !f.takes(e) {
				continue
			}
			if page.Entries = append(page.Entries, e); len(page.Entries) == limit {
				page.Next = next(before)
				return page, nil
			}
		}
	}
	page.Next = next(before)
	return page, nil
}

// next returns where to go on after the entry seq: nowhere behind the first.
func next(seq int64) int64 {
	if seq <= 1 {
		return 0
	}
	return seq
}

// ofObject is Entries for one object, whose history is walked by itself.
func (s *Service) ofObject(ctx context.Context, org tocsin.ID, f Filter, before int64, limit int) (Page, error) {
	history, err := s.store.History(ctx, org, store.Key{Kind: f.Kind, ID: f.Object})
	if tocsin.CodeOf(err) == tocsin.NotFound {
		return Page{}, nil
	}
	if err != nil {
		return Page{}, err
	}
	var page Page
	for i, e := range slices.Backward(history) {
		if e.Seq >= before || !f.takes(e) {
			continue
		}
		if page.Entries = append(page.Entries, e); len(page.Entries) == limit {
			if i > 0 {
				page.Next = e.Seq
			}
			break
		}
	}
	return page, nil
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
