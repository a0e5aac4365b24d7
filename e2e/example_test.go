package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestProveExample is the main job: the naive FastAPI service, in a folder
// with history and junk, becomes an image that is proven to be better.
func TestProveExample(t *testing.T) {
	required(t)
	dir := filepath.Join(t.TempDir(), "notes")
	if out, err := exec.Command("../scripts/demo-project", "../examples/fastapi", dir).CombinedOutput(); err != nil {
		t.Fatalf("making the project: %v\n%s", err, out)
	}
	original := read(t, dir, "Dockerfile")
	d, res := prove(t, dir)
	if res.code != 0 || d.Verdict != "proven" || d.Schema != "plimsoll.report/1" {
		t.Fatalf("exit %d, verdict %q\n%s", res.code, d.Verdict, res.stderr)
	}
	if len(d.Plan.Skipped) > 0 {
		t.Errorf("refused: %+v", d.Plan.Skipped)
	}
	t.Run("figures", func(t *testing.T) { checkFigures(t, d) })
	t.Run("requests", func(t *testing.T) { checkRequests(t, d) })
	t.Run("files", func(t *testing.T) { checkFiles(t, d, original) })
	t.Run("untouched", func(t *testing.T) {
		if read(t, dir, "Dockerfile") != original {
			t.Error("the Dockerfile on disk has changed")
		}
		if _, err := os.Stat(filepath.Join(dir, ".dockerignore")); err == nil {
			t.Error(".dockerignore was written without --write")
		}
	})
	t.Run("settled", func(t *testing.T) {
		writeFiles(t, dir, d.Files)
		mirror := []string{"--mirror", proveArgs()[4], "."}
		if res := run(t, dir, append([]string{"check", "--fail-on", "warning"}, mirror...)...); res.code != 0 {
			t.Errorf("the rewritten Dockerfile has findings:\n%s", res.stdout)
		}
		if res := run(t, dir, append([]string{"fix"}, mirror...)...); res.code != 0 || strings.TrimSpace(res.stdout) != "" {
			t.Errorf("fixing twice changes more (exit %d):\n%s", res.code, res.stdout)
		}
	})
	logTimes(t, d)
}

func checkFigures(t *testing.T, d *document) {
	smaller := func(name string, atLeast float64) {
		gain := 1 - d.number(t, d.After, name)/d.number(t, d.Before, name)
		t.Logf("%s: %.1f%% smaller", name, 100*gain)
		if gain < atLeast {
			t.Errorf("%s: %.1f%% smaller, want %.0f%%", name, 100*gain, 100*atLeast)
		}
	}
	smaller("image_bytes", 0.85)
	smaller("transfer_bytes", 0.80)
	faster := d.number(t, d.Before, "rebuild_seconds") / d.number(t, d.After, "rebuild_seconds")
	t.Logf("rebuild: %.1f× faster", faster)
	if faster < 4 {
		t.Errorf("the rebuild is %.1f× faster, want 4×", faster)
	}
	if stop := d.number(t, d.After, "stop_seconds"); stop >= 1.5 {
		t.Errorf("it stops after %.2f s, want less than 1.5 s", stop)
	}
	if user, _ := d.After["user"].Value.(string); !regexp.MustCompile(`^[1-9]\d*:[1-9]\d*$`).MatchString(user) {
		t.Errorf("it runs as %q", user)
	}
	if health := d.After["health"].Value; health != "healthy → unhealthy when frozen → healthy" {
		t.Errorf("health: %v", health)
	}
	if before, after := d.number(t, d.Before, "secrets"), d.number(t, d.After, "secrets"); before == 0 || after != 0 {
		t.Errorf("secrets: %v places before, %v after", before, after)
	}
	for name, f := range d.After {
		if f.Basis == "" {
			t.Errorf("%s does not say how it came about", name)
		}
	}
}

func checkRequests(t *testing.T, d *document) {
	wrote := false
	for _, r := range d.Requests {
		if !r.Same || r.Before != r.After {
			t.Errorf("%s %s: %d before, %d after", r.Method, r.Path, r.Before, r.After)
		}
		wrote = wrote || r.Method == "POST" && r.After == 201
	}
	if len(d.Requests) < 5 || !wrote {
		t.Errorf("%d requests, one that writes: %v", len(d.Requests), wrote)
	}
}

func checkFiles(t *testing.T, d *document, original string) {
	file := d.Files["Dockerfile"]
	for _, want := range []string{
		`(?m)^FROM python:3\.11 AS builder$`, `(?m)^FROM python:3\.11-slim AS runner$`,
		`(?s)COPY [^\n]*requirements\.txt.*RUN pip install --no-cache-dir.*FROM.*COPY [^\n]*--chown=10001:10001[^\n]* \. \.`,
		`--no-install-recommends`, `rm -rf /var/lib/apt/lists`,
		`useradd --system --uid 10001[^\n]*--shell /usr/sbin/nologin`, `(?m)^USER 10001:10001$`,
		`HEALTHCHECK --interval=\S+ --timeout=\S+ --start-period=\S+ --retries=\d+ \\\n +CMD \["python"`,
		`(?m)^CMD \["uvicorn", "app.main:app"`, `PYTHONUNBUFFERED=1`, `PYTHONDONTWRITEBYTECODE=1`, `(?m)^EXPOSE 8000$`,
		`LABEL org\.opencontainers\.image\.`, `install -d -o 10001 -g 10001 /app/data`,
	} {
		if !regexp.MustCompile(want).MatchString(file) {
			t.Errorf("the Dockerfile lacks %s", want)
		}
	}
	runner := file[strings.Index(file, "AS runner"):]
	for _, no := range []string{"gcc", "build-essential", "curl", "pip install", "nk_live", "Harb0ur"} {
		if strings.Contains(runner, no) {
			t.Errorf("the runner has %q", no)
		}
	}
	for line := range strings.Lines(original) {
		if strings.HasPrefix(line, "#") && !strings.Contains(file, line) {
			t.Errorf("the author's comment is gone: %s", line)
		}
	}
	for _, want := range []string{"**/.git\n", ".venv\n", ".env\n", "**/__pycache__\n"} {
		if !strings.Contains(d.Files[".dockerignore"], want) {
			t.Errorf(".dockerignore lacks %s", want)
		}
	}
	if got := d.Files[".env.example"]; got != "API_KEY=\nDATABASE_PASSWORD=\n" {
		t.Errorf(".env.example: %q", got)
	}
}

// logTimes tells where the time went. It is not asserted: machines differ.
func logTimes(t *testing.T, d *document) {
	var builds, rest float64
	for _, p := range d.Timings {
		if strings.Contains(p.Phase, "building") {
			builds += p.Seconds
		} else {
			rest += p.Seconds
		}
		t.Logf("%6.2f s  %s", p.Seconds, p.Phase)
	}
	t.Logf("%6.2f s  builds, %.2f s besides", builds, rest)
}

func read(t *testing.T, dir, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
