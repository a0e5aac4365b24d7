package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll/plimsoll/internal/agent"
	"github.com/plimsoll/plimsoll/internal/blame"
	"github.com/plimsoll/plimsoll/internal/engine"
	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/observe"
	"github.com/plimsoll/plimsoll/internal/plan"
	"github.com/plimsoll/plimsoll/internal/probe"
	"github.com/plimsoll/plimsoll/internal/project"
	"github.com/plimsoll/plimsoll/internal/report"
	"github.com/plimsoll/plimsoll/internal/rewrite"
	"github.com/plimsoll/plimsoll/internal/secret"
)

// maxRequests bounds what is asked of one container.
const maxRequests = 60

// Once it is known how long before takes to answer, others are given this much, and that many times as long, and not a minute.
const (
	leastStart  = 20 * time.Second
	startFactor = 10
)

// trial is how a side's container is run.
func (p *proof) trial(s *side, from *project.Project) observe.Trial {
	t := observe.Trial{
		Image: s.built.Result.Image, Env: s.version.Env, Cmd: s.built.Argv(), Load: p.opts.Requests,
		Health: s.built.Health(), StopSignal: s.built.StopSignal(), StartTimeout: p.opts.StartTimeout,
	}
	if facts := from.Facts; facts != nil {
		t.Port = p.subject.port(facts.Port)
		if !facts.Health.Source.Observed() { // else before was not waited for in that way either
			t.Path = facts.Health.Value
		}
	}
	if seen := p.before.trials; len(seen) > 0 && seen[0].Start > 0 && t.StartTimeout == 0 {
		t.StartTimeout = max(leastStart, time.Duration(startFactor*seen[0].Start*float64(time.Second)))
	}
	t.Serves = p.serves()
	if t.Port == 0 && !t.Serves && t.StartTimeout == 0 {
		t.StartTimeout = portlessTime
	}
	return t
}

// asker decides what to ask, from the running application's OpenAPI document,
// the routes in the source and the user. The first run of before decides for all.
func (p *proof) asker() observe.Asker {
	return func(ctx context.Context, a *agent.Client, port int) ([]agent.HTTPRequest, error) {
		if p.requests == nil {
			var err error
			if p.requests, err = p.plan(ctx, a, port); err != nil {
				return nil, err
			}
		}
		return probe.Asks(p.requests), nil
	}
}

func (p *proof) plan(ctx context.Context, a *agent.Client, port int) ([]probe.Request, error) {
	var user, fromDocument, fromSource []probe.Request
	for _, text := range p.opts.Probes {
		q, err := probe.Parse(text)
		if err != nil {
			return nil, err
		}
		user = append(user, q)
	}
	health := ""
	if facts := p.project.Facts; facts != nil {
		health = facts.Health.Value
		var routes []probe.Route
		for _, r := range facts.Routes {
			routes = append(routes, probe.Route{Method: r.Value.Method, Path: r.Value.Path})
		}
		fromSource = probe.FromRoutes(routes)
		if facts.OpenAPI.Known() {
			doc, err := p.document(ctx, a, port, facts.OpenAPI.Value)
			if err != nil {
				return nil, err
			}
			fromDocument = doc
		}
	}
	if health == "" { // a page that answers may be asked for the application's health
		health = "/"
	}
	requests := probe.Plan(user, health, fromDocument, fromSource, maxRequests)
	if len(user)+len(fromDocument)+len(fromSource) == 0 && len(requests) == 1 && health == "/" {
		p.report.Notes = append(p.report.Notes, "No route is known: only / was asked. Name more with --probe 'GET /path'.")
	}
	return requests, nil
}

// document asks the running application for its OpenAPI document.
func (p *proof) document(ctx context.Context, a *agent.Client, port int, path string) ([]probe.Request, error) {
	answer, err := a.Ask(ctx, agent.AskRequest{
		Port: port, Requests: []agent.HTTPRequest{{Method: "GET", Path: path}}, Timeout: 30 * time.Second,
	})
	if err != nil {
		return nil, fmt.Errorf("asking for %s: %w", path, err)
	}
	if len(answer.Answers) != 1 || answer.Answers[0].Status != 200 || answer.Answers[0].Truncated {
		p.report.Notes = append(p.report.Notes, fmt.Sprintf("%s gave no OpenAPI document: requests come from the routes in the source alone.", path))
		return nil, nil
	}
	requests, err := probe.FromOpenAPI(answer.Answers[0].Body)
	if err != nil {
		p.report.Notes = append(p.report.Notes, fmt.Sprintf("%s could not be used (%v): requests come from the routes in the source alone.", path, err))
	}
	return requests, nil
}

