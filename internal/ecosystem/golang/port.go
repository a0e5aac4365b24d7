package golang

import (
	"go/ast"
	"strconv"
	"strings"

	"github.com/plimsoll/plimsoll/internal/ecosystem"
)

// listeners are functions that listen, with the argument that is the address.
var listeners = map[string]int{
	"net/http.ListenAndServe": 0, "net/http.ListenAndServeTLS": 0, "net.Listen": 1, "crypto/tls.Listen": 1,
	"github.com/valyala/fasthttp.ListenAndServe": 0,
}

// listenMethods are methods of the frameworks that listen, with the address first.
var listenMethods = map[string]bool{".Run": true, ".RunTLS": true, ".Start": true, ".StartTLS": true, ".Listen": true, ".ListenTLS": true, ".ListenAndServe": true}

// port finds out where the application listens: what the source says, else EXPOSE.
func (d *detection) port() ecosystem.Fact[int] {
	var found ecosystem.Fact[int]
	unclear := ecosystem.Source{}
	take := func(x ast.Expr, at place, certain bool) {
		if found.Known() {
			return
		}
		k := d.src.text(x, at)
		for _, t := range k.texts {
			if n := portNumber(t); n > 0 {
				found = ecosystem.Fact[int]{Value: n, Source: d.src.at(x, "the address that it listens on")}
				return
			}
		}
		if certain && unclear.File == "" {
			unclear = d.src.at(x, "")
		}
	}
	gin := d.src.framework().Value == "gin"
	d.src.nodes(func(n ast.Node, at place) {
		switch n := n.(type) {
		case *ast.CallExpr:
			name := at.f.name(n.Fun)
			i, ok := listeners[name]
			switch {
			case ok && i < len(n.Args):
				take(n.Args[i], at, true)
			case listenMethods[name] && len(n.Args) > 0:
				take(n.Args[0], at, false)
			case name == ".Run" && gin && len(n.Args) == 0 && !found.Known():
				found = d.ginDefault(n)
			}
		case *ast.CompositeLit:
			if at.f.name(n.Type) == "net/http.Server" {
				d.serverAddr(n, at, take)
			}
		}
	})
	if found.Known() {
		return found
	}
	if unclear.File != "" {
		d.note("port", "it listens on an address that the source does not show", unclear)
	}
	return d.portExposed()
}

func (d *detection) serverAddr(n *ast.CompositeLit, at place, take func(ast.Expr, place, bool)) {
	for _, e := range n.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			if id, ok := kv.Key.(*ast.Ident); ok && id.Name == "Addr" {
				take(kv.Value, at, true)
			}
		}
	}
}

// ginDefault is where gin listens when it is not told: PORT, else 8080.
func (d *detection) ginDefault(n ast.Node) ecosystem.Fact[int] {
	if v, ok := d.state.EnvVar("PORT"); ok {
		if p := portNumber(":" + v.Value); p > 0 {
			return ecosystem.Fact[int]{Value: p, Source: d.src.at(n, "gin reads PORT, which the image sets")}
		}
	}
	return ecosystem.Fact[int]{Value: 8080, Source: d.src.at(n, "gin's default port")}
}

// portNumber reads :8080, 0.0.0.0:8080 and 8080; 0 when there is none.
func portNumber(addr string) int {
	digits := addr[strings.LastIndexByte(addr, ':')+1:]
	if strings.Trim(digits, "0123456789") != "" {
		return 0
	}
	n, err := strconv.Atoi(digits)
	if err != nil || n < 1 || n > 65535 {
		return 0
	}
	return n
}

func (d *detection) portExposed() ecosystem.Fact[int] {
	for _, v := range d.state.Expose {
		number, protocol, _ := strings.Cut(v.Text, "/")
		if n := portNumber(number); n > 0 && protocol != "udp" {
			return ecosystem.Fact[int]{Value: n, Source: d.docker(d.in.Dockerfile.Position(v.By.Span.Start).Line, "EXPOSE")}
		}
	}
	return ecosystem.Fact[int]{}
}

