package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/moby/buildkit/executor"
	"github.com/moby/buildkit/executor/resources/types"
	"github.com/plimsoll/plimsoll/internal/engine"
)

// shortLived is an executor whose containers write a line and are gone from the runtime at once.
type shortLived struct{ executor.Executor }

func (shortLived) Run(_ context.Context, _ string, _ executor.Mount, _ []executor.Mount, process executor.ProcessInfo, started chan<- struct{}) (types.Recorder, error) {
	close(started)
	_, err := io.WriteString(process.Stdout, "done\n")
	return nil, err
}

// sampled is an executor that goes on reading a container's control group until its recorder is closed.
type sampled struct {
	executor.Executor
	groups string
	read   error // by the last sample
}

func (s *sampled) Run(_ context.Context, id string, _ executor.Mount, _ []executor.Mount, process executor.ProcessInfo, _ chan<- struct{}) (types.Recorder, error) {
	return &lastSample{of: s, group: filepath.Join(s.groups, process.Meta.CgroupParent)}, nil
}

type lastSample struct {
	types.Recorder
	of    *sampled
	group string
}

func (l *lastSample) Close() { _, l.of.read = os.Stat(l.group) }

// A step that was cancelled after BuildKit had looked at its context begins no container that nobody would wait for.
func TestNothingBeginsOnceItIsDrained(t *testing.T) {
	w := watch(nil, "", nil)
	if !w.drain(0) {
		t.Error("something runs")
	}
	if _, err := w.Run(t.Context(), "late", executor.Mount{}, nil, executor.ProcessInfo{}, nil); !errors.Is(err, errClosing) {
		t.Errorf("got %v", err)
	}
}

// With control groups of the second version BuildKit reads them once more after the end: they are removed only then.
func TestControlGroupOutlivesTheLastSample(t *testing.T) {
	e := &sampled{groups: t.TempDir(), read: errors.New("there was none")}
	free := engine.Limits{Memory: -1, Processes: -1, Disk: -1}
	groups := &cgroups{unified: true, memory: e.groups, pids: e.groups, all: []string{e.groups}, prefix: "p-"}
	w := watch(e, "", &warden{limits: free, steps: free, groups: groups, wards: map[string]*ward{}})
	if _, err := w.Run(t.Context(), "one", executor.Mount{}, nil, executor.ProcessInfo{}, nil); err != nil {
		t.Fatal(err)
	}
	if e.read != nil {
		t.Errorf("the last sample: %v", e.read)
	}
	if left, err := os.ReadDir(e.groups); err != nil || len(left) > 0 {
		t.Errorf("left are %v, %v", left, err)
	}
}

// A container that ends before it was met is announced all the same: its output is read only then, and it
// ends only when its output was read.
func TestContainerThatEndsAtOnceIsAnnounced(t *testing.T) {
	nothing, err := exec.LookPath("false") // a runtime that knows no container
	if err != nil {
		t.Fatal(err)
	}
	output, stdout := io.Pipe()
	started, ended := make(chan struct{}), make(chan error, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	defer output.Close()
	go func() {
		_, err := watch(shortLived{}, nothing, &warden{}).Run(ctx, "", executor.Mount{}, nil, executor.ProcessInfo{Stdout: stdout}, started)
		ended <- err
	}()
	select {
	case <-started:
	case <-ctx.Done():
		t.Fatal("the container was never announced")
	}
	if line, err := io.ReadAll(io.LimitReader(output, 5)); err != nil || string(line) != "done\n" {
		t.Errorf("read %q, %v", line, err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// The runtime's own file tells of a container's main process, unless it is half written or of a process that is gone.
func TestMainProcessIsReadFromTheRuntimesFile(t *testing.T) {
	dir, id := t.TempDir(), "plimsoll-test-container"
	t.Setenv("XDG_RUNTIME_DIR", dir)
	own := os.Getpid()
	whole := fmt.Sprintf(`{"id":%q,"init_process_pid":%d,"init_process_start":%d}`, id, own, startOf(own))
	for _, c := range []struct {
		name, text string
		want       int
	}{
		{"no file", "", 0},
		{"it runs", whole, own},
		{"half written", whole[:len(whole)-1], 0},
		{"its number is another one's now", fmt.Sprintf(`{"init_process_pid":%d,"init_process_start":1}`, own), 0},
		{"it is gone", `{"init_process_pid":4194305,"init_process_start":0}`, 0},
	} {
		if c.text != "" {
			if err := os.MkdirAll(filepath.Join(dir, "runc", id), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "runc", id, "state.json"), []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got := kept(id); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

// The first process of a container that ends sleeps until the others are gone: how it ended is not known yet, and must not get lost.
func TestAProcessThatIsEnding(t *testing.T) {
	if isOver(os.Getpid()) || !isOver(4194305) {
		t.Error("of this process, or of none")
	}
}
