package syntax

import (
	"slices"
	"strings"
)

// Walk calls visit for x and, while it returns true, for the expressions in it.
func Walk(x Expr, visit func(Expr) bool) {
	if x == nil || !visit(x) {
		return
	}
	for _, child := range children(x) {
		Walk(child, visit)
	}
}

func children(x Expr) []Expr {
	switch x := x.(type) {
	case *FString:
		return x.Parts
	case *Attr:
		return []Expr{x.X}
	case *Call:
		list := append([]Expr{x.Fun}, x.Args...)
		for _, k := range x.Keywords {
			list = append(list, k.Value)
		}
		return list
	case *Index:
		return []Expr{x.X, x.I}
	case *Binary:
		return []Expr{x.L, x.R}
	case *List:
		return x.Elems
	case *Dict:
		return append(append([]Expr{}, x.Keys...), x.Values...)
	case *Opaque:
		return x.Parts
	}
	return nil
}

// All returns the expressions that stand directly in the statement, without its body.
func (s *Stmt) All() []Expr {
	list := append([]Expr{}, s.Decorators...)
	for _, p := range s.Params {
		list = append(list, p.Annotation, p.Default)
	}
	list = append(list, s.Targets...)
	list = append(list, s.Annotation)
	if s.Kind != Block { // there, the value is one of Exprs
		list = append(list, s.Value)
	}
	return append(list, s.Exprs...)
}

// maxDotted bounds the names of a chain.
const maxDotted = 16

// Dotted returns a.b.c for a name or attribute chain, else "".
func Dotted(x Expr) string {
	var names []string
	for len(names) < maxDotted {
		switch e := x.(type) {
		case *Name:
			names = append(names, e.ID)
			slices.Reverse(names)
			return strings.Join(names, ".")
		case *Attr:
			names = append(names, e.Name)
			x = e.X
		default:
			return ""
		}
	}
	return ""
}

// Keyword returns the value of a keyword argument, or nil.
func (c *Call) Keyword(name string) Expr {
	for _, k := range c.Keywords {
		if k.Name == name {
			return k.Value
		}
	}
	return nil
}

// Arg returns the positional argument at i, else the keyword argument, else nil.
func (c *Call) Arg(i int, keyword string) Expr {
	if i < len(c.Args) {
		return c.Args[i]
	}
	return c.Keyword(keyword)
}
