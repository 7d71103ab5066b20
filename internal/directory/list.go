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
	return list(ctx, s.store, actor, tocsin.KindProject, func(p *tocsin.Project) tocsin.Target {
		return tocsin.Target{Project: p.ID}
	})
}

// Datasets returns the datasets that the actor may manage, in order of creation.
func (s *Service) Datasets(ctx context.Context, actor tocsin.Actor) ([]*tocsin.Dataset, error) {
	return list(ctx, s.store, actor, tocsin.KindDataset, func(d *tocsin.Dataset) tocsin.Target {
		return tocsin.Target{Project: d.Project, Datasets: []tocsin.ID{d.ID}}
	})
}

// Checks returns the checks that the actor may manage, in order of creation.
func (s *Service) Checks(ctx context.Context, actor tocsin.Actor) ([]*tocsin.Check, error) {
	return list(ctx, s.store, actor, tocsin.KindCheck, func(c *tocsin.Check) tocsin.Target {
		return tocsin.Target{Project: c.Project, Datasets: c.Datasets}
	})
}

// list returns the objects of a kind on whose targets the actor may manage
// projects; of the others he learns nothing.
func list[T tocsin.Object](ctx context.Context, s store.Store, actor tocsin.Actor, kind tocsin.Kind, target func(T) tocsin.Target) ([]T, error) {
	may := func(tocsin.Target) bool { return true }
	if actor.Kind != tocsin.ActorSystem {
		a, err := s.Access(ctx, actor.Key)
		if err != nil {
			return nil, err
		}
		may = func(t tocsin.Target) bool { return a.May(tocsin.ManageProjects, t) }
	}
	objects, err := s.List(ctx, actor.Org, kind, store.Page{})
	if err != nil {
		return nil, err
	}
	found := make([]T, 0, len(objects))
	for _, o := range objects {
		if o := o.(T); may(target(o)) {
			found = append(found, o)
		}
	}
	return found, nil
}
