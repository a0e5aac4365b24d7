package report

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/plimsoll/plimsoll/internal/engine"
)

// FailureOf tells any error as a Failure: one that is in its chain already, a
// build that failed, a deadline that passed, or else the error's own text.
func FailureOf(err error) *Failure {
	var failure *Failure
	var build *engine.BuildError
	switch {
	case errors.As(err, &failure):
		return failure
	case errors.As(err, &build):
		return buildFailure(build, err)
	case errors.Is(err, context.DeadlineExceeded):
		return &Failure{Message: err.Error(), Hint: "allow more time with --timeout", Err: err}
	}
	return &Failure{Message: err.Error(), Err: err}
}

// FailureOf is the function FailureOf with what the report knows: which file
// the line of a failed build is in, and how that line reads. The build named
// "before" is of the file as it is; any other is of the rewritten one.
func (r *Report) FailureOf(err error) *Failure {
	failure := FailureOf(err)
	var build *engine.BuildError
	if failure.Err == nil || failure.Line == 0 || failure.Source != "" || !errors.As(failure.Err, &build) {
		return failure
	}
	located := *failure
	name := r.dockerfile()
	located.File, located.Source = name, line(r.Sources[name], build.Line)
	if build.Build != "before" {
		located.File, located.Source = name+" (rewritten)", ""
		if r.Plan != nil {
			located.Source = line(r.Plan.After[name], build.Line)
		}
	}
	return &located
}

// dockerfile is the Dockerfile's path relative to Root.
func (r *Report) dockerfile() string {
	name, err := filepath.Rel(r.Root, r.Path)
	if r.Root == "" || err != nil {
		return r.Path
	}
	return filepath.ToSlash(name)
}

// line is one line of a text, counted from 1; empty when there is none.
func line(text string, number int) string {
	lines := strings.Split(text, "\n")
	if number < 1 || number > len(lines) {
		return ""
	}
	return lines[number-1]
}

func buildFailure(b *engine.BuildError, err error) *Failure {
	f := &Failure{
		Stage: strings.TrimSpace(b.Build + " build"), Line: b.Line, Detail: b.Output, Hint: b.Hint, Err: err,
		Message: "the build failed",
	}
	if b.Line > 0 {
		f.File = "Dockerfile"
	}
	if b.Step != "" {
		f.Message = "this step failed: " + b.Step
	}
	if b.Err != nil {
		f.Message = fmt.Sprintf("%s: %v", f.Message, b.Err)
	}
	return f
}
