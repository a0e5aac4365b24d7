package buildctx

import (
	"path"
	"sort"
	"strings"
)

// compareTree orders paths so that a directory is directly followed by what is
// below it: by bytes, with the separator before all other bytes.
func compareTree(a, b string) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] == b[i] {
			continue
		}
		return rank(a[i]) - rank(b[i])
	}
	return len(a) - len(b)
}

func rank(b byte) int {
	if b == '/' {
		return -1
	}
	return int(b)
}

// Lookup finds the entry at a path relative to the root. The root itself has none.
func (c *Context) Lookup(name string) (Entry, bool) {
	i, ok := c.index(name)
	if !ok {
		return Entry{}, false
	}
	return c.Entries[i], true
}

func (c *Context) index(name string) (int, bool) {
	return sort.Find(len(c.Entries), func(i int) int { return compareTree(name, c.Entries[i].Path) })
}

// below returns the range of what is under a directory, without the directory itself.
func (c *Context) below(dir string) (start, end int) {
	if dir == "." || dir == "" {
		return 0, len(c.Entries)
	}
	i, ok := c.index(dir)
	if !ok {
		return 0, 0
	}
	return i + 1, c.after(i)
}

// after is the index of the first entry that is neither entry i nor below it.
func (c *Context) after(i int) int {
	prefix := c.Entries[i].Path + "/"
	rest := c.Entries[i+1:]
	return i + 1 + sort.Search(len(rest), func(k int) bool { return !strings.HasPrefix(rest[k].Path, prefix) })
}

// cleanPath turns what stands in a COPY into a path relative to the root; "." is the root.
func cleanPath(p string) string {
	p = path.Clean("/" + p)
	if p == "/" {
		return "."
	}
	return p[1:]
}

// Total is the amount of everything under the root, ignored or not.
func (c *Context) Total() Usage {
	var u Usage
	for _, e := range c.Entries {
		u.add(e)
	}
	return u
}

// Sent is the amount that a COPY of the whole context ships.
func (c *Context) Sent() Usage { return sum(c.Entries) }

// Under is the amount that is sent of a directory, or of a file.
func (c *Context) Under(name string) Usage {
	name = cleanPath(name)
	start, end := c.below(name)
	u := sum(c.Entries[start:end])
	if e, ok := c.Lookup(name); ok && !e.Ignored {
		u.add(e)
	}
	return u
}

func sum(entries []Entry) Usage {
	var u Usage
	for _, e := range entries {
		if !e.Ignored {
			u.add(e)
		}
	}
	return u
}

func (u *Usage) add(e Entry) {
	if e.Mode.IsDir() {
		return
	}
	u.Files++
	u.Bytes += e.Size
}
