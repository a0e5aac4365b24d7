package e2e

import (
	"regexp"
	"strings"
	"testing"
)

// baked are the credentials that the example has in its Dockerfile and in .env.
var baked = []string{"nk_live_7Qw2mZx84TbVn3RkLs9dYhG5", "Harb0ur-Lantern-4471"}

// TestProveExample is the main job: the naive FastAPI service, in a folder
// with history and junk, becomes an image that is proven to be better.
func TestProveExample(t *testing.T) {
	needSuite(t)
	dir := notes(t)
	original, before := read(t, dir, "Dockerfile"), treeOf(t, dir)
	d, res := prove(t, dir)
	d.logTimes(t)
	d.want(t, res, "proven", 0)
	d.wantAllProven(t)
	if len(d.Plan.Skipped) > 0 {
		t.Errorf("skipped: %+v", d.Plan.Skipped)
	}
	t.Run("untouched", func(t *testing.T) { untouched(t, dir, before) })
	t.Run("figures", func(t *testing.T) { checkFigures(t, d) })
	t.Run("requests", func(t *testing.T) { checkRequests(t, d.Requests) })
	t.Run("dockerfile", func(t *testing.T) { checkDockerfile(t, d.Files["Dockerfile"], original) })
	t.Run("beside", func(t *testing.T) { checkFilesBeside(t, d.Files) })
	t.Run("discreet", func(t *testing.T) {
		for _, value := range baked {
			if strings.Contains(res.stdout, value) || strings.Contains(res.stderr, value) {
				t.Errorf("the report tells the credential %s…", value[:4])
			}
		}
	})
	t.Run("settled", func(t *testing.T) {
		writeFiles(t, dir, d.Files)
		if res := run(t, dir, "check", "--fail-on", "warning", "--mirror", mirror(), "."); res.code != 0 {
			t.Errorf("the rewritten Dockerfile has findings, exit code %d:\n%s%s", res.code, res.stdout, res.stderr)
		}
		if res := run(t, dir, "fix", "--mirror", mirror(), "."); res.code != 0 || strings.TrimSpace(res.stdout) != "" {
			t.Errorf("fixing what is fixed, exit code %d, changes:\n%s%s", res.code, res.stdout, res.stderr)
		}
	})
}

func checkFigures(t *testing.T, d *document) {
	smaller := func(name string, want float64) {
		gain := 1 - d.number(t, d.After, name)/d.number(t, d.Before, name)
		t.Logf("%s: %.1f%% smaller", name, 100*gain)
		if gain < want {
			t.Errorf("%s is %.1f%% smaller, want %.0f%%", name, 100*gain, 100*want)
		}
	}
	smaller("image_bytes", 0.85)
	smaller("transfer_bytes", 0.80)
	faster := d.number(t, d.Before, "rebuild_seconds") / d.number(t, d.After, "rebuild_seconds")
	t.Logf("rebuild_seconds: %.1f× faster", faster)
	if faster < 4 {
		t.Errorf("the rebuild is %.1f× faster, want 4×", faster)
	}
	stop := d.number(t, d.After, "stop_seconds")
	t.Logf("stop_seconds: %.2f", stop)
	if stop >= 1.5 {
		t.Errorf("it takes %.2f s to stop, want less than 1.5 s", stop)
	}
	if user, _ := d.After["user"].Value.(string); !regexp.MustCompile(`^[1-9]\d*:[1-9]\d*$`).MatchString(user) {
		t.Errorf("it runs as %q, want numbers other than 0", user)
	}
	if health := d.After["health"].Value; health != "healthy → unhealthy when frozen → healthy" {
		t.Errorf("health: %v", health)
	}
	for _, metric := range []string{"secrets", "credentials"} {
		before, after := d.number(t, d.Before, metric), d.number(t, d.After, metric)
		t.Logf("%s: in %v places before, in %v after", metric, before, after)
		if before == 0 || after != 0 {
			t.Errorf("%s in %v places before and in %v after, want some and none", metric, before, after)
		}
	}
	if before, after := d.number(t, d.Before, "waste_bytes"), d.number(t, d.After, "waste_bytes"); after >= before {
		t.Errorf("%v bytes of waste before and %v after", before, after)
	}
	for _, name := range []string{"layers", "cold_build_seconds", "push_seconds", "pull_seconds", "start_seconds", "memory_bytes"} {
		t.Logf("%s: %v → %v", name, d.number(t, d.Before, name), d.number(t, d.After, name))
	}
	for name, f := range d.After {
		if f.Basis == "" {
			t.Errorf("%s does not say how it came about", name)
		}
	}
}

