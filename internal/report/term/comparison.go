package term

import (
	"fmt"
	"math"
	"strings"

	"github.com/plimsoll/plimsoll/internal/engine"
	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/measure"
	"github.com/plimsoll/plimsoll/internal/report"
)

// metric is one row of the table.
type metric struct {
	name  measure.Metric
	label string
}

// rows returns the rows in their order: what ships, what building costs, how it runs, what is exposed.
func rows() []metric {
	return []metric{
		{measure.ImageBytes, "image, uncompressed"},
		{measure.TransferBytes, "transfer, compressed"},
		{measure.Layers, "layers"},
		{measure.Waste, "waste in the layers"},
		{measure.ColdBuild, "build, nothing cached"},
		{measure.Rebuild, "rebuild after a change"},
		{measure.Expected, "rebuild at a commit"},
		{measure.Push, "push"},
		{measure.Pull, "pull"},
		{measure.Push100Mbit, "push at 100 Mbit/s"},
		{measure.Pull100Mbit, "pull at 100 Mbit/s"},
		{measure.Start, "start to first answer"},
		{measure.Memory, "memory, peak"},
		{measure.Stop, "stop after SIGTERM"},
		{measure.User, "user"},
		{measure.Health, "health"},
		{measure.Secrets, "baked-in secrets"},
		{measure.Credentials, "credentials found"},
	}
}

// Comparison writes the table of before and after, the requests, the verdict
// with what was applied and what was not, and how the figures came about.
func (p *Printer) Comparison(r *report.Report) error {
	pg := p.page(r)
	if len(r.Before)+len(r.After) > 0 {
		pg.measurements(r)
	}
	pg.requests(r.Requests)
	pg.portless(r.Output)
	pg.observed(r.Observed)
	pg.verdict(r)
	pg.origin(r, p.options.Verbose)
	return p.flush(pg)
}

func (pg *page) measurements(r *report.Report) {
	t := table{{{text: ""}, {text: "before", right: true}, {text: "after", right: true}, {text: "gain", right: true}, {text: "samples", right: true}}}
	var notes [][2]string
	var marks string
	for _, row := range rows() {
		before, hadBefore := r.Before[row.name]
		after, hasAfter := r.After[row.name]
		if !hadBefore && !hasAfter {
			continue
		}
		t = append(t, pg.row(row, before, after))
		marks += mark(before) + mark(after)
		notes = append(notes, howMeasured(row.label, before.Note, after.Note)...)
	}
	pg.table(t)
	pg.legend(marks)
	for _, note := range notes {
		for i, line := range wrap(pg.text(note[0]+": "+note[1]), pg.width-4) {
			pg.linef("%s%s", strings.Repeat(" ", 2+2*min(i, 1)), pg.dim.Render(line))
		}
	}
	pg.linef("")
}

// howMeasured says how a row's figures came about, once where both sides say the same.
func howMeasured(label, before, after string) (notes [][2]string) {
	if before == after && before != "" {
		return [][2]string{{label, before}}
	}
	if before != "" {
		notes = append(notes, [2]string{label + ", before", before})
	}
	if after != "" {
		notes = append(notes, [2]string{label + ", after", after})
	}
	return notes
}

func (pg *page) row(row metric, before, after measure.Measurement) []cell {
	gain, better := gain(before, after)
	g := cell{text: gain, right: true}
	switch {
	case better > 0:
		g.look = pg.good
	case better < 0:
		g.look = pg.bad
	}
	return []cell{
		{text: row.label},
		{text: pg.figure(before), right: true},
		{text: pg.figure(after), right: true, look: pg.bold},
		g,
		{text: samples(before, after), right: true, look: pg.dim},
	}
}

// figure is a measurement as it stands in the table; – when there is none.
func (pg *page) figure(m measure.Measurement) string {
	switch {
	case m.Text != "":
		return strings.Join(strings.Fields(pg.text(m.Text)), " ") + mark(m)
	case len(m.Samples) == 0:
		return "–"
	case m.Value() == 0 && m.Unit == "places":
		return "none"
	case m.Unit == "layers":
		return count(m.Value()) + mark(m)
	}
	return amount(m.Value(), m.Unit) + mark(m)
}

