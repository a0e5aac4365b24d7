package agent

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"github.com/plimsoll/plimsoll/internal/engine"
	"golang.org/x/sys/unix"
)

// watching, in the place of a verb, is the watcher proper, which the watch that was asked for starts.
const watching = "watching"

// watch starts the watcher and goes with it. request is a WatchRequest.
//
// When a container ends, the kernel kills all that is left in it. A second process that ends so looks to BuildKit like one that
// failed: it ends the container for that, and may kill the runtime while that tells how the main process ended. So this
// process exits with 0 at once, and the watcher, its child, holds it at the last step of that by tracing it: its status is
// settled, nothing that kills it changes that, and it is gone when the watcher is.
func watch(request string, stderr io.Writer) int {
	runtime.LockOSThread()
	hold, held, err := os.Pipe()
	if err != nil {
		fmt.Fprintf(stderr, "plimsoll agent: %v\n", err)
		return 0
	}
	// Kernels with Yama in its usual setting let a child trace its parent only if that allows it.
	_ = unix.Prctl(unix.PR_SET_PTRACER, unix.PR_SET_PTRACER_ANY, 0, 0, 0)
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = []string{Path, Command, watching, request, strconv.Itoa(unix.Gettid())}
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = os.Stdout, os.Stderr, []*os.File{held}
	if err := cmd.Start(); err != nil {
		fmt.Fprintf(stderr, "plimsoll agent: starting the watcher: %v\n", err)
		return 0
	}
	held.Close()
	if n, _ := hold.Read(make([]byte, 1)); n > 0 {
		_, _, _ = unix.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0) // on the thread that is traced
	}
	_ = cmd.Wait() // where nothing may be traced
	return 0
}

// watcher is the process that watches a container from inside.
type watcher struct {
	out     io.Writer
	limits  engine.Limits
	taken   *taking
	written *writing
	over    chan engine.Reached // what was reached first
}

// beWatcher is the watcher: args are the request, and the thread of its parent to hold. It ends with the container.
func beWatcher(args []string, out, stderr io.Writer) int {
	var r WatchRequest
	if len(args) != 2 || json.Unmarshal([]byte(args[0]), &r) != nil {
		fmt.Fprintln(stderr, "plimsoll agent: this is no way to start the watcher")
		return 0
	}
	thread, _ := strconv.Atoi(args[1])
	// Who ends all processes by a signal that can be refused does not mean this one.
	signal.Ignore(syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGALRM, syscall.SIGPIPE)
	holdAtEnd(thread)
	w := &watcher{out: out, limits: localLimits(r.Limits), over: make(chan engine.Reached, 2)}
	w.taken = &taking{limits: w.limits}
	w.written = newWriting(w.limits.Disk)
	released, err := release()
	if err != nil {
		w.say(WatchLine{Error: err.Error()})
		return 0
	}
	w.say(WatchLine{Watching: &Watching{Limits: w.limits, Released: released}})
	go w.watchTaken()
	go w.watchWritten()
	w.run()
	return 0
}

// holdAtEnd seizes the thread of the parent that is about to exit, and tells it so. Where it can't, the parent waits.
func holdAtEnd(thread int) {
	held := os.NewFile(3, "held")
	seized := make(chan error)
	go func() {
		runtime.LockOSThread() // tracing belongs to a thread, which lasts as long as this process
		err := seize(thread, unix.PTRACE_O_TRACEEXIT)
		seized <- err
		if err == nil {
			select {}
		}
	}()
	if <-seized == nil {
		_, _ = held.Write([]byte{1})
	}
	held.Close()
}

// localLimits fills in what is left to this machine.
func localLimits(l engine.Limits) engine.Limits {
	var info unix.Sysinfo_t
	_ = unix.Sysinfo(&info) // never fails
	return l.OrDefault(int64(info.Totalram)*int64(info.Unit), runtime.NumCPU())
}

// heartbeat is how often the watcher says that it is there.
const heartbeat = time.Second

