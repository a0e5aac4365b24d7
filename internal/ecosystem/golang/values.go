package golang

import (
	"go/ast"
	"go/token"
	"path"
	"slices"
	"strconv"
	"strings"
)

// maxDepth bounds how far a value is followed; maxValues how many it may have.
const (
	maxDepth  = 12
	maxValues = 20
)

// index gathers a package's constants, variables, functions and what is assigned to fields.
func (s *sources) index(p *pkg) {
	for _, f := range p.files {
		for _, decl := range f.syntax.Decls {
			switch decl := decl.(type) {
			case *ast.FuncDecl:
				if decl.Recv == nil {
					p.funcs[decl.Name.Name] = decl
				}
			case *ast.GenDecl:
				s.indexDecl(p, f, decl)
			}
		}
		ast.Inspect(f.syntax, func(n ast.Node) bool { s.indexField(f, n); return true })
	}
}

func (s *sources) indexDecl(p *pkg, f *file, decl *ast.GenDecl) {
	for _, spec := range decl.Specs {
		v, ok := spec.(*ast.ValueSpec)
		if !ok {
			continue
		}
		for i, name := range v.Names {
			if i < len(v.Values) {
				p.values[name.Name] = value{v.Values[i], f}
			}
		}
	}
}

func (s *sources) indexField(f *file, n ast.Node) {
	switch n := n.(type) {
	case *ast.KeyValueExpr:
		if id, ok := n.Key.(*ast.Ident); ok {
			s.fields[id.Name] = append(s.fields[id.Name], value{n.Value, f})
		}
	case *ast.AssignStmt:
		for i, left := range n.Lhs {
			if sel, ok := left.(*ast.SelectorExpr); ok && len(n.Lhs) == len(n.Rhs) {
				s.fields[sel.Sel.Name] = append(s.fields[sel.Sel.Name], value{n.Rhs[i], f})
			}
		}
	}
}

// place is where an expression stands.
type place struct {
	f  *file
	fn *ast.FuncDecl // nil outside functions
}

// known are the texts that an expression may have. All says that there are no
// others but those that whoever starts the program gives it by a variable of the environment or a flag.
type known struct {
	texts []string
	all   bool
}

func (k known) first() string {
	if len(k.texts) == 0 {
		return ""
	}
	return k.texts[0]
}

// evaluator follows values within bounds.
type evaluator struct {
	*sources
	depth int
	steps int
}

// text evaluates an expression to texts, numbers as decimal digits.
func (s *sources) text(x ast.Expr, at place) known {
	e := &evaluator{sources: s}
	return e.eval(x, at)
}

func (e *evaluator) eval(x ast.Expr, at place) known {
	e.steps++
	if e.depth >= maxDepth || e.steps > 2000 {
		return known{}
	}
	e.depth++
	defer func() { e.depth-- }()
	switch x := x.(type) {
	case *ast.BasicLit:
		return literal(x)
	case *ast.ParenExpr:
		return e.eval(x.X, at)
	case *ast.StarExpr:
		return e.eval(x.X, at)
	case *ast.BinaryExpr:
		if x.Op == token.ADD {
			return join(e.eval(x.X, at), e.eval(x.Y, at), "")
		}
	case *ast.Ident:
		return e.ident(x, at)
	case *ast.SelectorExpr:
		return e.selector(x, at)
	case *ast.CallExpr:
		return e.call(x, at)
	}
	return known{}
}

func literal(x *ast.BasicLit) known {
	switch x.Kind {
	case token.STRING:
		if text, err := strconv.Unquote(x.Value); err == nil {
			return known{[]string{text}, true}
		}
	case token.INT:
		return known{[]string{x.Value}, true}
	}
	return known{}
}

// join puts every text of one behind every text of the other.
func join(a, b known, between string) known {
	out := known{all: a.all && b.all}
	for _, x := range a.texts {
		for _, y := range b.texts {
			if len(out.texts) < maxValues && len(x)+len(y) < 4096 {
				out.texts = append(out.texts, x+between+y)
			}
		}
	}
	return out
}

func union(a, b known) known {
	for _, t := range b.texts {
		if !slices.Contains(a.texts, t) && len(a.texts) < maxValues {
			a.texts = append(a.texts, t)
		}
	}
	return known{a.texts, a.all && b.all}
}

