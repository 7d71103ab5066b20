package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"

	"modernc.org/sqlite"

	"tocsin/internal/store"
	"tocsin/internal/store/sqlstore"
)

// sourceName names a database file with the settings of every connection to it.
func sourceName(path, mode string, pragmas ...string) string {
	q := url.Values{"mode": {mode}, "_txlock": {"immediate"}}
	for _, p := range append([]string{
		"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)", "trusted_schema(0)", "secure_delete(1)",
	}, pragmas...) {
		q.Add("_pragma", p)
	}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode()
}

// A connection is the one that writes. It is the driver's own, without
// database/sql around it: there is no pool to keep, and every microsecond of a
// statement is paid by all that wait for the batch.
type connection struct {
	driver     driver.Conn
	statements map[string]driver.Stmt
	args       []driver.NamedValue // reused
}

func openConnection(name string) (*connection, error) {
	c, err := (&sqlite.Driver{}).Open(name)
	if err != nil {
		return nil, err
	}
	return &connection{driver: c, statements: make(map[string]driver.Stmt)}, nil
}

func (c *connection) prepare(text string) (driver.Stmt, error) {
	if stmt := c.statements[text]; stmt != nil {
		return stmt, nil
	}
	stmt, err := c.driver.Prepare(text)
	if err == nil {
		c.statements[text] = stmt
	}
	return stmt, err
}

// bind returns args as the driver takes them, until the next call.
func (c *connection) bind(args []any) []driver.NamedValue {
	c.args = c.args[:0]
	for i, a := range args {
		c.args = append(c.args, driver.NamedValue{Ordinal: i + 1, Value: a})
	}
	return c.args
}

// exec runs a statement, which must change one row unless st.Any is set.
func (c *connection) exec(st sqlstore.Statement) error {
	stmt, err := c.prepare(st.SQL)
	if err != nil {
		return err
	}
	res, err := stmt.(driver.StmtExecContext).ExecContext(context.Background(), c.bind(st.Args))
	if err != nil || st.Any {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return fmt.Errorf("a statement changed %d rows, not one: the object is not as it was loaded (%w)", n, errors.Join(store.ErrRerun, err))
	}
	return nil
}

// do runs a statement without arguments.
func (c *connection) do(text string) error { return c.exec(sqlstore.Statement{SQL: text, Any: true}) }

// row returns the first row of a query, nil when there is none.
func (c *connection) row(text string, args ...any) (row []driver.Value, err error) {
	stmt, err := c.prepare(text)
	if err != nil {
		return nil, err
	}
	rows, err := stmt.(driver.StmtQueryContext).QueryContext(context.Background(), c.bind(args))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	row = make([]driver.Value, len(rows.Columns()))
	switch err := rows.Next(row); {
	case errors.Is(err, io.EOF):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return row, nil
}

// number returns the whole number that a query's first row begins with.
func (c *connection) number(text string) (int64, error) {
	row, err := c.row(text)
	if err != nil {
		return 0, err
	}
	n, ok := row[0].(int64)
	if !ok {
		return 0, fmt.Errorf("%s did not answer with a number", text)
	}
	return n, nil
}

func (c *connection) close() error {
	var errs []error
	for _, stmt := range c.statements {
		errs = append(errs, stmt.Close())
	}
	return errors.Join(append(errs, c.driver.Close())...)
}

// checkSettings refuses to work on a connection that would not be durable.
func (c *connection) checkSettings() error {
	journal, err := c.row("PRAGMA journal_mode")
	if err != nil {
		return err
	}
	synchronous, err := c.number("PRAGMA synchronous")
	if err != nil {
		return err
	}
	if journal[0] != "wal" || synchronous != 2 {
		return fmt.Errorf("the database runs with journal_mode=%v and synchronous=%d; it must be wal and 2 (FULL)", journal[0], synchronous)
	}
	return nil
}

// values is a row of the driver's, scanned as database/sql would.
type values []driver.Value

// Scan copies the row's columns to what is scanned into.
func (v values) Scan(to ...any) error {
	if len(to) != len(v) {
		return fmt.Errorf("a row of %d columns was scanned into %d", len(v), len(to))
	}
	for i, d := range to {
		ok := true
		switch d := d.(type) {
		case interface{ Scan(any) error }:
			if err := d.Scan(v[i]); err != nil {
				return err
			}
		case *string:
			*d, ok = v[i].(string)
		case *int64:
			*d, ok = v[i].(int64)
		case *[]byte:
			*d, ok = v[i].([]byte)
		default:
			ok = false
		}
		if !ok {
			return fmt.Errorf("column %d holds %T, which does not go into %T", i+1, v[i], d)
		}
	}
	return nil
}
