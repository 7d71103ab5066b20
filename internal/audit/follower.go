package audit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"tocsin"
	"tocsin/internal/audit/proof"
	"tocsin/internal/store"
)

const (
	// leaseName and leaseFor are of the right to sign.
	leaseName = "audit"
	leaseFor  = 10 * time.Second
	// maxGrowth is how many entries of a log are taken in one round at most, so
	// that no log waits long for another.
	maxGrowth = 64 * leavesAtOnce
	// MaxLag is how far behind the follower may be before the server is not ready.
	MaxLag = time.Minute
)

// FollowerOptions are what a Follower needs.
type FollowerOptions struct {
	Store store.Store
	// KeyFile holds the signing key; it is made when the installation is new.
	KeyFile string
	// StateDir is where this node keeps the last checkpoints that it saw.
	StateDir string
	// Holder names this node: another name for each process.
	Holder string
	Random io.Reader
	Now    func() time.Time
	Logger *slog.Logger
}

// A Follower keeps each log's tree and signs what it comes to. One node at a
// time does; the others watch that what it signs continues what they saw.
type Follower struct {
	FollowerOptions
	state *State
	key   *signingKey
	// checked are the logs that this process has examined, registered those that
	// are in the installation's log. keysAt is its length when the key was checked.
	checked, registered map[tocsin.ID]bool
	keysAt              int64
	// oldest is the time of a log's first entry that is not signed.
	oldest map[tocsin.ID]unsigned
	said   map[string]bool

	mu     sync.Mutex
	status Status
	// behind is since when there may be entries that are not signed.
	behind time.Time
}

type unsigned struct {
	seq int64
	at  time.Time
}

// A Status says how far the follower is.
type Status struct {
	// Lag is the age of the oldest entry that no checkpoint may hold: of the oldest
	// known, or of what came since the last look at the logs that succeeded.
	Lag time.Duration
	// Unsigned is how many entries no checkpoint held after the last look.
	Unsigned int64
	// Refused are the logs that will not be signed, with the reason.
	Refused []Refusal
	// KeyError says why this node cannot sign at all, though another might.
	KeyError string
	// Err is what went wrong in the last round.
	Err error
}

// A Refusal is a log that will not be signed until somebody acts.
type Refusal struct {
	Org    tocsin.ID
	Reason string
}

// Ready returns nil while the logs are proven as they should be, or why not.
func (s Status) Ready() error {
	switch {
	case len(s.Refused) > 0:
		return fmt.Errorf("the log of %s is not signed: %s", s.Refused[0].Org, s.Refused[0].Reason)
	case s.Lag <= MaxLag:
		return nil
	case s.KeyError != "":
		return fmt.Errorf("the log is not signed: %s", s.KeyError)
	case s.Err != nil:
		return fmt.Errorf("the log is not signed: %w", s.Err)
	default:
		return fmt.Errorf("the log has entries that are %s old and not signed", s.Lag.Round(time.Second))
	}
}

// NewFollower returns a follower; Run makes it work.
func NewFollower(o FollowerOptions) *Follower {
	return &Follower{
		FollowerOptions: o, checked: make(map[tocsin.ID]bool), registered: make(map[tocsin.ID]bool),
		oldest: make(map[tocsin.ID]unsigned), said: make(map[string]bool), behind: o.Now(),
	}
}

// Status returns how things stand. A follower that hangs falls behind.
func (f *Follower) Status() Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.status
	s.Lag = f.Now().Sub(f.behind)
	return s
}

// Run follows until ctx ends, a round a tick, and at once while there is more.
func (f *Follower) Run(ctx context.Context, tick <-chan time.Time) {
	for ctx.Err() == nil {
		if more, err := f.Round(ctx); more && err == nil {
			continue
		}
		select {
		case <-tick:
		case <-ctx.Done():
		}
	}
}

// Round looks at every log once and signs what has come since. It reports
// whether there is more to do at once.
func (f *Follower) Round(ctx context.Context) (more bool, err error) {
	r := &round{Follower: f, ctx: ctx, news: make(map[tocsin.ID]proof.Checkpoint)}
	began := f.Now()
	more, err = r.run()
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	if err != nil {
		f.say("following the log failed", err.Error())
	}
	r.status.Err = err
	since := r.unsignedSince(began)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status = r.status
	if err == nil {
		f.behind = since
	}
	return more, err
}

