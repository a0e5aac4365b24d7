package e2e

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// limit is how long one run of the program may take before it counts as hung.
const limit = 20 * time.Minute

// result is one run of the program that has ended.
type result struct {
	code           int
	stdout, stderr string
	took           time.Duration
}

// run runs plimsoll in a directory, without a terminal.
func run(t *testing.T, dir string, args ...string) result {
	t.Helper()
	r := start(t, dir, args...)
	return r.wait(t)
}

// running is a run of the program that goes on.
type running struct {
	cmd            *exec.Cmd
	stdout, stderr output
	began          time.Time
	hung           context.Context
}

// start starts plimsoll. A run that a test does not wait for is interrupted with the test.
func start(t *testing.T, dir string, args ...string) *running {
	t.Helper()
	r := command(t, dir, suite.program, args...)
	r.begin(t)
	return r
}

// command is a run of a program that has not begun.
func command(t *testing.T, dir, program string, args ...string) *running {
	t.Helper()
	return commandWithin(t, limit, dir, program, args...)
}

// commandWithin is one that may take longer than others.
func commandWithin(t *testing.T, limit time.Duration, dir, program string, args ...string) *running {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	r := &running{cmd: exec.CommandContext(ctx, program, args...), hung: ctx}
	r.cmd.Dir, r.cmd.Stdout, r.cmd.Stderr = dir, &r.stdout, &r.stderr
	// An interrupt lets the engine clear its mounts away.
	r.cmd.Cancel = func() error { return r.cmd.Process.Signal(syscall.SIGINT) }
	r.cmd.WaitDelay = 30 * time.Second
	return r
}

func (r *running) begin(t *testing.T) {
	t.Helper()
	r.began = time.Now()
	if err := r.cmd.Start(); err != nil {
		t.Fatalf("starting plimsoll: %v", err)
	}
}

func (r *running) wait(t *testing.T) result {
	t.Helper()
	_ = r.cmd.Wait() // the exit code tells all that the tests want to know
	res := result{r.cmd.ProcessState.ExitCode(), r.stdout.String(), r.stderr.String(), time.Since(r.began)}
	if r.hung.Err() != nil {
		t.Fatalf("%v was not done after %v\n%s", r.cmd.Args[1:], res.took, res.stderr)
	}
	for _, text := range []string{res.stdout, res.stderr} {
		if strings.Contains(text, "goroutine ") {
			t.Errorf("a stack trace:\n%s", text)
		}
	}
	return res
}

// waitFor waits until the program has written a text to standard error.
func (r *running) waitFor(t *testing.T, text string) {
	t.Helper()
	for deadline := time.Now().Add(limit); !strings.Contains(r.stderr.String(), text); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) || r.ended() {
			t.Fatalf("it never wrote %q:\n%s", text, r.stderr.String())
		}
	}
}

// ended reports whether the process is over, as a zombie that nobody waited for yet.
func (r *running) ended() bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(r.cmd.Process.Pid) + "/stat")
	return err != nil || bytes.Contains(stat, []byte(") Z "))
}

func (r *running) interrupt(t *testing.T) {
	t.Helper()
	if err := r.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatalf("interrupting plimsoll: %v", err)
	}
}

// output is what a process has written until now.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}
