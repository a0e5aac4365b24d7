package golang

import (
	"go/ast"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/plimsoll/plimsoll/internal/ecosystem"
)

// readers are functions that read files, with the arguments that are paths.
var readers = map[string][]int{
	"os.Open": {0}, "os.ReadFile": {0}, "os.OpenFile": {0}, "os.ReadDir": {0}, "os.DirFS": {0}, "os.OpenRoot": {0}, "os.CopyFS": {0},
	"io/ioutil.ReadFile": {0}, "io/ioutil.ReadDir": {0},
	"net/http.Dir": {0}, "net/http.ServeFile": {2},
	"path/filepath.Walk": {0}, "path/filepath.WalkDir": {0}, "path/filepath.Glob": {0},
	"html/template.ParseGlob": {0}, "text/template.ParseGlob": {0}, ".ParseGlob": {0}, ".LoadHTMLGlob": {0},
	"crypto/tls.LoadX509KeyPair": {0, 1}, "archive/zip.OpenReader": {0},
	"net/http.ListenAndServeTLS": {1, 2}, ".ListenAndServeTLS": {0, 1},
}

// allPaths are readers all of whose arguments are paths.
var allPaths = map[string]bool{"html/template.ParseFiles": true, "text/template.ParseFiles": true, ".ParseFiles": true, ".LoadHTMLFiles": true}

// byConvention are modules that look for files by names of their own.
var byConvention = map[string]string{
	"github.com/spf13/viper": "looks for a configuration file", "github.com/joho/godotenv": "looks for .env",
	"github.com/beego/beego": "looks for conf/ and views/", "github.com/knadh/koanf": "looks for a configuration file",
	"github.com/revel/revel": "looks for conf/ and app/", "github.com/nicksnyder/go-i18n": "loads message files",
	"github.com/gobuffalo/packr": "looks for the folders of its boxes", "github.com/foolin/goview": "looks for views/",
}

// reading gathers what the program reads at run time from files that the image has of the context.
type reading struct {
	d       *detection
	found   []ecosystem.Carry
	unclear ecosystem.Source // a read whose path is not known; the zero Source when there is none
}

// reads lists the files and directories that have to lie in the runner.
func (d *detection) reads() *reading {
	r := &reading{d: d}
	d.src.calls(r.call)
	d.src.nodes(r.literal)
	r.words()
	r.scripts()
	for _, req := range d.mod.file.Require {
		for module, why := range byConvention {
			if req.Mod.Path == module || strings.HasPrefix(req.Mod.Path, module+"/") {
				r.guess(d.mod.at(req.Syntax, module+" "+why))
			}
		}
	}
	if r.unclear.File != "" {
		r.everything()
	}
	return r
}

// guess remembers the first read that can't be followed.
func (r *reading) guess(source ecosystem.Source) {
	if r.unclear.File == "" {
		r.unclear = source
	}
}

func (r *reading) call(c *ast.CallExpr, name string, at place) {
	indexes := readers[name]
	if allPaths[name] {
		for i := range c.Args {
			indexes = append(indexes, i)
		}
	}
	for _, i := range indexes {
		if i >= len(c.Args) || name == "os.OpenFile" && creates(c) {
			continue
		}
		r.path(c.Args[i], at)
	}
}

// path follows one path that is read.
func (r *reading) path(x ast.Expr, at place) {
	k := r.d.src.text(x, at)
	source := r.d.src.at(x, "is read at run time")
	for _, t := range k.texts {
		r.add(t, source, true)
	}
	if k.all {
		return
	}
	if dir := r.d.src.prefix(x, at); dir != "" {
		if r.add(dir, source, true) {
			return
		}
		if path.IsAbs(dir) && dir != "/" {
			return // a place that no COPY fills
		}
	}
	source.Note = "reads a path that is only known when it runs"
	r.guess(source)
}

// literal takes every text of the source that names a file of the context: it may be given to what reads it.
func (r *reading) literal(n ast.Node, at place) {
	lit, ok := n.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING || len(lit.Value) < 3 || len(lit.Value) > 500 {
		return
	}
	text, err := strconv.Unquote(lit.Value)
	if err != nil || text == "." || text == "/" || text == ".." || strings.ContainsAny(text, "\n\x00") {
		return
	}
	if r.embedded(text, at.f.pkg) {
		return
	}
	text = strings.TrimPrefix(text, "file://")
	r.add(text, r.d.src.at(lit, "names it"), false)
}

// embedded tells whether a package has what a text names in its binary.
func (r *reading) embedded(text string, p *pkg) bool {
	name := path.Join(p.dir, text)
	for _, e := range p.embeds {
		if matched, err := path.Match(e, name); err == nil && matched || name == e || strings.HasPrefix(name, e+"/") || strings.HasPrefix(e, name+"/") {
			return true
		}
	}
	return false
}

// words are the start command's arguments and the image's variables: both may name files.
func (r *reading) words() {
	args := r.d.start.Likely
	for _, a := range args[min(1, len(args)):] {
		_, value, joined := strings.Cut(a, "=")
		if !joined {
			value = a
		}
		r.word(value, r.d.docker(r.d.start.Line, "the command names it"))
	}
	for _, v := range r.d.state.Env {
		if v.By != nil {
			r.word(v.Value, r.d.docker(r.d.in.Dockerfile.Position(v.By.Span.Start).Line, v.Name+" names it"))
		}
	}
}

