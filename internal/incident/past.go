package incident

import (
	"context"
	"time"

	"tocsin"
)

// AtVersion returns an incident that the actor may see as it was at a version,
// and the fields whose values then were erased from the log.
func (s *Service) AtVersion(ctx context.Context, actor tocsin.Actor, id tocsin.ID, version int64) (*tocsin.Incident, []string, error) {
	entries, err := s.History(ctx, actor, id)
	if err != nil {
		return nil, nil, err
	}
	return tocsin.Rebuild(actor.Org, entries, version)
}

// AtTime is AtVersion for the version that the incident had at a time; before
// its first one there is NotFound.
func (s *Service) AtTime(ctx context.Context, actor tocsin.Actor, id tocsin.ID, at time.Time) (*tocsin.Incident, []string, error) {
	entries, err := s.History(ctx, actor, id)
	if err != nil {
		return nil, nil, err
	}
	var version int64
	for _, e := range entries {
		if !e.At.After(at) {
			version = e.Version
		}
	}
	if version == 0 {
		return nil, nil, tocsin.Errorf(tocsin.NotFound, "the incident was not there yet")
	}
	return tocsin.Rebuild(actor.Org, entries, version)
}
