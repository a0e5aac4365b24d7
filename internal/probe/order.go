package probe

import (
	"cmp"
	"slices"
	"strings"
)

// phase orders requests so that things are created before they are read, and
// deleted last.
func phase(r Request) int {
	switch r.Method {
	case "POST":
		return 0
	case "GET", "HEAD":
		return 1
	case "PUT":
		return 2
	case "PATCH":
		return 3
	case "DELETE":
		return 4
	}
	return 5
}

// worth orders requests by how much they tell: when there are too many, the last go first.
func worth(r Request) int {
	switch {
	case r.Method == "GET" && len(r.Values) == 0:
		return 0
	case r.Method == "POST":
		return 1
	case r.Method == "GET":
		return 2
	}
	return 2 + phase(r)
}

// sequence sorts requests by phase, then from short paths to long ones (from
// long to short for deletions, so that parts go before the whole).
func sequence(requests []Request) {
	slices.SortStableFunc(requests, func(a, b Request) int {
		depth := cmp.Compare(strings.Count(a.Path, "/"), strings.Count(b.Path, "/"))
		if a.Method == "DELETE" {
			depth = -depth
		}
		return cmp.Or(cmp.Compare(phase(a), phase(b)), depth, cmp.Compare(a.Path, b.Path), cmp.Compare(a.Method, b.Method))
	})
}

// choose keeps the n requests that tell most, in the order given.
func choose(requests []Request, n int) []Request {
	if n <= 0 {
		return nil
	}
	if len(requests) <= n {
		return requests
	}
	index := make([]int, len(requests))
	for i := range index {
		index[i] = i
	}
	slices.SortStableFunc(index, func(a, b int) int { return cmp.Compare(worth(requests[a]), worth(requests[b])) })
	index = slices.Sorted(slices.Values(index[:n]))
	chosen := make([]Request, 0, n)
	for _, i := range index {
		chosen = append(chosen, requests[i])
	}
	return chosen
}

// ending holds the words for what would end, empty or restart the
// application, or a session in it. The container is a throw-away without a network, so that
// nothing else is dangerous; but a proof does not survive these.
func ending() []string {
	return []string{"shutdown", "restart", "reboot", "poweroff", "halt", "exit", "quit", "kill", "terminate",
		"abort", "crash", "reset", "wipe", "purge", "flush", "logout", "signout", "logoff"}
}

// endsThings reports whether a path has one of the words of ending.
func endsThings(path string) bool {
	path, _, _ = strings.Cut(path, "?")
	words := strings.FieldsFunc(strings.ToLower(path), func(r rune) bool { return strings.ContainsRune("/-_.", r) })
	return slices.ContainsFunc(words, func(w string) bool { return slices.Contains(ending(), w) })
}
