package storetest

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"tocsin"
	"tocsin/internal/store"
)

func queryRules() []rule {
	return []rule{
		{"an incident query finds what it says, in its order", incidentQueries},
		{"a list walked by positions is the list", walks},
		{"no reach finds nothing", noReach},
		{"comments come in order of creation", comments},
		{"a kind is listed in order of creation", listed},
	}
}

// field is a sample of incidents to query, with the values that they vary in.
type field struct {
	w                *world
	projects         []tocsin.ID
	datasets, people []tocsin.ID
	checks           []tocsin.ID
	incidents        []*tocsin.Incident
}

func newField(t *testing.T, w *world, random *rand.Rand) *field {
	f := &field{w: w, projects: []tocsin.ID{w.project, NewID(), NewID()}}
	for range 4 {
		f.datasets, f.people, f.checks = append(f.datasets, NewID()), append(f.people, NewID()), append(f.checks, NewID())
	}
	for n := range 40 {
		i := w.incident(t, func(i *tocsin.Incident) {
			i.Project = pick(random, f.projects)
			for _, d := range f.datasets {
				if random.IntN(3) == 0 {
					i.Datasets = append(i.Datasets, d)
				}
			}
			i.Severity = pick(random, tocsin.Severities())
			if random.IntN(2) == 0 {
				i.Lead = pick(random, f.people)
			}
			if random.IntN(2) == 0 {
				i.Check = pick(random, f.checks)
			}
			i.Title = fmt.Sprint("50%_Off\\ ", n)
			if random.IntN(3) == 0 {
				i.ErrorMessage = "Timed OUT"
			}
			i.Labels = map[string]string{}
			for _, key := range []string{"team", "tea", "team.x"} {
				if random.IntN(3) > 0 {
					i.Labels[key] = pick(random, []string{"", "a", "b=c"})
				}
			}
			i.StartedAt = i.StartedAt.Add(time.Duration(random.IntN(5)) * time.Second)
		})
		i = w.edit(t, i.ID, func(i *tocsin.Incident) {
			if random.IntN(3) == 0 {
				i.Labels = map[string]string{"team": pick(random, []string{"a", "z"})}
			}
			i.MoveTo(pick(random, tocsin.Statuses()), i.StartedAt.Add(time.Duration(random.IntN(5))*time.Second))
		})
		f.incidents = append(f.incidents, i)
	}
	return f
}

func pick[T any](random *rand.Rand, from []T) T { return from[random.IntN(len(from))] }

func some[T any](random *rand.Rand, from []T) []T {
	out := []T{}
	for _, x := range from {
		if random.IntN(2) == 0 {
			out = append(out, x)
		}
	}
	return out
}

// query makes up a query in which each filter is set now and then.
func (f *field) query(random *rand.Rand) tocsin.IncidentQuery {
	maybe := func() bool { return random.IntN(4) == 0 }
	q := tocsin.IncidentQuery{Reach: tocsin.Reach{Everywhere: true}, Limit: 1 + random.IntN(15), Offset: random.IntN(10)}
	if random.IntN(2) == 0 {
		q.Reach = tocsin.Reach{Projects: some(random, f.projects), Datasets: some(random, f.datasets)}
	}
	if maybe() {
		q.Reach.Within = pick(random, f.projects)
	}
	if maybe() {
		q.Project = pick(random, f.projects)
	}
	if maybe() {
		q.Dataset = pick(random, f.datasets)
	}
	if maybe() {
		for _, i := range some(random, f.incidents) {
			q.IDs = append(q.IDs, i.ID)
		}
		q.IDs = append(q.IDs, NewID())
	}
	if maybe() {
		q.Statuses = some(random, tocsin.Statuses())
	}
	if maybe() {
		q.Severities = some(random, tocsin.Severities())
	}
	if maybe() {
		q.Check = pick(random, f.checks)
	}
	if maybe() {
		q.Lead = pick(random, f.people)
	}
	if maybe() {
		q.From = pick(random, f.incidents).CreatedAt
	}
	if maybe() {
		q.To = pick(random, f.incidents).CreatedAt
	}
	if maybe() {
		q.Number = int32(1 + random.IntN(45))
	}
	if maybe() {
		q.Labels = some(random, []string{"team", "tea=", "team=a", "team=b=c", "team.x", "te"})
	}
	if maybe() {
		q.Text = pick(random, []string{"0%_off\\ 1", "oFF", "timed out", "%", "50%xOff", "é"})
	}
	q.Sort = pick(random, []tocsin.SortField{
		tocsin.SortNumber, tocsin.SortCreated, tocsin.SortUpdated, tocsin.SortStarted, tocsin.SortResolved, tocsin.SortSeverity, tocsin.SortStatus,
	})
	q.Descending = random.IntN(2) == 0
	return q
}

