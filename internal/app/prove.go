package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/engine"
	"github.com/plimsoll/plimsoll/internal/image"
	"github.com/plimsoll/plimsoll/internal/inspect"
	"github.com/plimsoll/plimsoll/internal/measure"
	"github.com/plimsoll/plimsoll/internal/observe"
	"github.com/plimsoll/plimsoll/internal/probe"
	"github.com/plimsoll/plimsoll/internal/project"
	"github.com/plimsoll/plimsoll/internal/report"
	"github.com/plimsoll/plimsoll/internal/rewrite"
	"github.com/plimsoll/plimsoll/internal/rule"
)

// Prove rewrites a project in memory, builds and runs it before and after,
// compares and measures. What fails its proof is taken back and named. The
// report tells how far the proof came also when an error is returned with it.
func Prove(ctx context.Context, opts ProveOptions) (*report.Report, error) {
	if opts.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, opts.Timeout, &report.Failure{
			Stage: "proving", Message: fmt.Sprintf("not done after %s", opts.Timeout), Hint: "give it more with --timeout",
		})
		defer cancel()
	}
	p, err := newProof(ctx, opts)
	if err != nil {
		return nil, err
	}
	defer p.close()
	if err = p.run(ctx); err == nil {
		err = p.deliver(ctx)
	}
	p.phase("")
	p.tellReached()
	p.tellClock()
	p.limitsThere()
	if cause := context.Cause(ctx); err != nil && cause != nil && !errors.Is(cause, context.Canceled) {
		err = cause
	}
	return p.report, err
}

// proof is one run of Prove.
type proof struct {
	opts    ProveOptions
	rules   []*rule.Rule
	project *project.Project
	subject *subject
	report  *report.Report
	env     []string // the user's, for both containers
	// entrypoint and command are a compose service's, where the Dockerfile sets none.
	entrypoint, command []string
	secrets             map[string][]byte // that both builds are given
	log                 *quietLog

	engine   engine.Engine
	registry *image.Registry
	work     *workFolder
	before   *side
	after    *side
	result   *rewrite.Result
	phases   phaseClock
	began    time.Time

	requests []probe.Request // what every container is asked
	results  []probe.Result
	searcher *image.Searcher
	observed *ecosystem.Observed // in the first run of before; nil when nothing was
	own      []string            // files of the application itself that before opened, and that its image has
	// lackingOf is the version of after of which observed tells what it lacks.
	lackingOf *side
	kind      string            // of a program without a port: job or worker
	fault     *fault            // what speaks against after; nil when nothing does
	firstRun  func() error      // waits for the first run of before to end, which may take its time to stop
	refused   map[string]string // groups that were taken back, with the reason
}

// side is one of the two versions.
type side struct {
	version observe.Version
	built   *observe.Built
	cold    []float64
	// coldAlone says that no other build ran beside the cold one.
	coldAlone bool
	// coldSteps are the steps of the last build in which nothing was cached.
	coldSteps []engine.Step
	// warmSteps are the steps of the last build after a change of the source.
	warmSteps []engine.Step
	// trials are the containers that were run, the one that was asked first.
	trials []*observe.Outcome
	looked *inspect.Report
	// transferNote says how the size to transfer came about where that is not plain.
	transferNote string
	places       []image.Place
	set          measure.Set
}

func newProof(ctx context.Context, opts ProveOptions) (*proof, error) {
	if err := opts.Delivery.check(); err != nil {
		return nil, err
	}
	rs, err := rewritingRules(opts.Rules, opts.Pin)
	if err != nil {
		return nil, err
	}
	env, err := runEnvironment(opts)
	if err != nil {
		return nil, err
	}
	p := &proof{opts: opts, rules: rs, env: env, began: time.Now()}
	p.phase("reading the project")
	subject, err := subjectOf(opts.Path, opts.ComposeOptions, dockerfile.Build{Target: opts.Target, Args: opts.BuildArgs, Platform: opts.Platform})
	if err != nil {
		return nil, err
	}
	if p.project, err = load(ctx, subject, sources{opts.Offline, opts.Mirrors, opts.Access}); err != nil {
		return nil, err
	}
	p.subject = subject
	build := subject.options.Build
	p.opts.Target, p.opts.BuildArgs, p.opts.Platform = build.Target, build.Args, build.Platform
	p.env = lastOf(append(subject.env(), env...))
	p.report = newReport(opts.Version, p.project)
	p.entrypoint, p.command = subject.command(p.project)
	if p.secrets, err = subject.buildSecrets(); err != nil {
		return nil, err
	}
	subject.tell(p.report)
	p.log = newQuietLog(p.report)
	return p, nil
}

