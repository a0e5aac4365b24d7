package rules

import (
	"fmt"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/project"
	"github.com/plimsoll/plimsoll/internal/replay"
	"github.com/plimsoll/plimsoll/internal/rule"
)

// leastBuilds are needed to say what a step costs over a history.
const leastBuilds = 2

// historyCosts are what steps cost over the project's history: in how many builds they
// were not in the cache, and where their times are known, the seconds at a commit. perCommit are build
// arguments with another value in every build.
func historyCosts(p *rule.Pass, insts []*dockerfile.Instruction, perCommit ...string) []finding.Cost {
	res := p.Replay(perCommit...)
	if res == nil {
		return nil
	}
	misses, builds, seconds, timed := 0, 0, 0.0, true
	for _, inst := range insts {
		s := replayed(res, inst)
		if s == nil {
			continue
		}
		misses, builds = max(misses, s.Misses), s.Hits+s.Misses
		took, ok := p.StepSeconds[project.StepKey(p.Text(inst.Span))]
		timed = timed && ok
		if builds > 0 {
			seconds += took * float64(s.Misses) / float64(builds)
		}
	}
	if builds < leastBuilds || misses == 0 {
		return nil
	}
	costs := []finding.Cost{{
		Metric: "cache_misses", Value: float64(misses), Unit: "builds", Basis: finding.Derived,
		Note: fmt.Sprintf("of the last %d, from the project's history", builds),
	}}
	if timed && seconds > 0 {
		costs = append(costs, finding.Cost{
			Metric: "seconds", Value: seconds, Unit: "seconds", Basis: finding.Derived,
			Note: "a build, at the times of the last proof",
		})
	}
	return costs
}

// replayed is what became of an instruction's step; nil when it makes none.
func replayed(res *replay.Result, inst *dockerfile.Instruction) *replay.Step {
	for i := range res.Steps {
		if res.Steps[i].Inst == inst {
			return &res.Steps[i]
		}
	}
	return nil
}
