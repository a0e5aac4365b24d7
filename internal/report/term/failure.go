package term

import (
	"fmt"
	"strings"

	"github.com/plimsoll/plimsoll/internal/report"
)

// tail is how many lines of a failing step's output are shown.
const tail = 20

// Failure writes what went wrong, where, the last output and what to do. The
// report may be nil; its secrets are masked.
func (p *Printer) Failure(r *report.Report, f *report.Failure) error {
	pg := p.page(r)
	pg.failure(r, f)
	return p.flush(pg)
}

func (pg *page) failure(r *report.Report, f *report.Failure) {
	message := f.Message
	if f.Stage != "" {
		message = f.Stage + ": " + message
	}
	lines := wrap(pg.text(message), pg.width-7)
	pg.linef("%s %s", pg.bad.Render("error:"), lines[0])
	for _, line := range lines[1:] {
		pg.linef("       %s", line)
	}
	pg.failingLine(r, f)
	pg.output(f.Detail)
	if f.Hint != "" {
		pg.labelled("hint", f.Hint)
	}
}

func (pg *page) failingLine(r *report.Report, f *report.Failure) {
	if f.File == "" {
		return
	}
	file := clean(f.File)
	if r != nil {
		file = place(r, f.File)
	}
	if f.Line == 0 {
		pg.linef("  %s", pg.bold.Render(file))
		return
	}
	pg.linef("  %s", pg.bold.Render(fmt.Sprintf("%s:%d", file, f.Line)))
	if f.Source != "" {
		limit := longest
		if pg.width > 0 {
			limit = max(pg.width-7, 20)
		}
		text := strings.ReplaceAll(oneLine(pg.text(f.Source)), "\t", "    ")
		pg.linef("%s %s", pg.dim.Render(fmt.Sprintf("%4d |", f.Line)), cut(text, limit))
	}
}

// output writes the last lines of what a step or container printed.
func (pg *page) output(text string) {
	text = strings.TrimRight(pg.text(text), "\n\t ")
	if text == "" {
		return
	}
	lines := strings.Split(text, "\n")
	heading := "output"
	if left := len(lines) - tail; left > 0 {
		heading = fmt.Sprintf("last output, %s before it left out", plural(left, "line", "lines"))
		lines = lines[left:]
	}
	pg.linef("  %s", pg.dim.Render(heading))
	for _, line := range lines {
		pg.linef("  %s %s", pg.dim.Render("|"), strings.ReplaceAll(line, "\t", "    "))
	}
}
