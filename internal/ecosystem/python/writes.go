package python

import (
	"path"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/ecosystem/python/requirements"
	"github.com/plimsoll/plimsoll/internal/ecosystem/python/syntax"
)

// writer describes a function that writes to one of its arguments.
type writer struct {
	arg     int
	keyword string
	dir     bool
	why     string
}

// writers are functions by their full names.
var writers = map[string]writer{
	"sqlite3.connect":                      {0, "database", false, "opens a sqlite database"},
	"aiosqlite.connect":                    {0, "database", false, "opens a sqlite database"},
	"apsw.Connection":                      {0, "filename", false, "opens a sqlite database"},
	"tinydb.TinyDB":                        {0, "path", false, "opens a TinyDB file"},
	"shelve.open":                          {0, "filename", false, "opens a shelf"},
	"os.makedirs":                          {0, "name", true, "makes a directory"},
	"os.mkdir":                             {0, "path", true, "makes a directory"},
	"logging.FileHandler":                  {0, "filename", false, "writes a log file"},
	"logging.handlers.RotatingFileHandler": {0, "filename", false, "writes a log file"},
	"logging.handlers.TimedRotatingFileHandler": {0, "filename", false, "writes a log file"},
	"logging.handlers.WatchedFileHandler":       {0, "filename", false, "writes a log file"},
	"logging.basicConfig":                       {99, "filename", false, "writes a log file"},
	"shutil.copy":                               {1, "dst", false, "copies to it"},
	"shutil.copy2":                              {1, "dst", false, "copies to it"},
	"shutil.copyfile":                           {1, "dst", false, "copies to it"},
	"shutil.copytree":                           {1, "dst", true, "copies to it"},
	"shutil.move":                               {1, "dst", false, "moves to it"},
	"os.rename":                                 {1, "dst", false, "moves to it"},
	"os.replace":                                {1, "dst", false, "moves to it"},
}

// pathWriters are methods of pathlib.Path that write to the path they are called on.
var pathWriters = map[string]bool{"mkdir": true, "write_text": true, "write_bytes": true, "touch": true}

// folders are settings that name a directory for uploads.
var folders = map[string]bool{"UPLOAD_FOLDER": true, "UPLOAD_DIR": true, "UPLOADS_DIR": true, "UPLOAD_DIRECTORY": true, "MEDIA_ROOT": true}

// writeScan collects the paths that the source writes.
type writeScan struct {
	*resolver
	flaskSQLAlchemy bool // version 3 or later: relative databases lie in instance/
	found           []ecosystem.Fact[ecosystem.Write]
	unclear         []ecosystem.Source
}

func findWrites(r *resolver, deps []dependency) *writeScan {
	w := &writeScan{resolver: r, flaskSQLAlchemy: modernFlaskSQLAlchemy(deps)}
	for _, m := range r.sources.list {
		m.exprs(func(x syntax.Expr, sc *scope) bool { return w.expr(m, x, sc) })
		m.each(func(s *syntax.Stmt, sc *scope) { w.setting(m, s, sc) })
	}
	return w
}

func modernFlaskSQLAlchemy(deps []dependency) bool {
	for _, d := range deps {
		if d.Name == "flask-sqlalchemy" {
			pinned := d.Pinned()
			return pinned == "" || requirements.CompareVersions(pinned, "3") >= 0
		}
	}
	return false
}

// expr looks at one expression; false means that its parts need no look.
func (w *writeScan) expr(m *module, x syntax.Expr, sc *scope) bool {
	switch x := x.(type) {
	case *syntax.Call:
		w.call(m, x, sc)
		if _, _, env := envRead(m.qualified(x.Fun), x); env {
			return !w.databaseURL(m, x, sc)
		}
	case *syntax.Dict:
		w.dict(m, x, sc)
	case *syntax.Str, *syntax.FString, *syntax.Binary:
		return !w.databaseURL(m, x, sc)
	}
	return true
}

func (w *writeScan) call(m *module, c *syntax.Call, sc *scope) {
	name := m.qualified(c.Fun)
	if wr, ok := writers[name]; ok {
		w.add(m, c.Line(), c.Arg(wr.arg, wr.keyword), sc, wr.dir, wr.why)
		return
	}
	if name == "open" || name == "io.open" || name == "codecs.open" || name == "aiofiles.open" || name == "gzip.open" {
		if writesMode(c.Arg(1, "mode")) {
			w.add(m, c.Line(), c.Arg(0, "file"), sc, false, "opens it for writing")
		}
		return
	}
	w.method(m, c, sc)
}

