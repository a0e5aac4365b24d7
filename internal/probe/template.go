package probe

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// parameter is one variable part of a route.
type parameter struct {
	name string // as the route calls it: "note_id"
	kind string // as the route declares it: "int", "uuid", "path", ""
	// variable is the name in our own template. It comes from the place in the path
	// and not from the parameter's name, so that /users/{id} and
	// /users/{user_id}/notes mean the same user, and /notes/{id} no user.
	variable string
}

// template rewrites a route's path with variables of our own. It understands
// {name} (OpenAPI, FastAPI), {name:type} (Starlette, chi), <type:name>
// (Flask, Django) and :name (Express, Gin).
func template(path string) (string, []parameter) {
	var parameters []parameter
	var out, place strings.Builder
	for i, segment := range strings.Split(path, "/") {
		if i > 0 {
			out.WriteString("/")
		}
		here, found := rewrite(segment, strings.TrimPrefix(place.String(), "/"))
		out.WriteString(here)
		parameters = append(parameters, found...)
		if len(found) > 0 {
			here = "*"
		}
		if i > 0 {
			place.WriteString("/" + here)
		}
	}
	return out.String(), parameters
}

// rewrite rewrites one segment of a path; place is what is before it.
func rewrite(segment, place string) (string, []parameter) {
	if name, ok := strings.CutPrefix(segment, ":"); ok && name != "" {
		segment = "{" + strings.TrimRight(name, "?*+") + "}"
	}
	var out strings.Builder
	var found []parameter
	for segment != "" {
		at := strings.IndexAny(segment, "{<")
		if at < 0 {
			break
		}
		end := strings.IndexAny(segment[at:], "}>")
		if end < 0 {
			break
		}
		p := declared(segment[at : at+end+1])
		p.variable = place
		if len(found) > 0 {
			p.variable += "#" + strconv.Itoa(len(found)+1)
		}
		found = append(found, p)
		out.WriteString(escape(segment[:at]) + "{" + p.variable + "}")
		segment = segment[at+end+1:]
	}
	out.WriteString(escape(segment))
	return out.String(), found
}

// declared reads "{name:type}" or "<type:name>".
func declared(s string) parameter {
	inner := s[1 : len(s)-1]
	a, b, both := strings.Cut(inner, ":")
	switch {
	case !both:
		return parameter{name: strings.TrimRight(inner, "?*+")}
	case s[0] == '<':
		return parameter{name: b, kind: a}
	default:
		return parameter{name: a, kind: b}
	}
}

// escape makes the constant part of a segment safe in a URL; braces that
// close nothing are escaped as well.
func escape(s string) string {
	unescaped, err := url.PathUnescape(s)
	if err != nil {
		unescaped = s
	}
	return url.PathEscape(unescaped)
}

// link lets creations give their identifiers to what comes after: POST /notes
// to /notes/{…}. Requests must have been made with template.
func link(requests []Request, names map[string][]string) {
	for i := range requests {
		r := &requests[i]
		if r.Method != "POST" {
			continue
		}
		path, _, _ := strings.Cut(r.Path, "?")
		place := strings.TrimPrefix(collection(path), "/")
		if wanted, ok := names[place]; ok {
			r.Captures = map[string][]string{place: members(wanted)}
		}
	}
}

// collection is a template's path with each variable segment as "*", which is how variables are named.
func collection(path string) string {
	segments := strings.Split(strings.TrimSuffix(path, "/"), "/")
	depth := 0
	var out []string
	for _, s := range segments { // a variable's own name may hold slashes
		opened := depth > 0
		depth += strings.Count(s, "{") - strings.Count(s, "}")
		switch {
		case opened:
		case strings.Contains(s, "{"):
			out = append(out, "*")
		default:
			out = append(out, s)
		}
	}
	return strings.Join(out, "/")
}

// members lists the members of an answer that may hold an identifier, the
// likeliest first: what the route calls it, then what it is usually called.
func members(parameters []string) []string {
	usual := []string{"id", "uuid", "_id", "key"}
	var own []string
	for _, p := range parameters {
		for _, name := range []string{p, camelCase(p)} {
			if name != "" && !slices.Contains(usual, name) && !slices.Contains(own, name) {
				own = append(own, name)
			}
		}
	}
	return append(own, usual...)
}

// camelCase turns note_id into noteId.
func camelCase(s string) string {
	parts := strings.Split(s, "_")
	for i := 1; i < len(parts); i++ {
		if parts[i] != "" {
			parts[i] = strings.ToUpper(parts[i][:1]) + parts[i][1:]
		}
	}
	return strings.Join(parts, "")
}

// namesByPlace collects what parameters are called at each place.
func namesByPlace(names map[string][]string, parameters []parameter) {
	for _, p := range parameters {
		if !slices.Contains(names[p.variable], p.name) {
			names[p.variable] = append(names[p.variable], p.name)
		}
	}
}
