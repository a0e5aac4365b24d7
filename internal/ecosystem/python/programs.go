package python

import (
	"regexp"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/ecosystem/container"
	"github.com/plimsoll/plimsoll/internal/ecosystem/python/syntax"
	"github.com/plimsoll/plimsoll/internal/shell"
)

// starter is a function that starts a program.
type starter struct {
	arg     int    // that has its name, or a command line
	keyword string // of that argument
	shell   bool   // a shell reads it
	asks    bool   // starts nothing, but only a program that is started is asked for
}

// starters are functions by their full names.
var starters = map[string]starter{
	"subprocess.run": {keyword: "args"}, "subprocess.Popen": {keyword: "args"}, "subprocess.call": {keyword: "args"},
	"subprocess.check_call": {keyword: "args"}, "subprocess.check_output": {keyword: "args"},
	"subprocess.getoutput": {keyword: "cmd", shell: true}, "subprocess.getstatusoutput": {keyword: "cmd", shell: true},
	"os.system": {keyword: "command", shell: true}, "os.popen": {keyword: "cmd", shell: true},
	"os.execv": {}, "os.execve": {}, "os.execvp": {}, "os.execvpe": {}, "os.execl": {}, "os.execle": {}, "os.execlp": {}, "os.execlpe": {},
	"os.posix_spawn": {}, "os.posix_spawnp": {}, "os.spawnl": {arg: 1}, "os.spawnlp": {arg: 1}, "os.spawnv": {arg: 1}, "os.spawnvp": {arg: 1},
	"asyncio.create_subprocess_exec": {keyword: "program"}, "asyncio.create_subprocess_shell": {keyword: "cmd", shell: true},
	"shutil.which": {keyword: "cmd", asks: true},
}

// behind are modules that do their work by starting a program.
var behind = map[string]string{
	"git": "git", "pdfkit": "wkhtmltopdf", "imgkit": "wkhtmltoimage", "pydub": "ffmpeg", "ffmpeg": "ffmpeg",
	"pytesseract": "tesseract", "pdf2image": "pdftoppm", "pypandoc": "pandoc",
}

// startScan collects the external programs that the source starts.
type startScan struct {
	*resolver
	found   set
	unclear []ecosystem.Source // starts of which the program can't be told

	owners map[*scope]*syntax.Stmt // the function or class that a scope is of
	calls  map[string][]callSite   // by the last part of the name that is called
	bound  map[*scope]map[string][]syntax.Expr
	busy   map[syntax.Expr]bool // what is being resolved, so that "cmd = cmd.split()" ends
	steps  int
}

// callSite is one call, with where it stands.
type callSite struct {
	call *syntax.Call
	m    *module
	sc   *scope
}

// maxStartSteps bounds the work for all starts of an application, maxStartDepth that for one.
const (
	maxStartSteps = 20_000
	maxStartDepth = 20
)

func findPrograms(r *resolver) *startScan {
	s := &startScan{resolver: r, owners: map[*scope]*syntax.Stmt{}, calls: map[string][]callSite{}, bound: map[*scope]map[string][]syntax.Expr{}, busy: map[syntax.Expr]bool{}}
	var starts []callSite
	for _, m := range r.sources.list {
		m.each(func(st *syntax.Stmt, sc *scope) {
			if inner := sc.inner[st]; inner != nil {
				s.owners[inner] = st
			}
		})
		m.calls(func(c *syntax.Call, name string, sc *scope) {
			site := callSite{c, m, sc}
			if _, ok := starters[name]; ok {
				starts = append(starts, site)
				return
			}
			last := syntax.Dotted(c.Fun)
			last = last[strings.LastIndexByte(last, '.')+1:]
			s.calls[last] = append(s.calls[last], site)
		})
	}
	for _, site := range starts {
		s.start(site)
	}
	for _, m := range r.sources.list {
		m.each(func(st *syntax.Stmt, _ *scope) {
			for _, im := range st.Imports {
				top, _, _ := strings.Cut(im.Module, ".")
				if p := behind[top]; p != "" && im.Dots == 0 && r.sources.find("/", 0, top) == nil {
					s.found.add(p, m.at(im.Line, "the module "+top+" starts it"))
				}
			}
		})
	}
	return s
}

