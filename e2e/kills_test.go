package e2e

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/moby/sys/mountinfo"
	"github.com/plimsoll/plimsoll/internal/engine/embedded"
)

// leastPhase is how many seconds a phase takes in which a proof is ended.
const leastPhase = 0.01

// kills is how often a proof is killed, and how often it is interrupted.
const kills = 15

// quickToProve is a project whose proof has all phases and takes seconds.
func quickToProve() map[string]string {
	return map[string]string{
		"Dockerfile": "FROM python:3.11-slim\nWORKDIR /srv\nCOPY . .\nEXPOSE 8000\nCMD [\"python\", \"main.py\"]\n",
		"main.py": `import signal
from http.server import BaseHTTPRequestHandler, HTTPServer

signal.signal(signal.SIGTERM, lambda *_: exit())


class Hello(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"hello")


HTTPServer(("0.0.0.0", 8000), Hello).serve_forever()
`,
	}
}

// TestKilledAtAnyMoment interrupts and kills proofs at random moments. After an interrupt nothing is left; what a
// killed one leaves, the next one takes away. Files of the project are as they were or as they were proven, never in between.
func TestKilledAtAnyMoment(t *testing.T) {
	needSuite(t)
	files := quickToProve()
	temporary, cache := t.TempDir(), t.TempDir()
	dir := project(t, files)
	t.Setenv("TMPDIR", temporary)
	t.Setenv("XDG_CACHE_HOME", cache)
	// The proof of a health check freezes the application for seconds, in which one moment is like the other.
	args := quick("--write", "--rule", "root-user,missing-env,context-junk,chown-copies,missing-labels")

	_, _ = prove(t, dir, args...) // all that can be cached is, as in the runs that are ended
	restore(t, dir, files)
	first, res := prove(t, dir, args...)
	first.want(t, res, "proven", 0)
	if len(first.Files) == 0 {
		t.Fatal("nothing was written: there is nothing to be killed in")
	}
	others := begunContainers(t)
	phases := slices.DeleteFunc(first.Timings, func(p timing) bool { return p.Seconds < leastPhase })
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d, a whole proof takes %.1f s in %d phases", seed, res.took.Seconds(), len(phases))
	random := rand.New(rand.NewPCG(seed, 0))
	// One moment after the other is in the next phase, at random in it: a proof spends most of its time in few of them.
	endAtAnyMoment := func(t *testing.T, n int, signal syscall.Signal) (name string, ended result, over bool) {
		t.Helper()
		phase := phases[n%len(phases)]
		restore(t, dir, files)
		r := start(t, dir, proveArgs(args...)...)
		r.waitFor(t, phase.Phase+"\n")
		moment := time.Duration(random.Float64() * phase.Seconds * float64(time.Second))
		time.Sleep(moment)
		over = r.ended()
		_ = r.cmd.Process.Signal(signal)
		ended = r.wait(t)
		name = fmt.Sprintf("%v %.2f s after %q", signal, moment.Seconds(), phase.Phase)
		t.Log(name)
		wholeFiles(t, name, dir, files, first.Files)
		return name, ended, over
	}
	t.Run("interrupted", func(t *testing.T) {
		heeded := 0
		for n := range kills {
			name, ended, over := endAtAnyMoment(t, n, syscall.SIGINT)
			for _, trace := range traces(t, temporary, cache) {
				t.Errorf("%s leaves %s", name, trace)
			}
			// -1 is the signal itself, in the first moments, in which the program does not listen to it yet.
			if ended.code != 130 && ended.code != 0 && ended.code != -1 && !over {
				t.Errorf("%s: exit code %d\n%s", name, ended.code, ended.stderr)
			}
			if ended.code != 0 {
				heeded++
			}
		}
		if heeded < kills/2 {
			t.Errorf("%d of %d interrupts ended a proof", heeded, kills)
		}
	})
	t.Run("killed", func(t *testing.T) {
		for n := range kills {
			endAtAnyMoment(t, n, syscall.SIGKILL)
		}
		restore(t, dir, files)
		last, res := prove(t, dir, args...)
		last.want(t, res, "proven", 0)
		for _, trace := range traces(t, temporary, cache) {
			t.Errorf("at the end is left %s", trace)
		}
		for _, folder := range begunContainers(t) {
			if !slices.Contains(others, folder) {
				t.Errorf("at the end is left what runc had begun in %s", folder)
			}
		}
	})
}

