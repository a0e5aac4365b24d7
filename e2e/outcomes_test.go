package e2e

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/plimsoll/plimsoll/internal/image"
	"github.com/plimsoll/plimsoll/internal/inspect"
)

// flask is the start of a small Flask service; routes are added to it.
const flask = `import json
import os
import shutil

from flask import Flask

app = Flask(__name__)


@app.get("/health")
def health():
    return {"ok": True}

`

// serve ends the service.
const serve = `

if __name__ == "__main__":
    app.run(host="0.0.0.0", port=5000)
`

// naive builds the Flask service, and has faults enough to be rewritten.
func naive(base string) string {
	return "FROM " + base + `
WORKDIR /srv
COPY . .
RUN pip install -r requirements.txt
CMD python main.py
`
}

// TestProveWrite writes what was proven, puts its image out, and has nothing left to do then.
func TestProveWrite(t *testing.T) {
	needSuite(t)
	dir := project(t, map[string]string{
		"Dockerfile":       naive("python:3.11-slim"),
		"requirements.txt": "flask==2.2.2\n",
		"main.py":          flask + serve,
	})
	before := treeOf(t, dir)
	archive, pushed := filepath.Join(t.TempDir(), "image.tar"), outlet(t)+"/shop:1"
	d, res := prove(t, dir, quick("--write", "--output", archive, "--push", pushed)...)
	d.want(t, res, "proven", 0)
	wantDelivered(t, d, archive, pushed)
	d.wantAllProven(t)
	changed := slices.DeleteFunc(before.changes(treeOf(t, dir)), func(name string) bool { return name == "." })
	if want := names(d.Files); len(want) == 0 || !slices.Equal(changed, want) {
		t.Errorf("changed on disk: %q, proven: %q", changed, want)
	}
	if written := slices.Sorted(slices.Values(d.Written)); !slices.Equal(written, names(d.Files)) {
		t.Errorf("said to be written: %q, proven: %q", written, names(d.Files))
	}
	for name, text := range d.Files {
		if got := read(t, dir, name); got != text {
			t.Errorf("%s is not what was proven:\n%s", name, got)
		}
	}
	before = treeOf(t, dir)
	again, res := prove(t, dir, quick("--write", "--push", pushed)...)
	again.want(t, res, "unchanged", 1) // nothing was proven, and so nothing is pushed
	untouched(t, dir, before)
	if strings.Contains(res.stderr, "engine") {
		t.Errorf("it starts the engine to find that nothing is to be done:\n%s", res.stderr)
	}
}

