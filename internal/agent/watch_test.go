//go:build linux

package agent

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/plimsoll/plimsoll/internal/engine"
)

func TestPause(t *testing.T) {
	for _, c := range []struct {
		limits            engine.Limits
		processes, memory int64
		want              time.Duration
	}{
		{engine.Limits{Memory: 8e9, Processes: 2048}, 10, 1e6, latest},
		{engine.Limits{Memory: -1, Processes: -1}, 10, 1e6, latest},
		{engine.Limits{Memory: 64 << 20, Processes: -1}, 10, 0, 15625 * time.Microsecond},
		{engine.Limits{Memory: 64 << 20, Processes: -1}, 10, 60 << 20, soonest},
		{engine.Limits{Memory: 64 << 20, Processes: -1}, 10, 90 << 20, latest}, // which they share
		{engine.Limits{Memory: -1, Processes: 300}, 100, 0, 20 * time.Millisecond},
		{engine.Limits{Memory: -1, Processes: 300}, 299, 0, soonest},
	} {
		if got := pause(c.limits, c.processes, c.memory); got != c.want {
			t.Errorf("%+v with %d and %d: %v, want %v", c.limits, c.processes, c.memory, got, c.want)
		}
	}
}

func TestTakenBy(t *testing.T) {
	child := exec.Command("sleep", "60")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = child.Process.Kill(); _ = child.Wait() }()
	self, other := strconv.Itoa(os.Getpid()), strconv.Itoa(child.Process.Pid)
	processes, memory, counted := takenBy([]string{self, other, "4194305"}, time.Now().Add(time.Minute))
	if processes < 3 || memory < 1<<20 || len(counted) != 2 {
		t.Errorf("%d processes and threads with %d bytes, of %v", processes, memory, counted)
	}
	if processes, _, _ := takenBy([]string{self, other}, time.Now()); processes != 2 {
		t.Errorf("without time, %d are counted", processes)
	}
	if share := shareOf(self); share < 1<<20 || share > 2*memory {
		t.Errorf("its share is %d of %d bytes", share, memory)
	}
}

// What was found to be shared is not looked at again before there is reason to.
func TestOverOnce(t *testing.T) {
	self := []string{strconv.Itoa(os.Getpid())}
	for _, c := range []struct {
		limit int64
		want  bool
	}{{1 << 16, true}, {1 << 40, false}} {
		look := &taking{limits: engine.Limits{Memory: c.limit}}
		if got := look.overOnce(self, 2*c.limit); got != c.want {
			t.Errorf("limit %d: %v", c.limit, got)
		}
		look.sharedRest = time.Hour
		if at := look.sharedAt; look.overOnce(self, 2*c.limit) || look.sharedAt != at {
			t.Errorf("limit %d: it was counted again at once", c.limit)
		}
		if at := look.sharedAt; look.overOnce(self, 3*c.limit) != c.want || look.sharedAt == at {
			t.Errorf("limit %d: growth was not noticed", c.limit)
		}
	}
}

func TestWrittenBelow(t *testing.T) {
	dir := t.TempDir()
	begin := time.Now().Add(-coarse)
	if err := os.WriteFile(filepath.Join(dir, "one"), make([]byte, 1<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(filepath.Join(dir, "one"), filepath.Join(dir, "again")); err != nil {
		t.Fatal(err)
	}
	if got := writtenBelow(dir, begin); got < 1<<20 || got > 3<<19 {
		t.Errorf("%d bytes were written", got)
	}
	if got := writtenBelow(dir, time.Now().Add(time.Hour)); got != 0 {
		t.Errorf("%d bytes were written in an hour", got)
	}
}
