package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/plimsoll/plimsoll/internal/app"
	"github.com/plimsoll/plimsoll/internal/report"
)

// breakage is one thing that a careless rewrite gets wrong.
type breakage struct {
	name string
	file string // what is changed: "Dockerfile" or ".dockerignore"
	// old is replaced by new, at its last occurrence. An empty old means that new is appended.
	old, new string
	says     string // words of the reason that the proof gives
}

// breakages are planted into the rewritten files of testdata/harbour.txtar, one at a time.
var breakages = []breakage{
	{"a needed file is ignored", ".dockerignore", "", "\ntemplates\n", "GET /berths"},
	{"a shared library is missing", "Dockerfile", "libmagic1", "netbase", "of libmagic1 loaded, which is not in the image"},
	{"a user that can't write", "Dockerfile", "USER 10001:10001", "USER 65534:65534", "after can't as user 65534:65534: permission denied"},
	{"a variable is dropped", "Dockerfile", `ENV HARBOUR_NAME="Port Ellen"`, "", "GET /name"},
	{"another port", "Dockerfile", `"0.0.0.0:8000"`, `"0.0.0.0:8080"`, "port 8080"},
	{"a dead health path", "Dockerfile", "/health", "/healthy", "health check"},
	{"a dependency for development is dropped", "Dockerfile", " -r requirements-tools.txt", "", "yaml"},
	{"a shebang that leads nowhere", "Dockerfile", "COPY --from=builder /opt/venv /opt/venv", "COPY --from=builder /opt/venv /venv\nENV PATH=/venv/bin:$PATH", "start"},
	{"no CA bundle", "Dockerfile", "USER 10001:10001", "RUN rm -rf /etc/ssl/certs\nUSER 10001:10001", "GET /trust"},
	{"no time zones", "Dockerfile", "USER 10001:10001", "RUN rm -rf /usr/share/zoneinfo\nUSER 10001:10001", "GET /noon"},
}

// TestPlantedBreakages breaks the rewritten files of a service in ten ways, and
// wants the proof to catch every one; unbroken, they are proven.
func TestPlantedBreakages(t *testing.T) {
	needSuite(t)
	archive, err := txtar.ParseFile("testdata/harbour.txtar")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, f := range archive.Files {
		files[f.Name] = string(f.Data)
	}
	want := wanted{probes: []string{`POST /calls {"ship": "Rona"}`}}
	shared := openShared(t)
	rewritten := rewrittenFiles(t, repository(t, files))
	t.Run("all", func(t *testing.T) {
		for _, b := range append([]breakage{{name: "none"}}, breakages...) {
			t.Run(b.name, func(t *testing.T) {
				t.Parallel()
				dir := repository(t, files)
				opts := sharedOptions(shared, dir, want)
				opts.Against = b.plant(t, rewritten)
				r, err := app.Prove(t.Context(), opts)
				if r == nil {
					t.Fatal(err)
				}
				b.check(t, r, err)
			})
		}
	})
}

// rewrittenFiles is what fix makes of a project.
func rewrittenFiles(t *testing.T, dir string) map[string]string {
	t.Helper()
	r, err := app.Fix(t.Context(), app.FixOptions{Path: dir, Mirrors: map[string]string{"docker.io": suite.bases}})
	if err != nil {
		t.Fatal(err)
	}
	return r.Plan.After
}

// plant writes the rewritten files with the breakage to a folder, and returns the Dockerfile's path.
func (b breakage) plant(t *testing.T, rewritten map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range rewritten {
		if name == b.file {
			text = b.in(t, text)
		}
		if name == ".dockerignore" {
			name = "Dockerfile.dockerignore"
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(name)), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "Dockerfile")
}

func (b breakage) in(t *testing.T, text string) string {
	t.Helper()
	at := strings.LastIndex(text, b.old)
	if at < 0 {
		t.Fatalf("the rewritten %s has no %q to break:\n%s", b.file, b.old, text)
	}
	if b.old == "" {
		at = len(text)
	}
	return text[:at] + b.new + text[at+len(b.old):]
}

func (b breakage) check(t *testing.T, r *report.Report, err error) {
	t.Helper()
	if b.file == "" {
		if r.Verdict != report.Proven {
			t.Errorf("unbroken it is %s: %v %+v", r.Verdict, err, r.Failure)
		}
		return
	}
	if r.Verdict != report.Failed || r.Failure == nil {
		t.Fatalf("verdict %s: the breakage was not caught (%v)\n%+v", r.Verdict, err, r.Requests)
	}
	t.Logf("caught: %s", r.Failure.Message)
	if !strings.Contains(r.Failure.Message+r.Failure.Detail, b.says) {
		t.Errorf("the reason does not name %q: %s\n%s", b.says, r.Failure.Message, r.Failure.Detail)
	}
}
