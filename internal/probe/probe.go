// Package probe decides what to ask a running application, and whether two
// versions of it gave the same answers.
//
// What to ask comes from the user (Parse), the application's own OpenAPI
// document (FromOpenAPI) and the routes found in its source (FromRoutes); Plan
// puts them together. Everything is deterministic: the same documents give the same
// requests in the same order, so that two versions can be compared (Compare).
package probe

import (
	"strings"

	"github.com/plimsoll/plimsoll/internal/agent"
)

// MaxRequests bounds what one document or one list of routes gives.
const MaxRequests = 50

// Request is one HTTP request and where it came from. Its path may hold
// variables ("/notes/{notes}") which the agent replaces by what an earlier answer
// gave, or else by a made-up value: Answer.Path is what was really asked.
type Request struct {
	agent.HTTPRequest
	Origin Origin `json:"origin"`
}

// Origin says who wants a request.
type Origin string

const (
	OriginUser    Origin = "user"
	OriginHealth  Origin = "health"
	OriginOpenAPI Origin = "openapi"
	OriginRoute   Origin = "route"
)

// Answer is what came back.
type Answer = agent.HTTPAnswer

// String is the method and path: "GET /notes".
func (r Request) String() string { return r.Method + " " + r.Path }

// Asks gives the requests as the agent takes them.
func Asks(requests []Request) []agent.HTTPRequest {
	asks := make([]agent.HTTPRequest, len(requests))
	for i, r := range requests {
		asks[i] = r.HTTPRequest
	}
	return asks
}

// Health is the request for a health route.
func Health(path string) Request {
	return Request{agent.HTTPRequest{Method: "GET", Path: path}, OriginHealth}
}

// Plan merges requests without duplicates: the health route first (none when
// health is ""), the user's own as given, then the document's and the
// sources'. If there are more than max, the user's stay and the less telling ones of the rest go.
func Plan(user []Request, health string, openapi, routes []Request, max int) []Request {
	seen := map[string]bool{}
	add := func(to, from []Request) []Request {
		for _, r := range from {
			if key := r.identity(); !seen[key] {
				seen[key] = true
				to = append(to, r)
			}
		}
		return to
	}
	var first []Request
	if health != "" {
		first = add(first, []Request{Health(health)})
	}
	first = add(first, user)
	rest := add(add(nil, openapi), routes)
	return append(first, choose(rest, max-len(first))...)
}

// identity is equal for requests that ask the same. A document and the
// sources name the same route; what they made up for it does not count.
func (r Request) identity() string {
	if r.Origin == OriginUser {
		path, query, _ := strings.Cut(r.Path, "?")
		if query == "" && len(r.Body) == 0 {
			return r.Method + " " + path
		}
		return r.Method + " " + r.Path + " " + string(r.Body)
	}
	path, _, _ := strings.Cut(r.Path, "?")
	return r.Method + " " + path
}
