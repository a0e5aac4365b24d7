package app

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/agent"
	"github.com/plimsoll/plimsoll/internal/ecosystem"
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
	return p.restsOn(ctx)
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
		if run.Ended != nil || run.Killed || run.Lost || !run.Kept && (run.Exit.Code != 0 || run.Exit.Signal != 0) {
			return nil
		}
	}
	stopped := slices.ContainsFunc(runs, func(run *observe.Outcome) bool { return !run.Kept })
	if !stopped || out.Kept || out.Killed || out.Lost || out.Ended != nil || out.Exit.Code == 0 || out.Exit.Code >= leastBySignal {
		return nil
	}
	return &fault{reason: fmt.Sprintf("on the stop signal it ended with code %d, and before with 0", out.Exit.Code), detail: out.Output}
}

// restsOn is a file that before opened and after does not have, or a place that before wrote to and after can't. What
// answers do not show may show much later.
func (p *proof) restsOn(ctx context.Context) *fault {
	write := p.writes()
	switch {
	case p.startsOther():
		return nil // what opened and wrote them is not in after
	case len(write.Paths) == 0 && p.after == p.lackingOf:
		return p.misses(p.observed.Gone)
	case len(p.own)+len(write.Paths) == 0:
		return nil
	}
	var gone agent.LacksAnswer
	var access agent.WritableAnswer
	err := observe.AtRest(ctx, p.engine, p.after.built.Result.Image, func(c *agent.Client) (err error) {
		if gone, err = c.Lacks(ctx, agent.LacksRequest{Files: p.own}); err == nil && len(write.Paths) > 0 {
			access, err = c.Writable(ctx, write)
		}
		return err
	})
	if err != nil {
		p.report.Notes = append(p.report.Notes, "Whether after has the files that before opened, and can write where that did, is not known: "+err.Error()+".")
		return nil
	}
	if closed := notWritable(access); len(closed) > 0 {
		return &fault{reason: p.closed(closed[0]), groups: []string{p.switchesUser()}}
	}
	return p.misses(gone.Files)
}

// misses is a file of the application's own that after should have. The author of another Dockerfile may have left it out on purpose.
func (p *proof) misses(gone []string) *fault {
	facts := p.project.Facts
	if facts == nil {
		facts = &ecosystem.Facts{}
	}
	missed := facts.Missed(gone, p.project.File.EndState(p.project.File.Final()).Workdir)
	switch {
	case len(missed) == 0:
		return nil
	case p.opts.Against != "":
		p.report.Notes = append(p.report.Notes, fmt.Sprintf("Before opened %s, which the image of %s does not have; no answer shows a difference.",
			strings.Join(missed[:min(len(missed), maxClues)], ", "), p.opts.Against))
		return nil
	}
	return &fault{reason: "before opened " + missed[0] + ", which is not in the image", groups: []string{"size/single-stage", "size/context-junk"}}
}

// startsOther says whether after may run another program than before: nginx in the place of a server in Node, or what another
// author starts. The same program on another base still wants its files, and its places to write to.
func (p *proof) startsOther() bool {
	return slices.ContainsFunc(p.result.Plan.Applied, func(a plan.Applied) bool {
		return a.Rule == "size/single-stage" && p.project.Facts.StartsOther() || a.Rule == handWritten && p.otherRuntime()
	})
}

// switchesUser is the group of edits that gives after its user.
func (p *proof) switchesUser() string {
	if p.otherRuntime() && p.project.Facts.Bundle.Runner.User != "" {
		return "size/single-stage"
	}
	return "security/root-user"
}
