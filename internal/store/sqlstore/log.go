package sqlstore

import (
	"tocsin"
	"tocsin/internal/store"
)

const recordColumns = "org_id, seq, kind, object_id, version, prev_seq, leaf, leaf_hash, details, nonce"

var insertRecordSQL = "INSERT INTO log (" + recordColumns + ") VALUES (" + placeholders(1, 10) + ")"

// WriteRecord returns what appends a log record.
func WriteRecord(r store.Record) Statement {
	return Statement{SQL: insertRecordSQL, Args: []any{
		r.Org[:], r.Seq, string(r.Kind), r.Object[:], r.Version, r.PrevSeq, r.Leaf, r.LeafHash[:], r.Details, r.Nonce,
	}}
}

const logSQL = "SELECT " + recordColumns + " FROM log WHERE org_id = $1 AND seq > $2 ORDER BY seq LIMIT $3"

const logBeforeSQL = "SELECT " + recordColumns + " FROM log WHERE org_id = $1 AND seq < $2 ORDER BY seq DESC LIMIT $3"

// EraseDetails returns what erases the details of a log record.
func EraseDetails(e store.Erasure) Statement {
	return Statement{SQL: "UPDATE log SET details = NULL, nonce = NULL WHERE org_id = $1 AND seq = $2", Args: []any{e.Org[:], e.Seq}}
}

// historySQL walks an object's records back from its newest: each names its
// predecessor, so that the log needs no second index. It stops behind a version.
const historySQL = `WITH RECURSIVE history AS (
 SELECT ` + recordColumns + ` FROM log WHERE org_id = $1 AND seq = $2 AND version > $3
 UNION ALL
 SELECT l.org_id, l.seq, l.kind, l.object_id, l.version, l.prev_seq, l.leaf, l.leaf_hash, l.details, l.nonce
 FROM history h JOIN log l ON l.org_id = h.org_id AND l.seq = h.prev_seq WHERE l.version > $3
) SELECT ` + recordColumns + ` FROM history ORDER BY seq`

func scanRecord(rows Rows) (store.Record, error) {
	var r store.Record
	err := rows.Scan(toID(&r.Org), &r.Seq, &r.Kind, toID(&r.Object), &r.Version, &r.PrevSeq, &r.Leaf, toHash(&r.LeafHash), &r.Details, &r.Nonce)
	return r, err
}

// entries reads records as entries.
func entries(records []store.Record) ([]tocsin.Entry, error) {
	out := make([]tocsin.Entry, len(records))
	for i, r := range records {
		e, err := r.Entry()
		if err != nil {
			return nil, err
		}
		out[i] = e
	}
	return out, nil
}
