package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"tocsin"
)

// LogHealth is how far an organisation's log is and whether anything is
// missing, without reading it all.
type LogHealth struct {
	Org tocsin.ID
	// Head is the newest sequence number by the log's head; Entries, First and
	// Last are of the entries themselves.
	Head, Entries, First, Last int64
	// Tree is how many entries the audit tree holds, and Signed whether there is
	// a checkpoint over it.
	Tree   int64
	Signed bool
	// Waiting is the time of the oldest entry that the tree lacks, zero without one.
	Waiting time.Time
	// Newest is the time of the newest entry, zero without one.
	Newest time.Time
}

// Whole reports whether every entry is there.
func (h LogHealth) Whole() bool {
	return h.Entries == h.Head && h.Last == h.Head && (h.Head == 0 || h.First == 1)
}

// Health looks at every log.
func (s *Snapshot) Health(ctx context.Context) ([]LogHealth, error) {
	rows, err := s.q.QueryContext(ctx, `SELECT h.org_id, h.seq, count(l.seq), coalesce(min(l.seq), 0), coalesce(max(l.seq), 0), coalesce(t.size, 0), coalesce(length(t.checkpoint), 0)
FROM heads h LEFT JOIN log l ON l.org_id = h.org_id LEFT JOIN trees t ON t.org_id = h.org_id
GROUP BY h.org_id, h.seq, t.size, t.checkpoint ORDER BY h.org_id`)
	if err != nil {
		return nil, fmt.Errorf("look at the logs: %w", err)
	}
	logs, err := collect(rows, func(rows *sql.Rows) (h LogHealth, err error) {
		var signed int64
		err = rows.Scan(toID(&h.Org), &h.Head, &h.Entries, &h.First, &h.Last, &h.Tree, &signed)
		h.Signed = signed > 0
		return h, err
	})
	if err != nil {
		return nil, fmt.Errorf("look at the logs: %w", err)
	}
	for i := range logs {
		h := &logs[i]
		if h.Newest, err = s.timeOf(ctx, h.Org, h.Last); err != nil {
			return nil, err
		}
		if h.Tree < h.Last {
			if h.Waiting, err = s.timeOf(ctx, h.Org, h.Tree+1); err != nil {
				return nil, err
			}
		}
	}
	return logs, nil
}

// timeOf returns the time of an entry, zero when there is none.
func (s *Snapshot) timeOf(ctx context.Context, org tocsin.ID, seq int64) (time.Time, error) {
	rows, err := s.q.QueryContext(ctx, "SELECT "+recordColumns+" FROM log WHERE org_id = $1 AND seq = $2", org[:], seq)
	if err != nil {
		return time.Time{}, fmt.Errorf("look at entry %d: %w", seq, err)
	}
	times, err := collect(rows, func(rows *sql.Rows) (time.Time, error) {
		r, err := scanRecord(rows)
		if err != nil {
			return time.Time{}, err
		}
		e, err := r.Entry()
		return e.At, err
	})
	if err != nil || len(times) == 0 {
		return time.Time{}, err
	}
	return times[0], nil
}
