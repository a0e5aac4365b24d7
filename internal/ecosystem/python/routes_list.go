package python

import (
	"strings"

	"github.com/plimsoll/plimsoll/internal/ecosystem"
)

// Bounds of one application's routes, and of the steps from router to router.
const (
	maxRoutes = 1000
	maxVisits = 5000
	maxDepth  = 16
)

// routes lists what the application answers: the routes of its object and of everything mounted below it.
func (rt *routing) routes(app *object) []ecosystem.Fact[ecosystem.Route] {
	l := &routeLister{seen: map[ecosystem.Route]bool{}, reached: map[*object]bool{}}
	for _, o := range rt.order {
		if o == app || app == nil && o.app && !rt.mounted(o) {
			l.visit(o, o.prefix, 0)
		}
	}
	for _, o := range rt.order {
		if !l.reached[o] && len(o.routes) > 0 {
			rt.loose++
		}
	}
	return l.list
}

func (rt *routing) mounted(o *object) bool {
	for _, p := range rt.order {
		for _, m := range p.mounts {
			if m.child == o {
				return true
			}
		}
	}
	return false
}

type routeLister struct {
	list    []ecosystem.Fact[ecosystem.Route]
	seen    map[ecosystem.Route]bool
	reached map[*object]bool
	visits  int
}

// enter counts a step; false when there were too many, or too deep ones:
// routers may mount each other.
func (l *routeLister) enter(depth int) bool {
	l.visits++
	return l.visits <= maxVisits && depth <= maxDepth && len(l.list) < maxRoutes
}

// visit lists the routes of an object that lies under a prefix.
func (l *routeLister) visit(o *object, prefix string, depth int) {
	if !l.enter(depth) {
		return
	}
	l.reached[o] = true
	for _, r := range o.routes {
		for _, method := range r.methods {
			l.add(method, prefix+r.path, r.source)
		}
	}
	for _, m := range o.mounts {
		own := m.child.prefix
		if m.replaces {
			own = ""
		}
		l.visit(m.child, prefix+m.prefix+own, depth+1)
	}
}

func (l *routeLister) add(method, raw string, source ecosystem.Source) {
	r := ecosystem.Route{Method: method, Path: braces(raw)}
	if r.Path == "" {
		r.Path = "/"
	}
	if len(l.list) >= maxRoutes || l.seen[r] {
		return
	}
	l.seen[r] = true
	l.list = append(l.list, ecosystem.Fact[ecosystem.Route]{Value: r, Source: source})
}

// braces turns <int:id>, <id>, {id:int} and {id} into {id}.
func braces(raw string) string {
	var b strings.Builder
	for raw != "" {
		open := strings.IndexAny(raw, "<{")
		if open < 0 {
			break
		}
		closing := map[byte]string{'<': ">", '{': "}"}[raw[open]]
		end := strings.Index(raw[open:], closing)
		if end < 0 {
			break
		}
		inside := raw[open+1 : open+end]
		if before, after, ok := strings.Cut(inside, ":"); ok && raw[open] == '<' {
			inside = after
		} else if ok {
			inside = before
		}
		b.WriteString(raw[:open] + "{" + inside + "}")
		raw = raw[open+end+1:]
	}
	return b.String() + raw
}
