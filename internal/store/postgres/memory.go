package postgres

import (
	"tocsin"
	"tocsin/internal/store"
)

// maxKnown bounds the objects that a connection remembers; past it, it forgets
// them all.
const maxKnown = 64 << 10

// A memory is what a connection knows of organisations from its own commits.
// Every change moves its organisation's head, so a head found under its lock
// where this connection left it says that nothing else has changed either. It
// belongs to the connection and ends with it: after a failover, heads may come
// to the same place another way.
type memory struct {
	orgs map[tocsin.ID]*known
	size int
}

// known is what is known of one organisation.
type known struct {
	// seq is where the head was when all of this was so.
	seq int64
	// steady says that nobody else had moved the head at the last look. Only
	// then is it worth hoping that nobody has again.
	steady  bool
	objects map[store.Key]tocsin.Object
	access  map[tocsin.ID]*tocsin.Access
}

// of returns what is known of an organisation, to be added to.
func (m *memory) of(org tocsin.ID) *known {
	if m.orgs == nil || m.size >= maxKnown {
		m.orgs, m.size = make(map[tocsin.ID]*known), 0
	}
	k := m.orgs[org]
	if k == nil {
		k = &known{seq: -1}
		k.forget()
		m.orgs[org] = k
	}
	return k
}

func (k *known) forget() {
	k.objects = make(map[store.Key]tocsin.Object)
	k.access = make(map[tocsin.ID]*tocsin.Access)
}

// saw compares what is known with the head as it now is, and reports whether it
// still holds.
func (k *known) saw(seq int64) bool {
	if k.steady = k.seq == seq; !k.steady {
		k.seq = seq
		k.forget()
	}
	return k.steady
}

// remember keeps an object that was read or written under its head's lock.
func (m *memory) remember(o tocsin.Object) {
	meta := o.Head()
	m.size++
	m.of(meta.Org).objects[store.Key{Kind: o.Kind(), ID: meta.ID}] = o
}

// rememberAccess keeps what a key of the organisation may do.
func (m *memory) rememberAccess(org tocsin.ID, a *tocsin.Access) {
	if a.Key.Org == org {
		m.size++
		m.of(org).access[a.Key.ID] = a
	}
}

// committed keeps what a batch has made durable.
func (m *memory) committed(b *store.Batch) {
	touched := b.TouchesAccess()
	_ = b.Heads(func(h store.Head) error {
		k := m.of(h.Org)
		if k.seq = h.Seq; touched {
			k.access = make(map[tocsin.ID]*tocsin.Access)
		}
		return nil
	})
	_ = b.Objects(func(_, o tocsin.Object) error {
		m.remember(o)
		return nil
	})
}

// forget drops everything, after a commit that failed or may have.
func (m *memory) forget() { m.orgs, m.size = nil, 0 }
