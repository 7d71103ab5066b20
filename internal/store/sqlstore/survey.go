package sqlstore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"tocsin"
	"tocsin/internal/store"
)

// A Survey is what a whole database holds: two databases with equal surveys
// hold the same, row for row.
type Survey struct {
	Installation tocsin.ID
	// Version is the schema's.
	Version int64
	// Tables are in byte order of their names, Logs of their organisations' ids.
	Tables []Content
	Logs   []Log
}

// A Content is what a table holds.
type Content struct {
	Table string
	Rows  int64
	// Digest is of all rows, whatever their order.
	Digest [32]byte
}

// A Log is how far an organisation's log is, and what stands in it.
type Log struct {
	Org tocsin.ID
	// Name is the organisation's, empty for the installation's own log.
	Name string
	// Seq is the newest sequence number, At the time of that entry.
	Seq int64
	At  time.Time
	// Root is the Merkle root of all entries (RFC 6962).
	Root [32]byte
}

// Survey reads everything and checks what must hold of it: each log has every
// entry from 1 to its head, with the bytes that its hash is of; each object
// points to its newest entry; the audit trees are of these logs. known is the
// newest version of the schema that this program knows.
func (s *Snapshot) Survey(ctx context.Context, known int64, progress Progress) (Survey, error) {
	var v Survey
	var err error
	if v.Version, err = s.Version(ctx); err != nil {
		return Survey{}, err
	}
	if err := NewerSchema(v.Version, known); err != nil {
		return Survey{}, err
	}
	if v.Installation, err = s.Installation(ctx); err != nil {
		return Survey{}, err
	}
	there, err := s.Tables(ctx)
	if err != nil {
		return Survey{}, err
	}
	l := logSurvey{s: s, tables: there, counts: make(map[kindOf]int64), progress: progress}
	if v.Logs, err = l.logs(ctx); err != nil {
		return Survey{}, err
	}
	if err := l.objects(ctx); err != nil {
		return Survey{}, err
	}
	for _, t := range there {
		c, err := s.content(ctx, t, progress)
		if err != nil {
			return Survey{}, fmt.Errorf("read table %s: %w", t.Name, err)
		}
		v.Tables = append(v.Tables, c)
	}
	return v, nil
}

// NewerSchema is the error about a schema that only a newer program knows, nil
// for any other.
func NewerSchema(have, known int64) error {
	if have <= known {
		return nil
	}
	return fmt.Errorf("the database has schema version %d and this program knows %d at most: run the newer program that made it", have, known)
}

// Difference says in what b differs from a; empty when it does not.
func Difference(a, b Survey) string {
	switch {
	case a.Installation != b.Installation:
		return fmt.Sprintf("the installation is %s in one and %s in the other", a.Installation, b.Installation)
	case a.Version != b.Version:
		return fmt.Sprintf("the schema has version %d in one and %d in the other", a.Version, b.Version)
	case len(a.Tables) != len(b.Tables) || len(a.Logs) != len(b.Logs):
		return fmt.Sprintf("one has %d tables and %d logs, the other %d and %d", len(a.Tables), len(a.Logs), len(b.Tables), len(b.Logs))
	}
	for i, x := range a.Logs {
		if y := b.Logs[i]; x.Org != y.Org || x.Seq != y.Seq || x.Root != y.Root {
			return fmt.Sprintf("the log of organisation %s has %d entries with root %x in one, that of %s %d with root %x in the other", x.Org, x.Seq, x.Root, y.Org, y.Seq, y.Root)
		}
	}
	for i, x := range a.Tables {
		switch y := b.Tables[i]; {
		case x.Table != y.Table:
			return fmt.Sprintf("one has table %s, the other %s", x.Table, y.Table)
		case x.Rows != y.Rows:
			return fmt.Sprintf("table %s has %d rows in one and %d in the other", x.Table, x.Rows, y.Rows)
		case x.Digest != y.Digest:
			return fmt.Sprintf("table %s has %d rows in both, but not the same", x.Table, x.Rows)
		}
	}
	return ""
}

// content counts a table's rows and adds up their digests.
func (s *Snapshot) content(ctx context.Context, t Table, progress Progress) (Content, error) {
	rows, err := s.rows(ctx, t)
	if err != nil {
		return Content{}, err
	}
	defer rows.close()
	c := Content{Table: t.Name}
	var b []byte
	for {
		row, err := rows.next()
		if err != nil || row == nil {
			return c, err
		}
		if b, err = appendRow(b[:0], row); err != nil {
			return c, err
		}
		// Rows have keys, so no two are equal and none can cancel another out.
		for i, x := range sha256.Sum256(b) {
			c.Digest[i] ^= x
		}
		if c.Rows++; c.Rows%progressEvery == 0 {
			progress("checking "+t.Name, c.Rows, 0)
		}
	}
}

