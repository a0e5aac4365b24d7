package embedded

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/moby/buildkit/executor"
	"github.com/moby/buildkit/executor/resources/types"
	"github.com/moby/buildkit/identity"
	"github.com/plimsoll/plimsoll/internal/procfs"
)

// watched is an executor that knows which containers run, so that signals can
// be sent to them from outside and closing can wait for their end. It holds them to limits.
type watched struct {
	executor.Executor
	runc   string
	warden *warden

	mu      sync.Mutex
	running map[string]*running // by container
	closed  bool                // nothing may begin any more
}

// errClosing ends a build or container that would begin while the engine is closed: BuildKit looks at a step's
// context some time before it calls the executor.
var errClosing = errors.New("the engine is being closed")

// running is a container between its start and its end.
type running struct {
	hostname string
	main     *os.Process // nil until it is known to run the image's program
}

func watch(e executor.Executor, runc string, w *warden) *watched {
	return &watched{Executor: e, runc: runc, warden: w, running: map[string]*running{}}
}

// Run runs a container and notes it while it runs.
func (w *watched) Run(ctx context.Context, id string, root executor.Mount, mounts []executor.Mount, process executor.ProcessInfo, started chan<- struct{}) (types.Recorder, error) {
	if id == "" {
		id = identity.NewID()
	}
	if !w.enter(id, process.Meta.Hostname) {
		return nil, errClosing
	}
	defer w.leave(id)
	ward, err := w.warden.guard(ctx, id, &root, &process.Meta, func() int { return w.mainOf(id) }, func() { w.kill(id) })
	if err != nil {
		return nil, err
	}
	rec, err := w.announced(ctx, id, root, mounts, process, started)
	if rec != nil {
		rec.Close() // the last of BuildKit's samples is read from the control group, which goes next; failing, it would fail the build
	}
	return rec, ward.end(err)
}

// announced runs a container. BuildKit says "started" when the
// runtime was called; here it is said once the container's own program runs.
func (w *watched) announced(ctx context.Context, id string, root executor.Mount, mounts []executor.Mount, process executor.ProcessInfo, started chan<- struct{}) (types.Recorder, error) {
	if started == nil {
		return w.Executor.Run(ctx, id, root, mounts, process, nil)
	}
	called, announced := make(chan struct{}), make(chan struct{})
	lifetime, end := context.WithCancel(ctx)
	spoke := make(chan struct{})
	process.Stdout, process.Stderr = overhear(process.Stdout, process.Stderr, spoke)
	go func() {
		defer close(announced)
		defer close(started)
		<-called // at the end of the container at the latest
		w.meet(lifetime, id, spoke)
	}()
	rec, err := w.Executor.Run(ctx, id, root, mounts, process, called)
	end()
	<-announced
	return rec, err
}

// endingGrace is how long a container may take to be seen ending once its helper has failed.
const endingGrace = 200 * time.Millisecond

// Exec runs a process in a container beside its main one. BuildKit kills a container in which such a process fails. One that
// failed because the container is at its end is told after it, or how the main process ended would be lost.
func (w *watched) Exec(ctx context.Context, id string, process executor.ProcessInfo) error {
	err := w.Executor.Exec(ctx, id, process)
	if err == nil || ctx.Err() != nil {
		return err
	}
	grace, limit := time.Now().Add(endingGrace), time.Now().Add(drainLimit)
	for w.runs(id) && time.Now().Before(limit) && (time.Now().Before(grace) || isOver(w.mainOf(id))) {
		time.Sleep(pollEvery)
	}
	return err
}

func (w *watched) runs(id string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.running[id] != nil
}

// isOver says whether a process has ended or is about to.
func isOver(pid int) bool {
	stat, err := procfs.ReadStat(pid)
	return err != nil || stat.Ending()
}

// enter notes a container that is about to start, unless it comes too late for that.
func (w *watched) enter(id, hostname string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return false
	}
	w.running[id] = &running{hostname: hostname}
	return true
}

func (w *watched) leave(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if main := w.running[id].main; main != nil {
		_ = main.Release()
	}
	delete(w.running, id)
}

// pollEvery is how often a container that is being set up is looked at.
const pollEvery = 2 * time.Millisecond

// meet waits until a container's main process runs the image's program, and keeps hold of that process. It
// returns too when the program has written something: nobody reads the output of a container that is not
// announced, the container does not end before it is read, and one that ended at once is gone
// from the runtime before it could be met.
func (w *watched) meet(lifetime context.Context, id string, spoke <-chan struct{}) {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	pid, asked := 0, time.Now()
	for {
		if pid == 0 {
			pid = kept(id)
		}
		if pid == 0 && time.Since(asked) > askEvery {
			s := w.state(lifetime, id)
			if s.Status == "stopped" {
				return
			}
			pid, asked = s.PID, time.Now()
		}
		if pid != 0 && runsItsProgram(pid) {
			break
		}
		select {
		case <-lifetime.Done():
			return
		case <-spoke:
			if pid == 0 {
				pid = cmp.Or(kept(id), w.state(lifetime, id).PID)
			}
			if pid == 0 {
				return
			}
			spoke = nil
		case <-tick.C:
		}
	}
	// The handle stays with this process even if its number is given to another one later.
	main, err := os.FindProcess(pid)
	if err != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if r := w.running[id]; r != nil {
		r.main = main
	}
}

