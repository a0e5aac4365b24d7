package golang

import "testing"

func TestExecName(t *testing.T) {
	for importPath, want := range map[string]string{
		"example.org/harbour": "harbour", "example.org/harbour/v2": "harbour", "example.org/harbour/v1": "v1",
		"example.org/harbour/v02": "v02", "gopkg.in/yaml.v2": "yaml.v2", "main": "main", "v2": "v2",
		"example.org/harbour/cmd/v3x": "v3x", "example.org/a/v10": "a",
	} {
		if got := execName(importPath); got != want {
			t.Errorf("%s builds %q, want %q", importPath, got, want)
		}
	}
}

func TestNewer(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{{"1.23", "1.22.5", true}, {"1.22", "1.22.5", false}, {"1.22.5", "1.22", false}, {"1.9", "1.22", false}, {"2", "1.22", true}, {"x", "1", false}} {
		if got := newer(c.a, c.b); got != c.want {
			t.Errorf("newer(%s, %s) = %v", c.a, c.b, got)
		}
	}
}

func TestPortNumber(t *testing.T) {
	for addr, want := range map[string]int{":8080": 8080, "127.0.0.1:80": 80, "[::1]:9": 9, "8080": 8080, "": 0, ":http": 0, ":0": 0, ":65536": 0, "localhost": 0} {
		if got := portNumber(addr); got != want {
			t.Errorf("%q: port %d, want %d", addr, got, want)
		}
	}
}
