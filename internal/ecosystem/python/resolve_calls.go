package python

import (
	"path"
	"strings"

	"github.com/plimsoll/plimsoll/internal/ecosystem/python/syntax"
)

// call evaluates the calls that make strings and paths.
func (r *resolver) call(c *syntax.Call, sc *scope, depth int) (string, bool) {
	name := sc.module.qualified(c.Fun)
	if key, fallback, ok := envRead(name, c); ok {
		return r.envOr(key, fallback, sc, depth)
	}
	switch name {
	case "os.path.join", "pathlib.Path", "pathlib.PurePath", "pathlib.PosixPath":
		return r.joinAll(c.Args, sc, depth)
	case "os.path.dirname":
		s, ok := r.arg(c, sc, depth)
		return path.Dir(s), ok
	case "os.path.basename":
		s, ok := r.arg(c, sc, depth)
		return path.Base(s), ok
	case "os.getcwd", "pathlib.Path.cwd":
		return r.workdir, true
	case "os.path.abspath", "os.path.realpath":
		s, ok := r.arg(c, sc, depth)
		return join(r.workdir, s), ok
	case "str", "int", "os.fspath", "os.path.normpath", "os.path.expandvars":
		return r.arg(c, sc, depth)
	}
	return r.method(c, sc, depth)
}

func (r *resolver) arg(c *syntax.Call, sc *scope, depth int) (string, bool) {
	return r.eval(c.Arg(0, ""), sc, depth+1)
}

func (r *resolver) joinAll(args []syntax.Expr, sc *scope, depth int) (string, bool) {
	joined := ""
	for _, a := range args {
		s, ok := r.eval(a, sc, depth+1)
		if !ok {
			return "", false
		}
		joined = join(joined, s)
	}
	return joined, len(args) > 0
}

// method evaluates methods of strings and paths.
func (r *resolver) method(c *syntax.Call, sc *scope, depth int) (string, bool) {
	attr, ok := c.Fun.(*syntax.Attr)
	if !ok {
		return "", false
	}
	switch attr.Name {
	case "resolve", "absolute":
		s, ok := r.eval(attr.X, sc, depth+1)
		return join(r.workdir, s), ok
	case "as_posix", "strip", "expanduser":
		return r.eval(attr.X, sc, depth+1)
	case "joinpath":
		left, ok := r.eval(attr.X, sc, depth+1)
		right, okRight := r.joinAll(c.Args, sc, depth)
		return join(left, right), ok && okRight
	case "format":
		left, ok := r.eval(attr.X, sc, depth+1)
		right, okRight := r.arg(c, sc, depth)
		return strings.Replace(left, "{}", right, 1), ok && okRight && strings.Count(left, "{") == 1 && strings.Contains(left, "{}")
	}
	return "", false
}

// envOr is what the image sets the variable to, else the default in the source.
func (r *resolver) envOr(key, fallback syntax.Expr, sc *scope, depth int) (string, bool) {
	name, ok := r.eval(key, sc, depth+1)
	if v, set := r.env[name]; ok && set {
		return v, true
	}
	return r.eval(fallback, sc, depth+1)
}

func isEnviron(name string) bool { return name == "os.environ" }

// envRead recognises calls that read an environment variable.
func envRead(name string, c *syntax.Call) (key, fallback syntax.Expr, ok bool) {
	switch name {
	case "os.getenv", "os.environ.get", "os.environ.setdefault":
		return c.Arg(0, "key"), c.Arg(1, "default"), len(c.Args) > 0
	case "decouple.config", "config", "env", "env.str", "env.int", "env.bool", "env.path", "env.list":
		if len(c.Args) > 0 {
			if s, literal := c.Args[0].(*syntax.Str); literal && isEnvName(s.Value) {
				return c.Args[0], c.Arg(1, "default"), true
			}
		}
	}
	return nil, nil, false
}

// isEnvName tells whether a string looks like a variable: A_B2.
func isEnvName(s string) bool {
	return s != "" && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == "" && (s[0] < '0' || s[0] > '9')
}

// isSettings tells whether a class takes its fields from the environment.
func isSettings(m *module, class *syntax.Stmt) bool {
	for _, base := range class.Exprs {
		switch m.qualified(base) {
		case "pydantic.BaseSettings", "pydantic_settings.BaseSettings", "pydantic.v1.BaseSettings":
			return true
		}
	}
	return false
}
