package term

import (
	"time"
	"unicode"

	tea "charm.land/bubbletea/v2"
	"github.com/plimsoll/plimsoll/internal/inspect"
)

// Update takes a key or news of the image.
func (b *browser) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		b.width, b.height = msg.Width, msg.Height
	case inspected:
		b.report, b.err, b.done = msg.report, msg.err, true
		return b, b.load()
	case grown:
		b.layers, b.ordered = b.source.Layers()
		b.show(msg)
		if b.done {
			return b, nil
		}
		return b, tea.Tick(msg.next, func(time.Time) tea.Msg { return tick{} })
	case tick:
		b.layers, b.ordered = b.source.Layers()
		if b.source.Revision() == b.revision && !b.done {
			return b, tea.Tick(refreshEvery, func(time.Time) tea.Msg { return tick{} })
		}
		return b, b.load()
	case tea.KeyPressMsg:
		return b, b.key(msg.String(), msg.Text)
	}
	return b, nil
}

// key does what a key stands for. The keys are dive's, and those of other pagers beside them.
func (b *browser) key(key, text string) tea.Cmd {
	if key == "ctrl+c" {
		return tea.Quit
	}
	if b.filtering {
		b.filterKey(key, text)
		return nil
	}
	switch key {
	case "q":
		return tea.Quit
	case "tab", "shift+tab":
		b.focus = treePane - b.focus
	case "/", "ctrl+f":
		b.focus, b.filtering = treePane, true
	case "esc":
		b.refilter("")
	case "w", "W":
		return b.nextWaste(map[string]int{"w": 1, "W": -1}[key])
	case "ctrl+l":
		return b.view(b.layer, true)
	default:
		if b.focus == layersPane {
			return b.layerKey(key)
		}
		b.treeKey(key)
	}
	return nil
}

func (b *browser) layerKey(key string) tea.Cmd {
	switch key {
	case "ctrl+a":
		return b.view(b.layer, false)
	case "enter", "right", "l":
		b.focus = treePane
		return nil
	}
	return b.view(moved(key, b.layer, len(b.layers), b.height), b.alone)
}

// view chooses what tree is shown.
func (b *browser) view(layer int, alone bool) tea.Cmd {
	if layer == b.layer && alone == b.alone {
		return nil
	}
	b.layer, b.alone = layer, alone
	return b.load()
}

func (b *browser) treeKey(key string) {
	switch key {
	case "space", "enter":
		b.toggle()
	case "ctrl+space", "ctrl+@":
		b.toggleAll()
	case "right", "l":
		b.setOpen(true)
	case "left", "h":
		b.closeFolder()
	case "ctrl+a":
		b.hide(inspect.Added)
	case "ctrl+r":
		b.hide(inspect.Removed)
	case "ctrl+m", "M": // most terminals send the same for ctrl+m as for enter
		b.hide(inspect.Changed)
	case "ctrl+u":
		b.hide(inspect.Unchanged)
	case "ctrl+b":
		b.attributes = !b.attributes
	default:
		b.cursor = moved(key, b.cursor, len(b.rows), b.height)
	}
}

// moved is the new place in a list of n after a key.
func moved(key string, at, n, page int) int {
	switch key {
	case "up", "k":
		at--
	case "down", "j":
		at++
	case "pgup", "u":
		at -= page
	case "pgdown", "d":
		at += page
	case "home", "g":
		at = 0
	case "end", "G":
		at = n - 1
	}
	return max(0, min(at, n-1))
}

func (b *browser) current() (row, bool) {
	if b.cursor >= len(b.rows) {
		return row{}, false
	}
	return b.rows[b.cursor], true
}

func (b *browser) toggle() {
	if r, ok := b.current(); ok {
		b.setOpen(!b.open[r.path])
	}
}

func (b *browser) setOpen(open bool) {
	if r, ok := b.current(); ok && r.item.Folder {
		b.open[r.path] = open
		b.arrange()
	}
}

// closeFolder closes the folder under the cursor, or goes to the one that holds it.
func (b *browser) closeFolder() {
	r, ok := b.current()
	if !ok {
		return
	}
	if r.item.Folder && b.open[r.path] {
		b.setOpen(false)
		return
	}
	for i := b.cursor; i >= 0; i-- {
		if b.rows[i].depth < r.depth {
			b.cursor = i
			return
		}
	}
}

// toggleAll opens all folders, or closes them if any is open.
func (b *browser) toggleAll() {
	at := b.at()
	if len(b.open) > 0 {
		clear(b.open)
	} else if b.root != nil {
		b.openBelow(b.root, "")
	}
	b.arrange()
	b.moveTo(at)
}

func (b *browser) openBelow(folder *inspect.Item, prefix string) {
	for _, item := range folder.Items {
		if item.Folder && len(b.open) < maxRows {
			b.open[prefix+item.Name] = true
			b.openBelow(item, prefix+item.Name+"/")
		}
	}
}

func (b *browser) hide(change inspect.ItemChange) {
	at := b.at()
	b.hidden[change] = !b.hidden[change]
	b.arrange()
	b.moveTo(at)
}

func (b *browser) filterKey(key, text string) {
	switch key {
	case "enter", "tab":
		b.filtering = false
	case "esc":
		b.filtering = false
		b.refilter("")
	case "backspace":
		if runes := []rune(b.filter); len(runes) > 0 {
			b.refilter(string(runes[:len(runes)-1]))
		}
	case "up", "down", "pgup", "pgdown":
		b.cursor = moved(key, b.cursor, len(b.rows), b.height)
	default:
		for _, r := range text {
			if unicode.IsPrint(r) {
				b.refilter(b.filter + string(r))
			}
		}
	}
}

func (b *browser) refilter(filter string) {
	at := b.at()
	b.filter = filter
	b.arrange()
	b.moveTo(at)
}

// nextWaste goes to the next path that wastes bytes, the largest first, in the layer that made them useless.
func (b *browser) nextWaste(step int) tea.Cmd {
	if b.report == nil || len(b.report.Waste.Items) == 0 {
		return nil
	}
	n := len(b.report.Waste.Items)
	if b.wasted < 0 && step < 0 {
		b.wasted = 0 // the last one comes before the first
	}
	b.wasted = (b.wasted + step + n) % n
	item := b.report.Waste.Items[b.wasted]
	b.focus, b.target, b.filter = treePane, item.Path, ""
	clear(b.hidden)
	b.reveal(item.Path)
	if item.By == b.layer && !b.alone {
		b.arrange()
		b.moveTo(item.Path)
		b.target = ""
		return nil
	}
	return b.view(item.By, false)
}
