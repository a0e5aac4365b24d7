package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/engine"
	"github.com/plimsoll/plimsoll/internal/history"
	"github.com/plimsoll/plimsoll/internal/replay"
)

// replayed is a repository whose history is replayed, and built for real.
type replayed struct {
	name, docker, ignore string
	// files that commits change, add and remove; those that end in a star may be executable.
	files []string
	// varying is a build argument that is set to the commit's name.
	varying string
}

var repositories = []replayed{
	{
		name: "one stage, globs and ignored files",
		// The directory is one that no other test makes in this base: the engine, and its cache, are shared.
		docker: `FROM debian:bookworm-slim
WORKDIR /replayed
COPY package.json lock-*.txt ./
RUN cat package.json lock-*.txt > installed 2>&1 || true
COPY --chmod=755 scripts/ scripts/
RUN ls scripts > listed
COPY . .
RUN find . -type f | sort | xargs -d '\n' sha256sum > /manifest
WORKDIR /replayed/run
`,
		ignore: "docs\n!docs/keep.md\n**/*.log\n.git\n",
		files: []string{"package.json", "lock-a.txt", "lock-b.txt", "scripts/start*", "scripts/stop*", "src/main.py", "src/deep/er/x.py", "src/two words.py",
			"docs/a.md", "docs/keep.md", "out.log", "src/deep/noise.log"},
	},
	{
		name: "stages, bind mounts and exclusions",
		docker: `FROM debian:bookworm-slim AS builder
WORKDIR /src
COPY go.mod go.su[m] ./
RUN cat go.mod > /deps
COPY cmd cmd
RUN --mount=type=bind,source=internal,target=/src/internal --mount=type=cache,target=/cache cat cmd/* internal/* > /out

FROM debian:bookworm-slim AS assets
COPY --exclude=*.tmp --exclude=raw assets /assets/

FROM debian:bookworm-slim AS unused
COPY . /everything

FROM debian:bookworm-slim
COPY config/*.toml /etc/app/
COPY --from=builder /deps /deps
COPY --from=assets /assets /assets
COPY --from=builder /out /out
RUN --mount=type=bind,target=/context cat /context/VERSION > /version
`,
		ignore: ".git\nlocal\n",
		files:  []string{"go.mod", "go.sum", "cmd/main.go", "cmd/flags.go", "internal/a.go", "internal/b.go", "assets/a.css", "assets/b.tmp", "assets/raw/c.css", "config/a.toml", "config/b.yaml", "VERSION", "local/x"},
	},
	{
		name: "linked layers, parents, links and a varying argument",
		docker: `FROM debian:bookworm-slim AS base
COPY base.txt /base.txt
RUN cat /base.txt > /copy

FROM base
COPY --link web /web/
COPY --parents lib/./*/api.txt lib/*/doc.txt /lib/
RUN find /lib | sort > /list
COPY tree /tree/
ARG REVISION
COPY note.txt /notes/$REVISION.txt
RUN echo $REVISION > /revision
COPY last.txt /last.txt
`,
		files:   []string{"base.txt", "web/index.html", "web/app*", "lib/a/api.txt", "lib/b/api.txt", "lib/b/doc.txt", "lib/c/other.txt", "tree/file", "tree/link@", "note.txt", "last.txt", "unrelated/z"},
		varying: "REVISION",
	},
}

// replayedCommits is how many commits of each repository are built.
const replayedCommits = 25

// TestReplayAgreesWithBuildKit replays the histories of three repositories, with renames, changed
// modes, removed and ignored files and returns to earlier states, and builds every commit: each step
// that replay calls a hit is one, and each that it calls a miss is built.
func TestReplayAgreesWithBuildKit(t *testing.T) {
	needSuite(t)
	shared := openShared(t)
	for i, r := range repositories {
		t.Run(r.name, func(t *testing.T) {
			dir := t.TempDir()
			r.write(t, dir, rand.New(rand.NewPCG(uint64(i), 26)))
			h, err := history.Read(t.Context(), dir, history.Options{})
			if err != nil {
				t.Fatal(err)
			}
			file, err := dockerfile.Parse("Dockerfile", []byte(r.docker))
			if err != nil {
				t.Fatal(err)
			}
			v := replay.Version{File: file, Ignore: []byte(r.ignore), Same: []string{"Dockerfile", ".dockerignore"}}
			if r.varying != "" {
				v.PerCommit = []string{r.varying}
			}
			res, err := replay.Run(h, v)
			if err != nil {
				t.Fatal(err)
			}
			r.compare(t, shared, dir, res)
		})
	}
}

