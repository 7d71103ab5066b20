// Package directory holds the use cases of what incidents live in: the
// organisation, its projects, datasets and checks. It must never decide who
// may see an incident; that is package incident's.
package directory

import (
	"context"

	"tocsin"
	"tocsin/internal/store"
)

// Service is the use cases over a store.
type Service struct {
	store store.Store
	newID func() tocsin.ID
}

// New returns the use cases; newID makes the ids of new objects.
func New(s store.Store, newID func() tocsin.ID) *Service { return &Service{store: s, newID: newID} }

// CreateOrganisation makes a tenant, with a log of its own that begins with
// this change. Only the operator can; door says where he sat.
func (s *Service) CreateOrganisation(ctx context.Context, door, name string) (*tocsin.Organisation, error) {
	if err := tocsin.InvalidFields(tocsin.NameProblems(name)); err != nil {
		return nil, err
	}
	id := s.newID()
	return create(ctx, s, tocsin.System(id, door), 0, id, nil, func(m tocsin.Meta) *tocsin.Organisation {
		return &tocsin.Organisation{Meta: m, Name: name, AuditEpoch: 1}
	})
}

// Organisation returns the actor's own organisation.
func (s *Service) Organisation(ctx context.Context, actor tocsin.Actor) (*tocsin.Organisation, error) {
	return store.Find[*tocsin.Organisation](ctx, s.store, actor.Org, tocsin.KindOrganisation, actor.Org)
}

// CreateProject makes a project.
func (s *Service) CreateProject(ctx context.Context, actor tocsin.Actor, name string) (*tocsin.Project, error) {
	if err := tocsin.InvalidFields(tocsin.NameProblems(name)); err != nil {
		return nil, err
	}
	return create(ctx, s, actor, tocsin.ManageProjects, s.newID(), nil, func(m tocsin.Meta) *tocsin.Project {
		return &tocsin.Project{Meta: m, Name: name}
	})
}

// CreateDataset makes a dataset in a project.
func (s *Service) CreateDataset(ctx context.Context, actor tocsin.Actor, project tocsin.ID, name string) (*tocsin.Dataset, error) {
	if err := tocsin.InvalidFields(tocsin.NameProblems(name)); err != nil {
		return nil, err
	}
	needs := []store.Key{{Kind: tocsin.KindProject, ID: project}}
	return create(ctx, s, actor, tocsin.ManageProjects, s.newID(), needs, func(m tocsin.Meta) *tocsin.Dataset {
		return &tocsin.Dataset{Meta: m, Project: project, Name: name}
	})
}

// CreateCheck makes a check in a project, of datasets of that project.
func (s *Service) CreateCheck(ctx context.Context, actor tocsin.Actor, project tocsin.ID, name, url string, datasets []tocsin.ID) (*tocsin.Check, error) {
	if err := tocsin.InvalidFields(tocsin.CheckProblems(name, url)); err != nil {
		return nil, err
	}
	needs := []store.Key{{Kind: tocsin.KindProject, ID: project}}
	for _, d := range datasets {
		needs = append(needs, store.Key{Kind: tocsin.KindDataset, ID: d})
	}
	return create(ctx, s, actor, tocsin.ManageProjects, s.newID(), needs, func(m tocsin.Meta) *tocsin.Check {
		return &tocsin.Check{Meta: m, Project: project, Name: name, URL: url, Datasets: datasets}
	})
}

// User returns a user of the actor's organisation.
func (s *Service) User(ctx context.Context, actor tocsin.Actor, id tocsin.ID) (*tocsin.User, error) {
	return store.Find[*tocsin.User](ctx, s.store, actor.Org, tocsin.KindUser, id)
}

// create commits a new object, if what it needs is there and in the project
// that it needs first.
func create[T tocsin.Object](ctx context.Context, s *Service, actor tocsin.Actor, p tocsin.Permissions, id tocsin.ID, needs []store.Key, fresh func(tocsin.Meta) T) (T, error) {
	meta := tocsin.Meta{Org: actor.Org, ID: id}
	kind := fresh(meta).Kind()
	o, _, err := store.One[T](ctx, s.store, store.Command{
		Actor: actor,
		Keys:  append([]store.Key{{Kind: kind, ID: id}}, needs...),
		Decide: func(v store.View) (store.Change, error) {
			var target tocsin.Target
			for _, k := range needs {
				o, err := store.Object[tocsin.Object](v, k.Kind, k.ID)
				if err != nil {
					return store.Change{}, missing(k.Kind)
				}
				switch o := o.(type) {
				case *tocsin.Project:
					target.Project = o.ID
					// A project that the actor cannot see is not there, before anything in it is.
					if a := v.Access; a != nil && !a.May(tocsin.ViewIncidents, target) && !a.May(p, target) {
						return store.Change{}, missing(tocsin.KindProject)
					}
				case *tocsin.Dataset:
					if o.Project != target.Project {
						return store.Change{}, missing(tocsin.KindDataset)
					}
				}
			}
			if err := v.Authorise(actor, 0, p, target, tocsin.KindOrganisation); err != nil {
				return store.Change{}, err
			}
			return store.Change{Action: string(kind) + ".create", Objects: []tocsin.Object{fresh(meta)}}, nil
		},
	})
	return o, err
}

// missing returns the NotFound error of what a request names in a field.
func missing(k tocsin.Kind) error {
	field := string(k)
	return &tocsin.Error{
		Code: tocsin.NotFound, Message: "there is no such " + field,
		Fields: map[string]string{field: field + " must be one of the organisation, and of the same project"},
	}
}
