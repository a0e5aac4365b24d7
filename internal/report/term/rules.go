package term

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/rule"
)

// Rules writes one line a rule, by group.
func (p *Printer) Rules(rules []*rule.Rule) error {
	pg := p.page(nil)
	sorted := slices.Clone(rules)
	slices.SortFunc(sorted, func(a, b *rule.Rule) int { return strings.Compare(a.ID, b.ID) })
	group := ""
	for _, r := range sorted {
		if g, _, _ := strings.Cut(r.ID, "/"); g != group {
			if group != "" {
				pg.linef("")
			}
			group = g
			pg.linef("%s", pg.bold.Render(g))
		}
		pg.hanging(pg.severity(r.Severity), r.Severity.String()[:1], r.ID, r.Doc.Summary)
	}
	pg.linef("\ne, w, i: error, warning, info. plimsoll explain RULE tells more.")
	return p.flush(pg)
}

// Rule writes one rule's documentation.
func (p *Printer) Rule(r *rule.Rule) error {
	pg := p.page(nil)
	pg.linef("%s  %s", pg.bold.Render(r.ID), pg.severity(r.Severity).Render(r.Severity.String()))
	pg.section("", r.Doc.Summary)
	pg.section("Raised when", r.Doc.What)
	pg.section("Why", r.Doc.Why)
	pg.example("Example", r.Doc.Before)
	pg.example("Instead", r.Doc.After)
	pg.section("Fix", fixText(r))
	pg.section("Proof", r.Doc.Proof)
	pg.section("See also", strings.Join(r.Doc.Links, "\n"))
	pg.linef("\nTo silence it above an instruction: # plimsoll ignore=%s", r.ID)
	return p.flush(pg)
}

func fixText(r *rule.Rule) string {
	safety := "shown, never applied"
	switch r.Safety {
	case finding.Safe:
		safety = "safe"
	case finding.Unsafe:
		safety = "wants a proof"
	}
	if r.Doc.Fix == "" {
		return ""
	}
	return fmt.Sprintf("%s (%s)", strings.TrimRight(r.Doc.Fix, "\n"), safety)
}

func (pg *page) section(title, text string) {
	if strings.TrimSpace(text) == "" {
		return
	}
	if title != "" {
		pg.linef("\n%s", pg.bold.Render(title))
	}
	for _, line := range wrap(text, pg.width-2) {
		pg.linef("%s", strings.TrimRight("  "+line, " "))
	}
}

func (pg *page) example(title, text string) {
	if strings.TrimSpace(text) == "" {
		return
	}
	pg.linef("\n%s", pg.bold.Render(title))
	for _, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		pg.linef("%s", strings.TrimRight("    "+line, " "))
	}
}