// scripts are what the shell code names that the program starts, and the scripts of the context themselves.
func (r *reading) scripts() {
	started := r.d.started
	for _, p := range started.programs {
		if _, place, ok := r.d.inContext(p.Value); ok {
			r.add(place, p.Source, true)
		}
	}
	for _, w := range started.names {
		r.add(w.Value, w.Source, false)
	}
	if started.unclear.File != "" {
		r.guess(started.unclear)
	}
}

// word is a path that is given to the program. The working directory is one that the source lies
// in as well: what is no source of it is carried.
func (r *reading) word(value string, source ecosystem.Source) {
	if value == "" {
		return
	}
	if image := r.d.absolute(value); image == r.d.state.Workdir {
		r.guess(source)
		return
	}
	r.add(value, source, false)
}

// add carries what a path or pattern names, where the image has it from the
// context. It reports whether there is such a thing. What is only named, and not known to be read, is
// left out where it looks like source: "api" may be the folder api, and mostly is not.
func (r *reading) add(name string, source ecosystem.Source, read bool) bool {
	if name == "" || len(name) > 500 || strings.ContainsAny(name, " \t\"'$\\") {
		return false
	}
	image := r.d.absolute(name)
	if i := strings.IndexAny(image, "*?["); i >= 0 {
		image = path.Dir(image[:i] + "x")
	}
	inContext, ok := r.d.files.InContext(image)
	if !ok || !fs.ValidPath(inContext) || image == "/" {
		return false
	}
	info, err := fs.Stat(r.d.in.Context, inContext)
	if err != nil || !read && r.isSource(inContext, info) {
		return false
	}
	r.carry(ecosystem.Carry{From: image, To: image, Why: "read at run time", Source: source})
	return true
}

// isSource reports whether a file or directory of the context looks like source and nothing else.
func (r *reading) isSource(name string, info fs.FileInfo) bool {
	if info.IsDir() {
		return name != "." && !r.d.hasData(name)
	}
	return strings.HasSuffix(name, ".go") || path.Base(name) == "go.mod"
}

// carry adds a path unless one above it is there, and takes out those below it.
func (r *reading) carry(c ecosystem.Carry) {
	for _, old := range r.found {
		if old.From == c.From || strings.HasPrefix(c.From, old.From+"/") {
			return
		}
	}
	r.found = slices.DeleteFunc(r.found, func(old ecosystem.Carry) bool { return strings.HasPrefix(old.From, c.From+"/") })
	r.found = append(r.found, c)
}

// everything carries all that is no source of the working directory: with a
// path that is not known, any of it may be read.
func (r *reading) everything() {
	source := r.unclear
	dir, ok := r.d.files.InContext(r.d.state.Workdir)
	if !ok || !fs.ValidPath(dir) {
		return
	}
	entries, err := fs.ReadDir(r.d.in.Context, dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		if !isData(e) || forPeople(e) || e.IsDir() && !r.d.hasData(name) {
			continue
		}
		image := r.d.absolute(e.Name())
		if in, ok := r.d.files.InContext(image); !ok || in != name {
			continue
		}
		r.carry(ecosystem.Carry{From: image, To: image, Why: "may be read at run time", Source: source})
	}
}

// isData tells whether an entry may be data: neither source of the program nor what goes with it.
func isData(e fs.DirEntry) bool {
	lower := strings.ToLower(e.Name())
	if e.IsDir() {
		return !slices.Contains([]string{"vendor", "testdata", "node_modules", ".git", ".github", ".gitlab", ".idea", ".vscode"}, lower)
	}
	ext := path.Ext(lower)
	return ext != ".go" && ext != ".test" && !slices.Contains([]string{"go.mod", "go.sum", "go.work", "go.work.sum"}, lower)
}

// forPeople tells whether a file is one for people and tools, where it lies at the top of the working directory or beside
// source. Elsewhere it may be anything: the pages of a server are .md as well.
func forPeople(e fs.DirEntry) bool {
	lower := strings.ToLower(e.Name())
	begins := func(prefix string) bool { return strings.HasPrefix(lower, prefix) }
	return !e.IsDir() && (slices.Contains([]string{".md", ".dockerfile"}, path.Ext(lower)) || slices.Contains(toolFiles, lower) ||
		slices.ContainsFunc([]string{"dockerfile", "docker-compose", "compose.y", ".git", ".golangci"}, begins))
}

// toolFiles are names of such files.
var toolFiles = []string{
	"license", "license.txt", "licence", "notice", "makefile", "taskfile.yml", "taskfile.yaml", "coverage.out", "coverage.html", "coverage.txt",
	".dockerignore", ".editorconfig",
}

// maxLooked bounds the entries that are looked at for one directory.
const maxLooked = 20_000

// hasData tells whether a directory has files other than source and what goes with it.
func (d *detection) hasData(dir string) bool {
	found, looked := false, 0
	beside := map[string]bool{} // directories by whether source lies in them
	// What can't be read can't be copied either.
	_ = fs.WalkDir(d.in.Context, dir, func(name string, e fs.DirEntry, err error) error {
		looked++
		switch {
		case err != nil:
			return nil
		case looked > maxLooked:
			found = true
			return fs.SkipAll
		case name != dir && !isData(e):
			if e.IsDir() {
				return fs.SkipDir
			}
		case e.IsDir():
			beside[name] = d.holdsGo(name)
		case !forPeople(e) || !beside[path.Dir(name)]:
			found = true
			return fs.SkipAll
		}
		return nil
	})
	return found
}

// holdsGo reports whether Go source lies right in a directory.
func (d *detection) holdsGo(dir string) bool {
	// A malformed pattern matches nothing.
	files, _ := fs.Glob(d.in.Context, path.Join(dir, "*.go"))
	return len(files) > 0
}
