package golang

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/ecosystem"
)

// Bounds of the source scan; what lies beyond is left out, with a note.
const (
	maxFiles     = 3000
	maxFileBytes = 1 << 20
	maxBytes     = 24 << 20
	maxPackages  = 1000
)

// pkg is one parsed package of the context.
type pkg struct {
	dir    string // in the context
	path   string // its import path
	files  []*file
	values map[string]value // package-level constants and variables
	funcs  map[string]*ast.FuncDecl
	embeds []string // patterns of go:embed, relative to the context
}

// value is an expression and where it stands.
type value struct {
	x ast.Expr
	f *file
}

// file is one parsed source file.
type file struct {
	path    string // in the context
	syntax  *ast.File
	pkg     *pkg
	imports map[string]string // import path by the name that the file has for it
	cgo     bool
}

// sources are the application's parsed packages, those that the programs import.
type sources struct {
	fset   *token.FileSet
	list   []*pkg
	byPath map[string]*pkg
	fields map[string][]value // what is assigned to struct fields, by the field's name
	state  dockerfile.State   // of the final stage: its ENV
	args   []string           // of the start command
	vendor map[string]string  // import path → context directory, of vendored packages that are imported
	locals map[ast.Node]map[string][]ast.Expr
	env    map[string]string // helper functions that read a variable, by package path and name

	files, bytes int
	notes        []ecosystem.Note
}

// load parses the main packages and all that they import from the context.
func (d *detection) load() *sources {
	s := &sources{
		fset: token.NewFileSet(), byPath: map[string]*pkg{}, fields: map[string][]value{}, state: d.state,
		vendor: map[string]string{}, locals: map[ast.Node]map[string][]ast.Expr{},
	}
	if len(d.start.Likely) > 0 {
		s.args = d.start.Likely[1:]
	}
	l := &loader{d: d, s: s, queue: d.roots(), taggings: d.taggings()}
	l.run()
	for _, p := range s.list {
		s.index(p)
	}
	for _, n := range s.notes {
		d.note(n.About, n.Text, n.Source)
	}
	return s
}

// roots are the directories of the programs that are built; all main packages when no program is known.
func (d *detection) roots() []wanted {
	var list []wanted
	for _, o := range d.built.outputs() {
		if o.pkg != "" {
			list = append(list, wanted{o.pkg, d.importPath(o.pkg)})
		}
	}
	if len(list) == 0 {
		for _, m := range d.mainsBelow(d.mod.dir) {
			list = append(list, wanted{m.dir, d.importPath(m.dir)})
		}
	}
	return list
}

// wanted is a package to parse.
type wanted struct{ dir, path string }

// loader follows imports from package to package.
type loader struct {
	d     *detection
	s     *sources
	queue []wanted
	seen  map[string]bool
	// taggings are the steps' build constraints: a file that none of them compiles is not read.
	taggings []tagging
}

func (l *loader) run() {
	l.seen = map[string]bool{}
	for len(l.queue) > 0 && len(l.s.list) < maxPackages {
		next := l.queue[0]
		l.queue = l.queue[1:]
		if l.seen[next.dir] {
			continue
		}
		l.seen[next.dir] = true
		p := l.load(next)
		if p == nil {
			continue
		}
		if rest, vendored := strings.CutPrefix(next.dir, path.Join(l.d.mod.dir, "vendor")+"/"); vendored {
			l.s.vendor[rest] = next.dir
		}
		l.s.list = append(l.s.list, p)
		l.s.byPath[p.path] = p
	}
}

func (l *loader) load(w wanted) *pkg {
	entries, err := fs.ReadDir(l.d.in.Context, w.dir)
	if err != nil {
		return nil
	}
	p := &pkg{dir: w.dir, path: w.path, values: map[string]value{}, funcs: map[string]*ast.FuncDecl{}}
	for _, e := range entries {
		if !isSource(e.Name()) {
			continue
		}
		if f := l.parse(p, path.Join(w.dir, e.Name())); f != nil {
			p.files = append(p.files, f)
		}
	}
	if len(p.files) == 0 {
		return nil
	}
	return p
}

