package app

import (
	"context"
	"errors"
	"os"
	"slices"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/project"
	"github.com/plimsoll/plimsoll/internal/report"
	"github.com/plimsoll/plimsoll/internal/rule"
)

// Check runs the rules over each Dockerfile that the options name, and returns
// a report on each. Nothing is built and nothing is written.
func Check(ctx context.Context, opts CheckOptions) ([]*report.Report, error) {
	rs, err := chosenRules(opts.Rules)
	if err != nil {
		return nil, err
	}
	subjects, err := subjects(opts)
	if err != nil {
		return nil, err
	}
	var reports []*report.Report
	var broken []error
	for _, s := range subjects {
		r, err := checkOne(ctx, s, opts, rs)
		if err != nil {
			broken = append(broken, err)
			continue
		}
		reports = append(reports, r)
	}
	return reports, errors.Join(broken...)
}

// subjects are the Dockerfiles to check. What the only service of a compose file says is taken into account.
func subjects(opts CheckOptions) ([]*subject, error) {
	if len(opts.Paths) == 0 {
		opts.Paths = []string{"."}
	}
	paths, err := dockerfiles(opts.Paths)
	if err != nil {
		return nil, err
	}
	var chosen []*subject
	for _, path := range opts.Paths {
		s, err := subjectOf(path, opts.ComposeOptions, dockerfile.Build{})
		if info, statErr := os.Stat(path); err != nil && opts.Service == "" && (statErr != nil || info.IsDir()) {
			continue // all Dockerfiles are looked at as they are
		}
		if err != nil {
			return nil, err
		}
		if s.service != nil {
			chosen = append(chosen, s)
			paths = slices.DeleteFunc(paths, func(other string) bool { return other == path })
		}
	}
	var all []*subject
	for _, path := range paths {
		if i := slices.IndexFunc(chosen, func(s *subject) bool { return sameFile(s.path, path) }); i >= 0 {
			all, chosen = append(all, chosen[i]), slices.Delete(chosen, i, i+1)
			continue
		}
		all = append(all, plainSubject(path, dockerfile.Build{}))
	}
	return append(all, chosen...), nil
}

// dockerfiles finds the Dockerfiles below folders; a file is taken as it is.
func dockerfiles(paths []string) ([]string, error) {
	if len(paths) == 0 {
		paths = []string{"."}
	}
	var found []string
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil || !info.IsDir() {
			found = append(found, path) // loading it tells what is wrong
			continue
		}
		below, err := project.Discover(path)
		if err != nil {
			return nil, err
		}
		if len(below) == 0 {
			below = []string{path}
		}
		found = append(found, below...)
	}
	return found, nil
}

func checkOne(ctx context.Context, s *subject, opts CheckOptions, rs []*rule.Rule) (*report.Report, error) {
	p, err := load(ctx, s, sources{opts.Offline, opts.Mirrors})
	if err != nil {
		return nil, err
	}
	r := newReport(opts.Version, p)
	s.tell(r)
	found, err := rule.Run(p, rs)
	if err != nil {
		return nil, err
	}
	fill(r, found)
	return r, nil
}

// fill puts what the rules said into a report.
func fill(r *report.Report, found *rule.Result) {
	r.Findings = found.Findings
	for _, f := range slices.Concat(found.Findings, found.Suppressed) {
		r.Secrets = append(r.Secrets, f.Secrets...)
	}
	for _, n := range found.NotEvaluated {
		r.NotEvaluated = append(r.NotEvaluated, report.NotEvaluated{Rule: n.Rule, Reason: n.Reason})
	}
	for _, s := range found.Suppressed {
		r.Suppressed = append(r.Suppressed, report.Suppressed{Rule: s.Rule, File: s.File, Line: s.Position.Line})
	}
}
