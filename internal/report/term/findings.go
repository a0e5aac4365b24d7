package term

import (
	"fmt"
	"strings"

	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/report"
)

// Findings writes the findings of all reports, the gravest of each first, then
// what was left out and why, and a summary.
func (p *Printer) Findings(reports []*report.Report) error {
	for _, r := range reports {
		pg := p.page(r)
		for _, f := range r.Ordered() {
			pg.finding(r, f)
		}
		if r.Verdict == "" { // else they are named with the verdict, at the end
			pg.leftOut(r)
			if len(r.Suppressed)+len(r.NotEvaluated)+len(r.Notes) > 0 {
				pg.linef("")
			}
		}
		if err := p.flush(pg); err != nil {
			return err
		}
	}
	pg := p.page(nil)
	pg.summary(reports)
	return p.flush(pg)
}

func (pg *page) finding(r *report.Report, f finding.Finding) {
	where := fmt.Sprintf("%s:%d:%d", place(r, f.File), f.Position.Line, f.Position.Column)
	if f.Position.Line == 0 {
		where = place(r, f.File)
	}
	head := fmt.Sprintf("%s %s %s", pg.bold.Render(where), pg.severity(f.Severity).Render(f.Severity.String()), pg.bold.Render(f.Rule))
	if pg.width == 0 { // one line a finding, for grep
		pg.linef("%s  %s", head, oneLine(pg.text(f.Message)))
	} else {
		pg.linef("%s", head)
		for _, line := range wrap(pg.text(f.Message), pg.width-2) {
			pg.linef("  %s", line)
		}
	}
	pg.excerpt(r, f)
	for _, c := range f.Costs {
		pg.labelled("cost", cost(c))
	}
	for _, e := range f.Evidence {
		pg.labelled("evidence", evidence(r, e))
	}
	pg.remedy(f)
	pg.linef("")
}

func (pg *page) remedy(f finding.Finding) {
	switch {
	case f.Fix == nil && f.Refused != "":
		pg.labelled("no fix", f.Refused)
	case f.Fix == nil:
	case f.Fix.Safety == finding.Safe:
		pg.labelled("fix", f.Fix.Title+" (safe)")
	case f.Fix.Safety == finding.Unsafe:
		pg.labelled("fix", fmt.Sprintf("%s (wants a proof: %s)", f.Fix.Title, f.Fix.Why))
	default:
		pg.labelled("by hand", fmt.Sprintf("%s (%s)", f.Fix.Title, f.Fix.Why))
	}
}

func cost(c finding.Cost) string {
	what := map[string]string{
		"image_bytes": "in the image", "transfer_bytes": "to transfer", "context_bytes": "in the context",
		"seconds": "", "exposure": "exposed", "cache_misses": "without the cache",
	}
	name, known := what[c.Metric]
	if !known {
		name = strings.ReplaceAll(c.Metric, "_", " ")
	}
	basis := string(c.Basis)
	if c.Note != "" {
		basis += ": " + c.Note
	}
	return strings.Join(strings.Fields(fmt.Sprintf("%s %s (%s)", amount(c.Value, c.Unit), name, basis)), " ")
}

func evidence(r *report.Report, e finding.Evidence) string {
	if e.File == "" {
		return e.Note
	}
	where := place(r, e.File)
	if e.Line > 0 {
		where = fmt.Sprintf("%s:%d", where, e.Line)
	}
	if e.Note == "" {
		return where
	}
	return where + ": " + e.Note
}

// leftOut names what is silent and why.
func (pg *page) leftOut(r *report.Report) {
	for _, s := range r.Suppressed {
		text := fmt.Sprintf("%s at %s:%d, by the comment on line %d", s.Rule, place(r, s.File), s.Line, s.By)
		pg.labelled("suppressed", text)
	}
	for _, n := range r.NotEvaluated {
		pg.labelled("not run", n.Rule+": "+n.Reason)
	}
	for _, note := range r.Notes {
		pg.labelled("note", note)
	}
}

func (pg *page) summary(reports []*report.Report) {
	var number [finding.Error + 1]int
	var all, fixable int
	for _, r := range reports {
		for _, f := range r.Findings {
			all++
			number[f.Severity]++
			if f.Fix != nil && f.Fix.Safety != finding.Display {
				fixable++
			}
		}
	}
	in := ""
	if len(reports) != 1 {
		in = " in " + plural(len(reports), "Dockerfile", "Dockerfiles")
	}
	if all == 0 {
		pg.linef("%s%s", pg.good.Render("no findings"), in)
		return
	}
	pg.paragraph(fmt.Sprintf("%s%s: %s%s", pg.bold.Render(plural(all, "finding", "findings")), in, pg.bySeverity(number), fixedBy(fixable)))
}

func (pg *page) bySeverity(number [finding.Error + 1]int) string {
	var parts []string
	for s := finding.Error; s >= finding.Info; s-- {
		if number[s] == 0 {
			continue
		}
		noun := s.String()
		if s != finding.Info && number[s] > 1 {
			noun += "s"
		}
		parts = append(parts, pg.severity(s).Render(fmt.Sprintf("%d %s", number[s], noun)))
	}
	return strings.Join(parts, ", ")
}

func fixedBy(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("; plimsoll fix mends %d, plimsoll prove shows that it is sound", n)
}
