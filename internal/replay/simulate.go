package replay

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
)

// key identifies what a step of the build results in.
type key [16]byte

// simulation builds a model at one commit after the other.
type simulation struct {
	*model
	keys, chains []key     // of the build at hand: each step's own key, and that of what is built on it
	upon         []Outcome // what becomes of a step's layers together with those below it
	seen         map[key]bool
	inputs       []map[key]bool // by step: inputs from the context that it has seen
	newInputs    []bool
	stats        []stats
}

type stats struct {
	hits, misses, above int
	changed             []bool
	unclear             bool
	causes              map[string]int
}

func newSimulation(m *model) *simulation {
	n := len(m.steps)
	s := &simulation{model: m, keys: make([]key, n), upon: make([]Outcome, n), chains: make([]key, n), newInputs: make([]bool, n), seen: map[key]bool{}, stats: make([]stats, n)}
	for i := range n {
		s.inputs = append(s.inputs, map[key]bool{})
		s.stats[i].causes = map[string]int{}
	}
	return s
}

// build builds at a commit, and says which steps were missed. What it made is in the cache afterwards.
func (s *simulation) build(commit string) []Outcome {
	outcomes := make([]Outcome, len(s.steps))
	for i, step := range s.steps {
		input := s.input(step, commit)
		s.newInputs[i] = !s.inputs[i][input]
		s.inputs[i][input] = true
		s.keys[i] = s.key(step, input)
		s.chains[i] = s.keys[i]
		if step.link && step.below >= 0 {
			s.chains[i] = combine([]byte("merge"), s.chains[step.below][:], s.keys[i][:])
		}
		outcomes[i] = s.outcome(i, step)
		s.upon[i] = outcomes[i]
		if step.link && step.below >= 0 && outcomes[i] == Hit {
			s.upon[i] = s.upon[step.below]
		}
	}
	for _, k := range s.keys {
		s.seen[k] = true
	}
	return outcomes
}

// input is what a step takes from outside of the build: files of the context, and variables.
func (s *simulation) input(step *step, commit string) key {
	var b []byte
	for _, i := range step.selections {
		sum := s.selections[i].sum
		b = binary.LittleEndian.AppendUint64(b, sum[0])
		b = binary.LittleEndian.AppendUint64(b, sum[1])
	}
	if len(step.varying) > 0 {
		b = append(b, commit...)
	}
	return combine(b)
}

func (s *simulation) key(step *step, input key) key {
	parts := [][]byte{[]byte(step.says), input[:]}
	if step.below >= 0 && !step.link {
		parts = append(parts, s.chains[step.below][:])
	}
	for _, i := range step.stages {
		parts = append(parts, s.chains[i][:])
	}
	return combine(parts...)
}

func combine(parts ...[]byte) (k key) {
	h := sha256.New()
	for _, p := range parts {
		_, _ = fmt.Fprintf(h, "%d:", len(p))
		h.Write(p)
	}
	copy(k[:], h.Sum(nil))
	return k
}

// outcome of a step, those of the earlier ones being known.
func (s *simulation) outcome(i int, step *step) Outcome {
	if s.seen[s.keys[i]] {
		return Hit
	}
	below := Hit
	if step.below >= 0 && !step.link {
		below = s.upon[step.below]
	}
	switch {
	case below == Miss || below == Below:
		return Below
	case s.newInputs[i]:
		return Miss
	case below == Unclear:
		return Unclear
	case s.rebuilt(step):
		return Unclear
	}
	return Miss // a combination that was not built before
}

// rebuilt reports whether a stage that a step copies from was not in the cache.
func (s *simulation) rebuilt(step *step) bool {
	return slices.ContainsFunc(step.stages, func(n int) bool { return s.upon[n] != Hit })
}

// count takes a build into the figures.
func (s *simulation) count(outcomes []Outcome) {
	for i, o := range outcomes {
		st := &s.stats[i]
		st.changed = append(st.changed, s.newInputs[i] || s.rebuilt(s.steps[i]))
		switch o {
		case Hit:
			st.hits++
			continue
		case Below, Unclear:
			st.above++
		case Miss:
			s.blame(i)
		}
		st.unclear = st.unclear || o == Unclear
		st.misses++
	}
}

func (s *simulation) blame(i int) {
	step, causes := s.steps[i], s.stats[i].causes
	for _, name := range step.varying {
		causes["$"+name]++
	}
	for _, n := range step.selections {
		for _, path := range s.selections[n].changed {
			causes[path]++
		}
	}
}

func (s *simulation) result() []Step {
	var out []Step
	for i, step := range s.steps {
		st := s.stats[i]
		r := Step{Inst: step.inst, Stage: stageName(step), Hits: st.hits, Misses: st.misses, Above: st.above, Changed: st.changed, Causes: most(st.causes)}
		if st.unclear || len(step.stages) == 0 {
			r.Doubt = step.doubt
		}
		if r.Doubt == "" && st.unclear {
			r.Doubt = "it builds on a step that may be a hit"
		}
		for _, n := range step.selections {
			if s.selections[n].linked {
				r.Doubt = "a source is or leads through a link, which is not followed in the history"
			}
		}
		out = append(out, r)
	}
	return out
}

func stageName(s *step) string {
	if name := s.inst.Stage.Name; name != "" {
		return name
	}
	return fmt.Sprintf("stage-%d", s.inst.Stage.Index)
}

func most(causes map[string]int) (list []Cause) {
	for _, path := range slices.Sorted(maps.Keys(causes)) {
		list = append(list, Cause{path, causes[path]})
	}
	slices.SortStableFunc(list, func(a, b Cause) int { return cmp.Compare(b.Builds, a.Builds) })
	return list[:min(len(list), maxCauses)]
}
