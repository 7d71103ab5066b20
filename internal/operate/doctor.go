package operate

import (
	"context"
	"time"

	"tocsin/internal/store/postgres"
	"tocsin/internal/store/sqlite"
	"tocsin/internal/store/sqlstore"
)

// A State says how something is.
type State string

// The states: all well, worth a look, and down.
const (
	OK   State = "ok"
	Warn State = "warn"
	Fail State = "fail"
)

// A Finding is what a check came to.
type Finding struct {
	// Check names what was looked at.
	Check string
	State State
	// Detail says what was seen, Advice what to do about it; Advice is empty
	// when there is nothing to do.
	Detail, Advice string
}

// facts are what was seen; what belongs to the other engine is nil.
type facts struct {
	Known int64
	Host  host
	// SQLite and PostgreSQL are what the engine says of itself, EngineError what
	// kept it from saying more.
	SQLite      *sqlite.Health
	PostgreSQL  *postgres.Health
	EngineError error
}

// schema, served and logs are what both engines know.
func (f facts) schema() int64 {
	if f.SQLite != nil {
		return f.SQLite.Schema
	}
	return f.PostgreSQL.Schema
}

func (f facts) served() bool {
	if f.SQLite != nil {
		return f.SQLite.Served
	}
	return f.PostgreSQL.Nodes > 0
}

func (f facts) logs() []sqlstore.LogHealth {
	if f.SQLite != nil {
		return f.SQLite.Logs
	}
	return f.PostgreSQL.Logs
}

// Doctor looks at a database and at the machine that it is asked on, changes
// nothing, and returns a finding for each check. An error means that it could
// not look.
func Doctor(ctx context.Context, p Place, now func() time.Time) ([]Finding, error) {
	newest, err := known()
	if err != nil {
		return nil, err
	}
	f := facts{Known: newest}
	if !p.embedded() {
		f.Host = machine(now)
		h, err := postgres.Examine(ctx, p.URL, newest, now)
		f.PostgreSQL, f.EngineError = &h, err
		return judge(f), ctx.Err()
	}
	if err := p.mustExist(); err != nil {
		return nil, err
	}
	f.Host = machine(now)
	if f.Host.Dir, err = directory(p.Dir); err != nil {
		return nil, err
	}
	h, err := sqlite.Examine(ctx, p.Dir, newest)
	f.SQLite, f.EngineError = &h, err
	return judge(f), ctx.Err()
}
