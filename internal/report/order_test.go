package report

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/engine"
	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/plan"
)

func TestOrdered(t *testing.T) {
	cost := func(value float64, unit string) []finding.Cost {
		return []finding.Cost{{Value: value, Unit: unit}}
	}
	at := func(line int) dockerfile.Position { return dockerfile.Position{Line: line, Column: 1} }
	r := New("1", "Dockerfile")
	r.Findings = []finding.Finding{
		{Rule: "late", Severity: finding.Warning, Position: at(9)},
		{Rule: "early", Severity: finding.Warning, Position: at(2)},
		{Rule: "seconds", Severity: finding.Warning, Costs: cost(30, "seconds"), Position: at(9)},
		{Rule: "small", Severity: finding.Warning, Costs: cost(10, "bytes")},
		{Rule: "info", Severity: finding.Info, Costs: cost(1e9, "bytes")},
		{Rule: "big", Severity: finding.Warning, Costs: cost(1000, "bytes")},
		{Rule: "error", Severity: finding.Error},
	}
	var got []string
	for _, f := range r.Ordered() {
		got = append(got, f.Rule)
	}
	if got, want := strings.Join(got, " "), "error big small seconds early late info"; got != want {
		t.Errorf("Ordered() = %s, want %s", got, want)
	}
	if r.Findings[0].Rule != "late" {
		t.Error("Ordered changed the report")
	}
	if worst, ok := r.Worst(); worst != finding.Error || !ok {
		t.Errorf("Worst() = %v, %v", worst, ok)
	}
}

func TestFailureOf(t *testing.T) {
	own := &Failure{Message: "own"}
	build := &engine.BuildError{Build: "before", Line: 4, Step: "RUN make", Output: "no rule", Err: errors.New("exit code: 2")}
	for _, test := range []struct {
		name      string
		err       error
		want      string
		hasDetail bool
	}{
		{"a failure in the chain", fmt.Errorf("proving: %w", own), "own", false},
		{"a build", fmt.Errorf("proving: %w", build), "before build: Dockerfile:4: this step failed: RUN make: exit code: 2", true},
		{"a deadline", fmt.Errorf("starting: %w", context.DeadlineExceeded), "starting: context deadline exceeded (allow more time with --timeout)", false},
		{"any other", errors.New("no Dockerfile in ."), "no Dockerfile in .", false},
	} {
		f := FailureOf(test.err)
		if f.Error() != test.want {
			t.Errorf("%s: %q, want %q", test.name, f.Error(), test.want)
		}
		if (f.Detail != "") != test.hasDetail {
			t.Errorf("%s: Detail = %q", test.name, f.Detail)
		}
	}
}

func TestFailureIsLocated(t *testing.T) {
	r := New("1", "api/docker/Dockerfile.prod")
	r.Root = "api"
	r.Sources = map[string]string{"docker/Dockerfile.prod": "FROM a\nRUN old\n"}
	r.Plan = &plan.Plan{After: map[string]string{"docker/Dockerfile.prod": "FROM b\nRUN new\n"}}
	for _, test := range []struct {
		build      string
		line       int
		file, text string
	}{
		{"before", 2, "docker/Dockerfile.prod", "RUN old"},
		{"after", 2, "docker/Dockerfile.prod (rewritten)", "RUN new"},
		{"before", 99, "docker/Dockerfile.prod", ""},
		{"before", 0, "", ""},
	} {
		f := r.FailureOf(fmt.Errorf("proving: %w", &engine.BuildError{Build: test.build, Line: test.line, Err: errors.New("no")}))
		if f.File != test.file || f.Source != test.text {
			t.Errorf("%s, line %d: %q in %q", test.build, test.line, f.Source, f.File)
		}
	}
	if f := r.FailureOf(errors.New("other")); f.File != "" || f.Message != "other" {
		t.Errorf("another error: %+v", f)
	}
}
