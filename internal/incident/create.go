package incident

import (
	"slices"
	"strings"
	"time"

	"tocsin"
	"tocsin/internal/store"
)

// decideCreate makes the incident of a draft, but for its Meta.
func decideCreate(d tocsin.Draft, v store.View, actor tocsin.Actor) (*tocsin.Incident, error) {
	inc := &tocsin.Incident{
		Number: v.NextNumber, Project: d.Project,
		Title: d.Title, Description: d.Description, Severity: d.Severity, Type: d.Type, Source: d.Source,
		ErrorMessage: d.ErrorMessage, AffectedRegions: d.AffectedRegions, FailureCount: d.FailureCount,
		ResolutionNotes: d.ResolutionNotes, Labels: d.Labels, Lead: d.Lead, Reporter: actor.User,
		StartedAt: d.StartedAt.UTC().Truncate(time.Microsecond), OpenedAt: v.Now,
	}
	for i, id := range d.Checks {
		c, err := visibleCheck(v, actor, id)
		if tocsin.CodeOf(err) == tocsin.Unauthenticated {
			return nil, err
		}
		if err != nil || i > 0 && c.Project != inc.Project || !d.Project.IsZero() && c.Project != d.Project {
			return nil, tocsin.InvalidFields(map[string]string{"checks": "each check must be one that you can see, all in one project"})
		}
		inc.Project = c.Project
		if i == 0 {
			inc.Check, inc.CheckName, inc.CheckURL = c.ID, c.Name, c.URL
		}
		for _, dataset := range c.Datasets {
			if !slices.Contains(inc.Datasets, dataset) {
				inc.Datasets = append(inc.Datasets, dataset)
			}
		}
	}
	if len(d.Checks) == 0 {
		if _, err := store.Object[*tocsin.Project](v, tocsin.KindProject, d.Project); err != nil {
			return nil, err
		}
	}
	if err := v.Authorise(actor, 0, tocsin.ManageIncidents, inc.Target(), tocsin.KindProject); err != nil {
		return nil, err
	}
	if !d.Lead.IsZero() {
		if err := leadExists(v, d.Lead); err != nil {
			return nil, err
		}
	}
	if v.NextNumber == 0 {
		return nil, tocsin.Errorf(tocsin.Exhausted, "the organisation has used up all its incident numbers")
	}
	if inc.Title == "" {
		inc.Title = titleOf(inc.CheckName, inc.Type)
	}
	if inc.StartedAt.IsZero() || inc.StartedAt.After(v.Now) {
		inc.StartedAt = v.Now
	}
	inc.MoveTo(tocsin.Open, v.Now)
	if d.Status != "" {
		inc.MoveTo(d.Status, v.Now)
	}
	return inc, nil
}

// visibleCheck returns a check whose incidents the actor may see.
func visibleCheck(v store.View, actor tocsin.Actor, id tocsin.ID) (*tocsin.Check, error) {
	c, err := store.Object[*tocsin.Check](v, tocsin.KindCheck, id)
	if err != nil {
		return nil, err
	}
	target := tocsin.Target{Project: c.Project, Datasets: c.Datasets}
	return c, v.Authorise(actor, tocsin.ViewIncidents, tocsin.ViewIncidents, target, tocsin.KindCheck)
}

// titleOf names a check's incident: "<check name> - <Type In Words>".
func titleOf(check, kind string) string {
	if kind == "" {
		return check
	}
	words := strings.Split(kind, "_")
	for i, w := range words {
		words[i] = strings.ToUpper(w[:1]) + w[1:]
	}
	return check + " - " + strings.Join(words, " ")
}
