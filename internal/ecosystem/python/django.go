package python

import (
	"strings"

	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/ecosystem/python/syntax"
)

// djangoRoutes lists the routes of the project whose settings name a ROOT_URLCONF.
func djangoRoutes(r *resolver) []ecosystem.Fact[ecosystem.Route] {
	d := &django{resolver: r, lister: &routeLister{seen: map[ecosystem.Route]bool{}}}
	for _, m := range r.sources.list {
		if x := m.top.vars["ROOT_URLCONF"]; x != nil {
			if name, ok := r.text(x, m.top); ok {
				d.module(r.sources.find("/", 0, name), "/", 0)
				break
			}
		}
	}
	return d.lister.list
}

type django struct {
	*resolver
	lister *routeLister
}

// module reads urlpatterns of a module, which may be put together from several lists.
func (d *django) module(m *module, prefix string, depth int) {
	if m == nil || !d.lister.enter(depth) {
		return
	}
	m.each(func(s *syntax.Stmt, sc *scope) {
		if s.Kind == syntax.Assign && len(s.Targets) == 1 && syntax.Dotted(s.Targets[0]) == "urlpatterns" {
			d.patterns(s.Value, sc, prefix, depth)
		}
	})
}

func (d *django) patterns(x syntax.Expr, sc *scope, prefix string, depth int) {
	if !d.lister.enter(depth) {
		return
	}
	switch x := x.(type) {
	case *syntax.Binary:
		d.patterns(x.L, sc, prefix, depth+1)
		d.patterns(x.R, sc, prefix, depth+1)
	case *syntax.Name:
		if v, in := sc.lookup(x.ID); v != nil && x.ID != "urlpatterns" {
			d.patterns(v, in, prefix, depth+1)
		}
	case *syntax.List:
		for _, e := range x.Elems {
			if c, ok := e.(*syntax.Call); ok {
				d.pattern(c, sc, prefix, depth)
			}
		}
	}
}

func (d *django) pattern(c *syntax.Call, sc *scope, prefix string, depth int) {
	raw, ok := d.text(c.Arg(0, "route"), sc)
	if !ok {
		return
	}
	switch name := syntax.Dotted(c.Fun); name[strings.LastIndexByte(name, '.')+1:] {
	case "path":
	case "re_path", "url":
		if raw, ok = plainRegexp(raw); !ok {
			return
		}
	default:
		return
	}
	view := c.Arg(1, "view")
	if inc, ok := view.(*syntax.Call); ok && strings.HasSuffix(syntax.Dotted(inc.Fun), "include") {
		d.include(inc, sc, prefix+raw, depth)
		return
	}
	for _, method := range d.viewMethods(view, sc) {
		d.lister.add(method, prefix+raw, sc.module.at(c.Line(), "declares the route"))
	}
}

// include follows include("app.urls"), include(module), include([…]) and include((…, "app")).
func (d *django) include(c *syntax.Call, sc *scope, prefix string, depth int) {
	x := c.Arg(0, "arg")
	if tuple, ok := x.(*syntax.List); ok && tuple.Open == "(" && len(tuple.Elems) > 0 {
		x = tuple.Elems[0]
	}
	if s, ok := x.(*syntax.Str); ok {
		d.module(d.sources.find("/", 0, s.Value), prefix, depth+1)
		return
	}
	if n, ok := x.(*syntax.Name); ok {
		if m, name := d.sources.imported(sc.module, n.ID); m != nil && name == "" {
			d.module(m, prefix, depth+1)
			return
		}
	}
	d.patterns(x, sc, prefix, depth+1)
}

// plainRegexp turns ^health/$ into health/; anything that is really a pattern is refused.
func plainRegexp(raw string) (string, bool) {
	raw = strings.TrimSuffix(strings.TrimPrefix(raw, "^"), "$")
	raw = strings.ReplaceAll(strings.ReplaceAll(strings.TrimSuffix(raw, "/?"), `\.`, "."), `\-`, "-")
	return raw, !strings.ContainsAny(raw, `()[]?*+|\^${}`)
}

// viewMethods reads the decorators of a view function; GET when nothing is said.
func (d *django) viewMethods(view syntax.Expr, sc *scope) []string {
	decl := d.view(view, sc)
	if decl == nil {
		return []string{"GET"}
	}
	for _, dec := range decl.Decorators {
		name := syntax.Dotted(dec)
		c, called := dec.(*syntax.Call)
		if called {
			name = syntax.Dotted(c.Fun)
		}
		switch name[strings.LastIndexByte(name, '.')+1:] {
		case "require_POST":
			return []string{"POST"}
		case "api_view", "require_http_methods":
			if called {
				return literals(c.Arg(0, ""))
			}
		}
	}
	return []string{"GET"}
}

func literals(x syntax.Expr) []string {
	list, ok := x.(*syntax.List)
	if !ok {
		return []string{"GET"}
	}
	var out []string
	for _, e := range list.Elems {
		if s, ok := e.(*syntax.Str); ok {
			out = append(out, strings.ToUpper(s.Value))
		}
	}
	return out
}

func (d *django) view(x syntax.Expr, sc *scope) *syntax.Stmt {
	switch x := x.(type) {
	case *syntax.Name:
		if s := sc.module.top.decls[x.ID]; s != nil {
			return s
		}
		if m, name := d.sources.imported(sc.module, x.ID); m != nil && name != "" {
			return m.top.decls[name]
		}
	case *syntax.Attr:
		if n, ok := x.X.(*syntax.Name); ok {
			if m, name := d.sources.imported(sc.module, n.ID); m != nil && name == "" {
				return m.top.decls[x.Name]
			}
		}
	}
	return nil
}