// appendRow writes a row so that no two different ones read the same.
func appendRow(b []byte, row []any) ([]byte, error) {
	for _, v := range row {
		switch x := v.(type) {
		case nil:
			b = append(b, 'n')
		case int64:
			b = binary.BigEndian.AppendUint64(append(b, 'i'), uint64(x))
		case string:
			b = binary.BigEndian.AppendUint64(append(b, 't'), uint64(len(x)))
			b = append(b, x...)
		case []byte:
			b = binary.BigEndian.AppendUint64(append(b, 'b'), uint64(len(x)))
			b = append(b, x...)
		default:
			return nil, fmt.Errorf("a column holds a %T, which the schema has not", v)
		}
	}
	return b, nil
}

// kindOf is a kind of object of an organisation.
type kindOf struct {
	org  tocsin.ID
	kind tocsin.Kind
}

// A logSurvey is the part of a survey that reads the logs.
type logSurvey struct {
	s      *Snapshot
	tables []Table
	// counts has how many entries there are of each kind.
	counts   map[kindOf]int64
	progress Progress
}

func (l *logSurvey) has(table string) bool {
	return slices.ContainsFunc(l.tables, func(t Table) bool { return t.Name == table })
}

// heads returns how far each log must reach, and the audit trees.
func (l *logSurvey) heads(ctx context.Context) (map[tocsin.ID]store.LogState, error) {
	text := "SELECT h.org_id, h.seq, 0, NULL FROM heads h"
	if l.has("trees") {
		text = "SELECT h.org_id, h.seq, coalesce(t.size, 0), t.edge FROM heads h LEFT JOIN trees t ON t.org_id = h.org_id"
	}
	rows, err := l.s.q.QueryContext(ctx, text)
	if err != nil {
		return nil, fmt.Errorf("read the heads: %w", err)
	}
	states, err := collect(rows, func(rows *sql.Rows) (h store.LogState, err error) {
		err = rows.Scan(toID(&h.Tree.Org), &h.Seq, &h.Tree.Size, &h.Tree.Edge)
		return h, err
	})
	heads := make(map[tocsin.ID]store.LogState)
	for _, h := range states {
		heads[h.Tree.Org] = h
	}
	return heads, err
}

func (l *logSurvey) names(ctx context.Context) (map[tocsin.ID]string, error) {
	rows, err := l.s.q.QueryContext(ctx, "SELECT org_id, name FROM organisations")
	if err != nil {
		return nil, fmt.Errorf("read the organisations: %w", err)
	}
	names := make(map[tocsin.ID]string)
	_, err = collect(rows, func(rows *sql.Rows) (struct{}, error) {
		var org tocsin.ID
		var name string
		err := rows.Scan(toID(&org), &name)
		names[org] = name
		return struct{}{}, err
	})
	return names, err
}

