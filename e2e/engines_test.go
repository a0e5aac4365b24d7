package e2e

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll/plimsoll/internal/engine/enginetest"
	"github.com/plimsoll/plimsoll/testbase/cache"
	"github.com/plimsoll/plimsoll/testbase/engines"
)

// daemonOf starts an engine that ends with the test.
func daemonOf(t *testing.T, programs func(context.Context, *cache.Store) (string, error),
	start func(context.Context, string, engines.Setup) (*engines.Daemon, error), how engines.Setup) *engines.Daemon {
	t.Helper()
	store, err := engines.Default()
	if err != nil {
		t.Fatal(err)
	}
	bin, err := programs(t.Context(), store)
	if err != nil {
		t.Fatal(err)
	}
	d, err := start(t.Context(), bin, how)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("ending the daemon: %v", err)
		}
	})
	return d
}

func buildkitd(t *testing.T, how engines.Setup) *engines.Daemon {
	t.Helper()
	return daemonOf(t, engines.Buildkitd, engines.StartBuildkitd, how)
}

// engineLimit is how long a proof may take on an engine that has nothing yet: it pulls and unpacks all base images first.
const engineLimit = 2 * limit

// on runs a proof with a temporary folder of its own, which must be empty afterwards.
func on(t *testing.T, dir string, args ...string) (*document, result) {
	t.Helper()
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	args = append([]string{"prove", "--mirror", mirror(), "--samples", "1", "--format", "json"}, args...)
	r := commandWithin(t, engineLimit, dir, suite.program, args...)
	r.begin(t)
	res := r.wait(t)
	left, err := filepath.Glob(filepath.Join(temporary, "*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left in the temporary folder: %v, %v", left, err)
	}
	return readReport(t, res), res
}

// TestEngines proves on every engine that is not plimsoll's own: the example on the oldest Docker Engine that is supported, a service
// on a smaller base on one of today and on a BuildKit daemon. With PLIMSOLL_E2E_SLOW it is the example on each: every new daemon pulls and
// unpacks the base of 1 GB anew. The embedded engine has TestProveExample.
func TestEngines(t *testing.T) {
	needSuite(t)
	small := func(t *testing.T) string {
		return project(t, map[string]string{"Dockerfile": naive("python:3.11-slim"), "requirements.txt": "flask==2.2.2\n", "main.py": flask + serve})
	}
	if os.Getenv("PLIMSOLL_E2E_SLOW") != "" {
		small = notes
	}
	prove := func(t *testing.T, dir, name, daemon string, args ...string) {
		t.Helper()
		d, res := on(t, dir, append([]string{"--skip", "cold-build,rebuild,push,pull", "--network", "host"}, args...)...)
		t.Logf("%s after %.1f s on %+v", d.Verdict, res.took.Seconds(), d.Engine)
		d.logTimes(t)
		d.want(t, res, "proven", 0)
		d.wantAllProven(t)
		if d.Engine.Name != name || !strings.Contains(d.Engine.Daemon, daemon) || d.Engine.Chosen == "" {
			t.Errorf("engine %+v, want %s, %s", d.Engine, name, daemon)
		}
		if health := d.After["health"].Value; health != "healthy → unhealthy when frozen → healthy" {
			t.Errorf("health: %v", health)
		}
		for _, metric := range []string{"image_bytes", "transfer_bytes", "memory_bytes", "start_seconds"} {
			if before, after := d.number(t, d.Before, metric), d.number(t, d.After, metric); before <= 0 || after <= 0 {
				t.Errorf("%s: %v → %v", metric, before, after)
			}
		}
	}
	t.Run("docker-20.10", func(t *testing.T) {
		d := daemonOf(t, engines.DebianDocker, engines.StartDocker, engines.Setup{})
		t.Setenv("DOCKER_HOST", d.Address)
		prove(t, notes(t), "docker", "Docker Engine 20.10")
	})
	t.Run("docker-today", func(t *testing.T) {
		d := daemonOf(t, engines.Docker, engines.StartDocker, engines.Setup{})
		t.Setenv("DOCKER_HOST", d.Address)
		prove(t, small(t), "docker", "Docker Engine v2", "--engine", "docker")
	})
	t.Run("buildkitd", func(t *testing.T) {
		d := buildkitd(t, engines.Setup{})
		t.Setenv("BUILDKIT_HOST", d.Address)
		prove(t, small(t), "remote", d.Address)
	})
}

// served is a project that is built from nothing but what it brings: no engine needs a network for it.
func served(t *testing.T, dockerfile string) string {
	t.Helper()
	dir := project(t, map[string]string{"Dockerfile": dockerfile, "notes.log": strings.Repeat("noise\n", 1000)})
	copyFile(t, enginetest.Tool(t), filepath.Join(dir, "serve"), 0o755)
	return dir
}

