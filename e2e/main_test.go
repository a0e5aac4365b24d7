// Package e2e proves projects through the real program, with a real engine,
// real builds, a real package index and real servers.
package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/plimsoll/plimsoll/testbase/server"
)

// plimsoll is the program under test, state the folder of its engine.
var plimsoll, state string

func TestMain(m *testing.M) {
	if os.Getenv("PLIMSOLL_E2E") == "" {
		os.Exit(m.Run()) // each test says why it is skipped
	}
	code, err := withEverything(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = 1
	}
	os.Exit(code)
}

// withEverything builds the program, serves the stand-ins, and runs the tests.
func withEverything(m *testing.M) (int, error) {
	dir, err := os.MkdirTemp("", "plimsoll-e2e-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	plimsoll, state = filepath.Join(dir, "plimsoll"), filepath.Join(dir, "state")
	build := exec.Command("go", "build", "-o", plimsoll, "../cmd/plimsoll")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return 1, fmt.Errorf("building plimsoll: %w\n%s", err, out)
	}
	bases, err := server.Serve(context.Background(), server.Options{Log: os.Stderr})
	switch {
	case errors.Is(err, server.ErrServing): // by make demo, or a person
	case err != nil:
		return 1, fmt.Errorf("serving the stand-ins: %w", err)
	default:
		defer bases.Close()
	}
	return m.Run(), nil
}

// required skips a test where no engine is asked for.
func required(t *testing.T) {
	t.Helper()
	if os.Getenv("PLIMSOLL_E2E") == "" {
		t.Skip("PLIMSOLL_E2E is not set: real builds are left out (make e2e runs them)")
	}
}

// result is one run of the program.
type result struct {
	code           int
	stdout, stderr string
}

// run starts plimsoll in a folder, without the caller's terminal.
func run(t *testing.T, dir string, args ...string) result {
	t.Helper()
	cmd := exec.Command(plimsoll, args...)
	var stdout, stderr bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &stdout, &stderr
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// proveArgs are the flags of every proof: the tests' own state, and the stand-ins.
func proveArgs(more ...string) []string {
	return append([]string{"prove", "--state", state, "--mirror", "docker.io=" + server.DefaultAddr}, more...)
}

// document is what the tests read of the JSON report.
type document struct {
	Schema  string
	Verdict string
	Plan    struct {
		Applied []struct {
			Rule   string
			Proven bool
		}
		Skipped []struct{ Rule, Reason string }
	}
	Files         map[string]string
	Before, After map[string]figure
	Requests      []struct {
		Method, Path  string
		Before, After int
		Same          bool
	}
	Timings []struct {
		Phase   string
		Seconds float64
	}
}

type figure struct {
	Value   any
	Unit    string
	Basis   string
	Samples []float64
}

func (d *document) number(t *testing.T, side map[string]figure, name string) float64 {
	t.Helper()
	v, ok := side[name].Value.(float64)
	if !ok {
		t.Fatalf("%s is no number: %+v", name, side[name])
	}
	return v
}

// prove runs a proof and reads its report.
func prove(t *testing.T, dir string, more ...string) (*document, result) {
	t.Helper()
	res := run(t, dir, proveArgs(append(more, "--format", "json")...)...)
	var d document
	if err := json.Unmarshal([]byte(res.stdout), &d); err != nil {
		t.Fatalf("exit %d, no report: %v\n%s\n%s", res.code, err, res.stdout, res.stderr)
	}
	return &d, res
}

// project writes files to a new folder.
func project(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	writeFiles(t, dir, files)
	return dir
}

func writeFiles(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