func (s *startScan) start(site callSite) {
	how, at := starters[site.m.qualified(site.call.Fun)], site.m.at(site.call.Line(), "starts it")
	x := site.call.Arg(how.arg, how.keyword)
	if flag := site.call.Keyword("shell"); flag != nil && syntax.Dotted(flag) != "False" {
		how.shell = true // or may be
	}
	c := command{x, site.sc, how.shell, at}
	if list, ok := x.(*syntax.List); ok && how.shell && len(list.Elems) > 0 { // the others are the shell's own arguments
		c.x = list.Elems[0]
	}
	if !s.add(c, 0) && !how.asks {
		at.Note = "starts a program"
		s.unclear = append(s.unclear, at)
	}
}

// command is an expression for a command line, or for a program and its arguments.
type command struct {
	x     syntax.Expr
	sc    *scope
	shell bool // a shell reads it
	at    ecosystem.Source
}

// with is the same command by another expression.
func (c command) with(x syntax.Expr, sc *scope) command {
	c.x, c.sc = x, sc
	return c
}

// add notes the programs that a command starts; false when it may start others.
func (s *startScan) add(c command, depth int) bool {
	s.steps++
	if c.x == nil || depth > maxStartDepth || s.steps > maxStartSteps {
		return false
	}
	if s.busy[c.x] {
		return true // itself, in other words: what it is otherwise decides
	}
	s.busy[c.x] = true
	defer delete(s.busy, c.x)
	if c.sc.module.qualified(c.x) == "sys.executable" {
		return true
	}
	switch x := c.x.(type) {
	case *syntax.Name:
		return s.addName(c, x.ID, depth)
	case *syntax.List:
		return s.addList(c, x.Elems, depth)
	case *syntax.Attr:
		if v, in := s.attribute(x, c.sc); v != nil && s.add(c.with(v, in), depth+1) {
			return true
		}
	case *syntax.Opaque:
		switch {
		case x.What == "*" && len(x.Parts) == 1:
			return s.add(c.with(x.Parts[0], c.sc), depth+1)
		case x.What == "if" && len(x.Parts) == 3: // value if condition else value
			return s.add(c.with(x.Parts[0], c.sc), depth+1) && s.add(c.with(x.Parts[2], c.sc), depth+1)
		}
		return false
	case *syntax.Call:
		if inner, ok := s.commandIn(c, x); ok {
			return s.add(inner, depth+1)
		}
		if decl, in := s.declared(callSite{x, c.sc.module, c.sc}); decl != nil {
			return s.addReturned(c, decl, in, depth)
		}
	case *syntax.Binary:
		if code, ok := s.code(x, c.sc, depth); ok && s.addText(c, code) {
			return true
		}
		if x.Op == "or" && !s.add(c.with(x.R, c.sc), depth+1) {
			return false
		}
		return (x.Op == "+" || x.Op == "or") && s.add(c.with(x.L, c.sc), depth+1) // a list, of which the first part names it
	}
	code, ok := s.code(c.x, c.sc, depth)
	return ok && s.addText(c, code)
}

// attribute is what self.x or module.X was given.
func (s *startScan) attribute(x *syntax.Attr, sc *scope) (syntax.Expr, *scope) {
	name := syntax.Dotted(x.X)
	for in := sc; in != nil && name == "self"; in = in.parent {
		if in.class != nil {
			return in.class.vars[x.Name], in.class
		}
	}
	if m, inner := s.sources.imported(sc.module, name); m != nil && inner == "" {
		return m.top.vars[x.Name], m.top
	}
	return nil, nil
}

