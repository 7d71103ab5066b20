package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"tocsin/internal/secret"
)

// Settings of the sessions. Times are in PostgreSQL's notation.
const (
	// minVersion is the oldest server, as server_version_num has it.
	minVersion = 150000
	// lockTimeout is how long a commit waits for another node's, at most.
	lockTimeout = "5s"
	// idleTimeout frees the locks of a node that was paused in a transaction.
	idleTimeout = "10s"
	// readTimeout ends a read that nobody waits for any more.
	readTimeout = "10s"
	// connectTimeout is for each host, unless the URL has one.
	connectTimeout = 5 * time.Second
	// readConnections is the pool's size, unless the URL has one.
	readConnections = 16
)

// configure reads the URL and adds what every session must have. Its errors do
// not repeat any part of the URL.
func configure(target secret.Secret) (*pgxpool.Config, error) {
	cfg, err := pgxpool.ParseConfig(target.Reveal())
	if err != nil {
		return nil, errors.New("the database URL cannot be read: it must look like postgres://user:password@host:5432/name, with special characters of the password percent-encoded")
	}
	if !strings.Contains(target.Reveal(), "pool_max_conns") {
		cfg.MaxConns = readConnections
	}
	c := &cfg.ConnConfig.Config
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = connectTimeout
	}
	if c.RuntimeParams["synchronous_commit"] == "" { // the URL may ask for remote_apply
		c.RuntimeParams["synchronous_commit"] = "on"
	}
	if c.RuntimeParams["application_name"] == "" {
		c.RuntimeParams["application_name"] = "tocsin"
	}
	for name, value := range map[string]string{
		"client_encoding":                     "UTF8",
		"default_transaction_isolation":       "read committed",
		"idle_in_transaction_session_timeout": idleTimeout,
		"lock_timeout":                        lockTimeout,
		"timezone":                            "UTC",
	} {
		c.RuntimeParams[name] = value
	}
	c.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	c.AfterConnect = checkSession
	return cfg, nil
}

// checkSession refuses a server or session that would not keep what is promised.
// Asking for a setting is not enough: a pooler in between may drop it.
func checkSession(ctx context.Context, c *pgconn.PgConn) error {
	results, err := c.Exec(ctx, `SELECT current_setting('server_version_num')::int < `+fmt.Sprint(minVersion)+`,
 current_setting('server_version'), current_setting('server_encoding'), current_setting('fsync'),
 current_setting('synchronous_commit'), current_setting('transaction_isolation'), current_setting('lock_timeout')`).ReadAll()
	if err != nil {
		return fmt.Errorf("read the session's settings: %w", err)
	}
	row := results[0].Rows[0]
	tooOld, version, encoding, fsync := string(row[0]), string(row[1]), string(row[2]), string(row[3])
	synchronous, isolation, lock := string(row[4]), string(row[5]), string(row[6])
	switch {
	case tooOld == "t":
		return fmt.Errorf("the server is PostgreSQL %s; version %d or newer is needed", version, minVersion/10000)
	case encoding != "UTF8":
		return fmt.Errorf("the database's encoding is %s; make one with ENCODING 'UTF8'", encoding)
	case fsync != "on":
		return fmt.Errorf("the server runs with fsync=%s, so a crash would lose acknowledged changes; set fsync=on", fsync)
	case synchronous != "on" && synchronous != "remote_apply":
		return fmt.Errorf("the session has synchronous_commit=%s, so a crash would lose acknowledged changes; it must be on or remote_apply", synchronous)
	case isolation != "read committed" || lock != lockTimeout:
		return fmt.Errorf("the session has isolation %q and lock_timeout %s instead of what was asked for; is there a pooler that does not pass settings on?", isolation, lock)
	}
	return nil
}
