package store

import (
	"time"

	"tocsin"
)

// A StoredReply is the reply to a change that was asked for once.
type StoredReply struct {
	Org tocsin.ID
	// Key and Fingerprint are those of the tocsin.Once.
	Key, Fingerprint [32]byte
	// At is when it was made; after tocsin.ReplyLife it counts no more.
	At    time.Time
	Reply tocsin.Reply
}

// replyKey names a reply within a batch.
type replyKey struct {
	org tocsin.ID
	key [32]byte
}

// WantReplies calls yield once for each stored reply to be loaded.
func (b *Batch) WantReplies(yield func(org tocsin.ID, key [32]byte)) {
	seen := make(map[replyKey]bool)
	for _, j := range b.jobs {
		once := j.cmd.Actor.Terms.Once
		if once == nil {
			continue
		}
		if k := (replyKey{j.cmd.Actor.Org, once.Key}); !seen[k] {
			seen[k] = true
			yield(k.org, k.key)
		}
	}
}

// SetReply gives the batch a stored reply, read under the head's lock.
func (b *Batch) SetReply(r StoredReply) {
	if b.replies == nil {
		b.replies = make(map[replyKey]StoredReply)
	}
	b.replies[replyKey{r.Org, r.Key}] = r
}

// Replies calls yield for each reply to be stored in place of an older one.
func (b *Batch) Replies(yield func(StoredReply) error) error {
	for _, r := range b.newReplies {
		if err := yield(r); err != nil {
			return err
		}
	}
	return nil
}
