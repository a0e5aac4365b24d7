package golang

import (
	"go/ast"
	"path"
	"strings"
)

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
