package python

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
)

func TestProbeText(t *testing.T) {
	p := probe("python", 0, "")
	for _, c := range []struct {
		path string
		want string
	}{
		{"/health", "import http.client as h; c = h.HTTPConnection('127.0.0.1', 8000, timeout=3); c.request('GET', '/health'); exit(c.getresponse().status >= 400)"},
		{"/it's", `import http.client as h; c = h.HTTPConnection('127.0.0.1', 8000, timeout=3); c.request('GET', '/it\'s'); exit(c.getresponse().status >= 400)`},
		{"", "import socket; socket.create_connection(('127.0.0.1', 8000), 3)"},
	} {
		argv := p(8000, c.path)
		if len(argv) != 3 || argv[0] != "python" || argv[1] != "-c" || argv[2] != c.want {
			t.Errorf("%q: got %q", c.path, argv)
		}
	}
}

// TestProbeRuns asks a real server with a real interpreter: 0 for an answer
// below 400, also past a proxy in the environment; not 0 for anything else.
func TestProbeRuns(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed: the probe can't be run")
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/ok" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	port := server.Listener.Addr().(*net.TCPAddr).Port
	run := func(path string) error {
		argv := probe(python, 0, "")(port, path)
		cmd := exec.Command(argv[0], argv[1:]...)
		cmd.Env = []string{"http_proxy=http://127.0.0.1:1", "HTTP_PROXY=http://127.0.0.1:1"}
		return cmd.Run()
	}
	for path, healthy := range map[string]bool{"/ok": true, "/bad": false, "": true} {
		if err := run(path); (err == nil) != healthy {
			t.Errorf("%q: got %v, want healthy %v", path, err, healthy)
		}
	}
	argv := probe(python, port, "PORT")(port, "/ok") // the platform has it listen elsewhere
	moved := exec.Command(argv[0], argv[1:]...)
	moved.Env = []string{"PORT=1"}
	if moved.Run() == nil {
		t.Error("healthy although nothing listens where PORT says")
	}
	argv = probe(python, 1, "PORT")(1, "/ok")
	moved = exec.Command(argv[0], argv[1:]...)
	moved.Env = []string{fmt.Sprintf("PORT=%d", port)}
	if err := moved.Run(); err != nil {
		t.Errorf("unhealthy where PORT says: %v", err)
	}
	server.Close()
	for _, path := range []string{"/ok", ""} {
		if run(path) == nil {
			t.Errorf("%q: healthy although nothing listens", path)
		}
	}
}

func TestNativeTable(t *testing.T) {
	for name, n := range nativePackages {
		if n.wheels == none && len(n.build) == 0 {
			t.Errorf("%s compiles, but nothing is said of what it needs", name)
		}
		if strings.ToLower(name) != name || strings.Contains(name, "_") {
			t.Errorf("%s is not a normalised name", name)
		}
	}
	for extra, names := range nativeExtras {
		for _, name := range names {
			if _, ok := nativePackages[name]; !ok {
				t.Errorf("%s pulls in %s, which is not in the table", extra, name)
			}
		}
	}
}
