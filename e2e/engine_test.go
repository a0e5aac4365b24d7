package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// slow is a project whose build goes on until it is interrupted.
func slow(t *testing.T) string {
	t.Helper()
	return project(t, map[string]string{
		"Dockerfile": "FROM python:3.11-slim\nWORKDIR /srv\nCOPY . .\nRUN echo long step begun && sleep 600\nCMD python main.py\n",
		"main.py":    "print(1)\n",
	})
}

// startSlow returns once both builds are in the long step.
func startSlow(t *testing.T) *running {
	t.Helper()
	r := start(t, slow(t), proveArgs("--verbose")...)
	for _, side := range []string{"before", "after"} {
		r.waitFor(t, "  "+side+" | long step begun")
	}
	return r
}

// TestInterrupt interrupts a build: it ends soon, leaves nothing, and the engine works again.
func TestInterrupt(t *testing.T) {
	needSuite(t)
	r := startSlow(t)
	if len(containers(t)) == 0 || len(mounts(t)) == 0 {
		t.Fatal("no container or no mount of a running build was found: looking for what is left would find nothing either")
	}
	begin := time.Now()
	r.interrupt(t)
	res := r.wait(t)
	took := time.Since(begin)
	t.Logf("ended %.2f s after the interrupt", took.Seconds())
	if res.code != 130 {
		t.Errorf("exit code %d, want 130", res.code)
	}
	if took > 30*time.Second {
		t.Errorf("it took %v to end", took)
	}
	if !strings.HasSuffix(res.stderr, "plimsoll: interrupted\n") {
		t.Errorf("it does not end with the reason:\n%s", res.stderr)
	}
	nothingLeft(t)

	next := run(t, project(t, map[string]string{"Dockerfile": onPython("RUN echo works again && exit 3\n")}), proveArgs()...)
	if next.code != 3 || !strings.Contains(next.stderr, "works again") {
		t.Errorf("the next run does not build, exit code %d:\n%s", next.code, next.stderr)
	}
}

// TestInterruptWhileFilesAreCopied interrupts it where BuildKit has layers mounted for itself, at several moments of a
// copy that takes a while.
func TestInterruptWhileFilesAreCopied(t *testing.T) {
	needSuite(t)
	dir := project(t, map[string]string{"Dockerfile": onPython(""), "large": ""})
	if err := os.Truncate(filepath.Join(dir, "large"), 1<<30); err != nil {
		t.Fatal(err)
	}
	base := run(t, project(t, map[string]string{"Dockerfile": onPython("RUN exit 3\n")}), proveArgs()...) // unpacking it is not what is interrupted
	if base.code != 3 {
		t.Fatalf("exit code %d\n%s", base.code, base.stderr)
	}
	copies := func() bool { // from one mount to another
		n := 0
		for _, point := range mounts(t) {
			if strings.Contains(point, "buildkit-mount") {
				n++
			}
		}
		return n > 1
	}
	for i := range 4 {
		r := start(t, dir, proveArgs()...)
		for deadline := time.Now().Add(limit); !copies(); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) || r.ended() {
				t.Fatalf("it copied nothing:\n%s", r.stderr.String())
			}
		}
		time.Sleep(time.Duration(i) * 50 * time.Millisecond)
		begin := time.Now()
		r.interrupt(t)
		if res := r.wait(t); res.code != 130 {
			t.Errorf("exit code %d, want 130:\n%s", res.code, res.stderr)
		}
		t.Logf("ended %.2f s after the interrupt", time.Since(begin).Seconds())
		nothingLeft(t)
	}
}

// TestEngineBusy starts a proof on an engine that another one uses.
func TestEngineBusy(t *testing.T) {
	needSuite(t)
	holder := startSlow(t)
	res := run(t, slow(t), proveArgs()...)
	t.Logf("after %.2f s:\n%s", res.took.Seconds(), res.stderr)
	if want := fmt.Sprintf("in use by process %d", holder.cmd.Process.Pid); res.code != 3 || !strings.Contains(res.stderr, want) {
		t.Errorf("exit code %d, want 3 and a message with %q", res.code, want)
	}
	if holder.ended() {
		t.Error("the holder was disturbed")
	}
	holder.interrupt(t)
	holder.wait(t)
	nothingLeft(t)
}

// TestCheckOverMirror reads the sizes of base images from the registry in use.
func TestCheckOverMirror(t *testing.T) {
	needSuite(t)
	t.Setenv("XDG_CACHE_HOME", t.TempDir()) // sizes are remembered there
	for _, c := range []struct{ base, slim string }{
		{"python:3.11", "python:3.11-slim"},
		{"debian:bookworm", "debian:bookworm-slim"},
	} {
		t.Run(c.base, func(t *testing.T) {
			dir := project(t, map[string]string{"Dockerfile": "FROM " + c.base + "\nCOPY . /srv\nCMD [\"/srv/serve\"]\n"})
			res := run(t, dir, "check", "--mirror", mirror(), "--rule", "heavy-base", "--format", "json", ".")
			d := readReport(t, res)
			if len(d.Findings) != 1 {
				t.Fatalf("%d findings, want 1\n%s", len(d.Findings), res.stdout)
			}
			f := d.Findings[0]
			t.Log(f.Message)
			if len(f.Costs) == 0 || f.Costs[0].Metric != "transfer_bytes" || f.Costs[0].Basis != "observed" || f.Costs[0].Value <= 0 {
				t.Errorf("costs: %+v, want observed transfer bytes", f.Costs)
			}
			for _, variant := range []string{c.base, c.slim} {
				if !slices.ContainsFunc(f.Evidence, func(e evidence) bool { return e.sizes(variant) }) {
					t.Errorf("no size of %s: %+v", variant, f.Evidence)
				}
			}
		})
	}
}

// sizes reports whether evidence tells how much of an image there is to transfer.
func (e evidence) sizes(image string) bool {
	return regexp.MustCompile("/" + regexp.QuoteMeta(image) + `: [0-9.]+ [MG]B to transfer\b`).MatchString(e.Note)
}
