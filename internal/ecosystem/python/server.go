package python

import (
	"path"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/ecosystem/container"
	"github.com/plimsoll/plimsoll/internal/ecosystem/python/syntax"
)

// launch is what the start command comes down to.
type launch struct {
	container.Start
	server string   // "uvicorn", "gunicorn", "flask", …; "" when the program is not known
	args   []string // of the server
	script string   // of python SCRIPT, as written
	module string   // of python -m MODULE, or of the application reference
	attr   string   // of the application reference: the name after the colon
	python bool     // the program is Python or comes with a Python package
}

// wrappers are programs that start what follows them, with how many words of their own.
var wrappers = map[string]int{
	"exec": 0, "tini": 0, "dumb-init": 0, "env": 0, "nice": 0, "gosu": 1, "su-exec": 1, "nohup": 0,
	"ddtrace-run": 0, "opentelemetry-instrument": 0, "xvfb-run": 0, "catatonit": 0,
}

// runners are tools whose "run" starts what follows.
var runners = map[string]bool{"poetry": true, "pipenv": true, "uv": true, "pdm": true, "hatch": true, "coverage": false}

// unwrap drops wrappers, options in front, and assignments of env.
func unwrap(argv []string) []string {
	for range len(argv) {
		if len(argv) < 2 {
			break
		}
		name := path.Base(argv[0])
		own, wraps := wrappers[name]
		switch {
		case wraps:
			argv = argv[1:]
			for len(argv) > 1 && (strings.HasPrefix(argv[0], "-") || name == "env" && strings.Contains(argv[0], "=")) {
				argv = argv[1:]
			}
			argv = argv[min(own, len(argv)):]
		case runners[name] && argv[1] == "run":
			argv = argv[2:]
			for name == "uv" && len(argv) > 1 && slices.Contains(syncing, argv[0]) {
				argv = argv[1:]
			}
		default:
			return argv
		}
	}
	return argv
}

// servers are programs and modules that serve, with the port that each has when nothing is said.
var servers = map[string]struct {
	port   int
	option []string // that give the port
	bind   []string // that give host:port
	env    string
}{
	"uvicorn":        {8000, []string{"--port"}, nil, "UVICORN_PORT"},
	"gunicorn":       {8000, nil, []string{"-b", "--bind"}, "PORT"},
	"hypercorn":      {8000, nil, []string{"-b", "--bind"}, ""},
	"daphne":         {8000, []string{"-p", "--port"}, nil, ""},
	"granian":        {8000, []string{"--port"}, nil, "GRANIAN_PORT"},
	"waitress-serve": {8080, []string{"--port"}, []string{"--listen"}, ""},
	"flask":          {5000, []string{"-p", "--port"}, nil, "FLASK_RUN_PORT"},
	"runserver":      {8000, nil, nil, ""},
	"http.server":    {8000, nil, nil, ""},
	"fastapi":        {8000, []string{"--port"}, nil, ""},
	"uwsgi":          {0, nil, []string{"--http", "--http-socket", "--socket"}, ""},
	"streamlit":      {8501, []string{"--server.port"}, nil, "STREAMLIT_SERVER_PORT"},
}

// launchOf takes the start command apart.
func launchOf(s container.Start) launch {
	l := launch{Start: s}
	argv := unwrap(s.Likely)
	if len(argv) == 0 {
		return l
	}
	name := path.Base(argv[0])
	l.args = argv[1:]
	if isInterpreter(name) {
		l.python = true
		name = l.interpreter()
	} else if path.Base(name) == "manage.py" {
		name = l.manage()
	} else if strings.HasSuffix(name, ".py") { // started by its first line, or by uv run
		l.python, l.script = true, argv[0]
	}
	if _, ok := servers[name]; ok {
		l.server, l.python = name, true
	}
	l.reference()
	return l
}

func isInterpreter(name string) bool {
	return strings.Trim(strings.TrimPrefix(strings.TrimPrefix(name, "python"), "pypy"), "0123456789.") == "" && name != ""
}

// interpreter reads python's own arguments and returns the name of the program that it runs.
func (l *launch) interpreter() string {
	for i := 0; i < len(l.args); i++ {
		a := l.args[i]
		switch {
		case a == "-m" && i+1 < len(l.args):
			l.module, l.args = l.args[i+1], l.args[i+2:]
			return l.module
		case a == "-c": // code, and its arguments
			return ""
		case a == "-W" || a == "-X" || a == "--check-hash-based-pycs":
			i++
			continue
		case strings.HasPrefix(a, "-"):
			continue
		case path.Base(a) == "manage.py":
			l.args = l.args[i+1:]
			return l.manage()
		}
		l.script, l.args = a, l.args[i+1:]
		return ""
	}
	return ""
}

func (l *launch) manage() string {
	l.python = true
	if len(l.args) > 0 {
		first := l.args[0]
		l.args = l.args[1:]
		return first
	}
	return ""
}

