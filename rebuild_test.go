package tocsin_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin"
)

// versions is an incident as it was after each of its changes, and their entries.
func versions() ([]*tocsin.Incident, []tocsin.Entry) {
	random := rand.New(rand.NewPCG(3, 4))
	var all []*tocsin.Incident
	var entries []tocsin.Entry
	org, lead := id(1), id(3)
	cur := &tocsin.Incident{
		Number: 4, Project: id(2), Datasets: []tocsin.ID{id(7), id(8)}, Title: "down", Severity: tocsin.Major, Status: tocsin.Open,
		Type: "timeout", Source: tocsin.FromManual, Check: id(9), CheckName: "home", CheckURL: "https://x.test/", Reporter: lead,
		StartedAt: hour(1), OpenedAt: hour(2), FailureCount: 3,
	}
	var before []tocsin.Field
	for n := range 40 {
		at := hour(3).Add(time.Duration(n) * time.Minute)
		if n > 0 {
			title, value := string(rune('a'+n)), "v"
			patch := tocsin.Patch{Labels: map[string]*string{"n": &value, "old": nil}}
			switch random.IntN(4) {
			case 0:
				patch.Title = &title
			case 1:
				patch.AddRegions, patch.Description = []string{title}, &title
			case 2:
				patch.AddLinks, patch.Lead = []tocsin.Link{{ID: id(byte(n)), URL: "https://x.test/", Title: "a b"}}, &lead
			case 3:
				to := tocsin.Statuses()[random.IntN(4)]
				patch.Status = &to
			}
			next, err := patch.Apply(cur, tocsin.Rules{}, at)
			if err != nil {
				panic(err)
			}
			cur = next
		}
		after := tocsin.Fields(cur)
		old, changed := tocsin.Diff(before, after)
		e := tocsin.Entry{Seq: int64(10 + 2*n), Object: id(5), Version: int64(n + 1), At: at, Leaf: [32]byte{byte(n)}}
		for i, f := range changed {
			c := tocsin.FieldChange{Name: f.Name, New: asRead(f.Value)}
			if old != nil {
				c.Old = asRead(old[i].Value)
			}
			e.Fields, e.Changes = append(e.Fields, f.Name), append(e.Changes, c)
		}
		next := *cur
		next.Meta = tocsin.Meta{Org: org, ID: id(5), Version: e.Version, Seq: e.Seq, Leaf: e.Leaf, CreatedAt: hour(3), UpdatedAt: at}
		all, entries, before = append(all, &next), append(entries, e), after
	}
	return all, entries
}

// asRead is a value as a log gives it back: times and ids as text.
func asRead(v tocsin.Value) tocsin.Value {
	if x, ok := v.Any().(string); ok {
		return tocsin.Text(x)
	}
	return v
}

func TestRebuild_givesEachVersionBack(t *testing.T) {
	t.Parallel()
	all, entries := versions()
	for n, want := range all {
		got, erased, err := tocsin.Rebuild(id(1), entries, int64(n+1))
		if err != nil || len(erased) != 0 {
			t.Fatalf("version %d: %v, erased %q", n+1, err, erased)
		}
		if diff := cmp.Diff(tocsin.Fields(want), tocsin.Fields(got), cmp.Comparer(tocsin.Value.Equal)); diff != "" {
			t.Fatalf("version %d (-was +rebuilt):\n%s", n+1, diff)
		}
		if diff := cmp.Diff(want.Meta, got.Meta); diff != "" {
			t.Fatalf("version %d (-was +rebuilt):\n%s", n+1, diff)
		}
	}
	for _, version := range []int64{-1, 0, int64(len(all) + 1)} {
		if _, _, err := tocsin.Rebuild(id(1), entries, version); tocsin.CodeOf(err) != tocsin.NotFound {
			t.Errorf("version %d: %v; want it not found", version, err)
		}
	}
}

// What a redaction took away is said to be unknown until the field is set anew,
// and never guessed.
func TestRebuild_namesWhatWasErased(t *testing.T) {
	t.Parallel()
	title := func(old, to string, version int64) tocsin.Entry {
		return tocsin.Entry{Version: version, Fields: []string{"title"}, Changes: []tocsin.FieldChange{{Name: "title", Old: tocsin.Text(old), New: tocsin.Text(to)}}}
	}
	redacted := func(e tocsin.Entry) tocsin.Entry {
		e.Redacted, e.Changes = true, nil
		return e
	}
	entries := []tocsin.Entry{title("", "one", 1), redacted(title("one", "secret", 2)), redacted(title("secret", "three", 3)), title("three", "four", 4)}
	for version, want := range map[int64]struct {
		title  string
		erased []string
	}{
		1: {"one", nil},
		2: {"", []string{"title"}},
		3: {"three", nil}, // the next entry remembers it
		4: {"four", nil},
	} {
		got, erased, err := tocsin.Rebuild(id(1), entries, version)
		if err != nil || got.Title != want.title || !slices.Equal(erased, want.erased) {
			t.Errorf("version %d has title %q, erased %q, %v; want %q, %q", version, got.Title, erased, err, want.title, want.erased)
		}
	}
}
