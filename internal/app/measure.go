package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/image"
	"github.com/plimsoll/plimsoll/internal/measure"
	"github.com/plimsoll/plimsoll/internal/observe"
	"github.com/plimsoll/plimsoll/internal/report"
)

// enough is how long one figure is sampled: what takes longer than this a
// time is measured once, and the table says so.
const enough = 2 * time.Second

// measure takes both sides' figures. Only samples are taken here; running and
// asking is done.
func (p *proof) measure(ctx context.Context) error {
	if len(p.after.cold) == 0 && !p.opts.skips(measure.ColdBuild) {
		if err := p.madeAnew(ctx); err != nil || p.fault != nil {
			return err
		}
	}
	for _, metric := range p.opts.Skip {
		p.report.NotEvaluated = append(p.report.NotEvaluated, report.NotEvaluated{Rule: string(metric), Reason: "left out, as asked for"})
	}
	for _, s := range []*side{p.before, p.after} {
		name := s.version.Build.Name
		s.set = measure.Set{}
		steps := []struct {
			metric measure.Metric
			phase  string
			take   func(context.Context, *side) error
		}{
			{measure.Start, "starting and stopping " + name, p.startStop},
			{measure.Rebuild, "rebuilding " + name + " after a change of the source", p.rebuild},
			{measure.Push, "pushing " + name, p.push},
			{measure.Pull, "pulling " + name, p.pull},
			{measure.ImageBytes, "looking into " + name + " and for secrets in it", p.look},
		}
		for _, step := range steps {
			switch {
			case step.metric == measure.Push && p.opts.skips(measure.Push):
				step.phase, step.take = "taking "+name+" from the engine", p.handOver
			case p.opts.skips(step.metric):
				continue
			}
			p.phase(step.phase)
			if err := step.take(ctx, s); err != nil {
				return err
			}
		}
		s.addObserved()
	}
	p.expect(ctx)
	p.report.Before, p.report.After = p.before.set, p.after.set
	return nil
}

// briefBuild is how many seconds a build of before may have taken to be made once more, so that after has
// company, as before had.
const briefBuild = 30

// madeAnew builds the version of after that the search for a fault has left with no step cached, and judges that: what is
// fetched anew may be another release.
func (p *proof) madeAnew(ctx context.Context) error {
	p.phase("building after once more, no step cached")
	buildErr, err := p.coldAgain(ctx)
	if err == nil {
		err = p.judge(ctx, buildErr)
	}
	if err == nil && p.fault != nil {
		p.fault.reason = "built once more, with no step cached: " + p.fault.reason
		p.fail()
	}
	return err
}

// coldAgain builds after as it is planned now with no step cached. A build that has the machine for itself is quicker:
// where it is cheap, before is built beside it again.
func (p *proof) coldAgain(ctx context.Context) (buildErr, err error) {
	versions := []observe.Version{p.after.version}
	if beside := p.before.cold; len(beside) > 0 && beside[0] <= briefBuild {
		versions = append(versions, p.before.version)
	}
	built, errs := observe.BuildBoth(ctx, p.engine, versions, true, p.event)
	if err := errors.Join(append(errs[1:], ctx.Err())...); err != nil {
		return nil, err
	}
	if errs[0] != nil {
		return errs[0], nil
	}
	p.after.take(built[0])
	if p.after.coldAlone = len(built) == 1; !p.after.coldAlone {
		p.before.cold = append(p.before.cold, built[1].Result.Solve.Seconds())
	}
	return nil, nil
}

// sample repeats a measurement until there are enough samples, or until it
// has taken long enough.
func (p *proof) sample(take func() (float64, error)) ([]float64, error) {
	var samples []float64
	for begin := time.Now(); len(samples) < p.opts.Samples; {
		v, err := take()
		if err != nil {
			return nil, err
		}
		samples = append(samples, v)
		if time.Since(begin) > enough {
			break
		}
	}
	return samples, nil
}

// startStop adds containers to those that ran already until there are enough samples, or enough time was taken.
func (p *proof) startStop(ctx context.Context, s *side) error {
	from := p.project
	if s == p.after {
		from = p.result.Project
	}
	for begin := time.Now(); p.kind == "" && len(s.trials) < p.opts.Samples && time.Since(begin) <= enough; {
		t := p.trial(s, from)
		t.Health, t.Libraries, t.Load = nil, nil, 0
		// A stop that had to be forced takes as long every time.
		t.KeepRunning = s.trials[0].Killed
		out, err := observe.Run(ctx, p.engine, t, nil)
		if err != nil {
			return fmt.Errorf("running %s again: %w", s.version.Build.Name, err)
		}
		if !out.Up {
			return startFailure(s.version.Build.Name+" start, once more", out)
		}
		s.trials = append(s.trials, out)
	}
	return nil
}