// TestFarEngine proves on two daemons that share the work and reach nothing, as those on other machines do not reach this
// one's loopback: the images come over as archives, and the push is left out with the reason.
func TestFarEngine(t *testing.T) {
	needSuite(t)
	one, two := buildkitd(t, engines.Setup{Apart: true}), buildkitd(t, engines.Setup{Apart: true})
	dir := served(t, "FROM scratch\nCOPY . .\nEXPOSE 8080\nENTRYPOINT [\"/serve\", \"print\", \"hello\"]\n")
	d, res := on(t, dir, "--builder", one.Address, "--builder", two.Address, "--warm", "--skip", "rebuild")
	t.Logf("after %.1f s on %+v: %+v", res.took.Seconds(), d.Engine, d.NotEvaluated)
	d.want(t, res, "proven", 0)
	if d.Engine.Name != "remote" || !strings.Contains(d.Engine.Daemon, one.Address) || !strings.Contains(d.Engine.Daemon, two.Address) {
		t.Errorf("engine %+v", d.Engine)
	}
	if _, ok := d.After["push_seconds"]; ok || !strings.Contains(d.whyNot("push_seconds"), "can't push to the registry") {
		t.Errorf("push: %+v, left out because %q", d.After["push_seconds"], d.whyNot("push_seconds"))
	}
	for _, metric := range []string{"image_bytes", "transfer_bytes", "pull_seconds"} {
		if d.number(t, d.After, metric) <= 0 {
			t.Errorf("%s: %+v", metric, d.After[metric])
		}
	}
}

// TestEngineKilled kills the engine in the middle of a proof: the message names it, and nothing is left.
func TestEngineKilled(t *testing.T) {
	needSuite(t)
	d := buildkitd(t, engines.Setup{})
	dir := served(t, "FROM scratch\nCOPY serve /\nRUN [\"/serve\", \"__agent\", \"hold\"]\nCMD [\"/serve\"]\n")
	before := treeOf(t, dir)
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	r := start(t, dir, "prove", "--builder", d.Address, "--verbose")
	for len(d.Containers()) == 0 && !r.ended() {
		time.Sleep(50 * time.Millisecond)
	}
	d.Kill()
	killed := time.Now()
	res := r.wait(t)
	t.Logf("ended %.2f s after the engine:\n%s", time.Since(killed).Seconds(), res.stderr)
	if res.code != 3 || !strings.Contains(res.stderr, "the remote engine went away") {
		t.Errorf("exit code %d, want 3 and a message that names the engine", res.code)
	}
	untouched(t, dir, before)
	if left, _ := filepath.Glob(filepath.Join(temporary, "*")); len(left) > 0 {
		t.Errorf("left in the temporary folder: %v", left)
	}
}

// TestAuto holds which engine serves when none is asked for by name, and what is said of one that can't.
func TestAuto(t *testing.T) {
	needSuite(t)
	dir := project(t, map[string]string{"Dockerfile": "FROM scratch\nCOPY absent /serve\nCMD [\"/serve\"]\n"})
	absent := "unix://" + filepath.Join(t.TempDir(), "absent")
	for _, c := range []struct {
		name, variable, chosen, message string
		args                            []string
	}{
		{name: "no Docker Engine", variable: "DOCKER_HOST", chosen: "no Docker Engine answers at " + absent, message: "not found"},
		{name: "Docker by name", variable: "DOCKER_HOST", args: []string{"--engine", "docker"}, message: "the Docker Engine at " + absent + " can't be used"},
		{name: "no BuildKit daemon", variable: "BUILDKIT_HOST", message: "the BuildKit daemon at " + absent + " can't be used"},
		{name: "embedded by name", variable: "BUILDKIT_HOST", args: []string{"--engine", "embedded"}, chosen: "--engine embedded", message: "not found"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv(c.variable, absent)
			res := run(t, dir, append([]string{"prove", "--state", suite.state, "--format", "json"}, c.args...)...)
			d := readReport(t, res)
			if d.Engine.Chosen != c.chosen || c.chosen != "" && d.Engine.Name != "embedded" {
				t.Errorf("engine %+v, want one chosen because %q", d.Engine, c.chosen)
			}
			if res.code != 3 || d.Failure == nil || !strings.Contains(d.Failure.Message, c.message) {
				t.Errorf("exit code %d, failure %+v; want 3 and %q", res.code, d.Failure, c.message)
			}
		})
	}
	nothingLeft(t)
}
