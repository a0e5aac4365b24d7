package buildkit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"syscall"
	"time"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/plimsoll/plimsoll/internal/agent"
	"github.com/plimsoll/plimsoll/internal/engine"
)

const (
	// silenceLimit is how many seconds a watcher may say nothing, which it does each second otherwise.
	silenceLimit = 15
	// watchGrace is how long a container may take to be seen ending once its watcher has ended: it ends with the container.
	watchGrace = time.Second + goneLimit
	// reachedGrace is how long one may take to end that its watcher says it ends.
	reachedGrace = 500 * time.Millisecond
	// lineLimit and mostLimits bound what is kept of what comes from a container that may have taken its watcher over.
	lineLimit  = 4 << 10
	mostLimits = 8
)

// watch is what the watcher in a container has said.
type watch struct {
	began chan struct{} // closed when it lets the program start, or can't
	over  chan struct{} // closed when a limit is reached

	mu       sync.Mutex
	line     []byte
	silent   int // seconds
	watching *agent.Watching
	fault    string
	reached  []engine.Reached
}

func newWatch() *watch { return &watch{began: make(chan struct{}), over: make(chan struct{})} }

func (w *watch) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.silent = 0
	for part := range bytes.Lines(p) {
		if len(w.line) < lineLimit {
			w.line = append(w.line, part...)
		}
		if part[len(part)-1] == '\n' {
			w.heed(w.line)
			w.line = nil
		}
	}
	return len(p), nil
}

func (w *watch) Close() error { return nil }

// heed takes in one line.
func (w *watch) heed(text []byte) {
	var line agent.WatchLine
	if json.Unmarshal(text, &line) != nil {
		return // an empty one says that it is there
	}
	first := w.watching == nil && w.fault == ""
	switch {
	case line.Reached != nil && len(w.reached) < mostLimits:
		if w.reached = append(w.reached, *line.Reached); len(w.reached) == 1 {
			close(w.over)
		}
	case first && line.Watching != nil:
		w.watching = line.Watching
	case first && line.Error != "":
		w.fault = line.Error
	default:
		return
	}
	if first && (w.watching != nil || w.fault != "") {
		close(w.began)
	}
}

// tick counts the seconds that the watcher says nothing, and reports whether they are too many. Those in which this process
// does not run itself are not counted.
func (w *watch) tick() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.silent++
	return w.silent > silenceLimit
}

// lost notes that the container was ended because nobody watched it any more, if it was not for a limit.
func (w *watch) lost() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.reached) == 0 {
		w.reached = []engine.Reached{{Resource: engine.Watch, Ended: true}}
	}
}

func (w *watch) hit() []engine.Reached {
	if w == nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.reached)
}

// started tells the helper when the program started, as an addition to its environment.
func (w *watch) started() []string {
	if w == nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.watching == nil {
		return nil
	}
	return []string{fmt.Sprintf("%s=%d", agent.StartedVariable, w.watching.Released)}
}

// errNotWatched ends containers that can't be held to limits.
var errNotWatched = errors.New("it can't be watched, to hold it to its limits (--memory 0 --pids 0 --disk 0 runs it without)")

// startWatch starts the watcher in the container, and returns when that has let the program start.
func (c *container) startWatch(ctx context.Context) error {
	request, err := json.Marshal(agent.WatchRequest{Limits: *c.engine.opts.Watch})
	if err != nil {
		return err
	}
	complaint := &bounded{limit: complaintLimit}
	process, err := startProcess(ctx, c.gateway, gateway.StartRequest{
		Args: []string{agent.Path, agent.Command, agent.Watch, string(request)}, User: "0:0", Cwd: "/", Stdout: c.watch, Stderr: complaint,
	}, c.ended)
	if err != nil && c.endsToo() {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errNotWatched, err)
	}
	ended := make(chan error, 1)
	go func() { ended <- process.Wait() }()
	select {
	case <-c.watch.began:
	case err = <-ended:
		if c.endsToo() {
			return nil // Wait tells how
		}
		return fmt.Errorf("%w: the watcher ended: %w%s", errNotWatched, c.engine.blame(ctx, errors.Join(err, errors.New("it has not begun"))), suffix(complaint.buf.String()))
	case <-time.After(startLimit):
		return fmt.Errorf("%w: the watcher has not begun after %s", errNotWatched, startLimit)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if c.watch.fault != "" {
		return fmt.Errorf("%w: %s", errNotWatched, c.watch.fault)
	}
	c.started = time.Now()
	c.engine.watches(c.watch.watching.Limits)
	go c.keepWatched(ended)
	return nil
}

// endsToo says whether the container has ended with its watcher, or before it. A program that ended by itself may have done so
// before anybody heard that it was watched; one that was killed had lost its watcher.
func (c *container) endsToo() bool {
	select {
	case <-c.ended:
		if c.fault == nil && c.exit.Signal == syscall.SIGKILL {
			c.watch.lost()
		}
		return true
	case <-time.After(watchGrace):
		return false
	}
}

// keepWatched ends the container when its watcher has ended or is silent, and when it does not end for a limit by itself.
func (c *container) keepWatched(watcherEnded <-chan error) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	grace := time.Duration(0)
	for grace == 0 {
		select {
		case <-c.ended:
			return
		case <-watcherEnded:
			grace = watchGrace
		case <-c.watch.over:
			grace = reachedGrace
		case <-tick.C:
			if c.watch.tick() {
				grace = time.Nanosecond
			}
		}
	}
	select {
	case <-c.ended:
	case <-time.After(grace):
		c.watch.lost()
		_ = c.Close() // who closes it again is told how that went
	}
}
