package golang

import (
	"go/ast"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/ecosystem"
)

// maxRoutes bounds the routes of one application.
const maxRoutes = 1000

// routeMethods are methods of routers whose first argument is a path, with the HTTP method; "" where the pattern may name it.
var routeMethods = map[string]string{
	"Handle": "", "HandleFunc": "",
	"GET": "GET", "POST": "POST", "PUT": "PUT", "PATCH": "PATCH", "DELETE": "DELETE", "HEAD": "HEAD", "OPTIONS": "OPTIONS", "Any": "GET",
	"Get": "GET", "Post": "POST", "Put": "PUT", "Patch": "PATCH", "Delete": "DELETE", "Head": "HEAD", "Options": "OPTIONS", "All": "GET",
}

// routing collects routes of one application.
type routing struct {
	*sources
	list   []ecosystem.Fact[ecosystem.Route]
	groups map[*ast.FuncDecl]map[string]string // prefix by the name of the variable
}

// routes lists what the source declares, in the order in which it stands.
func (s *sources) routes() []ecosystem.Fact[ecosystem.Route] {
	r := &routing{sources: s, groups: map[*ast.FuncDecl]map[string]string{}}
	methods := map[*ast.CallExpr]string{} // r.HandleFunc(…).Methods("POST"): the inner call
	s.calls(func(c *ast.CallExpr, name string, at place) {
		if sel, ok := c.Fun.(*ast.SelectorExpr); ok && name == ".Methods" && len(c.Args) > 0 {
			if inner, ok := sel.X.(*ast.CallExpr); ok {
				methods[inner] = s.text(c.Args[0], at).first()
			}
		}
	})
	for _, p := range s.own() {
		for _, f := range p.files {
			for _, decl := range f.syntax.Decls {
				if fn, ok := decl.(*ast.FuncDecl); ok && fn.Body != nil {
					r.walk(fn.Body, place{f, fn}, "", methods)
				}
			}
		}
	}
	return r.list
}

// walk looks for routes below a node, all of them below a prefix.
func (r *routing) walk(n ast.Node, at place, prefix string, methods map[*ast.CallExpr]string) {
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			r.group(n, at, prefix)
		case *ast.CallExpr:
			sel, ok := n.Fun.(*ast.SelectorExpr)
			if !ok || len(n.Args) < 2 {
				return true
			}
			pattern := r.text(n.Args[0], at).first()
			if body, ok := n.Args[1].(*ast.FuncLit); ok && sel.Sel.Name == "Route" {
				r.walk(body.Body, at, prefix+pattern, methods)
				return false
			}
			method, known := routeMethods[sel.Sel.Name]
			if known {
				if m := methods[n]; m != "" {
					method = m
				}
				r.add(n, method, r.prefixOf(sel.X, at, prefix), pattern)
			}
		}
		return true
	})
}

// group remembers v := router.Group("/api").
func (r *routing) group(n *ast.AssignStmt, at place, prefix string) {
	if len(n.Lhs) != 1 || len(n.Rhs) != 1 {
		return
	}
	id, ok := n.Lhs[0].(*ast.Ident)
	c, isCall := n.Rhs[0].(*ast.CallExpr)
	if !ok || !isCall {
		return
	}
	if sel, ok := c.Fun.(*ast.SelectorExpr); ok && sel.Sel.Name == "Group" && len(c.Args) > 0 {
		if r.groups[at.fn] == nil {
			r.groups[at.fn] = map[string]string{}
		}
		r.groups[at.fn][id.Name] = r.prefixOf(sel.X, at, prefix) + r.text(c.Args[0], at).first()
	}
}

func (r *routing) prefixOf(x ast.Expr, at place, prefix string) string {
	if id, ok := x.(*ast.Ident); ok {
		if p, grouped := r.groups[at.fn][id.Name]; grouped {
			return p
		}
	}
	return prefix
}

func (r *routing) add(n ast.Node, method, prefix, pattern string) {
	if method == "" {
		method = "GET"
		if m, rest, ok := strings.Cut(pattern, " "); ok && strings.ToUpper(m) == m && !strings.Contains(m, "/") {
			method, pattern = m, strings.TrimSpace(rest)
		}
	}
	if !strings.HasPrefix(pattern, "/") && (pattern != "" || prefix == "") {
		return // another Get, or a pattern with a host
	}
	route := ecosystem.Route{Method: method, Path: braces(prefix + pattern)}
	if len(r.list) >= maxRoutes || slices.ContainsFunc(r.list, func(f ecosystem.Fact[ecosystem.Route]) bool { return f.Value == route }) {
		return
	}
	r.list = append(r.list, ecosystem.Fact[ecosystem.Route]{Value: route, Source: r.at(n, "declares the route")})
}

// braces writes :id, *rest, {id:[0-9]+} and {rest...} as {id} and {rest}; {$} of net/http is nothing.
func braces(pattern string) string {
	parts := strings.Split(pattern, "/")
	for i, p := range parts {
		switch {
		case p == "{$}":
			parts[i] = ""
		case strings.HasPrefix(p, ":") && len(p) > 1:
			parts[i] = "{" + strings.TrimSuffix(p[1:], "?") + "}"
		case strings.HasPrefix(p, "*"):
			parts[i] = "{" + strings.TrimPrefix(p, "*") + "}"
		case strings.HasPrefix(p, "{") && strings.HasSuffix(p, "}"):
			inside, _, _ := strings.Cut(p[1:len(p)-1], ":")
			parts[i] = "{" + strings.TrimSuffix(inside, "...") + "}"
		}
	}
	return strings.Join(parts, "/")
}