// fault is what speaks against a version of after.
type fault struct {
	reason string
	detail string
	// groups are the edits known to cause it; none means that it is not known.
	groups []string
	line   int // of the Dockerfile that failed
}

// judge runs after and holds it against before. p.fault is nil when nothing speaks against it.
func (p *proof) judge(ctx context.Context, buildErr error) error {
	p.fault = nil
	if buildErr != nil {
		var failed *engine.BuildError
		if !errors.As(buildErr, &failed) || failed.Unrelated() { // which says nothing about the edits
			return buildErr
		}
		p.fault = &fault{reason: fmt.Sprintf("it does not build: %s: %s", failed.Step, lastOutput(failed)), detail: failed.Output, line: failed.Line}
		return nil
	}
	p.phase("running after")
	t := p.trial(p.after, p.result.Project)
	t.Libraries = p.libraryDirs(p.result.Project)
	out, err := observe.Run(ctx, p.engine, t, p.asker())
	if err != nil {
		return fmt.Errorf("running after: %w", err)
	}
	if err := p.settleLibraries(ctx, out); err != nil {
		return err
	}
	p.after.trials = []*observe.Outcome{out}
	if err := p.firstRun(); err != nil {
		return err
	}
	if p.kind == worker && silent(p.before.trials) {
		return p.nothingToCompare()
	}
	if p.fault = p.compare(out); p.fault == nil {
		p.fault = p.beside(ctx, out)
	}
	if p.fault != nil {
		p.addClues(ctx, p.fault)
	}
	return ctx.Err()
}

// compare says what is wrong with a run of after.
func (p *proof) compare(out *observe.Outcome) *fault {
	if p.kind != "" {
		return p.compareRuns(out)
	}
	if !out.Up {
		f := startFailure("after start", out)
		reason := "it does not start: " + f.Message
		if out.Midway {
			reason = f.Message
		}
		return &fault{reason: reason, detail: f.Detail}
	}
	first, second := p.before.trials[0], p.before.trials[1]
	if out.Port != first.Port {
		return &fault{reason: fmt.Sprintf("it answers on port %d, and before on port %d: whoever sends requests there gets no answer", out.Port, first.Port)}
	}
	p.results = probe.Compare(p.requests, first.Answers, second.Answers, out.Answers, redact)
	for _, r := range p.results {
		if r.Comparable && !r.Same {
			return &fault{reason: fmt.Sprintf("%s %s is answered otherwise: %s", r.Method, r.Path, r.Difference), detail: out.Output}
		}
	}
	if !slices.ContainsFunc(p.results, func(r probe.Result) bool { return r.Comparable }) {
		return &fault{reason: "no answer of before could be compared"}
	}
	if f := missingLibrary(out); f != nil {
		return f
	}
	switch h, b := out.Health, first.Health; {
	case h == nil || h.Proven():
	case b != nil && b.Up == h.Up && b.Frozen == h.Frozen && b.Again == h.Again && b.Unfrozen == h.Unfrozen:
		p.report.Notes = append(p.report.Notes, "The health check is no use, before and after alike: "+h.Reason+".")
	case h.Up && h.Unfrozen: // kept, and not proven
		p.report.Notes = append(p.report.Notes, "What the health check makes of a frozen application is not known: "+h.Reason+".")
	default:
		return &fault{reason: "its health check is no use: " + h.Reason, groups: []string{"runtime/no-healthcheck"}}
	}
	if out.Killed && !first.Killed {
		return &fault{reason: "it has to be killed where before ended on the stop signal", groups: []string{"runtime/shell-form"}}
	}
	return nil
}

// missingLibrary is the first shared library that is needed and that the loader would not find.
func missingLibrary(out *observe.Outcome) *fault {
	if len(out.Missing) == 0 {
		return nil
	}
	return &fault{reason: fmt.Sprintf("%s needs %s, which is not in the image", out.Missing[0].File, out.Missing[0].Library)}
}

