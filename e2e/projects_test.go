package e2e

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/plimsoll/plimsoll/internal/app"
	"github.com/plimsoll/plimsoll/internal/engine"
	"github.com/plimsoll/plimsoll/internal/engine/embedded"
	"github.com/plimsoll/plimsoll/internal/engine/enginetest"
	"github.com/plimsoll/plimsoll/internal/measure"
	"github.com/plimsoll/plimsoll/internal/report"
)

// TestProjects proves small real projects, each written for one trap, and holds
// the outcome against what the project's want file says. They share an engine, and run side by side.
//
// A project is testdata/projects/ECOSYSTEM/NAME.txtar: what the trap is, the files, and last the file
// want, which is not part of the project. See wanted for its lines. INDEX in a file is the address of the package index.
func TestProjects(t *testing.T) {
	needSuite(t)
	paths, err := filepath.Glob("testdata/projects/*/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no projects: %v", err)
	}
	shared := openShared(t)
	var all tally
	t.Run("all", func(t *testing.T) {
		for _, path := range paths {
			name := strings.TrimSuffix(strings.TrimPrefix(filepath.ToSlash(path), "testdata/projects/"), ".txtar")
			files, want := readProject(t, path)
			if want.slow && os.Getenv("PLIMSOLL_E2E_SLOW") == "" {
				t.Logf("%s is left out: it takes long, and PLIMSOLL_E2E_SLOW is not set", name)
				continue
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				begin := time.Now()
				dir := repository(t, files)
				commits(t, dir, want.history)
				r, err := proveShared(t, shared, dir, want)
				t.Logf("%s after %.1f s", r.Verdict, time.Since(begin).Seconds())
				want.hold(t, r, err)
				all.add(name, want, r)
			})
		}
	})
	all.check(t)
}

// sharedEngine is one engine for proofs that run side by side in this process, in which a state directory
// can be opened once: it is opened for the first test that wants it, and ends with the suite.
type sharedEngine struct {
	root string
	once sync.Once
	engine.Engine
	err error
}

func openShared(t *testing.T) engine.Engine {
	t.Helper()
	s := &suite.shared
	helper := enginetest.Tool(t) // it has what is plimsoll's part in containers, and starts in a fraction of the time
	s.once.Do(func() {
		s.Engine, s.err = embedded.New(context.Background(), embedded.Options{
			Root: s.root, HelperPath: helper,
			Mirrors: map[string][]string{"docker.io": {suite.bases}, "gcr.io": {suite.bases}},
		})
	})
	if s.err != nil {
		t.Fatal(s.err)
	}
	return s.Engine
}

