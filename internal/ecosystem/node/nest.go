package node

import (
	"path"
)

// decorators are those of Nest that declare routes, with their methods.
var decorators = map[string]string{"Get": "GET", "Post": "POST", "Put": "PUT", "Patch": "PATCH", "Delete": "DELETE", "All": "GET"}

// route is one that a decorator declares.
type route struct {
	source       *source
	line         int
	method, path string
}

// decorated are the routes of Nest's controllers: a path of the controller, and one of the method. Where paths are put
// together in ways that are not followed, versions and prefixes that are computed, there are none.
func (d *detection) decorated() (list []route) {
	prefix := "/"
	for _, s := range d.src {
		for i := range s.toks {
			switch {
			case s.seq(i, ".", "enableVersioning", "("):
				d.note("routes", "versions are part of the paths, which are left out", s.at(s.tok(i).line, "versions"))
				return nil
			case s.seq(i, ".", "setGlobalPrefix", "("):
				if s.tok(i+3).kind != text || !s.tok(i+4).is(")") {
					d.note("routes", "what stands before all paths is not known, so that they are left out", s.at(s.tok(i).line, "sets a prefix"))
					return nil
				}
				prefix = path.Join("/", s.tok(i+3).text)
			}
		}
	}
	for _, s := range d.src {
		controller, known := "", false
		for i := range s.toks {
			if !s.tok(i).is("@") || !s.tok(i+2).is("(") {
				continue
			}
			if s.tok(i + 1).is("Controller") {
				controller, known = s.decoration(i + 2)
				continue
			}
			method, declares := decorators[s.tok(i+1).text]
			if p, ok := s.decoration(i + 2); declares && known && ok {
				list = append(list, route{s, s.tok(i).line, method, path.Join(prefix, controller, p)})
			}
		}
	}
	return list
}

// decoration is the path that a decorator is given: nothing, a text, or an object that has it alone.
func (s *source) decoration(open int) (string, bool) {
	switch {
	case s.tok(open + 1).is(")"):
		return "", true
	case s.tok(open+1).kind == text && s.tok(open+2).is(")"):
		return s.tok(open + 1).text, true
	case s.seq(open+1, "{", "path", ":") && s.tok(open+4).kind == text && s.tok(open+5).is("}"):
		return s.tok(open + 4).text, true
	}
	return "", false
}
