package python

import (
	"path"
	"strconv"
	"strings"

	"github.com/plimsoll/plimsoll/internal/ecosystem/python/syntax"
)

// maxResolve bounds the steps from an expression to its value.
const maxResolve = 30

// resolver works out the text of simple expressions: literals, constants,
// joins of paths, and environment variables with a default.
type resolver struct {
	sources *sources
	env     map[string]string // what the image sets
	workdir string            // where the process runs
	budget  int               // of evaluations left for one expression
}

// maxBudget bounds the evaluations for one expression, so that names that
// double at each step ("b = a + a") can't take forever.
const (
	maxBudget = 500
	maxText   = 4096
)

// text returns the value of an expression as a string.
func (r *resolver) text(x syntax.Expr, sc *scope) (string, bool) {
	r.budget = maxBudget
	return r.eval(x, sc, 0)
}

// number returns the value of an expression as a number.
func (r *resolver) number(x syntax.Expr, sc *scope) (int, bool) {
	s, ok := r.text(x, sc)
	n, err := strconv.Atoi(s)
	return n, ok && err == nil
}

func (r *resolver) eval(x syntax.Expr, sc *scope, depth int) (string, bool) {
	r.budget--
	if x == nil || depth > maxResolve || r.budget < 0 {
		return "", false
	}
	var s string
	var ok bool
	switch x := x.(type) {
	case *syntax.Str:
		s, ok = x.Value, !x.Bytes
	case *syntax.Number:
		s, ok = x.Text, true
	case *syntax.FString:
		s, ok = r.concat(x.Parts, sc, depth)
	case *syntax.Name:
		s, ok = r.name(x, sc, depth)
	case *syntax.Attr:
		s, ok = r.attr(x, sc, depth)
	case *syntax.Binary:
		s, ok = r.binary(x, sc, depth)
	case *syntax.Index:
		s, ok = r.index(x, sc, depth)
	case *syntax.Call:
		s, ok = r.call(x, sc, depth)
	}
	return s, ok && len(s) <= maxText
}

func (r *resolver) concat(parts []syntax.Expr, sc *scope, depth int) (string, bool) {
	var b strings.Builder
	for _, p := range parts {
		s, ok := r.eval(p, sc, depth+1)
		if !ok || b.Len() > maxText {
			return "", false
		}
		b.WriteString(s)
	}
	return b.String(), true
}

func (r *resolver) name(x *syntax.Name, sc *scope, depth int) (string, bool) {
	if x.ID == "__file__" {
		return sc.module.image, true
	}
	if v, in := sc.lookup(x.ID); v != nil {
		return r.eval(v, in, depth+1)
	}
	if m, name := r.sources.imported(sc.module, x.ID); m != nil && name != "" {
		return r.member(m, name, depth)
	}
	for _, im := range sc.module.stars {
		if m := r.sources.find(dirOf(sc.module), im.Dots, im.Module); m != nil && m.top.vars[x.ID] != nil {
			return r.member(m, x.ID, depth)
		}
	}
	return "", false
}

// member evaluates a module's top-level name.
func (r *resolver) member(m *module, name string, depth int) (string, bool) {
	return r.eval(&syntax.Name{ID: name}, m.top, depth+1)
}

func (r *resolver) binary(x *syntax.Binary, sc *scope, depth int) (string, bool) {
	left, ok := r.eval(x.L, sc, depth+1)
	if x.Op == "or" && ok && left != "" {
		return left, true
	}
	if !ok && x.Op != "or" {
		return "", false
	}
	right, okRight := r.eval(x.R, sc, depth+1)
	switch x.Op {
	case "or":
		return right, okRight
	case "+":
		return left + right, okRight
	case "/":
		return join(left, right), okRight
	case "%":
		return strings.Replace(left, "%s", right, 1), okRight && strings.Count(left, "%") == 1 && strings.Contains(left, "%s")
	}
	return "", false
}

// join joins paths as pathlib and os.path do: an absolute part starts anew.
func join(left, right string) string {
	if path.IsAbs(right) {
		return right
	}
	return path.Join(left, right)
}

func (r *resolver) index(x *syntax.Index, sc *scope, depth int) (string, bool) {
	if isEnviron(sc.module.qualified(x.X)) {
		key, ok := r.eval(x.I, sc, depth+1)
		value, set := r.env[key]
		return value, ok && set
	}
	if attr, ok := x.X.(*syntax.Attr); ok && attr.Name == "parents" {
		return r.parents(attr.X, x.I, sc, depth)
	}
	return "", false
}

func (r *resolver) parents(x, index syntax.Expr, sc *scope, depth int) (string, bool) {
	dir, ok := r.eval(x, sc, depth+1)
	text, okIndex := r.eval(index, sc, depth+1)
	n, err := strconv.Atoi(text)
	if !ok || !okIndex || err != nil || n > maxResolve {
		return "", false
	}
	for ; n >= 0; n-- {
		dir = path.Dir(dir)
	}
	return dir, true
}

// attr evaluates x.name: a path's parent, a module's constant, a class's or an object's attribute.
func (r *resolver) attr(x *syntax.Attr, sc *scope, depth int) (string, bool) {
	switch x.Name {
	case "parent":
		dir, ok := r.eval(x.X, sc, depth+1)
		return path.Dir(dir), ok
	case "name", "stem":
		if s, ok := r.eval(x.X, sc, depth+1); ok {
			base := path.Base(s)
			if x.Name == "stem" {
				base = strings.TrimSuffix(base, path.Ext(base))
			}
			return base, true
		}
	}
	name, ok := x.X.(*syntax.Name)
	if !ok {
		return "", false
	}
	if name.ID == "self" {
		return r.self(x.Name, sc, depth)
	}
	if m, member := r.sources.imported(sc.module, name.ID); m != nil {
		if member == "" {
			return r.member(m, x.Name, depth)
		}
		return r.objectAttr(member, x.Name, m.top, depth)
	}
	return r.objectAttr(name.ID, x.Name, sc, depth)
}

func (r *resolver) self(attr string, sc *scope, depth int) (string, bool) {
	for s := sc; s != nil; s = s.parent {
		if s.class != nil {
			v := s.class.vars[attr]
			return r.eval(v, s.class, depth+1)
		}
	}
	return "", false
}

// objectAttr evaluates the attribute of a class, or of an object made by calling one.
func (r *resolver) objectAttr(object, attr string, sc *scope, depth int) (string, bool) {
	if v, in := sc.lookup(object + "." + attr); v != nil {
		return r.eval(v, in, depth+1)
	}
	class, in := sc.classNamed(object)
	if v, from := sc.lookup(object); class == nil && v != nil {
		call, ok := v.(*syntax.Call)
		if !ok {
			return "", false
		}
		class, in = from.classNamed(syntax.Dotted(call.Fun))
	}
	if class == nil {
		return "", false
	}
	if isSettings(sc.module, class) {
		if v, set := r.env[strings.ToUpper(attr)]; set {
			return v, true
		}
	}
	return r.eval(fieldDefault(in.vars[attr]), in, depth+1)
}

// fieldDefault looks through pydantic's Field(default).
func fieldDefault(x syntax.Expr) syntax.Expr {
	if c, ok := x.(*syntax.Call); ok && syntax.Dotted(c.Fun) == "Field" {
		return c.Arg(0, "default")
	}
	return x
}
