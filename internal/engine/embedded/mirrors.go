package embedded

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// checkMirrors refuses what could not work: names that are no hosts.
func checkMirrors(mirrors map[string][]string) error {
	for _, registry := range slices.Sorted(maps.Keys(mirrors)) {
		if err := checkHost(registry); err != nil {
			return fmt.Errorf("mirror for %q: %w", registry, err)
		}
		if len(mirrors[registry]) == 0 {
			return fmt.Errorf("mirror for %q: none is named; write it as %s=HOST:PORT", registry, registry)
		}
		for _, mirror := range mirrors[registry] {
			if err := checkHost(hostOf(mirror)); err != nil {
				return fmt.Errorf("mirror %q for %s: %w", mirror, registry, err)
			}
		}
	}
	return nil
}

// hostOf is a mirror without the path that may follow; a scheme, which is wrong, stays.
func hostOf(mirror string) string {
	if strings.Contains(mirror, "://") {
		return mirror
	}
	host, _, _ := strings.Cut(mirror, "/")
	return host
}

func checkHost(host string) error {
	switch {
	case host == "":
		return fmt.Errorf("the host is empty")
	case strings.Contains(host, "://"):
		return fmt.Errorf("write the host alone, without a scheme: TLS is used, and plain HTTP where this host speaks that")
	case strings.ContainsAny(host, "/@ \t\n"):
		return fmt.Errorf("not a host with an optional port")
	}
	return nil
}