// outlet is a registry to put images out to.
func outlet(t *testing.T) string {
	t.Helper()
	r, err := image.StartRegistry(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r.Addr()
}

// wantDelivered wants the same image, attested, in an archive and in a registry.
func wantDelivered(t *testing.T, d *document, archive, pushed string) {
	t.Helper()
	if len(d.Delivered) != 2 {
		t.Fatalf("put out: %+v", d.Delivered)
	}
	for i, place := range []string{archive, pushed} {
		if got := d.Delivered[i]; got.Place != place || got.Digest != d.Delivered[0].Digest || !slices.Equal(got.Attestations, []string{"provenance"}) {
			t.Errorf("put out: %+v, want %s", got, place)
		}
	}
	there, err := image.Fetch(t.Context(), pushed, image.Options{})
	if err != nil || there.Digest != d.Delivered[0].Digest {
		t.Fatalf("in the registry is %+v, %v", there, err)
	}
	for _, place := range []string{archive, pushed} {
		r, err := inspect.Image(t.Context(), place, inspect.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if r.Digest != there.ImageDigest || d.After["image_bytes"].Value != any(float64(r.ArchiveBytes)) {
			t.Errorf("%s: %s of %d bytes, measured were %v", place, r.Digest, r.ArchiveBytes, d.After["image_bytes"])
		}
	}
}

func checkAllSame(t *testing.T, requests []request, atLeast int) {
	t.Helper()
	if len(requests) < atLeast {
		t.Errorf("%d requests, want %d", len(requests), atLeast)
	}
	for _, r := range requests {
		if !r.Same {
			t.Errorf("%s %s: %s", r.Method, r.Path, r.Difference)
		}
	}
}

// byHand is a good Dockerfile for the example, but for the templates.
const byHand = `FROM python:3.11-slim AS builder
RUN python -m venv /venv
COPY requirements.txt .
RUN /venv/bin/pip install --no-cache-dir -r requirements.txt

FROM python:3.11-slim
WORKDIR /app
RUN useradd --uid 1234 --shell /usr/sbin/nologin notes && install -d -o 1234 -g 1234 data
COPY --from=builder /venv /venv
COPY --chown=1234:1234 app/*.py app/
COPY --chown=1234:1234 app/static app/static
ENV PATH=/venv/bin:$PATH
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
  CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/health', timeout=2)"]
USER 1234:1234
CMD ["uvicorn", "app.main:app", "--host", "0.0.0.0", "--port", "8000"]
`

// TestAgainst proves a Dockerfile that a person wrote for the example, and that forgets the templates. A good one is among
// TestPlantedBreakages.
func TestAgainst(t *testing.T) {
	needSuite(t)
	dir := notes(t)
	writeFiles(t, dir, map[string]string{
		// Quicker to build than the example's own.
		"Dockerfile":         "FROM python:3.11-slim\nWORKDIR /app\nCOPY . .\nRUN pip install -r requirements.txt\nCMD uvicorn app.main:app --host 0.0.0.0 --port 8000\n",
		"Dockerfile.by-hand": byHand,
	})
	before := treeOf(t, dir)
	d, res := prove(t, dir, quick("--against", "Dockerfile.by-hand", "--env-file", ".env")...)
	untouched(t, dir, before)
	d.want(t, res, "failed", 1)
	if d.Failure == nil || !strings.Contains(d.Failure.Message, "GET / ") {
		t.Errorf("the failure does not name the page: %+v", d.Failure)
	}
}

// TestTakesBackTwoFaults has a service fail for two reasons that have nothing to do with each other: it looks for a program that
// the full base alone has, and writes where root alone may. Which ones stands in a data file, and the program is not opened: neither a
// reader of the source nor who watches a run can tell. Both edits are taken back and named, and all others are kept.
func TestTakesBackTwoFaults(t *testing.T) {
	needSuite(t)
	dir := project(t, map[string]string{
		"Dockerfile":       naive("python:3.11"),
		"requirements.txt": "flask==2.2.2\n",
		"settings.json":    `{"history": "git", "journal": "/var/spool/journal.txt"}`,
		"main.py": flask + `
with open("settings.json") as f:
    settings = json.load(f)


@app.get("/history")
def history():
    return {"tool": shutil.which(settings["history"])}


@app.get("/journal")
def journal():
    path = settings["journal"]
    try:
        open(path, "a").close()
        return {"written": True}
    except OSError as e:
        return {"written": False}
` + serve,
	})
	before := treeOf(t, dir)
	d, res := prove(t, dir, quick()...)
	d.want(t, res, "partly-proven", 1)
	d.wantAllProven(t)
	untouched(t, dir, before)
	if got := len(d.Plan.Skipped); got != 2 {
		t.Errorf("%d edits were taken back, want 2: %+v", got, d.Plan.Skipped)
	}
	for rule, all := range map[string][]string{"size/heavy-base": {"GET /history", "/usr/bin/git"}, "security/root-user": {"GET /journal"}} {
		for _, words := range all {
			if reason := d.reason(rule); !strings.Contains(reason, words) {
				t.Errorf("%s: the reason does not name %q: %q", rule, words, reason)
			}
		}
	}
	if file := d.Files["Dockerfile"]; strings.Contains(file, "slim") || strings.Contains(file, "USER") || !strings.Contains(file, "HEALTHCHECK") {
		t.Errorf("want the full base and root, and all else:\n%s", file)
	}
	checkAllSame(t, d.Requests, 3)
}

// TestWorker compares a program that serves no port and goes on.
func TestWorker(t *testing.T) {
	needSuite(t)
	dir := project(t, map[string]string{
		"Dockerfile":       "FROM python:3.11\nWORKDIR /srv\nCOPY . .\nRUN pip install -r requirements.txt\nCMD python worker.py\n",
		"requirements.txt": "click==8.1.3\n",
		"worker.py":        "import os, time, click\nclick.echo('begun as a worker')\nn = 0\nwhile True:\n    n += 1\n    print('round', n, flush=True)\n    time.sleep(1)\n",
	})
	d, res := prove(t, dir, quick("--start-timeout", "6s")...)
	d.want(t, res, "proven", 0)
	d.wantAllProven(t)
	if d.Output == nil || d.Output.Kind != "worker" || !d.Output.Same || d.Output.Lines < 2 {
		t.Errorf("output: %+v", d.Output)
	}
}
