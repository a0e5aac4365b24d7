package report

import (
	"context"
	"errors"
	"fmt"
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

func buildFailure(b *engine.BuildError, err error) *Failure {
	f := &Failure{
		Stage: strings.TrimSpace(b.Build + " build"), Line: b.Line, Detail: b.Output, Err: err,
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
