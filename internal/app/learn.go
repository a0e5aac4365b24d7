package app

import (
	"context"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"

	"github.com/plimsoll/plimsoll/internal/agent"
	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/measure"
	"github.com/plimsoll/plimsoll/internal/observe"
	"github.com/plimsoll/plimsoll/internal/probe"
	"github.com/plimsoll/plimsoll/internal/report"
)

// learn lays what the first run of before showed over the facts that were read in files. Where that changes the
// rewrite, after is built anew from it. It takes and returns what the build of after said.
func (p *proof) learn(ctx context.Context, afterErr error) (buildErr, err error) {
	if p.kind == job && p.observed == nil {
		p.observeJob(ctx)
	}
	seen := p.observed
	if seen == nil {
		return afterErr, nil
	}
	p.lookAgain(ctx, seen)
	p.settleWithImage(ctx, seen)
	if afterErr == nil {
		p.findLacking(ctx, seen)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p.report.Observed = observedOf(seen)
	if p.opts.Against != "" {
		return afterErr, nil
	}
	if p.project, err = p.project.WithObserved(seen); err != nil {
		return nil, err
	}
	planned := p.result.Plan.After
	if err := p.rewrite(nil); err != nil {
		return nil, err
	}
	p.refill()
	if maps.Equal(planned, p.result.Plan.After) {
		return afterErr, nil
	}
	p.report.Notes = append(p.report.Notes, "The run of the original showed what its files do not say: the rewrite was made again with it.")
	p.report.Bases = p.bases()
	return p.buildAgain(ctx)
}

// buildAgain builds after as it is planned now. Where a build from nothing is measured, this is it: the image that is
// measured has to be the one that is asked.
func (p *proof) buildAgain(ctx context.Context) (buildErr, err error) {
	if p.after, err = p.version("after", p.result.Project, p.afterEnv()); err != nil {
		return nil, err
	}
	p.phase("building after with what the run showed")
	if !p.opts.skips(measure.ColdBuild) {
		return p.coldAgain(ctx)
	}
	built, buildErr := observe.BuildOne(ctx, p.engine, p.after.version, p.event)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if buildErr == nil {
		p.after.take(built)
	}
	return buildErr, nil
}

// observeJob looks at a job, which is over too soon for that, in a run of its own.
func (p *proof) observeJob(ctx context.Context) {
	p.phase("running before once more, to see what it writes and loads")
	seen, err := observe.Job(ctx, p.engine, p.before.built)
	if err != nil {
		seen.Incomplete = append(seen.Incomplete, "what the job does: "+err.Error())
	}
	p.observed = seen
}

// lookAgain starts the original beside an agent that holds, to see which files it opens. A job was watched when it was
// looked at.
func (p *proof) lookAgain(ctx context.Context, seen *ecosystem.Observed) {
	if p.kind == job {
		return
	}
	p.phase("running before once more, to see which files it opens, and what it writes when it is stopped")
	err := observe.AtRest(ctx, p.engine, p.before.built.Result.Image, func(c *agent.Client) error {
		t := p.trial(p.before, p.project)
		t.Port, t.Requests = seen.Port, probe.Asks(p.requests)
		p.before.built.Opened(ctx, c, t, p.kind == "", seen)
		return nil
	})
	if err != nil {
		seen.Untraced = err.Error()
	}
}

// settleWithImage holds what the run wrote and opened against the original image: a directory that this does not have the
// application made itself, and so it did a file, as a log or a lock is, of which nothing is lost.
func (p *proof) settleWithImage(ctx context.Context, seen *ecosystem.Observed) {
	r := agent.LacksRequest{Dirs: observe.Parents(seen.Writes)}
	workdir := p.project.File.EndState(p.project.File.Final()).Workdir
	for _, file := range seen.Opened {
		if ecosystem.OwnFile(file, workdir) {
			r.Files = append(r.Files, file)
		}
	}
	if len(r.Dirs)+len(r.Files) == 0 {
		return
	}
	a, err := p.lacks(ctx, p.before, r)
	if err != nil {
		seen.Incomplete = append(seen.Incomplete, "which files and directories it made itself: "+err.Error())
		return
	}
	seen.Writes = observe.Settled(seen.Writes, a.Dirs)
	p.own = slices.DeleteFunc(r.Files, func(file string) bool { return slices.Contains(a.Files, file) })
}

// findLacking finds out which packages and files, that before had loaded or opened, after does not have.
func (p *proof) findLacking(ctx context.Context, seen *ecosystem.Observed) {
	r := agent.LacksRequest{Files: p.own}
	if !p.otherRuntime() {
		for _, pkg := range seen.Packages {
			r.Packages = append(r.Packages, pkg.Name)
		}
	}
	if len(r.Packages)+len(r.Files) == 0 {
		return
	}
	a, err := p.lacks(ctx, p.after, r)
	if err != nil {
		seen.Incomplete = append(seen.Incomplete, "what the rewritten image lacks: "+err.Error())
		return
	}
	seen.Lacking, seen.Gone, p.lackingOf = withoutBrought(a.Packages, seen.Packages), a.Files, p.after
}

// lacks asks an image what it does not have, in a container in which nothing else runs.
func (p *proof) lacks(ctx context.Context, s *side, r agent.LacksRequest) (a agent.LacksAnswer, err error) {
	err = observe.AtRest(ctx, p.engine, s.built.Result.Image, func(c *agent.Client) (err error) {
		a, err = c.Lacks(ctx, r)
		return err
	})
	return a, err
}

// otherRuntime reports whether after runs on another base, with other libraries, than before: what before had loaded
// says nothing about it.
func (p *proof) otherRuntime() bool {
	facts := p.project.Facts
	return facts != nil && facts.Bundle != nil && facts.Bundle.Runner != nil
}

// withoutBrought leaves out of names what the installation of others among them brings in.
func withoutBrought(names []string, all []ecosystem.Package) []string {
	brings := map[string][]string{}
	for _, p := range all {
		brings[p.Name] = p.Brings
	}
	left := slices.Clone(names)
	for _, name := range names {
		others := slices.DeleteFunc(slices.Clone(left), func(n string) bool { return n == name })
		if slices.ContainsFunc(others, func(o string) bool { return slices.Contains(brings[o], name) }) {
			left = others
		}
	}
	return left
}

// refill puts what the rules say now in the place of what they said before.
func (p *proof) refill() {
	p.report.Findings, p.report.Suppressed, p.report.NotEvaluated = nil, nil, nil
	p.report.Secrets = p.subject.secrets()
	fill(p.report, p.result.Found)
	p.log.learn(p.report)
}

// maxShown bounds each list of what was observed in the report.
const maxShown = 500

// observedOf is what the report tells of a run. Arguments may hold credentials.
func observedOf(seen *ecosystem.Observed) *report.Observed {
	o := &report.Observed{
		Port: seen.Port, Programs: shown(seen.Programs), Libraries: shown(seen.Libraries), Lacking: seen.Lacking,
		Env: shown(seen.Env), Incomplete: seen.Incomplete, Files: shown(seen.Opened),
	}
	if seen.Untraced != "" {
		o.Incomplete = append(slices.Clip(o.Incomplete), "which files it opens: "+seen.Untraced)
	}
	for _, m := range seen.Modules() {
		o.Modules = append(o.Modules, m.Name)
	}
	for _, s := range seen.Sockets {
		o.Listening = append(o.Listening, net.JoinHostPort(s.Address, strconv.Itoa(s.Port)))
	}
	for _, w := range seen.Writes {
		if w.Dir {
			w.Path += "/"
		}
		o.Writes = append(o.Writes, w.Path)
	}
	for _, pkg := range seen.Packages {
		o.Packages = append(o.Packages, pkg.Name)
	}
	for _, proc := range seen.Processes {
		one := report.Process{PID: proc.PID, Parent: proc.PPID, Dir: proc.Dir, User: fmt.Sprintf("%d:%d", proc.UID, proc.GID)}
		for _, arg := range proc.Argv {
			one.Argv = append(one.Argv, redact(arg))
		}
		o.Processes = append(o.Processes, one)
		if slices.ContainsFunc(seen.Sockets, func(s ecosystem.Socket) bool { return s.PID == proc.PID && s.Port == seen.Port }) && o.Serving == nil {
			o.Serving = one.Argv
		}
	}
	o.Listening, o.Writes, o.Packages, o.Processes = shown(o.Listening), shown(o.Writes), shown(o.Packages), shown(o.Processes)
	o.Modules = shown(o.Modules)
	return o
}

func shown[T any](all []T) []T { return all[:min(len(all), maxShown)] }
