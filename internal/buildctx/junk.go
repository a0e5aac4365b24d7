package buildctx

import (
	"cmp"
	"path"
	"slices"
	"strings"
)

// Class is a kind of files that images seldom need.
type Class struct {
	// Pattern is what an ignore file would have, and how the files are found.
	Pattern string
	What    string // "version control", "virtual environment"
	// Marker, if set, is a file whose folder belongs to the class when Pattern
	// matches it; with an empty Pattern, whatever the folder's name is.
	Marker string
	Dir    bool // directories only
	// Careful marks classes that some applications do need at run time: a
	// reason to look, not to ignore without asking.
	Careful bool
}

// JunkUsage is what one class takes of what is sent.
type JunkUsage struct {
	Class
	Usage
	// Paths are the topmost files and directories of the class, largest first.
	Paths []JunkPath
	// Patterns would ignore them all: the class's own, or one for each path.
	Patterns []string
}

// JunkPath is one file or directory and what is below it.
type JunkPath struct {
	Path string
	Usage
}

// Junk measures each class among what is sent, largest first; classes without
// a file are left out. A file counts once: for the topmost directory that is of a
// class, and there for the first class of the list.
func (c *Context) Junk(classes []Class) ([]JunkUsage, error) {
	return JunkAmong(c.Entries, classes)
}

// JunkAmong is Junk for what one COPY ships: entries in tree order.
func JunkAmong(entries []Entry, classes []Class) ([]JunkUsage, error) {
	finder, err := newJunkFinder(entries, classes)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if e.Ignored {
			continue
		}
		if err := finder.visit(e); err != nil {
			return nil, err
		}
	}
	return finder.result(), nil
}

type junkFinder struct {
	classes []Class
	// patterns are the classes' own; nil for a class that is found by its marker alone.
	patterns []*pattern
	found    []JunkUsage
	marked   map[string]map[string]bool // marker → folders that hold one

	inside string // the claimed directory, with a trailing slash
	class  int    // its class
}

func newJunkFinder(entries []Entry, classes []Class) (*junkFinder, error) {
	f := &junkFinder{classes: classes, found: make([]JunkUsage, len(classes)), marked: map[string]map[string]bool{}}
	for i, class := range classes {
		set, err := compile([]string{class.Pattern})
		if err != nil {
			return nil, err
		}
		var p *pattern
		if len(set.patterns) > 0 {
			p = &set.patterns[0]
		}
		f.patterns = append(f.patterns, p)
		f.found[i].Class = class
		if class.Marker != "" {
			f.marked[class.Marker] = map[string]bool{}
		}
	}
	if len(f.marked) == 0 {
		return f, nil
	}
	for _, e := range entries {
		if folders := f.marked[path.Base(e.Path)]; folders != nil && !e.Ignored && e.Mode.IsRegular() {
			folders[path.Dir(e.Path)] = true
		}
	}
	return f, nil
}

func (f *junkFinder) visit(e Entry) error {
	if f.inside == "" || !strings.HasPrefix(e.Path, f.inside) {
		class, err := f.classify(e)
		if err != nil {
			return err
		}
		if f.inside = ""; class < 0 {
			return nil
		}
		if f.class = class; e.Mode.IsDir() {
			f.inside = e.Path + "/"
		}
		f.found[class].Paths = append(f.found[class].Paths, JunkPath{Path: e.Path})
	}
	into := &f.found[f.class]
	into.add(e)
	into.Paths[len(into.Paths)-1].add(e)
	return nil
}

// classify returns the first class that the entry is of, or -1.
func (f *junkFinder) classify(e Entry) (int, error) {
	for i, class := range f.classes {
		if class.Dir && !e.Mode.IsDir() {
			continue
		}
		if class.Marker != "" && !f.marked[class.Marker][e.Path] {
			continue
		}
		p := f.patterns[i]
		if p == nil {
			if class.Marker != "" {
				return i, nil
			}
			continue
		}
		matched, err := p.matches(e.Path)
		if err != nil || matched {
			return i, err
		}
	}
	return -1, nil
}

func (f *junkFinder) result() []JunkUsage {
	var out []JunkUsage
	for _, u := range f.found {
		if u.Files == 0 {
			continue
		}
		slices.SortStableFunc(u.Paths, func(a, b JunkPath) int { return cmp.Compare(b.Bytes, a.Bytes) })
		u.Patterns = []string{u.Pattern}
		if u.Pattern == "" {
			u.Patterns = literalPatterns(u.Paths)
		}
		out = append(out, u)
	}
	slices.SortStableFunc(out, func(a, b JunkUsage) int { return cmp.Compare(b.Bytes, a.Bytes) })
	return out
}

func literalPatterns(paths []JunkPath) []string {
	var out []string
	for _, p := range paths {
		out = append(out, EscapePattern(p.Path))
	}
	slices.Sort(out)
	return out
}

// EscapePattern is the ignore pattern that matches exactly this path.
func EscapePattern(name string) string {
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		if strings.IndexByte(`*?[]\^`, name[i]) >= 0 || i == 0 && (name[0] == '!' || name[0] == '#') {
			b.WriteByte('\\')
		}
		b.WriteByte(name[i])
	}
	return b.String()
}
