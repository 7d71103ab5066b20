package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"tocsin"
	"tocsin/internal/store"
)

// SQLSTATE codes that mean something to us (PostgreSQL manual, appendix A).
const (
	codeDivisionByZero     = "22012" // of mustChange: the row is not as it was read
	codeUniqueViolation    = "23505"
	codeReadOnly           = "25006"
	codeSerialization      = "40001"
	codeDeadlock           = "40P01"
	codeDiskFull           = "53100"
	codeLockTimeout        = "55P03"
	codeCancelled          = "57014"
	classResources         = "53"
	classOperatorIntervene = "57"
)

// errRolledBack: the server answered COMMIT with ROLLBACK.
var errRolledBack = errors.New("the server rolled the transaction back at COMMIT")

// notDone gives an error its code where it is certain that nothing was
// committed. lost says that the connection is gone.
func notDone(err error, lost bool) error {
	var pg *pgconn.PgError
	switch {
	case errors.As(err, &pg):
		return notDoneSays(pg, err)
	case errors.Is(err, context.DeadlineExceeded) || pgconn.Timeout(err):
		return busy("the database did not answer; the change was not made", time.Second, err)
	case lost:
		return fmt.Errorf("%w: the connection was lost before COMMIT: %w", store.ErrRerun, err)
	default:
		return err
	}
}

func notDoneSays(pg *pgconn.PgError, err error) error {
	switch pg.Code {
	case codeSerialization, codeDeadlock, codeDivisionByZero, codeReadOnly:
		return fmt.Errorf("%w: %w", store.ErrRerun, err)
	case codeUniqueViolation:
		// A primary key is taken only where another node has just made the same
		// organisation, whose head was not there yet to be locked.
		if strings.HasSuffix(pg.ConstraintName, "_pkey") {
			return fmt.Errorf("%w: %w", store.ErrRerun, err)
		}
		return &tocsin.Error{Code: tocsin.Conflict, Message: "that name is taken", Err: err}
	case codeLockTimeout, codeCancelled:
		return busy("the database is busy; the change was not made", time.Second, err)
	case codeDiskFull:
		return busy("the database's disk is full; the change was not made", 5*time.Second, err)
	}
	switch {
	case pg.Code[:2] == classOperatorIntervene: // it is being stopped or failed over
		return fmt.Errorf("%w: %w", store.ErrRerun, err)
	case pg.Code[:2] == classResources:
		return busy("the database lacks resources; the change was not made", 5*time.Second, err)
	}
	return err
}

func busy(message string, wait time.Duration, err error) error {
	return &tocsin.Error{Code: tocsin.Busy, Message: message, RetryAfter: wait, Err: err}
}

// outcome says what became of a round trip whose last request was COMMIT, at
// index last. An error is a certain "no" only where the server proves it: it
// answered an earlier statement with an error, so that it never came to COMMIT,
// or COMMIT itself with an ordinary one, after which nothing is committed.
func outcome(failed *tripError, warning *pgconn.Notice, last int, lost bool) error {
	if failed == nil {
		if warning != nil {
			// A cancelled wait for the standby is answered as a success.
			return fmt.Errorf("%w: the server warned at COMMIT: %s (%s)", store.ErrUnknown, warning.Message, warning.Code)
		}
		return nil
	}
	var pg *pgconn.PgError
	proved := failed.at == -1 || errors.Is(failed, errRolledBack) ||
		errors.As(failed.err, &pg) && (failed.at < last || pg.SeverityUnlocalized == "ERROR")
	if !proved {
		return fmt.Errorf("%w: %w", store.ErrUnknown, failed.err)
	}
	return notDone(failed.err, lost)
}