// frameworks by the module that programs import.
var frameworks = []struct{ module, name string }{
	{"github.com/gin-gonic/gin", "gin"}, {"github.com/labstack/echo", "echo"}, {"github.com/gofiber/fiber", "fiber"},
	{"github.com/go-chi/chi", "chi"}, {"github.com/gorilla/mux", "gorilla/mux"}, {"github.com/julienschmidt/httprouter", "httprouter"},
	{"github.com/beego/beego", "beego"}, {"github.com/kataras/iris", "iris"}, {"google.golang.org/grpc", "grpc"}, {"net/http", "net/http"},
}

// framework names what serves, by the first import of the list that the application's own source has.
func (s *sources) framework() ecosystem.Fact[string] {
	for _, fw := range frameworks {
		for _, p := range s.own() {
			for _, f := range p.files {
				for _, im := range f.syntax.Imports {
					target, _ := strconv.Unquote(im.Path.Value)
					if target == fw.module || strings.HasPrefix(target, fw.module+"/v") {
						return ecosystem.Fact[string]{Value: fw.name, Source: s.at(im, "imports it")}
					}
				}
			}
		}
	}
	return ecosystem.Fact[string]{}
}

// healthWords name a flag or subcommand with which a program probes itself.
var healthWords = map[string]bool{"healthcheck": true, "health-check": true, "health": true, "probe": true}

// healthProbe is a way in which one of the programs itself asks whether the server is well; nil when there is none.
func (d *detection) healthProbe() func(int, string) []string {
	program, ok := d.outputStarted()
	if !ok {
		return nil
	}
	for _, o := range d.placed() {
		if healthWords[lastWord(o.path)] {
			return func(int, string) []string { return []string{o.path} }
		}
	}
	var argument string
	d.src.nodes(func(n ast.Node, at place) {
		if argument == "" {
			argument = d.src.probeArgument(n, at)
		}
	})
	if argument == "" {
		return nil
	}
	return func(int, string) []string { return []string{program.path, argument} }
}

func lastWord(p string) string { return p[strings.LastIndexByte(p, '/')+1:] }

// probeArgument recognises flag.Bool("healthcheck", …), os.Args[1] == "healthcheck" and case "healthcheck" of a switch over os.Args.
func (s *sources) probeArgument(n ast.Node, at place) string {
	switch n := n.(type) {
	case *ast.CallExpr:
		name := at.f.name(n.Fun)
		i := map[string]int{"flag.Bool": 0, "flag.BoolVar": 1}
		if k, ok := i[name]; ok && k < len(n.Args) {
			if word := s.text(n.Args[k], at).first(); healthWords[word] {
				return "-" + word
			}
		}
	case *ast.BinaryExpr:
		if isArgs(at.f, n.X) {
			if word := s.text(n.Y, at).first(); healthWords[word] {
				return word
			}
		}
	case *ast.SwitchStmt:
		if n.Tag == nil || !isArgs(at.f, n.Tag) {
			return ""
		}
		for _, stmt := range n.Body.List {
			clause, ok := stmt.(*ast.CaseClause)
			for i := 0; ok && i < len(clause.List); i++ {
				if word := s.text(clause.List[i], at).first(); healthWords[word] {
					return word
				}
			}
		}
	}
	return ""
}

// isArgs recognises os.Args[1] and flag.Arg(0).
func isArgs(f *file, x ast.Expr) bool {
	switch x := x.(type) {
	case *ast.IndexExpr:
		lit, ok := x.Index.(*ast.BasicLit)
		return ok && lit.Value == "1" && f.name(x.X) == "os.Args"
	case *ast.CallExpr:
		return f.name(x.Fun) == "flag.Arg" && len(x.Args) == 1
	}
	return false
}
