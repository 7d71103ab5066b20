package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"tocsin/internal/store/sqlstore"
)

// A conn is the connection that commits. One goroutine at a time may use it.
type conn struct {
	pg         *pgx.Conn
	statements map[string]*pgconn.StatementDescription
	// many holds the texts made by manyRows, by the single-row text.
	many      map[string]string
	arguments encoder
	memory    memory
	// warning is the last one that the server sent.
	warning *pgconn.Notice
}

// connect opens the committing connection. The driver would ask the server to
// cancel what runs on a connection that it gives up. A commit that waits for a
// standby would then be visible without being safe, so the way to ask is shut:
// once connected, the connection dials no more.
func connect(ctx context.Context, cfg *pgxpool.Config) (*conn, error) {
	c := &conn{statements: make(map[string]*pgconn.StatementDescription), many: make(map[string]string)}
	own := cfg.ConnConfig.Copy()
	var connected atomic.Bool
	dial := own.DialFunc
	own.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		if connected.Load() {
			return nil, errors.New("a commit is never cancelled")
		}
		return dial(ctx, network, address)
	}
	own.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
		if n.SeverityUnlocalized == "WARNING" {
			c.warning = n
		}
	}
	for name, value := range map[string]string{
		// Every statement here goes by key; no statistics may make it do
		// otherwise, and planning it again tells nothing new.
		// A commit may wait long for a standby; that its node has gone must not
		// end the wait.
		"client_connection_check_interval": "0",
		"enable_hashjoin":                  "off",
		"enable_mergejoin":                 "off",
		"enable_seqscan":                   "off",
		"jit":                              "off",
		"plan_cache_mode":                  "force_generic_plan",
	} {
		own.RuntimeParams[name] = value
	}
	var err error
	if c.pg, err = pgx.ConnectConfig(ctx, own); err != nil {
		return nil, err
	}
	connected.Store(true)
	return c, nil
}

// closeTimeout bounds the farewell to the server.
const closeTimeout = time.Second

func (c *conn) close() {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	_ = c.pg.Close(ctx) // there is nothing left to lose on it
}

// inTransaction reports whether a transaction is open, sound or failed.
func (c *conn) inTransaction() bool { return c.pg.PgConn().TxStatus() != 'I' }

// A request is one statement of a round trip. Without read it is a write, which
// must affect exactly one row unless Any is set.
type request struct {
	sqlstore.Statement
	read func(pgx.Rows) error
	// many: each argument is a list, and SQL the single-row statement to be
	// made to take such.
	many bool
}

// describe returns the prepared statement of a request.
func (c *conn) describe(ctx context.Context, r request) (*pgconn.StatementDescription, error) {
	if !r.many {
		return c.prepare(ctx, r.SQL)
	}
	text, known := c.many[r.SQL]
	if !known {
		single, err := c.prepare(ctx, r.SQL)
		if err != nil {
			return nil, err
		}
		if text, err = manyRows(r.SQL, single.ParamOIDs); err != nil {
			return nil, err
		}
		c.many[r.SQL] = text
	}
	return c.prepare(ctx, text)
}

// prepare returns the statement of a text. It takes a round trip when the
// connection sees the text for the first time.
func (c *conn) prepare(ctx context.Context, text string) (*pgconn.StatementDescription, error) {
	if sd := c.statements[text]; sd != nil {
		return sd, nil
	}
	sd, err := c.pg.PgConn().Prepare(ctx, fmt.Sprintf("s%d", len(c.statements)), text, nil)
	if err != nil {
		return nil, err
	}
	c.statements[text] = sd
	return sd, nil
}

// A tripError is what went wrong in a round trip.
type tripError struct {
	// at is the index of the request, or -1 when nothing was sent.
	at  int
	err error
}

func (e *tripError) Error() string { return e.err.Error() }
func (e *tripError) Unwrap() error { return e.err }

// roundTrip sends the requests together and reads their results. The server
// stops at the first that fails.
func (c *conn) roundTrip(ctx context.Context, requests []request) *tripError {
	prepared := make([]*pgconn.StatementDescription, len(requests))
	for i, r := range requests {
		sd, err := c.describe(ctx, r)
		if err != nil {
			return &tripError{-1, fmt.Errorf("prepare %q: %w", r.SQL, err)}
		}
		prepared[i] = sd
	}
	pipe := c.pg.PgConn().StartPipeline(ctx)
	binary := []int16{pgx.BinaryFormatCode} // for all parameters and columns
	for i, r := range requests {
		values, err := c.arguments.encode(prepared[i].ParamOIDs, r.Args)
		if err != nil {
			_ = pipe.Close() // what was not flushed is never sent
			return &tripError{-1, fmt.Errorf("encode the arguments of %q: %w", r.SQL, err)}
		}
		pipe.SendQueryStatement(prepared[i], values, binary, binary)
	}
	if err := pipe.Sync(); err != nil {
		return &tripError{0, err}
	}
	for i, r := range requests {
		if err := c.result(pipe, r); err != nil {
			_ = pipe.Close()
			return &tripError{i, err}
		}
	}
	if err := pipe.Close(); err != nil {
		return &tripError{len(requests) - 1, err}
	}
	return nil
}

// result reads the result of the next request of a pipeline.
func (c *conn) result(pipe *pgconn.Pipeline, r request) error {
	next, err := pipe.GetResults()
	if err != nil {
		return err
	}
	reader, ok := next.(*pgconn.ResultReader)
	if !ok {
		return fmt.Errorf("the server sent a %T in place of a result", next)
	}
	if r.read != nil {
		rows := pgx.RowsFromResultReader(c.pg.TypeMap(), reader)
		defer rows.Close()
		if err := r.read(rows); err != nil {
			return err
		}
		return rows.Err()
	}
	tag, err := reader.Close()
	switch {
	case err != nil:
		return err
	case r.SQL == commitSQL && tag.String() != commitSQL:
		return errRolledBack
	case !r.Any && tag.RowsAffected() != 1:
		return fmt.Errorf("a statement changed %d rows, not one", tag.RowsAffected())
	}
	return nil
}