// logs reads every log from its beginning to its end.
func (l *logSurvey) logs(ctx context.Context) ([]Log, error) {
	heads, err := l.heads(ctx)
	if err != nil {
		return nil, err
	}
	names, err := l.names(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := l.s.q.QueryContext(ctx, "SELECT "+recordColumns+" FROM log ORDER BY org_id, seq")
	if err != nil {
		return nil, fmt.Errorf("read the logs: %w", err)
	}
	defer rows.Close()
	found := make(map[tocsin.ID]Log)
	var w logWalk
	var n int64
	for rows.Next() {
		r, err := scanRecord(rows)
		if err != nil {
			return nil, fmt.Errorf("read the logs: %w", err)
		}
		if r.Org != w.log.Org {
			if err := w.end(found); err != nil {
				return nil, err
			}
			w = logWalk{log: Log{Org: r.Org, Name: names[r.Org]}, head: heads[r.Org]}
		}
		if err := w.step(r); err != nil {
			return nil, fmt.Errorf("the log of organisation %s is damaged: %w", r.Org, err)
		}
		l.counts[kindOf{r.Org, r.Kind}]++
		if n++; n%progressEvery == 0 {
			l.progress("checking the logs", n, 0)
		}
	}
	if err := errors.Join(rows.Err(), w.end(found)); err != nil {
		return nil, err
	}
	for org, h := range heads {
		if _, there := found[org]; !there && h.Seq > 0 {
			return nil, fmt.Errorf("the log of organisation %s should have %d entries and has none", org, h.Seq)
		}
	}
	return slices.SortedFunc(maps.Values(found), func(a, b Log) int { return bytes.Compare(a.Org[:], b.Org[:]) }), nil
}

// A logWalk goes along one log.
type logWalk struct {
	log  Log
	head store.LogState
	last store.Record
	// edge has the roots of the largest full subtrees, from left to right.
	edge []tlog.Hash
}

func (w *logWalk) step(r store.Record) error {
	if r.Seq != w.log.Seq+1 {
		return fmt.Errorf("after entry %d comes %d", w.log.Seq, r.Seq)
	}
	if err := r.Verify(); err != nil {
		return err
	}
	w.log.Seq, w.last = r.Seq, r
	w.edge = append(w.edge, tlog.Hash(r.LeafHash))
	for n := w.log.Seq; n%2 == 0; n /= 2 {
		left, right := w.edge[len(w.edge)-2], w.edge[len(w.edge)-1]
		w.edge = append(w.edge[:len(w.edge)-2], tlog.NodeHash(left, right))
	}
	if w.head.Tree.Size == w.log.Seq && !bytes.Equal(w.head.Tree.Edge, concat(w.edge)) {
		return fmt.Errorf("the audit tree of the first %d entries is not of these", w.log.Seq)
	}
	return nil
}

func concat(hashes []tlog.Hash) []byte {
	var b []byte
	for _, h := range hashes {
		b = append(b, h[:]...)
	}
	return b
}

// end checks that the log is whole and notes it.
func (w *logWalk) end(found map[tocsin.ID]Log) error {
	if w.log.Seq == 0 {
		return nil
	}
	if w.log.Seq != w.head.Seq || w.head.Tree.Size > w.head.Seq {
		return fmt.Errorf("the log of organisation %s has %d entries; its head says %d and its audit tree %d", w.log.Org, w.log.Seq, w.head.Seq, w.head.Tree.Size)
	}
	newest, err := w.last.Entry()
	if err != nil {
		return err
	}
	root := w.edge[len(w.edge)-1]
	for i := len(w.edge) - 2; i >= 0; i-- {
		root = tlog.NodeHash(w.edge[i], root)
	}
	w.log.At, w.log.Root = newest.At, root
	found[w.log.Org] = w.log
	return nil
}

// objects checks that each object points to its newest entry. An entry belongs
// to one version of one object, so there are as many entries of a kind as its
// objects have versions.
func (l *logSurvey) objects(ctx context.Context) error {
	for kind, t := range tables {
		if !l.has(t.name) {
			continue // an older schema
		}
		rows, err := l.s.q.QueryContext(ctx, `SELECT t.id, t.seq FROM `+t.name+` t LEFT JOIN log l ON l.org_id = t.org_id AND l.seq = t.seq
WHERE l.seq IS NULL OR l.leaf_hash <> t.leaf OR l.object_id <> t.id OR l.version <> t.version OR l.kind <> $1 LIMIT 1`, string(kind))
		if err != nil {
			return fmt.Errorf("compare table %s with the log: %w", t.name, err)
		}
		wrong, err := collect(rows, func(rows *sql.Rows) (string, error) {
			var id tocsin.ID
			var seq int64
			err := rows.Scan(toID(&id), &seq)
			return fmt.Sprintf("%s %s says that entry %d of its log made it as it is, which that entry does not", kind, id, seq), err
		})
		if err != nil {
			return fmt.Errorf("compare table %s with the log: %w", t.name, err)
		}
		if len(wrong) > 0 {
			return errors.New(wrong[0])
		}
		if err := l.versions(ctx, kind, t); err != nil {
			return err
		}
	}
	return nil
}

func (l *logSurvey) versions(ctx context.Context, kind tocsin.Kind, t *table) error {
	rows, err := l.s.q.QueryContext(ctx, "SELECT org_id, CAST(sum(version) AS BIGINT) FROM "+t.name+" GROUP BY org_id")
	if err != nil {
		return fmt.Errorf("add up the versions in table %s: %w", t.name, err)
	}
	sums := make(map[kindOf]int64)
	if _, err = collect(rows, func(rows *sql.Rows) (struct{}, error) {
		k, sum := kindOf{kind: kind}, int64(0)
		err := rows.Scan(toID(&k.org), &sum)
		sums[k] = sum
		return struct{}{}, err
	}); err != nil {
		return fmt.Errorf("add up the versions in table %s: %w", t.name, err)
	}
	for k, entries := range l.counts {
		if k.kind == kind && sums[k] != entries {
			return fmt.Errorf("organisation %s has %d versions of objects in table %s and %d log entries about them", k.org, sums[k], t.name, entries)
		}
	}
	return nil
}
