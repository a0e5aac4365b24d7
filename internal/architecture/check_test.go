package architecture

import (
	"fmt"
	"go/ast"
	"path"
	"slices"
	"strconv"
	"strings"
)

const module = "github.com/plimsoll/plimsoll"

// source is one parsed file.
type source struct {
	name string // slash-separated, relative to the module's root
	file *ast.File
}

func (s source) pkg() string { return path.Dir(s.name) }

func (s source) test() bool { return strings.HasSuffix(s.name, "_test.go") }

func (s source) imports() (paths []string) {
	for _, spec := range s.file.Imports {
		if p, err := strconv.Unquote(spec.Path.Value); err == nil {
			paths = append(paths, p)
		}
	}
	return paths
}

// check returns what a file does that the house does not allow.
func check(s source) (faults []string) {
	fault := func(format string, args ...any) {
		faults = append(faults, s.name+": "+fmt.Sprintf(format, args...))
	}
	if _, known := floorOf(s.pkg()); !known {
		fault("package %s stands on no floor: add it to floors in internal/architecture/table_test.go and to docs/architecture.md", s.pkg())
		return faults
	}
	for _, imported := range s.imports() {
		reason := ""
		if inner, ours := strings.CutPrefix(imported, module+"/"); ours {
			reason = checkFloor(s, inner)
		} else {
			reason = checkFence(s, imported)
		}
		if reason != "" {
			fault("imports %s: %s", imported, reason)
		}
	}
	if slices.Contains(vague, s.file.Name.Name) || slices.Contains(vague, path.Base(s.pkg())) {
		fault("package %s: name it after what it is for", s.pkg())
	}
	if declaresInit(s.file) {
		fault("has a func init: make a value, and hand it over")
	}
	if !s.test() && !matchesAny(exits, s.pkg()) && callsExit(s.file) {
		fault("calls os.Exit: return an error")
	}
	return faults
}

// checkFloor says why a package of the module may not be imported, if so.
// Tests may import their neighbours, but nothing from a floor above.
func checkFloor(s source, imported string) string {
	for _, island := range islands {
		if inside := matches(island, s.pkg()); inside != matches(island, imported) && (inside || !s.test() && !matches("e2e/...", s.pkg())) {
			return island + " stands alone"
		}
	}
	from, _ := floorOf(s.pkg())
	to, known := floorOf(imported)
	switch {
	case !known:
		return "it stands on no floor"
	case to < from || imported == s.pkg():
		return ""
	case to == from && (s.test() || neighbourly(s.pkg(), imported)):
		return ""
	case to == from:
		return fmt.Sprintf("both stand on floor %d, and it is not in the list of neighbours", to)
	}
	return fmt.Sprintf("it stands on floor %d, above %s on floor %d", to, s.pkg(), from)
}

func neighbourly(from, to string) bool {
	if strings.HasPrefix(to, from+"/") {
		return true
	}
	for _, n := range neighbours {
		if matches(n.from, from) && matches(n.to, to) {
			return true
		}
	}
	return false
}

// checkFence says why a library may not be imported, if so.
func checkFence(s source, imported string) string {
	for _, f := range fences {
		fenced := slices.ContainsFunc(f.modules, func(m string) bool { return imported == m || strings.HasPrefix(imported, m+"/") })
		if fenced && !matchesAny(f.within, s.pkg()) && !(f.tests && s.test()) {
			return "only " + strings.Join(f.within, " and ") + " may"
		}
	}
	return ""
}

// floorOf finds a package's floor by the longest entry that fits.
func floorOf(pkg string) (floor int, known bool) {
	longest := ""
	for pattern, f := range floors {
		exact := pattern == pkg
		if exact || matches(pattern, pkg) && len(pattern) > len(longest) {
			longest, floor, known = pattern, f, true
		}
		if exact {
			return floor, true
		}
	}
	return floor, known
}

// matches tells whether a pattern names a package; "x/..." names x and all below it.
func matches(pattern, pkg string) bool {
	tree, deep := strings.CutSuffix(pattern, "/...")
	return pkg == tree || deep && strings.HasPrefix(pkg, tree+"/")
}

func matchesAny(patterns []string, pkg string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, pkg) })
}

func declaresInit(file *ast.File) bool {
	return slices.ContainsFunc(file.Decls, func(d ast.Decl) bool {
		f, ok := d.(*ast.FuncDecl)
		return ok && f.Recv == nil && f.Name.Name == "init"
	})
}

// callsExit looks for os.Exit, also as a value, under whatever name os is imported.
func callsExit(file *ast.File) (found bool) {
	name := ""
	for _, spec := range file.Imports {
		if spec.Path.Value == `"os"` {
			name = "os"
			if spec.Name != nil {
				name = spec.Name.Name
			}
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok && sel.Sel.Name == "Exit" {
			x, ok := sel.X.(*ast.Ident)
			found = found || ok && x.Name == name
		}
		return !found
	})
	return found
}
