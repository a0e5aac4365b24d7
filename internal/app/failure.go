package app

import (
	"errors"
	"fmt"
	"strings"

	"github.com/plimsoll/plimsoll/internal/engine"
	"github.com/plimsoll/plimsoll/internal/observe"
	"github.com/plimsoll/plimsoll/internal/project"
	"github.com/plimsoll/plimsoll/internal/report"
)

// buildFailure tells a build that failed for the person who has to mend it.
func buildFailure(stage string, p *project.Project, err error) *report.Failure {
	var failed *engine.BuildError
	if !errors.As(err, &failed) {
		return &report.Failure{Stage: stage, Message: err.Error(), Err: err}
	}
	f := &report.Failure{
		Stage: stage, Message: failed.Err.Error(), File: p.DockerfilePath, Line: failed.Line,
		Detail: failed.Output, Hint: failed.Hint, Err: err,
	}
	if failed.Line > 0 && failed.Line <= p.File.LineCount() {
		f.Source = p.File.Text(p.File.Line(failed.Line))
	}
	return f
}

// startFailure tells an application that never answered.
func startFailure(stage string, out *observe.Outcome) *report.Failure {
	f := &report.Failure{Stage: stage, Detail: out.Output}
	limit := ranInto(out.Reached)
	switch {
	case limit != "" && out.Midway:
		f.Message = fmt.Sprintf("the container ran into %s and ended while it was asked", limit)
	case limit != "" && out.Ended != nil:
		f.Message = fmt.Sprintf("the container ran into %s and ended before it answered", limit)
	case limit != "":
		f.Message = fmt.Sprintf("the container ran into %s and never answered", limit)
	case out.Ended != nil && out.Ended.Signal != 0:
		f.Message = fmt.Sprintf("the container was ended by signal %v before it answered", out.Ended.Signal)
	case out.Ended != nil:
		f.Message = fmt.Sprintf("the container exited with code %d before it answered", out.Ended.Code)
		f.Hint = "the application may want variables: pass them with --env-file or --env"
	default:
		f.Message = "the application never answered"
		f.Hint = "it may listen on another port or address, or want more time"
	}
	if strings.TrimSpace(out.Output) == "" {
		f.Detail = "(it printed nothing)"
	}
	return f
}