func (l *loader) parse(p *pkg, name string) *file {
	if l.s.files >= maxFiles || l.s.bytes > maxBytes {
		l.cut("scan", fmt.Sprintf("only the first %d source files were read", l.s.files))
		return nil
	}
	text, ok := readSmall(l.d.in.Context, name)
	if !ok || len(text) > maxFileBytes {
		l.cut("scan", name+" was not read: it is larger than 1 MB or not readable")
		return nil
	}
	l.s.files++
	l.s.bytes += len(text)
	syntax, err := parser.ParseFile(l.s.fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if syntax == nil || syntax.Name == nil {
		return nil
	}
	if err != nil {
		l.cut("scan", fmt.Sprintf("%s has a syntax error: %v", name, err))
	}
	if leftOutOf(l.taggings, path.Base(name), syntax) {
		return nil
	}
	f := &file{path: name, syntax: syntax, pkg: p, imports: map[string]string{}}
	l.follow(f)
	l.embeds(f)
	return f
}

func (l *loader) cut(about, text string) {
	l.s.notes = append(l.s.notes, ecosystem.Note{About: about, Text: text})
}

// follow takes the imports of a file, and queues those that lie in the context.
func (l *loader) follow(f *file) {
	for _, im := range f.syntax.Imports {
		target, err := strconv.Unquote(im.Path.Value)
		if err != nil {
			continue
		}
		if target == "C" {
			f.cgo = true
		}
		name := execName(target)
		name = strings.TrimPrefix(name, "go-")
		if im.Name != nil {
			name = im.Name.Name
		}
		f.imports[name] = target
		if dir := l.d.dirOf(target); dir != "" {
			l.queue = append(l.queue, wanted{dir, target})
		}
	}
}

// dirOf is the context's directory of an import path: of the main module, of a
// local replacement, or vendored; "" when it lies elsewhere.
func (d *detection) dirOf(target string) string {
	if rest, ok := strings.CutPrefix(target+"/", d.mod.name()+"/"); ok {
		return d.dir(path.Join(d.mod.dir, rest))
	}
	for _, r := range d.mod.file.Replace {
		if rest, ok := strings.CutPrefix(target+"/", r.Old.Path+"/"); ok && r.New.Version == "" {
			return d.dir(path.Join(d.mod.dir, r.New.Path, rest))
		}
	}
	if d.mod.vendor {
		return d.dir(path.Join(d.mod.dir, "vendor", target))
	}
	return ""
}

// embeds reads //go:embed lines.
func (l *loader) embeds(f *file) {
	for _, group := range f.syntax.Comments {
		for _, c := range group.List {
			rest, ok := strings.CutPrefix(c.Text, "//go:embed ")
			if !ok {
				continue
			}
			for _, pattern := range strings.Fields(rest) {
				pattern = strings.TrimPrefix(strings.Trim(pattern, "\"`"), "all:")
				f.pkg.embeds = append(f.pkg.embeds, path.Join(f.pkg.dir, pattern))
			}
		}
	}
}

// at is the proof that a place in the source gives.
func (s *sources) at(n ast.Node, note string) ecosystem.Source {
	p := s.fset.PositionFor(n.Pos(), false)
	return ecosystem.Source{File: p.Filename, Line: p.Line, Note: note}
}

// own are the packages that are not vendored.
func (s *sources) own() []*pkg {
	var list []*pkg
	for _, p := range s.list {
		if !s.vendored(p) {
			list = append(list, p)
		}
	}
	return list
}

func (s *sources) vendored(p *pkg) bool {
	for _, dir := range s.vendor {
		if dir == p.dir {
			return true
		}
	}
	return false
}
