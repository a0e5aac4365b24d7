package embedded

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/moby/sys/mountinfo"
	"github.com/moby/sys/userns"
	"github.com/plimsoll/plimsoll/internal/engine"
	"github.com/plimsoll/plimsoll/internal/engine/enginetest"
	"github.com/plimsoll/plimsoll/internal/procfs"
)

// limited is an engine whose limits a test sets, and an image that takes what it is told to.
type limited struct {
	*enginetest.Bench
	*warden
	image string
}

// TestLimits starts one engine for all: containers that take without end, and those that do not.
func TestLimits(t *testing.T) {
	b, _ := newBench(t)
	if caveat := b.Engine.Info().Caveat; (caveat != "") != userns.RunningInUserNS() {
		t.Fatalf("the engine says of its limits: %q", caveat)
	}
	w := b.Engine.(*embedded).daemon.executor.warden
	image := b.Build(b.Request(enginetest.Server)).Image
	groups, usual := w.groups, w.limits
	tight := engine.Limits{Memory: 64 << 20, Processes: 64, Disk: 64 << 20}
	for _, test := range []struct {
		name   string
		limits engine.Limits
		run    func(*limited)
	}{
		{"Endless", tight, endless},
		{"EndlessWithoutControlGroups", tight, endlessWithoutControlGroups},
		{"CountsWhatIsWrittenAlone", usual, countsWhatIsWrittenAlone},
		{"EndlessStep", usual, endlessStep},
		{"ChattyStep", usual, chattyStep},
		{"OutlivesMemory", tight, outlivesMemory},
		{"RoomIsLeft", usual, roomIsLeft},
		{"None", engine.Limits{Memory: -1, Processes: -1, Disk: -1}, noLimits},
		{"EndlessOutput", usual, endlessOutput},
		{"WhatContainersCanDo", usual, whatContainersCanDo},
	} {
		t.Run(test.name, func(t *testing.T) {
			w.groups, w.limits, w.room = groups, test.limits, engine.RoomOn
			part := *b
			part.T = t
			test.run(&limited{&part, w, image})
		})
		if left := groupsOf(t, w.root); len(left) > 0 {
			t.Errorf("%s: left-over control groups: %v", test.name, left)
		}
		if left := processesOf(t, "/bin/tool\x00endless"); len(left) > 0 {
			t.Errorf("%s: left-over processes: %v", test.name, left)
		}
	}
}

// start starts the tool in a container.
func (l *limited) start(args ...string) engine.Container {
	return l.Run(engine.RunRequest{Image: l.image, Cmd: append([]string{"/bin/tool"}, args...)})
}

// wantKilled waits for a container to be killed, and wants it to have reached what it should have.
func (l *limited) wantKilled(c engine.Container, want ...engine.Reached) {
	l.Helper()
	begin := time.Now()
	if exit := l.Wait(c); exit.Signal != syscall.SIGKILL {
		l.Errorf("it was not killed: %+v\n%s", exit, c.Output())
	}
	l.Logf("ended after %v", time.Since(begin).Round(time.Millisecond))
	if got := c.Reached(); !slices.Equal(got, want) {
		l.Errorf("got %+v, want %+v", got, want)
	}
}

// A container that takes without end is ended, and what it ran into is known.
func endless(l *limited) {
	l.wantKilled(l.start("endless", "processes"), engine.Reached{Resource: engine.Processes, Limit: 64, Ended: true})
	l.refused()
	l.wantKilled(l.start("endless", "memory"), engine.Reached{Resource: engine.Memory, Limit: 64 << 20})
	l.wantKilled(l.start("endless", "disk"), engine.Reached{Resource: engine.Disk, Limit: 64 << 20, Ended: true})
}

