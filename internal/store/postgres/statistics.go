package postgres

import (
	"context"
	"fmt"
)

// Of a table that was small when it was last looked at, or never, the planner
// thinks that all indexes find one row equally well, for all begin with the
// organisation; and plans are kept. Until the server's own analysis comes round,
// or after a restore that left none, each lookup would read a whole organisation.
// So the engine has the tables analysed that grow: when it opens the database,
// and once when it has written enough for statistics to tell.

// analyseAfter is how many rows make a table worth knowing, and how many log
// records a node writes before it looks again.
const analyseAfter = 500

const (
	unknownSQL = "SELECT EXISTS (SELECT FROM pg_class WHERE oid IN ('incidents'::regclass, 'comments'::regclass) AND reltuples < $1)"
	analyseSQL = "ANALYZE incidents, comments, incident_datasets"
)

// analyse has the tables analysed if one was last seen small.
func (s *Store) analyse(ctx context.Context) error {
	var unknown bool
	if err := s.pool.QueryRow(ctx, unknownSQL, analyseAfter).Scan(&unknown); err != nil {
		return fmt.Errorf("read the tables' statistics: %w", err)
	}
	if !unknown {
		return nil
	}
	if _, err := s.pool.Exec(ctx, analyseSQL); err != nil {
		return fmt.Errorf("have the tables analysed: %w", err)
	}
	return nil
}

// grown notes that so many log records were written.
func (s *Store) grown(records int) {
	if s.written >= analyseAfter {
		return
	}
	if s.written += records; s.written < analyseAfter {
		return
	}
	go func() { // off the commit path; Close waits for it with the reads
		if err := s.analyse(context.Background()); err != nil && !s.closed.Load() {
			s.opts.Logger.Warn("changes may be slow until the server has analysed its tables", "err", err)
		}
	}()
}
