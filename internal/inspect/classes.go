package inspect

import (
	"cmp"
	"path"
	"slices"
	"strings"
)

// classRule says which paths belong to a class. Patterns are of path.Match for
// a whole folder name; prefixes count from the root.
type classRule struct {
	name     string
	prefixes []string // folders from the root
	folders  []string // names of folders anywhere
	files    []string // names of files anywhere
}

// classRules in the order in which they claim a file.
func classRules() []classRule {
	return []classRule{
		{name: "version control and editors", folders: []string{".git", ".svn", ".hg", ".idea", ".vscode", ".vs"}, files: []string{".DS_Store", "*.swp"}},
		{name: "package caches",
			prefixes: []string{"var/cache/apt", "var/lib/apt/lists", "var/cache/apk", "var/cache/yum", "var/cache/dnf", "root/.cache", "root/.npm", "root/.cargo/registry", "root/go/pkg/mod", "go/pkg/mod", "root/.gradle/caches", "root/.m2/repository", "usr/local/share/.cache", "var/cache/debconf"},
			folders:  []string{".cache", ".npm", "_cacache"}},
		{name: "build tools",
			prefixes: []string{"usr/lib/gcc", "usr/libexec/gcc", "usr/include", "usr/local/include", "usr/local/go/pkg", "usr/local/go/src", "usr/share/cmake", "usr/lib/cmake"},
			files:    []string{"gcc", "gcc-[0-9]", "gcc-[0-9][0-9]", "g++", "g++-[0-9]", "g++-[0-9][0-9]", "cc1", "cc1plus", "lto1", "make", "cmake", "ninja", "*-linux-gnu-gcc*", "*-linux-gnu-g++*", "*-linux-gnu-ld*", "node-gyp", "rustc", "cargo"}},
		{name: "documentation and locales",
			prefixes: []string{"usr/share/doc", "usr/share/man", "usr/share/info", "usr/share/locale", "usr/share/i18n", "usr/local/share/man", "usr/local/share/doc", "usr/share/gtk-doc", "usr/lib/locale"}},
	}
}

// classifier says to which class a file belongs: the first rule that claims its
// folder or its name. It remembers folders, of which there are far fewer than files.
type classifier struct {
	rules   []classRule
	folders map[*node]int // no rule is len(rules)
	names   map[string]int
	globs   []glob
}

type glob struct {
	pattern, literal string // the pattern, and what any match of it contains
	rule             int
}

func newClassifier(rules []classRule) *classifier {
	c := &classifier{rules: rules, folders: map[*node]int{}, names: map[string]int{}}
	for i, rule := range rules {
		for _, pattern := range rule.files {
			if strings.ContainsAny(pattern, "*[") {
				c.globs = append(c.globs, glob{pattern, longestLiteral(pattern), i})
			} else if _, known := c.names[pattern]; !known {
				c.names[pattern] = i
			}
		}
	}
	return c
}

// longestLiteral is the longest part of a pattern without wildcards.
func longestLiteral(pattern string) (longest string) {
	for _, part := range strings.FieldsFunc(pattern, func(r rune) bool { return strings.ContainsRune("*?[]", r) }) {
		if len(part) > len(longest) {
			longest = part
		}
	}
	return longest
}

// of is the index of the rule that claims the file, or -1.
func (c *classifier) of(n *node) int {
	at := c.ofFolder(n.parent)
	if i, ok := c.names[n.name]; ok {
		at = min(at, i)
	}
	for _, g := range c.globs {
		if g.rule >= at || !strings.Contains(n.name, g.literal) {
			continue
		}
		if ok, _ := path.Match(g.pattern, n.name); ok {
			at = g.rule
		}
	}
	if at == len(c.rules) {
		return -1
	}
	return at
}

func (c *classifier) ofFolder(n *node) int {
	at, known := c.folders[n]
	if !known {
		dir := n.path() + "/"
		at = slices.IndexFunc(c.rules, func(r classRule) bool { return r.claimsFolder(dir) })
		if at < 0 {
			at = len(c.rules)
		}
		c.folders[n] = at
	}
	return at
}

// claimsFolder tells for a folder, with a slash at its end, whether all that is in it belongs to the class.
func (c classRule) claimsFolder(dir string) bool {
	for _, prefix := range c.prefixes {
		if strings.HasPrefix(dir, prefix+"/") {
			return true
		}
	}
	for _, folder := range c.folders {
		if strings.HasPrefix(dir, folder+"/") || strings.Contains(dir, "/"+folder+"/") {
			return true
		}
	}
	return false
}

