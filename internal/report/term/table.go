package term

import (
	"strings"

	"charm.land/lipgloss/v2"
)

// cell is one cell of a table; its text is clean.
type cell struct {
	text  string
	right bool // aligned to the right
	look  lipgloss.Style
}

// table is a list of rows of equal length, the heading first.
type table [][]cell

// table writes a table with two blanks between columns. Cells are broken over
// lines where they are wider than a column may be, or the table wider than the page.
func (pg *page) table(t table) {
	widths := t.widths()
	shrink(widths, pg.width-2)
	for i, row := range t {
		pg.tableRow(row, widths, i == 0)
	}
}

func (t table) widths() []int {
	const most = 24 // a text in one row must not push the figures of all others apart
	widths := make([]int, len(t[0]))
	for _, row := range t {
		for i, c := range row {
			widths[i] = max(widths[i], min(lipgloss.Width(c.text), most))
		}
	}
	return widths
}

// shrink makes columns narrower until they fit, none below what a figure needs.
func shrink(widths []int, room int) {
	const least, gap = 10, 2
	if room <= 0 {
		return
	}
	for {
		total, widest := -gap, 0
		for i, w := range widths {
			total += w + gap
			if w > widths[widest] {
				widest = i
			}
		}
		if total <= room || widths[widest] <= least {
			return
		}
		widths[widest]--
	}
}

func (pg *page) tableRow(row []cell, widths []int, heading bool) {
	lines := make([][]string, len(row))
	height := 0
	for i, c := range row {
		lines[i] = wrapCell(c.text, widths[i])
		height = max(height, len(lines[i]))
	}
	for n := range height {
		var b strings.Builder
		for i, c := range row {
			b.WriteString("  ")
			b.WriteString(pg.cellLine(c, lines[i], n, widths[i], heading))
		}
		pg.linef("%s", strings.TrimRight(b.String(), " "))
	}
}

func (pg *page) cellLine(c cell, lines []string, n, width int, heading bool) string {
	text := ""
	if n < len(lines) {
		text = lines[n]
	}
	blanks := strings.Repeat(" ", max(width-lipgloss.Width(text), 0))
	switch {
	case text == "":
		return blanks
	case heading:
		text = pg.dim.Render(text)
	case pg.color:
		text = c.look.Render(text)
	}
	if c.right {
		return blanks + text
	}
	return text + blanks
}

// wrapCell breaks a cell at blanks, and where a word does not fit, inside it.
func wrapCell(text string, width int) []string {
	if lipgloss.Width(text) <= width {
		return []string{text}
	}
	return strings.Split(lipgloss.Wrap(text, width, ""), "\n")
}
