package blame

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// faults is a model of what goes wrong: each fault needs all of its groups.
type faults [][]string

// of is the first fault that a set has; nil when it passes.
func (f faults) of(set []string) []string {
	for _, fault := range f {
		if len(without(fault, set)) == 0 {
			return fault
		}
	}
	return nil
}

// tried runs Find on a model and holds the tries against what it promises.
func tried(t *testing.T, groups []string, model faults, limits Limits, hints bool) Result[string] {
	t.Helper()
	seen := map[string]bool{}
	outcome := func(set []string) Outcome[string] {
		fault := model.of(set)
		o := Outcome[string]{Pass: fault == nil, Evidence: strings.Join(fault, "+")}
		if hints {
			o.Suspects = fault
		}
		return o
	}
	seen[strings.Join(groups, " ")] = true
	r, err := Find(context.Background(), groups, outcome(groups), limits, func(_ context.Context, keep []string) (Outcome[string], error) {
		key := strings.Join(keep, " ")
		if seen[key] {
			t.Errorf("%q is tried twice", key)
		}
		if len(keep) == 0 {
			t.Error("the original is tried")
		}
		seen[key] = true
		return outcome(keep), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := len(seen) - 1; got != r.Tries || got > limits.Tries {
		t.Errorf("%d tries made, %d told, %d allowed", got, r.Tries, limits.Tries)
	}
	var removed []string
	for _, g := range r.Removed {
		removed = append(removed, g.Group)
	}
	if !slices.Equal(slices.Sorted(slices.Values(append(removed, r.Kept...))), slices.Sorted(slices.Values(groups))) {
		t.Errorf("kept %q and removed %q are not the groups", r.Kept, removed)
	}
	if fault := model.of(r.Kept); fault != nil {
		t.Errorf("kept %q have the fault %q", r.Kept, fault)
	}
	return r
}

func named(n int) []string {
	var groups []string
	for i := range n {
		groups = append(groups, fmt.Sprintf("g%02d", i))
	}
	return groups
}

func TestFindNamesTheGuilty(t *testing.T) {
	groups := named(8)
	for _, c := range []struct {
		name    string
		model   faults
		removed string
		tries   int
	}{
		{"likeliest", faults{{"g00"}}, "g00", 1},
		{"unlikeliest", faults{{"g07"}}, "g07", 5},
		{"pair loses its likelier half", faults{{"g02", "g06"}}, "g02", 6},
		{"two independent", faults{{"g01"}, {"g05"}}, "g01 g05", 9},
		{"all", faults{{"g00"}, {"g01"}, {"g02"}, {"g03"}, {"g04"}, {"g05"}, {"g06"}, {"g07"}}, "g00 g01 g02 g03 g04 g05 g06 g07", 21},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := tried(t, groups, c.model, Limits{Tries: 100}, false)
			var removed []string
			for _, g := range r.Removed {
				removed = append(removed, g.Group)
				if g.Untried || !strings.Contains(g.Evidence, g.Group) {
					t.Errorf("%s is shown by the fault %q", g.Group, g.Evidence)
				}
			}
			if got := strings.Join(removed, " "); got != c.removed || r.Tries > c.tries {
				t.Errorf("removed %q in %d tries, want %q in at most %d", got, r.Tries, c.removed, c.tries)
			}
		})
	}
}

// randomFaults are up to three faults of one or two groups each.
func randomFaults(rng *rand.Rand, groups []string) faults {
	var model faults
	for range 1 + rng.IntN(3) {
		fault := []string{groups[rng.IntN(len(groups))]}
		if other := groups[rng.IntN(len(groups))]; rng.IntN(3) == 0 && other != fault[0] {
			fault = append(fault, other)
		}
		model = append(model, fault)
	}
	return model
}

// TestFindIsMinimal: whatever the faults, each group removed makes the kept ones fail, and the number of
// tries grows with the logarithm of the groups.
func TestFindIsMinimal(t *testing.T) {
	for seed := range uint64(3000) {
		rng := rand.New(rand.NewPCG(seed, 1))
		groups := named(1 + rng.IntN(16))
		model := randomFaults(rng, groups)
		r := tried(t, groups, model, Limits{Tries: 1000}, seed%2 == 0)
		for _, g := range r.Removed {
			if fault := model.of(append(slices.Clone(r.Kept), g.Group)); fault == nil {
				t.Fatalf("seed %d: %s is removed without need; faults %q, kept %q", seed, g.Group, model, r.Kept)
			} else if g.Untried || !strings.Contains(g.Evidence, g.Group) {
				t.Fatalf("seed %d: the fault %q says nothing of %s", seed, g.Evidence, g.Group)
			}
		}
		if most := 1 + len(model) + len(r.Removed)*(1+bits.Len(uint(len(groups)))); r.Tries > most {
			t.Fatalf("seed %d: %d tries for %d groups of %d, want at most %d", seed, r.Tries, len(r.Removed), len(groups), most)
		}
	}
}

// TestFindWithinLimits: with few tries, what is kept passes all the same.
func TestFindWithinLimits(t *testing.T) {
	for seed := range uint64(1000) {
		rng := rand.New(rand.NewPCG(seed, 2))
		groups := named(2 + rng.IntN(14))
		tried(t, groups, randomFaults(rng, groups), Limits{Tries: rng.IntN(6)}, seed%2 == 0)
	}
}

func TestFindSaysWhatWasNotTried(t *testing.T) {
	r := tried(t, named(8), faults{{"g07"}}, Limits{Tries: 2}, false)
	if !slices.ContainsFunc(r.Removed, func(g Removed[string]) bool { return g.Untried }) {
		t.Errorf("two tries can't show all of it: %+v", r)
	}
}

func TestFindHandsOnErrors(t *testing.T) {
	broken := errors.New("the engine is gone")
	r, err := Find(context.Background(), named(4), Outcome[string]{}, Limits{Tries: 9}, func(context.Context, []string) (Outcome[string], error) {
		return Outcome[string]{}, broken
	})
	if !errors.Is(err, broken) || len(r.Kept) != 0 {
		t.Errorf("%+v, %v", r, err)
	}
}
