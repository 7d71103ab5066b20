package cli

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"tocsin/client"
)

// A candidate is something of the server's that an argument may name.
type candidate struct{ id, name string }

// pickNamed returns the id of the one candidate that given names.
func pickNamed(word, given string, all []candidate) (string, error) {
	var found []candidate
	var names []string
	for _, o := range all {
		if strings.EqualFold(o.id, given) || o.name == given {
			found = append(found, o)
		}
		names = append(names, o.name)
	}
	switch len(found) {
	case 1:
		return found[0].id, nil
	case 0:
		hint := ""
		if near := nearest(given, names); len(near) > 0 {
			hint = fmt.Sprintf(" Did you mean %s?", strings.Join(near, " or "))
		}
		return "", exitError{fmt.Errorf("there is no %[1]s %[2]q.%[3]s See 'tocsin %[1]s list'", word, given, hint), exitNotFound}
	}
	var ids []string
	for _, o := range found {
		ids = append(ids, o.id)
	}
	return "", usageError{fmt.Errorf("%d %ss are called %q; give the id: %s", len(found), word, given, strings.Join(ids, ", "))}
}

// projectID returns the project that is named; nothing given is the only one.
func (s *caller) projectID(given string) (string, error) {
	if idPattern.MatchString(given) {
		return given, nil
	}
	var all []candidate
	var names []string
	for p, err := range s.Projects.All(s.ctx) {
		if err != nil {
			return "", err
		}
		all = append(all, candidate{p.ID, p.Name})
		names = append(names, fmt.Sprintf("%q", p.Name))
	}
	switch {
	case given != "":
		return pickNamed("project", given, all)
	case len(all) == 1:
		return all[0].id, nil
	case len(all) == 0:
		return "", exitError{errors.New("there is no project that you may see; make one with 'tocsin project create NAME'"), exitNotFound}
	default:
		return "", usageError{fmt.Errorf("there are %d projects; say which with --project: %s", len(all), strings.Join(names[:min(10, len(names))], ", "))}
	}
}

// datasetID returns the dataset that is named.
func (s *caller) datasetID(given string) (string, error) {
	if idPattern.MatchString(given) {
		return given, nil
	}
	var all []candidate
	for d, err := range s.Datasets.All(s.ctx, "") {
		if err != nil {
			return "", err
		}
		all = append(all, candidate{d.ID, d.Name})
	}
	return pickNamed("dataset", given, all)
}

// userID returns the user that is named: by id, by email, or "me".
func (s *caller) userID(given string) (string, error) {
	if idPattern.MatchString(given) {
		return given, nil
	}
	me, err := s.Me(s.ctx)
	if err != nil {
		return "", err
	}
	if given == "me" || given == me.User.Email {
		return me.User.ID, nil
	}
	var all []candidate
	for u, err := range s.Users.All(s.ctx) {
		if errors.Is(err, client.ErrForbidden) {
			return "", exitError{fmt.Errorf("you may not list the members, so %q is not known; give the user's id", given), exitFailed}
		}
		if err != nil {
			return "", err
		}
		all = append(all, candidate{u.ID, u.Email})
	}
	return pickNamed("member", given, all)
}

// emails returns the members' addresses by id, as far as they may be seen.
func (s *caller) emails() map[string]string {
	names := map[string]string{}
	if s.out.shaped.asked() {
		return names // JSON has the ids
	}
	for u, err := range s.Users.All(s.ctx) {
		if err == nil {
			names[u.ID] = u.Email
		}
	}
	return names
}

// projectNames returns the projects' names by id, as far as they may be seen.
func (s *caller) projectNames() map[string]string {
	names := map[string]string{}
	if s.out.shaped.asked() {
		return names
	}
	for p, err := range s.Projects.All(s.ctx) {
		if err == nil {
			names[p.ID] = p.Name
		}
	}
	return names
}

// orID is the name of an id, or the id where it has none.
func orID(names map[string]string, id string) string { return cmp.Or(names[id], id) }