// redact hides what looks like a credential in an answer; what is known to be
// one is masked by the report.
func redact(text string) string {
	if len(secret.Text([]byte(text))) > 0 {
		return secret.Redact(text)
	}
	return text
}

func lastOutput(f *engine.BuildError) string {
	lines := strings.Split(strings.TrimSpace(f.Output), "\n")
	if last := lines[len(lines)-1]; last != "" {
		return last
	}
	return f.Err.Error()
}

// Limits of the search for what makes after fail. It may take as long as everything before it did.
const (
	maxTries    = 16
	minTimeBack = 3 * time.Minute
)

// settle takes edits back until after behaves as before does, or none is left: the
// smallest set that explains the faults, which delta debugging finds.
func (p *proof) settle(ctx context.Context) error {
	p.refused = map[string]string{}
	groups := p.candidates()
	if p.fault == nil {
		return nil
	}
	if len(groups) == 0 {
		p.fail()
		return nil
	}
	first := p.fault
	limits := blame.Limits{Tries: maxTries, Time: max(minTimeBack, time.Since(p.began))}
	passed := map[string]*attempt{}
	begun, tries, last := time.Now(), 0, first
	results, output, notes := p.results, p.report.Output, slices.Clip(p.report.Notes)
	found, err := blame.Find(ctx, groups, outcomeOf(first), limits, func(ctx context.Context, keep []string) (blame.Outcome[*fault], error) {
		tries++
		out := slices.DeleteFunc(slices.Clone(groups), func(g string) bool { return slices.Contains(keep, g) })
		p.phase(fmt.Sprintf("after fails (%s); try %d of at most %d: without %s", shortLine(redact(last.reason)), tries, maxTries, strings.Join(out, ", ")))
		p.report.Notes = notes
		if err := p.try(ctx, refusing(out, "left out while the fault is looked for")); err != nil {
			return blame.Outcome[*fault]{}, err
		}
		if p.fault == nil {
			passed[strings.Join(keep, " ")] = &attempt{p.result, p.after, p.results, p.report.Output, p.report.Notes[len(notes):]}
		} else {
			last = p.fault
		}
		return outcomeOf(p.fault), nil
	})
	if err != nil {
		return err
	}
	p.report.Notes = append(notes, fmt.Sprintf("The rewritten files failed at first (%s): %d more versions were built and run in %.0f s to find out which edits to take back.", first.reason, found.Tries, time.Since(begun).Seconds()))
	kept := passed[strings.Join(found.Kept, " ")]
	if kept == nil {
		p.fault, p.results, p.report.Output = first, results, output
		p.fail()
		return nil
	}
	return p.keep(kept, found, time.Since(begun))
}

// keepProven takes back, where files are to be written, what the run has not shown to keep its promise: nothing is
// written that is not proven.
func (p *proof) keepProven(ctx context.Context) error {
	if p.report.Verdict == report.Failed || !p.opts.Write || p.opts.Against != "" {
		return nil
	}
	groups := p.unproven()
	if len(groups) == 0 {
		return nil
	}
	for _, g := range groups {
		p.refused[g] = "taken back: in this run it could not be proven, and files are written"
	}
	p.phase("building and running after without what could not be proven (" + strings.Join(groups, ", ") + ")")
	if err := p.try(ctx, p.refused); err != nil {
		return err
	}
	if p.fault != nil {
		p.fail()
	}
	return nil
}

// attempt is a version of after that passed.
type attempt struct {
	result  *rewrite.Result
	after   *side
	results []probe.Result
	output  *report.Output
	notes   []string // that it gave occasion to
}

// keep goes on with a version that passed, and names what was taken back for it.
func (p *proof) keep(a *attempt, found blame.Result[*fault], took time.Duration) error {
	p.fault, p.after, p.results, p.report.Output = nil, a.after, a.results, a.output
	p.report.Notes = append(p.report.Notes, a.notes...)
	for _, r := range found.Removed {
		p.refused[r.Group] = "taken back, its proof failed: " + r.Evidence.reason
		if r.Untried { // what failed last may be another group's doing
			p.refused[r.Group] = fmt.Sprintf("taken back without a try of its own, for the search ended after %d tries and %.0f s: prove it by itself with --rule %s", found.Tries, took.Seconds(), r.Group)
		}
	}
	// The same rewrite once more, with the reasons.
	res, err := rewrite.Run(p.project, p.rules, rewrite.Options{Refuse: p.refused})
	if err != nil {
		return err
	}
	p.result, p.report.Plan = res, res.Plan
	return nil
}