// close ends the engine, which must leave nothing behind.
func (s *sharedEngine) close() error {
	if s.Engine == nil {
		return nil
	}
	if err := s.Engine.Close(); err != nil {
		return fmt.Errorf("closing the shared engine: %w", err)
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	if strings.Contains(string(mounts), s.root) {
		return fmt.Errorf("the shared engine has left mounts behind:\n%s", mounts)
	}
	return nil
}

// lent is an engine that a proof may close without ending it.
type lent struct{ engine.Engine }

func (lent) Close() error { return nil }

// sharedOptions are the options of a proof on a shared engine, with few samples and those figures alone that tests look at.
func sharedOptions(e engine.Engine, dir string, want wanted) app.ProveOptions {
	skip := []measure.Metric{measure.Pull}
	if len(want.history) == 0 { // what a rebuild at a commit costs is derived from builds without cache, and with it
		skip = append(skip, measure.ColdBuild, measure.Rebuild)
	}
	return app.ProveOptions{
		OpenEngine: func(context.Context, app.ProveOptions) (engine.Engine, error) { return lent{e}, nil },
		Path:       dir, Env: want.env, Probes: want.probes, Requests: 20, Samples: 1, Timeout: limit, Skip: skip,
		Mirrors: map[string]string{"docker.io": suite.bases, "gcr.io": suite.bases},
	}
}

func proveShared(t *testing.T, e engine.Engine, dir string, want wanted) (*report.Report, error) {
	t.Helper()
	r, err := app.Prove(t.Context(), sharedOptions(e, dir, want))
	if r == nil {
		t.Fatalf("no report: %v", err)
	}
	return r, err
}

// readProject reads a project's archive: its files, and what is wanted of its proof.
func readProject(t *testing.T, path string) (map[string]string, wanted) {
	t.Helper()
	archive, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	want := ""
	for _, f := range archive.Files {
		if f.Name == "want" {
			want = string(f.Data)
			continue
		}
		files[f.Name] = strings.ReplaceAll(string(f.Data), "INDEX", "http://"+suite.bases+"/simple/")
	}
	w, err := parseWanted(want)
	if err != nil {
		t.Fatalf("%s: want: %v", path, err)
	}
	if len(archive.Comment) == 0 {
		t.Errorf("%s does not say what its trap is", path)
	}
	return files, w
}

// repository writes a project to a git repository of one commit. Scripts may be executed.
func repository(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := project(t, files)
	for name, text := range files {
		if strings.HasPrefix(text, "#!") {
			if err := os.Chmod(filepath.Join(dir, name), 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, args := range [][]string{{"init", "-q"}, {"add", "."}, {"commit", "-q", "-m", "first"}} {
		args = append([]string{"-C", dir, "-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "init.defaultBranch=main"}, args...)
		if out, err := exec.Command("git", args...).CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	return dir
}

// commits adds a commit for each name, which adds an empty line to that file: a change to
// the build cache, and to nothing else.
func commits(t *testing.T, dir string, names []string) {
	t.Helper()
	for _, name := range names {
		f, err := os.OpenFile(filepath.Join(dir, name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString("\n"); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		git(t, dir, "add", "-A")
		git(t, dir, "commit", "-q", "-m", name)
	}
}

// observed reports whether a run showed something of a kind.
func observed(o *report.Observed, kind, what string) bool {
	switch {
	case o == nil:
		return false
	case kind == "port":
		return strconv.Itoa(o.Port) == what
	case kind == "write":
		return slices.Contains(o.Writes, what)
	case kind == "package":
		return slices.Contains(o.Lacking, what)
	}
	return false
}

// tally gathers the figures of the projects that are naive on purpose.
type tally struct {
	mu       sync.Mutex
	outcomes []outcome
}

type outcome struct {
	name            string
	verdict         report.Verdict
	smaller, faster float64
	// cheaper is by how many percent a rebuild at a commit costs less; known where history is.
	cheaper float64
	history bool
}

func (y *tally) add(name string, w wanted, r *report.Report) {
	if !w.baseline {
		return
	}
	y.mu.Lock()
	defer y.mu.Unlock()
	o := outcome{name: name, verdict: r.Verdict, smaller: smaller(r), faster: faster(r)}
	o.cheaper, o.history = cheaper(r)
	y.outcomes = append(y.outcomes, o)
}

// check holds what does not depend on the machine over all naive projects: in the median an image at
// least 60% smaller, nine in ten proven at least in part, and of those with a history a rebuild at
// a commit at least 60% cheaper: which steps are rebuilt decides that. Times are told and not asserted.
func (y *tally) check(t *testing.T) {
	t.Helper()
	slices.SortFunc(y.outcomes, func(a, b outcome) int { return cmp.Compare(a.name, b.name) })
	var sizes, rebuilds, costs []float64
	proven := 0
	for _, o := range y.outcomes {
		t.Logf("%-32s %-14s image %5.1f%% smaller", o.name, o.verdict, o.smaller)
		if o.smaller != 0 {
			sizes = append(sizes, o.smaller)
		}
		if o.history {
			t.Logf("%-32s rebuild %5.1f× as fast; at a commit %.1f%% cheaper", o.name, o.faster, o.cheaper)
			rebuilds, costs = append(rebuilds, o.faster), append(costs, o.cheaper)
		}
		if o.verdict == report.Proven || o.verdict == report.PartlyProven {
			proven++
		}
	}
	if testing.Short() || len(y.outcomes) < 10 {
		return // some were left out by -run: no figures over all
	}
	if len(sizes) == 0 || len(costs) == 0 {
		t.Fatal("no figures")
	}
	t.Logf("%d naive projects: image %.1f%% smaller in the median, %d proven or partly proven", len(y.outcomes), median(sizes), proven)
	t.Logf("%d histories: rebuild %.1f× as fast in the median, at a commit %.1f%% cheaper", len(costs), median(rebuilds), median(costs))
	if got := median(costs); got < 60 {
		t.Errorf("in the median of %d histories a rebuild at a commit is %.1f%% cheaper, want 60%%", len(costs), got)
	}
	if got := median(sizes); got < 60 {
		t.Errorf("in the median the image is %.1f%% smaller, want 60%%", got)
	}
	if 10*proven < 9*len(y.outcomes) {
		t.Errorf("%d of %d are proven at least in part, want 9 in 10", proven, len(y.outcomes))
	}
}