// Where there are no control groups, processes and memory are watched.
func endlessWithoutControlGroups(l *limited) {
	l.groups = nil
	l.limits.Memory = -1
	l.wantKilled(l.start("endless", "processes"), engine.Reached{Resource: engine.Processes, Limit: 64, Ended: true})
	if userns.RunningInUserNS() { // the kernel does not count those of the host's root
		for range 3 {
			l.refused()
		}
	}
	l.limits.Memory = 64 << 20
	l.wantKilled(l.start("endless", "memory"), engine.Reached{Resource: engine.Memory, Limit: 64 << 20, Ended: true})
}

// A program that ends when it can start no more may be gone before it is looked at.
func (l *limited) refused() {
	l.Helper()
	c := l.start("endless", "forks")
	exit := l.Wait(c)
	if got := c.Reached(); len(got) != 1 || got[0].Resource != engine.Processes {
		l.Errorf("got %+v; it ended with %+v\n%s", got, exit, c.Output())
	}
}

// A step of a build that forks without end is ended, and its failure says why.
func endlessStep(l *limited) {
	usual := l.steps
	defer func() { l.steps = usual }()
	l.steps.Processes = 64
	_, err := l.Engine.Build(l.Context(), l.Request("RUN endless processes\n"), nil)
	var failed *engine.BuildError
	if !errors.As(err, &failed) || failed.Line != 4 || !strings.Contains(err.Error(), "the step ran into its limit of 64 processes and threads") {
		l.Errorf("got %v", err)
	}
}

// Of what a step prints, BuildKit hands on two MiB at most, and that it does.
func chattyStep(l *limited) {
	const lines, most = 300_000, 2<<20 + 100 // some 3 MB
	handed := 0
	_, err := l.Engine.Build(l.Context(), l.Request("RUN count "+strconv.Itoa(lines)+"\n"), func(e engine.Event) { handed += len(e.Log) })
	if err != nil || handed == 0 || handed > most {
		l.Errorf("%d bytes were handed on, %v", handed, err)
	}
}

// A container whose main process outlives the limit goes on, and the limit is known.
func outlivesMemory(l *limited) {
	c := l.start("survive")
	l.Eventually("the child is killed and the parent serves", func() bool {
		return strings.Contains(c.Output(), "the child ended: signal: killed") && strings.Contains(c.Output(), "serving")
	})
	want := []engine.Reached{{Resource: engine.Memory, Limit: 64 << 20}}
	l.Eventually("the limit is noted", func() bool { return slices.Equal(c.Reached(), want) })
	if got := l.Ask(c, "loopback"); got != "hello" {
		l.Errorf("the helper said %q", got)
	}
}

// The disk is not filled up, even by a file that no directory has.
func roomIsLeft(l *limited) {
	var kept int64
	l.room = func(free, _ int64) int64 {
		kept = free - 64<<20
		return kept
	}
	c := l.start("endless", "hidden")
	l.wantKilled(c, engine.Reached{Resource: engine.Room, Limit: kept, Ended: true})
}

// A container without limits is not held to any.
func noLimits(l *limited) {
	c := l.start("grow", "100")
	l.Eventually("it has grown", func() bool { return strings.Contains(c.Output(), "grown") })
	for _, group := range groupsOf(l.T, l.root) {
		if text, err := os.ReadFile(filepath.Join(group, "pids.max")); err == nil && string(text) != "max\n" {
			l.Errorf("processes are limited to %s", text)
		}
	}
	if got := c.Reached(); got != nil {
		l.Errorf("it reached %v", got)
	}
}

// mostGrowth bounds what the engine may need for a container that floods its output. It needs next to nothing; a second of that
// output is more than this.
const mostGrowth = 128 << 20

// floodTime is how long the engine reads a flood at least: some hundreds of MiB.
const floodTime = 2 * time.Second

