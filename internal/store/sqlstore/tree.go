package sqlstore

import (
	"context"
	"database/sql"
	"fmt"

	"tocsin"
	"tocsin/internal/store"
)

const treeColumns = "t.org_id, t.size, t.edge, t.checkpoint"

// Logs is store.Trees'.
func (r *Reader) Logs(ctx context.Context) ([]store.LogState, error) {
	const text = "SELECT h.org_id, h.seq, " + treeColumns + " FROM heads h LEFT JOIN trees t ON t.org_id = h.org_id ORDER BY h.org_id"
	return all(ctx, r, Statement{SQL: text}, func(rows *sql.Rows) (store.LogState, error) {
		var s store.LogState
		var org, of tocsin.ID
		var size sql.NullInt64
		err := rows.Scan(toID(&org), &s.Seq, toID(&of), &size, &s.Tree.Edge, &s.Tree.Checkpoint)
		s.Tree.Org, s.Tree.Size = org, size.Int64
		return s, err
	})
}

// Tree is store.Trees'.
func (r *Reader) Tree(ctx context.Context, org tocsin.ID) (store.Tree, error) {
	found, err := all(ctx, r, Statement{SQL: "SELECT " + treeColumns + " FROM trees t WHERE t.org_id = $1", Args: []any{org[:]}}, func(rows *sql.Rows) (store.Tree, error) {
		var t store.Tree
		err := rows.Scan(toID(&t.Org), &t.Size, &t.Edge, &t.Checkpoint)
		return t, err
	})
	if err != nil || len(found) == 0 {
		return store.Tree{Org: org}, err
	}
	return found[0], nil
}

// LeafHashes is store.Trees'.
func (r *Reader) LeafHashes(ctx context.Context, org tocsin.ID, after int64, limit int) ([][32]byte, error) {
	next := after
	return all(ctx, r, Statement{
		SQL:  "SELECT seq, leaf_hash FROM log WHERE org_id = $1 AND seq > $2 ORDER BY seq LIMIT $3",
		Args: []any{org[:], after, limit},
	}, func(rows *sql.Rows) (h [32]byte, err error) {
		var seq int64
		if err = rows.Scan(&seq, toHash(&h)); err != nil {
			return h, err
		}
		if next++; seq != next {
			return h, fmt.Errorf("the log of organisation %s has no entry %d: the next one is %d", org, next, seq)
		}
		return h, nil
	})
}

// Tile is store.Trees'.
func (r *Reader) Tile(ctx context.Context, org tocsin.ID, level int, n int64) ([]byte, error) {
	found, err := all(ctx, r, Statement{
		SQL:  "SELECT hashes FROM tiles WHERE org_id = $1 AND level = $2 AND n = $3",
		Args: []any{org[:], level, n},
	}, func(rows *sql.Rows) (hashes []byte, err error) {
		err = rows.Scan(&hashes)
		return hashes, err
	})
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found[0], nil
}

// WriteGrowth returns what stores the growth of a tree, the first statement of
// which changes no row if the tree does not have the size that it grew from.
func WriteGrowth(g store.Growth) []Statement {
	t := g.Tree
	checkpoint := t.Checkpoint
	if checkpoint == nil {
		checkpoint = []byte{}
	}
	first := Statement{
		SQL:  "UPDATE trees SET size = $3, edge = $4, checkpoint = $5 WHERE org_id = $1 AND size = $2",
		Args: []any{t.Org[:], g.From, t.Size, t.Edge, checkpoint},
	}
	if g.From == 0 {
		first.SQL = `INSERT INTO trees (org_id, size, edge, checkpoint) VALUES ($1, $3, $4, $5)
ON CONFLICT (org_id) DO UPDATE SET size = excluded.size, edge = excluded.edge, checkpoint = excluded.checkpoint WHERE trees.size = $2`
	}
	out := []Statement{first}
	for _, tile := range g.Tiles {
		out = append(out, Statement{
			SQL: `INSERT INTO tiles (org_id, level, n, hashes) VALUES ($1, $2, $3, $4)
ON CONFLICT (org_id, level, n) DO UPDATE SET hashes = excluded.hashes`,
			Args: []any{t.Org[:], int64(tile.Level), tile.N, tile.Hashes},
		})
	}
	return out
}
