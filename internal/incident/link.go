package incident

import (
	"context"
	"slices"

	"tocsin"
	"tocsin/internal/store"
)

// AddLink puts a link behind the others of an incident, and returns the incident
// as it is now: its last link is the new one.
func (s *Service) AddLink(ctx context.Context, actor tocsin.Actor, id tocsin.ID, url, title string) (*tocsin.Incident, error) {
	link := tocsin.Link{ID: s.newID(), URL: url, Title: title}
	return s.Update(ctx, actor, id, tocsin.Patch{AddLinks: []tocsin.Link{link}}, tocsin.Lifecycle())
}

// RemoveLink takes a link away; NotFound says that there is none with that id.
func (s *Service) RemoveLink(ctx context.Context, actor tocsin.Actor, id, link tocsin.ID) (*tocsin.Incident, error) {
	keys := []store.Key{{Kind: tocsin.KindIncident, ID: id}}
	patch, rules := tocsin.Patch{RemoveLinks: []tocsin.ID{link}}, tocsin.Lifecycle()
	inc, _, err := store.One[*tocsin.Incident](ctx, s.store, store.Command{Actor: actor, Keys: keys, Decide: func(v store.View) (store.Change, error) {
		cur, err := manageable(v, actor, id)
		if err != nil {
			return store.Change{}, err
		}
		if !slices.ContainsFunc(cur.Links, func(l tocsin.Link) bool { return l.ID == link }) {
			return store.Change{}, tocsin.Errorf(tocsin.NotFound, "the incident has no such link")
		}
		next, err := patch.Apply(cur, rules, v.Now)
		if err != nil {
			return store.Change{}, err
		}
		return store.Change{Action: "incident.update", Objects: []tocsin.Object{next}}, nil
	}})
	return inc, err
}