// A container that floods its output is not kept in memory, and answers meanwhile.
func endlessOutput(l *limited) {
	before := residentMemory(l.T)
	c := l.start("endless", "output")
	l.Eventually("it has written more than is kept", func() bool { return len(c.Output()) == 64<<10 })
	begin, answers := time.Now(), 0
	for ; answers < 5 || time.Since(begin) < floodTime; answers++ {
		if got := l.Ask(c, "loopback"); got != "hello" {
			l.Errorf("the helper said %q", got)
		}
	}
	grown := residentMemory(l.T) - before
	l.Logf("%d answers took %v; %d MiB more resident memory", answers, time.Since(begin).Round(time.Millisecond), grown>>20)
	if grown > mostGrowth {
		l.Errorf("the engine grew by %d bytes", grown)
	}
	if n := len(c.Output()); n != 64<<10 {
		l.Errorf("%d bytes of output are kept", n)
	}
}

func residentMemory(t *testing.T) int64 {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	return procfs.Field(status, "VmRSS:") << 10
}

// dockerCapabilities are those that Docker gives a container by default, as a mask of their numbers in the kernel.
const dockerCapabilities = 0xa80425fb

// What a container can do: docs/engine.md says it in words.
func whatContainersCanDo(l *limited) {
	c := l.start("serve")
	status := l.Ask(c, "show", "/proc/1/status")
	for _, set := range []string{"CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"} {
		_, rest, _ := strings.Cut(status, set)
		line, _, _ := strings.Cut(rest, "\n")
		mask, err := strconv.ParseUint(strings.TrimSpace(line), 16, 64)
		if more := mask &^ dockerCapabilities; err != nil || more != 0 {
			l.Errorf("%s %x is more than Docker gives: %x (%v)", set, mask, more, err)
		}
	}
	if got := procfs.Field([]byte(status), "Seccomp:"); got != 2 {
		l.Errorf("system calls are not filtered: mode %d", got)
	}
	for _, m := range mountsIn(l.T, l.Ask(c, "show", "/proc/1/mountinfo")) {
		readOnly := slices.Contains(strings.Split(m.Options, ","), "ro")
		switch {
		case m.Mountpoint == "/", slices.Contains([]string{"proc", "tmpfs", "devpts", "mqueue"}, m.FSType):
		case slices.Contains([]string{"sysfs", "cgroup", "cgroup2"}, m.FSType), slices.Contains([]string{"/.plimsoll", "/etc/hosts", "/etc/resolv.conf"}, m.Mountpoint):
			if !readOnly {
				l.Errorf("%s can be written to", m.Mountpoint)
			}
		default:
			l.Errorf("%s is mounted from the host", m.Mountpoint)
		}
	}
	for _, q := range []struct {
		what, want string
		args       []string
	}{
		{"only loopback as network", "lo <nil>", []string{"interfaces"}},
		{"the kernel's settings read-only", "open /proc/sys/kernel/printk: read-only file system", []string{"write", "/proc/sys/kernel/printk"}},
		{"devices' settings read-only", "open /sys/kernel/uevent_helper: read-only file system", []string{"write", "/sys/kernel/uevent_helper"}},
	} {
		if got := l.Ask(c, q.args...); got != q.want {
			l.Errorf("want %s, %q: got %q", q.what, q.want, got)
		}
	}
	if got := l.Ask(c, "device"); got == "<nil>" {
		l.Error("the host's disk can be opened")
	}
}

// mountsIn reads a mountinfo file.
func mountsIn(t *testing.T, text string) []*mountinfo.Info {
	t.Helper()
	all, err := mountinfo.GetMountsFromReader(strings.NewReader(strings.TrimSuffix(text, "<nil>")), nil)
	if err != nil || len(all) == 0 {
		t.Fatalf("reading mounts: %v\n%s", err, text)
	}
	return all
}

// processesOf are the processes of this host whose command line begins with something.
func processesOf(t *testing.T, argv string) (pids []string) {
	t.Helper()
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range lines {
		if text, err := os.ReadFile(file); err == nil && strings.HasPrefix(string(text), argv) {
			pids = append(pids, filepath.Base(filepath.Dir(file)))
		}
	}
	return pids
}