func (p *proof) close() {
	if p.engine != nil {
		p.engine.Close()
	}
	if p.registry != nil {
		p.registry.Close()
	}
	if p.work != nil {
		_ = p.work.close(p.opts.Keep) // what is left of it the next run takes away
	}
}

// run goes through the proof. The order matters: what is learnt from before
// decides what after is asked.
func (p *proof) run(ctx context.Context) error {
	if err := p.rewrite(nil); err != nil {
		return err
	}
	fill(p.report, p.result.Found)
	p.log.learn(p.report)
	if !p.result.Plan.Changed() {
		p.report.Verdict = report.Unchanged
		return nil
	}
	p.report.Verdict = report.Unproven
	if p.opts.Write && p.opts.Against == "" {
		if err := writable(p.project, p.result.Plan); err != nil {
			return err
		}
	}
	if err := p.start(ctx); err != nil {
		return err
	}
	if err := p.establish(ctx); err != nil {
		return err
	}
	if err := p.settle(ctx); err != nil {
		return err
	}
	if err := p.keepProven(ctx); err != nil || p.report.Verdict == report.Failed {
		return err
	}
	if err := p.measure(ctx); err != nil || p.report.Verdict == report.Failed {
		return err
	}
	return p.conclude()
}

// rewrite makes the plan without the groups that are refused.
func (p *proof) rewrite(refuse map[string]string) error {
	if p.opts.Against != "" {
		return p.against()
	}
	res, err := rewrite.Run(p.project, p.rules, rewrite.Options{Refuse: refuse})
	if err != nil {
		return err
	}
	p.result, p.report.Plan = res, res.Plan
	return nil
}

// start opens the engine and a registry to push to.
func (p *proof) start(ctx context.Context) (err error) {
	p.phase("starting the engine")
	opened, err := p.opts.OpenEngine(ctx, p.opts)
	if err != nil {
		return err
	}
	p.engine = &clockWatch{Engine: opened}
	if err := p.runnable(); err != nil {
		return err
	}
	p.report.Engine = p.engine.Info()
	p.report.Engine.Platform = cmp.Or(p.opts.Platform, p.report.Engine.Platform)
	p.tellLimits(p.report.Engine)
	p.tellPulls(p.report.Engine)
	p.report.Bases = p.bases()
	if p.work, err = openWork(cacheDir("work")); err != nil {
		return err
	}
	if p.opts.Keep {
		p.report.Notes = append(p.report.Notes, "Kept for a look, and for you to remove: "+p.work.path+" with the unpacked layers of both images.")
	}
	if p.registry, err = image.StartRegistry(filepath.Join(p.work.path, "registry")); err != nil {
		return fmt.Errorf("starting the registry that is pushed to: %w", err)
	}
	return nil
}

// bases are the base images of both versions, and what answers for them.
func (p *proof) bases() (bases []report.Base) {
	seen := map[string]bool{}
	for _, from := range []*project.Project{p.project, p.result.Project} {
		for _, ref := range baseReferences(from) {
			if seen[ref] {
				continue
			}
			seen[ref] = true
			b := report.Base{Reference: ref, Used: ref}
			if named, err := image.ParseReference(ref); err == nil {
				b.Used = named.String()
				if mirror := p.opts.Mirrors[named.Host]; mirror != "" {
					b.Note = "through the mirror " + mirror
				}
			}
			bases = append(bases, b)
		}
	}
	return bases
}

// version is what to build for one side.
func (p *proof) version(name string, from *project.Project, env []string) (*side, error) {
	ignore, err := from.ReadText(from.IgnorePath)
	if err != nil {
		return nil, err
	}
	overrides := map[string][]byte{}
	for file, text := range from.Changes() {
		if file != from.DockerfilePath && file != from.IgnorePath {
			overrides[file] = []byte(text)
		}
	}
	return &side{version: observe.Version{
		Build: engine.BuildRequest{
			Name: name, ContextDir: from.Root, Dockerfile: from.File.Source, DockerfileName: from.DockerfilePath,
			Ignore: []byte(ignore), Overrides: overrides, Target: p.opts.Target, BuildArgs: p.opts.BuildArgs, Platform: p.opts.Platform,
			Secrets: p.secrets,
		},
		Env: env, Entrypoint: p.entrypoint, Command: p.command,
	}}, nil
}

