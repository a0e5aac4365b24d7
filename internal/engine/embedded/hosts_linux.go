package embedded

import (
	"net/http"
	"slices"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/moby/buildkit/util/resolver"
	resolverconfig "github.com/moby/buildkit/util/resolver/config"
	"github.com/plimsoll/plimsoll/internal/registry"
)

// registryHosts says which hosts answer for a registry, and how they are reached: TLS is spoken first
// everywhere, and the access goes over to plain HTTP where a loopback host speaks that.
func registryHosts(opts Options) docker.RegistryHosts {
	config := map[string]resolverconfig.RegistryConfig{}
	for registry, list := range opts.Mirrors {
		config[registry] = resolverconfig.RegistryConfig{Mirrors: slices.Clone(list)}
	}
	patience := registry.Long()
	if opts.patience != nil {
		patience = *opts.patience
	}
	client := &http.Client{Transport: opts.Access.Transport(patience)}
	hostsOf := resolver.NewRegistryConfig(config)
	return func(host string) ([]docker.RegistryHost, error) {
		hosts, err := hostsOf(host)
		if mirrors := len(opts.Mirrors[host]); mirrors > 0 && err == nil {
			hosts = hosts[:mirrors] // the registry itself comes after them
		}
		for i := range hosts {
			hosts[i].Client, hosts[i].Scheme = client, "https"
		}
		return hosts, err
	}
}
