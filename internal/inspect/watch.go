package inspect

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"github.com/plimsoll/plimsoll/internal/image"
)

// Watch shows the layers of an image while they are read. The zero value is
// ready, and belongs in Options. Its methods may be called at any time, by any goroutine.
type Watch struct {
	mu       sync.Mutex
	layers   []*watched
	ordered  bool
	revision int
	blind    bool // keeps nothing: no one looks
}

// watched is a layer as far as it was read.
type watched struct {
	info    image.Layer
	entries entries
	bytes   int64
	started bool
	done    bool
}

// WatchedLayer is what is known of a layer so far.
type WatchedLayer struct {
	Instruction string // credentials in it are masked; "" where it is not known yet
	DiffID      string
	Bytes       int64 // of its files
	Entries     int
	Done        bool
}

// ItemChange is what the last of some layers did to a name.
type ItemChange int

// The changes.
const (
	Unchanged ItemChange = iota
	Added
	Changed // for a folder: something below it
	Removed
)

// Item is a name in the tree of an image.
type Item struct {
	Name   string
	Size   int64 // of a file, or of all that a folder holds
	Mode   uint32
	Link   string // where a symbolic link points
	SameAs string // another name of the same file, which has its size
	Layer  int    // that has it, from 0; -1 where none has the folder itself
	Folder bool
	Change ItemChange
	Items  []*Item // of a folder, the largest first
}

// Layers are the layers known so far. Ordered tells that they are all, in the
// order of the image; before, they are those that were met.
func (w *Watch) Layers() (layers []WatchedLayer, ordered bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range w.layers {
		layers = append(layers, WatchedLayer{Instruction: masked(l.info.CreatedBy), DiffID: l.info.DiffID, Bytes: l.bytes, Entries: l.entries.n, Done: l.done})
	}
	return layers, w.ordered
}

// Revision changes whenever there is more to see.
func (w *Watch) Revision() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.revision
}

// Tree is what the layers up to the given one make, as far as they were read,
// with what that one changed; or, alone, what that one has.
func (w *Watch) Tree(layer int, alone bool) *Item {
	layers := w.upTo(layer)
	if len(layers) == 0 {
		return &Item{Folder: true}
	}
	last := len(layers) - 1
	if alone {
		only := layerTree(layers[last:])
		return newItems(only).of(nil, only.root)
	}
	before, after := layerTree(layers[:last]), layerTree(layers)
	return newItems(before, after).of(before.root, after.root)
}

func (w *Watch) upTo(layer int) (all []entries) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range w.layers[:min(layer+1, len(w.layers))] {
		all = append(all, l.entries.clone())
	}
	return all
}

// Tree is the final tree.
func (r *Report) Tree() *Item {
	t := r.files()
	return newItems(t).of(t.root, t.root)
}

// layerTree puts layers on top of each other. What passes a bound stops it: the
// inspection itself ends with that error.
func layerTree(layers []entries) *tree {
	t := newTree(len(layers))
	for i, entries := range layers {
		if t.apply(i, entries) != nil {
			break
		}
	}
	return t
}

// items makes the items of trees. A file with several names counts at the first of them.
type items struct{ first map[*inode]*node }

func newItems(trees ...*tree) items {
	i := items{map[*inode]*node{}}
	for _, t := range trees {
		t.eachFile(func(n *node) {
			if n.inode.links > 1 {
				i.first[n.inode] = n
			}
		})
	}
	return i
}

// of is what one, the other or both trees have at a path.
func (i items) of(before, after *node) *Item {
	shown := after
	if shown == nil {
		shown = before
	}
	item := &Item{Name: shown.name, Mode: shown.mode, Link: shown.link, Layer: int(shown.layer), Folder: shown.kind == directory, Size: shown.bytes()}
	if first := i.first[shown.inode]; first != nil && first != shown {
		item.Size, item.SameAs = 0, first.path()
	}
	switch {
	case after == nil:
		item.Change = Removed
	case before == nil:
		item.Change = Added
	case before.differs(after), after.inode != nil && after.layer != before.layer:
		item.Change = Changed
	}
	if !item.Folder {
		return item
	}
	var old map[string]*node
	if before != nil && before.kind == directory {
		old = before.children
	}
	if after != nil {
		for name, child := range after.children {
			item.add(i.of(old[name], child))
		}
	}
	for name, child := range old {
		if after == nil || after.children[name] == nil {
			item.add(i.of(child, nil))
		}
	}
	slices.SortFunc(item.Items, func(a, b *Item) int {
		return cmp.Or(cmp.Compare(b.Size, a.Size), strings.Compare(a.Name, b.Name))
	})
	return item
}

// add puts an item into a folder, whose size is what is not removed.
func (i *Item) add(child *Item) {
	i.Items = append(i.Items, child)
	if child.Change != Removed || i.Change == Removed {
		i.Size += child.Size
	}
	if child.Change != Unchanged && i.Change == Unchanged {
		i.Change = Changed
	}
}

// describe takes the layers in the order of the image.
func (w *Watch) describe(layers []image.Layer) {
	if w.blind {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	known := map[string]*watched{}
	for _, l := range w.layers {
		known[l.info.DiffID] = l
	}
	w.layers = nil
	for _, info := range layers {
		l := &watched{info: info}
		if old := known[info.DiffID]; old != nil {
			l = &watched{info: info, entries: old.entries, bytes: old.bytes, done: old.done}
		}
		w.layers = append(w.layers, l)
	}
	w.ordered = true
	w.revision++
}

// start takes a layer that is about to be read, and returns what takes its
// entries. One that is not described yet is put last.
func (w *Watch) start(info image.Layer) func(entry) {
	if w.blind {
		return func(entry) {}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.revision++
	at := slices.IndexFunc(w.layers, func(l *watched) bool { return l.info.DiffID == info.DiffID && !l.done && !l.started })
	if !w.ordered || at < 0 {
		at = len(w.layers)
		w.layers = append(w.layers, &watched{info: info})
	}
	l := w.layers[at]
	l.started = true
	return func(e entry) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if l.done { // the same layer was read twice, and the other was faster
			return
		}
		w.revision++
		l.entries.add(e)
		l.bytes += e.size
	}
}

// done takes a layer that was read to its end, now or before.
func (w *Watch) done(r record) {
	if w.blind {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.revision++
	for i := len(w.layers) - 1; i >= 0; i-- {
		l := w.layers[i]
		if unknown := l.info.DiffID == "" && !l.done; l.info.DiffID != r.layer.DiffID && !unknown {
			continue
		}
		l.info.DiffID = r.layer.DiffID
		l.entries, l.bytes, l.done = r.entries, 0, true
		for e := range r.entries.all() {
			l.bytes += e.size
		}
	}
}