// matches says whether a query selects an incident: the filters' meaning.
func matches(i *tocsin.Incident, q tocsin.IncidentQuery) bool {
	reached := q.Reach.Everywhere || slices.Contains(q.Reach.Projects, i.Project) ||
		slices.ContainsFunc(i.Datasets, func(d tocsin.ID) bool { return slices.Contains(q.Reach.Datasets, d) })
	for _, label := range q.Labels {
		key, value, whole := strings.Cut(label, "=")
		if have, there := i.Labels[key]; !there || whole && have != value {
			return false
		}
	}
	text := strings.ToLower(i.Title + "\n" + i.Description + "\n" + i.ErrorMessage)
	return reached && strings.Contains(text, strings.ToLower(q.Text)) && (q.Number == 0 || i.Number == q.Number) &&
		(q.Reach.Within.IsZero() || i.Project == q.Reach.Within) &&
		(q.Project.IsZero() || i.Project == q.Project) &&
		(q.Dataset.IsZero() || slices.Contains(i.Datasets, q.Dataset)) &&
		(q.IDs == nil || slices.Contains(q.IDs, i.ID)) &&
		(q.Statuses == nil || slices.Contains(q.Statuses, i.Status)) &&
		(q.Severities == nil || slices.Contains(q.Severities, i.Severity)) &&
		(q.Check.IsZero() || i.Check == q.Check) &&
		(q.Lead.IsZero() || i.Lead == q.Lead) &&
		(q.From.IsZero() || !i.CreatedAt.Before(q.From)) &&
		(q.To.IsZero() || i.CreatedAt.Before(q.To))
}

// before compares two incidents by a query's order.
func before(a, b *tocsin.Incident, q tocsin.IncidentQuery) int {
	order := 0
	switch q.Sort {
	case tocsin.SortCreated:
		order = a.CreatedAt.Compare(b.CreatedAt)
	case tocsin.SortUpdated:
		order = a.UpdatedAt.Compare(b.UpdatedAt)
	case tocsin.SortStarted:
		order = a.StartedAt.Compare(b.StartedAt)
	case tocsin.SortResolved:
		order = a.ResolvedAt.Compare(b.ResolvedAt)
	case tocsin.SortSeverity:
		all := tocsin.Severities()
		order = cmp.Compare(slices.Index(all, b.Severity), slices.Index(all, a.Severity))
	case tocsin.SortStatus:
		all := tocsin.Statuses()
		order = cmp.Compare(slices.Index(all, a.Status), slices.Index(all, b.Status))
	}
	if order == 0 {
		order = cmp.Compare(a.Number, b.Number)
	}
	if q.Descending {
		return -order
	}
	return order
}