func (p *proof) rebuild(ctx context.Context, s *side) error {
	change, ok := p.change()
	if !ok {
		p.leaveOut(measure.Rebuild, "no source file is known that could be changed without harm")
		return nil
	}
	seconds, steps, err := observe.Rebuild(ctx, p.engine, s.version, change, p.opts.Samples, enough, p.event)
	if err != nil {
		return err
	}
	s.warmSteps = steps
	s.set[measure.Rebuild] = measure.Measurement{
		Metric: measure.Rebuild, Unit: "seconds", Samples: seconds, Basis: finding.Observed,
		Note: "a comment added to " + change.Path + ", without exporting",
	}
	return nil
}

// comments begin a comment to the end of the line, by the file's extension.
var comments = map[string]string{
	".py": "#", ".rb": "#", ".sh": "#", ".js": "//", ".mjs": "//", ".cjs": "//", ".ts": "//", ".go": "//", ".php": "//", ".java": "//", ".rs": "//",
}

// change is a change of the source: of the file that a fact about the
// application rests on, else of the first source file that git tracks.
func (p *proof) change() (observe.Change, bool) {
	var names []string
	if f := p.project.Facts; f != nil {
		for _, r := range f.Routes {
			names = append(names, r.Source.File)
		}
		names = append(names, f.Health.Source.File, f.Framework.Source.File, f.Start.Source.File)
	}
	for _, e := range p.project.Context.Entries {
		if !e.Ignored && e.Mode.IsRegular() && p.project.Repository != nil && p.project.Repository.Tracks(e.Path) {
			names = append(names, e.Path)
		}
	}
	for _, name := range names {
		comment, ok := comments[path.Ext(name)]
		e, sent := p.project.Context.Lookup(name)
		if !ok || !sent || e.Ignored {
			continue
		}
		if text, err := p.project.ReadText(name); err == nil && text != "" {
			return observe.Change{Path: name, Text: []byte(text), Comment: comment}, true
		}
	}
	return observe.Change{}, false
}

// pull measures pulling from the registry into an empty folder.
func (p *proof) pull(ctx context.Context, s *side) error {
	dir := filepath.Join(p.work.path, "pull-"+s.version.Build.Name)
	n := 0
	samples, err := p.sample(func() (float64, error) {
		n++
		pulled, err := image.Pull(ctx, p.reference(s), filepath.Join(dir, strconv.Itoa(n)), image.Options{}, nil)
		if err != nil {
			return 0, err
		}
		return pulled.Seconds, nil
	})
	if !p.opts.Keep {
		go os.RemoveAll(dir) // what comes next is not timed; close removes what is left
	}
	if err != nil {
		return fmt.Errorf("pulling %s: %w", s.version.Build.Name, err)
	}
	s.set[measure.Pull] = measure.Measurement{
		Metric: measure.Pull, Unit: "seconds", Samples: samples, Basis: finding.Observed, Note: "from a registry on loopback, unpacked into an empty folder",
	}
	return nil
}

