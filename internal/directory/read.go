package directory

import (
	"context"

	"tocsin"
	"tocsin/internal/store"
)

// A noun is a kind of object that incidents live in, and where the permissions
// on one come from.
type noun[T tocsin.Object] struct {
	kind tocsin.Kind
	// target is where a permission to see it may come from, managed one to change it.
	target, managed func(T) tocsin.Target
}

func projects() noun[*tocsin.Project] {
	of := func(p *tocsin.Project) tocsin.Target { return tocsin.Target{Project: p.ID} }
	return noun[*tocsin.Project]{tocsin.KindProject, of, of}
}

func datasets() noun[*tocsin.Dataset] {
	of := func(d *tocsin.Dataset) tocsin.Target {
		return tocsin.Target{Project: d.Project, Datasets: []tocsin.ID{d.ID}}
	}
	return noun[*tocsin.Dataset]{tocsin.KindDataset, of, of}
}

// checks are seen by those of their datasets too, but changed only by those who
// could make them.
func checks() noun[*tocsin.Check] {
	return noun[*tocsin.Check]{
		tocsin.KindCheck,
		func(c *tocsin.Check) tocsin.Target { return tocsin.Target{Project: c.Project, Datasets: c.Datasets} },
		func(c *tocsin.Check) tocsin.Target { return tocsin.Target{Project: c.Project} },
	}
}

// visible reports whether o is shown to a key's access: it may view the incidents
// there, or manage projects. Nil is the operator's, who sees all.
func (n noun[T]) visible(a *tocsin.Access, o T) bool {
	t := n.target(o)
	return a == nil || a.May(tocsin.ViewIncidents, t) || a.May(tocsin.ManageProjects, t)
}

// visibleIn is visible for what is of one project, unless that is zero.
func (n noun[T]) visibleIn(project tocsin.ID) func(*tocsin.Access, T) bool {
	return func(a *tocsin.Access, o T) bool {
		return (project.IsZero() || n.target(o).Project == project) && n.visible(a, o)
	}
}

// Project returns a project that the actor may see; any other is NotFound.
func (s *Service) Project(ctx context.Context, actor tocsin.Actor, id tocsin.ID) (*tocsin.Project, error) {
	return find(ctx, s, actor, projects(), id, seen)
}

// Dataset returns a dataset that the actor may see; any other is NotFound.
func (s *Service) Dataset(ctx context.Context, actor tocsin.Actor, id tocsin.ID) (*tocsin.Dataset, error) {
	return find(ctx, s, actor, datasets(), id, seen)
}

// Check returns a check that the actor may see; any other is NotFound.
func (s *Service) Check(ctx context.Context, actor tocsin.Actor, id tocsin.ID) (*tocsin.Check, error) {
	return find(ctx, s, actor, checks(), id, seen)
}

// ManageableProject returns a project that the actor may change: NotFound when
// he may not even see it, Forbidden when he may only see it. The commit judges
// again; this is for doors that must answer so before they read the body.
func (s *Service) ManageableProject(ctx context.Context, actor tocsin.Actor, id tocsin.ID) (*tocsin.Project, error) {
	return find(ctx, s, actor, projects(), id, changed)
}

// ManageableDataset is ManageableProject for a dataset.
func (s *Service) ManageableDataset(ctx context.Context, actor tocsin.Actor, id tocsin.ID) (*tocsin.Dataset, error) {
	return find(ctx, s, actor, datasets(), id, changed)
}

// ManageableCheck is ManageableProject for a check.
func (s *Service) ManageableCheck(ctx context.Context, actor tocsin.Actor, id tocsin.ID) (*tocsin.Check, error) {
	return find(ctx, s, actor, checks(), id, changed)
}

// purpose is what an object is looked for.
type purpose int

const (
	seen purpose = iota
	changed
)

func find[T tocsin.Object](ctx context.Context, s *Service, actor tocsin.Actor, n noun[T], id tocsin.ID, to purpose) (T, error) {
	var none T
	o, err := store.Find[T](ctx, s.store, actor.Org, n.kind, id)
	if err != nil || actor.Kind == tocsin.ActorSystem {
		return o, err
	}
	a, err := s.store.Access(ctx, actor.Key)
	switch {
	case err != nil:
		return none, err
	case !n.visible(a, o):
		return none, store.ErrNotFound(n.kind)
	case to == changed && !a.May(tocsin.ManageProjects, n.managed(o)):
		return none, tocsin.Errorf(tocsin.Forbidden, "this key may not do that here")
	}
	return o, nil
}
