package node

import (
	"path"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/ecosystem"
)

// methods of HTTP, by the names of the functions that declare routes.
var methods = map[string]string{"get": "GET", "post": "POST", "put": "PUT", "patch": "PATCH", "delete": "DELETE", "all": "GET"}

// receivers are the names that applications and routers have by custom.
var receivers = []string{"app", "router", "server", "fastify", "api", "routes", "application"}

// maxRoutes bounds the routes of one application.
const maxRoutes = 500

// routes are those that are declared with a literal path. A router that another file mounts has the
// mount's path in front; one that is not seen to be mounted is left out.
func (d *detection) routes() (list []ecosystem.Fact[ecosystem.Route]) {
	mounts := d.mounts()
	add := func(s *source, line int, method, p string) {
		if len(list) < maxRoutes {
			list = append(list, ecosystem.Fact[ecosystem.Route]{Value: ecosystem.Route{Method: method, Path: braces(p)}, Source: s.at(line, "declares it")})
		}
	}
	for _, s := range d.src {
		for i, t := range s.toks {
			if method, p, ok := s.compared(i); ok {
				add(s, t.line, method, p)
				continue
			}
			method, p, ok := s.declared(i)
			if !ok {
				continue
			}
			receiver := s.tok(i - 2).text
			if !s.isRouter(receiver) {
				add(s, t.line, method, p)
				continue
			}
			prefix, mounted := mounts[mount{s.file, receiver}]
			if !mounted {
				prefix, mounted = mounts[mount{s.file, ""}]
			}
			if mounted {
				add(s, t.line, method, path.Join(prefix, s.ownPrefix(receiver), p))
			} else {
				d.note("routes", "a router that was not seen to be mounted is left out", s.at(t.line, "declares "+p))
			}
		}
	}
	for _, r := range d.decorated() {
		add(r.source, r.line, r.method, r.path)
	}
	return list
}

// declared reads NAME.get('/path', …).
func (s *source) declared(i int) (method, p string, ok bool) {
	method, known := methods[s.toks[i].text]
	if !known || s.toks[i].kind != name || !s.tok(i-1).is(".") || !s.tok(i+1).is("(") || !s.tok(i+3).is(",") {
		return "", "", false
	}
	literal := s.tok(i + 2)
	receiver := s.tok(i - 2)
	if literal.kind != text || !strings.HasPrefix(literal.text, "/") || receiver.kind != name || s.tok(i-3).is(".") {
		return "", "", false
	}
	return method, literal.text, slices.Contains(receivers, receiver.text) || s.isRouter(receiver.text) || s.isApp(receiver.text)
}

// isRouter reports whether a name holds a router, which answers only where it is mounted.
func (s *source) isRouter(id string) bool {
	at, ok := s.names[id]
	if !ok || at < 0 {
		return false
	}
	return s.seq(at, "express", ".", "Router", "(") || s.seq(at, "Router", "(") || s.seq(at, "new", "Router", "(") || s.seq(at, "new", "express", ".", "Router")
}

// ownPrefix is what Koa's routers put in front of their paths: new Router({ prefix: '/api' }).
func (s *source) ownPrefix(id string) string {
	at := s.names[id]
	if !s.seq(at, "new", "Router", "(", "{") {
		return ""
	}
	for i, end := at+4, s.close(at+3); i < end; i++ {
		if s.seq(i, "prefix", ":") && s.tok(i+2).kind == text {
			return s.tok(i + 2).text
		}
	}
	return ""
}

func (s *source) isApp(id string) bool {
	at, ok := s.names[id]
	if !ok || at < 0 {
		return false
	}
	return s.seq(at, "express", "(") || s.seq(at, "fastify", "(") || s.seq(at, "Fastify", "(") || s.seq(at, "new", "Hono")
}

