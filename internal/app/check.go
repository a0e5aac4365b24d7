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
	subjects, unread, err := subjects(opts)
	if err != nil {
		return nil, err
	}
	var reports []*report.Report
	broken := []error{unread}
	shared := &project.Shared{}
	for _, s := range subjects {
		s.options.Shared = shared
		r, err := checkOne(ctx, s, opts, rs)
		if err != nil {
			broken = append(broken, err)
			continue
		}
		reports = append(reports, r)
	}
	return reports, errors.Join(broken...)
}

// subjects are the Dockerfiles to check, each once for every service of a compose file that is built from it, with what
// that says; unread tells why services are left out.
func subjects(opts CheckOptions) (all []*subject, unread, err error) {
	if len(opts.Paths) == 0 {
		opts.Paths = []string{"."}
	}
	paths, err := dockerfiles(opts.Paths)
	if err != nil {
		return nil, nil, err
	}
	build := dockerfile.Build{Platform: opts.Platform}
	var chosen []*subject
	for _, path := range opts.Paths {
		s, err := subjectOf(path, opts.ComposeOptions, build)
		if errors.Is(err, errSeveral) {
			each, broken := eachSubject(path, opts.ComposeOptions, build)
			chosen, unread = append(chosen, each...), errors.Join(unread, broken)
			paths = slices.DeleteFunc(paths, func(other string) bool { return other == path })
			continue
		}
		if info, statErr := os.Stat(path); err != nil && opts.Service == "" && (statErr != nil || info.IsDir()) {
			continue // all Dockerfiles are looked at as they are
		}
		if err != nil {
			return nil, nil, err
		}
		if s.service != nil {
			chosen = append(chosen, s)
			paths = slices.DeleteFunc(paths, func(other string) bool { return other == path })
		}
	}
	for _, path := range paths {
		plain := true
		chosen = slices.DeleteFunc(chosen, func(s *subject) bool {
			same := sameFile(s.path, path)
			if same {
				all, plain = append(all, s), false
			}
			return same
		})
		if plain {
			all = append(all, plainSubject(path, build))
		}
	}
	return append(all, chosen...), unread, nil
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
	p, err := load(ctx, s, sources{opts.Offline, opts.Mirrors, opts.Access})
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
