package directory

import (
	"context"
	"slices"

	"tocsin"
	"tocsin/internal/store"
)

// UpdateOrganisation changes the actor's own organisation; nil keeps.
func (s *Service) UpdateOrganisation(ctx context.Context, actor tocsin.Actor, name *string, requireIfMatch *bool) (*tocsin.Organisation, error) {
	o, _, err := store.One[*tocsin.Organisation](ctx, s.store, store.Command{
		Actor: actor,
		Keys:  []store.Key{{Kind: tocsin.KindOrganisation, ID: actor.Org}},
		Decide: func(v store.View) (store.Change, error) {
			if err := v.Authorise(actor, 0, tocsin.ManageSettings, tocsin.Target{}, tocsin.KindOrganisation); err != nil {
				return store.Change{}, err
			}
			cur, err := store.Object[*tocsin.Organisation](v, tocsin.KindOrganisation, actor.Org)
			if err != nil {
				return store.Change{}, err
			}
			next := *cur
			assign(&next.Name, name)
			assign(&next.RequireIfMatch, requireIfMatch)
			if err := tocsin.InvalidFields(tocsin.NameProblems(next.Name)); err != nil {
				return store.Change{}, err
			}
			return store.Change{Action: "organisation.update", Objects: []tocsin.Object{&next}}, nil
		},
	})
	return o, err
}

// UpdateProject changes a project's name; nil keeps.
func (s *Service) UpdateProject(ctx context.Context, actor tocsin.Actor, id tocsin.ID, name *string) (*tocsin.Project, error) {
	return update(ctx, s, actor, projects(), id, nil, func(_ store.View, p *tocsin.Project) error {
		assign(&p.Name, name)
		return tocsin.InvalidFields(tocsin.NameProblems(p.Name))
	})
}

// UpdateDataset changes a dataset's name; nil keeps.
func (s *Service) UpdateDataset(ctx context.Context, actor tocsin.Actor, id tocsin.ID, name *string) (*tocsin.Dataset, error) {
	return update(ctx, s, actor, datasets(), id, nil, func(_ store.View, d *tocsin.Dataset) error {
		assign(&d.Name, name)
		return tocsin.InvalidFields(tocsin.NameProblems(d.Name))
	})
}

// UpdateCheck changes a check's name, URL and datasets, all of its own project;
// nil keeps. Its incidents keep what they were opened with.
func (s *Service) UpdateCheck(ctx context.Context, actor tocsin.Actor, id tocsin.ID, name, url *string, about *[]tocsin.ID) (*tocsin.Check, error) {
	var needs []store.Key
	if about != nil {
		for _, d := range *about {
			needs = append(needs, store.Key{Kind: tocsin.KindDataset, ID: d})
		}
	}
	return update(ctx, s, actor, checks(), id, needs, func(v store.View, c *tocsin.Check) error {
		assign(&c.Name, name)
		assign(&c.URL, url)
		for _, k := range needs {
			if d, err := store.Object[*tocsin.Dataset](v, k.Kind, k.ID); err != nil || d.Project != c.Project {
				return missing(tocsin.KindDataset)
			}
		}
		if about != nil {
			c.Datasets = slices.Clone(*about)
		}
		return tocsin.InvalidFields(tocsin.CheckProblems(c.Name, c.URL))
	})
}

func assign[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// update commits what apply makes of a copy of the object, and returns it.
func update[T any, P interface {
	*T
	tocsin.Object
}](ctx context.Context, s *Service, actor tocsin.Actor, n noun[P], id tocsin.ID, needs []store.Key, apply func(store.View, P) error,
) (P, error) {
	o, _, err := store.One[P](ctx, s.store, store.Command{
		Actor: actor,
		Keys:  append([]store.Key{{Kind: n.kind, ID: id}}, needs...),
		Decide: func(v store.View) (store.Change, error) {
			cur, err := store.Object[P](v, n.kind, id)
			if err != nil {
				return store.Change{}, err
			}
			if !n.visible(v.Access, cur) {
				return store.Change{}, store.ErrNotFound(n.kind)
			}
			if err := v.Authorise(actor, 0, tocsin.ManageProjects, n.managed(cur), n.kind); err != nil {
				return store.Change{}, err
			}
			next := *cur
			if err := apply(v, &next); err != nil {
				return store.Change{}, err
			}
			return store.Change{Action: string(n.kind) + ".update", Objects: []tocsin.Object{P(&next)}}, nil
		},
	})
	return o, err
}