// overhear closes a channel when something is first written to one of a process's outputs.
func overhear(stdout, stderr io.WriteCloser, spoke chan<- struct{}) (io.WriteCloser, io.WriteCloser) {
	say := sync.OnceFunc(func() { close(spoke) })
	wrap := func(w io.WriteCloser) io.WriteCloser {
		if w == nil {
			return nil
		}
		return overheard{w, say}
	}
	return wrap(stdout), wrap(stderr)
}

type overheard struct {
	io.WriteCloser
	say func()
}

func (o overheard) Write(p []byte) (int, error) {
	o.say()
	return o.WriteCloser.Write(p)
}

// containerState is the part of the runtime's answer that is of use here.
type containerState struct {
	Status string `json:"status"`
	PID    int    `json:"pid"`
}

// runtimeRoots are where runc keeps a folder of each container: of root's, and of those in a user namespace.
func runtimeRoots() []string {
	roots := []string{"/run/runc"}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		roots = append(roots, filepath.Join(dir, "runc"))
	}
	return roots
}

// stateFile is what tells of a container in its folder. Without it, runc knows none there.
const stateFile = "state.json"

// kept is the number of a container's main process in the file that the runtime keeps of it, which costs no process; 0 while
// there is none. runc writes it before the image's program runs.
func kept(id string) int {
	for _, root := range runtimeRoots() {
		text, err := os.ReadFile(filepath.Join(root, id, stateFile))
		var s struct {
			PID   int    `json:"init_process_pid"`
			Start uint64 `json:"init_process_start"`
		}
		if err == nil && json.Unmarshal(text, &s) == nil && s.Start != 0 && s.Start == startOf(s.PID) {
			return s.PID
		}
	}
	return 0
}

// startOf is when a process started, in clock ticks since boot; 0 when it is gone.
func startOf(pid int) uint64 {
	stat, _ := procfs.ReadStat(pid)
	return uint64(stat.Start / procfs.ClockTick)
}

// askEvery is how often the runtime is asked for a container of which it keeps no file where it is looked for.
const askEvery = 50 * time.Millisecond

// state asks the runtime for a container's state; empty while it does not know the container.
func (w *watched) state(ctx context.Context, id string) containerState {
	var s containerState
	out, err := exec.CommandContext(ctx, w.runc, "state", id).Output()
	if err != nil || json.Unmarshal(out, &s) != nil {
		return containerState{}
	}
	return s
}

// runsItsProgram says whether the runtime's first process has become the container's: until
// then it is called "runc:[2:INIT]". A process that is gone has run, too.
func runsItsProgram(pid int) bool {
	name, err := os.ReadFile(procfs.Path(pid, "comm"))
	return err != nil || !strings.HasPrefix(string(name), "runc:[")
}

// mainOf is the number of a container's main process; 0 while it is not known.
func (w *watched) mainOf(id string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	if r := w.running[id]; r != nil && r.main != nil {
		return r.main.Pid
	}
	return 0
}

// kill ends a container, by its main process where that is known. One that has ended already is left alone.
func (w *watched) kill(id string) {
	w.mu.Lock()
	r := w.running[id]
	known := r != nil && r.main != nil
	if known {
		_ = r.main.Signal(syscall.SIGKILL)
	}
	w.mu.Unlock()
	if !known {
		ctx, cancel := context.WithTimeout(context.Background(), drainLimit) // it is tried again, where it has to be
		defer cancel()
		_ = exec.CommandContext(ctx, w.runc, "kill", id, "KILL").Run()
	}
}

// signal sends a signal to the main process of the container with a hostname. It goes
// past the runtime's own process, which would be the one to stop on SIGSTOP.
func (w *watched) signal(hostname string, sig syscall.Signal) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.running {
		if r.hostname != hostname || r.main == nil {
			continue
		}
		if err := r.main.Signal(sig); err != nil {
			return fmt.Errorf("sending %v: %w", sig, err)
		}
		return nil
	}
	return fmt.Errorf("sending %v: the container does not run", sig)
}

// drain lets nothing begin any more, waits until nothing runs, and says whether that came about in time.
func (w *watched) drain(limit time.Duration) bool {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	for deadline := time.Now().Add(limit); ; time.Sleep(pollEvery) {
		w.mu.Lock()
		n := len(w.running)
		w.mu.Unlock()
		if n == 0 || time.Now().After(deadline) {
			return n == 0
		}
	}
}
