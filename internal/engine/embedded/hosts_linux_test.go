package embedded

import (
	"strings"
	"testing"
)

func TestMirrorsStandInForTheirRegistry(t *testing.T) {
	opts, err := Options{Root: t.TempDir(), Mirrors: map[string][]string{"docker.io": {"127.0.0.1:5005", "mirror.example/hub"}}}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	hostsOf := registryHosts(opts)
	for registry, want := range map[string]string{
		"docker.io":   "https://127.0.0.1:5005/v2 https://mirror.example/v2/hub",
		"ghcr.io":     "https://ghcr.io/v2",
		"127.0.0.1:1": "https://127.0.0.1:1/v2", // plain HTTP is found out when it is asked
	} {
		hosts, err := hostsOf(registry)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, h := range hosts {
			got = append(got, h.Scheme+"://"+h.Host+h.Path)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s is asked at %v, want %s", registry, got, want)
		}
	}
}
