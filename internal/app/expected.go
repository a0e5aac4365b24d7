package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/history"
	"github.com/plimsoll/plimsoll/internal/measure"
	"github.com/plimsoll/plimsoll/internal/project"
	"github.com/plimsoll/plimsoll/internal/report"
)

// leastCommits are needed to say anything about a build at a commit.
const leastCommits = 3

// expect derives what a rebuild costs at a commit, from the times of the cold builds and rebuilds, and
// from the project's history; and keeps the times for replays to come. A project without a
// history is proven all the same.
func (p *proof) expect(ctx context.Context) {
	times := stepTimes{}
	sides := []struct {
		*side
		project *project.Project
	}{{p.before, p.project}, {p.after, p.result.Project}}
	for _, s := range sides {
		times.add(s.project.File, s.coldSteps)
		times.addWarm(s.project.File, s.warmSteps)
	}
	if err := times.save(p.project); err != nil {
		p.report.Notes = append(p.report.Notes, err.Error())
	}
	if p.opts.skips(measure.ColdBuild) || p.opts.skips(measure.Rebuild) {
		p.notExpected(errors.New("it is derived from a build from nothing and a rebuild, of which one was left out"))
		return
	}
	h, err := history.Read(ctx, p.project.Root, history.Options{})
	if err == nil && len(h.Commits) < leastCommits {
		err = fmt.Errorf("the history has fewer than %d commits", leastCommits)
	}
	if err != nil {
		p.notExpected(err)
		return
	}
	for _, s := range sides {
		v, err := replayVersion(s.project, h, times, ReplayOptions{Target: p.opts.Target})
		if err != nil {
			p.notExpected(err)
			return
		}
		if v.Basis == finding.Estimated { // a step that was not timed: nothing is guessed in a proof
			p.notExpected(fmt.Errorf("a step was not timed"))
			return
		}
		s.set[measure.Expected] = measure.Measurement{
			Metric: measure.Expected, Unit: "seconds", Samples: []float64{v.Expected}, Basis: finding.Derived,
			Note: fmt.Sprintf("mean over the last %d commits: the steps that the build cache would not have had, at the times of the build without cache; of the rebuild where they keep a cache mount", len(h.Commits)),
		}
	}
}

func (p *proof) notExpected(why error) {
	delete(p.before.set, measure.Expected)
	p.report.NotEvaluated = append(p.report.NotEvaluated, report.NotEvaluated{Rule: string(measure.Expected), Reason: why.Error()})
}
