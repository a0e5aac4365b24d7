package inspect

import (
	"fmt"
	"path"
	"strings"
)

// inode is the content of a file, which may have several names.
type inode struct {
	size  int64
	hash  uint64
	layer int32
	links int32 // names it has
}

// node is a name in the tree.
type node struct {
	name     string
	parent   *node
	children map[string]*node // of directories
	inode    *inode           // of regular files
	link     string           // of symbolic links
	mode     uint32
	layer    int32 // that has the entry
	length   int32 // of the path
	kind     kind
}

// tree is the file system that the layers make, one applied after the other,
// and the account of what they waste.
type tree struct {
	root    *node
	current int32 // layer that is applied
	stats   []layerStats
	wasted  map[event]*loss
	lost    []int64 // wasted bytes by layer that holds them
	files   int     // applied
	layers  int64   // bytes of all files applied
	flat    int64   // bytes of all inodes that have a name

	nodes  slab[node]
	inodes slab[inode]
	last   struct { // the folder found last: archives list a folder's files one after the other
		name string
		node *node // nil: none, or a name on the way to it may lead elsewhere now
	}

	steps     int64 // taken from one folder to the next
	pathBytes int64 // of the paths of all nodes that were made
	err       error // the first bound that was passed
}

// slab hands out values that are made many at a time, and lie side by side: of
// an image's tens of thousands of files that saves the time of as many allocations.
type slab[T any] struct{ free []T }

const slabSize = 512

func (s *slab[T]) next() *T {
	if len(s.free) == 0 {
		s.free = make([]T, slabSize)
	}
	first := &s.free[0]
	s.free = s.free[1:]
	return first
}

type layerStats struct{ added, changed, deleted, dangling int }

// event is what makes bytes useless.
type event struct {
	path  string
	cause Cause
	by    int32
}

// loss is what an event made useless, by the layer that holds it.
type loss struct {
	files   int
	byLayer []layerBytes
}

type layerBytes struct {
	layer int32
	bytes int64
}

func (l *loss) add(layer int32, bytes int64) {
	l.files++
	for i := range l.byLayer {
		if l.byLayer[i].layer == layer {
			l.byLayer[i].bytes += bytes
			return
		}
	}
	l.byLayer = append(l.byLayer, layerBytes{layer, bytes})
}

func newTree(layers int) *tree {
	return &tree{
		root: &node{kind: directory, children: map[string]*node{}, mode: 0o755, layer: -1}, stats: make([]layerStats, layers),
		wasted: map[event]*loss{}, lost: make([]int64, layers),
	}
}

const (
	whiteout = ".wh."
	opaque   = ".wh..wh..opq"
	// aufsMeta begins names of a storage driver's own files.
	aufsMeta = ".wh..wh."
)

// Bounds on what links may make of an image: a short path through one can stand for a long one.
const (
	maxSteps     = 100_000_000
	maxTreePaths = 256 << 20 // bytes of all paths
)

// fail notes the first bound that was passed.
func (t *tree) fail(format string, args ...any) {
	if t.err == nil {
		t.err = fmt.Errorf(format, args...)
	}
}

func (t *tree) step(n int) {
	if t.steps += int64(n); t.steps > maxSteps {
		t.fail("more than %d steps from folder to folder: its links were made to take long", int64(maxSteps))
	}
}

// newNode makes a node that has no place in the tree yet.
func (t *tree) newNode(parent *node, name string, kind kind, mode uint32) *node {
	n := t.nodes.next()
	*n = node{name: name, parent: parent, kind: kind, mode: mode, layer: t.current, length: parent.length + int32(len(name)) + 1}
	if kind == directory {
		n.children = map[string]*node{}
	}
	t.pathBytes += int64(n.length)
	switch {
	case n.length > maxPath+1:
		t.fail("a path of more than %d characters, when its links are followed", maxPath)
	case t.pathBytes > maxTreePaths:
		t.fail("paths of more than %d MB in all, when their links are followed", maxTreePaths>>20)
	}
	return n
}

// apply puts a layer on top. Marks of deletion concern lower layers alone,
// wherever they stand in the archive (OCI image specification, "Whiteouts"), so
// they come first. It fails where the image passes a bound. Entries that nobody else holds are let go on the way.
func (t *tree) apply(layer int, top entries) error {
	t.current = int32(layer)
	for e := range top.all() {
		if t.err != nil {
			return t.err
		}
		if base := path.Base(e.path); strings.HasPrefix(base, whiteout) {
			t.delete(path.Dir(e.path), base)
		}
	}
	blocks := top.taken()
	top = entries{}
	for e := range blocks {
		if t.err != nil {
			break
		}
		if !strings.HasPrefix(path.Base(e.path), whiteout) {
			t.add(e)
		}
	}
	return t.err
}

func (t *tree) delete(dir, base string) {
	at := t.find(dir)
	name := strings.TrimPrefix(base, whiteout)
	switch {
	case base == opaque:
		if at == nil || at.kind != directory {
			t.stats[t.current].dangling++
			return
		}
		for _, child := range at.children {
			t.remove(child, event{at.path(), Deleted, t.current})
		}
	case strings.HasPrefix(base, aufsMeta) || name == "":
	case at == nil || at.children[name] == nil:
		t.stats[t.current].dangling++
	default:
		child := at.children[name]
		t.remove(child, event{child.path(), Deleted, t.current})
	}
}

