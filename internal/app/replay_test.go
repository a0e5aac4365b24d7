package app

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/engine"
	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/project"
	"github.com/plimsoll/plimsoll/internal/report"
)

// service is a naive Python service in a repository in which each commit but the last changes the source.
func service(t *testing.T, commits int) string {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("Dockerfile", "FROM python:3.11\nWORKDIR /srv\nARG GIT_SHA\nCOPY . .\nRUN pip install -r requirements.txt\nCMD [\"python\", \"main.py\"]\n")
	write("requirements.txt", "flask==2.2.2\n")
	gitAt(t, dir, "init", "-q")
	for n := range commits {
		write("main.py", fmt.Sprintf("print(%d)\n", n))
		gitAt(t, dir, "add", "-A")
		gitAt(t, dir, "commit", "-q", "-m", fmt.Sprint("change ", n))
	}
	return dir
}

func gitAt(t *testing.T, dir string, args ...string) {
	t.Helper()
	out, err := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=t", "-c", "user.email=t@example.org"}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
}

func TestReplay(t *testing.T) {
	dir := service(t, 5)
	r, err := Replay(t.Context(), ReplayOptions{Path: dir, Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	before, after := step(t, r.Replay.Before, "RUN pip install"), step(t, *r.Replay.After, "RUN pip install")
	if before.HitRate() != 0 || before.Above != 4 || after.HitRate() != 1 {
		t.Errorf("before %+v\nafter %+v", before, after)
	}
	if r.Replay.Before.Basis != finding.Estimated || r.Replay.Before.Expected <= r.Replay.After.Expected {
		t.Errorf("%+v\n%+v", r.Replay.Before, r.Replay.After)
	}
	if notes := strings.Join(r.Notes, "\n"); !strings.Contains(notes, "GIT_SHA looks like") || !strings.Contains(notes, "never timed") {
		t.Errorf("notes: %s", notes)
	}
	if source := step(t, *r.Replay.After, "COPY --chown=10001:10001 . ."); len(source.Causes) != 1 || source.Causes[0] != (report.ReplayCause{Path: "main.py", Builds: 4}) {
		t.Errorf("the source: %+v", source)
	}
}

func step(t *testing.T, v report.ReplayVersion, prefix string) report.ReplayStep {
	t.Helper()
	for _, s := range v.Steps {
		if strings.HasPrefix(s.Text, prefix) {
			return s
		}
	}
	t.Fatalf("no step %q in %+v", prefix, v.Steps)
	return report.ReplayStep{}
}

// A replay takes the Dockerfile, the target and the arguments of a compose service, and what is asked for outranks them.
func TestReplayCompose(t *testing.T) {
	dir := service(t, 3)
	for name, text := range map[string]string{
		"compose.yaml":      "services:\n  api:\n    build: {context: ., dockerfile: build/api, target: dev, args: {SOURCE: main.py}}\n    environment: {API_KEY: sk-live-9f8e7d6c5b4a39281706}\n",
		"build/api":         "FROM debian AS dev\nARG SOURCE=requirements.txt\nCOPY $SOURCE /\nFROM dev AS prod\nRUN true\n",
		"compose.other.yml": "services: {a: {build: .}, b: {build: {context: ., dockerfile: build/api}}}\n",
	} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755), os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	steps := func(o ReplayOptions) string {
		t.Helper()
		o.Offline = true
		r, err := Replay(t.Context(), o)
		if err != nil {
			return err.Error()
		}
		var told []string
		for _, s := range r.Replay.Before.Steps {
			told = append(told, fmt.Sprintf("%s %s: %d misses", s.Stage, s.Text, s.Misses))
		}
		if r.Compose != nil {
			told = append(told, r.Compose.Service)
			if masked := r.Mask("sk-live-9f8e7d6c5b4a39281706"); r.Compose.Service == "api" && masked != report.Masked {
				t.Errorf("the key is shown: %q", masked)
			}
		}
		return strings.Join(told, "; ")
	}
	const dev = "dev COPY $SOURCE /: 2 misses"
	file := filepath.Join(dir, "compose.yaml")
	for _, test := range []struct {
		name string
		opts ReplayOptions
		want string
	}{
		{"a file", ReplayOptions{Path: file}, dev + "; api"},
		{"a service", ReplayOptions{Path: dir, ComposeOptions: ComposeOptions{Service: "api"}}, dev + "; api"},
		{"another target", ReplayOptions{Path: file, Target: "prod"}, dev + "; prod RUN true: 2 misses; api"},
		{"another argument", ReplayOptions{Path: file, BuildArgs: map[string]string{"SOURCE": "requirements.txt"}}, "dev COPY $SOURCE /: 0 misses; api"},
		{"several", ReplayOptions{Path: filepath.Join(dir, "compose.other.yml")}, filepath.Join(dir, "compose.other.yml") + " builds several services: a, b (choose one with --service NAME, or name a Dockerfile)"},
	} {
		if got := steps(test.opts); got != test.want {
			t.Errorf("%s: %s\nwant %s", test.name, got, test.want)
		}
	}
}

// TestReplayPerCommit has every RUN see a variable that each build sets anew.
func TestReplayPerCommit(t *testing.T) {
	r, err := Replay(t.Context(), ReplayOptions{Path: service(t, 5), Offline: true, PerCommit: []string{"GIT_SHA"}, Commits: 3})
	if err != nil {
		t.Fatal(err)
	}
	install := step(t, r.Replay.Before, "RUN pip install")
	if after := step(t, *r.Replay.After, "RUN pip install"); install.HitRate() != 0 || after.HitRate() != 1 {
		t.Errorf("before %+v, after %+v: want it missed below the variable, and cached above", install, after)
	}
	if len(r.Replay.Commits) != 3 || len(install.Outcomes) != 3 || install.Hits+install.Misses != 3 {
		t.Errorf("three commits with a cache before them: %+v", install)
	}
}

// TestReplayTimes uses what a proof has measured.
func TestReplayTimes(t *testing.T) {
	dir := service(t, 3)
	p, err := project.Load(t.Context(), dir, project.Options{})
	if err != nil {
		t.Fatal(err)
	}
	times := stepTimes{}
	begin := time.Now()
	times.add(p.File, []engine.Step{
		{Lines: [][2]int{{4, 4}}, Started: begin, Completed: begin.Add(time.Second)},
		{Lines: [][2]int{{5, 5}}, Started: begin, Completed: begin.Add(7 * time.Second)},
		{Lines: [][2]int{{5, 5}}, Cached: true, Started: begin, Completed: begin.Add(time.Hour)},
	})
	if err := times.save(p); err != nil {
		t.Fatal(err)
	}
	r, err := Replay(t.Context(), ReplayOptions{Path: dir, Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	if b := r.Replay.Before; b.Expected != 8 || b.Basis != finding.Derived {
		t.Errorf("expected %v s (%s), want 8 s derived", b.Expected, b.Basis)
	}
	kept, err := os.ReadFile(stepTimesFile(p))
	if err != nil || strings.Contains(string(kept), "pip") {
		t.Errorf("kept: %s, %v: want no text of a step", kept, err)
	}
}

// TestWarmTimes has a step with a cache mount cost at a commit what it costs with the mount filled; any
// other one what it costs without a cache.
func TestWarmTimes(t *testing.T) {
	f, err := dockerfile.Parse("Dockerfile", []byte("FROM golang\nRUN --mount=type=cache,target=/root/.cache/go-build go build\nRUN --mount=type=secret,id=x make\n"))
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	took := func(line int, d time.Duration) engine.Step {
		return engine.Step{Lines: [][2]int{{line, line}}, Started: begin, Completed: begin.Add(d)}
	}
	times := stepTimes{}
	times.add(f, []engine.Step{took(2, 20*time.Second), took(3, 5*time.Second)})
	times.addWarm(f, []engine.Step{took(2, 2*time.Second), took(3, time.Second)})
	for n, want := range map[int]float64{1: 2, 2: 5} {
		if got, basis := times.of(f, f.Instructions[n]); got != want || basis != finding.Observed {
			t.Errorf("%s: %v s (%s), want %v s", f.Text(f.Instructions[n].Span), got, basis, want)
		}
	}
}

func TestReplayWithoutHistory(t *testing.T) {
	dir := service(t, 0)
	_, err := Replay(t.Context(), ReplayOptions{Path: dir, Offline: true})
	var f *report.Failure
	if !errors.As(err, &f) || f.Message != "the repository has no commit yet" || f.Hint == "" {
		t.Errorf("got %v", err)
	}
	if _, err := Replay(t.Context(), ReplayOptions{Path: service(t, 1), Target: "none", Offline: true}); err == nil || !strings.Contains(err.Error(), `no stage "none" to build`) {
		t.Errorf("got %v", err)
	}
}
