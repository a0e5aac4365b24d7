// Package rewrite turns findings into changed files: it chooses among the
// fixes, merges their edits, and repeats until nothing is left to mend.
package rewrite

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/edit"
	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/plan"
	"github.com/plimsoll/plimsoll/internal/project"
	"github.com/plimsoll/plimsoll/internal/rule"
)

// MaxRounds bounds the rounds of findings and edits. A file that has not
// settled by then is given back as it was.
const MaxRounds = 8

// Options choose among the fixes.
type Options struct {
	// SafeOnly leaves out fixes that want a proof.
	SafeOnly bool
	// Refuse names groups of fixes that are left out, each with its reason.
	Refuse map[string]string
	// Accept is asked for each fix before it is applied, in the order in which they are; nil takes
	// all. A fix that it refuses is offered again only when another one changed the text that it is
	// for. Its error ends the rewrite.
	Accept func(Offer) (bool, error)
}

// Result is a rewritten project.
type Result struct {
	Plan      *plan.Plan
	Project   *project.Project  // with the rewritten files
	Found     *rule.Result      // of the original
	Remaining []finding.Finding // of the rewritten files

	offers *offers // nil when nobody is asked
}

// Run rewrites a project in memory.
func Run(p *project.Project, rules []*rule.Rule, opts Options) (*Result, error) {
	phases := map[string]rule.Phase{}
	for _, r := range rules {
		phases[r.ID] = r.Phase
	}
	res := &Result{Plan: &plan.Plan{Before: map[string]string{}}, Project: p, offers: newOffers(opts.Accept)}
	for {
		found, err := rule.Run(res.Project, rules)
		if err != nil {
			return nil, err
		}
		if res.Plan.Rounds == 0 {
			res.Found = found
		}
		res.Remaining = found.Findings
		chosen, err := res.wanted(phases, opts)
		if err != nil {
			return nil, err
		}
		if len(chosen) == 0 {
			break
		}
		if res.Plan.Rounds++; res.Plan.Rounds > MaxRounds {
			return unsettled(p, res, chosen), nil
		}
		if err := res.apply(chosen); err != nil {
			return nil, err
		}
	}
	res.finish(p, opts)
	return res, nil
}

// wanted chooses among the fixes of the findings that remain, and asks for each. When all that were
// chosen are refused, those that they stood in the way of get their turn.
func (res *Result) wanted(phases map[string]rule.Phase, opts Options) ([]finding.Finding, error) {
	for {
		open := slices.DeleteFunc(slices.Clone(res.Remaining), func(f finding.Finding) bool { return res.offers.declined(res, f) })
		chosen := choose(open, phases, opts)
		accepted, err := res.offers.ask(res, chosen, res.Remaining)
		if err != nil || len(accepted) > 0 || len(chosen) == 0 {
			return accepted, err
		}
	}
}

// choose picks the fixes of the lowest phase that has any, leaving out those
// that overlap with one before them; what is left out gets its turn in the next round.
func choose(found []finding.Finding, phases map[string]rule.Phase, opts Options) []finding.Finding {
	var candidates []finding.Finding
	for _, f := range found {
		if usable(f, opts) {
			candidates = append(candidates, f)
		}
	}
	if len(candidates) == 0 {
		return nil
	}
	// Sorting by phase, place and rule makes the result independent of the order of the rules.
	slices.SortStableFunc(candidates, func(a, b finding.Finding) int {
		return cmp.Or(
			cmp.Compare(phases[a.Rule], phases[b.Rule]),
			cmp.Compare(a.Span.Start, b.Span.Start),
			cmp.Compare(a.Rule, b.Rule))
	})
	lowest := phases[candidates[0].Rule]
	var chosen []finding.Finding
	var edits []edit.Edit
	for _, f := range candidates {
		if phases[f.Rule] != lowest || conflicts(edits, f.Fix.Edits) {
			continue
		}
		chosen = append(chosen, f)
		edits = append(edits, f.Fix.Edits...)
	}
	return chosen
}

