// Package sqlstore is the SQL that every engine accepts: one text for each
// query, one file for each noun. It must never know which engine it runs on;
// what differs has a name in the engine's own package.
//
// Identifiers are 16 bytes, times whole microseconds since 1970 UTC (0 for
// none), lists JSON text. The tenant comes first in every key.
package sqlstore

import (
	"fmt"
	"strings"

	"tocsin"
	"tocsin/internal/store"
)

// metaColumns come first in every table of objects.
var metaColumns = []column{
	{name: "org_id", fixed: true},
	{name: "id", fixed: true},
	{name: "version"},
	{name: "seq"},
	{name: "leaf"},
	{name: "created_at", fixed: true},
	{name: "updated_at"},
}

// A column of a table of objects.
type column struct {
	name string
	// fixed: never changes after the object was made.
	fixed bool
	// indexed: part of an index, so that an update leaves it alone unless it
	// changed. (SQLite rewrites the index entries of every column named.)
	indexed bool
}

// A table holds the objects of one kind.
type table struct {
	kind    tocsin.Kind
	name    string
	columns []column
	// values returns the object's column values, after those of Meta.
	values func(tocsin.Object) []any
	// indexed, where set, returns the value of the one column marked indexed.
	indexed func(tocsin.Object) string
	// fresh returns a new object and where to scan its columns, after Meta's.
	fresh func() (tocsin.Object, []any)

	selectSQL, loadSQL          string
	insertSQL                   string
	updateSQL, updateIndexedSQL string
}

// tables holds every kind's table. It is never written after its making.
var tables = func() map[tocsin.Kind]*table {
	m := make(map[tocsin.Kind]*table)
	for _, t := range []*table{
		organisations, projects, datasets, checks, users, roles, grants, apiKeys, incidents, comments,
	} {
		t.columns = append(append([]column{}, metaColumns...), t.columns...)
		t.selectSQL = "SELECT " + t.columnList("") + " FROM " + t.name
		t.loadSQL = t.selectSQL + " WHERE org_id = $1 AND id = $2"
		t.insertSQL = fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", t.name, t.columnList(""), placeholders(1, len(t.columns)))
		t.updateSQL, t.updateIndexedSQL = t.update(false), t.update(true)
		m[t.kind] = t
	}
	return m
}()

func (t *table) columnList(prefix string) string {
	names := make([]string, len(t.columns))
	for i, c := range t.columns {
		names[i] = prefix + c.name
	}
	return strings.Join(names, ", ")
}

// update returns the statement that writes an object's next version, guarded by
// its present one. Its parameters are as updateArgs returns them.
func (t *table) update(indexed bool) string {
	var set []string
	n := 3
	for _, c := range t.columns {
		if c.fixed || c.indexed && !indexed {
			continue
		}
		n++
		set = append(set, fmt.Sprintf("%s = $%d", c.name, n))
	}
	return fmt.Sprintf("UPDATE %s SET %s WHERE org_id = $1 AND id = $2 AND version = $3", t.name, strings.Join(set, ", "))
}

func (t *table) updateArgs(all []any, version int64, indexed bool) []any {
	args := append(make([]any, 0, len(all)+1), all[0], all[1], version)
	for i, c := range t.columns {
		if c.fixed || c.indexed && !indexed {
			continue
		}
		args = append(args, all[i])
	}
	return args
}

func (t *table) allValues(o tocsin.Object) []any {
	m := o.Head()
	return append([]any{m.Org[:], m.ID[:], m.Version, m.Seq, m.Leaf[:], micros(m.CreatedAt), micros(m.UpdatedAt)}, t.values(o)...)
}

// scan reads one row of the table's columns.
func (t *table) scan(row interface{ Scan(...any) error }) (tocsin.Object, error) {
	o, dest := t.fresh()
	if err := row.Scan(append(metaDest(o.Head()), dest...)...); err != nil {
		return nil, err
	}
	return o, nil
}

func metaDest(m *tocsin.Meta) []any {
	return []any{toID(&m.Org), toID(&m.ID), &m.Version, &m.Seq, toHash(&m.Leaf), toTime(&m.CreatedAt), toTime(&m.UpdatedAt)}
}

// A Statement is SQL text with its arguments. One must affect exactly one row,
// unless Any is set.
type Statement struct {
	SQL  string
	Args []any
	Any  bool
}

// WriteObject returns what stores an object's next version: an insert when
// before is nil, else an update guarded by before's version.
func WriteObject(before, after tocsin.Object) []Statement {
	t := tables[after.Kind()]
	all := t.allValues(after)
	if before == nil {
		return append([]Statement{{SQL: t.insertSQL, Args: all}}, memberships(after)...)
	}
	indexed := t.indexed != nil && t.indexed(before) != t.indexed(after)
	text := t.updateSQL
	if indexed {
		text = t.updateIndexedSQL
	}
	return []Statement{{SQL: text, Args: t.updateArgs(all, before.Head().Version, indexed)}}
}

// memberships returns what makes a new incident found by its datasets.
func memberships(o tocsin.Object) []Statement {
	inc, ok := o.(*tocsin.Incident)
	if !ok {
		return nil
	}
	var out []Statement
	for _, d := range inc.Datasets {
		out = append(out, Statement{
			SQL:  "INSERT INTO incident_datasets (org_id, dataset_id, incident_id) VALUES ($1, $2, $3)",
			Args: []any{inc.Org[:], d[:], inc.ID[:]},
		})
	}
	return out
}

// LoadObject returns the query of one object by organisation and id.
func LoadObject(org tocsin.ID, key store.Key) Statement {
	return Statement{SQL: LoadObjectSQL(key.Kind), Args: []any{org[:], key.ID[:]}}
}

// LoadObjectSQL is the text of LoadObject.
func LoadObjectSQL(kind tocsin.Kind) string { return tables[kind].loadSQL }

// SelectSQL selects all objects of a kind, in the columns of LoadObject; an
// engine adds its condition.
func SelectSQL(kind tocsin.Kind) string { return tables[kind].selectSQL }

// ScanObject reads a row of LoadObject.
func ScanObject(kind tocsin.Kind, row interface{ Scan(...any) error }) (tocsin.Object, error) {
	return tables[kind].scan(row)
}

// WriteHead returns what stores a head.
func WriteHead(h store.Head) Statement {
	if h.New {
		return Statement{SQL: "INSERT INTO heads (org_id, seq, number) VALUES ($1, $2, $3)", Args: []any{h.Org[:], h.Seq, int64(h.Number)}}
	}
	return Statement{SQL: "UPDATE heads SET seq = $2, number = $3 WHERE org_id = $1", Args: []any{h.Org[:], h.Seq, int64(h.Number)}}
}

// HeadSQL selects a head by organisation; an engine adds its lock.
const HeadSQL = "SELECT seq, number FROM heads WHERE org_id = $1"

// placeholders returns "$from, …" for n parameters.
func placeholders(from, n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "$%d", from+i)
	}
	return b.String()
}