func incidentQueries(t *testing.T, w *world) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	f := newField(t, w, random)
	found := 0
	for range 300 {
		q := f.query(random)
		var want []int32
		all := slices.Clone(f.incidents)
		all = slices.DeleteFunc(all, func(i *tocsin.Incident) bool { return !matches(i, q) })
		slices.SortFunc(all, func(a, b *tocsin.Incident) int { return before(a, b, q) })
		for n := q.Offset; n < min(len(all), q.Offset+q.Limit); n++ {
			want = append(want, all[n].Number)
		}
		page, err := w.Incidents(t.Context(), w.org, q)
		total, err2 := w.CountIncidents(t.Context(), w.org, q)
		if err := errors.Join(err, err2); err != nil {
			t.Fatalf("query %+v: %v", q, err)
		}
		var got []int32
		for _, i := range page {
			got = append(got, i.Number)
		}
		if total != len(all) {
			t.Errorf("query %+v matches %d; want %d", q, total, len(all))
		}
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Fatalf("query %+v, incident numbers:\n%s", q, diff)
		}
		found += len(got)
	}
	if found == 0 {
		t.Error("no query found anything: the sample shows nothing")
	}
}

func noReach(t *testing.T, w *world) {
	w.incident(t, nil)
	page, err := w.Incidents(t.Context(), w.org, tocsin.IncidentQuery{Limit: 10})
	total, err2 := w.CountIncidents(t.Context(), w.org, tocsin.IncidentQuery{Limit: 10})
	if err := errors.Join(err, err2); err != nil || total != 0 || len(page) != 0 {
		t.Errorf("who may see nothing sees %d of %d incidents, %v", len(page), total, err)
	}
}

func comments(t *testing.T, w *world) {
	i, other := w.incident(t, nil), w.incident(t, nil)
	var want []string
	for n := range 12 {
		id, on := NewID(), i.ID
		message := fmt.Sprint("comment ", n)
		if n%4 == 3 {
			on = other.ID
		} else {
			want = append(want, message)
		}
		w.save(t, func() tocsin.Object { return &tocsin.Comment{Meta: w.meta(id), Incident: on, Message: message} })
	}
	all, err := w.Comments(t.Context(), w.org, i.ID, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range all {
		got = append(got, c.Message)
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	page, err := w.Comments(t.Context(), w.org, i.ID, all[2].Seq, 3)
	if err != nil || len(page) != 3 || page[0].ID != all[3].ID {
		t.Errorf("three comments after the third: %v, %v; want the fourth to the sixth", page, err)
	}
}

func listed(t *testing.T, w *world) {
	want := []string{"Shop"}
	for _, name := range []string{"z", "a", "M"} {
		id := NewID()
		w.save(t, func() tocsin.Object { return &tocsin.Project{Meta: w.meta(id), Name: name} })
		want = append(want, name)
	}
	all, err := w.List(t.Context(), w.org, tocsin.KindProject, store.Page{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, o := range all {
		got = append(got, o.(*tocsin.Project).Name)
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	page, err := w.List(t.Context(), w.org, tocsin.KindProject, store.Page{After: all[0].Head().ID, Limit: 2})
	if err != nil || len(page) != 2 || page[0].Head().ID != all[1].Head().ID {
		t.Errorf("two projects after the first: %v, %v; want the second and the third", page, err)
	}
}

// walks holds pages that begin behind a position to what one list shows.
func walks(t *testing.T, w *world) {
	random := rand.New(rand.NewPCG(1, 2))
	f := newField(t, w, random)
	for range 60 {
		q := f.query(random)
		q.Offset, q.Limit = 0, 1000
		whole, err := w.Incidents(t.Context(), w.org, q)
		if err != nil {
			t.Fatal(err)
		}
		var got []*tocsin.Incident
		for q.Limit = 3; ; {
			page, err := w.Incidents(t.Context(), w.org, q)
			if err != nil {
				t.Fatalf("query %+v: %v", q, err)
			}
			if got = append(got, page...); len(page) < q.Limit {
				break
			}
			at := tocsin.PositionOf(page[len(page)-1], q.Sort)
			q.After = &at
		}
		if diff := gocmp.Diff(numbers(whole), numbers(got)); diff != "" {
			t.Fatalf("query %+v, page by page:\n%s", q, diff)
		}
	}
}

func numbers(incidents []*tocsin.Incident) (out []int32) {
	for _, i := range incidents {
		out = append(out, i.Number)
	}
	return out
}