// commandIn looks through calls that make a command out of another.
func (s *startScan) commandIn(c command, x *syntax.Call) (command, bool) {
	switch c.sc.module.qualified(x.Fun) {
	case "shlex.split", "shlex.join", "shutil.which", "list", "tuple", "str", "os.fspath":
		return c.with(x.Arg(0, "s"), c.sc), len(x.Args) > 0
	}
	attr, ok := x.Fun.(*syntax.Attr)
	switch {
	case !ok:
		return c, false
	case attr.Name == "join" && len(x.Args) == 1:
		if sep, ok := attr.X.(*syntax.Str); ok && strings.TrimSpace(sep.Value) == "" {
			return c.with(x.Args[0], c.sc), true
		}
	case attr.Name == "split" || attr.Name == "copy" || attr.Name == "strip":
		return c.with(attr.X, c.sc), true
	}
	return c, false
}

// addList notes the program of a list of words.
func (s *startScan) addList(c command, elems []syntax.Expr, depth int) bool {
	if len(elems) == 0 {
		return true // nothing is started
	}
	first, ok := s.text(elems[0], c.sc)
	if !ok || c.shell {
		return s.add(c.with(elems[0], c.sc), depth+1)
	}
	words := []string{shell.Quote([]string{first})}
	for _, e := range elems[1:] {
		word, _ := s.code(e, c.sc, depth)
		if word != unknown { // what stands for itself is left for the shell to expand
			word = shell.Quote([]string{word})
		}
		words = append(words, word)
	}
	c.shell = true // what stands behind sh -c, env and the like is found as in shell code
	return s.addText(c, strings.Join(words, " "))
}

// addText notes the programs of a command line.
func (s *startScan) addText(c command, code string) bool {
	if !c.shell {
		words := strings.Fields(code)
		if len(words) == 0 || strings.Contains(words[0], unknown) {
			return false
		}
		s.found.add(words[0], c.at)
		return true
	}
	names, all := container.Started(code)
	for _, name := range names {
		s.found.add(name, c.at)
	}
	return all
}

// unknown stands in a command line for what is only known when the program runs.
const unknown = "$UNKNOWN"

var placeholders = regexp.MustCompile(`%(?:\([^)]*\))?[-+ #0-9.]*[a-z]|\{[^{}]*\}`)

// code is the text of an expression, with holes where it is not known; false when nothing of it is.
func (s *startScan) code(x syntax.Expr, sc *scope, depth int) (string, bool) {
	if text, ok := s.text(x, sc); ok {
		return text, true
	}
	if depth > maxStartDepth {
		return unknown, false
	}
	switch x := x.(type) {
	case *syntax.FString:
		var b strings.Builder
		for _, p := range x.Parts {
			text, _ := s.code(p, sc, depth+1)
			b.WriteString(text)
		}
		return b.String(), true
	case *syntax.Binary:
		left, okLeft := s.code(x.L, sc, depth+1)
		switch right, okRight := s.code(x.R, sc, depth+1); x.Op {
		case "+":
			return left + right, okLeft || okRight
		case "%":
			return placeholders.ReplaceAllString(left, strings.ReplaceAll(unknown, "$", "$$")), okLeft
		}
	case *syntax.Call:
		if attr, ok := x.Fun.(*syntax.Attr); ok && attr.Name == "format" {
			text, ok := s.code(attr.X, sc, depth+1)
			return placeholders.ReplaceAllString(text, strings.ReplaceAll(unknown, "$", "$$")), ok
		}
	}
	return unknown, false
}

// addName notes the programs of all that a name may stand for.
func (s *startScan) addName(c command, name string, depth int) bool {
	for sc := c.sc; sc != nil; sc = sc.parent {
		owner := s.owners[sc]
		values := s.bindings(sc)[name]
		param := -1
		if owner != nil && owner.Kind == syntax.Def {
			param = slices.IndexFunc(owner.Params, func(p syntax.Param) bool { return p.Name == name })
		}
		if len(values) == 0 && param < 0 {
			continue
		}
		known := true
		for _, v := range values {
			known = s.add(c.with(v, sc), depth+1) && known
		}
		return known && (param < 0 || s.addParam(c, owner, sc, param, depth))
	}
	if m, inner := s.sources.imported(c.sc.module, name); m != nil && inner != "" {
		return s.add(c.with(&syntax.Name{ID: inner}, m.top), depth+1)
	}
	return false
}