// topPaths is how many paths are told of a class.
const topPaths = 5

const duplicates = "duplicate content"

// copyOf is a file that may be equal to another: then their hashes are. There may be a million, and they are sorted.
type copyOf struct {
	hash uint64
	*node
}

// classes sorts the files of the final tree. A file with several names is sorted
// by the first in the alphabet; what no rule claims may be a copy of another such file.
func (t *tree) classes() (classes []Class, files int) {
	rules := classRules()
	sorter := newClassifier(rules)
	byRule := make([]map[string]*Sized, len(rules))
	counts, sums := make([]int, len(rules)), make([]int64, len(rules))
	copies := make([]copyOf, 0, t.files)
	t.eachFile(func(n *node) {
		files++
		in, at := n.inode, sorter.of(n)
		if at < 0 {
			if in.size > 0 {
				copies = append(copies, copyOf{in.hash, n})
			}
			return
		}
		counts[at]++
		sums[at] += in.size
		if byRule[at] == nil {
			byRule[at] = map[string]*Sized{}
		}
		group := rules[at].group(n.path())
		if byRule[at][group] == nil {
			byRule[at][group] = &Sized{Path: group}
		}
		byRule[at][group].Bytes += in.size
	})
	if c := duplicateClass(copies); c.Bytes > 0 {
		classes = append(classes, c)
	}
	for i, rule := range rules {
		if sums[i] > 0 {
			classes = append(classes, Class{Name: rule.name, Bytes: sums[i], Files: counts[i], Top: largest(byRule[i])})
		}
	}
	slices.SortStableFunc(classes, func(a, b Class) int { return cmp.Compare(b.Bytes, a.Bytes) })
	return classes, files
}

// group is the folder that a file of a class is told under: the whole of a cache, of a .git.
func (c classRule) group(name string) string {
	for _, prefix := range c.prefixes {
		if strings.HasPrefix(name, prefix+"/") {
			return prefix
		}
	}
	for _, folder := range c.folders {
		if strings.HasPrefix(name, folder+"/") {
			return folder
		}
		if at := strings.Index(name, "/"+folder+"/"); at >= 0 {
			return name[:at+len(folder)+1]
		}
	}
	return name
}

// duplicateClass counts what files have that another has, too. Of equal ones the first by its path is told.
func duplicateClass(files []copyOf) Class {
	slices.SortFunc(files, func(a, b copyOf) int {
		if a.hash != b.hash {
			return cmp.Compare(a.hash, b.hash)
		}
		return cmp.Compare(a.inode.size, b.inode.size)
	})
	c := Class{Name: duplicates}
	for len(files) > 0 {
		first, n := files[0], 1
		for n < len(files) && files[n].hash == first.hash && files[n].inode.size == first.inode.size {
			n++
		}
		equal := files[:n]
		if files = files[n:]; n < 2 {
			continue
		}
		more := first.inode.size * int64(n-1)
		c.Bytes += more
		c.Files += n - 1
		c.Top = append(c.Top, Sized{Path: firstPath(equal), Bytes: more})
	}
	c.Top = firstOf(c.Top)
	return c
}

func firstPath(files []copyOf) string {
	first := files[0].path()
	for _, f := range files[1:] {
		first = min(first, f.path())
	}
	return first
}

func largest(groups map[string]*Sized) []Sized {
	var all []Sized
	for _, g := range groups {
		if g.Bytes > 0 {
			all = append(all, *g)
		}
	}
	return firstOf(all)
}

func firstOf(all []Sized) []Sized {
	slices.SortFunc(all, func(a, b Sized) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), strings.Compare(a.Path, b.Path))
	})
	return slices.Clip(all[:min(len(all), topPaths)])
}

// eachFile visits each file of the tree once, by the first of its names.
func (t *tree) eachFile(visit func(n *node)) {
	several := map[*inode]*node{}
	t.each(func(n *node) {
		switch {
		case n.inode == nil:
		case n.inode.links == 1:
			visit(n)
		case several[n.inode] == nil || n.path() < several[n.inode].path():
			several[n.inode] = n
		}
	})
	for _, n := range several {
		visit(n)
	}
}
