package postgres

import (
	"context"
	"fmt"
	"time"

	"tocsin/internal/secret"
	"tocsin/internal/store/sqlstore"
)

// Health is how a PostgreSQL database is. What Open would refuse, Examine does.
type Health struct {
	// Version is the server's, as it writes it.
	Version string
	// Encoding and Collation are the database's.
	Encoding, Collation string
	// SynchronousCommit, FullPageWrites and Checksums are settings, as the
	// server writes them.
	SynchronousCommit, FullPageWrites, Checksums string
	// Bytes is the size of the database.
	Bytes int64
	// Skew is how far the server's clock is ahead of ours.
	Skew time.Duration
	// Limit is how many connections the server takes, Used how many there are,
	// Nodes how many of them are of Tocsin's, without the one that asks.
	Limit, Used, Nodes int64
	// Superuser and MayCreate are rights of the role that we connect as.
	Superuser, MayCreate bool
	// SynchronousNames is the setting that says which standbys a commit waits
	// for, empty for none; Standbys counts those that are connected, and
	// SynchronousStandbys those of them that commits wait for. Both are 0 where
	// the role may not see them.
	SynchronousNames              string
	Standbys, SynchronousStandbys int64
	// Schema is the version of the schema.
	Schema int64
	// Logs are nil when the schema is not the one that this program knows.
	Logs []sqlstore.LogHealth
}

const healthSQL = `SELECT current_setting('server_version'), pg_encoding_to_char(encoding), datcollate,
 current_setting('synchronous_commit'), current_setting('full_page_writes'), current_setting('data_checksums'),
 pg_database_size(oid), (extract(epoch FROM clock_timestamp()) * 1000000)::bigint,
 current_setting('max_connections')::bigint, (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
 (SELECT count(DISTINCT coalesce(host(client_addr), '') || coalesce(client_port::text, pid::text)) FROM pg_stat_activity
  WHERE application_name = current_setting('application_name') AND datname = current_database() AND pid <> pg_backend_pid()),
 (SELECT rolsuper FROM pg_roles WHERE rolname = current_user), has_schema_privilege(current_schema(), 'CREATE'),
 current_setting('synchronous_standby_names'), (SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'),
 (SELECT count(*) FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum'))
FROM pg_database WHERE datname = current_database()`

// Examine looks at the database at target and changes nothing. known is the
// newest version of the schema that this program knows; now is our clock.
func Examine(ctx context.Context, target secret.Secret, known int64, now func() time.Time) (Health, error) {
	var h Health
	w, err := begin(ctx, target, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
	if err != nil {
		return h, err
	}
	defer func() { _ = w.close() }()
	var clock int64
	asked := now()
	if err := w.conn.Conn().QueryRow(ctx, healthSQL).Scan(
		&h.Version, &h.Encoding, &h.Collation, &h.SynchronousCommit, &h.FullPageWrites, &h.Checksums,
		&h.Bytes, &clock, &h.Limit, &h.Used, &h.Nodes, &h.Superuser, &h.MayCreate,
		&h.SynchronousNames, &h.Standbys, &h.SynchronousStandbys,
	); err != nil {
		return h, fmt.Errorf("ask the server about itself: %w", err)
	}
	h.Skew = time.UnixMicro(clock).Sub(asked.Add(now().Sub(asked) / 2))
	s := w.Snapshot()
	tables, err := s.Tables(ctx)
	if err != nil || len(tables) == 0 {
		return h, err // no schema yet
	}
	if h.Schema, err = s.Version(ctx); err == nil && h.Schema == known {
		h.Logs, err = s.Health(ctx)
	}
	return h, err
}
