package term

import (
	"context"
	"io"
	"path"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/plimsoll/plimsoll/internal/inspect"
)

// Layers are what is browsed, as far as it is known: inspect.Watch.
type Layers interface {
	Layers() (layers []inspect.WatchedLayer, ordered bool)
	Revision() int
	Tree(layer int, alone bool) *inspect.Item
}

// BrowserOptions say where an image is browsed.
type BrowserOptions struct {
	In    io.Reader // a terminal
	Out   io.Writer // a terminal
	Env   []string
	Title string // the image
	Color bool
}

// Browse shows an image's layers in the terminal, beside the tree that they make, until
// the user leaves. The image is inspected meanwhile; whoever leaves earlier ends that. It
// returns what the inspection did.
func Browse(ctx context.Context, options BrowserOptions, layers Layers, look func(context.Context) (*inspect.Report, error)) (*inspect.Report, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	b := newBrowser(options.Title, layers, newStyles(options.Color))
	program := tea.NewProgram(b, tea.WithContext(ctx), tea.WithInput(options.In), tea.WithOutput(options.Out), tea.WithEnvironment(options.Env))
	result := make(chan inspected, 1)
	go func() {
		r, err := look(ctx)
		result <- inspected{r, err}
		program.Send(inspected{r, err})
	}()
	_, err := program.Run()
	if b.done {
		return b.report, b.err
	}
	cancel()
	if err != nil {
		return nil, err
	}
	<-result
	return nil, nil // the user has seen enough
}

// inspected tells that the inspection is over.
type inspected struct {
	report *inspect.Report
	err    error
}

// pane is one half of the screen.
type pane int

const (
	layersPane pane = iota
	treePane
)

// browser is what the screen shows.
type browser struct {
	styles
	title         string
	source        Layers
	width, height int
	focus         pane
	attributes    bool

	layers   []inspect.WatchedLayer
	ordered  bool
	layer    int
	alone    bool // the layer's own entries, and not the tree that it makes with those below
	revision int  // of what is shown

	root   *inspect.Item
	open   map[string]bool // folders by their path
	hidden map[inspect.ItemChange]bool
	rows   []row
	cursor int // row
	top    int // first row on the screen

	filter    string
	filtering bool // keys go to the filter

	report *inspect.Report
	err    error
	done   bool
	wasted int    // item of the report that was jumped to, -1 before the first
	target string // path to move to when its tree is there
}

// row is a line of the tree.
type row struct {
	item  *inspect.Item
	path  string
	depth int
}

func newBrowser(title string, source Layers, look styles) *browser {
	return &browser{
		styles: look, title: oneLine(title), source: source, width: 80, height: 24, revision: -1, wasted: -1,
		open: map[string]bool{}, hidden: map[inspect.ItemChange]bool{},
	}
}

// refreshEvery is how often the screen follows layers that are being read.
const refreshEvery = 150 * time.Millisecond

// tick asks for a look at the layers.
type tick struct{}

// grown is a tree as it was at a revision.
type grown struct {
	layer    int
	alone    bool
	revision int
	root     *inspect.Item
	next     time.Duration // when to look again
}

func (b *browser) Init() tea.Cmd { return b.load() }

// load makes the tree of the chosen layer, apart from the screen, for it may take a moment.
func (b *browser) load() tea.Cmd {
	layer, alone, source := b.layer, b.alone, b.source
	return func() tea.Msg {
		begin := time.Now()
		g := grown{layer: layer, alone: alone, revision: source.Revision()}
		g.root = source.Tree(layer, alone)
		g.next = max(refreshEvery, 4*time.Since(begin))
		return g
	}
}

// show takes a tree that was made, if it is still the one that is wanted.
func (b *browser) show(g grown) {
	if g.layer != b.layer || g.alone != b.alone {
		return
	}
	at := b.at()
	b.root, b.revision = g.root, g.revision
	if b.target != "" {
		at = b.target
	}
	b.arrange()
	b.moveTo(at)
	b.target = ""
}

// at is the path under the cursor.
func (b *browser) at() string {
	if b.cursor < len(b.rows) {
		return b.rows[b.cursor].path
	}
	return ""
}

// moveTo puts the cursor on a path, or the nearest folder above it that is shown.
func (b *browser) moveTo(name string) {
	for ; name != "" && name != "."; name = path.Dir(name) {
		for i, r := range b.rows {
			if r.path == name {
				b.cursor = i
				return
			}
		}
	}
	b.cursor = min(b.cursor, max(0, len(b.rows)-1))
}

// reveal opens all folders above a path.
func (b *browser) reveal(name string) {
	for dir := path.Dir(name); dir != "." && dir != "/"; dir = path.Dir(dir) {
		b.open[dir] = true
	}
}

// maxRows bounds what a filter may show.
const maxRows = 100_000

// arrange makes the rows of the tree.
func (b *browser) arrange() {
	b.rows = b.rows[:0]
	if b.root != nil {
		b.list(b.root, "", 0, strings.ToLower(b.filter))
	}
	b.cursor = min(b.cursor, max(0, len(b.rows)-1))
}

// list adds what is below a folder, and tells whether it is anything.
func (b *browser) list(folder *inspect.Item, prefix string, depth int, filter string) (any bool) {
	for _, item := range folder.Items {
		if b.hidden[item.Change] || len(b.rows) >= maxRows {
			continue
		}
		name := prefix + item.Name
		matches := filter == "" || strings.Contains(strings.ToLower(name), filter)
		at := len(b.rows)
		b.rows = append(b.rows, row{item, name, depth})
		below := false
		switch {
		case item.Folder && filter != "" && !matches:
			below = b.list(item, name+"/", depth+1, filter)
		case item.Folder && b.open[name]:
			b.list(item, name+"/", depth+1, "")
		}
		if !matches && !below {
			b.rows = b.rows[:at]
			continue
		}
		any = true
	}
	return any
}
