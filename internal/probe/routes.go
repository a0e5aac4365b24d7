package probe

import (
	"strings"

	"github.com/plimsoll/plimsoll/internal/agent"
)

// Route is one route that the sources declare (ecosystem.Route converts to it).
type Route struct{ Method, Path string }

// FromRoutes makes requests out of routes: reads without parameters first,
// then creations with an empty JSON object, which tells at least how they are
// refused, then reads with parameters. Without a document nothing is known about bodies: what
// changes or deletes is left out, and so is what would end the application.
func FromRoutes(routes []Route) []Request {
	names := map[string][]string{}
	var plain, creations, items []Request
	for _, route := range routes {
		method := strings.ToUpper(strings.TrimSpace(route.Method))
		if !strings.HasPrefix(route.Path, "/") || endsThings(route.Path) || unsendable(route.Path) {
			continue
		}
		path, parameters := template(route.Path)
		namesByPlace(names, parameters)
		r := Request{agent.HTTPRequest{Method: method, Path: path, Values: simpleValues(parameters)}, OriginRoute}
		switch {
		case method == "POST":
			r.Headers, r.Body = map[string]string{"Content-Type": "application/json"}, []byte("{}")
			creations = append(creations, r)
		case method != "GET":
		case len(parameters) == 0:
			plain = append(plain, r)
		default:
			items = append(items, r)
		}
	}
	sequence(plain)
	sequence(creations)
	sequence(items)
	all := append(append(plain, creations...), items...)
	link(all, names)
	return choose(distinct(all), MaxRequests)
}

// distinct leaves out requests that ask the same as an earlier one.
func distinct(requests []Request) []Request {
	seen := map[string]bool{}
	var kept []Request
	for _, r := range requests {
		if key := r.identity(); !seen[key] {
			seen[key] = true
			kept = append(kept, r)
		}
	}
	return kept
}

// unsendable reports whether a path is a pattern or holds what can't be in a request.
func unsendable(path string) bool {
	return len(path) > 2000 || strings.ContainsAny(path, "()[]^$\\\x00\r\n\t")
}

// simpleValues makes up a value for each parameter.
func simpleValues(parameters []parameter) map[string]string {
	if len(parameters) == 0 {
		return nil
	}
	values := map[string]string{}
	for _, p := range parameters {
		values[p.variable] = simpleValue(p)
	}
	return values
}

func simpleValue(p parameter) string {
	switch {
	case p.kind == "uuid" || strings.Contains(strings.ToLower(p.name), "uuid"):
		return sampleUUID
	case p.kind == "int" || p.kind == "float" || p.kind == "":
		return byName(p.name, "1")
	}
	return byName(p.name, "example")
}