func (e *evaluator) ident(x *ast.Ident, at place) known {
	if at.fn != nil {
		if list, local := e.assigned(at.fn)[x.Name]; local {
			out := known{all: true}
			for _, v := range list {
				if v == nil {
					out.all = false
					continue
				}
				if text, ok := v.(*ast.BasicLit); ok && text.Value == `""` && len(list) > 1 {
					continue
				}
				out = union(out, e.eval(v, at))
			}
			return out
		}
	}
	if v, ok := at.f.pkg.values[x.Name]; ok {
		out := e.eval(v.x, place{v.f, nil})
		out.all = out.all && !e.reassigned(at.f.pkg, x.Name)
		return out
	}
	return known{}
}

// reassigned reports whether a function of the package assigns to a variable of the package.
func (e *evaluator) reassigned(p *pkg, name string) bool {
	for _, f := range p.files {
		for _, decl := range f.syntax.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if _, assigned := e.assigned(fn)[name]; assigned {
				return true
			}
		}
	}
	return false
}

func (e *evaluator) selector(x *ast.SelectorExpr, at place) known {
	if id, ok := x.X.(*ast.Ident); ok {
		if target, imported := at.f.imports[id.Name]; imported {
			p := e.byPath[target]
			if p == nil {
				return known{}
			}
			if v, ok := p.values[x.Sel.Name]; ok {
				return e.eval(v.x, place{v.f, nil})
			}
			return known{}
		}
	}
	list := e.fields[x.Sel.Name]
	out := known{all: len(list) > 0}
	for _, v := range list[:min(len(list), maxValues)] {
		out = union(out, e.eval(v.x, place{v.f, e.enclosing(v.f, v.x)}))
	}
	return out
}

// enclosing is the function that a node stands in.
func (s *sources) enclosing(f *file, n ast.Node) *ast.FuncDecl {
	for _, decl := range f.syntax.Decls {
		if fn, ok := decl.(*ast.FuncDecl); ok && fn.Pos() <= n.Pos() && n.End() <= fn.End() {
			return fn
		}
	}
	return nil
}

// assigned lists what a function assigns to its variables; nil stands for what can't be followed.
func (s *sources) assigned(fn *ast.FuncDecl) map[string][]ast.Expr {
	if m, ok := s.locals[fn]; ok {
		return m
	}
	m := map[string][]ast.Expr{}
	s.locals[fn] = m
	params(m, fn.Recv)
	params(m, fn.Type.Params)
	ast.Inspect(fn, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			params(m, n.Type.Params)
		case *ast.AssignStmt:
			assignment(m, n)
		case *ast.ValueSpec:
			for i, name := range n.Names {
				if i < len(n.Values) {
					m[name.Name] = append(m[name.Name], n.Values[i])
				} else if _, ok := m[name.Name]; !ok {
					m[name.Name] = []ast.Expr{}
				}
			}
		case *ast.RangeStmt:
			for _, x := range []ast.Expr{n.Key, n.Value} {
				if id, ok := x.(*ast.Ident); ok {
					m[id.Name] = append(m[id.Name], nil)
				}
			}
		case *ast.CallExpr:
			flagVar(m, n)
		}
		return true
	})
	return m
}

func params(m map[string][]ast.Expr, list *ast.FieldList) {
	if list == nil {
		return
	}
	for _, field := range list.List {
		for _, name := range field.Names {
			m[name.Name] = append(m[name.Name], nil)
		}
	}
}

func assignment(m map[string][]ast.Expr, n *ast.AssignStmt) {
	for i, left := range n.Lhs {
		id, ok := left.(*ast.Ident)
		if !ok || id.Name == "_" {
			continue
		}
		switch {
		case n.Tok != token.DEFINE && n.Tok != token.ASSIGN:
			m[id.Name] = append(m[id.Name], nil)
		case len(n.Lhs) == len(n.Rhs):
			m[id.Name] = append(m[id.Name], n.Rhs[i])
		case i == 0:
			m[id.Name] = append(m[id.Name], n.Rhs[0])
		default:
			m[id.Name] = append(m[id.Name], nil)
		}
	}
}

// flagVar reads flag.StringVar(&name, …).
func flagVar(m map[string][]ast.Expr, n *ast.CallExpr) {
	sel, ok := n.Fun.(*ast.SelectorExpr)
	if !ok || !strings.HasSuffix(sel.Sel.Name, "Var") || len(n.Args) != 4 {
		return
	}
	if u, ok := n.Args[0].(*ast.UnaryExpr); ok && u.Op == token.AND {
		if id, ok := u.X.(*ast.Ident); ok {
			m[id.Name] = append(m[id.Name], n)
		}
	}
}

