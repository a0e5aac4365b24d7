package rule

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/edit"
	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/project"
)

// NotEvaluated is a rule that could not be decided, and why.
type NotEvaluated struct {
	Rule   string
	Reason string
}

// Result is what the rules said.
type Result struct {
	Findings []finding.Finding // sorted by place and rule
	// Suppressed are findings that the author silenced with a comment.
	Suppressed []finding.Finding
	// NotEvaluated are rules whose evidence is missing.
	NotEvaluated []NotEvaluated
}

// Run runs the rules over a project. An error says which rules broke; what
// the others found is returned with it.
func Run(p *project.Project, rules []*Rule) (*Result, error) {
	var (
		res    = &Result{}
		broken []error
		shared = shared{}
	)
	for _, r := range rules {
		if reason := missing(p, r.Needs); reason != "" {
			res.NotEvaluated = append(res.NotEvaluated, NotEvaluated{Rule: r.ID, Reason: reason})
			continue
		}
		pass := &Pass{Project: p, Rule: r, shared: shared}
		if err := check(pass); err != nil {
			broken = append(broken, err)
			continue
		}
		res.Findings = append(res.Findings, pass.findings...)
		res.Suppressed = append(res.Suppressed, pass.suppressed...)
	}
	slices.SortStableFunc(res.Findings, func(a, b finding.Finding) int {
		return cmp.Or(cmp.Compare(a.Span.Start, b.Span.Start), cmp.Compare(a.Rule, b.Rule))
	})
	return res, errors.Join(broken...)
}

// check runs one rule; a panic in it is a broken rule and not the end of the run.
func check(p *Pass) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("rule %s: %v", p.Rule.ID, r)
		}
	}()
	if err := p.Rule.Check(p); err != nil {
		return fmt.Errorf("rule %s: %w", p.Rule.ID, err)
	}
	p.refuseBehindContinuation()
	p.refuseWindows()
	p.refuseOtherTargets()
	return validate(p)
}

// refuseBehindContinuation takes back fixes that add lines to the end of a file whose last line
// continues: the lines would become a part of it.
func (p *Pass) refuseBehindContinuation() {
	n := len(p.File.Instructions)
	if n == 0 {
		return
	}
	last := p.File.Instructions[n-1]
	if len(last.Heredocs) > 0 || !strings.Contains(p.Text(dockerfile.Span{Start: last.Rest.End, End: last.Span.End}), string(p.File.Escape)) {
		return
	}
	for i := range p.findings {
		f := &p.findings[i]
		if f.Fix != nil && slices.ContainsFunc(f.Fix.Edits, func(e edit.Edit) bool {
			return e.File == p.DockerfilePath && e.Start == e.End && e.Start >= last.Span.End
		}) {
			f.Fix, f.Refused = nil, fmt.Sprintf("line %d, the last instruction, ends with a continuation and nothing to continue with: take that out first", p.File.Position(last.Span.Start).Line)
		}
	}
}

// validate holds a rule to its own declaration: a fix may not claim more than
// the rule does, and an unsafe one says why.
func validate(p *Pass) error {
	for _, f := range p.findings {
		switch {
		case f.Message == "":
			return fmt.Errorf("rule %s: finding without a message", p.Rule.ID)
		case f.Span.Start < 0 || f.Span.End > len(p.File.Source) || f.Span.Start > f.Span.End:
			return fmt.Errorf("rule %s: span %v outside of the file", p.Rule.ID, f.Span)
		case f.Fix == nil:
		case f.Fix.Safety > p.Rule.Safety:
			return fmt.Errorf("rule %s: fix %q claims to be %s, the rule only %s", p.Rule.ID, f.Fix.Title, f.Fix.Safety, p.Rule.Safety)
		case f.Fix.Title == "":
			return fmt.Errorf("rule %s: fix without a title", p.Rule.ID)
		case f.Fix.Safety != finding.Safe && f.Fix.Why == "":
			return fmt.Errorf("rule %s: fix %q is %s and does not say why", p.Rule.ID, f.Fix.Title, f.Fix.Safety)
		}
	}
	return nil
}

func missing(p *project.Project, needs []Need) string {
	for _, n := range needs {
		switch {
		case n == NeedContext && p.Context == nil:
			return "there is no build context"
		case n == NeedFacts && p.Facts == nil:
			return "no ecosystem that plimsoll knows recognised the application"
		case n == NeedRegistry && len(p.Bases) == 0:
			if p.BasesError != "" {
				return "the base image's variants are not known: " + p.BasesError
			}
			return "the base image's variants are not known"
		}
	}
	return ""
}
