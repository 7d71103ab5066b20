package storetest

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"tocsin"
)

func queryRules() []rule {
	return []rule{
		{"an incident query finds what it says, in its order", incidentQueries},
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
			i.Title = fmt.Sprint(n)
			i.StartedAt = i.StartedAt.Add(time.Duration(random.IntN(5)) * time.Second)
		})
		i = w.edit(t, i.ID, func(i *tocsin.Incident) {
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
	return reached &&
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
		page, total, err := w.Incidents(t.Context(), w.org, q)
		if err != nil {
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
	page, total, err := w.Incidents(t.Context(), w.org, tocsin.IncidentQuery{Limit: 10})
	if err != nil || total != 0 || len(page) != 0 {
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
	all, err := w.Comments(t.Context(), w.org, i.ID)
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
}

func listed(t *testing.T, w *world) {
	want := []string{"Shop"}
	for _, name := range []string{"z", "a", "M"} {
		id := NewID()
		w.save(t, func() tocsin.Object { return &tocsin.Project{Meta: w.meta(id), Name: name} })
		want = append(want, name)
	}
	all, err := w.List(t.Context(), w.org, tocsin.KindProject)
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
}