// say tells the operator once what will not change by itself.
func (f *Follower) say(what, why string) {
	if !f.said[what+why] {
		f.said[what+why] = true
		f.Logger.Error(what, "reason", why)
	}
}

// A round is one look at all logs.
type round struct {
	*Follower
	ctx    context.Context
	status Status
	logs   []store.LogState
	// pending are the logs with entries to sign, with their newest checkpoint.
	pending []pendingLog
	// news are the checkpoints to keep.
	news map[tocsin.ID]proof.Checkpoint
}

type pendingLog struct {
	store.LogState
	// epoch is that of the last checkpoint, 0 for none.
	epoch int64
}

func (r *round) run() (more bool, err error) {
	if err := r.open(); err != nil {
		return false, err
	}
	if r.logs, err = r.Store.Logs(r.ctx); err != nil {
		return false, err
	}
	for _, log := range r.logs { // what is wrong with one must not hold up the others
		err = errors.Join(err, r.look(log))
	}
	r.missing()
	more, failed := r.advance()
	if err = errors.Join(err, failed); len(r.news) > 0 {
		err = errors.Join(err, r.state.keep(r.news))
	}
	return more, err
}

// open reads the node's own file: at first, and while a log is refused, for an
// operator may have changed it.
func (r *round) open() error {
	if r.state != nil && len(r.Status().Refused) == 0 {
		return nil
	}
	s, err := OpenState(r.StateDir)
	if err == nil {
		r.state = s
	}
	return err
}

// look judges one log and notes what there is to do.
func (r *round) look(log store.LogState) error {
	org := log.Tree.Org
	kept, _ := r.state.Kept(org)
	c, no, err := judge(r.ctx, r.Store, log, kept)
	if err != nil {
		return err
	}
	if no == nil && c.Size > 0 && (!r.checked[org] || string(c.Text) != string(kept.Text)) {
		if no, err = r.meet(org, c, kept); err != nil {
			return err
		}
	}
	epoch := max(c.Epoch, kept.Epoch)
	switch {
	case no == nil:
		r.checked[org] = r.checked[org] || c.Size > 0
		if c.Size > 0 && string(c.Text) != string(kept.Text) {
			r.news[org] = c
		}
	case no.restored:
		holder, err := holderOf(r.ctx, r.Store, org)
		if err != nil {
			return err
		}
		if holder.epoch <= kept.Epoch {
			r.refuse(org, no.reason)
			return nil
		}
	default:
		r.refuse(org, no.reason)
		return nil
	}
	if log.Seq > log.Tree.Size {
		r.pending = append(r.pending, pendingLog{log, epoch})
	}
	return nil
}

// meet judges a checkpoint that is not the one that this node kept: who signed it
// and, when the process sees the log or its epoch for the first time, whether
// the tree is there that it is of.
func (r *round) meet(org tocsin.ID, c, kept proof.Checkpoint) (*refusal, error) {
	keys, err := r.keys()
	if err != nil {
		return nil, err
	}
	if _, err := proof.OpenCheckpoint(c.Text, keys); err != nil {
		return damaged("the stored checkpoint is not signed by this installation: %v", err), nil
	}
	if r.checked[org] && c.Epoch == kept.Epoch {
		return nil, nil
	}
	return examine(r.ctx, r.Store, c, org), nil
}

func (r *round) refuse(org tocsin.ID, reason string) {
	r.status.Refused = append(r.status.Refused, Refusal{org, reason})
	r.say("a log is not signed any more", "organisation "+org.String()+": "+reason)
}

// missing refuses the logs that this node knows and the database does not.
func (r *round) missing() {
	for org, kept := range r.state.kept {
		if !slices.ContainsFunc(r.logs, func(l store.LogState) bool { return l.Tree.Org == org }) {
			r.refuse(org, restored(kept, "does not know this log").reason)
		}
	}
}

