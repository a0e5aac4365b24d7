package python

import (
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/ecosystem/python/syntax"
)

// Bounds of the source scan; what lies beyond is left out, with a note.
const (
	maxFiles     = 2000
	maxFileBytes = 1 << 20
	maxBytes     = 16 << 20
	maxEntries   = 200_000
)

// leftOut are directories whose Python files are not the application's own:
// dependencies, tests and what tools leave behind.
var leftOut = map[string]bool{
	"venv": true, "env": true, "virtualenv": true, "site-packages": true, "node_modules": true,
	"vendor": true, "third_party": true, "__pycache__": true, "tests": true, "test": true, "testing": true,
	"docs": true, "build": true, "dist": true, "migrations": true,
}

// module is one parsed source file.
type module struct {
	path    string // in the context
	image   string // absolute path in the final image
	body    []*syntax.Stmt
	imports map[string]syntax.Import // by the name bound
	stars   []syntax.Import          // from x import *
	all     []syntax.Import
	top     *scope
}

// sources are the application's parsed files.
type sources struct {
	list    []*module
	byImage map[string]*module
	// roots are the directories in the image that imports start from.
	roots []string
	notes []ecosystem.Note
}

// loadSources parses the Python files of the context. place tells where a
// file lies in the image; "" leaves it out.
func loadSources(fsys fs.FS, place func(string) string) *sources {
	s := &sources{byImage: map[string]*module{}}
	total, entries := 0, 0
	// An error while walking hides files from the scan; Detect has no use for half a directory, so it is skipped.
	_ = fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if entries++; err != nil || entries > maxEntries {
			return skip(d, entries > maxEntries)
		}
		if d.IsDir() {
			return s.enter(fsys, name, d)
		}
		if !isSource(name) || !d.Type().IsRegular() || place(name) == "" {
			return nil
		}
		if len(s.list) >= maxFiles || total > maxBytes {
			s.note("scan", fmt.Sprintf("only the first %d source files were read", len(s.list)))
			return fs.SkipAll
		}
		total += s.load(fsys, name, place(name))
		return nil
	})
	return s
}

func skip(d fs.DirEntry, all bool) error {
	if all {
		return fs.SkipAll
	}
	if d != nil && d.IsDir() {
		return fs.SkipDir
	}
	return nil
}

func (s *sources) note(about, text string) {
	s.notes = append(s.notes, ecosystem.Note{About: about, Text: text})
}

func (s *sources) enter(fsys fs.FS, name string, d fs.DirEntry) error {
	if name == "." {
		return nil
	}
	if leftOut[d.Name()] || strings.HasPrefix(d.Name(), ".") || strings.HasSuffix(d.Name(), ".egg-info") {
		return fs.SkipDir
	}
	if _, err := fs.Stat(fsys, path.Join(name, "pyvenv.cfg")); err == nil {
		return fs.SkipDir
	}
	return nil
}

// isSource tells whether a file is part of the application: Python, and neither a test nor an installer.
func isSource(name string) bool {
	base := path.Base(name)
	return strings.HasSuffix(base, ".py") && !strings.HasPrefix(base, "test_") &&
		!strings.HasSuffix(base, "_test.py") && base != "conftest.py" && base != "setup.py" && base != "noxfile.py"
}

func (s *sources) load(fsys fs.FS, name, image string) int {
	info, err := fs.Stat(fsys, name)
	if err != nil || info.Size() > maxFileBytes {
		s.note("scan", fmt.Sprintf("%s was not read: it is larger than 1 MB or not readable", name))
		return 0
	}
	src, err := fs.ReadFile(fsys, name)
	if err != nil || len(src) > maxFileBytes {
		s.note("scan", name+" was not read")
		return 0
	}
	m := newModule(name, image, syntax.Parse(src))
	s.list = append(s.list, m)
	s.byImage[image] = m
	return len(src)
}

