package app

import (
	"errors"
	"testing"

	"github.com/plimsoll/plimsoll/internal/engine"
)

func TestARegistryThatGoesAwaySaysNothingAboutTheEdits(t *testing.T) {
	gone := &engine.BuildError{Build: "after", Step: "docker.io/library/python:3.11-slim", Registry: "docker.io", Err: errors.New("no answer")}
	p := &proof{}
	if err := p.judge(t.Context(), gone); !errors.Is(err, gone) || p.fault != nil {
		t.Errorf("a registry that is gone: error %v, fault %+v; want the error, and nothing held against after", err, p.fault)
	}
	broken := &engine.BuildError{Build: "after", Step: "RUN make", Err: errors.New("exit code: 2")}
	if err := p.judge(t.Context(), broken); err != nil || p.fault == nil {
		t.Errorf("a step that fails: error %v, fault %+v", err, p.fault)
	}
}