func restore(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	writeFiles(t, dir, files)
}

// wholeFiles holds that each file is one of the two that it may be. A file that was about to take another one's
// place may lie beside it: it is no part of any build, and the next run takes it.
func wholeFiles(t *testing.T, name, dir string, before, after map[string]string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".plimsoll") {
			continue
		}
		text := read(t, dir, e.Name())
		old, known := before[e.Name()]
		if written, changes := after[e.Name()]; !(known && text == old) && !(changes && text == written) {
			t.Errorf("%s leaves %s as it never was:\n%s", name, e.Name(), text)
		}
	}
	for file := range before {
		read(t, dir, file)
	}
}

// traces are what a run left on the machine: containers, mounts, processes of the engine and its containers, temporary
// files, folders for what is pushed and pulled. What was told to end may need a moment for it on a busy machine.
func traces(t *testing.T, temporary, cache string) (all []string) {
	t.Helper()
	for deadline := time.Now().Add(traceLimit); ; time.Sleep(100 * time.Millisecond) {
		if all = tracesNow(t, temporary, cache); len(all) == 0 || time.Now().After(deadline) {
			return all
		}
	}
}

// traceLimit is how long a trace has to be there to be one that was left.
const traceLimit = 20 * time.Second

func tracesNow(t *testing.T, temporary, cache string) (all []string) {
	t.Helper()
	for _, id := range containers(t) {
		all = append(all, "container "+id)
	}
	for _, point := range mounts(t) {
		all = append(all, "mount "+point)
	}
	for _, p := range processes(t) {
		all = append(all, "process "+p)
	}
	for _, pattern := range []string{filepath.Join(temporary, "*"), filepath.Join(suite.state, "tmp", "*"), filepath.Join(cache, "plimsoll", "work", "*")} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			all = append(all, "file "+f)
		}
	}
	return all
}

// begunFor is how long runc may be at a folder that it begins to make.
const begunFor = 3 * time.Second

// begunContainers are the folders that runc had begun to make for containers, some time ago, and that it does not list.
func begunContainers(t *testing.T) (folders []string) {
	t.Helper()
	all, err := filepath.Glob("/run/runc/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range all {
		info, gone := os.Stat(folder)
		_, begun := os.Stat(filepath.Join(folder, "state.json"))
		if gone == nil && begun != nil && time.Since(info.ModTime()) > begunFor {
			folders = append(folders, folder)
		}
	}
	return folders
}

// processes are those of engines with the suite's state, of what they start and of containers, as /proc/PID/stat begins:
// number, name and state. Those that have ended and were not waited for are none.
func processes(t *testing.T) (found []string) {
	t.Helper()
	state, err := filepath.EvalSymlinks(suite.state)
	if err != nil {
		t.Fatal(err)
	}
	folders, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range folders {
		stat, _ := os.ReadFile(filepath.Join(folder, "stat"))
		command, _ := os.ReadFile(filepath.Join(folder, "cmdline"))
		group, _ := os.ReadFile(filepath.Join(folder, "cgroup"))
		ours := bytes.Contains(command, []byte(suite.state)) || bytes.Contains(group, []byte(embedded.CgroupPrefix(state))) || rootLiesIn(folder, suite.state)
		if ours && !bytes.Contains(stat, []byte(") Z ")) {
			found = append(found, fmt.Sprintf("%.40s: %s", stat, bytes.ReplaceAll(command, []byte{0}, []byte{' '})))
		}
	}
	return found
}

// rootLiesIn says whether a process has a layer below dir for its root. That dir is among its mounts says nothing: whoever
// makes a mount namespace has copies of all mounts that are there at that moment.
func rootLiesIn(process, dir string) bool {
	table, err := os.Open(filepath.Join(process, "mountinfo"))
	if err != nil {
		return false // it has ended
	}
	defer table.Close()
	mounts, err := mountinfo.GetMountsFromReader(table, mountinfo.SingleEntryFilter("/"))
	return err == nil && len(mounts) == 1 && (strings.Contains(mounts[0].VFSOptions, dir) || strings.HasPrefix(mounts[0].Root, dir))
}
