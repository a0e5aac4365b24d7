package python

import "github.com/plimsoll/plimsoll/internal/ecosystem/python/syntax"

// scope holds what names are bound to in a module, class or function.
type scope struct {
	module *module
	parent *scope
	class  *scope // the class around a method
	vars   map[string]syntax.Expr
	decls  map[string]*syntax.Stmt // functions and classes
	inner  map[*syntax.Stmt]*scope
}

func newScope(m *module, parent *scope, body []*syntax.Stmt) *scope {
	sc := &scope{module: m, parent: parent, vars: map[string]syntax.Expr{}, decls: map[string]*syntax.Stmt{}, inner: map[*syntax.Stmt]*scope{}}
	sc.fill(body)
	return sc
}

// fill binds the names of the statements, blocks included, since a block has no scope of its own.
func (sc *scope) fill(body []*syntax.Stmt) {
	for _, s := range body {
		switch s.Kind {
		case syntax.Assign:
			sc.assign(s)
		case syntax.Block:
			if s.Value != nil && len(s.Targets) == 1 {
				sc.bind(s.Targets[0], s.Value)
			}
			sc.fill(s.Body)
		case syntax.Def, syntax.Class:
			sc.decls[s.Name] = s
			sc.inner[s] = sc.open(s)
		}
	}
}

func (sc *scope) open(s *syntax.Stmt) *scope {
	inner := newScope(sc.module, sc, s.Body)
	if s.Kind == syntax.Class {
		inner.methods(s)
		return inner
	}
	for _, p := range s.Params {
		if _, assigned := inner.vars[p.Name]; !assigned && p.Default != nil {
			inner.vars[p.Name] = p.Default
		}
	}
	return inner
}

// methods ties the methods of a class to it and collects self.x = ….
func (sc *scope) methods(class *syntax.Stmt) {
	for s, inner := range sc.inner {
		inner.class = sc
		if s.Name != "__init__" {
			continue
		}
		for name, x := range inner.vars {
			if attr, ok := cutSelf(name); ok && sc.vars[attr] == nil {
				sc.vars[attr] = x
			}
		}
	}
}

const selfPrefix = "self."

func cutSelf(name string) (string, bool) {
	if len(name) > len(selfPrefix) && name[:len(selfPrefix)] == selfPrefix {
		return name[len(selfPrefix):], true
	}
	return "", false
}

func (sc *scope) assign(s *syntax.Stmt) {
	if s.Op != "=" || s.Value == nil {
		return
	}
	for _, t := range s.Targets {
		sc.bind(t, s.Value)
	}
}

// bind records a name's value; None never hides a value that is already there.
func (sc *scope) bind(target, value syntax.Expr) {
	name := syntax.Dotted(target)
	if name == "" || isNone(value) && sc.vars[name] != nil {
		return
	}
	sc.vars[name] = value
}

func isNone(x syntax.Expr) bool {
	n, ok := x.(*syntax.Name)
	return ok && n.ID == "None"
}

// lookup finds what a name is bound to, and in which scope.
func (sc *scope) lookup(name string) (syntax.Expr, *scope) {
	for s := sc; s != nil; s = s.parent {
		if x, ok := s.vars[name]; ok {
			return x, s
		}
	}
	return nil, nil
}

// class finds a class by name and returns its scope.
func (sc *scope) classNamed(name string) (*syntax.Stmt, *scope) {
	for s := sc; s != nil; s = s.parent {
		if d := s.decls[name]; d != nil && d.Kind == syntax.Class {
			return d, s.inner[d]
		}
	}
	return nil, nil
}

// each calls visit for every statement of the module with the scope it stands in.
func (m *module) each(visit func(*syntax.Stmt, *scope)) { eachIn(m.body, m.top, visit) }

func eachIn(body []*syntax.Stmt, sc *scope, visit func(*syntax.Stmt, *scope)) {
	for _, s := range body {
		visit(s, sc)
		inner := sc
		if s.Kind == syntax.Def || s.Kind == syntax.Class {
			if in := sc.inner[s]; in != nil {
				inner = in
			}
		}
		eachIn(s.Body, inner, visit)
	}
}

// exprs calls visit for every expression of the module; visit returns false to leave out what is inside.
func (m *module) exprs(visit func(syntax.Expr, *scope) bool) {
	m.each(func(s *syntax.Stmt, sc *scope) {
		for _, x := range s.All() {
			syntax.Walk(x, func(x syntax.Expr) bool { return visit(x, sc) })
		}
	})
}

// calls calls visit for every call of the module, with the full name of what is called.
func (m *module) calls(visit func(c *syntax.Call, name string, sc *scope)) {
	m.exprs(func(x syntax.Expr, sc *scope) bool {
		if c, ok := x.(*syntax.Call); ok {
			visit(c, m.qualified(c.Fun), sc)
		}
		return true
	})
}
