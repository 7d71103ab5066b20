package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"tocsin"
	"tocsin/internal/store"
)

// WriteReply returns what stores a reply in place of an older one.
func WriteReply(r store.StoredReply) (Statement, error) {
	header, err := json.Marshal(r.Reply.Header)
	if err != nil {
		return Statement{}, fmt.Errorf("encode the header of a reply: %w", err)
	}
	return Statement{
		SQL: `INSERT INTO replies (org_id, key, fingerprint, status, header, body, made_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (org_id, key) DO UPDATE SET fingerprint = excluded.fingerprint, status = excluded.status, header = excluded.header,
 body = excluded.body, made_at = excluded.made_at`,
		Args: []any{r.Org[:], r.Key[:], r.Fingerprint[:], int64(r.Reply.Status), string(header), r.Reply.Body, micros(r.At)},
	}, nil
}

// LoadReplySQL selects a stored reply by organisation and key.
const LoadReplySQL = "SELECT fingerprint, status, header, body, made_at FROM replies WHERE org_id = $1 AND key = $2"

// ScanReply reads a row of LoadReplySQL.
func ScanReply(org tocsin.ID, key [32]byte, row interface{ Scan(...any) error }) (store.StoredReply, error) {
	r := store.StoredReply{Org: org, Key: key}
	var header string
	var status int64
	if err := row.Scan(toHash(&r.Fingerprint), &status, &header, &r.Reply.Body, toTime(&r.At)); err != nil {
		return r, err
	}
	r.Reply.Status = int(status)
	if err := json.Unmarshal([]byte(header), &r.Reply.Header); err != nil {
		return r, fmt.Errorf("the header of a stored reply: %w", err)
	}
	return r, nil
}

// ForgottenAtOnce is how many replies are erased in one transaction: changes wait
// meanwhile.
const ForgottenAtOnce = 500

// ForgetRepliesBefore erases replies that were made before a time, so many at most.
const ForgetRepliesBefore = "DELETE FROM replies WHERE (org_id, key) IN (SELECT org_id, key FROM replies WHERE made_at < $1 ORDER BY made_at LIMIT $2)"

// AnyReplyBefore reports whether there is a reply that was made before a time.
func (r *Reader) AnyReplyBefore(ctx context.Context, t time.Time) (bool, error) {
	found, err := all(ctx, r, Statement{SQL: "SELECT 1 FROM replies WHERE made_at < $1 LIMIT 1", Args: []any{micros(t)}}, func(*sql.Rows) (bool, error) { return true, nil })
	if err != nil {
		return false, fmt.Errorf("look for old replies: %w", err)
	}
	return len(found) > 0, nil
}

// ForgetReplies returns ForgetRepliesBefore for a time, and ForgottenAtOnce.
func ForgetReplies(t time.Time) Statement {
	return Statement{SQL: ForgetRepliesBefore, Args: []any{micros(t), int64(ForgottenAtOnce)}, Any: true}
}
