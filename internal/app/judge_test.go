package app

import (
	"errors"
	"strings"
	"testing"

	"github.com/plimsoll/plimsoll/internal/agent"
	"github.com/plimsoll/plimsoll/internal/engine"
	"github.com/plimsoll/plimsoll/internal/image"
	"github.com/plimsoll/plimsoll/internal/observe"
	"github.com/plimsoll/plimsoll/internal/plan"
	"github.com/plimsoll/plimsoll/internal/probe"
	"github.com/plimsoll/plimsoll/internal/report"
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

// A health check that is of no use before either says nothing against after.
func TestAHealthCheckThatNeverWasOfUse(t *testing.T) {
	well := &observe.HealthStates{Up: true, Frozen: true, Again: true}
	weak := &observe.HealthStates{Up: true, Again: true, Reason: "it passes while the application is frozen"}
	fails := &observe.HealthStates{Reason: "it fails while the application is up: exit 127"}
	for _, c := range []struct {
		name          string
		before, after *observe.HealthStates
		fault         bool
	}{
		{"a good one", nil, well, false},
		{"a new one that is weak", nil, weak, true},
		{"the author's weak one", weak, weak, false},
		{"one that got worse", well, weak, true},
		{"one that calls what never was there", fails, fails, false},
		{"one that calls what is gone", weak, fails, true},
	} {
		up := func(h *observe.HealthStates) *observe.Outcome {
			return &observe.Outcome{Up: true, Port: 80, Health: h, Answers: []agent.HTTPAnswer{{Status: 200, Body: []byte("ok"), Length: 2}}}
		}
		p := &proof{report: &report.Report{}, requests: []probe.Request{{HTTPRequest: agent.HTTPRequest{Method: "GET", Path: "/"}}}}
		p.before = &side{trials: []*observe.Outcome{up(c.before), up(nil)}}
		f := p.compare(up(c.after))
		if (f != nil) != c.fault || f != nil && !strings.Contains(f.reason, "health check") {
			t.Errorf("%s: %+v, want a fault: %v", c.name, f, c.fault)
		}
		if told := len(p.report.Notes) > 0; told != (c.before != nil && !c.fault) {
			t.Errorf("%s: notes %q", c.name, p.report.Notes)
		}
	}
}

// An edit that does not keep its promise is not written, and nothing else with it: no proof was made of the rest alone.
func TestWhatIsNotProvenIsNotWritten(t *testing.T) {
	const group = "security/secret-in-env"
	p := &proof{opts: ProveOptions{Write: true}, report: &report.Report{Plan: &plan.Plan{Applied: []plan.Applied{{Rule: group, Group: group}, {Rule: "size/heavy-base", Group: "size/heavy-base"}}}}}
	p.after = &side{built: &observe.Built{}, trials: []*observe.Outcome{{User: "10001:10001"}}, places: []image.Place{{Where: "layer 2", Path: "/app/.env"}}}
	if err := p.conclude(); err != nil {
		t.Fatal(err)
	}
	applied := p.report.Plan.Applied
	if p.report.Verdict != report.PartlyProven || applied[0].Proven || !applied[1].Proven || len(p.report.Written) > 0 {
		t.Errorf("%s, applied %+v, written %q", p.report.Verdict, applied, p.report.Written)
	}
	if told := strings.Join(p.report.Notes, " "); !strings.Contains(told, "Nothing was written: "+group) {
		t.Errorf("notes %q", told)
	}
}
