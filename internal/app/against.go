package app

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/plan"
	"github.com/plimsoll/plimsoll/internal/project"
	"github.com/plimsoll/plimsoll/internal/rewrite"
	"github.com/plimsoll/plimsoll/internal/rule"
)

// handWritten is the group of a Dockerfile that a person wrote.
const handWritten = "against"

// against takes a Dockerfile written by hand in place of the rewritten one.
func (p *proof) against() error {
	text, err := project.ReadText(p.opts.Against)
	if err != nil {
		return fmt.Errorf("reading the Dockerfile to prove: %w", err)
	}
	found, err := rule.Run(p.project, p.rules)
	if err != nil {
		return err
	}
	name := p.project.DockerfilePath
	texts := map[string]string{name: string(text)}
	// As BuildKit has it, an ignore file of the Dockerfile's own name outranks the common one.
	switch ignore, err := project.ReadText(p.opts.Against + ".dockerignore"); {
	case err == nil:
		texts[p.project.IgnorePath] = string(ignore)
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("reading the ignore file beside the Dockerfile to prove: %w", err)
	}
	before := map[string]string{}
	for name := range texts {
		if p.project.Exists(name) {
			if before[name], err = p.project.ReadText(name); err != nil {
				return err
			}
		}
	}
	next, err := p.project.With(texts)
	if err != nil {
		return readFailure(p.opts.Against, err)
	}
	p.result = &rewrite.Result{
		Project: next, Found: found,
		Plan: &plan.Plan{
			Before:  before,
			After:   texts,
			Applied: []plan.Applied{{Rule: handWritten, Group: handWritten, Title: p.opts.Against, Safety: finding.Unsafe, Why: "written by hand"}},
		},
	}
	if p.result.Plan.RunEnv, err = p.bakedIntoBefore(next); err != nil {
		return err
	}
	p.report.Plan = p.result.Plan
	return nil
}

// bakedIntoBefore are the credentials that the original has in its environment and the
// version written by hand has not: the application gets them at run time, as with plimsoll's own rewrite.
func (p *proof) bakedIntoBefore(next *project.Project) (env []finding.EnvVar, err error) {
	res, err := rewrite.Run(p.project, p.rules, rewrite.Options{})
	if err != nil {
		return nil, err
	}
	state := next.File.EndState(next.Final)
	for _, e := range res.Plan.RunEnv {
		if _, set := state.EnvVar(e.Name); !set {
			env = append(env, e)
		}
	}
	return env, nil
}