// name is the full name of what is called: "os.Open" for the package os, whatever the file calls it;
// ".Open" for a method or a field's; "helper" for a function of the package itself.
func (f *file) name(x ast.Expr) string {
	switch x := x.(type) {
	case *ast.Ident:
		return x.Name
	case *ast.SelectorExpr:
		if id, ok := x.X.(*ast.Ident); ok {
			if target, imported := f.imports[id.Name]; imported {
				return target + "." + x.Sel.Name
			}
		}
		return "." + x.Sel.Name
	case *ast.IndexExpr:
		return f.name(x.X)
	}
	return ""
}

func (e *evaluator) call(c *ast.CallExpr, at place) known {
	name := at.f.name(c.Fun)
	switch name {
	case "os.Getenv", "os.LookupEnv":
		return e.environment(c, at)
	case "path.Join", "path/filepath.Join":
		return e.pathJoin(c.Args, at)
	case "fmt.Sprintf":
		return e.sprintf(c.Args, at)
	case "cmp.Or":
		return e.firstSet(c.Args, at)
	case "strconv.Itoa", "strconv.Atoi", "strconv.ParseInt", "path.Clean", "path/filepath.Clean", "path/filepath.FromSlash", "path/filepath.Abs", "string", "int", "uint16", "strings.TrimSpace":
		if len(c.Args) > 0 {
			return e.eval(c.Args[0], at)
		}
	case "net.JoinHostPort":
		if len(c.Args) == 2 {
			return join(e.eval(c.Args[0], at), e.eval(c.Args[1], at), ":")
		}
	}
	if k, ok := e.flag(c, name, at); ok {
		return k
	}
	return e.helper(c, name, at)
}

// environment is a variable that the image sets, nothing when it sets none.
func (e *evaluator) environment(c *ast.CallExpr, at place) known {
	if len(c.Args) != 1 {
		return known{}
	}
	for _, name := range e.eval(c.Args[0], at).texts {
		if v, ok := e.state.EnvVar(name); ok && v.Value != "" && !strings.Contains(v.Value, "$") {
			return known{[]string{v.Value}, true}
		}
	}
	return known{all: true}
}

// firstSet are the values in their order: what the image sets, and the default.
func (e *evaluator) firstSet(args []ast.Expr, at place) known {
	out := known{all: true}
	for _, a := range args {
		out = union(out, e.eval(a, at))
	}
	return out
}

func (e *evaluator) pathJoin(args []ast.Expr, at place) known {
	out := known{[]string{""}, true}
	for _, a := range args {
		out = join(out, e.eval(a, at), "/")
	}
	for i, t := range out.texts {
		out.texts[i] = path.Clean(strings.TrimPrefix(t, "/"))
	}
	return out
}

// sprintf replaces plain verbs by their arguments.
func (e *evaluator) sprintf(args []ast.Expr, at place) known {
	if len(args) == 0 {
		return known{}
	}
	format := e.eval(args[0], at)
	if len(format.texts) != 1 {
		return known{}
	}
	out := known{[]string{""}, true}
	rest, next := format.texts[0], 1
	for {
		before, after, found := strings.Cut(rest, "%")
		out = join(out, known{[]string{before}, true}, "")
		if !found {
			return out
		}
		if after == "" || !strings.ContainsRune("sdvq%", rune(after[0])) {
			return known{}
		}
		if after[0] == '%' {
			out = join(out, known{[]string{"%"}, true}, "")
		} else if next < len(args) {
			out = join(out, e.eval(args[next], at), "")
			next++
		} else {
			return known{}
		}
		rest = after[1:]
	}
}

// flag evaluates flag.String(name, default, usage) and the like: what the start command gives, else the default.
func (e *evaluator) flag(c *ast.CallExpr, name string, at place) (known, bool) {
	short, ok := strings.CutPrefix(name, "flag.")
	if !ok {
		if short, ok = strings.CutPrefix(name, "github.com/spf13/pflag."); !ok {
			return known{}, false
		}
	}
	args := c.Args
	if strings.HasSuffix(short, "Var") && len(args) == 4 {
		short, args = strings.TrimSuffix(short, "Var"), args[1:]
	}
	if (short != "String" && short != "Int" && short != "Uint") || len(args) != 3 {
		return known{}, false
	}
	if v, given := e.given(e.eval(args[0], at).first()); given {
		return known{[]string{v}, true}, true
	}
	return e.eval(args[1], at), true
}