// write makes the repository, with a history of random changes.
func (r replayed) write(t *testing.T, dir string, random *rand.Rand) {
	t.Helper()
	git(t, dir, "init", "-q", "-b", "main")
	files := map[string]string{"Dockerfile": r.docker}
	if r.ignore != "" {
		files[".dockerignore"] = r.ignore
	}
	writeFiles(t, dir, files)
	for n, name := range r.files {
		r.put(t, dir, name, n)
	}
	git(t, dir, "add", "-A")
	git(t, dir, "commit", "-q", "-m", "0")
	for n := 1; n < replayedCommits; n++ {
		for range 1 + random.IntN(2) {
			r.change(t, dir, random, n)
		}
		git(t, dir, "add", "-A")
		git(t, dir, "commit", "-q", "--allow-empty", "-m", fmt.Sprint(n))
	}
}

// put writes one of the files; of few contents, so that earlier states come back.
func (r replayed) put(t *testing.T, dir, name string, n int) {
	t.Helper()
	if link, ok := strings.CutSuffix(name, "@"); ok {
		path := filepath.Join(dir, link)
		_ = os.Remove(path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(fmt.Sprint("file", n%3), path); err != nil {
			t.Fatal(err)
		}
		return
	}
	writeFiles(t, dir, map[string]string{strings.TrimSuffix(name, "*"): fmt.Sprintf("content %d\n", n%4)})
}

func (r replayed) change(t *testing.T, dir string, random *rand.Rand, n int) {
	t.Helper()
	name := r.files[random.IntN(len(r.files))]
	path := filepath.Join(dir, strings.TrimRight(name, "*@"))
	_, err := os.Lstat(path)
	missing := err != nil
	switch k := random.IntN(8); {
	case missing || k < 5:
		r.put(t, dir, name, n)
	case k == 5 && strings.HasSuffix(name, "*"):
		must(t, os.Chmod(path, 0o755))
	case k == 6 && filepath.Base(path) != "base.txt" && r.removable(name):
		must(t, os.Remove(path))
	case k == 7 && n > 3:
		git(t, dir, "checkout", "-q", fmt.Sprintf("HEAD~%d", 1+random.IntN(3)), "--", ".")
	}
}

// removable files are no source of a COPY by their own name, which would fail.
func (r replayed) removable(name string) bool {
	name = strings.TrimRight(name, "*@")
	if strings.Contains(r.docker, " "+name+" ") || strings.Contains(r.docker, "/"+name) {
		return false
	}
	// The last file of a folder stays, so that the folder does.
	dir := filepath.Dir(name)
	return slices.ContainsFunc(r.files, func(o string) bool {
		o = strings.TrimRight(o, "*@")
		return o != name && filepath.Dir(o) == dir && filepath.Ext(o) == filepath.Ext(name) && strings.Compare(o, name) < 0
	})
}

// compare builds every commit and holds what BuildKit had in its cache against the replay.
func (r replayed) compare(t *testing.T, e engine.Engine, dir string, res *replay.Result) {
	t.Helper()
	hits, misses, unclear := 0, 0, 0
	for n, c := range res.Commits {
		git(t, dir, "checkout", "-q", "--force", c.ID)
		git(t, dir, "clean", "-qfdx")
		built := r.build(t, e, dir, c.ID)
		for i, s := range res.Steps {
			cached, ok := cachedAt(built, s.Inst, r.docker)
			if !ok {
				t.Fatalf("BuildKit has no step for %s", r.docker[s.Inst.Span.Start:s.Inst.Span.End])
			}
			switch o := c.Missed[i]; {
			case o == replay.Unclear:
				unclear++
			case (o == replay.Hit) != cached:
				t.Errorf("commit %d, %s: replay says %v, but cached is %v", n, r.docker[s.Inst.Span.Start:s.Inst.Span.End], o, cached)
			case cached:
				hits++
			default:
				misses++
			}
		}
	}
	t.Logf("%d commits: %d hits and %d misses as predicted, %d can't be known from the source", len(res.Commits), hits, misses, unclear)
	if hits < 20 || misses < 20 || len(res.Commits) < replayedCommits {
		t.Error("too few to say anything")
	}
}

func (r replayed) build(t *testing.T, e engine.Engine, dir, commit string) *engine.BuildResult {
	t.Helper()
	req := engine.BuildRequest{Name: "replay", ContextDir: dir, Dockerfile: []byte(r.docker), DockerfileName: "Dockerfile", Ignore: []byte(r.ignore)}
	if r.varying != "" {
		req.BuildArgs = map[string]string{r.varying: commit}
	}
	res, err := e.Build(t.Context(), req, nil)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// cachedAt reports whether the step of an instruction was cached.
func cachedAt(built *engine.BuildResult, inst *dockerfile.Instruction, source string) (cached, ok bool) {
	line := 1 + strings.Count(source[:inst.Span.Start], "\n")
	for _, s := range built.Steps {
		if slices.ContainsFunc(s.Lines, func(r [2]int) bool { return r[0] == line }) {
			return s.Cached, true
		}
	}
	return false, false
}

func git(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=Ada", "-c", "user.email=ada@example.org"}, args...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
