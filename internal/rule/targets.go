package rule

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/finding"
)

// refuseOtherTargets takes back fixes that want a proof and change what another target is built from: the proof
// builds and runs the final stage alone, and says nothing about the others.
func (p *Pass) refuseOtherTargets() {
	for _, target := range otherTargets(p.File, p.Final) {
		from := lineage(target)
		for i := range p.findings {
			f := &p.findings[i]
			if f.Fix == nil || f.Fix.Safety != finding.Unsafe {
				continue
			}
			if stage := p.touched(f.Fix, from); stage != nil {
				f.Fix, f.Refused = nil, refusal(p.File, stage, target, p.Final)
			}
		}
	}
}

func refusal(f *dockerfile.File, stage, target, final *dockerfile.Stage) string {
	name := stage.Name
	if name == "" {
		name = fmt.Sprintf("on line %d", f.Position(stage.From.Span.Start).Line)
	}
	return fmt.Sprintf("the stage %s is also what the target %s is built from, and a proof of %s says nothing about that one: give %s a stage of its own to build on, or take out the target if nobody builds it",
		name, target.Name, nameOf(final), target.Name)
}

func nameOf(s *dockerfile.Stage) string {
	if s.Name == "" {
		return "the final stage"
	}
	return s.Name
}

// otherTargets are the stages beside the final one that somebody may build by name: those that no other uses and
// that the final one does not come from.
func otherTargets(f *dockerfile.File, final *dockerfile.Stage) (targets []*dockerfile.Stage) {
	if final == nil {
		return nil
	}
	own := lineage(final)
	for _, s := range f.Stages {
		used := slices.ContainsFunc(f.Stages, func(o *dockerfile.Stage) bool { return slices.Contains(o.Uses, s) })
		if s.Name != "" && !used && !slices.Contains(own, s) {
			targets = append(targets, s)
		}
	}
	return targets
}

// lineage is a stage with all that it is built from.
func lineage(s *dockerfile.Stage) []*dockerfile.Stage {
	all := []*dockerfile.Stage{s}
	for i := 0; i < len(all); i++ {
		for _, used := range all[i].Uses {
			if !slices.Contains(all, used) {
				all = append(all, used)
			}
		}
	}
	return all
}

// touched is the first of the stages that the fix's edits change; nil when they leave all of them alone.
func (p *Pass) touched(fix *finding.Fix, stages []*dockerfile.Stage) *dockerfile.Stage {
	for _, e := range fix.Edits {
		if e.File != p.DockerfilePath {
			continue
		}
		at := p.stageAt(e.Start, e.Start == e.End)
		for _, s := range stages {
			switch {
			case at == s:
				return s
			case at == nil && strings.Contains(s.Base, "$"): // an argument above all stages
				return s
			}
		}
	}
	return nil
}

// stageAt is the stage that a place belongs to, by the FROM above it; nil above the first one. What is inserted right
// above a FROM ends the stage before, unless that FROM begins the final stage, which is split there.
func (p *Pass) stageAt(offset int, inserted bool) (at *dockerfile.Stage) {
	for _, s := range p.File.Stages {
		start := s.From.Span.Start
		if start < offset || start == offset && (!inserted || s == p.Final) {
			at = s
		}
	}
	return at
}