// advance signs what is pending, if this node may and can.
func (r *round) advance() (more bool, err error) {
	strangers := r.unregistered()
	if len(r.pending) == 0 && len(strangers) == 0 && r.known() {
		return false, nil
	}
	if problem, err := r.prepareKey(); err != nil || problem != "" {
		if r.status.KeyError = problem; problem != "" {
			r.say("this node cannot sign the log", problem)
		}
		return false, err
	}
	lease, mine, err := r.Store.Lease(r.ctx, leaseName, r.Holder, leaseFor)
	if err != nil || !mine {
		return false, err
	}
	if !r.known() {
		return true, r.begin()
	}
	if err := r.register(strangers); err != nil {
		return false, err
	}
	more, err = r.sign(lease)
	return more || len(strangers) > 0, err
}

// sign grows and signs all that is pending, in one transaction.
func (r *round) sign(lease store.Lease) (more bool, failed error) {
	var grown []store.Growth
	signed := make(map[tocsin.ID]proof.Checkpoint)
	for _, p := range r.pending {
		g, c, err := r.signOne(p)
		failed = errors.Join(failed, err)
		if err != nil || c.Size == 0 {
			continue
		}
		grown, signed[p.Tree.Org] = append(grown, g), c
		more = more || c.Size < p.Seq
	}
	if len(grown) == 0 {
		return false, failed
	}
	err := r.Store.SaveTrees(r.ctx, lease, grown)
	if errors.Is(err, store.ErrLost) {
		return false, failed // another node signs now
	}
	if err == nil {
		maps.Copy(r.news, signed)
	}
	return more && err == nil, errors.Join(failed, err)
}

// signOne returns a log's growth with its checkpoint, or a zero checkpoint for
// one that must wait for the next round.
func (r *round) signOne(p pendingLog) (store.Growth, proof.Checkpoint, error) {
	org := p.Tree.Org
	holder, err := holderOf(r.ctx, r.Store, org)
	if err != nil {
		return store.Growth{}, proof.Checkpoint{}, err
	}
	no, err := judgeEpoch(r.ctx, r.Store, holder, max(p.epoch, 1))
	if err != nil {
		return store.Growth{}, proof.Checkpoint{}, err
	}
	if no != nil {
		r.refuse(org, no.reason)
		return store.Growth{}, proof.Checkpoint{}, nil
	}
	to := min(p.Seq, p.Tree.Size+maxGrowth)
	if holder.epoch > max(p.epoch, 1) {
		// The first checkpoint of an epoch holds the entry that opens it.
		if to = p.Seq; to < holder.object.Head().Seq {
			return store.Growth{}, proof.Checkpoint{}, nil
		}
	}
	g, tree, err := grow(r.ctx, r.Store, p.LogState, to)
	if err != nil {
		return store.Growth{}, proof.Checkpoint{}, err
	}
	c := proof.Checkpoint{Log: store.OriginOf(r.Store.Installation(), org), Epoch: holder.epoch, Size: tree.Size, Root: tree.Root()}
	if c.Text, err = proof.SignCheckpoint(c, r.key); err != nil {
		return store.Growth{}, proof.Checkpoint{}, err
	}
	g.Tree.Checkpoint = c.Text
	return g, c, nil
}

// unsignedSince counts the entries that are not signed after this round, which
// began at the time now, and returns the time of the oldest.
func (r *round) unsignedSince(now time.Time) time.Time {
	since := now
	for _, log := range r.logs {
		size := log.Tree.Size
		if c, ok := r.news[log.Tree.Org]; ok {
			size = c.Size
		}
		if log.Seq <= size {
			delete(r.oldest, log.Tree.Org)
			continue
		}
		r.status.Unsigned += log.Seq - size
		first := r.oldest[log.Tree.Org]
		if first.seq != size+1 {
			first = unsigned{size + 1, now}
			if records, err := r.Store.Log(r.ctx, log.Tree.Org, size, 1); err == nil && len(records) > 0 {
				if e, err := records[0].Entry(); err == nil {
					first.at = e.At
				}
			}
			r.oldest[log.Tree.Org] = first
		}
		if first.at.Before(since) {
			since = first.at
		}
	}
	return since
}

// known reports whether the installation has a log of its own.
func (r *round) known() bool { return r.installationSeq() > 0 }

func (r *round) installationSeq() int64 {
	for _, log := range r.logs {
		if log.Tree.Org == r.Store.Installation() {
			return log.Seq
		}
	}
	return 0
}