func (w *writeScan) method(m *module, c *syntax.Call, sc *scope) {
	attr, ok := c.Fun.(*syntax.Attr)
	if !ok {
		return
	}
	switch {
	case attr.Name == "open" && writesMode(c.Arg(0, "mode")):
		w.add(m, c.Line(), attr.X, sc, false, "opens it for writing")
	case attr.Name == "save" && len(c.Args) == 1 && m.imports["Flask"].Module == "flask": // an uploaded file's save
		w.add(m, c.Line(), c.Args[0], sc, false, "saves an upload")
	case pathWriters[attr.Name] && syntax.Dotted(attr.X) != "os":
		w.add(m, c.Line(), attr.X, sc, attr.Name == "mkdir", "calls "+attr.Name)
	}
}

func writesMode(x syntax.Expr) bool {
	s, ok := x.(*syntax.Str)
	return ok && len(s.Value) <= 4 && strings.ContainsAny(s.Value, "wax+") && strings.Trim(s.Value, "wax+rbtU") == ""
}

// dict reads Django's database settings and logging's handler settings.
func (w *writeScan) dict(m *module, d *syntax.Dict, sc *scope) {
	get := func(key string) syntax.Expr {
		for i, k := range d.Keys {
			if s, ok := k.(*syntax.Str); ok && s.Value == key {
				return d.Values[i]
			}
		}
		return nil
	}
	if engine, ok := get("ENGINE").(*syntax.Str); ok && strings.HasSuffix(engine.Value, "sqlite3") {
		if name := get("NAME"); name != nil {
			w.add(m, name.Line(), name, sc, false, "is the sqlite database of the settings")
		}
	}
	if class, ok := get("class").(*syntax.Str); ok && strings.HasSuffix(class.Value, "FileHandler") {
		if name := get("filename"); name != nil {
			w.add(m, name.Line(), name, sc, false, "writes a log file")
		}
	}
}

// setting reads UPLOAD_FOLDER = … and config["UPLOAD_FOLDER"] = ….
func (w *writeScan) setting(m *module, s *syntax.Stmt, sc *scope) {
	if s.Kind != syntax.Assign || s.Value == nil {
		return
	}
	for _, t := range s.Targets {
		if name := settingName(t); folders[name] {
			w.add(m, s.Line, s.Value, sc, true, "is the folder for uploads")
		}
	}
}

func settingName(x syntax.Expr) string {
	if ix, ok := x.(*syntax.Index); ok {
		if s, ok := ix.I.(*syntax.Str); ok {
			return s.Value
		}
	}
	dotted := syntax.Dotted(x)
	return dotted[strings.LastIndexByte(dotted, '.')+1:]
}

// databaseURL recognises sqlite:///path; true when the expression is such an address.
func (w *writeScan) databaseURL(m *module, x syntax.Expr, sc *scope) bool {
	text, ok := w.text(x, sc)
	if !ok || !strings.HasPrefix(text, "sqlite") {
		return false
	}
	scheme, file, found := strings.Cut(text, ":///")
	if !found || strings.ContainsAny(scheme, " /:") {
		return false
	}
	file, _, _ = strings.Cut(file, "?")
	if file == "" || file == ":memory:" || strings.HasPrefix(file, "file:") {
		return true
	}
	if w.flaskSQLAlchemy && !path.IsAbs(file) {
		w.record(m, x.Line(), "instance", true, "Flask-SQLAlchemy 3 keeps sqlite databases in the instance folder")
		return true
	}
	w.record(m, x.Line(), file, false, "is the address of a sqlite database")
	return true
}

func (w *writeScan) add(m *module, line int, x syntax.Expr, sc *scope, dir bool, why string) {
	if x == nil {
		return
	}
	text, ok := w.text(x, sc)
	if !ok {
		w.unclear = append(w.unclear, m.at(line, why))
		return
	}
	if strings.HasPrefix(text, "file:") || text == ":memory:" || text == "" {
		return
	}
	w.record(m, line, text, dir, why)
}

// maxWrites bounds the paths of one application.
const maxWrites = 500

// scratch are places that every image has and that anyone may write.
var scratch = []string{"/tmp", "/var/tmp", "/dev", "/proc", "/run"}

func (w *writeScan) record(m *module, line int, name string, dir bool, why string) {
	name = w.relative(name)
	if len(w.found) >= maxWrites || name == "." || slices.ContainsFunc(scratch, func(s string) bool { return name == s || strings.HasPrefix(name, s+"/") }) {
		return
	}
	write := ecosystem.Write{Path: name, Dir: dir}
	for i, f := range w.found {
		if f.Value.Path == name {
			w.found[i].Value.Dir = f.Value.Dir || dir
			return
		}
	}
	w.found = append(w.found, ecosystem.Fact[ecosystem.Write]{Value: write, Source: m.at(line, why)})
}

// relative gives paths below the working directory as the contract wants them.
func (w *writeScan) relative(name string) string {
	name = path.Clean(name)
	if w.workdir != "/" {
		if rest, ok := strings.CutPrefix(name, w.workdir+"/"); ok {
			return rest
		}
		if name == w.workdir {
			return "."
		}
	}
	return name
}