// compared reads url === '/path', as programs do that use node:http alone.
func (s *source) compared(i int) (method, p string, ok bool) {
	t := s.toks[i]
	if t.kind != name || t.text != "url" && t.text != "pathname" && t.text != "path" || !s.tok(i+1).is("===") && !s.tok(i+1).is("==") {
		return "", "", false
	}
	if p = s.tok(i + 2).text; s.tok(i+2).kind != text || !strings.HasPrefix(p, "/") {
		return "", "", false
	}
	return s.methodNear(i), p, true
}

// methodNear is the method that the same condition asks for; GET when it asks for none.
func (s *source) methodNear(i int) string {
	from := i
	for from > 0 && i-from < 12 && !s.tok(from).is("if") && !s.tok(from).is(";") {
		from--
	}
	for j := from; j < i+12 && !(j > i && (s.tok(j).is("{") || s.tok(j).is(";") || s.tok(j).is("return"))); j++ {
		if s.tok(j).is("method") && (s.tok(j+1).is("===") || s.tok(j+1).is("==")) && s.tok(j+2).kind == text {
			return strings.ToUpper(s.tok(j + 2).text)
		}
	}
	return "GET"
}

// mount is a router: that of a name in a file, or the one that the file exports.
type mount struct{ file, name string }

// mounts finds app.use('/prefix', router), for routers of the same file and of files that it loads.
func (d *detection) mounts() map[mount]string {
	found := map[mount]string{}
	for _, s := range d.src {
		for i := range s.toks {
			if !s.tok(i).is("use") || !s.tok(i-1).is(".") || !s.tok(i+1).is("(") || s.isRouter(s.tok(i-2).text) {
				continue
			}
			prefix := "/"
			for _, at := range s.args(i + 1) {
				if s.tok(at).kind == text {
					prefix = s.tok(at).text
					continue
				}
				if m, ok := s.mounted(at); ok {
					found[m] = prefix
				}
			}
		}
	}
	return found
}

// mounted is the router that an argument stands for.
func (s *source) mounted(at int) (mount, bool) {
	if s.seq(at, "require", "(") && s.tok(at+2).kind == text {
		return s.exported(s.tok(at + 2).text)
	}
	id := s.tok(at).text
	koa := s.seq(at+1, ".", "routes", "(") || s.seq(at+1, ".", "middleware", "(")
	if s.tok(at).kind != name || !s.tok(at+1).is(",") && !s.tok(at+1).is(")") && !koa {
		return mount{}, false
	}
	if s.isRouter(id) {
		return mount{s.file, id}, true
	}
	if value, ok := s.names[id]; ok && value >= 0 && s.seq(value, "require", "(") {
		return s.exported(s.tok(value + 2).text)
	}
	return s.exported(s.modules[id])
}

// exported is the router that another file of the application exports.
func (s *source) exported(module string) (mount, bool) {
	if !strings.HasPrefix(module, ".") {
		return mount{}, false
	}
	want := path.Join(path.Dir(s.file), module)
	stems := s.d.stems()
	for _, name := range []string{want, strings.TrimSuffix(want, path.Ext(want)), want + "/index"} {
		if file, ok := stems[name]; ok {
			return mount{file, ""}, true
		}
	}
	return mount{}, false
}

// stems are the files of the source by their own names, and by those without an extension, of which the first decides.
func (d *detection) stems() map[string]string {
	if d.byStem == nil {
		d.byStem = map[string]string{}
		for _, s := range d.src {
			d.byStem[s.file] = s.file
		}
		for _, s := range d.src {
			if stem := strings.TrimSuffix(s.file, path.Ext(s.file)); d.byStem[stem] == "" {
				d.byStem[stem] = s.file
			}
		}
	}
	return d.byStem
}

// braces writes /items/:id as /items/{id}.
func braces(p string) string {
	parts := strings.Split(p, "/")
	for i, part := range parts {
		if rest, ok := strings.CutPrefix(part, ":"); ok {
			parts[i] = "{" + strings.TrimRight(rest, "?") + "}"
		} else if strings.ContainsAny(part, "*(") {
			parts[i] = "{rest}"
		}
	}
	return strings.Join(parts, "/")
}
