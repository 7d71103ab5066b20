package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"tocsin"
)

// A Querier answers queries, all on one view of a database.
type Querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// A Snapshot is a whole database as it was at one moment: what backups and
// moves between engines read. Nothing but them may read across organisations
// like this.
type Snapshot struct {
	q       Querier
	columns string
	end     func() error
}

// NewSnapshot returns what q sees as a Snapshot. The query columns selects the
// names of all tables of the schema with those of their columns; end gives the
// view up.
func NewSnapshot(q Querier, columns string, end func() error) *Snapshot {
	return &Snapshot{q: q, columns: columns, end: end}
}

// Close gives the snapshot up.
func (s *Snapshot) Close() error { return s.end() }

// A Table is the name of a table and its columns, in byte order.
type Table struct {
	Name    string
	Columns []string
}

// nodeTables hold what belongs to running nodes and not to any organisation: the
// schema's own version, the counts of the limiter, the rights of the moment.
// They are never copied.
func nodeTables() []string { return []string{"goose_db_version", "call_windows", "leases"} }

// Tables returns the tables that hold data, in byte order.
func (s *Snapshot) Tables(ctx context.Context) ([]Table, error) {
	rows, err := s.q.QueryContext(ctx, s.columns)
	if err != nil {
		return nil, fmt.Errorf("read the schema: %w", err)
	}
	columns := make(map[string][]string)
	if _, err := collect(rows, func(rows *sql.Rows) (struct{}, error) {
		var table, column string
		err := rows.Scan(&table, &column)
		columns[table] = append(columns[table], column)
		return struct{}{}, err
	}); err != nil {
		return nil, fmt.Errorf("read the schema: %w", err)
	}
	var tables []Table
	for name, of := range columns {
		if !slices.Contains(nodeTables(), name) {
			slices.Sort(of)
			tables = append(tables, Table{name, of})
		}
	}
	slices.SortFunc(tables, func(a, b Table) int { return compareText(a.Name, b.Name) })
	return tables, nil
}

func compareText(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	default:
		return 0
	}
}

// Version returns the version of the schema, 0 where there is none yet.
func (s *Snapshot) Version(ctx context.Context) (int64, error) {
	v, err := one[sql.NullInt64](ctx, s.q, "SELECT max(version_id) FROM goose_db_version WHERE version_id > 0")
	if err != nil {
		return 0, fmt.Errorf("read the schema's version; is this a database of Tocsin's?: %w", err)
	}
	return v.Int64, nil
}

// Installation returns the installation's id.
func (s *Snapshot) Installation(ctx context.Context) (tocsin.ID, error) {
	raw, err := one[[]byte](ctx, s.q, "SELECT id FROM installation")
	var id tocsin.ID
	if err != nil || len(raw) != len(id) {
		return id, errors.Join(errors.New("the database has no installation id; was it ever opened by a server?"), err)
	}
	return tocsin.ID(raw), nil
}

// one returns the only value of a query's first row.
func one[T any](ctx context.Context, q Querier, text string, args ...any) (T, error) {
	var v T
	rows, err := q.QueryContext(ctx, text, args...)
	if err != nil {
		return v, err
	}
	found, err := collect(rows, func(rows *sql.Rows) (v T, err error) {
		err = rows.Scan(&v)
		return v, err
	})
	if err != nil || len(found) == 0 {
		return v, errors.Join(err, sql.ErrNoRows)
	}
	return found[0], nil
}

// Progress is told what is being done and how much of it is done, in rows or
// pages; total is 0 where it is not known.
type Progress func(doing string, done, total int64)

// A Target takes the rows of a whole database.
type Target interface {
	// Snapshot shows what the target holds.
	Snapshot() *Snapshot
	// Insert adds rows to a table. Next returns one at a time, in order of the
	// table's columns, nil after the last; a row is good until the next one.
	Insert(ctx context.Context, t Table, next func() ([]any, error)) error
}

// Copy copies every table. The target must have the same tables and columns,
// and no rows.
func (s *Snapshot) Copy(ctx context.Context, to Target, progress Progress) error {
	from, err := s.Tables(ctx)
	if err != nil {
		return err
	}
	there, err := to.Snapshot().Tables(ctx)
	if err != nil {
		return err
	}
	if what := differentTables(from, there); what != "" {
		return fmt.Errorf("the two databases have different schemas: %s; were both made by this program?", what)
	}
	for _, t := range from {
		if err := s.copyTable(ctx, t, to, progress); err != nil {
			return fmt.Errorf("copy table %s: %w", t.Name, err)
		}
	}
	return nil
}

func (s *Snapshot) copyTable(ctx context.Context, t Table, to Target, progress Progress) error {
	rows, err := s.rows(ctx, t)
	if err != nil {
		return err
	}
	defer rows.close()
	return to.Insert(ctx, t, func() ([]any, error) {
		row, err := rows.next()
		if row != nil && rows.n%progressEvery == 0 {
			progress("copying "+t.Name, rows.n, 0)
		}
		return row, err
	})
}

// differentTables says how two schemas differ; empty when they do not.
func differentTables(a, b []Table) string {
	there := make(map[string][]string)
	for _, t := range b {
		there[t.Name] = t.Columns
	}
	for _, t := range a {
		columns, found := there[t.Name]
		switch {
		case !found:
			return "only one has a table " + t.Name
		case !slices.Equal(columns, t.Columns):
			return "table " + t.Name + " has other columns"
		}
		delete(there, t.Name)
	}
	for name := range there {
		return "only one has a table " + name
	}
	return ""
}

// progressEvery is how many rows pass between two words on progress.
const progressEvery = 1000

// tableRows reads a table row by row.
type tableRows struct {
	rows   *sql.Rows
	values []any
	dest   []any
	n      int64
}

func (s *Snapshot) rows(ctx context.Context, t Table) (*tableRows, error) {
	rows, err := s.q.QueryContext(ctx, "SELECT "+columnNames(t)+" FROM "+t.Name)
	if err != nil {
		return nil, err
	}
	r := &tableRows{rows: rows, values: make([]any, len(t.Columns)), dest: make([]any, len(t.Columns))}
	for i := range r.values {
		r.dest[i] = &r.values[i]
	}
	return r, nil
}

// columnNames lists a table's columns for SQL. Some have names that SQL uses
// itself.
func columnNames(t Table) string {
	text := ""
	for i, c := range t.Columns {
		if i > 0 {
			text += ", "
		}
		text += `"` + c + `"`
	}
	return text
}

// InsertSQL is the statement that inserts one row of a table.
func InsertSQL(t Table) string {
	return "INSERT INTO " + t.Name + " (" + columnNames(t) + ") VALUES (" + placeholders(1, len(t.Columns)) + ")"
}

// next returns the next row, nil after the last.
func (r *tableRows) next() ([]any, error) {
	if !r.rows.Next() {
		return nil, r.rows.Err()
	}
	if err := r.rows.Scan(r.dest...); err != nil {
		return nil, err
	}
	for i, v := range r.values {
		if b, ok := v.([]byte); ok && b == nil {
			r.values[i] = []byte{} // empty is not NULL
		}
	}
	r.n++
	return r.values, nil
}

func (r *tableRows) close() { _ = r.rows.Close() }
