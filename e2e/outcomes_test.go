package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// service is a small Flask application; TOOL stands for a program that it looks for.
const service = `import shutil
from flask import Flask

app = Flask(__name__)
TOOL = "".join(["g", "cc"])


@app.get("/health")
def health():
    return {"ok": True}


@app.get("/tool")
def tool():
    return {"found": shutil.which(TOOL) is not None}


if __name__ == "__main__":
    app.run(host="0.0.0.0", port=5000)
`

func TestTakesBackWhatBreaks(t *testing.T) {
	required(t)
	dir := project(t, map[string]string{
		"Dockerfile":       "FROM python:3.11\nWORKDIR /srv\nCOPY . .\nRUN pip install -r requirements.txt\nCMD [\"python\", \"main.py\"]\n",
		"requirements.txt": "flask\n",
		"main.py":          service,
	})
	d, res := prove(t, dir, "--samples", "1", "--requests", "10")
	if d.Verdict != "partly-proven" || res.code != 1 {
		t.Fatalf("verdict %q, exit %d, want partly-proven and 1\n%s", d.Verdict, res.code, res.stderr)
	}
	found := false
	for _, s := range d.Plan.Skipped {
		found = found || s.Rule == "size/heavy-base" && strings.Contains(s.Reason, "/tool") && strings.Contains(s.Reason, "true → false")
	}
	if !found {
		t.Errorf("the guilty edit is not named with its evidence: %+v", d.Plan.Skipped)
	}
	if strings.Contains(d.Files["Dockerfile"], "slim") {
		t.Errorf("the slim base is still there:\n%s", d.Files["Dockerfile"])
	}
	for _, a := range d.Plan.Applied {
		if !a.Proven {
			t.Errorf("%s is kept without a proof", a.Rule)
		}
	}
}

func TestWritesWhatIsProven(t *testing.T) {
	required(t)
	dir := project(t, map[string]string{
		"Dockerfile":       "FROM python:3.11-slim\nWORKDIR /srv\nCOPY . .\nRUN pip install -r requirements.txt\nCMD python main.py\n",
		"requirements.txt": "flask\n",
		"main.py":          service,
	})
	d, res := prove(t, dir, "--samples", "1", "--requests", "10", "--write")
	if d.Verdict != "proven" || res.code != 0 {
		t.Fatalf("verdict %q, exit %d\n%+v\n%s", d.Verdict, res.code, d.Plan.Skipped, res.stderr)
	}
	for name, text := range d.Files {
		if got := read(t, dir, name); got != text {
			t.Errorf("%s on disk is not what was proven:\n%s", name, got)
		}
	}
	again, res := prove(t, dir, "--samples", "1")
	if again.Verdict != "unchanged" || res.code != 0 {
		t.Errorf("once more: verdict %q, exit %d, want unchanged and 0", again.Verdict, res.code)
	}
}

func TestAgainst(t *testing.T) {
	required(t)
	files := map[string]string{
		"Dockerfile":       "FROM python:3.11-slim\nWORKDIR /srv\nCOPY . .\nRUN pip install -r requirements.txt\nCMD [\"python\", \"main.py\"]\n",
		"requirements.txt": "flask\n",
		"main.py":          strings.ReplaceAll(service, `shutil.which(TOOL) is not None`, `open("motto.txt").read()`),
		"motto.txt":        "fit for sea\n",
		"good":             "FROM python:3.11-slim\nWORKDIR /srv\nCOPY requirements.txt .\nRUN pip install --no-cache-dir -r requirements.txt\nCOPY . .\nUSER 1000\nCMD [\"python\", \"main.py\"]\n",
		"bad":              "FROM python:3.11-slim\nWORKDIR /srv\nCOPY requirements.txt .\nRUN pip install --no-cache-dir -r requirements.txt\nCOPY main.py .\nCMD [\"python\", \"main.py\"]\n",
	}
	dir := project(t, files)
	for name, want := range map[string]string{"good": "proven", "bad": "failed"} {
		t.Run(name, func(t *testing.T) {
			d, res := prove(t, dir, "--samples", "1", "--requests", "10", "--against", name)
			if d.Verdict != want {
				t.Errorf("verdict %q (exit %d), want %q\n%s", d.Verdict, res.code, want, res.stderr)
			}
		})
	}
}

