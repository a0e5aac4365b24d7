package container

import (
	"path"
	"strings"

	"github.com/plimsoll/plimsoll/internal/ecosystem"
)

// healthNames are the last parts of paths that answer whether a service is well, best first.
func healthNames() []string {
	return []string{"healthz", "health", "healthcheck", "health-check", "health_check", "livez", "live", "liveness", "readyz", "ready", "readiness", "up", "alive", "ping", "status", "heartbeat"}
}

// Health picks the route that a health check should ask: a GET route without parameters, best name first, shortest path first.
func Health(routes []ecosystem.Fact[ecosystem.Route]) ecosystem.Fact[string] {
	var best ecosystem.Fact[string]
	names := healthNames()
	rank := len(names)
	for _, r := range routes {
		p := r.Value.Path
		if r.Value.Method != "GET" || strings.Contains(p, "{") {
			continue
		}
		i := healthRank(p, names)
		if i < rank || i == rank && best.Known() && len(p) < len(best.Value) {
			rank = i
			best = ecosystem.Fact[string]{Value: p, Source: r.Source}
		}
	}
	return best
}

func healthRank(p string, names []string) int {
	base := strings.ToLower(path.Base(strings.TrimSuffix(p, "/")))
	for i, name := range names {
		if base == name {
			return i
		}
	}
	if strings.Contains(strings.ToLower(p), "/health/") { // /health/live
		return 1
	}
	return len(names)
}
