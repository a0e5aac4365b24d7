package e2e

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// wallClock is a clock that one program sees instead of the machine's. Programs read the time in memory that the kernel
// shares with them (the vDSO). This one is started without it, so that Go asks by a system call, and a filter of
// system calls leaves the answer to the test. Programs that it starts have the vDSO again, and see the machine's clock.
type wallClock struct {
	ahead atomic.Int64 // of the machine's clock, in nanoseconds
	asked atomic.Int64 // how often the program asked
}

// jump sets the clock.
func (c *wallClock) jump(ahead time.Duration) { c.ahead.Store(int64(ahead)) }

// beginOn starts a program that sees this clock.
func (r *running) beginOn(t *testing.T, c *wallClock) {
	t.Helper()
	started := make(chan error)
	go func() {
		// The filter is this thread's, and that of what it starts: the goroutine keeps it, and it ends with the goroutine.
		runtime.LockOSThread()
		started <- r.startOn(c)
	}()
	if err := <-started; err != nil {
		t.Fatalf("starting plimsoll on a clock of its own: %v", err)
	}
}

func (r *running) startOn(c *wallClock) error {
	listener, err := hearClockReads()
	if err != nil {
		return err
	}
	go c.answer(listener)
	r.began = time.Now()
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true} // it stops before its first instruction
	if err := r.cmd.Start(); err != nil {
		return err
	}
	pid := r.cmd.Process.Pid
	var status unix.WaitStatus
	if _, err := unix.Wait4(pid, &status, 0, nil); err != nil || !status.Stopped() {
		return fmt.Errorf("waiting for it to stop: %#x, %w", status, err)
	}
	return errors.Join(hideVDSO(pid), unix.PtraceDetach(pid))
}

// Entries of the auxiliary vector that the kernel hands to a program: linux/auxvec.h.
const auxIgnore, auxVDSO = 1, 33

// hideVDSO takes the address of the vDSO out of what a program was handed, which lies on its stack.
func hideVDSO(pid int) error {
	proc := "/proc/" + strconv.Itoa(pid)
	vector, err := os.ReadFile(proc + "/auxv")
	if err != nil {
		return err
	}
	const entry = 16
	for len(vector) >= entry && binary.NativeEndian.Uint64(vector) != auxVDSO {
		vector = vector[entry:]
	}
	if len(vector) < entry {
		return errors.New("it has no vDSO")
	}
	stat, err := os.ReadFile(proc + "/stat")
	if err != nil {
		return err
	}
	const startstack = 28 - 3 // proc(5) counts from 1; the first two fields are cut off
	_, fields, _ := strings.Cut(string(stat), ") ")
	stack, err := strconv.ParseInt(strings.Fields(fields)[startstack], 10, 64)
	if err != nil {
		return err
	}
	memory, err := os.OpenFile(proc+"/mem", os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer memory.Close()
	text := make([]byte, 1<<20)
	n, _ := memory.ReadAt(text, stack) // up to the stack's end
	at := bytes.Index(text[:n], vector[:entry])
	if at < 0 {
		return errors.New("the auxiliary vector was not found")
	}
	_, err = memory.WriteAt(binary.NativeEndian.AppendUint64(nil, auxIgnore), stack+int64(at))
	return err
}

// hearClockReads has the kernel report when this thread, or what it starts, asks for the wall clock by a system call.
func hearClockReads() (listener int, err error) {
	const number, firstArgument = 0, 16 // offsets in struct seccomp_data
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: number},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_CLOCK_GETTIME, Jf: 3},
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: firstArgument},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.CLOCK_REALTIME, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_USER_NOTIF},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	fd, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_NEW_LISTENER, uintptr(unsafe.Pointer(&program)))
	if errno != 0 {
		return -1, fmt.Errorf("installing a filter of system calls: %w", errno)
	}
	return int(fd), nil
}

// question and reply are the kernel's struct seccomp_notif and seccomp_notif_resp.
type question struct {
	id         uint64
	pid, flags uint32
	number     int32
	arch       uint32
	at         uint64
	arguments  [6]uint64
}

