package app

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/agent"
	"github.com/plimsoll/plimsoll/internal/observe"
	"github.com/plimsoll/plimsoll/internal/plan"
)

// beside is what speaks against a run of after that answered, or wrote, what before did: an error that is caught and
// logged, a file that is written in the background, a handler of the stop signal that fails.
func (p *proof) beside(ctx context.Context, out *observe.Outcome) *fault {
	runs := p.before.trials
	for _, f := range []*fault{newCause(runs, out), underLoad(runs[0], out), onStop(runs, out)} {
		if f != nil {
			return f
		}
	}
	return p.closedTo(ctx)
}

// newCause is an error that after wrote of, and no run of before did.
func newCause(runs []*observe.Outcome, out *observe.Outcome) *fault {
	known := ""
	for _, run := range runs {
		known += strings.ToLower(run.Output) + "\n"
	}
	for _, line := range strings.Split(out.Output, "\n") {
		cause := causeIn(line)
		if cause == "" || strings.Contains(known, cause) {
			continue
		}
		return &fault{reason: fmt.Sprintf("it wrote %q, and before nothing of the kind", redact(shortLine(line))), detail: out.Output}
	}
	return nil
}

// underLoad compares how the same requests were answered many times over.
func underLoad(before, out *observe.Outcome) *fault {
	if before.Load == nil || out.Load == nil {
		return nil
	}
	if out.Load.Failed > 0 && before.Load.Failed == 0 {
		return &fault{reason: fmt.Sprintf("asked over and over, it left %d of %d requests without an answer, and before none: %s", out.Load.Failed, out.Load.Sent, redact(out.Load.LastError)), detail: out.Output}
	}
	for status, count := range out.Load.Statuses {
		if status >= 500 && before.Load.Statuses[status] == 0 {
			return &fault{reason: fmt.Sprintf("asked over and over, it answered %d of %d requests with status %d, and before none", count, out.Load.Sent, status), detail: out.Output}
		}
	}
	return nil
}

// leastBySignal is the lowest exit code that stands for an end by a signal.
const leastBySignal = 128

// onStop compares how the program ended when it was asked to: one that ended well before, and does not after. An end by
// the signal itself is none of its own doing.
func onStop(runs []*observe.Outcome, out *observe.Outcome) *fault {
	for _, run := range runs {
		if run.Ended != nil || run.Killed || !run.Kept && (run.Exit.Code != 0 || run.Exit.Signal != 0) {
			return nil
		}
	}
	stopped := slices.ContainsFunc(runs, func(run *observe.Outcome) bool { return !run.Kept })
	if !stopped || out.Kept || out.Killed || out.Ended != nil || out.Exit.Code == 0 || out.Exit.Code >= leastBySignal {
		return nil
	}
	return &fault{reason: fmt.Sprintf("on the stop signal it ended with code %d, and before with 0", out.Exit.Code), detail: out.Output}
}

// closedTo is a place that before wrote to and after can't. What answers do not show may show much later.
func (p *proof) closedTo(ctx context.Context) *fault {
	if p.hasOtherRuntime() {
		return nil // what wrote there is not in after
	}
	var closed []agent.PathAccess
	err := observe.AtRest(ctx, p.engine, p.after.built.Result.Image, func(c *agent.Client) (err error) {
		closed, err = p.notWritable(ctx, c)
		return err
	})
	if err != nil {
		p.report.Notes = append(p.report.Notes, "Whether after can write where before did is not known: "+err.Error()+".")
		return nil
	}
	if len(closed) == 0 {
		return nil
	}
	return &fault{reason: p.closed(closed[0]), groups: []string{"security/root-user"}}
}

// hasOtherRuntime says whether after runs another program than before, as nginx in the place of one in Node.
func (p *proof) hasOtherRuntime() bool {
	return p.otherRuntime() && slices.ContainsFunc(p.result.Plan.Applied, func(a plan.Applied) bool {
		return a.Rule == "size/single-stage" || a.Rule == handWritten
	})
}
