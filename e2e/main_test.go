// Package e2e proves projects through the real program, with a real engine,
// real builds, a real package index and real servers.
//
// PLIMSOLL_E2E turns it on: unset, every test is skipped and says so; with
// "require" it is a failure when the engine or the base images are missing; with any
// other value the tests are skipped then, with the reason.
package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/plimsoll/plimsoll/testbase/server"
)

// suite is what all tests share. TestMain fills it in before the first one runs.
var suite struct {
	skip    string // why nothing can run; empty when it can
	program string // the real binary
	state   string // directory of the engine, which serves one test at a time
	shared  sharedEngine
	bases   string // address of the registry with the base images
}

func TestMain(m *testing.M) {
	code, err := runSuite(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = 1
	}
	os.Exit(code)
}

func runSuite(m *testing.M) (int, error) {
	mode := os.Getenv("PLIMSOLL_E2E")
	if mode == "" {
		suite.skip = "PLIMSOLL_E2E is not set: tests with real builds are skipped (make e2e runs them)"
		return m.Run(), nil
	}
	dir, err := os.MkdirTemp("", "plimsoll-e2e-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	suite.program, suite.state = filepath.Join(dir, "plimsoll"), filepath.Join(dir, "state")
	if built := os.Getenv("PLIMSOLL_TEST_PROGRAM"); built != "" {
		suite.program = built
	} else if err := buildProgram(); err != nil {
		return 1, err
	}
	stop, err := serveBases()
	if err != nil && mode == "require" {
		return 1, err
	}
	if err != nil {
		suite.skip = err.Error()
		return m.Run(), nil
	}
	defer stop()
	suite.shared.root = filepath.Join(dir, "shared")
	code := m.Run()
	return code, suite.shared.close()
}

func buildProgram() error {
	build := exec.Command("go", "build", "-o", suite.program, "../cmd/plimsoll")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building plimsoll: %w\n%s", err, out)
	}
	return nil
}

// serveBases serves the stand-ins on a port of its own: one that somebody else
// serves may end in the middle of a test. Where they were never built, that
// takes minutes; standard error tells how far it is.
func serveBases() (stop func(), err error) {
	if _, err := exec.LookPath("runc"); err != nil {
		return nil, fmt.Errorf("the embedded engine needs runc: %w (apt-get install runc)", err)
	}
	running, err := server.Serve(context.Background(), server.Options{Addr: "127.0.0.1:0", Log: os.Stderr})
	if err != nil {
		return nil, fmt.Errorf("serving the base images: %w", err)
	}
	suite.bases = running.Addr
	return func() { running.Close() }, nil
}

// needSuite skips a test where nothing can run.
func needSuite(t *testing.T) {
	t.Helper()
	if suite.skip != "" {
		t.Skip(suite.skip)
	}
}
