package node

import (
	"path"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/ecosystem"
)

// writer is a function that writes to the path in one of its arguments.
type writer struct {
	arg int
	dir bool
}

// writers are functions of node:fs by their names; the forms with Sync are alike. From Node.js's own reference.
var writers = map[string]writer{
	"writeFile": {0, false}, "appendFile": {0, false}, "createWriteStream": {0, false}, "outputFile": {0, false}, "outputJson": {0, false}, "writeJson": {0, false},
	"mkdir": {0, true}, "ensureDir": {0, true}, "mkdirp": {0, true}, "rename": {1, false}, "copyFile": {1, false},
}

// scratch are places that every image has and that anyone may write.
var scratch = []string{"/tmp", "/var/tmp", "/dev", "/proc", "/run"}

func (d *detection) writes() (list []ecosystem.Fact[ecosystem.Write]) {
	for _, s := range d.src {
		if s.buildsOnly() {
			continue
		}
		for i, t := range s.toks {
			if t.kind != name {
				continue
			}
			at, dir, what := s.writeAt(i)
			if at < 0 {
				continue
			}
			v, next, ok := s.eval(at, 0)
			if end := s.tok(next); !ok || !end.is(",") && !end.is(")") && !end.is("}") {
				d.note("writes", "a path that is only known when the program runs: "+what, s.at(t.line, what))
				continue
			}
			list = d.addWrite(list, s, t.line, v, dir, what)
		}
	}
	return list
}

func (d *detection) addWrite(list []ecosystem.Fact[ecosystem.Write], s *source, line int, v value, dir bool, what string) []ecosystem.Fact[ecosystem.Write] {
	where := path.Clean(v.text)
	if rest, ok := strings.CutPrefix(where, strings.TrimSuffix(d.state.Workdir, "/")+"/"); ok && v.based {
		where = rest
	}
	if v.text == "" || v.text == ":memory:" || where == "." || where == d.state.Workdir || slices.ContainsFunc(scratch, func(p string) bool { return where == p || strings.HasPrefix(where, p+"/") }) {
		return list
	}
	for i, f := range list {
		if f.Value.Path == where {
			list[i].Value.Dir = f.Value.Dir || dir
			return list
		}
	}
	return append(list, ecosystem.Fact[ecosystem.Write]{Value: ecosystem.Write{Path: where, Dir: dir}, Source: s.at(line, what)})
}

// writeAt finds the place of the path that a call writes to; -1 when the name is no such call.
func (s *source) writeAt(i int) (at int, dir bool, what string) {
	t := s.toks[i]
	if w, ok := writers[strings.TrimSuffix(t.text, "Sync")]; ok && s.tok(i+1).is("(") && !s.tok(i-1).is("function") {
		if args := s.args(i + 1); len(args) > w.arg {
			return args[w.arg], w.dir, "calls " + t.text
		}
	}
	constructed := s.tok(i-1).is("new") || s.tok(i-1).is(".") && s.tok(i-3).is("new")
	if (t.text == "Database" || t.text == "DatabaseSync") && s.tok(i+1).is("(") && constructed && s.loads("better-sqlite3", "sqlite3", "node:sqlite", "@vscode/sqlite3") {
		if args := s.args(i + 1); len(args) > 0 {
			return args[0], false, "opens a sqlite database"
		}
	}
	if (t.text == "dest" || t.text == "destination") && s.tok(i+1).is(":") && s.tok(i+2).kind == text && s.loads("multer") {
		return i + 2, true, "is the folder for uploads"
	}
	return -1, false, ""
}

func (s *source) loads(modules ...string) bool {
	return slices.ContainsFunc(s.imports(), func(im imported) bool { return slices.Contains(modules, im.path) })
}

// starters are functions of node:child_process.
var starters = []string{"exec", "execSync", "execFile", "execFileSync", "spawn", "spawnSync"}

func (d *detection) programs() (list []ecosystem.Fact[string]) {
	for _, s := range d.src {
		if !s.loads("child_process", "node:child_process") {
			continue
		}
		for i, t := range s.toks {
			if t.kind != name || !slices.Contains(starters, t.text) || !s.tok(i+1).is("(") {
				continue
			}
			if before := s.tok(i - 1); before.is(".") && !slices.Contains([]string{"child_process", "cp", "childProcess"}, s.tok(i-2).text) {
				continue // RegExp's exec
			}
			v, _, ok := s.eval(i+2, 0)
			words := strings.Fields(v.text)
			if !ok || len(words) == 0 {
				d.note("programs", "starts a program that is only known when it runs", s.at(t.line, t.text))
				continue
			}
			if !slices.ContainsFunc(list, func(f ecosystem.Fact[string]) bool { return f.Value == words[0] }) {
				list = append(list, ecosystem.Fact[string]{Value: words[0], Source: s.at(t.line, "starts it")})
			}
		}
	}
	return list
}
