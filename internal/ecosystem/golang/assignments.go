package golang

import (
	"go/ast"
	"go/token"
	"strings"
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