// mark tells figures that were not measured apart from those that were.
func mark(m measure.Measurement) string {
	switch m.Basis {
	case finding.Derived:
		return " †"
	case finding.Estimated:
		return " ‡"
	}
	return ""
}

func (pg *page) legend(marks string) {
	var parts []string
	if strings.Contains(marks, "†") {
		parts = append(parts, "† derived from other figures")
	}
	if strings.Contains(marks, "‡") {
		parts = append(parts, "‡ estimated, not measured")
	}
	if len(parts) > 0 {
		pg.linef("  %s", pg.dim.Render(strings.Join(parts, "   ")))
	}
}

// gain compares two figures, of which the smaller is the better; better is
// positive if after is it, negative if before is, 0 if neither or not comparable.
func gain(before, after measure.Measurement) (text string, better int) {
	if len(before.Samples) == 0 || len(after.Samples) == 0 {
		return "", 0
	}
	b, a := before.Value(), after.Value()
	switch {
	case a < b:
		better = 1
	case a > b:
		better = -1
	default:
		return "same", 0
	}
	switch {
	case before.Unit == "seconds" && a > 0 && b > 0:
		return ratio(b, a)
	case b <= 0 || before.Unit == "layers" || before.Unit == "places":
		return signed(a-b, count), better
	}
	return signed(100*(a-b)/b, func(v float64) string { return fmt.Sprintf("%.1f%%", v) }), better
}

// ratio says how many times faster or slower; a difference that does not show
// in the first decimal is none.
func ratio(before, after float64) (string, int) {
	times, word, better := before/after, "faster", 1
	if after > before {
		times, word, better = after/before, "slower", -1
	}
	if times < 1.05 {
		return "same", 0
	}
	if times >= 99.95 {
		return count(times) + "× " + word, better
	}
	return fmt.Sprintf("%.1f× %s", times, word), better
}

func signed(value float64, format func(float64) string) string {
	if value < 0 {
		return "−" + format(math.Abs(value))
	}
	return "+" + format(value)
}

func samples(before, after measure.Measurement) string {
	b, a := len(before.Samples), len(after.Samples)
	switch {
	case b == 0 && a == 0:
		return ""
	case b == a:
		return fmt.Sprint(b)
	}
	return fmt.Sprintf("%d, %d", b, a)
}

// origin says what the figures were taken with.
func (pg *page) origin(r *report.Report, verbose bool) {
	if r.Engine.Name != "" {
		pg.labelled("engine", engineText(r.Engine))
	}
	for _, b := range r.Bases {
		text := b.Reference + ": " + b.Used
		if b.Note != "" {
			text += " (" + b.Note + ")"
		}
		pg.labelled("base", text)
	}
	for _, d := range r.Delivered {
		pg.labelled("put out", deliveryText(d))
	}
	if verbose {
		for _, t := range r.Timings {
			pg.labelled("time", fmt.Sprintf("%s %s", seconds(t.Seconds), t.Phase))
		}
	}
}

// deliveryText says where the image was put, and with what.
func deliveryText(d report.Delivery) string {
	text := map[string]string{"layout": "OCI layout ", "archive": "OCI archive ", "push": "pushed to ", "load": "loaded as "}[d.Kind] + d.Place
	if d.Digest != "" {
		text += ", " + d.Digest
	}
	if len(d.Attestations) > 0 {
		text += ", with " + strings.Join(d.Attestations, " and ")
	}
	return text
}

// engineText says what served, and why.
func engineText(e engine.Info) string {
	text := e.Name
	if e.Daemon != "" {
		text += ", " + e.Daemon
	}
	if e.Version != "" {
		text += ", BuildKit " + e.Version
	}
	text += ", " + e.Platform
	if e.Chosen != "" {
		text += " (" + e.Chosen + ")"
	}
	return text
}
