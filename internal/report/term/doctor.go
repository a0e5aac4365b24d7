package term

import "github.com/plimsoll/plimsoll/internal/report"

// Checkup prints what a machine has and lacks.
func (p *Printer) Checkup(c *report.Checkup) error {
	pg := p.page(nil)
	styles := map[report.CheckStatus]string{
		report.Ready: pg.style(pg.good, "ready"), report.Missing: pg.style(pg.bad, "missing"), report.NotSet: pg.style(pg.dim, "not set"),
	}
	for _, check := range c.Checks {
		pg.linef("%s  %s", pg.style(pg.bold, pad(check.Subject, len("engine embedded"))), styles[check.Status])
		const indent = 2
		for _, line := range wrap(clean(check.Detail), pg.width-indent) {
			pg.linef("%*s%s", indent, "", line)
		}
	}
	pg.linef("")
	if c.Engine == "" {
		pg.paragraph("prove has no engine to build on: one that is missing has to be made ready. check, fix, replay and inspect need none.")
	} else {
		pg.paragraph("prove takes the " + c.Engine + " engine, unless --engine or --builder says otherwise.")
	}
	return p.flush(pg)
}
