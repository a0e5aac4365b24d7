package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/history"
	"github.com/plimsoll/plimsoll/internal/project"
	"github.com/plimsoll/plimsoll/internal/replay"
	"github.com/plimsoll/plimsoll/internal/report"
	"github.com/plimsoll/plimsoll/internal/rewrite"
)

// Replay tells what the build cache would have done at each commit of the project's
// history, with the Dockerfile as it is and as fix would rewrite it. Nothing is built.
func Replay(ctx context.Context, opts ReplayOptions) (*report.Report, error) {
	rs, err := chosenRules(opts.Rules)
	if err != nil {
		return nil, err
	}
	subject, err := subjectOf(opts.Path, opts.ComposeOptions, dockerfile.Build{Target: opts.Target, Args: opts.BuildArgs})
	if err != nil {
		return nil, err
	}
	p, err := load(ctx, subject, sources{opts.Offline, opts.Mirrors, opts.Access})
	if err != nil {
		return nil, err
	}
	h, err := history.Read(ctx, p.Root, history.Options{Commits: opts.Commits, Since: opts.Since, Branch: opts.Branch})
	if err != nil {
		return nil, historyFailure(err)
	}
	res, err := rewrite.Run(p, rs, rewrite.Options{})
	if err != nil {
		return nil, err
	}
	r := newReport(opts.Version, p)
	subject.tell(r)
	r.Plan = res.Plan
	times := loadStepTimes(p)
	before, err := replayVersion(p, h, times, opts)
	if err != nil {
		return nil, err
	}
	r.Replay = &report.Replay{Before: *before}
	for _, c := range h.Commits {
		r.Replay.Commits = append(r.Replay.Commits, report.ReplayCommit{ID: c.ID, Time: c.Time, Subject: c.Subject})
	}
	if res.Plan.Changed() {
		if r.Replay.After, err = replayVersion(res.Project, h, times, opts); err != nil {
			return nil, err
		}
	}
	r.Notes = append(r.Notes, replayNotes(p, h, r.Replay, opts)...)
	return r, nil
}

// historyFailure tells a project without a history as what it is.
func historyFailure(err error) error {
	var missing *history.Missing
	if errors.As(err, &missing) {
		return &report.Failure{Stage: "reading the history", Message: missing.Reason, Hint: missing.Hint, Err: err}
	}
	return err
}

// replayVersion replays one version of a project.
func replayVersion(p *project.Project, h *history.History, times stepTimes, opts ReplayOptions) (*report.ReplayVersion, error) {
	ignore, err := p.ReadText(p.IgnorePath)
	if err != nil {
		return nil, err
	}
	res, err := replay.Run(h, replay.Version{
		File: p.File, Ignore: []byte(ignore), Same: []string{p.DockerfilePath, p.IgnorePath}, PerCommit: opts.PerCommit,
	})
	if err != nil {
		return nil, fmt.Errorf("replaying %s: %w", p.DockerfilePath, err)
	}
	return tellReplay(p.File, res, times, len(h.Start) > 0), nil
}

var outcomes = map[replay.Outcome]string{replay.Hit: "hit", replay.Miss: "miss", replay.Below: "below", replay.Unclear: "unclear"}

// tellReplay adds seconds to hits and misses. warm says that the first commit had a cache to use.
func tellReplay(f *dockerfile.File, res *replay.Result, times stepTimes, warm bool) *report.ReplayVersion {
	out := &report.ReplayVersion{Basis: finding.Derived, Seconds: make([]float64, len(res.Commits))}
	first := 1
	if warm {
		first = 0
	}
	for i, s := range res.Steps {
		step := report.ReplayStep{
			Line: f.Position(s.Inst.Span.Start).Line, Stage: s.Stage, Text: oneLine(f.Text(s.Inst.Span)),
			Hits: s.Hits, Misses: s.Misses, Above: s.Above, Doubt: s.Doubt,
		}
		step.Seconds, step.Basis = times.of(f, s.Inst)
		for _, c := range s.Causes {
			step.Causes = append(step.Causes, report.ReplayCause{Path: c.Path, Builds: c.Builds})
		}
		for n, c := range res.Commits {
			step.Outcomes = append(step.Outcomes, outcomes[c.Missed[i]])
			if c.Missed[i] != replay.Hit {
				out.Seconds[n] += step.Seconds
			}
		}
		if step.Misses > 0 && step.Basis == finding.Estimated && s.Inst.Keyword != "WORKDIR" { // making a folder takes no time worth measuring
			out.Basis = finding.Estimated
		}
		out.Steps = append(out.Steps, step)
	}
	out.Expected = mean(out.Seconds[min(first, len(out.Seconds)):])
	for i := range out.Steps {
		s := &out.Steps[i]
		if builds := s.Hits + s.Misses; out.Expected > 0 && builds > 0 {
			s.Share = s.Seconds * float64(s.Misses) / float64(builds) / out.Expected
		}
	}
	return out
}

// oneLine is an instruction without its line breaks.
func oneLine(text string) string {
	words := slices.DeleteFunc(strings.Fields(text), func(w string) bool { return w == "\\" })
	return strings.Join(words, " ")
}

func mean(values []float64) (sum float64) {
	if len(values) == 0 {
		return 0
	}
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// replayNotes say what the replay rests on.
func replayNotes(p *project.Project, h *history.History, r *report.Replay, opts ReplayOptions) (notes []string) {
	add := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
	changed := 0
	for _, c := range h.Commits {
		if slices.ContainsFunc(c.Changes, func(c history.Change) bool { return c.Path == p.DockerfilePath }) {
			changed++
		}
	}
	if changed > 0 {
		add("%s itself changed in %s: the current one is replayed at all of them.", p.DockerfilePath, fmt.Sprintf("%d of these commits", changed))
	}
	if h.Shallow {
		add("The clone is shallow: older commits are not here (git fetch --unshallow brings them).")
	}
	if len(h.Commits) == 1 && len(h.Start) == 0 {
		add("There is one commit: nothing can be said about a second build yet.")
	}
	if r.After != nil {
		add("After is what fix would write; plimsoll prove shows whether it behaves as before.")
	}
	if r.Before.Basis == finding.Estimated || r.After != nil && r.After.Basis == finding.Estimated {
		add("Some steps were never timed here: their seconds are round estimates. plimsoll prove times them.")
	}
	for _, name := range variableNames(p.File) {
		if !slices.Contains(opts.PerCommit, name) {
			add("ARG %s looks like one that every build sets anew: --per-commit %s replays it so.", name, name)
		}
	}
	return notes
}

// variableNames are build arguments by whose name they tell the commit or the build.
func variableNames(f *dockerfile.File) (names []string) {
	for _, inst := range f.Instructions {
		if inst.Keyword != "ARG" {
			continue
		}
		for _, p := range inst.Pairs() {
			upper := strings.ToUpper(p.Name)
			for _, word := range []string{"COMMIT", "REVISION", "GIT_SHA", "GIT_REF", "BUILD_DATE", "BUILD_NUMBER", "BUILD_ID", "VCS_REF"} {
				if strings.Contains(upper, word) && !slices.Contains(names, p.Name) {
					names = append(names, p.Name)
				}
			}
		}
	}
	return names
}