func refusing(groups []string, reason string) map[string]string {
	refuse := map[string]string{}
	for _, g := range groups {
		refuse[g] = reason
	}
	return refuse
}

// outcomeOf tells the search what became of a try.
func outcomeOf(f *fault) blame.Outcome[*fault] {
	if f == nil {
		return blame.Outcome[*fault]{Pass: true}
	}
	return blame.Outcome[*fault]{Evidence: f, Suspects: append(slices.Clone(f.groups), f.pointsAt()...)}
}

// pointsAt are the groups that a fault's own words speak of.
func (f *fault) pointsAt() (groups []string) {
	text := strings.ToLower(f.reason + f.detail)
	for words, of := range map[string][]string{
		"permission denied":         {"security/root-user"},
		"/home/app":                 {"security/root-user"},
		"read-only file system":     {"security/root-user"},
		"cannot open shared object": {"size/heavy-base", "size/single-stage"},
		"which is not in the image": {"size/heavy-base", "size/single-stage"},
		"unable to open database":   {"security/root-user"},
		"executable file not found": {"size/heavy-base", "size/single-stage"},
		"modulenotfounderror":       {"size/single-stage", "cache/source-before-dependencies"},
		"cannot find module":        {"size/single-stage", "size/dev-dependencies"},
	} {
		if strings.Contains(text, words) {
			groups = append(groups, of...)
		}
	}
	return groups
}

// candidates are the groups of edits, the likeliest cause first and those that need no proof last.
func (p *proof) candidates() []string {
	var groups, safe []string
	for _, a := range p.result.Plan.Applied {
		list := &groups
		if a.Safety == finding.Safe {
			list = &safe
		}
		if a.Group != handWritten && !slices.Contains(*list, a.Group) {
			*list = append(*list, a.Group)
		}
	}
	safe = slices.DeleteFunc(safe, func(g string) bool { return slices.Contains(groups, g) })
	rank := func(g string) int {
		if i := slices.Index(suspicion, g); i >= 0 {
			return i
		}
		return len(suspicion)
	}
	slices.SortStableFunc(groups, func(a, b string) int { return cmp.Compare(rank(a), rank(b)) })
	return append(groups, safe...)
}

// suspicion orders groups by how often they are what breaks an image in
// published studies and tools: missing files and libraries first.
var suspicion = []string{
	"size/heavy-base", "security/root-user", "size/single-stage", "runtime/shell-form", "security/secret-in-env",
	"cache/source-before-dependencies", "size/chown-copies", "size/recommends-installed", "runtime/no-healthcheck",
}

// try builds and judges after without some groups.
func (p *proof) try(ctx context.Context, refuse map[string]string) error {
	if err := p.rewrite(refuse); err != nil {
		return err
	}
	next, err := p.version("after", p.result.Project, p.afterEnv())
	if err != nil {
		return err
	}
	p.after = next
	built, err := observe.BuildOne(ctx, p.engine, next.version, p.event)
	if err == nil {
		p.after.built = built
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return p.judge(ctx, err)
}

// fail ends the proof: after can't be made to work, and nothing is kept.
func (p *proof) fail() {
	p.report.Verdict = report.Failed
	p.report.Failure = &report.Failure{
		Stage: "after", Message: p.fault.reason, Detail: p.fault.detail, File: p.project.DockerfilePath, Line: p.fault.line,
		Hint: "no edit is kept; the project is as it was",
	}
	for _, a := range p.result.Plan.Applied {
		p.report.Plan.Skipped = append(p.report.Plan.Skipped, plan.Skipped{Rule: a.Rule, Group: a.Group, Reason: "not proven: " + p.fault.reason})
	}
	p.report.Plan.Applied = nil
	p.report.Requests = requestsOf(p.results)
}

func requestsOf(results []probe.Result) (out []report.Request) {
	for _, r := range results {
		noise := r.Noise
		if r.StatusOnly {
			noise = append(slices.Clone(noise), "status and content type compared alone")
		}
		out = append(out, report.Request{
			Method: r.Method, Path: r.Path, Before: r.Before, After: r.After, Same: r.Same, Noise: noise, Difference: r.Difference,
		})
	}
	return out
}
