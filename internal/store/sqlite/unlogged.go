package sqlite

import (
	"context"
	"errors"
	"fmt"

	"tocsin"
	"tocsin/internal/store"
	"tocsin/internal/store/sqlstore"
)

// write commits statements that are no change: nothing of them is logged.
func (s *Store) write(statements ...sqlstore.Statement) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.Err(); err != nil {
		return err
	}
	if err := s.conn.do("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	for _, st := range statements {
		if err := s.conn.exec(st); err != nil {
			return errors.Join(err, s.conn.do("ROLLBACK"))
		}
	}
	err := s.commit()
	if errors.Is(err, store.ErrUnknown) {
		s.Fail(err) // later commits would stand on this one in the write-ahead log
	}
	return err
}

// RecordUse is store.Store's.
func (s *Store) RecordUse(_ context.Context, uses []store.KeyUse) error {
	statements := make([]sqlstore.Statement, len(uses))
	for i, u := range uses {
		statements[i] = sqlstore.RecordUseOf(u)
	}
	return s.write(statements...)
}

// ForgetReplies is store.Store's.
func (s *Store) ForgetReplies(ctx context.Context) error {
	before := s.opts.Now().Add(-tocsin.ReplyLife)
	for { // some at a time: the changes that wait come in between
		if more, err := s.Reader.AnyReplyBefore(ctx, before); err != nil || !more {
			return err
		}
		if err := s.write(sqlstore.ForgetReplies(before)); err != nil {
			return fmt.Errorf("erase old replies: %w", err)
		}
	}
}