// bindings are the values that the statements of a scope give to each name: all of them, since which one holds is only known when
// it runs.
func (s *startScan) bindings(sc *scope) map[string][]syntax.Expr {
	bound, done := s.bound[sc]
	if !done {
		bound = map[string][]syntax.Expr{}
		body := sc.module.body
		if owner := s.owners[sc]; owner != nil {
			body = owner.Body
		}
		bindIn(bound, body)
		s.bound[sc] = bound
	}
	return bound
}

func bindIn(bound map[string][]syntax.Expr, body []*syntax.Stmt) {
	for _, st := range body {
		switch {
		case st.Kind == syntax.Assign && st.Op == "=" && st.Value != nil && !isNone(st.Value):
			for _, t := range st.Targets {
				name := syntax.Dotted(t)
				bound[name] = append(bound[name], st.Value)
			}
		case st.Kind == syntax.Block:
			for _, x := range st.Exprs { // a loop over commands, or a question which of them it is
				if in, ok := x.(*syntax.Binary); ok && in.Op == "in" {
					if list, ok := in.R.(*syntax.List); ok {
						name := syntax.Dotted(in.L)
						bound[name] = append(bound[name], list.Elems...)
					}
				}
			}
			bindIn(bound, st.Body)
		}
	}
}

// addParam notes the programs that a function's callers give it.
func (s *startScan) addParam(c command, decl *syntax.Stmt, sc *scope, param, depth int) bool {
	known, given := true, false
	if d := decl.Params[param].Default; d != nil && !isNone(d) {
		known, given = s.add(c.with(d, sc), depth+1), true
	}
	position := param
	if sc.class != nil && len(decl.Params) > 0 && (decl.Params[0].Name == "self" || decl.Params[0].Name == "cls") {
		position--
	}
	for _, site := range s.calls[decl.Name] {
		if s.steps++; s.steps > maxStartSteps {
			return false
		}
		if called, _ := s.declared(site); called != decl {
			continue
		}
		arg := site.call.Arg(position, decl.Params[param].Name)
		if arg == nil && given {
			continue // the default
		}
		given = true
		inner := c.with(arg, site.sc)
		inner.at = site.m.at(site.call.Line(), "starts it")
		known = s.add(inner, depth+1) && known
	}
	return known && given
}

// declared finds the function of the application that a call calls, with its scope.
func (s *startScan) declared(site callSite) (*syntax.Stmt, *scope) {
	name := syntax.Dotted(site.call.Fun)
	first, rest, dotted := strings.Cut(name, ".")
	for sc := site.sc; sc != nil; sc = sc.parent {
		in := sc
		if dotted && (first == "self" || first == "cls") {
			if in = sc.class; in == nil {
				continue
			}
			first = rest
		} else if dotted {
			break
		}
		if d := in.decls[first]; d != nil && d.Kind == syntax.Def {
			return d, in.inner[d]
		}
	}
	m, inner := s.sources.imported(site.m, first)
	if inner == "" {
		inner = rest
	} else if dotted {
		return nil, nil
	}
	if m == nil {
		return nil, nil
	}
	if d := m.top.decls[inner]; d != nil && d.Kind == syntax.Def {
		return d, m.top.inner[d]
	}
	return nil, nil
}

// addReturned notes the programs of the lists that a function makes and returns.
func (s *startScan) addReturned(c command, decl *syntax.Stmt, sc *scope, depth int) bool {
	known, some := true, false
	for _, x := range returned(decl.Body) {
		some = true
		known = s.add(c.with(x, sc), depth+1) && known
	}
	return known && some
}

// returned are expressions that stand alone in a function and can be what it returns.
func returned(body []*syntax.Stmt) (list []syntax.Expr) {
	for _, st := range body {
		switch {
		case st.Kind == syntax.Block:
			list = append(list, returned(st.Body)...)
		case st.Kind == syntax.Other && len(st.Exprs) == 1:
			switch st.Exprs[0].(type) {
			case *syntax.List, *syntax.Name, *syntax.Binary, *syntax.FString:
				list = append(list, st.Exprs[0])
			}
		}
	}
	return list
}
