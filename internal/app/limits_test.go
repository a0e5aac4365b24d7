package app

import (
	"encoding/pem"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/plimsoll/plimsoll/internal/engine"
	"github.com/plimsoll/plimsoll/internal/observe"
	"github.com/plimsoll/plimsoll/internal/registry"
	"github.com/plimsoll/plimsoll/internal/report"
)

var (
	memoryReached    = engine.Reached{Resource: engine.Memory, Limit: 64e6}
	processesReached = engine.Reached{Resource: engine.Processes, Limit: 100, Ended: true}
	killed           = &engine.Exit{Code: 137, Signal: syscall.SIGKILL}
)

func TestFailureNamesTheLimit(t *testing.T) {
	for _, c := range []struct {
		name string
		out  observe.Outcome
		want string
	}{
		{"killed at the start", observe.Outcome{Reached: []engine.Reached{memoryReached}, Ended: killed},
			"the container ran into its memory limit of 64 MB (--memory changes it) and ended before it answered"},
		{"killed when it was asked", observe.Outcome{Reached: []engine.Reached{processesReached}, Ended: killed, Midway: true},
			"the container ran into its limit of 100 processes and threads (--pids changes it) and ended while it was asked"},
		{"a worker of it killed again and again", observe.Outcome{Reached: []engine.Reached{memoryReached}},
			"the container ran into its memory limit of 64 MB (--memory changes it) and never answered"},
		{"two limits", observe.Outcome{Reached: []engine.Reached{{Resource: engine.Disk, Limit: 10e9, Ended: true}, {Resource: engine.Room, Limit: 1e9, Ended: true}}, Ended: killed},
			"the container ran into its disk limit of 10.0 GB (--disk changes it) and the last 1.0 GB of the disk, which are kept free " +
				"(make room, or keep the embedded engine's state on another disk with --state) and ended before it answered"},
		{"nobody watches it any more", observe.Outcome{Reached: []engine.Reached{{Resource: engine.Watch, Ended: true}}, Ended: killed, Midway: true},
			"the container ran into the end of its watch: something in it ended, or froze, the helper that holds it to its limits " +
				"(--memory 0 --pids 0 --disk 0 runs it unwatched) and ended while it was asked"},
		{"no limit", observe.Outcome{Ended: killed}, "the container was ended by signal killed before it answered"},
	} {
		if got := startFailure("before start", &c.out).Message; got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestLimitsThatWereOutlivedAreNoted(t *testing.T) {
	outlived := &observe.Outcome{Up: true, Reached: []engine.Reached{memoryReached}}
	ended := &observe.Outcome{Ended: killed, Reached: []engine.Reached{processesReached}}
	p := &proof{report: &report.Report{}, before: &side{trials: []*observe.Outcome{outlived, outlived}}, after: &side{trials: []*observe.Outcome{ended, {Up: true}}}}
	p.before.version.Build.Name = "before"
	p.tellReached()
	want := []string{"A container of before ran into its memory limit of 64 MB (--memory changes it), and went on."}
	if !slices.Equal(p.report.Notes, want) {
		t.Errorf("got %q, want %q", p.report.Notes, want)
	}
}

// A CA's certificates are not handed to a daemon that pulls by itself.
func TestPullsOfDaemonsAreNoted(t *testing.T) {
	ca := httptest.NewTLSServer(nil)
	defer ca.Close()
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ daemon, caFile, want string }{
		{"Docker Engine 29", file, "Docker Engine 29 pulls base images by itself"},
		{"Docker Engine 29", "", ""},
		{"", file, ""},
	} {
		access, err := registry.New(registry.Options{CAFile: c.caFile})
		if err != nil {
			t.Fatal(err)
		}
		p := &proof{report: &report.Report{}, opts: ProveOptions{Access: access}}
		p.tellPulls(engine.Info{Daemon: c.daemon})
		if got := strings.Join(p.report.Notes, "\n"); !strings.HasPrefix(got, c.want) || (c.want == "") != (got == "") {
			t.Errorf("%+v: got %q", c, got)
		}
	}
}

func TestEnginesThatWatchAreNoted(t *testing.T) {
	for _, c := range []struct {
		info engine.Info
		want string
	}{
		{engine.Info{Name: "docker", Watched: true}, "The docker engine takes no limits: a helper inside"},
		{engine.Info{Name: "docker", Watched: true, Limits: engine.Limits{Memory: -1, Processes: -1, Disk: -1}}, ""},
		{engine.Info{Name: "embedded", Limits: engine.Limits{Memory: 1}, Caveat: "No control group."}, "No control group."},
		{engine.Info{Name: "embedded", Limits: engine.Limits{Memory: -1}}, ""},
	} {
		p := &proof{report: &report.Report{}}
		p.tellLimits(c.info)
		if got := strings.Join(p.report.Notes, "\n"); !strings.HasPrefix(got, c.want) || (c.want == "") != (got == "") {
			t.Errorf("%+v: got %q, want %q", c.info, got, c.want)
		}
	}
}
