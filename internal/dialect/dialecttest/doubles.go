package dialecttest

import (
	"context"

	"tocsin"
	"tocsin/internal/dialect"
)

// Interrupted are use cases in which something happens between the look at who
// may and the commit of an update.
type Interrupted struct {
	dialect.Incidents
	Before func()
}

// Update runs Before and then updates.
func (i Interrupted) Update(ctx context.Context, actor tocsin.Actor, id tocsin.ID, p tocsin.Patch, rules tocsin.Rules) (*tocsin.Incident, error) {
	i.Before()
	return i.Incidents.Update(ctx, actor, id, p, rules)
}

// Broken are use cases that fail with Err, or panic without one.
type Broken struct {
	dialect.Incidents
	Err error
}

// Manageable fails, always.
func (b Broken) Manageable(context.Context, tocsin.Actor, tocsin.ID) (*tocsin.Incident, error) {
	if b.Err == nil {
		panic("the hunter2 panic")
	}
	return nil, b.Err
}
