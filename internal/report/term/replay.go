package term

import (
	"fmt"
	"strings"

	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/report"
)

// Replay writes what the build cache would have done: for each version a row for each
// step, with a column for each of the latest commits, and the totals.
func (p *Printer) Replay(r *report.Report) error {
	pg := p.page(r)
	rp := r.Replay
	pg.linef("%s over %s, %s", pg.style(pg.bold, pg.text(r.Path)), plural(len(rp.Commits), "commit", "commits"), between(rp.Commits))
	pg.linef("")
	pg.replayed("before", rp.Before)
	if rp.After != nil {
		pg.replayed("after", *rp.After)
	}
	pg.linef("  %s", pg.dim.Render("█ missed   ▒ a step that it builds on missed   ? may be a hit   · cached   (the oldest commit first)"))
	pg.linef("")
	pg.expected(rp)
	for _, n := range r.Notes {
		pg.labelled("note", n)
	}
	return p.flush(pg)
}

func between(commits []report.ReplayCommit) string {
	if len(commits) == 0 {
		return ""
	}
	first, last := commits[0], commits[len(commits)-1]
	return fmt.Sprintf("%.7s (%s) to %.7s (%s)", first.ID, first.Time.UTC().Format("2006-01-02"), last.ID, last.Time.UTC().Format("2006-01-02"))
}

// Widths of a row's parts. What is left of the page is the strip's.
const (
	instructionWidth = 30
	figuresWidth     = 24
	shortestStrip    = 10
	longestStrip     = 60
)

func (pg *page) replayed(name string, v report.ReplayVersion) {
	strip := longestStrip
	if pg.width > 0 {
		strip = min(max(pg.width-instructionWidth-figuresWidth-8, shortestStrip), longestStrip)
	}
	if len(v.Steps) > 0 {
		strip = min(strip, max(len(v.Steps[0].Outcomes), 1))
	}
	pg.linef("  %s %s  %6s %8s %6s", pg.style(pg.bold, pad(name, instructionWidth+5)), pad("", strip), "hits", "takes", "share")
	stage := ""
	for _, s := range v.Steps {
		if s.Stage != stage {
			stage = s.Stage
			pg.linef("  %s", pg.dim.Render(pg.text(stage)))
		}
		pg.replayedStep(s, strip)
	}
	pg.linef("")
}

func (pg *page) replayedStep(s report.ReplayStep, strip int) {
	hits := "–"
	if s.Hits+s.Misses > 0 {
		hits = fmt.Sprintf("%.0f%%", 100*s.HitRate())
	}
	takes := seconds(s.Seconds)
	if s.Basis == finding.Estimated {
		takes += " ‡"
	}
	pg.linef("  %4d %s %s  %6s %8s %6s", s.Line, pad(cut(pg.text(s.Text), instructionWidth), instructionWidth), pg.strip(s.Outcomes, strip), hits, takes, fmt.Sprintf("%.0f%%", 100*s.Share))
	if why := because(s); why != "" {
		for _, l := range wrap(pg.text(why), max(pg.width-8, 0)) {
			pg.linef("       %s", pg.dim.Render(l))
		}
	}
}

// because says why a step missed.
func because(s report.ReplayStep) string {
	var parts []string
	own := s.Misses - s.Above
	if own > 0 && len(s.Causes) > 0 {
		var names []string
		for _, c := range s.Causes[:min(len(s.Causes), 3)] {
			names = append(names, fmt.Sprintf("%s %d×", c.Path, c.Builds))
		}
		parts = append(parts, fmt.Sprintf("missed in %s of its own: %s", plural(own, "build", "builds"), strings.Join(names, ", ")))
	}
	if s.Doubt != "" {
		parts = append(parts, s.Doubt)
	}
	return strings.Join(parts, "; ")
}

// strip has a column for each of the latest commits.
func (pg *page) strip(outcomes []string, width int) string {
	var b strings.Builder
	for _, o := range outcomes[max(len(outcomes)-width, 0):] {
		switch o {
		case "hit":
			b.WriteString(pg.style(pg.good, "·"))
		case "miss":
			b.WriteString(pg.style(pg.bad, "█"))
		case "below":
			b.WriteString(pg.style(pg.warn, "▒"))
		default:
			b.WriteString(pg.style(pg.note, "?"))
		}
	}
	return b.String()
}

// expected writes what a build costs at a commit, before and after.
func (pg *page) expected(r *report.Replay) {
	mark := func(v report.ReplayVersion) string {
		if v.Basis == finding.Estimated {
			return " ‡"
		}
		return " †"
	}
	text := fmt.Sprintf("expected rebuild at a commit: %s%s", seconds(r.Before.Expected), mark(r.Before))
	legend := mark(r.Before)
	if a := r.After; a != nil {
		text += fmt.Sprintf(" → %s%s", seconds(a.Expected), mark(*a))
		if gain, better := change(r.Before.Expected, a.Expected); gain != "" {
			look := pg.good
			if better < 0 {
				look = pg.bad
			}
			text += " (" + pg.style(look, gain) + ")"
		}
		legend += mark(*a)
	}
	pg.linef("  %s", text)
	pg.legend(legend)
	pg.linef("")
}

func change(before, after float64) (string, int) {
	if before <= 0 || before == after {
		return "", 0
	}
	better := 1
	if after > before {
		better = -1
	}
	return signed(100*(after-before)/before, func(v float64) string { return fmt.Sprintf("%.0f%%", v) }), better
}
