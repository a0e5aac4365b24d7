package embedded

import (
	"strings"
	"testing"
)

func TestMirrors(t *testing.T) {
	for name, c := range map[string]struct {
		mirrors map[string][]string
		wrong   string // what the error says; empty if there is none
	}{
		"none":               {nil, ""},
		"loopback":           {map[string][]string{"docker.io": {"127.0.0.1:5005"}}, ""},
		"two, one with path": {map[string][]string{"ghcr.io": {"mirror.example", "mirror.example/ghcr"}}, ""},
		"a scheme":           {map[string][]string{"docker.io": {"http://127.0.0.1:5005"}}, "without a scheme"},
		"an empty host":      {map[string][]string{"docker.io": {""}}, "empty"},
		"no mirror":          {map[string][]string{"docker.io": nil}, "HOST:PORT"},
		"a registry with /":  {map[string][]string{"docker.io/library": {"h"}}, "not a host"},
		"a login":            {map[string][]string{"docker.io": {"me@h"}}, "not a host"},
	} {
		err := checkMirrors(c.mirrors)
		if c.wrong == "" && err != nil || c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)) {
			t.Errorf("%s: %v, want %q", name, err, c.wrong)
		}
	}
}

func TestMessages(t *testing.T) {
	for _, c := range []struct {
		err  error
		want []string
	}{
		{&Missing{What: "runc is not installed", Remedy: "install it"}, []string{"runc is not installed; install it"}},
		{&Locked{Root: "state", PID: 42}, []string{"state", "process 42"}},
		{&Locked{Root: "state"}, []string{"another process"}},
	} {
		for _, want := range c.want {
			if !strings.Contains(c.err.Error(), want) {
				t.Errorf("%q lacks %q", c.err, want)
			}
			if strings.Contains(c.err.Error(), "\n") {
				t.Errorf("%q is not one line", c.err)
			}
		}
	}
}
