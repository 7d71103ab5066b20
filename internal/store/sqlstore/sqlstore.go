// Package sqlstore is the SQL that every engine accepts: one text for each
// query, one file for each noun. It must never know which engine it runs on;
// what differs has a name in the engine's own package.
//
// Identifiers are 16 bytes, times whole microseconds since 1970 UTC (0 for
// none), lists JSON text. The tenant comes first in every key.
package sqlstore

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"tocsin"
	"tocsin/internal/store"
)

// The columns that every table of objects begins with, and those of them that
// each new version writes.
const (
	metaColumns    = "org_id, id, version, seq, leaf, created_at, updated_at"
	versionColumns = "version, seq, leaf, updated_at"
)

// A table holds the objects of one kind.
type table struct {
	kind tocsin.Kind
	name string
	// fixed are the columns that never change once the object was made; mutable
	// those that each new version writes. Either may be empty.
	fixed, mutable string
	// indexed, where set, returns the value of the last mutable column, which is
	// part of an index: an update names it only when it changed. (SQLite
	// rewrites the index entries of every column named.)
	indexed func(tocsin.Object) string
	// fixedValues and mutableValues return the values of those columns.
	fixedValues, mutableValues func(tocsin.Object) []any
	// fresh returns a new object and where to scan its columns: those of Meta,
	// then the fixed, then the mutable ones.
	fresh func() (tocsin.Object, []any)

	columns                     []string
	selectSQL, loadSQL          string
	insertSQL                   string
	updateSQL, updateIndexedSQL string
}

// tables holds every kind's table. It is never written after its making.
var tables = func() map[tocsin.Kind]*table {
	m := make(map[tocsin.Kind]*table)
	for _, t := range []*table{
		organisations, projects, datasets, checks, users, invitations, roles, grants, apiKeys, incidents, comments,
		redactions, auditExports, installations, registrations,
	} {
		t.columns = slices.Concat(split(metaColumns), split(t.fixed), split(t.mutable))
		t.selectSQL = "SELECT " + t.columnList("") + " FROM " + t.name
		t.loadSQL = t.selectSQL + " WHERE org_id = $1 AND id = $2"
		t.insertSQL = fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", t.name, t.columnList(""), placeholders(1, len(t.columns)))
		written := append(split(versionColumns), split(t.mutable)...)
		t.updateIndexedSQL = t.update(written)
		if t.updateSQL = t.updateIndexedSQL; t.indexed != nil {
			t.updateSQL = t.update(written[:len(written)-1])
		}
		m[t.kind] = t
	}
	return m
}()

func split(columns string) []string {
	if columns == "" {
		return nil
	}
	return strings.Split(columns, ", ")
}

func (t *table) columnList(prefix string) string {
	return prefix + strings.Join(t.columns, ", "+prefix)
}

// update returns the statement that writes an object's next version, guarded by
// its present one: parameters 1 to 3 name the object and that version.
func (t *table) update(columns []string) string {
	set := make([]string, len(columns))
	for i, c := range columns {
		set[i] = fmt.Sprintf("%s = $%d", c, i+4)
	}
	return fmt.Sprintf("UPDATE %s SET %s WHERE org_id = $1 AND id = $2 AND version = $3", t.name, strings.Join(set, ", "))
}

func (t *table) insertArgs(o tocsin.Object) []any {
	m := o.Head()
	args := []any{m.Org[:], m.ID[:], m.Version, m.Seq, m.Leaf[:], micros(m.CreatedAt), micros(m.UpdatedAt)}
	if t.fixedValues != nil {
		args = append(args, t.fixedValues(o)...)
	}
	if t.mutableValues != nil {
		args = append(args, t.mutableValues(o)...)
	}
	return args
}

func (t *table) updateArgs(before, after tocsin.Object) []any {
	m := after.Head()
	args := make([]any, 0, 24)
	args = append(args, m.Org[:], m.ID[:], before.Head().Version, m.Version, m.Seq, m.Leaf[:], micros(m.UpdatedAt))
	if t.mutableValues != nil {
		args = append(args, t.mutableValues(after)...)
	}
	return args
}

// scan reads one row of the table's columns.
func (t *table) scan(row interface{ Scan(...any) error }) (tocsin.Object, error) {
	o, dest := t.fresh()
	if err := row.Scan(dest...); err != nil {
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
	if before == nil {
		return append([]Statement{{SQL: t.insertSQL, Args: t.insertArgs(after)}}, memberships(after)...)
	}
	args := t.updateArgs(before, after)
	update := Statement{SQL: t.updateIndexedSQL, Args: args}
	if t.indexed != nil && t.indexed(before) == t.indexed(after) {
		update = Statement{SQL: t.updateSQL, Args: args[:len(args)-1]}
	}
	return append([]Statement{update}, relabel(before, after)...)
}

// memberships returns what makes a new incident found by its datasets and labels.
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
	return append(out, relabel(&tocsin.Incident{}, o)...)
}

// relabel returns what makes an incident found by other labels than before.
func relabel(before, after tocsin.Object) []Statement {
	inc, ok := after.(*tocsin.Incident)
	if !ok {
		return nil
	}
	was, is := before.(*tocsin.Incident).Labels, inc.Labels
	if maps.Equal(was, is) {
		return nil
	}
	var out []Statement
	change := func(text, key, value string) {
		out = append(out, Statement{SQL: text, Args: []any{inc.Org[:], key + "=" + value, int64(inc.Number)}})
	}
	for key, value := range was {
		if now, kept := is[key]; !kept || now != value {
			change("DELETE FROM incident_labels WHERE org_id = $1 AND label = $2 AND number = $3", key, value)
		}
	}
	for key, value := range is {
		if old, had := was[key]; !had || old != value {
			change("INSERT INTO incident_labels (org_id, label, number) VALUES ($1, $2, $3)", key, value)
		}
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
