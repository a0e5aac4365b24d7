package embedded

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/moby/buildkit/executor"
	"github.com/moby/buildkit/executor/resources/types"
	"github.com/moby/buildkit/identity"
)

// watched is an executor that knows which containers run, so that signals can be sent
// to them from outside and closing can wait for their end.
type watched struct {
	executor.Executor
	runc string

	mu      sync.Mutex
	running map[string]string // container → its hostname
}

func watch(e executor.Executor, runc string) *watched {
	return &watched{Executor: e, runc: runc, running: map[string]string{}}
}

// Run runs a container and notes it while it runs.
func (w *watched) Run(ctx context.Context, id string, root executor.Mount, mounts []executor.Mount, process executor.ProcessInfo, started chan<- struct{}) (types.Recorder, error) {
	if id == "" {
		id = identity.NewID()
	}
	w.mu.Lock()
	w.running[id] = process.Meta.Hostname
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		delete(w.running, id)
		w.mu.Unlock()
	}()
	return w.Executor.Run(ctx, id, root, mounts, process, started)
}

// signal sends a signal to the main process of the container with a hostname. It goes past
// the runtime's own process, which would be the one to stop on SIGSTOP.
func (w *watched) signal(ctx context.Context, hostname string, sig syscall.Signal) error {
	id, ok := w.find(hostname)
	if !ok {
		return fmt.Errorf("sending %v: the container does not run", sig)
	}
	out, err := exec.CommandContext(ctx, w.runc, "kill", id, strconv.Itoa(int(sig))).CombinedOutput()
	if err != nil {
		return fmt.Errorf("sending %v: %w: %s", sig, err, strings.TrimSpace(string(out)))
	}
	return nil
}

func (w *watched) find(hostname string) (string, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, name := range w.running {
		if name == hostname {
			return id, true
		}
	}
	return "", false
}

// drain waits until nothing runs any more, and says whether that came about in time.
func (w *watched) drain(limit time.Duration) bool {
	for deadline := time.Now().Add(limit); ; time.Sleep(5 * time.Millisecond) {
		w.mu.Lock()
		n := len(w.running)
		w.mu.Unlock()
		if n == 0 || time.Now().After(deadline) {
			return n == 0
		}
	}
}