func usable(f finding.Finding, opts Options) bool {
	if f.Fix == nil || f.Fix.Safety == finding.Display || len(f.Fix.Edits) == 0 {
		return false
	}
	if opts.SafeOnly && f.Fix.Safety != finding.Safe {
		return false
	}
	_, refused := opts.Refuse[Group(f)]
	return !refused
}

// Group names the fixes that stand or fall together with this finding's.
func Group(f finding.Finding) string {
	if f.Fix != nil && f.Fix.Group != "" {
		return f.Fix.Group
	}
	return f.Rule
}

func conflicts(have, more []edit.Edit) bool {
	for _, a := range have {
		if slices.ContainsFunc(more, a.Overlaps) {
			return true
		}
	}
	return false
}

func (res *Result) apply(chosen []finding.Finding) error {
	edits := map[string][]edit.Edit{}
	for _, f := range chosen {
		for _, e := range f.Fix.Edits {
			edits[e.File] = append(edits[e.File], e)
		}
	}
	texts := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(edits)) {
		before, err := res.Project.ReadText(name)
		if err != nil {
			return fmt.Errorf("rewriting %s: %w", name, err)
		}
		after, err := edit.Apply([]byte(before), edits[name])
		if err != nil {
			return fmt.Errorf("rewriting %s: %w", name, err)
		}
		texts[name] = string(after)
		if before == "" { // sections that were written beside each other begin with an empty line each
			texts[name] = strings.TrimLeft(texts[name], "\n")
		}
	}
	next, err := res.Project.With(texts)
	if err != nil {
		return fmt.Errorf("the rewritten Dockerfile does not parse: %w", err)
	}
	res.Project = next
	for _, f := range chosen {
		res.Plan.Applied = append(res.Plan.Applied, applied(f))
		res.Plan.RunEnv = append(res.Plan.RunEnv, f.Fix.RunEnv...)
	}
	return nil
}

// finish fills in the texts and what was refused.
func (res *Result) finish(original *project.Project, opts Options) {
	res.Plan.After = map[string]string{}
	for name, text := range res.Project.Changes() {
		before, err := original.ReadText(name)
		if err != nil || before == text {
			continue
		}
		res.Plan.After[name] = text
		if original.Exists(name) {
			res.Plan.Before[name] = before
		}
	}
	seen := map[plan.Skipped]bool{}
	skip := func(s plan.Skipped) {
		if !seen[s] {
			seen[s] = true
			res.Plan.Skipped = append(res.Plan.Skipped, s)
		}
	}
	for _, f := range res.Remaining {
		switch reason, refused := opts.Refuse[Group(f)]; {
		case f.Refused != "":
			skip(plan.Skipped{Rule: f.Rule, Group: Group(f), Reason: f.Refused})
		case refused:
			skip(plan.Skipped{Rule: f.Rule, Group: Group(f), Reason: reason})
		case res.offers.declined(res, f):
			skip(plan.Skipped{Rule: f.Rule, Group: Group(f), Reason: Declined})
		case opts.SafeOnly && f.Fix != nil && f.Fix.Safety == finding.Unsafe:
			skip(plan.Skipped{Rule: f.Rule, Group: Group(f), Reason: "needs a proof: run plimsoll prove, or fix without --safe"})
		}
	}
}

// unsettled gives the original back, naming the rules that kept editing.
func unsettled(p *project.Project, res *Result, chosen []finding.Finding) *Result {
	pl := &plan.Plan{Before: map[string]string{}, After: map[string]string{}, Rounds: res.Plan.Rounds}
	for _, f := range chosen {
		pl.Skipped = append(pl.Skipped, plan.Skipped{
			Rule: f.Rule, Group: Group(f),
			Reason: fmt.Sprintf("its edits had not settled after %d rounds; the file is left as it was (please report this)", MaxRounds),
		})
	}
	return &Result{Plan: pl, Project: p, Found: res.Found, Remaining: res.Found.Findings}
}
