package golang

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"strings"

	"github.com/plimsoll/plimsoll/internal/ecosystem/container"
)

// mainPackage is a package that becomes a program.
type mainPackage struct {
	dir     string // in the context
	program string // the name that the go command gives it
}

// maxMains bounds the programs of one step.
const maxMains = 50

// mains are the main packages that a step names: ".", "./cmd/a", "./cmd/...", "main.go", "example.org/mod/cmd/a".
func (d *detection) mains(s *step) []mainPackage {
	if d.mod == nil || d.files == nil {
		return nil
	}
	packages := s.packages
	if len(packages) == 0 {
		packages = []string{"."}
	}
	if strings.HasSuffix(packages[0], ".go") {
		return d.filesGiven(s, packages[0])
	}
	var list []mainPackage
	for _, p := range packages {
		stem, all := strings.CutSuffix(p, "...")
		dir := d.packageDir(s, strings.TrimSuffix(stem, "/"))
		switch {
		case dir == "":
		case all:
			list = append(list, d.mainsBelow(dir)...)
		case d.isMain(dir):
			list = append(list, mainPackage{dir, d.programName(dir)})
		}
	}
	return list
}

// filesGiven is go build a.go b.go: the program has the first file's name.
func (d *detection) filesGiven(s *step, first string) []mainPackage {
	dir := d.packageDir(s, path.Dir("./"+first))
	if dir == "" {
		return nil
	}
	return []mainPackage{{dir, strings.TrimSuffix(path.Base(first), ".go")}}
}

// packageDir is the directory in the context of a package as a command names it; "" when there is none.
func (d *detection) packageDir(s *step, name string) string {
	if rest, ok := strings.CutPrefix(name+"/", d.mod.name()+"/"); ok {
		return d.dir(path.Join(d.mod.dir, rest))
	}
	if inContext, ok := d.files.InContext(container.Absolute(s.dir, name)); ok {
		return d.dir(inContext)
	}
	return ""
}

func (d *detection) dir(name string) string {
	name = path.Clean(name)
	if !fs.ValidPath(name) {
		return ""
	}
	if info, err := fs.Stat(d.in.Context, name); err != nil || !info.IsDir() {
		return ""
	}
	return name
}

// isMain reads the package clauses of a directory.
func (d *detection) isMain(dir string) bool {
	entries, err := fs.ReadDir(d.in.Context, dir)
	if err != nil {
		return false
	}
	for _, e := range entries {
		if !isSource(e.Name()) {
			continue
		}
		text, ok := readSmall(d.in.Context, path.Join(dir, e.Name()))
		if !ok {
			continue
		}
		if f, err := parser.ParseFile(token.NewFileSet(), "", text, parser.PackageClauseOnly); err == nil {
			if f.Name.Name == "main" {
				return true
			}
			if f.Name.Name != "documentation" {
				return false
			}
		}
	}
	return false
}

// mainsBelow are the main packages of a directory tree, without those that ... leaves out.
func (d *detection) mainsBelow(root string) []mainPackage {
	var list []mainPackage
	// What can't be read is left out, as in the scan of the source.
	_ = fs.WalkDir(d.in.Context, root, func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil || !e.IsDir():
			return nil
		case name != root && leftOut(e.Name()) || len(list) >= maxMains:
			return fs.SkipDir
		}
		if name != root && d.exists(path.Join(name, "go.mod")) {
			return fs.SkipDir
		}
		if d.isMain(name) {
			list = append(list, mainPackage{name, d.programName(name)})
		}
		return nil
	})
	return list
}

// leftOut tells whether the go command ignores a directory of this name.
func leftOut(name string) bool {
	return name == "vendor" || name == "testdata" || name == "node_modules" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")
}

// programName is the last element of the import path, or the one before it
// where the last is a major version (cmd/go, load.DefaultExecName).
func (d *detection) programName(dir string) string {
	return execName(d.importPath(dir))
}

func execName(importPath string) string {
	parent, last := path.Split(importPath)
	if parent != "" && isVersion(last) {
		return path.Base(parent)
	}
	return last
}

func isVersion(elem string) bool {
	if len(elem) < 2 || elem[0] != 'v' || elem[1] == '0' || elem == "v1" {
		return false
	}
	return strings.Trim(elem[1:], "0123456789") == ""
}

func (d *detection) importPath(dir string) string {
	if d.mod.dir == "." {
		return path.Join(d.mod.name(), dir)
	}
	rest := strings.TrimPrefix(strings.TrimPrefix(dir, d.mod.dir), "/")
	return path.Join(d.mod.name(), rest)
}

// isSource tells whether a file belongs to a program: Go, and no test.
func isSource(name string) bool {
	return strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") && !strings.HasPrefix(name, ".") && !strings.HasPrefix(name, "_")
}