// The second version of control groups has one hierarchy, whose files have other names: a folder stands for it here, since
// a machine has either version.
func TestUnifiedControlGroup(t *testing.T) {
	root := t.TempDir()
	group := filepath.Join(root, "p-one")
	put := func(file, text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(group, 0o755); err != nil {
		t.Fatal(err)
	}
	put(filepath.Join(root, "cgroup.subtree_control"), "cpu memory\n")
	files := []string{"memory.max", "memory.swap.max", "pids.max", "memory.events", "pids.current"}
	for _, name := range files {
		put(filepath.Join(group, name), "")
	}
	g := &cgroups{unified: true, memory: root, pids: root, all: []string{root}, prefix: "p-"}
	if err := g.delegate(); err != nil {
		t.Fatal(err)
	}
	c, err := g.make("one", engine.Limits{Memory: 1000, Processes: 7})
	if err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		"../cgroup.subtree_control": "+pidsemory\n", "memory.max": "1000", "memory.swap.max": "0", "pids.max": "7",
	} {
		if got, err := os.ReadFile(filepath.Join(group, file)); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v; want %q", file, got, err, want)
		}
	}
	if c.outOfMemory() {
		t.Error("memory has ended before it was used")
	}
	put(filepath.Join(group, "memory.events"), "low 0\nhigh 0\nmax 12\noom 1\noom_kill 1\n")
	put(filepath.Join(group, "pids.current"), "5\n")
	if !c.outOfMemory() || c.processes() != 5 {
		t.Errorf("out of memory: %v, processes: %d", c.outOfMemory(), c.processes())
	}
	put(filepath.Join(group, "pids.peak"), "7\n")
	if c.processes() != 7 {
		t.Errorf("the most processes were %d", c.processes())
	}
	// What a container runs into after it was ended for something else is of no interest.
	ended := &ward{group: c, limits: engine.Limits{Memory: 1000, Processes: 7}, ended: true}
	if ended.look(false); ended.hit() != nil {
		t.Errorf("after its end it ran into %v", ended.hit())
	}
}

// countsWhatIsWrittenAlone holds that what an image has is not looked through when what its container wrote is counted.
func countsWhatIsWrittenAlone(l *limited) {
	l.Ask(l.Run(engine.RunRequest{Image: l.image}), "write", "/written")
	l.mu.Lock()
	defer l.mu.Unlock()
	found := 0
	for _, g := range l.wards { // the ones that have ended, too
		if _, err := os.Stat(filepath.Join(g.disk.dir, "written")); err == nil {
			found++
		}
		if _, err := os.Stat(filepath.Join(g.disk.dir, "bin", "tool")); err == nil {
			l.Errorf("%s has the image's own files", g.disk.dir)
		}
	}
	if found != 1 {
		l.Errorf("what was written lies below the folders of %d containers", found)
	}
}

func TestWrittenBelow(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	put := func(path string, size int) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, make([]byte, size), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	put(filepath.Join(dir, "a/b/one"), 1<<20)
	put(filepath.Join(outside, "other"), 8<<20)
	err1 := os.Link(filepath.Join(dir, "a/b/one"), filepath.Join(dir, "a/again"))
	err2 := os.Symlink(outside, filepath.Join(dir, "a/out"))
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	for i := range atOnce + 1 {
		put(filepath.Join(dir, "many", strconv.Itoa(i)), 0)
	}
	if got := writtenBelow(t.Context(), dir, time.Now()); got < 1<<20 || got > 2<<20 {
		t.Errorf("%d bytes were written, want some more than %d", got, 1<<20)
	}
	if got := writtenBelow(t.Context(), dir, time.Now().Add(time.Hour)); got != 0 {
		t.Errorf("%d bytes were written in an hour", got)
	}
	if got := writtenBelow(t.Context(), filepath.Join(dir, "absent"), time.Now()); got != 0 {
		t.Errorf("%d bytes are where nothing is", got)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if got := writtenBelow(over, dir, time.Now()); got != 0 {
		t.Errorf("%d bytes were looked at after the end", got)
	}
}