// reference reads the application that the server is told to run: pkg.module:attr.
func (l *launch) reference() {
	if l.server != "" {
		l.module = "" // of python -m SERVER
	}
	switch l.server {
	case "flask":
		if app, ok := option(l.args, "--app", "-A"); ok {
			l.module, l.attr, _ = strings.Cut(app, ":")
		}
	case "uvicorn", "gunicorn", "hypercorn", "daphne", "granian", "waitress-serve":
		for _, a := range l.args {
			module, attr, ok := strings.Cut(a, ":")
			if isDotted(module) && (ok && isDotted(strings.TrimRight(attr, "()")) || strings.HasSuffix(module, "wsgi") || strings.HasSuffix(module, "asgi")) {
				l.module, l.attr = module, strings.TrimRight(attr, "()")
			}
		}
	case "fastapi", "streamlit":
		for _, a := range l.args {
			if strings.HasSuffix(a, ".py") {
				l.script = a
			}
		}
	}
}

func isDotted(s string) bool {
	for _, part := range strings.Split(s, ".") {
		if part == "" || !isNameStart(part[0]) || strings.IndexFunc(part, func(r rune) bool { return r > 127 || !isNameByte(byte(r)) }) >= 0 {
			return false
		}
	}
	return true
}

func isNameStart(c byte) bool { return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' }
func isNameByte(c byte) bool  { return isNameStart(c) || c >= '0' && c <= '9' }

// option returns the value of the first of the named options.
func option(args []string, names ...string) (string, bool) {
	for i, a := range args {
		for _, name := range names {
			if a == name && i+1 < len(args) {
				return args[i+1], true
			}
			if v, ok := strings.CutPrefix(a, name+"="); ok {
				return v, true
			}
			if len(name) == 2 && strings.HasPrefix(a, name) && len(a) > 2 {
				return a[2:], true
			}
		}
	}
	return "", false
}

// runCall is a call in the source that serves.
type runCall struct {
	server  string
	port    int    // when nothing is said
	keyword string // of the port
	arg     int    // position of the port, or of an address tuple
	address bool   // the argument is (host, port)
}

// runCalls are functions that serve, by their full names.
var runCalls = map[string]runCall{
	"uvicorn.run":                       {"uvicorn", 8000, "port", 99, false},
	"waitress.serve":                    {"waitress", 8080, "port", 99, false},
	"aiohttp.web.run_app":               {"aiohttp", 8080, "port", 99, false},
	"bottle.run":                        {"bottle", 8080, "port", 99, false},
	"http.server.HTTPServer":            {"http.server", 0, "", 0, true},
	"http.server.ThreadingHTTPServer":   {"http.server", 0, "", 0, true},
	"socketserver.TCPServer":            {"socketserver", 0, "", 0, true},
	"socketserver.ThreadingTCPServer":   {"socketserver", 0, "", 0, true},
	"wsgiref.simple_server.make_server": {"wsgiref", 0, "", 1, false},
	"gevent.pywsgi.WSGIServer":          {"gevent", 0, "", 0, true},
}

// methodRuns are the run methods of application objects, by framework.
var methodRuns = map[string]runCall{
	"flask":  {"flask", 5000, "port", 1, false},
	"quart":  {"quart", 5000, "port", 1, false},
	"sanic":  {"sanic", 8000, "port", 1, false},
	"bottle": {"bottle", 8080, "port", 99, false},
}

// served is a run call found in the source.
type served struct {
	runCall
	call *syntax.Call
	m    *module
	sc   *scope
}

// findRun finds the call that serves in a module.
func findRun(rt *routing, m *module) *served {
	var found *served
	m.calls(func(c *syntax.Call, name string, sc *scope) {
		if found != nil {
			return
		}
		rc, ok := runCalls[name]
		if attr, method := c.Fun.(*syntax.Attr); !ok && method && attr.Name == "run" {
			if o := rt.object(m, attr.X); o != nil {
				rc, ok = methodRuns[constructors[o.class].framework]
			} else if app := rt.made(m, attr.X); app != nil {
				rc, ok = methodRuns[constructors[app.class].framework]
			}
		}
		if ok {
			found = &served{rc, c, m, sc}
		}
	})
	return found
}

// port reads the port out of the call.
func (s *served) portOf(r *resolver) (ecosystem.Fact[int], bool) {
	x := s.call.Arg(s.arg, s.keyword)
	if list, ok := x.(*syntax.List); ok && s.address && len(list.Elems) == 2 {
		x = list.Elems[1]
	} else if n, ok := x.(*syntax.Name); ok && s.address {
		if v, in := s.sc.lookup(n.ID); v != nil {
			if list, ok := v.(*syntax.List); ok && len(list.Elems) == 2 {
				x, s.sc = list.Elems[1], in
			}
		}
	}
	if x != nil {
		n, ok := r.number(x, s.sc)
		return ecosystem.Fact[int]{Value: n, Source: s.m.at(x.Line(), "the port that "+s.server+" is given")}, ok
	}
	if s.runCall.port > 0 {
		return ecosystem.Fact[int]{Value: s.runCall.port, Source: s.m.at(s.call.Line(), "the default of "+s.server)}, true
	}
	return ecosystem.Fact[int]{}, false
}