// establish builds both versions side by side, and runs before, twice: what
// differs between two runs of it is noise.
func (p *proof) establish(ctx context.Context) (err error) {
	if p.before, err = p.version("before", p.project, p.env); err != nil {
		return err
	}
	if p.after, err = p.version("after", p.result.Project, p.afterEnv()); err != nil {
		return err
	}
	if err := p.roomForContexts(); err != nil {
		return err
	}
	how := "no step cached"
	if p.opts.skips(measure.ColdBuild) {
		how = "with the build cache"
	}
	p.phase("building both versions, " + how)
	built, errs := observe.BuildBoth(ctx, p.engine, []observe.Version{p.before.version, p.after.version}, !p.opts.skips(measure.ColdBuild), p.event)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errs[0] != nil {
		return p.beforeFails(buildFailure("before build", p.project, errs[0]))
	}
	p.before.take(built[0])
	if errs[1] == nil {
		p.after.take(built[1])
	}
	p.phase("running before")
	if err := p.runBefore(ctx); err != nil {
		return err
	}
	buildErr, err := p.learn(ctx, errs[1])
	if err != nil {
		return errors.Join(err, p.firstRun())
	}
	return errors.Join(p.judge(ctx, buildErr), p.firstRun())
}

// roomForContexts holds what both builds are sent against the room that the engine has, before anything is sent.
func (p *proof) roomForContexts() error {
	lacks := p.engine.Info().Disk.Lacks(p.project.Context.Sent().Bytes + p.result.Project.Context.Sent().Bytes)
	if lacks == "" {
		return nil
	}
	return &report.Failure{
		Stage: "sending the build context", Message: "the engine has no room for the build context, before and after: " + lacks,
		Hint: "leave out in the .dockerignore what the build does not need, or name another place for the engine's state with --state",
	}
}

func (s *side) take(b *observe.Built) {
	s.built = b
	if !b.Build.NoCache {
		return
	}
	s.cold = append(s.cold, b.Result.Solve.Seconds())
	s.coldSteps = b.Result.Steps
}

// beforeFails ends the proof: there is nothing to compare with.
func (p *proof) beforeFails(f *report.Failure) error {
	p.report.Failure = f
	p.report.Notes = append(p.report.Notes, "The Dockerfile as it is could not be used, so there is nothing to compare with: the edits are unproven.")
	return f
}

// afterEnv is the user's environment and what the fixes took out of the image.
func (p *proof) afterEnv() []string {
	env := slices.Clone(p.env)
	for _, e := range p.result.Plan.RunEnv {
		if !slices.ContainsFunc(p.env, func(set string) bool { return strings.HasPrefix(set, e.Name+"=") }) {
			env = append(env, e.Name+"="+e.Value)
		}
	}
	return env
}

// runEnvironment is what the user gives to both containers.
func runEnvironment(opts ProveOptions) ([]string, error) {
	var env []string
	if opts.EnvFile != "" {
		text, err := os.ReadFile(opts.EnvFile)
		if err != nil {
			return nil, fmt.Errorf("reading the environment: %w", err)
		}
		for i, line := range strings.Split(string(text), "\n") {
			line = strings.TrimSpace(line)
			if line == "" || strings.HasPrefix(line, "#") {
				continue
			}
			if name, _, ok := strings.Cut(line, "="); !ok || strings.ContainsAny(name, " \t") {
				return nil, fmt.Errorf("%s:%d: want NAME=value", opts.EnvFile, i+1)
			}
			env = append(env, line)
		}
	}
	return append(env, opts.Env...), nil
}

// phase tells what is being done, and for how long the last thing took.
func (p *proof) phase(name string) {
	if p.report != nil {
		name = p.report.Mask(name)
	}
	if done := p.phases.begin(name); done != nil && p.report != nil {
		p.report.Timings = append(p.report.Timings, *done)
	}
	if p.opts.Progress != nil && name != "" {
		p.opts.Progress.Phase(name)
	}
}

func (p *proof) event(e engine.Event) {
	if p.opts.Progress != nil {
		p.opts.Progress.Event(p.log.event(e))
	}
}

// phaseClock times phases.
type phaseClock struct {
	name  string
	since time.Time
}

func (c *phaseClock) begin(name string) (done *report.Timing) {
	if c.name != "" {
		done = &report.Timing{Phase: c.name, Seconds: time.Since(c.since).Seconds()}
	}
	c.name, c.since = name, time.Now()
	return done
}