func checkRequests(t *testing.T, requests []request) {
	writes := 0
	for _, r := range requests {
		t.Logf("%s %s: %d → %d", r.Method, r.Path, r.Before, r.After)
		if !r.Same || r.Before != r.After {
			t.Errorf("%s %s: %d before, %d after: %s", r.Method, r.Path, r.Before, r.After, r.Difference)
		}
		if r.Method == "POST" && r.After == 201 {
			writes++
		}
	}
	if len(requests) < 5 || writes < 1 {
		t.Errorf("%d requests, %d of them creating something; want 5 and 1 at least", len(requests), writes)
	}
}

// everyDockerfile is what a Dockerfile for production is expected to have.
var everyDockerfile = []struct{ what, pattern string }{
	{"a builder stage", `(?m)^FROM python:3\.11\S* AS builder$`},
	{"a slim runner stage", `(?m)^FROM python:3\.11-slim\S* AS runner$`},
	{"the manifest before the dependencies, and the source after them", `(?s)COPY [^\n]*requirements\.txt.*RUN pip install[^\n]* -r requirements\.txt.*\nCOPY [^\n]*\. \.?`},
	{"no pip cache", `pip install [^\n]*--no-cache-dir`},
	{"no recommended packages", `apt-get install [^\n]*--no-install-recommends`},
	{"no package lists", `rm -rf /var/lib/apt/lists/\*`},
	{"a user with a fixed number and no login shell", `useradd [^\n]*--uid (\d{3,})[^\n]* --shell /usr/sbin/nologin`},
	{"a numeric user", `(?m)^USER [1-9]\d*(:[1-9]\d*)?$`},
	{"ownership set on COPY", `(?m)^COPY [^\n]*--chown=[1-9]\d*:[1-9]\d*[^\n]* \. `},
	{"a writable folder for the database", `install -d -o [1-9]\d* -g [1-9]\d* [^\n]*/app/data`},
	{"a health check with all its options", `(?m)^HEALTHCHECK --interval=\S+ --timeout=\S+ --start-period=\S+ --retries=\d+ `},
	{"a health check by the image's own Python", `(?s)HEALTHCHECK [^\n]*(\\\n[^\n]*)?CMD \["python", "-c", `},
	{"an exec-form command", `(?m)^CMD \["uvicorn", "app\.main:app", `},
	{"unbuffered output", `PYTHONUNBUFFERED=1`},
	{"no byte code written", `PYTHONDONTWRITEBYTECODE=1`},
	{"its port", `(?m)^EXPOSE 8000$`},
	{"OCI labels", `org\.opencontainers\.image\.revision=`},
}

func checkDockerfile(t *testing.T, file, original string) {
	for _, want := range everyDockerfile {
		if !regexp.MustCompile(want.pattern).MatchString(file) {
			t.Errorf("it lacks %s (%s)", want.what, want.pattern)
		}
	}
	_, runner, _ := strings.Cut(instructions(file), " AS runner\n")
	for _, no := range append([]string{"gcc", "build-essential", "apt-get", "pip install", "curl"}, baked...) {
		if strings.Contains(runner, no) {
			t.Errorf("the runner has %q", no)
		}
	}
	for _, no := range append([]string{"curl", "API_KEY", "DATABASE_PASSWORD"}, baked...) {
		if strings.Contains(instructions(file), no) {
			t.Errorf("it still has %q", no)
		}
	}
	for line := range strings.Lines(original) {
		if strings.HasPrefix(line, "#") && !strings.Contains(file, line) {
			t.Errorf("the author's comment is gone: %s", line)
		}
	}
	if t.Failed() {
		t.Logf("the Dockerfile:\n%s", file)
	}
}

// instructions is a Dockerfile without its comments.
func instructions(file string) string {
	return regexp.MustCompile(`(?m)^#.*\n`).ReplaceAllString(file, "")
}

func checkFilesBeside(t *testing.T, files map[string]string) {
	ignored := "\n" + files[".dockerignore"]
	for _, want := range []string{`\n(\*\*/)?\.git/?\n`, `\n(\*\*/)?\.venv/?\n`, `\n(\*\*/)?\.env\n`, `\n(\*\*/)?__pycache__/?\n`} {
		if !regexp.MustCompile(want).MatchString(ignored) {
			t.Errorf(".dockerignore lacks %q:%s", want, ignored)
		}
	}
	if got := instructions(files[".env.example"]); got != "API_KEY=\nDATABASE_PASSWORD=\n" {
		t.Errorf(".env.example: %q", got)
	}
	if _, ok := files[".env"]; ok {
		t.Error(".env is among the files")
	}
}
