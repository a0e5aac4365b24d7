package embedded

import (
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"

	resolverconfig "github.com/moby/buildkit/util/resolver/config"
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
		return fmt.Errorf("write the host alone, without a scheme: TLS is used, and plain HTTP on this host")
	case strings.ContainsAny(host, "/@ \t\n"):
		return fmt.Errorf("not a host with an optional port")
	}
	return nil
}

// registries is the mirrors as BuildKit wants them, with plain HTTP for loopback alone.
func registries(mirrors map[string][]string) map[string]resolverconfig.RegistryConfig {
	out := map[string]resolverconfig.RegistryConfig{}
	for registry, list := range mirrors {
		c := out[registry]
		c.Mirrors = slices.Clone(list)
		out[registry] = c
	}
	for _, list := range mirrors {
		for _, mirror := range list {
			if host := hostOf(mirror); isLoopback(host) {
				c, plain := out[host], true
				c.PlainHTTP = &plain
				out[host] = c
			}
		}
	}
	return out
}

// isLoopback says whether a host, with or without port, is this one. A
// name counts only if it is "localhost": any other could be made to point anywhere.
func isLoopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && addr.IsLoopback()
}
