package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"tocsin"
	"tocsin/internal/store"
)

// A Reader is the reading half of store.Store over a database/sql pool.
type Reader struct {
	db   *sql.DB
	keep Preparing
	// prepared holds *sql.Stmt by text, for the queries that never vary.
	prepared sync.Map
}

// Preparing says who keeps prepared statements.
type Preparing bool

// The ways of preparing.
const (
	// ReaderPrepares: the Reader keeps a statement for each query that never varies.
	ReaderPrepares Preparing = true
	// DriverPrepares: the driver does so by itself, on each of its connections.
	DriverPrepares Preparing = false
)

// NewReader returns a Reader that uses db.
func NewReader(db *sql.DB, keep Preparing) *Reader { return &Reader{db: db, keep: keep} }

func (r *Reader) query(ctx context.Context, s Statement) (*sql.Rows, error) {
	if r.keep == DriverPrepares {
		return r.db.QueryContext(ctx, s.SQL, s.Args...)
	}
	stmt, ok := r.prepared.Load(s.SQL)
	if !ok {
		made, err := r.db.PrepareContext(ctx, s.SQL)
		if err != nil {
			return nil, err
		}
		var raced bool
		if stmt, raced = r.prepared.LoadOrStore(s.SQL, made); raced {
			made.Close()
		}
	}
	return stmt.(*sql.Stmt).QueryContext(ctx, s.Args...)
}

// all runs a query and reads each row.
func all[T any](ctx context.Context, r *Reader, s Statement, scan func(*sql.Rows) (T, error)) ([]T, error) {
	rows, err := r.query(ctx, s)
	if err != nil {
		return nil, err
	}
	return collect(rows, scan)
}