func TestFailuresReadWell(t *testing.T) {
	required(t)
	python := "FROM python:3.11-slim\nWORKDIR /srv\nCOPY . .\n"
	cases := map[string]struct {
		files map[string]string
		want  []string
	}{
		"no-dockerfile": {nil, []string{"no Dockerfile"}},
		"syntax-error":  {map[string]string{"Dockerfile": "FROM scratch\nRUNN x\n"}, []string{"Dockerfile:2", "did you mean RUN"}},
		"missing-base":  {map[string]string{"Dockerfile": "FROM python:3.99\nCOPY . .\nCMD python x.py\n"}, []string{"Dockerfile:1", "python:3.99 does not exist"}},
		"failing-build": {map[string]string{"Dockerfile": python + "RUN echo last words && exit 3\nCMD python x.py\n"}, []string{"Dockerfile:4", "last words", "exit code: 3"}},
		"exits-at-once": {map[string]string{"Dockerfile": python + "CMD python x.py\n", "x.py": "print('good bye')\nraise SystemExit(7)\n"}, []string{"exited with code 7", "good bye"}},
		"never-answers": {map[string]string{"Dockerfile": python + "CMD python x.py\n", "x.py": "import time\nprint('waiting', flush=True)\ntime.sleep(600)\n"}, []string{"never answered", "waiting"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			dir := project(t, c.files)
			res := run(t, dir, proveArgs("--samples", "1")...)
			if res.code != 3 {
				t.Errorf("exit code %d, want 3", res.code)
			}
			for _, want := range c.want {
				if !strings.Contains(res.stderr, want) {
					t.Errorf("the message lacks %q:\n%s", want, res.stderr)
				}
			}
			if strings.Contains(res.stderr, "goroutine ") {
				t.Errorf("a stack trace:\n%s", res.stderr)
			}
			for file, text := range c.files {
				if read(t, dir, file) != text {
					t.Errorf("%s has changed", file)
				}
			}
			nothingLeft(t)
		})
	}
}

// nothingLeft asserts that no mount below the engine's state outlives a run.
func nothingLeft(t *testing.T) {
	t.Helper()
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		if strings.Contains(line, state) {
			t.Errorf("left mounted: %s", line)
		}
	}
}

func TestInterrupt(t *testing.T) {
	required(t)
	dir := project(t, map[string]string{"Dockerfile": "FROM python:3.11-slim\nCOPY . .\nRUN sleep 300\nCMD python x.py\n"})
	cmd := exec.Command(plimsoll, proveArgs()...)
	var stderr strings.Builder
	cmd.Dir, cmd.Stderr = dir, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(6 * time.Second) // long enough to be in the build, which lasts for minutes
	busy := run(t, dir, proveArgs()...)
	if busy.code != 3 || !strings.Contains(busy.stderr, "process") {
		t.Errorf("a second proof on the same state: exit %d\n%s", busy.code, busy.stderr)
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case <-ended:
	case <-time.After(30 * time.Second):
		_ = cmd.Process.Kill()
		t.Fatal("it did not end within 30 s of an interrupt")
	}
	if code := cmd.ProcessState.ExitCode(); code != 130 {
		t.Errorf("exit code %d, want 130\n%s", code, stderr.String())
	}
	nothingLeft(t)
}

func TestCheckReadsTheRegistry(t *testing.T) {
	required(t)
	dir := project(t, map[string]string{"Dockerfile": "FROM python:3.11\nCOPY . /srv\nCMD [\"python\", \"/srv/x.py\"]\n", "x.py": "print(1)\n"})
	t.Setenv("XDG_CACHE_HOME", filepath.Join(t.TempDir(), "cache"))
	res := run(t, dir, "check", "--mirror", proveArgs()[4], "--rule", "heavy-base")
	for _, want := range []string{"3.11-slim", "observed", "recommended"} {
		if !strings.Contains(res.stdout, want) {
			t.Errorf("exit %d, lacks %q:\n%s\n%s", res.code, want, res.stdout, res.stderr)
		}
	}
}
