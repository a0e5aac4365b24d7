package python

import (
	"strings"

	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/ecosystem/python/syntax"
)

// object is an application or router that routes are declared on.
type object struct {
	class  string // full name: "fastapi.FastAPI"
	made   *syntax.Call
	module *module
	scope  *scope
	app    bool
	prefix string // of its own
	routes []route
	mounts []mount
}

type route struct {
	methods []string
	path    string
	source  ecosystem.Source
}

// mount is a router put under a prefix of another one.
type mount struct {
	prefix string
	child  *object
	// replaces says that prefix takes the place of the child's own (Flask).
	replaces bool
}

// constructor describes a class of objects that routes are declared on.
type constructor struct {
	framework string
	app       bool
	prefixArg string
}

var constructors = map[string]constructor{
	"fastapi.FastAPI":                       {"fastapi", true, ""},
	"fastapi.applications.FastAPI":          {"fastapi", true, ""},
	"fastapi.APIRouter":                     {"fastapi", false, "prefix"},
	"fastapi.routing.APIRouter":             {"fastapi", false, "prefix"},
	"starlette.applications.Starlette":      {"starlette", true, ""},
	"starlette.routing.Router":              {"starlette", false, ""},
	"flask.Flask":                           {"flask", true, ""},
	"flask.Blueprint":                       {"flask", false, "url_prefix"},
	"quart.Quart":                           {"quart", true, ""},
	"quart.Blueprint":                       {"quart", false, "url_prefix"},
	"sanic.Sanic":                           {"sanic", true, ""},
	"sanic.Blueprint":                       {"sanic", false, "url_prefix"},
	"bottle.Bottle":                         {"bottle", true, ""},
	"aiohttp.web.Application":               {"aiohttp", true, ""},
	"falcon.App":                            {"falcon", true, ""},
	"falcon.asgi.App":                       {"falcon", true, ""},
	"litestar.Litestar":                     {"litestar", true, ""},
	"tornado.web.Application":               {"tornado", true, ""},
	"flask_restful.Api":                     {"flask", false, "prefix"},
	"django.core.wsgi.get_wsgi_application": {"django", true, ""},
	"django.core.asgi.get_asgi_application": {"django", true, ""},
}

// routing is everything that the source says about routes.
type routing struct {
	*resolver
	objects map[*module]map[string]*object
	order   []*object
	loose   int // routers that are mounted nowhere
}

func findRouting(r *resolver) *routing {
	rt := &routing{resolver: r, objects: map[*module]map[string]*object{}}
	for _, m := range r.sources.list {
		rt.objects[m] = map[string]*object{}
		m.each(func(s *syntax.Stmt, sc *scope) { rt.declare(m, s, sc) })
	}
	for _, m := range r.sources.list {
		m.each(func(s *syntax.Stmt, sc *scope) { rt.decorators(m, s, sc) })
		m.calls(func(c *syntax.Call, name string, sc *scope) { rt.call(m, c, sc) })
	}
	return rt
}

// declare records x = FastAPI(…).
func (rt *routing) declare(m *module, s *syntax.Stmt, sc *scope) {
	if s.Kind != syntax.Assign || s.Value == nil {
		return
	}
	c, ok := s.Value.(*syntax.Call)
	if !ok {
		return
	}
	name := m.qualified(c.Fun)
	kind, ok := constructors[name]
	if !ok {
		return
	}
	o := &object{class: name, made: c, module: m, scope: sc, app: kind.app}
	if kind.prefixArg != "" {
		o.prefix, _ = rt.text(c.Keyword(kind.prefixArg), sc)
	}
	for _, t := range s.Targets {
		if target := syntax.Dotted(t); target != "" {
			rt.objects[m][target] = o
		}
	}
	rt.order = append(rt.order, o)
	rt.routeList(o, "", c.Keyword("routes"), sc, 0)
}

// object finds what an expression stands for.
func (rt *routing) object(m *module, x syntax.Expr) *object {
	dotted := syntax.Dotted(x)
	if dotted == "" {
		return nil
	}
	if o := rt.objects[m][dotted]; o != nil {
		return o
	}
	first, rest, _ := strings.Cut(dotted, ".")
	other, name := rt.sources.imported(m, first)
	switch {
	case other != nil && name == "":
		return rt.exported(other, rest, 0)
	case other != nil && rest == "":
		return rt.exported(other, name, 0)
	case other != nil:
		return nil
	}
	if rest == "" && len(rt.objects[m]) == 0 {
		return rt.onlyApp(first)
	}
	return nil
}

// exported finds an object by its name in a module, or in one that it was imported from.
func (rt *routing) exported(m *module, name string, depth int) *object {
	if o := rt.objects[m][name]; o != nil || depth > 5 {
		return o
	}
	first, rest, more := strings.Cut(name, ".")
	other, inner := rt.sources.imported(m, first)
	switch {
	case other == nil || other == m:
		return rt.submodule(m, first, rest)
	case more && inner == "":
		return rt.exported(other, rest, depth+1)
	case more:
		return nil
	}
	return rt.exported(other, inner, depth+1)
}

