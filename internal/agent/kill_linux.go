package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// kill sends one signal to the main process.
//
// The kernel protects the first process of a namespace from signals that come from inside of it and that the process
// does not handle: STOP and KILL always, since nobody handles them. A tracer, however, is told of a STOP before it is dropped,
// and may let it through; and what is traced can be made to end with its tracer.
func kill(_ context.Context, r KillRequest) (KillAnswer, error) {
	sig, pid := syscall.Signal(r.Signal), mainPID(r.Main)
	if sig != syscall.SIGSTOP && sig != syscall.SIGKILL {
		return KillAnswer{}, unix.Kill(pid, sig)
	}
	status, err := readStatus(pid)
	if err != nil {
		return KillAnswer{}, err
	}
	owner := identity{UID: status.UID, GID: status.GID, Groups: status.Groups}
	return KillAnswer{}, onThreadOf(owner, func() error {
		if sig == syscall.SIGKILL {
			return seize(pid, unix.PTRACE_O_EXITKILL) // and end: the kernel does the rest
		}
		return stopTraced(pid)
	})
}

// onThreadOf runs f on a thread that is another user in full, as tracing wants it. The thread ends with f, and
// what it traces is let go of, or killed, when the process ends.
func onThreadOf(id identity, f func() error) error {
	done := make(chan error, 1)
	hold := make(chan struct{})
	go func() {
		runtime.LockOSThread()
		if err := become(id); err != nil {
			done <- err
			return
		}
		done <- f()
		<-hold // a tracer that ended would kill before the answer is written
	}()
	return <-done
}

// become changes who a thread is; the calls of package syscall would change all threads of the process.
func become(id identity) error {
	if os.Getuid() == id.UID && os.Getgid() == id.GID {
		return nil
	}
	if err := unix.Setgroups(id.Groups); err != nil {
		return fmt.Errorf("taking on the groups of user %d: %w", id.UID, err)
	}
	for _, call := range []struct {
		number uintptr
		id     int
	}{{unix.SYS_SETRESGID, id.GID}, {unix.SYS_SETRESUID, id.UID}} {
		n := uintptr(call.id)
		if _, _, errno := unix.RawSyscall(call.number, n, n, n); errno != 0 {
			return fmt.Errorf("taking on user %d and group %d: %w", id.UID, id.GID, errno)
		}
	}
	return nil
}

func seize(pid int, options uintptr) error {
	_, _, errno := unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_SEIZE, uintptr(pid), 0, options, 0, 0)
	if errno == 0 {
		return nil
	}
	return fmt.Errorf("tracing process %d: %w%s", pid, errno, whyNoTrace(errno))
}

// whyNoTrace explains a refusal that the kernel's settings bring about.
func whyNoTrace(errno unix.Errno) string {
	if errno != unix.EPERM {
		return ""
	}
	scope, err := os.ReadFile("/proc/sys/kernel/yama/ptrace_scope")
	if err != nil || strings.TrimSpace(string(scope)) == "0" {
		return ""
	}
	return " (the kernel's setting kernel.yama.ptrace_scope is " + strings.TrimSpace(string(scope)) + ")"
}

// stopTraced traces a process, sends it a STOP, lets that through, and lets go of the process once it has stopped.
func stopTraced(pid int) error {
	if err := seize(pid, 0); err != nil {
		return err
	}
	if err := stop(pid); err != nil {
		return err
	}
	return unix.PtraceDetach(pid) // it stays as it is: stopped
}

// stop stops a process that is traced.
func stop(pid int) error {
	if err := unix.Tgkill(pid, pid, unix.SIGSTOP); err != nil {
		return err
	}
	for {
		var ws unix.WaitStatus
		_, err := unix.Wait4(pid, &ws, unix.WALL, nil)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return fmt.Errorf("waiting for process %d to stop: %w", pid, err)
		case !ws.Stopped():
			return fmt.Errorf("process %d has ended", pid)
		}
		if ws>>16 == unix.PTRACE_EVENT_STOP {
			return nil
		}
		if err := unix.PtraceCont(pid, int(ws.StopSignal())); err != nil {
			return fmt.Errorf("letting process %d go on: %w", pid, err)
		}
	}
}
