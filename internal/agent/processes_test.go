//go:build linux

package agent

import (
	"fmt"
	"os"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/plimsoll/plimsoll/internal/procfs"
)

func TestParseStatus(t *testing.T) {
	got := parseStatus(9, "Name:\tgunicorn: worker\nState:\tT (stopped)\nPPid:\t1\nUid:\t1000\t1001\t1001\t1001\n"+
		"Gid:\t5\t6\t6\t6\nGroups:\t6 20 \nVmHWM:\t  2048 kB\nVmRSS:\t1024 kB\nThreads:\t3\nbroken\n")
	want := Process{PID: 9, PPID: 1, UID: 1001, GID: 6, Groups: []int{6, 20}, Name: "gunicorn: worker",
		State: "T", Threads: 3, Peak: 2 << 20, Resident: 1 << 20}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestProcessesAreTheMainOneAndItsDescendants(t *testing.T) {
	cmd, _ := startApplication(t, "0s", "parent")
	a, err := local().Processes(t.Context(), ProcessesRequest{Main: cmd.Process.Pid})
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Processes) != 2 {
		t.Fatalf("got %d processes, want the application and its child: %+v", len(a.Processes), a.Processes)
	}
	main, child := a.Processes[0], a.Processes[1]
	t.Cleanup(func() { _ = syscall.Kill(child.PID, syscall.SIGKILL) })
	exe, _ := os.Executable()
	if main.PID != cmd.Process.Pid || child.PPID != main.PID || main.UID != os.Geteuid() || main.Exe != exe {
		t.Errorf("main %+v, child %+v", main, child)
	}
	if want := []string{os.Args[0], "__app", "0s"}; !slices.Equal(child.Argv, want) {
		t.Errorf("child's arguments %q, want %q", child.Argv, want)
	}
	if main.Peak < main.Resident || main.Resident == 0 || a.PeakBytes != main.Peak+child.Peak {
		t.Errorf("memory: main %+v, sum %d", main, a.PeakBytes)
	}
	if !a.Proportional || a.ProportionalBytes <= 0 || a.ProportionalBytes > a.ResidentBytes {
		t.Errorf("proportional %d of resident %d", a.ProportionalBytes, a.ResidentBytes)
	}
}

func TestSumWithoutAllProportionalSizesIsNotGiven(t *testing.T) {
	a := ProcessesAnswer{Proportional: true}
	for _, pss := range []int64{10, -1, 20} {
		a.add(Process{Proportional: pss})
	}
	if a.Proportional || a.ProportionalBytes != 0 {
		t.Errorf("got %+v", a)
	}
}

func TestTheAgentIsNotPartOfTheApplication(t *testing.T) {
	// The agent is a child of this process: it leaves itself out.
	a, err := local().Processes(t.Context(), ProcessesRequest{Main: os.Getpid()})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range a.Processes {
		if slices.Contains(p.Argv, Command) {
			t.Errorf("the agent is listed: %+v", p)
		}
	}
}

func TestProcessesOfNoProcess(t *testing.T) {
	cmd := exec.Command("true")
	if err := cmd.Run(); err != nil {
		t.Skip("no program to start:", err)
	}
	if _, err := local().Processes(t.Context(), ProcessesRequest{Main: cmd.Process.Pid}); err == nil {
		t.Error("want an error")
	}
}

// A command is run while all that the main process has started stands still; that goes on afterwards.
func TestACommandBesideAFrozenApplication(t *testing.T) {
	cmd, _ := startApplication(t, "0s", "parent")
	main := cmd.Process.Pid
	all, err := local().Processes(t.Context(), ProcessesRequest{Main: main})
	if err != nil || len(all.Processes) != 2 {
		t.Fatalf("got %+v, %v", all, err)
	}
	child := all.Processes[1].PID
	t.Cleanup(func() { _ = syscall.Kill(child, syscall.SIGKILL) })
	read := fmt.Sprintf("cut -d' ' -f3 /proc/%d/stat /proc/%d/stat", child, main)
	a, err := local().Exec(t.Context(), ExecRequest{Argv: []string{"/bin/sh", "-c", read}, Frozen: true, Main: main})
	if err != nil || a.Unfrozen != "" || !strings.HasPrefix(a.Stdout, "T\n") || strings.HasSuffix(a.Stdout, "T\nT\n") {
		t.Errorf("got %+v, %v; want the child stopped, and not the main process", a, err)
	}
	if s := stateOf(t, child, "S"); s != "S" {
		t.Errorf("afterwards the child's state is %s", s)
	}
	if a, err := local().Exec(t.Context(), ExecRequest{Argv: []string{"/bin/true"}, Frozen: true, Main: 1 << 30}); err != nil || a.Unfrozen == "" {
		t.Errorf("of no application: %+v, %v", a, err)
	}
}

// stateOf reads a process's state until it is the one wanted, for a while:
// signals take effect asynchronously.
func stateOf(t *testing.T, pid int, want string) string {
	t.Helper()
	var s procfs.Stat
	for range 200 {
		var err error
		if s, err = procfs.ReadStat(pid); err != nil {
			t.Fatal(err)
		}
		if s.State == want {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	return s.State
}

func TestEnvOfAnotherUsersProcess(t *testing.T) {
	asRoot(t)
	cmd := exec.Command("sleep", "60")
	cmd.Env = []string{"OTHER=1"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 10001, Gid: 10001}}
	if err := cmd.Start(); err != nil {
		t.Skip("can't start a process as another user:", err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	stateOf(t, cmd.Process.Pid, "S") // in the midst of its start it can be read by root alone
	err := asUser(identity{UID: 10001, GID: 10001}, func() error {
		_, err := os.ReadFile(procfs.Path(cmd.Process.Pid, "environ"))
		return err
	})
	if err != nil {
		t.Errorf("reading as the owner: %v", err)
	}
	err = asUser(identity{UID: 10002, GID: 10002}, func() error {
		_, err := os.ReadFile(procfs.Path(cmd.Process.Pid, "environ"))
		return err
	})
	if err == nil {
		t.Error("another user could read the environment: the identity was not taken on")
	}
}

func asRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, to act as another user")
	}
}