// run says that the watcher is there until a limit is reached.
func (w *watcher) run() {
	tick := time.NewTicker(heartbeat)
	defer tick.Stop()
	for {
		select {
		case r := <-w.over:
			w.end(r)
			return
		case <-tick.C:
			if _, err := w.out.Write([]byte{'\n'}); err != nil {
				w.end(engine.Reached{Resource: engine.Watch}) // nobody listens any more
				return
			}
		}
	}
}

func (w *watcher) say(line WatchLine) {
	text, err := json.Marshal(line)
	if err == nil {
		_, _ = w.out.Write(append(text, '\n'))
	}
}

// soonest and latest bound the pause between two looks at what is taken; fastestFill, in bytes, and fastestForks are the most that
// was seen to be taken in a second, and say how soon a limit can be reached.
const (
	soonest      = 5 * time.Millisecond
	latest       = 100 * time.Millisecond
	fastestFill  = 4 << 30
	fastestForks = 10_000
)

func (w *watcher) watchTaken() {
	for {
		processes, memory, over := w.taken.look()
		for _, r := range over {
			w.over <- r
		}
		if over != nil {
			return
		}
		time.Sleep(pause(w.limits, processes, memory))
	}
}

// pause is how long nothing can be reached. Memory over its limit is such that processes share.
func pause(l engine.Limits, processes, memory int64) time.Duration {
	p := latest
	if l.Memory > memory {
		p = min(p, time.Duration(float64(l.Memory-memory)/fastestFill*float64(time.Second)))
	}
	if l.Processes > 0 {
		p = min(p, time.Duration(l.Processes-processes)*time.Second/fastestForks)
	}
	return max(p, soonest)
}

func (w *watcher) watchWritten() {
	for ; ; time.Sleep(latest) {
		if over := w.written.look(); over != nil {
			w.over <- *over
			return
		}
	}
}

const (
	// toTell is how long all stands still before it is ended, so that the reason is told before.
	toTell = 100 * time.Millisecond
	// toStop is how long the main process may take to stop: it does not while it waits for a child that has become no program yet.
	toStop = 50 * time.Millisecond
)

// end ends the container. All is stopped first, at which signals to all processes at once are not outrun by those that fork, then
// the reason is told, then all is killed. The main process, which signals from inside do not stop, is traced for that, and
// ends with its tracer, this process. Where that can't be, the engine ends it from outside.
func (w *watcher) end(reached engine.Reached) {
	reached.Ended = true
	stopAll()
	traced, stopped := stopMain()
	for quiet := time.After(toStop); traced && quiet != nil; {
		select {
		case <-stopped:
			quiet = nil
		case <-quiet:
			quiet = nil
		case <-time.After(time.Millisecond):
			stopAll() // until then it starts new ones
		}
	}
	stopAll()
	w.say(WatchLine{Reached: &reached})
	for begin := time.Now(); !traced || time.Since(begin) < toTell; time.Sleep(soonest) {
		if traced {
			stopAll()
		} else {
			_ = unix.Kill(-1, unix.SIGKILL)
		}
	}
	_ = unix.Kill(-1, unix.SIGKILL)
}

// stopAll stops all processes but the main one and this one.
func stopAll() { _ = unix.Kill(-1, unix.SIGSTOP) }

// stopMain has the main process killed when this process ends, if it may be traced, and begins to stop it.
func stopMain() (traced bool, stopped <-chan struct{}) {
	status, err := readStatus(1)
	if err != nil {
		return false, nil
	}
	seized, done := make(chan error, 2), make(chan struct{})
	go func() {
		defer close(done)
		seized <- onThreadOf(identity{UID: status.UID, GID: status.GID, Groups: status.Groups}, func() error {
			err := seize(1, unix.PTRACE_O_EXITKILL)
			if seized <- err; err == nil {
				_ = stop(1)
			}
			return err
		})
	}()
	return <-seized == nil, done
}
