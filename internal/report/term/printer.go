// Package term renders reports for people: findings with excerpts, diffs,
// tables, failures, and the progress of a run.
//
// Whatever comes from a project, a build or a container is untrusted text: it
// is printed without control characters and escape sequences, and without the
// report's secrets.
package term

import (
	"fmt"
	"io"
	"path"
	"path/filepath"
	"strings"

	"github.com/plimsoll/plimsoll/internal/report"
)

// Options say what the output can show.
type Options struct {
	// Color allows escape sequences for colours and weights.
	Color bool
	// Width is how many columns there are; 0 means any number, so that lines
	// are not wrapped.
	Width int
	// Verbose adds the phases' times to what is printed.
	Verbose bool
}

// Printer writes renderings. Each method writes once, when the text is complete.
type Printer struct {
	w       io.Writer
	options Options
	styles  styles
}

// New returns a printer to w.
func New(w io.Writer, options Options) *Printer {
	return &Printer{w: w, options: options, styles: newStyles(options.Color)}
}

// page is one rendering in the making.
type page struct {
	strings.Builder
	styles
	width int
	text  func(string) string // makes untrusted text printable
}

func (p *Printer) page(r *report.Report) *page {
	pg := &page{styles: p.styles, width: p.options.Width, text: clean}
	if r != nil {
		mask := r.Masker()
		// Cleaning first: an escape sequence inside a secret must not hide it from the mask.
		pg.text = func(s string) string { return mask(clean(s)) }
	}
	return pg
}

func (p *Printer) flush(pg *page) error {
	if _, err := io.WriteString(p.w, pg.String()); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

func (pg *page) linef(format string, args ...any) {
	fmt.Fprintf(pg, format, args...)
	pg.WriteByte('\n')
}

// paragraph writes text of our own over as many lines as it needs.
func (pg *page) paragraph(text string) {
	for _, line := range wrap(text, pg.width) {
		pg.linef("%s", line)
	}
}

// labelled writes a label and a text that hangs beside it over as many lines as it needs.
func (pg *page) labelled(label, text string) {
	const column = 13
	head := "  " + pg.dim.Render(pad(label, column-2))
	for _, line := range wrap(pg.text(text), pg.width-column) {
		pg.linef("%s%s", head, line)
		head = strings.Repeat(" ", column)
	}
}

// place is a path relative to the project's root as the user would name it.
func place(r *report.Report, file string) string {
	if r.Root == "" || filepath.IsAbs(file) {
		return clean(file)
	}
	return clean(path.Join(filepath.ToSlash(r.Root), file))
}
