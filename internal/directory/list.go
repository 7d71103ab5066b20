package directory

import (
	"context"

	"tocsin"
	"tocsin/internal/store"
)

// Organisations returns every organisation, in order of creation. It crosses
// tenants: only the operator's command line may offer it.
func (s *Service) Organisations(ctx context.Context) ([]*tocsin.Organisation, error) {
	return s.store.Organisations(ctx)
}

// Projects returns the projects that the actor may manage, in order of creation.
func (s *Service) Projects(ctx context.Context, actor tocsin.Actor) ([]*tocsin.Project, error) {
	return managed(ctx, s, actor, projects())
}

// Datasets returns the datasets that the actor may manage, in order of creation.
func (s *Service) Datasets(ctx context.Context, actor tocsin.Actor) ([]*tocsin.Dataset, error) {
	return managed(ctx, s, actor, datasets())
}

// Checks returns the checks that the actor may manage, in order of creation.
func (s *Service) Checks(ctx context.Context, actor tocsin.Actor) ([]*tocsin.Check, error) {
	return managed(ctx, s, actor, checks())
}

// managed returns the objects on whose targets the actor may manage projects; of
// the others he learns nothing.
func managed[T tocsin.Object](ctx context.Context, s *Service, actor tocsin.Actor, n noun[T]) ([]T, error) {
	return page(ctx, s, actor, n, tocsin.ID{}, 0, func(a *tocsin.Access, o T) bool {
		return a == nil || a.May(tocsin.ManageProjects, n.target(o))
	})
}

// ProjectPage returns up to limit projects with ids above after that the actor
// may see, in order of creation.
func (s *Service) ProjectPage(ctx context.Context, actor tocsin.Actor, after tocsin.ID, limit int) ([]*tocsin.Project, error) {
	return page(ctx, s, actor, projects(), after, limit, projects().visible)
}

// DatasetPage is ProjectPage for datasets: of one project, unless that is zero.
func (s *Service) DatasetPage(ctx context.Context, actor tocsin.Actor, project, after tocsin.ID, limit int) ([]*tocsin.Dataset, error) {
	return page(ctx, s, actor, datasets(), after, limit, datasets().visibleIn(project))
}

// CheckPage is ProjectPage for checks: of one project, unless that is zero.
func (s *Service) CheckPage(ctx context.Context, actor tocsin.Actor, project, after tocsin.ID, limit int) ([]*tocsin.Check, error) {
	return page(ctx, s, actor, checks(), after, limit, checks().visibleIn(project))
}

// reading is how many objects are read at once.
const reading = 128

// page reads on until it has limit objects that are to be shown to an actor with
// such access, or nil for the operator; all of them for a limit of 0.
func page[T tocsin.Object](ctx context.Context, s *Service, actor tocsin.Actor, n noun[T], after tocsin.ID, limit int, show func(*tocsin.Access, T) bool) ([]T, error) {
	var a *tocsin.Access
	if actor.Kind != tocsin.ActorSystem {
		var err error
		if a, err = s.store.Access(ctx, actor.Key); err != nil {
			return nil, err
		}
	}
	found := make([]T, 0, limit)
	for {
		objects, err := s.store.List(ctx, actor.Org, n.kind, store.Page{After: after, Limit: reading})
		if err != nil {
			return nil, err
		}
		for _, o := range objects {
			after = o.Head().ID
			if o := o.(T); show(a, o) {
				if found = append(found, o); len(found) == limit {
					return found, nil
				}
			}
		}
		if len(objects) < reading {
			return found, nil
		}
	}
}
