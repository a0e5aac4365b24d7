package ecosystem

import (
	"slices"
	"testing"
)

func TestModules(t *testing.T) {
	for _, c := range []struct{ file, want string }{
		{"/srv/node_modules/ms/index.js", "ms"},
		{"/srv/node_modules/@scope/name/dist/a.mjs", "@scope/name"},
		{"/srv/node_modules/.pnpm/ms@2.1.3/node_modules/ms/index.js", "ms"},
		{"/srv/node_modules/a/node_modules/b/b.node", "b"},
		{"/srv/node_modules/ms/package.json", ""}, // read to find out what the package is
		{"/srv/node_modules/.bin/tool.js", ""},
		{"/srv/node_modules/.package-lock.json", ""},
		{"/srv/node_modules/lone.js", ""},
		{"/usr/local/lib/node_modules/npm/node_modules/semver/index.js", ""},
		{"/usr/local/lib/python3.11/site-packages/flask/app.py", "flask"},
		{"/opt/venv/lib/python3.11/site-packages/__pycache__/six.cpython-311.pyc", "six"},
		{"/opt/venv/lib/python3.11/site-packages/_cffi_backend.cpython-311-x86_64-linux-gnu.so", "_cffi_backend"},
		{"/usr/lib/python3/dist-packages/yaml/__init__.py", "yaml"},
		{"/opt/venv/lib/python3.11/site-packages/flask-3.0.dist-info/METADATA", ""},
		{"/usr/local/lib/python3.11/json/decoder.py", ""},
		{"/srv/server.js", ""},
	} {
		var got []string
		for _, m := range (&Observed{Opened: []string{c.file, c.file}}).Modules() {
			got = append(got, m.Name)
		}
		want := []string{c.want}
		if c.want == "" {
			want = nil
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s is of %q, want %q", c.file, got, want)
		}
	}
}

func TestOwnFile(t *testing.T) {
	for _, c := range []struct {
		file, workdir string
		want          bool
	}{
		{"/srv/data.json", "/srv", true},
		{"/usr/src/app/data.json", "/usr/src/app", true},
		{"/opt/data/x", "/srv", true},
		{"/srv/__pycache__/app.cpython-311.pyc", "/srv", false},
		{"/usr/lib/x.so", "/srv", false},
		{"/etc/passwd", "/", false},
		{"/app.py", "/", true},
		{"/tmp/x", "/tmp", false},
		{"/go/pkg/mod/github.com/gin-gonic/gin@v1.9.1/context.go", "/go", false},
		{"/app/lib/__pycache__/main.cpython-311.pyc.139872", "/app", false}, // while it is being written
	} {
		if got := OwnFile(c.file, c.workdir); got != c.want {
			t.Errorf("%s, working in %s: %v", c.file, c.workdir, got)
		}
	}
}

func TestFilesThatAnotherProgramOpenedAreNotCarried(t *testing.T) {
	f := &Facts{Start: Fact[[]string]{Value: []string{"serve", "dist"}}, Bundle: &Bundle{Runner: &Runner{Start: []string{"nginx"}}}}
	seen := &Observed{Gone: []string{"/srv/serve.json"}}
	if got := f.With(seen, "/srv").RunFiles; got != nil {
		t.Errorf("got %v", got)
	}
	f.Bundle.Runner.Start = []string{"/usr/local/bin/serve"}
	if got := f.With(seen, "/srv").RunFiles; len(got) != 1 || !got[0].Source.Observed() {
		t.Errorf("of the same program: %v", got)
	}
}

func TestWhatManagersLookAtIsNotMissed(t *testing.T) {
	gone := []string{
		"/srv/node_modules/mustache/bin/mustache", "/srv/node_modules/mustache/package.json", "/srv/node_modules/.yarn-state.yml",
		"/srv/node_modules/bootstrap/dist/bootstrap.css", "/srv/data.json",
	}
	if got := (&Facts{}).Missed(gone, "/srv"); !slices.Equal(got, gone[3:]) {
		t.Errorf("got %q", got)
	}
}
