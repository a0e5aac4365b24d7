package term

import (
	"fmt"
	"io/fs"
	"strings"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
	"github.com/plimsoll/plimsoll/internal/inspect"
)

// The widths of the left half.
const (
	leastLeft, mostLeft = 24, 64
	sizeColumn          = 8
)

// View draws the screen: the layers on the left, the tree on the right, what can be done below.
func (b *browser) View() tea.View {
	left := max(leastLeft, min(mostLeft, b.width*2/5))
	right := max(10, b.width-left-3)
	height := max(3, b.height-1)
	layers, tree := b.layerLines(left, height), b.treeLines(right, height)
	var screen strings.Builder
	for i := range height {
		screen.WriteString(pad(lineAt(layers, i, left), left))
		screen.WriteString(b.style(b.dim, " │ "))
		screen.WriteString(lineAt(tree, i, right))
		screen.WriteByte('\n')
	}
	screen.WriteString(cut(b.statusLine(), b.width))
	view := tea.NewView(screen.String())
	view.AltScreen = true
	view.WindowTitle = "plimsoll inspect " + b.title
	return view
}

func lineAt(lines []string, i, width int) string {
	if i >= len(lines) {
		return ""
	}
	return cut(lines[i], width)
}

func (b *browser) heading(text string, focused bool) string {
	if focused {
		return b.style(b.bold, "● "+text)
	}
	return b.style(b.dim, "  "+text)
}

// layerLines are the list of layers, and below it what is known of the chosen one and of the image.
func (b *browser) layerLines(width, height int) []string {
	lines := []string{b.heading("Layers", b.focus == layersPane)}
	details := b.details(width)
	room := max(1, height-len(lines)-len(details)-1)
	first := max(0, min(b.layer-room/2, len(b.layers)-room))
	for i := first; i < min(len(b.layers), first+room); i++ {
		lines = append(lines, b.layerLine(i, width))
	}
	for len(lines) < height-len(details) {
		lines = append(lines, "")
	}
	return append(lines, details...)
}

func (b *browser) layerLine(i, width int) string {
	l := b.layers[i]
	state := " "
	if !l.Done {
		state = "…" // still being read
	}
	line := fmt.Sprintf("%3d %s%s  %s", i+1, padLeft(size(float64(l.Bytes)), sizeColumn), state, instruction(l.Instruction))
	return b.selected(cut(line, width), width, i == b.layer, b.focus == layersPane)
}

// selected marks the line of a list that is chosen.
func (b *browser) selected(line string, width int, chosen, focused bool) string {
	switch {
	case !chosen:
		return line
	case b.color && focused:
		return lipgloss.NewStyle().Reverse(true).Inline(true).Render(pad(line, width))
	case focused:
		return cut("> "+line, width)
	}
	return b.style(b.bold, line)
}

func (b *browser) details(width int) []string {
	lines := []string{""}
	if b.layer < len(b.layers) {
		l := b.layers[b.layer]
		for _, line := range firstLines(wrap(instruction(l.Instruction), width), 4) {
			lines = append(lines, b.style(b.note, line))
		}
		lines = append(lines, fmt.Sprintf("%s in %s entries", size(float64(l.Bytes)), count(float64(l.Entries))))
	}
	lines = append(lines, "", b.style(b.bold, b.title))
	switch r := b.report; {
	case b.err != nil:
		for _, line := range firstLines(wrap(oneLine(b.err.Error()), width), 6) {
			lines = append(lines, b.style(b.bad, line))
		}
	case r == nil:
		lines = append(lines, b.style(b.warn, b.reading()))
	default:
		lines = append(lines,
			fmt.Sprintf("%s in the layers, %s in the tree", size(float64(r.LayerBytes)), size(float64(r.FlatBytes))),
			fmt.Sprintf("%s reclaimable, %d wasteful paths", size(float64(r.ReclaimableBytes())), len(r.Waste.Items)))
		if n := len(r.Secrets); n > 0 {
			lines = append(lines, b.style(b.bad, fmt.Sprintf("%d credentials", n)))
		}
	}
	return lines
}