func collect[T any](rows *sql.Rows, scan func(*sql.Rows) (T, error)) ([]T, error) {
	defer rows.Close()
	var out []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

// scanAs returns a scan of a table's rows as objects of type T.
func scanAs[T tocsin.Object](t *table) func(*sql.Rows) (T, error) {
	return func(rows *sql.Rows) (T, error) {
		o, err := t.scan(rows)
		if err != nil {
			var zero T
			return zero, err
		}
		return o.(T), nil
	}
}

// Get is store.Store's.
func (r *Reader) Get(ctx context.Context, org tocsin.ID, key store.Key) (tocsin.Object, error) {
	found, err := all(ctx, r, LoadObject(org, key), scanAs[tocsin.Object](tables[key.Kind]))
	if err != nil {
		return nil, fmt.Errorf("read %s %s: %w", key.Kind, key.ID, err)
	}
	if len(found) == 0 {
		return nil, store.ErrNotFound(key.Kind)
	}
	return found[0], nil
}

// List is store.Store's.
func (r *Reader) List(ctx context.Context, org tocsin.ID, kind tocsin.Kind, page store.Page) ([]tocsin.Object, error) {
	t := tables[kind]
	st := Statement{SQL: t.selectSQL + " WHERE org_id = $1 AND id > $2 ORDER BY id", Args: []any{org[:], page.After[:]}}
	if page.Limit > 0 {
		st.SQL, st.Args = st.SQL+" LIMIT $3", append(st.Args, page.Limit)
	}
	return all(ctx, r, st, scanAs[tocsin.Object](t))
}

// Organisations is store.Store's.
func (r *Reader) Organisations(ctx context.Context) ([]*tocsin.Organisation, error) {
	return all(ctx, r, Statement{SQL: organisations.selectSQL + " ORDER BY created_at, id"}, scanAs[*tocsin.Organisation](organisations))
}

// Incidents is store.Store's.
func (r *Reader) Incidents(ctx context.Context, org tocsin.ID, q tocsin.IncidentQuery) ([]*tocsin.Incident, error) {
	w := incidentsWhere(org, q)
	after(q, w)
	text := incidents.selectSQL + w.String() + orderBy(q) + w.bind(" LIMIT ? OFFSET ?", q.Limit, q.Offset)
	rows, err := r.db.QueryContext(ctx, text, w.args...)
	if err != nil {
		return nil, fmt.Errorf("list incidents: %w", err)
	}
	return collect(rows, scanAs[*tocsin.Incident](incidents))
}

// CountIncidents is store.Store's.
func (r *Reader) CountIncidents(ctx context.Context, org tocsin.ID, q tocsin.IncidentQuery) (int, error) {
	w := incidentsWhere(org, q)
	var total int
	if err := r.db.QueryRowContext(ctx, "SELECT count(*) FROM incidents"+w.String(), w.args...).Scan(&total); err != nil {
		return 0, fmt.Errorf("count incidents: %w", err)
	}
	return total, nil
}

// Comments is store.Store's.
func (r *Reader) Comments(ctx context.Context, org, incident tocsin.ID, after int64, limit int) ([]*tocsin.Comment, error) {
	st := Statement{
		SQL:  comments.selectSQL + " WHERE org_id = $1 AND incident_id = $2 AND seq > $3 ORDER BY seq",
		Args: []any{org[:], incident[:], after},
	}
	if limit > 0 {
		st.SQL, st.Args = st.SQL+" LIMIT $4", append(st.Args, limit)
	}
	return all(ctx, r, st, scanAs[*tocsin.Comment](comments))
}

// History is store.Store's.
func (r *Reader) History(ctx context.Context, org tocsin.ID, key store.Key) ([]tocsin.Entry, error) {
	return r.HistoryAfter(ctx, org, key, 0)
}

// HistoryAfter is store.Store's.
func (r *Reader) HistoryAfter(ctx context.Context, org tocsin.ID, key store.Key, version int64) ([]tocsin.Entry, error) {
	o, err := r.Get(ctx, org, key)
	if err != nil {
		return nil, err
	}
	records, err := all(ctx, r, Statement{SQL: historySQL, Args: []any{org[:], o.Head().Seq, version}}, func(rows *sql.Rows) (store.Record, error) { return scanRecord(rows) })
	if err != nil {
		return nil, fmt.Errorf("read history: %w", err)
	}
	return entries(records)
}

// Log is store.Store's.
func (r *Reader) Log(ctx context.Context, org tocsin.ID, after int64, limit int) ([]store.Record, error) {
	return all(ctx, r, Statement{SQL: logSQL, Args: []any{org[:], after, limit}}, func(rows *sql.Rows) (store.Record, error) { return scanRecord(rows) })
}

// LogBefore is store.Store's.
func (r *Reader) LogBefore(ctx context.Context, org tocsin.ID, before int64, limit int) ([]store.Record, error) {
	return all(ctx, r, Statement{SQL: logBeforeSQL, Args: []any{org[:], before, limit}}, func(rows *sql.Rows) (store.Record, error) { return scanRecord(rows) })
}

// Access is store.Store's.
func (r *Reader) Access(ctx context.Context, key tocsin.ID) (*tocsin.Access, error) {
	rows, err := r.query(ctx, LoadAccess(key))
	if err != nil {
		return nil, fmt.Errorf("read access of a key: %w", err)
	}
	defer rows.Close()
	a, err := ScanAccess(rows)
	if err != nil {
		return nil, fmt.Errorf("read access of a key: %w", err)
	}
	if a == nil {
		return nil, store.ErrNotFound(tocsin.KindAPIKey)
	}
	return a, nil
}

// LastUse is store.Store's.
func (r *Reader) LastUse(ctx context.Context, org tocsin.ID) (map[tocsin.ID]time.Time, error) {
	uses, err := all(ctx, r, Statement{SQL: "SELECT key_id, used_at FROM key_use WHERE org_id = $1", Args: []any{org[:]}}, func(rows *sql.Rows) (store.KeyUse, error) {
		var u store.KeyUse
		err := rows.Scan(toID(&u.Key), toTime(&u.At))
		return u, err
	})
	if err != nil {
		return nil, err
	}
	out := make(map[tocsin.ID]time.Time, len(uses))
	for _, u := range uses {
		out[u.Key] = u.At
	}
	return out, nil
}

// RecordUseOf returns what notes one use of a key; an older one than is known
// changes nothing.
func RecordUseOf(u store.KeyUse) Statement {
	return Statement{
		SQL: `INSERT INTO key_use (org_id, key_id, used_at) VALUES ($1, $2, $3)
ON CONFLICT (org_id, key_id) DO UPDATE SET used_at = excluded.used_at WHERE key_use.used_at < excluded.used_at`,
		Args: []any{u.Org[:], u.Key[:], micros(u.At)},
		Any:  true,
	}
}

// Identify reads the installation's identity, or stores fresh as it where there
// is none yet. It is called once the schema is there, before anything else.
func Identify(ctx context.Context, db *sql.DB, fresh store.Identity, now time.Time) (store.Identity, error) {
	const insert = "INSERT INTO installation (one, id, secret, created_at) VALUES (1, $1, $2, $3) ON CONFLICT (one) DO NOTHING"
	if _, err := db.ExecContext(ctx, insert, fresh.ID[:], fresh.Secret[:], micros(now)); err != nil {
		return store.Identity{}, fmt.Errorf("store the installation's identity: %w", err)
	}
	var i store.Identity
	err := db.QueryRowContext(ctx, "SELECT id, secret FROM installation").Scan(toID(&i.ID), toHash(&i.Secret))
	if errors.Is(err, sql.ErrNoRows) {
		return i, errors.New("the database has no installation id; was the row deleted?")
	}
	return i, err
}
