package term

import (
	"fmt"
	"strings"

	"charm.land/lipgloss/v2"
	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/plan"
	"github.com/plimsoll/plimsoll/internal/report"
)

// portless says how a program that serves no port was compared.
func (pg *page) portless(o *report.Output) {
	if o == nil {
		return
	}
	what := fmt.Sprintf("a worker: it serves no port and goes on; %s of output compared", plural(o.Lines, "line", "lines"))
	if o.Kind == "job" {
		what = fmt.Sprintf("a job: it serves no port and ends, with code %d before and %d after; %s of output the same", o.BeforeExit, o.AfterExit, plural(o.Lines, "line", "lines"))
	}
	if o.Noise > 0 {
		what += fmt.Sprintf(" (%s differ between two runs of before)", plural(o.Noise, "line", "lines"))
	}
	look := pg.good
	if !o.Same {
		look = pg.bad
		what += "; " + pg.text(o.Difference)
	}
	pg.linef("%s", pg.style(look, what))
	pg.linef("")
}

func (pg *page) requests(all []report.Request) {
	if len(all) == 0 {
		return
	}
	same := 0
	for _, r := range all {
		if r.Same {
			same++
		}
	}
	look := pg.good
	if same < len(all) {
		look = pg.bad
	}
	pg.linef("%s to both: %s", plural(len(all), "request", "requests"), look.Render(fmt.Sprintf("%d the same", same)))
	for _, r := range all {
		pg.request(r)
	}
	pg.linef("")
}

func (pg *page) request(r report.Request) {
	name := clean(r.Method) + " " + oneLine(pg.text(r.Path))
	if !r.Same {
		pg.linef("  %s %s  %s → %s", pg.bad.Render("✗"), name, status(r.Before), status(r.After))
		for _, line := range wrap(pg.text(r.Difference), pg.width-4) {
			if line != "" {
				pg.linef("    %s", line)
			}
		}
	}
	if len(r.Noise) > 0 {
		text := fmt.Sprintf("%s: not compared, differs between two runs of before: %s", name, strings.Join(r.Noise, ", "))
		for i, line := range wrap(pg.text(text), pg.width-4) {
			pg.linef("%s%s", strings.Repeat(" ", 2+2*min(i, 1)), pg.dim.Render(line))
		}
	}
}

func status(code int) string {
	if code == 0 {
		return "no answer"
	}
	return fmt.Sprint(code)
}

// Plan writes the verdict with what is part of the rewritten files and what is not.
func (p *Printer) Plan(r *report.Report) error {
	pg := p.page(r)
	pg.verdict(r)
	return p.flush(pg)
}

func (pg *page) verdict(r *report.Report) {
	if r.Verdict != "" {
		pg.paragraph(pg.verdictLook(r.Verdict).Render(string(r.Verdict)) + ": " + verdictText(r))
	}
	if r.Plan != nil {
		pg.applied(r.Plan.Applied)
		for _, s := range r.Plan.Skipped {
			pg.hanging(pg.dim, "–", s.Rule, "not applied: "+s.Reason)
		}
	}
	for _, file := range r.Written {
		pg.labelled("written", place(r, file))
	}
	pg.leftOut(r)
}

func (pg *page) applied(all []plan.Applied) {
	for _, a := range all {
		switch {
		case a.Proven:
			pg.hanging(pg.good, "✓", a.Rule, a.Title)
		case a.Safety == finding.Safe:
			pg.hanging(pg.note, "•", a.Rule, a.Title+" (safe)")
		default:
			pg.hanging(pg.warn, "?", a.Rule, fmt.Sprintf("%s (unproven: %s)", a.Title, a.Why))
		}
	}
}

// hanging writes a sign, a rule and a text beside it.
func (pg *page) hanging(look lipgloss.Style, sign, rule, text string) {
	const column = 34
	head := fmt.Sprintf("  %s %s ", look.Render(sign), pad(rule, column-5))
	room := max(column, lipgloss.Width(head))
	for _, line := range wrap(pg.text(text), pg.width-room) {
		pg.linef("%s%s", head, line)
		head = strings.Repeat(" ", room)
	}
}

func (pg *page) verdictLook(v report.Verdict) lipgloss.Style {
	switch v {
	case report.Proven, report.Unchanged:
		return pg.good
	case report.Failed:
		return pg.bad
	}
	return pg.warn
}

func verdictText(r *report.Report) string {
	applied, proven := 0, 0
	if r.Plan != nil {
		applied = len(r.Plan.Applied)
		for _, a := range r.Plan.Applied {
			if a.Proven {
				proven++
			}
		}
	}
	switch r.Verdict {
	case report.Proven:
		if applied == 0 {
			return "built, run and compared: the application behaves as before"
		}
		return fmt.Sprintf("%s built, run and compared: the application behaves as before", plural(applied, "edit", "edits"))
	case report.PartlyProven:
		return fmt.Sprintf("%d of %s built, run and compared", proven, plural(applied, "edit", "edits"))
	case report.Unproven:
		return fmt.Sprintf("%s, none of them built and run", plural(applied, "edit", "edits"))
	case report.Unchanged:
		return "nothing to rewrite"
	}
	return "the rewritten files do not stand the proof"
}