func (b *browser) reading() string {
	done, bytes := 0, int64(0)
	for _, l := range b.layers {
		bytes += l.Bytes
		if l.Done {
			done++
		}
	}
	if !b.ordered {
		return fmt.Sprintf("reading: %s so far", size(float64(bytes)))
	}
	return fmt.Sprintf("reading: %d of %d layers, %s so far", done, len(b.layers), size(float64(bytes)))
}

func firstLines(lines []string, n int) []string { return lines[:min(n, len(lines))] }

func (b *browser) treeLines(width, height int) []string {
	title := "Files, with what this layer changed"
	if b.alone {
		title = "Files of this layer alone"
	}
	lines := []string{b.heading(title, b.focus == treePane)}
	room := max(1, height-1)
	b.top = max(min(b.top, b.cursor), b.cursor-room+1)
	b.top = max(0, min(b.top, len(b.rows)-1))
	for i := b.top; i < min(len(b.rows), b.top+room); i++ {
		lines = append(lines, b.treeLine(i, width))
	}
	if len(b.rows) == 0 {
		lines = append(lines, b.style(b.dim, "  nothing to show"))
	}
	return lines
}

func (b *browser) treeLine(i, width int) string {
	r := b.rows[i]
	line := padLeft(size(float64(r.item.Size)), sizeColumn) + " "
	if b.attributes {
		line += mode(r.item) + " "
	}
	mark := "  "
	if r.item.Folder {
		mark = map[bool]string{true: "▾ ", false: "▸ "}[b.open[r.path]]
	}
	line += strings.Repeat("  ", min(r.depth, 40)) + changeSign(r.item.Change) + mark + oneLine(r.item.Name)
	if r.item.Link != "" {
		line += " → " + oneLine(r.item.Link)
	}
	if r.item.SameAs != "" {
		line += " = " + oneLine(r.item.SameAs)
	}
	line = cut(line, width)
	if i == b.cursor {
		return b.selected(line, width, true, b.focus == treePane)
	}
	switch r.item.Change {
	case inspect.Added:
		return b.style(b.good, line)
	case inspect.Changed:
		return b.style(b.warn, line)
	case inspect.Removed:
		return b.style(b.bad, line)
	}
	return line
}

// changeSign tells changes apart where there are no colours.
func changeSign(c inspect.ItemChange) string {
	return map[inspect.ItemChange]string{inspect.Unchanged: " ", inspect.Added: "+", inspect.Changed: "~", inspect.Removed: "-"}[c]
}

func mode(item *inspect.Item) string {
	m := fs.FileMode(item.Mode & 0o777)
	if item.Mode&0o4000 != 0 {
		m |= fs.ModeSetuid
	}
	if item.Mode&0o2000 != 0 {
		m |= fs.ModeSetgid
	}
	if item.Mode&0o1000 != 0 {
		m |= fs.ModeSticky
	}
	switch {
	case item.Folder:
		m |= fs.ModeDir
	case item.Link != "":
		m |= fs.ModeSymlink
	}
	return pad(m.String(), 11)
}

func (b *browser) statusLine() string {
	if b.filtering {
		return "find: " + oneLine(b.filter) + "▏  enter keeps it, esc ends it"
	}
	keys := "tab other half  space open  / find  w next waste  ^L layer  ^A ^R ^M ^U hide  ^B modes  q quit"
	if b.focus == layersPane {
		keys = "tab other half  ↑↓ layer  ^L layer alone  ^A with those below  / find  w next waste  q quit"
	}
	if b.filter != "" {
		keys = "find: " + oneLine(b.filter) + " (esc ends it)  " + keys
	}
	return b.style(b.dim, keys)
}