// given is the value of a flag in the start command.
func (s *sources) given(name string) (string, bool) {
	for i, a := range s.args {
		stem, value, joined := strings.Cut(strings.TrimLeft(a, "-"), "=")
		if name == "" || stem != name || !strings.HasPrefix(a, "-") {
			continue
		}
		if joined {
			return value, true
		}
		if i+1 < len(s.args) {
			return s.args[i+1], true
		}
	}
	return "", false
}

// helper follows a function of the source that reads a variable of the environment: getenv("PORT", "8080").
func (e *evaluator) helper(c *ast.CallExpr, name string, at place) known {
	if len(c.Args) == 0 || !e.readsEnv(e.function(name, at.f)) {
		return known{}
	}
	for _, v := range e.eval(c.Args[0], at).texts {
		if set, ok := e.state.EnvVar(v); ok && set.Value != "" && !strings.Contains(set.Value, "$") {
			return known{[]string{set.Value}, true}
		}
	}
	if len(c.Args) == 2 {
		return e.eval(c.Args[1], at)
	}
	return known{all: true}
}

// located is a function and the file that declares it.
type located struct {
	fn *ast.FuncDecl
	f  *file
}

// function finds a function of the source by its full name.
func (s *sources) function(name string, f *file) located {
	p := f.pkg
	if i := strings.LastIndexByte(name, '.'); i > 0 {
		if p = s.byPath[name[:i]]; p == nil {
			return located{}
		}
		name = name[i+1:]
	}
	fn := p.funcs[name]
	if fn == nil {
		return located{}
	}
	for _, file := range p.files {
		if file.syntax.FileStart <= fn.Pos() && fn.Pos() < file.syntax.FileEnd {
			return located{fn, file}
		}
	}
	return located{}
}

// readsEnv reports whether a function looks up the variable that its first parameter names.
func (s *sources) readsEnv(l located) bool {
	if l.fn == nil || l.fn.Body == nil || len(l.fn.Type.Params.List) == 0 || len(l.fn.Type.Params.List[0].Names) == 0 {
		return false
	}
	param := l.fn.Type.Params.List[0].Names[0].Name
	found := false
	ast.Inspect(l.fn.Body, func(n ast.Node) bool {
		c, ok := n.(*ast.CallExpr)
		if ok && len(c.Args) == 1 {
			name := l.f.name(c.Fun)
			id, isID := c.Args[0].(*ast.Ident)
			found = found || isID && id.Name == param && (name == "os.Getenv" || name == "os.LookupEnv")
		}
		return !found
	})
	return found
}

// prefix is the part of a path that is certain, up to the last directory: "templates" of "templates/" + name.
func (s *sources) prefix(x ast.Expr, at place) string {
	switch x := x.(type) {
	case *ast.BinaryExpr:
		if left := s.text(x.X, at); x.Op == token.ADD && left.all && len(left.texts) == 1 {
			if i := strings.LastIndexByte(left.texts[0], '/'); i > 0 {
				return left.texts[0][:i]
			}
			return ""
		}
		return s.prefix(x.X, at)
	case *ast.CallExpr:
		switch at.f.name(x.Fun) {
		case "path.Join", "path/filepath.Join":
			if len(x.Args) == 0 {
				return ""
			}
			if first := s.text(x.Args[0], at); first.all && len(first.texts) == 1 && first.texts[0] != "" {
				return first.texts[0]
			}
		case "fmt.Sprintf":
			if len(x.Args) == 0 {
				return ""
			}
			format, _, _ := strings.Cut(s.text(x.Args[0], at).first(), "%")
			if i := strings.LastIndexByte(format, '/'); i > 0 {
				return format[:i]
			}
		}
	}
	return ""
}

// calls visits every call of the application's own packages.
func (s *sources) calls(visit func(c *ast.CallExpr, name string, at place)) {
	s.nodes(func(n ast.Node, at place) {
		if c, ok := n.(*ast.CallExpr); ok {
			visit(c, at.f.name(c.Fun), at)
		}
	})
}

// nodes visits every node of the application's own packages.
func (s *sources) nodes(visit func(n ast.Node, at place)) {
	for _, p := range s.own() {
		for _, f := range p.files {
			for _, decl := range f.syntax.Decls {
				fn, _ := decl.(*ast.FuncDecl)
				if gen, ok := decl.(*ast.GenDecl); ok && gen.Tok == token.IMPORT {
					continue
				}
				ast.Inspect(decl, func(n ast.Node) bool {
					if n != nil {
						visit(n, place{f, fn})
					}
					return true
				})
			}
		}
	}
}