// addObserved puts down what building and running showed.
func (s *side) addObserved() {
	put := func(metric measure.Metric, unit string, note string, samples ...float64) {
		if len(samples) > 0 {
			s.set[metric] = measure.Measurement{Metric: metric, Unit: unit, Samples: samples, Basis: finding.Observed, Note: note}
		}
	}
	put(measure.ColdBuild, "seconds", s.coldNote(), s.cold...)
	put(measure.ImageBytes, "bytes", "", float64(s.looked.ArchiveBytes))
	put(measure.TransferBytes, "bytes", s.transferNote, float64(s.looked.TransferBytes))
	put(measure.Layers, "layers", "", float64(len(s.looked.Layers)))
	const megabitsPer100 = 100e6 / 8 // bytes a second at 100 Mbit/s
	for _, metric := range []measure.Metric{measure.Push100Mbit, measure.Pull100Mbit} {
		s.set[metric] = measure.Measurement{
			Metric: metric, Unit: "seconds", Samples: []float64{float64(s.looked.TransferBytes) / megabitsPer100}, Basis: finding.Derived,
			Note: "transfer bytes at 100 Mbit/s, nothing there before",
		}
	}
	first := s.trials[0]
	var starts, stops []float64
	for _, t := range s.trials {
		if t.Start > 0 {
			starts = append(starts, t.Start)
		}
		if !t.Kept && t.Ended == nil {
			stops = append(stops, t.Stop)
		}
	}
	until := "the first answer"
	if first.Ended != nil {
		until = "its end"
	}
	put(measure.Start, "seconds", "process start until "+until, starts...)
	put(measure.Stop, "seconds", stopNote(first), stops...)
	if first.Memory > 0 {
		put(measure.Memory, "bytes", memoryNote(first), float64(first.Memory))
	}
	s.text(measure.User, userText(s.userOf(first)), "uid:gid of the main process")
	healthNote := ""
	if first.Health != nil {
		healthNote = "the image's own check, run while up, frozen and up again"
		if first.Health.Unfrozen {
			healthNote = "the image's own check, run while up"
		}
	}
	s.text(measure.Health, healthText(first.Health), healthNote)
}

// coldNote says how the figure of a build from nothing came about. A version that was planned later is built alone, and has
// the machine for itself.
func (s *side) coldNote() string {
	if s.coldAlone {
		return "no step cached, base images present, built alone: it was planned after before had run"
	}
	return "no step cached, base images present, before and after built side by side"
}

func (s *side) text(metric measure.Metric, text, note string) {
	s.set[metric] = measure.Measurement{Metric: metric, Text: text, Basis: finding.Observed, Note: note}
}

func stopNote(o *observe.Outcome) string {
	switch {
	case o.Killed:
		return "it did not end on the stop signal and was killed"
	case o.Lost:
		return "stop signal until exit, with a code that the engine lost"
	}
	return fmt.Sprintf("stop signal until exit, code %d", o.Exit.Code)
}

func memoryNote(o *observe.Outcome) string {
	note := fmt.Sprintf("peak resident size of %d process(es)", o.Processes)
	if o.Load != nil {
		note += fmt.Sprintf(" after %d requests", o.Load.Sent)
	}
	return note
}

func userText(user string) string {
	if uid, _, _ := strings.Cut(user, ":"); uid == "0" {
		return user + " (root)"
	}
	return user
}

func healthText(h *observe.HealthStates) string {
	if h == nil {
		return "none"
	}
	return h.String()
}

// conclude decides what the figures mean, and writes what is proven.
func (p *proof) conclude() error {
	p.report.Requests = requestsOf(p.results)
	unproven := p.unproven()
	for i := range p.report.Plan.Applied {
		a := &p.report.Plan.Applied[i]
		a.Proven = !slices.Contains(unproven, a.Group)
	}
	p.report.Verdict = report.Proven
	if len(p.refused) > 0 || len(unproven) > 0 {
		p.report.Verdict = report.PartlyProven
	}
	switch {
	case !p.opts.Write || p.opts.Against != "":
		return nil
	case len(unproven) > 0:
		p.report.Notes = append(p.report.Notes, fmt.Sprintf("Nothing was written: %s could not be proven. Name the other rules with --rule to write what they change.", strings.Join(unproven, ", ")))
		return nil
	}
	written, err := write(p.project, p.report.Plan)
	p.report.Written = written
	return err
}

// unproven are groups whose promise the running image does not keep.
func (p *proof) unproven() []string {
	var groups []string
	out := p.after.trials[0]
	if uid, _, _ := strings.Cut(p.after.userOf(out), ":"); uid == "0" || uid == "" {
		groups = append(groups, "security/root-user")
	}
	if !out.Health.Proven() {
		groups = append(groups, "runtime/no-healthcheck")
	}
	if len(p.after.places) > 0 {
		groups = append(groups, "security/secret-in-env", "security/secret-in-arg")
	}
	for _, place := range p.after.places {
		p.report.Notes = append(p.report.Notes, fmt.Sprintf("A value that was baked in before is still found in %s: %s.", place.Where, place.Path))
	}
	return slices.DeleteFunc(groups, func(g string) bool {
		return !slices.ContainsFunc(p.report.Plan.Applied, func(a planApplied) bool { return a.Group == g })
	})
}
