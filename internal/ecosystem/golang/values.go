package golang

import (
	"go/ast"
	"go/token"
	"slices"
	"strconv"
	"strings"
)

// maxDepth bounds how far a value is followed; maxValues how many it may have.
const (
	maxDepth  = 12
	maxValues = 20
)

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
