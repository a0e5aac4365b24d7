package term

import (
	"fmt"
	"strings"

	"charm.land/lipgloss/v2"
	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/report"
)

// longest is how many columns of a source line are shown where the width is not known.
const longest = 160

// excerpt writes the first line that a finding covers, with a marker under the
// covered part. It writes nothing when the source is not known.
func (pg *page) excerpt(r *report.Report, f finding.Finding) {
	source, ok := r.Sources[f.File]
	start, end := f.Span.Start, f.Span.End
	if !ok || f.Position.Line == 0 || start < 0 || start > end || end > len(source) {
		return
	}
	lineStart := strings.LastIndexByte(source[:start], '\n') + 1
	lineEnd := len(source)
	if i := strings.IndexByte(source[start:], '\n'); i >= 0 {
		lineEnd = start + i
	}
	more := strings.Count(strings.TrimRight(source[start:end], "\n"), "\n")
	before, covered, after := source[lineStart:start], source[start:min(end, lineEnd)], source[min(end, lineEnd):lineEnd]

	number := fmt.Sprintf("%4d", f.Position.Line)
	gutter := strings.Repeat(" ", len(number))
	text, marker := pg.marked(before, covered, after)
	if more > 0 && marker != "" {
		marker += fmt.Sprintf(" to line %d", f.Position.Line+more)
	}
	pg.linef("%s", pg.dim.Render(gutter+" |"))
	pg.linef("%s %s", pg.dim.Render(number+" |"), text)
	if marker != "" {
		pg.linef("%s %s", pg.dim.Render(gutter+" |"), pg.severity(f.Severity).Render(marker))
	}
}

// marked returns a source line made of three parts as it is shown, and the
// marker line for the middle part; no marker if a secret reaches over its ends.
func (pg *page) marked(before, covered, after string) (text, marker string) {
	show := func(s string) string { return strings.ReplaceAll(pg.text(s), "\t", "    ") }
	whole := show(before + covered + after)
	limit := longest
	if pg.width > 0 {
		limit = max(pg.width-7, 20)
	}
	before, covered, after = show(before), show(covered), show(after)
	if before+covered+after != whole {
		return cut(whole, limit), ""
	}
	if over := lipgloss.Width(before) - limit/2; over > 0 {
		before = "…" + string([]rune(before)[min(over, len([]rune(before))):])
	}
	text = cut(before+covered+after, limit)
	from := lipgloss.Width(before)
	length := max(min(lipgloss.Width(covered), limit-from), 1)
	return text, strings.Repeat(" ", from) + strings.Repeat("^", length)
}
