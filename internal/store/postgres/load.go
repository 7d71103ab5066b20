package postgres

import (
	"time"

	"github.com/jackc/pgx/v5"

	"tocsin"
	"tocsin/internal/store"
	"tocsin/internal/store/sqlstore"
)

const (
	// clockSQL reads the database's clock as whole microseconds since 1970.
	clockSQL = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
	// headSQL locks a head. Readers are not in its way.
	headSQL = sqlstore.HeadSQL + " FOR NO KEY UPDATE"
)

// A loader gives a batch what it wants, from the database or from memory.
type loader struct {
	batch  *store.Batch
	memory *memory
	orgs   map[tocsin.ID]*wanted
}

// wanted is what a batch wants of one organisation.
type wanted struct {
	objects []store.Key
	keys    []tocsin.ID
	// remembered: nothing was read, as all is known if the head has not moved.
	remembered bool
}

func newLoader(b *store.Batch, m *memory) *loader {
	l := &loader{batch: b, memory: m, orgs: make(map[tocsin.ID]*wanted, 1)}
	b.WantObjects(func(org tocsin.ID, key store.Key) {
		w := l.of(org)
		w.objects = append(w.objects, key)
	})
	b.WantAccess(func(org, key tocsin.ID) {
		w := l.of(org)
		w.keys = append(w.keys, key)
	})
	for org, w := range l.orgs {
		w.remembered = l.known(org, w)
	}
	return l
}

func (l *loader) of(org tocsin.ID) *wanted {
	w := l.orgs[org]
	if w == nil {
		w = new(wanted)
		l.orgs[org] = w
	}
	return w
}

// known reports whether memory has all that is wanted of an organisation whose
// head nobody else has moved of late.
func (l *loader) known(org tocsin.ID, w *wanted) bool {
	k := l.memory.orgs[org]
	if k == nil || !k.steady {
		return false
	}
	for _, key := range w.objects {
		if k.objects[key] == nil {
			return false
		}
	}
	for _, key := range w.keys {
		if k.access[key] == nil {
			return false
		}
	}
	return true
}

// first returns the first round trip: the heads' locks, then under them the
// database's clock and whatever is not remembered.
func (l *loader) first() []request {
	requests := []request{{Statement: sqlstore.Statement{SQL: beginSQL, Any: true}}}
	for _, org := range l.batch.Orgs() {
		requests = append(requests, request{
			Statement: sqlstore.Statement{SQL: headSQL, Args: []any{org[:]}},
			read: func(rows pgx.Rows) error {
				h := store.Head{Org: org}
				for rows.Next() {
					if err := rows.Scan(&h.Seq, &h.Number); err != nil {
						return err
					}
					l.batch.SetHead(h)
				}
				l.sawHead(h)
				return nil
			},
		})
	}
	requests = append(requests, request{
		Statement: sqlstore.Statement{SQL: clockSQL},
		read: func(rows pgx.Rows) error {
			var now int64
			for rows.Next() {
				if err := rows.Scan(&now); err != nil {
					return err
				}
			}
			l.batch.SetNow(time.UnixMicro(now))
			return nil
		},
	})
	l.batch.WantReplies(func(org tocsin.ID, key [32]byte) { requests = append(requests, l.replyRead(org, key)) })
	return append(requests, l.reads(false)...)
}

// replyRead reads a stored reply, which nothing remembers.
func (l *loader) replyRead(org tocsin.ID, key [32]byte) request {
	return request{
		Statement: sqlstore.Statement{SQL: sqlstore.LoadReplySQL, Args: []any{org[:], key[:]}},
		read: func(rows pgx.Rows) error {
			for rows.Next() {
				r, err := sqlstore.ScanReply(org, key, rows)
				if err != nil {
					return err
				}
				l.batch.SetReply(r)
			}
			return nil
		},
	}
}

// sawHead hands what is remembered to the batch, or marks it to be read after
// all where the head has moved.
func (l *loader) sawHead(h store.Head) {
	k, w := l.memory.of(h.Org), l.orgs[h.Org]
	if holds := k.saw(h.Seq); w == nil || !w.remembered || !holds {
		return
	}
	for _, key := range w.objects {
		l.batch.SetObject(k.objects[key])
	}
	for _, key := range w.keys {
		l.batch.SetAccess(k.access[key])
	}
}

// second returns a further round trip, for what was hoped to be known and is
// not; mostly it is empty.
func (l *loader) second() []request { return l.reads(true) }

// reads returns the requests of what must be read: of organisations that were
// not remembered, or of those that were and whose head has moved since.
func (l *loader) reads(moved bool) []request {
	var requests []request
	var objects objectReads
	for _, org := range l.batch.Orgs() {
		w := l.orgs[org]
		if w == nil || w.remembered != moved || moved && l.memory.of(org).steady {
			continue
		}
		for _, key := range w.keys {
			requests = append(requests, l.accessRead(org, key))
		}
		for _, key := range w.objects {
			objects.add(org, key)
		}
	}
	for _, kind := range objects.kinds {
		requests = append(requests, l.objectRead(kind, objects.orgs[kind], objects.ids[kind]))
	}
	return requests
}

// objectReads collects the names of objects by kind, in order of appearance.
type objectReads struct {
	kinds     []tocsin.Kind
	orgs, ids map[tocsin.Kind]list
}

func (r *objectReads) add(org tocsin.ID, key store.Key) {
	if r.ids == nil {
		r.orgs, r.ids = make(map[tocsin.Kind]list, 1), make(map[tocsin.Kind]list, 1)
	}
	if r.ids[key.Kind] == nil {
		r.kinds = append(r.kinds, key.Kind)
	}
	r.orgs[key.Kind] = append(r.orgs[key.Kind], org[:])
	r.ids[key.Kind] = append(r.ids[key.Kind], key.ID[:])
}

func (l *loader) objectRead(kind tocsin.Kind, orgs, ids list) request {
	r := request{
		Statement: sqlstore.Statement{SQL: sqlstore.LoadObjectSQL(kind), Args: []any{orgs[0], ids[0]}},
		read: func(rows pgx.Rows) error {
			for rows.Next() {
				o, err := sqlstore.ScanObject(kind, rows)
				if err != nil {
					return err
				}
				l.batch.SetObject(o)
				l.memory.remember(o)
			}
			return nil
		},
	}
	if len(ids) > 1 {
		r.SQL = sqlstore.SelectSQL(kind) + " WHERE (org_id, id) IN (SELECT * FROM unnest($1::bytea[], $2::bytea[]))"
		r.Args = []any{orgs, ids}
	}
	return r
}

func (l *loader) accessRead(org, key tocsin.ID) request {
	return request{
		Statement: sqlstore.LoadAccess(key),
		read: func(rows pgx.Rows) error {
			a, err := sqlstore.ScanAccess(rows)
			if a != nil {
				l.batch.SetAccess(a)
				l.memory.rememberAccess(org, a)
			}
			return err
		},
	}
}
