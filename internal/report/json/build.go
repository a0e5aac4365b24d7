package jsonreport

import (
	"github.com/plimsoll/plimsoll/internal/engine"
	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/measure"
	"github.com/plimsoll/plimsoll/internal/plan"
	"github.com/plimsoll/plimsoll/internal/report"
)

// masked takes the secrets out of a text.
type masked func(string) string

// newDocument turns a report into its JSON form. Every text that came from the
// project, from a build or from a container goes through the mask.
func newDocument(r *report.Report) document {
	mask := masked(r.Masker())
	d := document{
		Schema:   report.Schema,
		Tool:     tool{"plimsoll", r.Version},
		Path:     r.Path,
		Verdict:  string(r.Verdict),
		Findings: list(r.Ordered(), mask.finding),
		Suppressed: list(r.Suppressed, func(s report.Suppressed) suppressed {
			return suppressed(s)
		}),
		NotEvaluated: list(r.NotEvaluated, func(n report.NotEvaluated) notEvaluated {
			return notEvaluated{n.Rule, mask(n.Reason)}
		}),
		Plan:     mask.plan(r.Plan),
		Files:    mask.files(r.Plan),
		Written:  list(r.Written, mask),
		Observed: mask.observed(r.Observed),
		Before:   mask.set(r.Before),
		After:    mask.set(r.After),
		Requests: list(r.Requests, mask.request),
		Output:   mask.output(r.Output),
		Delivered: list(r.Delivered, func(d report.Delivery) delivery {
			return delivery{d.Kind, d.Place, d.Digest, list(d.Attestations, func(kind string) string { return kind })}
		}),
		Bases:   list(r.Bases, func(b report.Base) base { return base(b) }),
		Timings: list(r.Timings, func(t report.Timing) timing { return timing{mask(t.Phase), t.Seconds} }),
		Notes:   list(r.Notes, mask),
		Replay:  mask.replay(r.Replay),
		Failure: mask.failure(r.Failure),
	}
	if r.Compose != nil {
		d.Compose = &composeDoc{r.Compose.Files, r.Compose.Service}
	}
	if r.Engine.Name != "" {
		d.Engine = &engineInfo{r.Engine.Name, r.Engine.Version, r.Engine.Platform, r.Engine.Daemon, r.Engine.Chosen, limitsOf(r.Engine)}
	}
	return d
}

// limitsOf is nil where it is not known what containers were held to.
func limitsOf(info engine.Info) *limits {
	l := info.Limits
	if l == (engine.Limits{}) || info.Watched && (l.Memory == 0 || l.Processes == 0 || l.Disk == 0) {
		return nil
	}
	return &limits{max(l.Memory, 0), max(l.Processes, 0), max(l.Disk, 0), info.Watched && !l.None()}
}

// list converts each element; the result is never nil.
func list[From, To any](from []From, convert func(From) To) []To {
	to := make([]To, 0, len(from))
	for _, f := range from {
		to = append(to, convert(f))
	}
	return to
}

func (m masked) finding(f finding.Finding) findingDoc {
	d := findingDoc{
		Rule: f.Rule, Severity: f.Severity.String(), File: f.File,
		Line: f.Position.Line, Column: f.Position.Column,
		Message: m(f.Message), Refused: m(f.Refused),
		Costs: list(f.Costs, func(c finding.Cost) finding.Cost { c.Note = m(c.Note); return c }),
		Evidence: list(f.Evidence, func(e finding.Evidence) finding.Evidence {
			e.Note = m(e.Note)
			return e
		}),
	}
	if f.Fix != nil {
		d.Fix = &fix{m(f.Fix.Title), f.Fix.Safety.String(), m(f.Fix.Why)}
	}
	return d
}

func (m masked) plan(p *plan.Plan) planDoc {
	if p == nil {
		p = &plan.Plan{}
	}
	return planDoc{
		Applied: list(p.Applied, func(a plan.Applied) applied {
			return applied{a.Rule, m(a.Title), a.Safety.String(), m(a.Why), a.Proven}
		}),
		Skipped: list(p.Skipped, func(s plan.Skipped) skipped {
			return skipped{s.Rule, m(s.Reason)}
		}),
	}
}

// files are the texts that the plan changed or created, without those it left alone.
func (m masked) files(p *plan.Plan) map[string]string {
	files := map[string]string{}
	if p == nil {
		return files
	}
	for name, text := range p.After {
		if before, ok := p.Before[name]; !ok || before != text {
			files[name] = m(text)
		}
	}
	return files
}

func (m masked) set(set measure.Set) map[string]measurement {
	metrics := map[string]measurement{}
	for name, one := range set {
		metrics[string(name)] = m.measurement(one)
	}
	return metrics
}

func (m masked) measurement(one measure.Measurement) measurement {
	d := measurement{
		Unit: one.Unit, Basis: string(one.Basis), Note: m(one.Note),
		Samples: append([]float64{}, one.Samples...),
	}
	switch {
	case one.Text != "":
		d.Value = m(one.Text)
	case len(one.Samples) > 0:
		d.Value = one.Value()
	}
	return d
}

func (m masked) observed(o *report.Observed) *observed {
	if o == nil {
		return nil
	}
	return &observed{
		Port: o.Port, Listening: list(o.Listening, m), Serving: list(o.Serving, m), Writes: list(o.Writes, m),
		Processes: list(o.Processes, func(p report.Process) process {
			return process{p.PID, p.Parent, list(p.Argv, m), m(p.Dir), p.User}
		}),
		Programs: list(o.Programs, m), Libraries: list(o.Libraries, m), Packages: list(o.Packages, m), Lacking: list(o.Lacking, m),
		Files: list(o.Files, m), Modules: list(o.Modules, m),
		Env: list(o.Env, m), Incomplete: list(o.Incomplete, m),
	}
}

func (m masked) request(r report.Request) request {
	return request{r.Method, m(r.Path), r.Before, r.After, r.Same, list(r.Noise, m), m(r.Difference)}
}

func (m masked) output(o *report.Output) *output {
	if o == nil {
		return nil
	}
	return &output{o.Kind, o.BeforeExit, o.AfterExit, o.Lines, o.Noise, o.Same, m(o.Difference)}
}

func (m masked) failure(f *report.Failure) *failure {
	if f == nil {
		return nil
	}
	return &failure{f.Stage, m(f.Message), f.File, f.Line, m(f.Source), m(f.Detail), m(f.Hint)}
}
