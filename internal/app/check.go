package app

import (
	"context"
	"errors"
	"os"
	"slices"

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
	paths, err := dockerfiles(opts.Paths)
	if err != nil {
		return nil, err
	}
	var reports []*report.Report
	var broken []error
	for _, path := range paths {
		r, err := checkOne(ctx, path, opts, rs)
		if err != nil {
			broken = append(broken, err)
			continue
		}
		reports = append(reports, r)
	}
	return reports, errors.Join(broken...)
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

func checkOne(ctx context.Context, path string, opts CheckOptions, rs []*rule.Rule) (*report.Report, error) {
	p, err := load(ctx, path, sources{opts.Offline, opts.Mirrors})
	if err != nil {
		return nil, err
	}
	r := newReport(opts.Version, p)
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