func newModule(name, image string, parsed *syntax.Module) *module {
	m := &module{path: name, image: image, body: parsed.Body, imports: map[string]syntax.Import{}}
	m.top = newScope(m, nil, parsed.Body)
	m.each(func(st *syntax.Stmt, _ *scope) {
		m.all = append(m.all, st.Imports...)
		for _, im := range st.Imports {
			if im.As == "*" {
				m.stars = append(m.stars, im)
			} else if _, known := m.imports[im.As]; !known {
				m.imports[im.As] = im
			}
		}
	})
	return m
}

// at is the proof that a line of the module gives.
func (m *module) at(line int, note string) ecosystem.Source {
	return ecosystem.Source{File: m.path, Line: line, Note: note}
}

// find returns the module with a dotted name, as imported from a file whose
// directory in the image is dir (dots > 0: relative to dir), or from one of
// the roots; nil when it is not the application's.
func (s *sources) find(dir string, dots int, dotted string) *module {
	rel := strings.ReplaceAll(dotted, ".", "/")
	if dots > 0 {
		for ; dots > 1; dots-- {
			dir = path.Dir(dir)
		}
		return s.file(path.Join(dir, rel))
	}
	if dotted == "" {
		return nil
	}
	for _, root := range s.roots {
		if m := s.file(path.Join(root, rel)); m != nil {
			return m
		}
	}
	return s.file(path.Join(dir, rel))
}

func (s *sources) file(stem string) *module {
	if m := s.byImage[stem+".py"]; m != nil {
		return m
	}
	return s.byImage[path.Join(stem, "__init__.py")]
}

// dirOf is the directory in the image that a module lies in.
func dirOf(m *module) string { return path.Dir(m.image) }

// imported returns the application's module that a name of m stands for, and
// the name inside that module ("" for the module itself).
func (s *sources) imported(m *module, name string) (*module, string) {
	im, ok := m.imports[name]
	if !ok {
		return nil, ""
	}
	dir := dirOf(m)
	if im.Name == "" {
		if im.As != im.Module && !strings.HasPrefix(im.Module, im.As+".") {
			return s.find(dir, 0, im.Module), "" // import a.b as c
		}
		return s.find(dir, 0, im.As), ""
	}
	dotted := im.Name
	if im.Module != "" {
		dotted = im.Module + "." + im.Name
	}
	if sub := s.find(dir, im.Dots, dotted); sub != nil {
		return sub, "" // from package import module
	}
	return s.find(dir, im.Dots, im.Module), im.Name
}

// importedFrom are a module and all that it imports, nearest first.
func (s *sources) importedFrom(m *module) []*module {
	list, seen := []*module{m}, map[*module]bool{m: true}
	add := func(other *module) {
		if other != nil && !seen[other] {
			list, seen[other] = append(list, other), true
		}
	}
	for i := 0; i < len(list); i++ {
		from := list[i]
		for _, im := range from.all {
			dotted := im.Module
			for j := range dotted { // the packages above are run as well
				if dotted[j] == '.' {
					add(s.find(dirOf(from), im.Dots, dotted[:j]))
				}
			}
			add(s.find(dirOf(from), im.Dots, dotted))
			if im.Name != "" && im.Name != "*" {
				add(s.find(dirOf(from), im.Dots, strings.TrimPrefix(dotted+"."+im.Name, ".")))
			}
		}
	}
	return list
}

// qualified returns the full dotted name of an expression, its first name
// replaced by what it was imported from: "sqlite3.connect".
func (m *module) qualified(x syntax.Expr) string {
	dotted := syntax.Dotted(x)
	first, rest, more := strings.Cut(dotted, ".")
	im, ok := m.imports[first]
	if !ok || im.Dots > 0 {
		return dotted
	}
	full := im.Module
	if im.Name != "" {
		full += "." + im.Name
	} else if im.As == first && strings.HasPrefix(im.Module, first+".") {
		full = first // import os.path binds os
	}
	if more {
		full += "." + rest
	}
	return full
}
