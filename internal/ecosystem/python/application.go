package python

import (
	"path"
	"strings"

	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/ecosystem/python/syntax"
)

// entry finds the module that the command starts, and the name in it.
func (d *detection) entry() (*module, string) {
	l := d.launch
	switch {
	case l.script != "":
		return d.sources.byImage[path.Clean(join(d.workdir, l.script))], ""
	case l.server == "flask":
		return d.flaskEntry()
	case l.module != "":
		if m := d.sources.find(d.workdir, 0, l.module+".__main__"); m != nil && l.attr == "" {
			return m, ""
		}
		attr := l.attr
		if attr == "" && l.server != "" {
			attr = map[string]string{"gunicorn": "application", "uwsgi": "application"}[l.server]
		}
		return d.sources.find(d.workdir, 0, l.module), attr
	}
	return nil, ""
}

// flaskEntry finds the application as the flask command does: --app, FLASK_APP, wsgi.py, app.py.
func (d *detection) flaskEntry() (*module, string) {
	module, attr := d.launch.module, d.launch.attr
	if module == "" {
		module, attr, _ = strings.Cut(d.env["FLASK_APP"], ":")
	}
	module = strings.ReplaceAll(strings.TrimSuffix(strings.TrimPrefix(module, "./"), ".py"), "/", ".")
	for _, name := range []string{module, "wsgi", "app"} {
		if m := d.sources.find(d.workdir, 0, name); m != nil && name != "" {
			return m, strings.TrimRight(attr, "()")
		}
	}
	return nil, ""
}

// made finds the application object behind a name: the object itself, or the
// one that the factory which is called makes.
func (rt *routing) made(m *module, x syntax.Expr) *object {
	if o := rt.object(m, x); o != nil {
		return o
	}
	name := syntax.Dotted(x)
	if v := m.top.vars[name]; v != nil {
		if c, ok := v.(*syntax.Call); ok {
			return rt.factory(m, syntax.Dotted(c.Fun), 0)
		}
	}
	return rt.factory(m, name, 0)
}

// factory finds the object that a function makes.
func (rt *routing) factory(m *module, name string, depth int) *object {
	if name == "" || depth > 5 {
		return nil
	}
	if decl := m.top.decls[name]; decl != nil && decl.Kind == syntax.Def {
		return rt.within(m, m.top.inner[decl])
	}
	first, rest, _ := strings.Cut(name, ".")
	other, inner := rt.sources.imported(m, first)
	switch {
	case other == nil || other == m:
		return nil
	case inner == "":
		return rt.factory(other, rest, depth+1)
	}
	return rt.factory(other, inner, depth+1)
}

// within is the first application that is made in a scope.
func (rt *routing) within(m *module, sc *scope) *object {
	for _, o := range rt.order {
		if o.module == m && o.scope == sc && o.app {
			return o
		}
	}
	return nil
}

// application finds the object that is served.
func (d *detection) application() *object {
	m, attr := d.entryModule, d.entryName
	if m == nil {
		return nil
	}
	if attr != "" {
		return d.routing.made(m, nameExpr(attr))
	}
	for _, name := range []string{"app", "application", "api", "server", "create_app", "make_app"} {
		if o := d.routing.made(m, nameExpr(name)); o != nil {
			return o
		}
	}
	for _, o := range d.routing.order {
		if o.module == m && o.app {
			return o
		}
	}
	if d.served != nil && len(d.served.call.Args) > 0 {
		return d.servedApp(d.served.call.Args[0])
	}
	return nil
}

// servedApp is the application given to a run call: uvicorn.run("pkg.main:app").
func (d *detection) servedApp(x syntax.Expr) *object {
	s, ok := x.(*syntax.Str)
	if !ok {
		return d.routing.made(d.served.m, x)
	}
	module, attr, _ := strings.Cut(s.Value, ":")
	if m := d.sources.find(dirOf(d.served.m), 0, module); m != nil {
		return d.routing.made(m, nameExpr(attr))
	}
	return nil
}

func nameExpr(name string) syntax.Expr { return &syntax.Name{ID: name} }

// known are frameworks by the module that programs import, in the order in which they win.
var known = []string{"fastapi", "flask", "django", "starlette", "quart", "sanic", "aiohttp", "litestar", "falcon", "bottle", "tornado", "streamlit"}

// framework names the framework: that of the application object, else one that
// the started module imports, else one that any module imports or the manifests list.
func (d *detection) framework(app *object) ecosystem.Fact[string] {
	if app != nil {
		return ecosystem.Fact[string]{Value: constructors[app.class].framework, Source: app.module.at(app.made.Line(), "makes the application")}
	}
	if d.entryModule != nil {
		if f := imports([]*module{d.entryModule}); f.Known() {
			return f
		}
	}
	if f := imports(d.sources.list); f.Known() {
		return f
	}
	for _, name := range known {
		if dep, ok := has(d.deps, name); ok {
			return ecosystem.Fact[string]{Value: name, Source: dep.source}
		}
	}
	return ecosystem.Fact[string]{}
}

func imports(modules []*module) ecosystem.Fact[string] {
	for _, name := range known {
		for _, m := range modules {
			for _, s := range m.body {
				for _, im := range s.Imports {
					if top, _, _ := strings.Cut(im.Module, "."); top == name && im.Dots == 0 {
						return ecosystem.Fact[string]{Value: name, Source: m.at(im.Line, "imports it")}
					}
				}
			}
		}
	}
	return ecosystem.Fact[string]{}
}

// server names what serves: the command's program, or the function that the script calls.
func (d *detection) server() ecosystem.Fact[string] {
	switch {
	case d.launch.server == "fastapi": // its command line runs uvicorn
		return ecosystem.Fact[string]{Value: "uvicorn", Source: d.docker(d.launch.Line, "fastapi runs uvicorn")}
	case d.launch.server != "":
		return ecosystem.Fact[string]{Value: d.launch.server, Source: d.docker(d.launch.Line, "the command")}
	case d.served != nil:
		return ecosystem.Fact[string]{Value: d.served.server, Source: d.served.m.at(d.served.call.Line(), "runs the server")}
	}
	return ecosystem.Fact[string]{}
}

// openAPI is where FastAPI serves its document.
func (d *detection) openAPI(app *object) ecosystem.Fact[string] {
	if app == nil || constructors[app.class].framework != "fastapi" {
		return ecosystem.Fact[string]{}
	}
	x := app.made.Keyword("openapi_url")
	if x == nil {
		return ecosystem.Fact[string]{Value: "/openapi.json", Source: app.module.at(app.made.Line(), "the default of FastAPI")}
	}
	text, ok := d.text(x, app.scope)
	if !ok || !strings.HasPrefix(text, "/") {
		return ecosystem.Fact[string]{}
	}
	return ecosystem.Fact[string]{Value: text, Source: app.module.at(x.Line(), "openapi_url")}
}
