// Package incident holds the use cases of incidents: create, change, comment,
// list, read, and their history. Its rules are pure decisions that the store
// runs at commit; it must never know which dialect a caller speaks. What a
// dialect adds to the rules comes in as tocsin.Rules.
package incident

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

// New returns the use cases; newID makes the ids of new incidents and comments.
func New(s store.Store, newID func() tocsin.ID) *Service {
	return &Service{store: s, newID: newID}
}

// View returns an incident that the actor may see; any other is NotFound.
func (s *Service) View(ctx context.Context, actor tocsin.Actor, id tocsin.ID) (*tocsin.Incident, error) {
	return s.find(ctx, actor, id, tocsin.ViewIncidents)
}

// Manageable returns an incident that the actor may change: NotFound when he
// may not even see it, Forbidden when he may only see it. The commit judges
// again; this is for doors that must answer so before they read the body.
func (s *Service) Manageable(ctx context.Context, actor tocsin.Actor, id tocsin.ID) (*tocsin.Incident, error) {
	return s.find(ctx, actor, id, tocsin.ManageIncidents)
}

func (s *Service) find(ctx context.Context, actor tocsin.Actor, id tocsin.ID, p tocsin.Permissions) (*tocsin.Incident, error) {
	inc, err := store.Find[*tocsin.Incident](ctx, s.store, actor.Org, tocsin.KindIncident, id)
	if err != nil {
		return nil, err
	}
	if actor.Kind == tocsin.ActorSystem {
		return inc, nil
	}
	a, err := s.store.Access(ctx, actor.Key)
	if err != nil {
		return nil, err
	}
	if !a.May(tocsin.ViewIncidents, inc.Target()) {
		return nil, store.ErrNotFound(tocsin.KindIncident)
	}
	if !a.May(p, inc.Target()) {
		return nil, tocsin.Errorf(tocsin.Forbidden, "this key may see the incident but not manage it")
	}
	return inc, nil
}

// List returns one page of the incidents that the actor may see, and how many
// there are in all. It sets q.Reach itself.
func (s *Service) List(ctx context.Context, actor tocsin.Actor, q tocsin.IncidentQuery) ([]*tocsin.Incident, int, error) {
	page, err := s.Page(ctx, actor, q)
	if err != nil {
		return nil, 0, err
	}
	if q.Reach, err = s.reach(ctx, actor); err != nil {
		return nil, 0, err
	}
	total, err := s.store.CountIncidents(ctx, actor.Org, q)
	return page, total, err
}

// Page is List without the count, which costs a look at every match.
func (s *Service) Page(ctx context.Context, actor tocsin.Actor, q tocsin.IncidentQuery) ([]*tocsin.Incident, error) {
	var err error
	if q.Reach, err = s.reach(ctx, actor); err != nil {
		return nil, err
	}
	return s.store.Incidents(ctx, actor.Org, q)
}

// reach returns where the actor may see incidents.
func (s *Service) reach(ctx context.Context, actor tocsin.Actor) (tocsin.Reach, error) {
	if actor.Kind == tocsin.ActorSystem {
		return tocsin.Reach{Everywhere: true}, nil
	}
	a, err := s.store.Access(ctx, actor.Key)
	if err != nil {
		return tocsin.Reach{}, err
	}
	return a.Reach(tocsin.ViewIncidents), nil
}

// Update changes an incident as the patch says, in one change with one entry,
// and returns it as it is now. A patch that comes to nothing leaves no trace.
func (s *Service) Update(ctx context.Context, actor tocsin.Actor, id tocsin.ID, p tocsin.Patch, rules tocsin.Rules) (*tocsin.Incident, error) {
	if err := tocsin.InvalidFields(p.Problems()); err != nil {
		return nil, err
	}
	keys := []store.Key{{Kind: tocsin.KindIncident, ID: id}}
	if p.Lead != nil && !p.Lead.IsZero() {
		keys = append(keys, store.Key{Kind: tocsin.KindUser, ID: *p.Lead})
	}
	inc, _, err := store.One[*tocsin.Incident](ctx, s.store, store.Command{Actor: actor, Keys: keys, Decide: func(v store.View) (store.Change, error) {
		cur, err := manageable(v, actor, id)
		if err != nil {
			return store.Change{}, err
		}
		if len(keys) > 1 {
			if err := leadExists(v, *p.Lead); err != nil {
				return store.Change{}, err
			}
		}
		next, err := p.Apply(cur, rules, v.Now)
		if err != nil {
			return store.Change{}, err
		}
		return store.Change{Action: "incident.update", Note: p.Note, Objects: []tocsin.Object{next}}, nil
	}})
	return inc, err
}