func (t *tree) add(e entry) {
	if e.path == "" {
		if e.kind == directory {
			t.root.mode, t.root.layer = e.mode, t.current
		}
		return
	}
	dir := t.directory(path.Dir(e.path))
	name := path.Base(e.path)
	old := dir.children[name]
	if e.kind == directory && old != nil && old.kind == directory {
		old.mode, old.layer = e.mode, t.current
		return
	}
	n := t.newNode(dir, name, e.kind, e.mode)
	switch e.kind {
	case symlink:
		n.link = e.link
	case hardlink:
		if !t.linkTo(n, e.link, old) {
			return
		}
	case regular:
		n.inode = t.inodes.next()
		*n.inode = inode{size: e.size, hash: e.hash, layer: t.current, links: 1}
		t.files++
		t.layers += e.size
		t.flat += e.size
	}
	t.count(old, n)
	if old != nil {
		t.replace(old, e)
	}
	dir.children[name] = n
}

// linkTo makes n another name of what target names. It is false where there is
// nothing to be linked to, or both are the same name.
func (t *tree) linkTo(n *node, target string, old *node) bool {
	to := t.find(path.Dir(target))
	if to != nil {
		to = to.children[path.Base(target)]
	}
	if to == nil || to == old || to.kind == directory {
		return false
	}
	n.kind, n.link, n.inode, n.mode = to.kind, to.link, to.inode, to.mode
	if n.inode != nil {
		n.inode.links++
	}
	return true
}

// count tells what the layer did to the path, by what was there before.
func (t *tree) count(old, n *node) {
	if n.kind == directory {
		return
	}
	switch s := &t.stats[t.current]; {
	case old == nil || old.kind == directory:
		s.added++
	case old.layer != t.current:
		s.changed++
	}
}

// replace takes away what stood at the path of a new entry.
func (t *tree) replace(old *node, by entry) {
	cause := Shadowed
	switch {
	case old.layer == t.current && old.kind != directory:
		cause = Repeated
	case old.inode != nil && by.kind == regular && old.inode.size == by.size && old.inode.hash == by.hash:
		cause = Metadata
	}
	why := event{old.path(), cause, t.current}
	if old.kind == directory {
		t.remove(old, why)
		return
	}
	t.unname(old)
	t.release(old, why)
}

// remove takes a name and all below it out of the tree.
func (t *tree) remove(n *node, why event) {
	t.unname(n)
	t.drop(n, why)
}

// unname takes a name out of its folder.
func (t *tree) unname(n *node) {
	delete(n.parent.children, n.name)
	if n.kind == directory || n.kind == symlink {
		t.last.node = nil
	}
}

func (t *tree) drop(n *node, why event) {
	for _, child := range n.children {
		t.drop(child, why)
	}
	if n.kind != directory {
		if n.layer != t.current {
			t.stats[t.current].deleted++
		}
		t.release(n, why)
	}
}

// release takes a name from a file. With its last name its bytes are wasted.
func (t *tree) release(n *node, why event) {
	if n.inode == nil {
		return
	}
	if n.inode.links--; n.inode.links > 0 {
		return
	}
	size := n.inode.size
	t.flat -= size
	t.lost[n.inode.layer] += size
	if size == 0 {
		return
	}
	if n.inode.layer == t.current {
		why.cause = Repeated // within one archive, by whatever way
	}
	l := t.wasted[why]
	if l == nil {
		l = &loss{}
		t.wasted[why] = l
	}
	l.add(n.inode.layer, size)
}

func (n *node) path() string {
	if n.parent == nil {
		return ""
	}
	var names []string
	for ; n.parent != nil; n = n.parent {
		names = append(names, n.name)
	}
	var b strings.Builder
	for i := len(names) - 1; i >= 0; i-- {
		b.WriteString(names[i])
		if i > 0 {
			b.WriteByte('/')
		}
	}
	return b.String()
}

// maxHops bounds symbolic links on the way to a file, as Linux does.
const maxHops = 40

// find returns the node at a path, following links as a container's kernel
// would. It is nil where there is none, or links lead in a circle.
func (t *tree) find(name string) *node { return t.walk(name, false) }

// directory returns the directory at a path and makes it where it is missing.
func (t *tree) directory(name string) *node { return t.walk(name, true) }

func (t *tree) walk(name string, make bool) *node {
	if t.last.node != nil && t.last.name == name {
		return t.last.node
	}
	at := t.walkFromRoot(name, make)
	t.last.name, t.last.node = name, at
	return at
}

func (t *tree) walkFromRoot(name string, make bool) *node {
	at := t.root
	rest, hops := split(name), 0
	t.step(len(rest))
	for len(rest) > 0 && t.err == nil {
		part := rest[0]
		rest = rest[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			if at.parent != nil {
				at = at.parent
			}
			continue
		}
		next := at.children[part]
		if next != nil && next.kind == symlink {
			if hops++; hops <= maxHops {
				if strings.HasPrefix(next.link, "/") {
					at = t.root
				}
				rest = append(split(next.link), rest...)
				t.step(len(rest))
				continue
			}
			if !make {
				return nil
			}
		}
		if next == nil || next.kind != directory {
			if !make {
				return nil
			}
			next = t.makeDirectory(at, part, next)
		}
		at = next
	}
	return at
}

// makeDirectory makes a directory that an archive takes for granted, in place of whatever is there.
func (t *tree) makeDirectory(at *node, name string, old *node) *node {
	if old != nil {
		t.replace(old, entry{kind: directory})
	}
	n := t.newNode(at, name, directory, 0o755)
	at.children[name] = n
	return n
}

func split(name string) []string { return strings.Split(name, "/") }

// each visits every name but the root, parents first, in no order.
func (t *tree) each(visit func(n *node)) { t.root.each(visit) }

func (n *node) each(visit func(n *node)) {
	for _, child := range n.children {
		visit(child)
		child.each(visit)
	}
}
