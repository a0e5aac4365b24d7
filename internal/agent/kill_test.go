//go:build linux

package agent

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestLaunch has the agent become a program, with its arguments and environment.
func TestLaunch(t *testing.T) {
	cmd := exec.Command(os.Args[0], Command, Launch, "sh", "-c", `echo "$WORD $0 $1"; exit 7`, "zero", "one")
	cmd.Env = append(os.Environ(), "WORD=said")
	out, err := cmd.Output()
	if string(out) != "said zero one\n" || cmd.ProcessState.ExitCode() != 7 {
		t.Errorf("printed %q, %v", out, err)
	}
	out, err = exec.Command(os.Args[0], Command, Launch, "/absent").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "/absent: no such file or directory") {
		t.Errorf("printed %q, %v", out, err)
	}
}

// TestKill stops, continues and kills a process: what a container's first process needs a tracer for works for any.
func TestKill(t *testing.T) {
	cmd, _ := startApplication(t, "0s", "parent")
	client, main := local(), cmd.Process.Pid
	send := func(sig syscall.Signal) {
		t.Helper()
		if err := client.Kill(t.Context(), KillRequest{Signal: int(sig), Main: main, Timeout: 10 * time.Second}); err != nil {
			t.Fatalf("%v: %v", sig, err)
		}
	}
	send(syscall.SIGSTOP)
	if s := stateOf(t, main, "T"); s != "T" {
		t.Errorf("after STOP its state is %s, want T", s)
	}
	send(syscall.SIGCONT)
	if s := stateOf(t, main, "S"); s != "S" {
		t.Errorf("after CONT its state is %s, want S", s)
	}
	send(syscall.SIGKILL)
	_ = cmd.Wait()
	if ws := cmd.ProcessState.Sys().(syscall.WaitStatus); ws.Signal() != syscall.SIGKILL {
		t.Errorf("it ended with %v", ws)
	}
	if err := client.Kill(t.Context(), KillRequest{Signal: int(syscall.SIGSTOP), Main: main}); err == nil {
		t.Error("a process that has ended was stopped")
	}
}