// manageable returns the incident under the lock, judged anew.
func manageable(v store.View, actor tocsin.Actor, id tocsin.ID) (*tocsin.Incident, error) {
	inc, err := store.Object[*tocsin.Incident](v, tocsin.KindIncident, id)
	if err != nil {
		return nil, err
	}
	return inc, v.Authorise(actor, tocsin.ViewIncidents, tocsin.ManageIncidents, inc.Target(), tocsin.KindIncident)
}

func leadExists(v store.View, lead tocsin.ID) error {
	if _, err := store.Object[*tocsin.User](v, tocsin.KindUser, lead); err != nil {
		return tocsin.InvalidFields(map[string]string{"lead": "lead must be a user of the organisation"})
	}
	return nil
}

// Comment adds what the actor has to say about an incident.
func (s *Service) Comment(ctx context.Context, actor tocsin.Actor, id tocsin.ID, message string) (*tocsin.Comment, error) {
	if err := tocsin.InvalidFields(tocsin.CommentProblems(message)); err != nil {
		return nil, err
	}
	comment := s.newID()
	keys := []store.Key{{Kind: tocsin.KindIncident, ID: id}, {Kind: tocsin.KindComment, ID: comment}}
	c, _, err := store.One[*tocsin.Comment](ctx, s.store, store.Command{Actor: actor, Keys: keys, Decide: func(v store.View) (store.Change, error) {
		if _, err := manageable(v, actor, id); err != nil {
			return store.Change{}, err
		}
		return store.Change{Action: "comment.create", Objects: []tocsin.Object{&tocsin.Comment{
			Meta: tocsin.Meta{Org: actor.Org, ID: comment}, Incident: id, Author: actor.User, Message: message,
		}}}, nil
	}})
	return c, err
}

// Comments returns the comments on an incident that the actor may see.
func (s *Service) Comments(ctx context.Context, actor tocsin.Actor, id tocsin.ID) ([]*tocsin.Comment, error) {
	if _, err := s.View(ctx, actor, id); err != nil {
		return nil, err
	}
	return s.store.Comments(ctx, actor.Org, id, 0, 0)
}

// CommentsAfter returns up to limit of them, with sequence numbers above after.
func (s *Service) CommentsAfter(ctx context.Context, actor tocsin.Actor, id tocsin.ID, after int64, limit int) ([]*tocsin.Comment, error) {
	if _, err := s.View(ctx, actor, id); err != nil {
		return nil, err
	}
	return s.store.Comments(ctx, actor.Org, id, after, limit)
}

// History returns the log entries of an incident that the actor may see,
// oldest first.
func (s *Service) History(ctx context.Context, actor tocsin.Actor, id tocsin.ID) ([]tocsin.Entry, error) {
	if _, err := s.View(ctx, actor, id); err != nil {
		return nil, err
	}
	return s.store.History(ctx, actor.Org, store.Key{Kind: tocsin.KindIncident, ID: id})
}

// HistoryAfter is History from the version behind the given one on.
func (s *Service) HistoryAfter(ctx context.Context, actor tocsin.Actor, id tocsin.ID, version int64) ([]tocsin.Entry, error) {
	if _, err := s.View(ctx, actor, id); err != nil {
		return nil, err
	}
	return s.store.HistoryAfter(ctx, actor.Org, store.Key{Kind: tocsin.KindIncident, ID: id}, version)
}

// Create opens an incident.
func (s *Service) Create(ctx context.Context, actor tocsin.Actor, d tocsin.Draft) (*tocsin.Incident, error) {
	if err := tocsin.InvalidFields(d.Problems()); err != nil {
		return nil, err
	}
	id := s.newID()
	keys := []store.Key{{Kind: tocsin.KindIncident, ID: id}}
	for _, c := range d.Checks {
		keys = append(keys, store.Key{Kind: tocsin.KindCheck, ID: c})
	}
	if !d.Project.IsZero() {
		keys = append(keys, store.Key{Kind: tocsin.KindProject, ID: d.Project})
	}
	if !d.Lead.IsZero() {
		keys = append(keys, store.Key{Kind: tocsin.KindUser, ID: d.Lead})
	}
	inc, _, err := store.One[*tocsin.Incident](ctx, s.store, store.Command{Actor: actor, Keys: keys, Decide: func(v store.View) (store.Change, error) {
		inc, err := decideCreate(d, v, actor)
		if err != nil {
			return store.Change{}, err
		}
		inc.Meta = tocsin.Meta{Org: actor.Org, ID: id}
		return store.Change{Action: "incident.create", Objects: []tocsin.Object{inc}}, nil
	}})
	return inc, err
}