type reply struct {
	id           uint64
	value        int64
	fault, flags int32
}

// answer tells the time until nobody is left who could ask.
func (c *wallClock) answer(listener int) {
	defer unix.Close(listener)
	for {
		ready := []unix.PollFd{{Fd: int32(listener), Events: unix.POLLIN}}
		if _, err := unix.Poll(ready, -1); err == nil && ready[0].Revents&unix.POLLIN == 0 {
			return
		}
		var q question
		if ioctl(listener, unix.SECCOMP_IOCTL_NOTIF_RECV, unsafe.Pointer(&q)) != 0 {
			continue // who asked is gone
		}
		c.asked.Add(1)
		now := unix.NsecToTimespec(time.Now().UnixNano() + c.ahead.Load())
		text := (*[unsafe.Sizeof(now)]byte)(unsafe.Pointer(&now))[:]
		r := reply{id: q.id}
		local := []unix.Iovec{{Base: &text[0], Len: uint64(len(text))}}
		remote := []unix.RemoteIovec{{Base: uintptr(q.arguments[1]), Len: len(text)}}
		if _, err := unix.ProcessVMWritev(int(q.pid), local, remote, 0); err != nil {
			r.fault = -int32(unix.EFAULT)
		}
		_ = ioctl(listener, unix.SECCOMP_IOCTL_NOTIF_SEND, unsafe.Pointer(&r)) // fails where who asked is gone
	}
}

func ioctl(fd int, request uintptr, argument unsafe.Pointer) unix.Errno {
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(argument))
	return errno
}

// TestClockThatJumps sets the clock an hour ahead while both versions are built, and an hour behind while one is pushed. No
// figure comes from it, no time-out fires, and what was cached is found again.
func TestClockThatJumps(t *testing.T) {
	needSuite(t)
	step := fmt.Sprintf("RUN echo long step begun && sleep 1 # %d", time.Now().UnixNano()) // never cached
	files := quickToProve()
	files["Dockerfile"] = strings.Replace(files["Dockerfile"], "EXPOSE", step+"\nEXPOSE", 1)
	var clock wallClock
	r := command(t, project(t, files), suite.program, proveArgs(quick("--verbose", "--format", "json", "--rule", "root-user,missing-env")...)...)
	r.beginOn(t, &clock)
	r.waitFor(t, "  before | long step begun")
	clock.jump(time.Hour)
	r.waitFor(t, "\npushing before\n  before: ")
	clock.jump(-time.Hour)
	res := r.wait(t)
	t.Logf("after %.1f s, in which the time was asked for %d times:\n%s", res.took.Seconds(), clock.asked.Load(), res.stderr)
	nothingLeft(t)

	d := readReport(t, res)
	d.want(t, res, "proven", 0)
	if why := d.whyNot("push_seconds"); !strings.Contains(why, "clock was set") {
		t.Errorf("of the time of a push it says %q", why)
	}
	if !strings.Contains(strings.Join(d.Notes, "\n"), "clock was set") {
		t.Errorf("it does not tell that the clock was set: %q", d.Notes)
	}
	if _, pushes, _ := strings.Cut(res.stderr, "\npushing before\n"); !strings.Contains(pushes, step+": cached") {
		t.Error("the step was not found in the cache")
	}
	for _, odd := range regexp.MustCompile(`.*: (failed after )?(-.*|\d\d+ min .*)\n`).FindAllString(res.stderr, -1) {
		t.Errorf("a step took %q", odd)
	}
	for _, timing := range d.Timings {
		wantPossible(t, res, timing.Phase, timing.Seconds)
	}
	for _, side := range []map[string]figure{d.Before, d.After} {
		for name, f := range side {
			if seconds, ok := f.Value.(float64); ok && f.Unit == "seconds" {
				wantPossible(t, res, name, seconds)
			}
		}
	}
}

// wantPossible holds a time against that of the whole run.
func wantPossible(t *testing.T, res result, name string, seconds float64) {
	t.Helper()
	if seconds < 0 || seconds > res.took.Seconds() {
		t.Errorf("%s: %v s, of %.1f s in all", name, seconds, res.took.Seconds())
	}
}
