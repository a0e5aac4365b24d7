package embedded

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/plimsoll/plimsoll/internal/engine"
	"github.com/plimsoll/plimsoll/internal/engine/enginetest"
)

const (
	// childRoot names the state directory of an engine that a test starts in a process of its own,
	childRoot = "PLIMSOLL_TEST_CHILD_ROOT"
	// childContext what it builds,
	childContext = "PLIMSOLL_TEST_CHILD_CONTEXT"
	// and childOnce that it closes the engine after that.
	childOnce = "PLIMSOLL_TEST_CHILD_ONCE"
)

func TestMain(m *testing.M) {
	root := os.Getenv(childRoot)
	if root == "" {
		os.Exit(m.Run())
	}
	if err := child(root, os.Getenv(childContext), os.Getenv(childOnce) != ""); err != nil {
		fmt.Println("failed:", err)
		os.Exit(1)
	}
	select {} // until it is killed
}

// child starts an engine, a container in it and a build, and says so.
func child(root, dir string, once bool) error {
	e, err := New(context.Background(), Options{Root: root, HelperPath: filepath.Join(dir, "tool")})
	if err != nil {
		return err
	}
	res, err := e.Build(context.Background(), engine.BuildRequest{Name: "child", ContextDir: dir, Dockerfile: []byte(enginetest.Head + enginetest.Server)}, nil)
	if err != nil {
		return err
	}
	if _, err := e.Run(context.Background(), engine.RunRequest{Image: res.Image}); err != nil {
		return err
	}
	if once {
		err := e.Close()
		fmt.Println("up")
		return err
	}
	go func() {
		_, _ = e.Build(context.Background(), engine.BuildRequest{Name: "child", ContextDir: dir, Dockerfile: []byte(enginetest.Head + "RUN sleep 100s\n")}, nil)
	}()
	fmt.Println("up")
	return nil
}

// startChild starts an engine in another process and waits until it is up.
func startChild(t *testing.T, root, dir string, env ...string) *os.Process {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Stderr = t.Output()
	cmd.Env = append(append(os.Environ(), childRoot+"="+root, childContext+"="+dir), env...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	hung := time.AfterFunc(2*time.Minute, func() { _ = cmd.Process.Signal(syscall.SIGQUIT) }) // it says where
	line, _ := bufio.NewReader(out).ReadString('\n')
	hung.Stop()
	if line != "up\n" {
		t.Fatalf("the other engine said %q", line)
	}
	return cmd.Process
}

func TestLockAndSweep(t *testing.T) {
	b, tool := newBench(t)
	root := t.TempDir()
	other := startChild(t, root, b.Dir)
	opts := Options{Root: root, HelperPath: tool}

	_, err := New(t.Context(), opts)
	var locked *Locked
	if !errors.As(err, &locked) || locked.PID != other.Pid || !strings.Contains(err.Error(), fmt.Sprint(other.Pid)) {
		t.Fatalf("the state of process %d was opened: %v", other.Pid, err)
	}
	b.Eventually("both containers run", func() bool { return len(containersBelow(t, root)) == 2 })
	if err := other.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}

	opts.Wait = true
	var said string
	opts.OnWait = func(message string) { said = message }
	e, err := New(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("waited: %q", said)
	noTraces(t, root)
	res, err := e.Build(t.Context(), b.Request(enginetest.Server), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Run(t.Context(), engine.RunRequest{Image: res.Image}); err != nil {
		t.Fatal(err)
	}
	// Close ends what still runs.
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	noTraces(t, root)
}

func TestWaitingForTheLockEndsWithItsContext(t *testing.T) {
	needEngine(t)
	root := t.TempDir()
	l, err := tryLock(root)
	if err != nil {
		t.Fatal(err)
	}
	defer l.release()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	var said string
	_, err = takeLock(ctx, Options{Root: root, Wait: true, OnWait: func(m string) { said = m }})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if !strings.Contains(said, fmt.Sprintf("process %d", os.Getpid())) {
		t.Errorf("said %q", said)
	}
}

func TestStateIsWarmInTheNextProcess(t *testing.T) {
	b, tool := newBench(t)
	root := t.TempDir()
	startChild(t, root, b.Dir, childOnce+"=1")
	b.Engine = open(t, Options{Root: root, HelperPath: tool})
	b.WantCached(b.Build(b.Request(enginetest.Server)), map[int]bool{2: true})
	t.Logf("peak memory of this process: %s", peakMemory(t))
}

func peakMemory(t *testing.T) string {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			return strings.TrimSpace(rest)
		}
	}
	return "unknown"
}
