package term

import (
	"fmt"

	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/report"
)

// Offer writes one edit that may be applied: what is wrong, what the edit does, why it
// wants a proof, and its diff. The report holds its finding, and a plan of it alone.
func (p *Printer) Offer(r *report.Report, number int) error {
	pg := p.page(r)
	for _, a := range r.Plan.Applied {
		kind := "safe"
		if a.Safety != finding.Safe {
			kind = "wants a proof"
		}
		pg.linef("%s %s (%s)", pg.bold.Render(fmt.Sprintf("%d. %s", number, a.Rule)), oneLine(pg.text(a.Title)), kind)
		for _, f := range r.Findings {
			pg.paragraph("  " + oneLine(pg.text(f.Message)))
		}
		if a.Why != "" {
			pg.labelled("why", a.Why)
		}
	}
	pg.diff(r)
	return p.flush(pg)
}