// submodule resolves package.module.name.
func (rt *routing) submodule(m *module, first, rest string) *object {
	if sub := rt.sources.find(dirOf(m), 1, first); sub != nil && rest != "" {
		return rt.objects[sub][rest]
	}
	return nil
}

// onlyApp is the application that a function got as its parameter, when there is just one.
func (rt *routing) onlyApp(name string) *object {
	var app *object
	for _, o := range rt.order {
		if o.app && app != nil {
			return nil
		}
		if o.app {
			app = o
		}
	}
	if name != "app" && name != "application" {
		return nil
	}
	return app
}

var verbs = map[string]string{"get": "GET", "post": "POST", "put": "PUT", "delete": "DELETE", "patch": "PATCH", "head": "HEAD", "options": "OPTIONS"}

// decorators records @app.get("/x") and @app.route("/x", methods=[…]).
func (rt *routing) decorators(m *module, s *syntax.Stmt, sc *scope) {
	for _, d := range s.Decorators {
		c, ok := d.(*syntax.Call)
		if !ok {
			continue
		}
		attr, ok := c.Fun.(*syntax.Attr)
		if !ok {
			continue
		}
		verb := verbs[attr.Name]
		if verb == "" && attr.Name != "route" && attr.Name != "api_route" {
			continue
		}
		if o := rt.object(m, attr.X); o != nil {
			rt.add(m, o, c, c.Arg(0, pathKeyword(c)), verb, sc)
		}
	}
}

func pathKeyword(c *syntax.Call) string {
	for _, k := range []string{"path", "rule", "uri"} {
		if c.Keyword(k) != nil {
			return k
		}
	}
	return "path"
}

func (rt *routing) add(m *module, o *object, c *syntax.Call, where syntax.Expr, verb string, sc *scope) {
	path, ok := rt.text(where, sc)
	if !ok || path != "" && path[0] != '/' {
		return
	}
	methods := []string{verb}
	if verb == "" {
		methods = rt.methods(c.Keyword("methods"), sc)
	}
	o.routes = append(o.routes, route{methods, path, m.at(c.Line(), "declares the route")})
}

// methods reads methods=["GET", "POST"]; without it a route answers GET.
func (rt *routing) methods(x syntax.Expr, sc *scope) []string {
	list, ok := x.(*syntax.List)
	if !ok {
		return []string{"GET"}
	}
	var out []string
	for _, e := range list.Elems {
		if s, ok := rt.text(e, sc); ok {
			out = append(out, strings.ToUpper(s))
		}
	}
	return out
}

// call records the calls that add routes and routers.
func (rt *routing) call(m *module, c *syntax.Call, sc *scope) {
	attr, ok := c.Fun.(*syntax.Attr)
	if !ok {
		return
	}
	switch attr.Name {
	case "include_router":
		rt.mount(m, attr.X, c.Arg(0, "router"), c.Keyword("prefix"), false, sc)
	case "register_blueprint":
		rt.mount(m, attr.X, c.Arg(0, "blueprint"), c.Arg(1, "url_prefix"), true, sc)
	case "blueprint":
		rt.mount(m, attr.X, c.Arg(0, "blueprint"), c.Keyword("url_prefix"), true, sc)
	case "mount":
		rt.mount(m, attr.X, c.Arg(1, "app"), c.Arg(0, "path"), false, sc)
	case "add_api_route", "add_route", "add_url_rule":
		if o := rt.object(m, attr.X); o != nil {
			rt.add(m, o, c, c.Arg(0, pathKeyword(c)), "", sc)
		}
	}
}

func (rt *routing) mount(m *module, parent, child, prefix syntax.Expr, replaces bool, sc *scope) {
	p, c := rt.object(m, parent), rt.object(m, child)
	if p == nil || c == nil || p == c {
		return
	}
	text, ok := "", true
	if prefix != nil {
		text, ok = rt.text(prefix, sc)
	}
	if ok {
		p.mounts = append(p.mounts, mount{text, c, replaces && prefix != nil})
	}
}

// routeList reads Starlette's routes=[Route("/x", f), Mount("/y", routes=[…])].
func (rt *routing) routeList(o *object, prefix string, x syntax.Expr, sc *scope, depth int) {
	if n, ok := x.(*syntax.Name); ok {
		x, sc = sc.lookup(n.ID)
	}
	list, ok := x.(*syntax.List)
	if !ok || depth > 5 {
		return
	}
	for _, e := range list.Elems {
		c, ok := e.(*syntax.Call)
		if !ok {
			continue
		}
		path, ok := rt.text(c.Arg(0, "path"), sc)
		switch name := sc.module.qualified(c.Fun); {
		case !ok:
		case name == "starlette.routing.Route":
			o.routes = append(o.routes, route{rt.methods(c.Keyword("methods"), sc), prefix + path, sc.module.at(c.Line(), "declares the route")})
		case name == "starlette.routing.Mount":
			rt.routeList(o, prefix+path, c.Keyword("routes"), sc, depth+1)
		}
	}
}
