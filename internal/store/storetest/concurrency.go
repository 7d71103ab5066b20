package storetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"tocsin"
	"tocsin/internal/store"
)

func concurrencyRules() []rule {
	return []rule{
		{"no update is lost", noLostUpdate},
		{"incident numbers have no gap", gaplessNumbers},
		{"organisations do not wait for each other's faults", manyOrganisations},
		{"an incident is a linearizable register", linearizable},
	}
}

func noLostUpdate(t *testing.T, w *world) {
	const n = 200
	i := w.incident(t, nil)
	var commands sync.WaitGroup
	for k := range n {
		commands.Go(func() {
			if _, err := w.Commit(t.Context(), w.editing(i.ID, func(i *tocsin.Incident) {
				i.FailureCount++
				i.AffectedRegions = append(slices.Clone(i.AffectedRegions), fmt.Sprint(k))
			})); err != nil {
				t.Errorf("change %d: %v", k, err)
			}
		})
	}
	commands.Wait()
	got := w.get(t, i.ID)
	regions := slices.Compact(slices.Sorted(slices.Values(got.AffectedRegions)))
	if got.FailureCount != n || got.Version != n+1 || len(regions) != n {
		t.Errorf("%d changes at once came to count %d, version %d, %d regions", n, got.FailureCount, got.Version, len(regions))
	}
	checkLog(t, w, w.org)
}

func gaplessNumbers(t *testing.T, w *world) {
	const n = 100
	var commands sync.WaitGroup
	numbers := make([]int32, n)
	for k := range n {
		commands.Go(func() {
			r, err := w.Commit(t.Context(), w.opening(NewID(), func(*tocsin.Incident) {
				if k%10 == 9 {
					panic("a bug: its number must go to the next")
				}
			}))
			if err == nil {
				numbers[k] = r.Objects[0].(*tocsin.Incident).Number
			} else if k%10 != 9 {
				t.Errorf("open incident %d: %v", k, err)
			}
		})
	}
	commands.Wait()
	got := slices.DeleteFunc(slices.Sorted(slices.Values(numbers)), func(n int32) bool { return n == 0 })
	for k, number := range got {
		if number != int32(k+1) {
			t.Fatalf("the numbers given are %v; want 1, 2, 3, … without a gap", got)
		}
	}
	if len(got) != n*9/10 {
		t.Errorf("%d incidents have numbers; want %d", len(got), n*9/10)
	}
}

func manyOrganisations(t *testing.T, w *world) {
	worlds := []*world{w}
	for range 5 {
		o := &world{Store: w.Store, org: w.newOrganisation(t, "Other"), project: NewID()}
		o.actor = tocsin.System(o.org, "test")
		worlds = append(worlds, o)
	}
	var commands sync.WaitGroup
	for k := range 120 {
		commands.Go(func() {
			o := worlds[k%len(worlds)]
			if _, err := o.Commit(t.Context(), o.opening(NewID(), nil)); err != nil {
				t.Errorf("open: %v", err)
			}
		})
	}
	commands.Wait()
	for _, o := range worlds {
		checkLog(t, o, o.org)
		if last := o.incident(t, nil); last.Number != 21 {
			t.Errorf("incident number %d follows 20 of its organisation", last.Number)
		}
	}
}

// register is the state of one incident in the model: its version, 0 for none,
// and two fields that are written alone or together.
type register struct {
	version     int64
	title, note string
}

// registerInput is a read, or a write of the fields that are not empty.
type registerInput struct {
	incident    int
	write       bool
	title, note string
}

// registerModel says what a sequence of reads and writes of one incident means.
// The answer to a write is the whole incident as it then is.
func registerModel() porcupine.Model {
	return porcupine.Model{
		Partition: func(all []porcupine.Operation) [][]porcupine.Operation {
			parts := make(map[int][]porcupine.Operation)
			for _, o := range all {
				n := o.Input.(registerInput).incident
				parts[n] = append(parts[n], o)
			}
			var out [][]porcupine.Operation
			for _, p := range parts {
				out = append(out, p)
			}
			return out
		},
		Init: func() any { return register{version: 1, title: "new"} },
		Step: func(state, input, output any) (bool, any) {
			s, in := state.(register), input.(registerInput)
			if in.write {
				s.version++
				if in.title != "" {
					s.title = in.title
				}
				if in.note != "" {
					s.note = in.note
				}
			}
			return output.(register) == s, s
		},
		DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v -> %+v", input, output) },
	}
}

func registerOf(i *tocsin.Incident) register {
	return register{i.Version, i.Title, i.ResolutionNotes}
}

// checkRegisters runs clients that read and write a few incidents through the
// nodes, and checks that what they saw is what one at a time could have seen.
func checkRegisters(t *testing.T, nodes []*world, clients, operations int) {
	incidents := make([]tocsin.ID, 4)
	for n := range incidents {
		incidents[n] = nodes[0].incident(t, func(i *tocsin.Incident) { i.Title = "new" }).ID
	}
	histories := make([][]porcupine.Operation, clients)
	start := time.Now()
	var work sync.WaitGroup
	for c := range clients {
		work.Go(func() {
			random := rand.New(rand.NewPCG(uint64(c), 1))
			for n := range operations {
				w := nodes[random.IntN(len(nodes))]
				in := registerInput{incident: random.IntN(len(incidents)), write: random.IntN(2) == 0}
				unique := fmt.Sprintf("%d.%d", c, n)
				if in.write {
					switch random.IntN(3) {
					case 0:
						in.title = unique
					case 1:
						in.note = unique
					default:
						in.title, in.note = unique, unique
					}
				}
				op := porcupine.Operation{ClientId: c, Input: in, Call: time.Since(start).Nanoseconds()}
				out, err := w.apply(t, incidents[in.incident], in)
				if err != nil {
					t.Errorf("client %d: %v", c, err)
					return
				}
				op.Output, op.Return = out, time.Since(start).Nanoseconds()
				histories[c] = append(histories[c], op)
			}
		})
	}
	work.Wait()
	if result := porcupine.CheckOperationsTimeout(registerModel(), slices.Concat(histories...), time.Minute); result != porcupine.Ok {
		t.Errorf("the history of %d operations is not linearizable: %s", clients*operations, result)
	}
}

func (w *world) apply(t *testing.T, id tocsin.ID, in registerInput) (register, error) {
	if !in.write {
		i, err := store.Find[*tocsin.Incident](t.Context(), w, w.org, tocsin.KindIncident, id)
		if err != nil {
			return register{}, err
		}
		return registerOf(i), nil
	}
	r, err := w.Commit(t.Context(), w.editing(id, func(i *tocsin.Incident) {
		if in.title != "" {
			i.Title = in.title
		}
		if in.note != "" {
			i.ResolutionNotes = in.note
		}
	}))
	if err != nil {
		return register{}, err
	}
	return registerOf(r.Objects[0].(*tocsin.Incident)), nil
}

func linearizable(t *testing.T, w *world) {
	checkRegisters(t, []*world{w}, 64, 20)
	checkLog(t, w, w.org)
}
