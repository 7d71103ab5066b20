package store

import (
	"fmt"
	"slices"

	"tocsin"
)

// What the commit path does about the terms of a command: no decision knows them.

// replay returns the outcome of asking again for what was made already, nil for
// the first time.
func (b *Batch) replay(actor tocsin.Actor) error {
	once := actor.Terms.Once
	if once == nil {
		return nil
	}
	r, there := b.replies[replyKey{actor.Org, once.Key}]
	switch {
	case !there || b.now.Sub(r.At) >= tocsin.ReplyLife:
		return nil
	case r.Fingerprint != once.Fingerprint:
		return tocsin.Errorf(tocsin.KeyReused, "this idempotency key was used for another request")
	default:
		return &tocsin.Replayed{Reply: r.Reply}
	}
}

// match applies the caller's precondition to a decision that came to err: what
// the actor may not see or do is said first (RFC 9110, section 13.2.1).
func (b *Batch) match(cmd Command, err error) error {
	m := cmd.Actor.Terms.Match
	switch code := tocsin.CodeOf(err); {
	case m == nil, code == tocsin.Unauthenticated, code == tocsin.Forbidden, code == tocsin.NotFound:
		return err
	}
	s := b.objects[objectKey{cmd.Actor.Org, Key{m.Kind, m.ID}}]
	switch {
	case !slices.Contains(cmd.Keys, Key{m.Kind, m.ID}), err == nil && s.cur == nil:
		// To pass over a precondition would be to lose somebody's change.
		return fmt.Errorf("a precondition is about a %s that its command does not change", m.Kind)
	case s.cur == nil || m.Holds(s.cur.Head().Version):
		return err
	}
	return &tocsin.StaleError{Current: s.cur, Match: *m}
}

// preview returns the outcome of a dry run.
func preview(action string, writes []write) error {
	p := &tocsin.Preview{}
	for _, w := range writes {
		after := tocsin.Fields(w.object)
		var before []tocsin.Field
		if w.state.cur != nil {
			before = tocsin.Fields(w.state.cur)
		}
		old, changed := tocsin.Diff(before, after)
		c := tocsin.ObjectChange{Action: action, Kind: w.object.Kind(), ID: w.meta.ID, Version: w.meta.Version}
		for i, f := range changed {
			fc := tocsin.FieldChange{Name: f.Name, New: f.Value}
			if old != nil {
				fc.Old = old[i].Value
			}
			c.Fields = append(c.Fields, fc)
		}
		p.Changes = append(p.Changes, c)
	}
	return p
}

// replyTo renders the reply that is to be stored, nil when none was asked for.
// It sees the objects with the Meta that they will have; nothing is applied to
// the batch yet, so it may fail.
func (b *Batch) replyTo(j *job, writes []write) (*StoredReply, error) {
	once := j.cmd.Actor.Terms.Once
	if once == nil {
		return nil, nil
	}
	for _, w := range writes {
		*w.object.Head() = w.meta
	}
	reply, err := once.Reply(j.result.Objects)
	if err != nil {
		return nil, fmt.Errorf("render the reply of a change: %w", err)
	}
	return &StoredReply{Org: j.cmd.Actor.Org, Key: once.Key, Fingerprint: once.Fingerprint, At: b.now, Reply: reply}, nil
}
