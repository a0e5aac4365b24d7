package inspect

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Comparison is what differs between two images. Differences are B less A.
type Comparison struct {
	A, B     *Report
	Sizes    []Difference
	Packages []Difference // those that are not the same in both, the largest difference first
	Config   []Change
	// Added, Removed and Changed are files of the final trees, the largest first.
	Added, Removed, Changed FileSet
}

// Difference is a figure in both images.
type Difference struct {
	Name           string
	A, B           int64
	WasVer, NowVer string // of packages; "" where it is not installed
}

// Change is a field of the config that differs.
type Change struct{ Field, A, B string }

// FileSet is a number of files, of which the largest are named.
type FileSet struct {
	Files int
	Bytes int64 // of added and removed files their sizes, of changed ones B's less A's
	Top   []Sized
}

// shownFiles is how many files of a set are named.
const shownFiles = 20

// Same tells that the images hold the same files and are run the same way.
func (c *Comparison) Same() bool {
	return c.Added.Files+c.Removed.Files+c.Changed.Files+len(c.Config)+len(c.Packages) == 0
}

// Compare sets two images side by side.
func Compare(a, b *Report) *Comparison {
	c := &Comparison{A: a, B: b}
	if a.Compressed() && b.Compressed() {
		c.Sizes = append(c.Sizes, Difference{Name: "transfer, compressed", A: a.TransferBytes, B: b.TransferBytes})
	}
	c.Sizes = append(c.Sizes,
		Difference{Name: "image, uncompressed", A: a.ArchiveBytes, B: b.ArchiveBytes},
		Difference{Name: "layers' files", A: a.LayerBytes, B: b.LayerBytes},
		Difference{Name: "final tree", A: a.FlatBytes, B: b.FlatBytes},
	)
	for _, cause := range Causes() {
		c.Sizes = append(c.Sizes, Difference{Name: "waste, " + string(cause), A: a.Waste.ByCause[cause], B: b.Waste.ByCause[cause]})
	}
	c.compareClasses()
	c.comparePackages()
	c.compareConfig()
	c.compareFiles()
	return c
}

func (c *Comparison) compareClasses() {
	sizes := map[string]*Difference{}
	for side, r := range []*Report{c.A, c.B} {
		for _, class := range r.Classes {
			if sizes[class.Name] == nil {
				sizes[class.Name] = &Difference{Name: class.Name}
			}
			*[]*int64{&sizes[class.Name].A, &sizes[class.Name].B}[side] = class.Bytes
		}
	}
	for _, name := range sortedKeys(sizes) {
		c.Sizes = append(c.Sizes, *sizes[name])
	}
}

func (c *Comparison) comparePackages() {
	all := map[string]*Difference{}
	for side, r := range []*Report{c.A, c.B} {
		for _, p := range r.Packages {
			key := p.Ecosystem + " " + p.Name
			if all[key] == nil {
				all[key] = &Difference{Name: key}
			}
			d := all[key]
			if side == 0 {
				d.A, d.WasVer = d.A+p.Bytes, joined(d.WasVer, p.Version)
			} else {
				d.B, d.NowVer = d.B+p.Bytes, joined(d.NowVer, p.Version)
			}
		}
	}
	for _, key := range sortedKeys(all) {
		if d := all[key]; d.A != d.B || d.WasVer != d.NowVer {
			c.Packages = append(c.Packages, *d)
		}
	}
	slices.SortStableFunc(c.Packages, func(x, y Difference) int { return cmp.Compare(y.size(), x.size()) })
}

func (d Difference) size() int64 { return max(d.B-d.A, d.A-d.B) }

func joined(versions, one string) string {
	if one == "" {
		one = "?"
	}
	return strings.TrimPrefix(versions+", "+one, ", ")
}

func (c *Comparison) compareConfig() {
	a, b := c.A.Config, c.B.Config
	list := func(words []string) string { return strings.Join(words, " ") }
	fields := []Change{
		{"platform", c.A.OS + "/" + c.A.Architecture, c.B.OS + "/" + c.B.Architecture},
		{"user", a.User, b.User}, {"working folder", a.WorkingDir, b.WorkingDir},
		{"entrypoint", fmt.Sprintf("%q", a.Entrypoint), fmt.Sprintf("%q", b.Entrypoint)}, {"command", fmt.Sprintf("%q", a.Cmd), fmt.Sprintf("%q", b.Cmd)},
		{"ports", list(a.ExposedPorts), list(b.ExposedPorts)}, {"stop signal", a.StopSignal, b.StopSignal},
		{"health check", list(a.Healthcheck), list(b.Healthcheck)},
	}
	fields = append(fields, changedValues("variable ", variables(a.Env), variables(b.Env))...)
	fields = append(fields, changedValues("label ", c.A.Labels, c.B.Labels)...)
	c.Config = slices.DeleteFunc(fields, func(f Change) bool { return f.A == f.B })
}

func variables(env []string) map[string]string {
	out := map[string]string{}
	for _, v := range env {
		name, value, _ := strings.Cut(v, "=")
		out[name] = value
	}
	return out
}

func changedValues(prefix string, a, b map[string]string) (out []Change) {
	for _, name := range sortedKeys(a) {
		out = append(out, Change{prefix + name, a[name], b[name]})
	}
	for _, name := range sortedKeys(b) {
		if _, both := a[name]; !both {
			out = append(out, Change{prefix + name, "", b[name]})
		}
	}
	return out
}

func (c *Comparison) compareFiles() {
	before := c.A.files().contents()
	after := c.B.files().contents()
	for name, n := range after {
		was, both := before[name]
		switch {
		case !both:
			c.Added.add(name, n.bytes())
		case was.differs(n):
			c.Changed.add(name, n.bytes()-was.bytes())
		}
	}
	for name, n := range before {
		if _, both := after[name]; !both {
			c.Removed.add(name, n.bytes())
		}
	}
	for _, set := range []*FileSet{&c.Added, &c.Removed, &c.Changed} {
		slices.SortFunc(set.Top, func(x, y Sized) int {
			return cmp.Or(cmp.Compare(magnitude(y.Bytes), magnitude(x.Bytes)), strings.Compare(x.Path, y.Path))
		})
		set.Top = slices.Clip(set.Top[:min(len(set.Top), shownFiles)])
	}
}

func magnitude(n int64) int64 { return max(n, -n) }

func (s *FileSet) add(name string, bytes int64) {
	s.Files++
	s.Bytes += bytes
	s.Top = append(s.Top, Sized{name, bytes})
}

// contents are all names of a tree that are no directories.
func (t *tree) contents() map[string]*node {
	out := map[string]*node{}
	t.each(func(n *node) {
		if n.kind != directory {
			out[n.path()] = n
		}
	})
	return out
}

func (n *node) bytes() int64 {
	if n.inode == nil {
		return 0
	}
	return n.inode.size
}

func (n *node) differs(other *node) bool {
	if n.kind != other.kind || n.link != other.link || n.mode != other.mode {
		return true
	}
	return n.inode != nil && (n.inode.size != other.inode.size || n.inode.hash != other.inode.hash)
}
