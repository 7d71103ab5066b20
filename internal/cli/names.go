package cli

import (
	"fmt"
	"slices"
	"strings"

	"tocsin"
)

// A noun is a sort of object that flags name by its name or id.
type noun[T tocsin.Object] struct {
	// word is what it is called, and also its command and its flag.
	word string
	name func(T) string
}

var (
	organisations = noun[*tocsin.Organisation]{"org", func(o *tocsin.Organisation) string { return o.Name }}
	projects      = noun[*tocsin.Project]{"project", func(p *tocsin.Project) string { return p.Name }}
	datasets      = noun[*tocsin.Dataset]{"dataset", func(d *tocsin.Dataset) string { return d.Name }}
	users         = noun[*tocsin.User]{"user", func(u *tocsin.User) string { return u.Email }}
)

// pickOrOnly is pick where nothing given means the only one that there is.
func pickOrOnly[T tocsin.Object](n noun[T], given string, all []T) (T, error) {
	switch {
	case given != "":
		return pick(n, given, all)
	case len(all) == 1:
		return all[0], nil
	}
	var none T
	if len(all) == 0 {
		return none, fmt.Errorf("there is no %[1]s yet; make one with 'tocsin admin %[1]s create'", n.word)
	}
	return none, usageError{fmt.Errorf("there are %d %ss; say which with --%s: %s", len(all), n.word, n.word, n.some(all))}
}

// pick returns the one of all that has the given name or id.
func pick[T tocsin.Object](n noun[T], given string, all []T) (T, error) {
	id, isID := tocsin.ParseID(given)
	var found []T
	for _, o := range all {
		if isID && o.Head().ID == id || n.name(o) == given {
			found = append(found, o)
		}
	}
	if len(found) == 1 {
		return found[0], nil
	}
	var none T
	if len(found) > 1 {
		return none, fmt.Errorf("%d %ss are called %q; give the id: %s", len(found), n.word, given, n.some(found))
	}
	var names []string
	for _, o := range all {
		names = append(names, n.name(o))
	}
	return none, unknownName(n.word, given, names)
}

// namesOf returns the name of each object by its id.
func namesOf[T tocsin.Object](n noun[T], all []T) map[tocsin.ID]string {
	names := make(map[tocsin.ID]string, len(all))
	for _, o := range all {
		names[o.Head().ID] = n.name(o)
	}
	return names
}

// parseID reads an argument that is an id.
func parseID(given string) (tocsin.ID, error) {
	id, ok := tocsin.ParseID(given)
	if !ok {
		return id, usageError{fmt.Errorf("%q is not an id; they look like 0198c2f4-7c1e-7a30-b1d2-3f4a5b6c7d8e", given)}
	}
	return id, nil
}

// only returns those that keep holds for.
func only[T any](all []T, keep func(T) bool) []T {
	return slices.DeleteFunc(slices.Clone(all), func(o T) bool { return !keep(o) })
}

// some lists the first few, each by name and id.
func (n noun[T]) some(all []T) string {
	const few = 10
	var texts []string
	for _, o := range all[:min(few, len(all))] {
		texts = append(texts, fmt.Sprintf("%q (%s)", n.name(o), o.Head().ID))
	}
	if len(all) > few {
		texts = append(texts, "…")
	}
	return strings.Join(texts, ", ")
}

// unknownName says that there is no such thing, what is near, and where to look.
func unknownName(word, given string, names []string) error {
	hint := ""
	if near := nearest(given, names); len(near) > 0 {
		hint = fmt.Sprintf(" Did you mean %s?", strings.Join(near, " or "))
	}
	return fmt.Errorf("there is no %[1]s %[2]q.%[3]s See 'tocsin admin %[1]s list'", word, given, hint)
}

// nearest returns, quoted, up to three of names that are likely to be meant by given.
func nearest(given string, names []string) []string {
	given = strings.ToLower(given)
	type candidate struct {
		name  string
		edits int
	}
	var near []candidate
	for _, name := range names {
		lower := strings.ToLower(name)
		edits := distance([]rune(given), []rune(lower))
		if edits <= max(2, len(given)/3) || given != "" && strings.Contains(lower, given) {
			near = append(near, candidate{name, edits})
		}
	}
	slices.SortStableFunc(near, func(a, b candidate) int { return a.edits - b.edits })
	var out []string
	for _, c := range near[:min(3, len(near))] {
		out = append(out, fmt.Sprintf("%q", c.name))
	}
	return out
}

// distance is how many insertions, deletions and replacements make b of a
// (Levenshtein).
func distance(a, b []rune) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range a {
		diagonal := row[0]
		row[0] = i + 1
		for j := range b {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
