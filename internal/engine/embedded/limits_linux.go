package embedded

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/moby/buildkit/executor"
	"github.com/plimsoll/plimsoll/internal/engine"
	"golang.org/x/sys/unix"
)

// withDefaultLimits fills in what was left to the engine.
func withDefaultLimits(l engine.Limits) engine.Limits {
	var info unix.Sysinfo_t
	memory := int64(-2) // where it is not known, there is no limit
	if unix.Sysinfo(&info) == nil {
		memory = int64(info.Totalram) * int64(info.Unit)
	}
	return l.OrDefault(memory, runtime.NumCPU())
}

// stepLimits are what the steps of a build are held to, which take what they need: a compiler may have all memory and all
// of the disk. One that forks without end must not take the machine down all the same.
func stepLimits(containers engine.Limits) engine.Limits {
	l := engine.Limits{Memory: -1, Processes: 4 * engine.DefaultProcesses(runtime.NumCPU()), Disk: -1}
	if containers.Processes < 0 {
		l.Processes = -1
	}
	return l
}

// warden holds containers, and the steps of builds, to limits.
type warden struct {
	limits, steps engine.Limits
	groups        *cgroups // nil where the kernel's can't be had
	root          string   // the engine's state directory, on whose disk containers write
	room          func(free, size int64) int64

	mu     sync.Mutex
	wards  map[string]*ward // by hostname: those that are no steps
	faults []error          // groups that could not be removed
}

// newWarden finds out what limits can be kept with. The caveat says what is missing.
func newWarden(h *host, root string, limits engine.Limits) (w *warden, caveat string) {
	w = &warden{limits: limits, steps: stepLimits(limits), root: root, room: engine.RoomOn, wards: map[string]*ward{}}
	var err error
	if h.rootless {
		err = errors.New("the engine does not run as the host's root")
	} else {
		w.groups, err = findCgroups(root)
	}
	if err != nil {
		caveat = fmt.Sprintf("No control group holds the containers to their limits of memory and processes (%v): they are watched instead, and may overstep them for a moment.", err)
	}
	return w, caveat
}

// reached are the limits that a container has run into.
func (w *warden) reached(hostname string) []engine.Reached {
	w.mu.Lock()
	g := w.wards[hostname]
	w.mu.Unlock()
	if g == nil {
		return nil
	}
	return g.hit()
}

// fault is what went wrong after containers' ends.
func (w *warden) fault() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return errors.Join(w.faults...)
}

// ward is a container, or a step of a build, that is watched.
type ward struct {
	of     *warden
	step   bool
	limits engine.Limits
	group  *cgroup    // nil where there are none
	disk   *diskWatch // nil for steps
	main   func() int // the number of the main process, 0 while it is not known
	kill   func()     // ends it
	ended  bool       // by a limit

	mu      sync.Mutex
	reached []engine.Reached

	stop    context.CancelFunc
	stopped chan struct{}
}

// guard prepares a container or a step to be held to limits, and begins to watch it.
func (w *warden) guard(ctx context.Context, id string, root *executor.Mount, meta *executor.Meta, main func() int, kill func()) (*ward, error) {
	g := &ward{of: w, step: meta.Hostname == "", limits: w.limits, main: main, kill: kill, stopped: make(chan struct{})}
	if g.step {
		g.limits = w.steps
	}
	if w.groups != nil {
		var err error
		if g.group, err = w.groups.make(id, g.limits); err != nil {
			return nil, fmt.Errorf("making the container's control group: %w", err)
		}
		meta.CgroupParent = g.group.name
	} else {
		meta.Ulimit = append(meta.Ulimit, processesOfUser(g.limits.Processes)...)
	}
	if !g.step {
		g.disk = watchDisk(w.root, g.limits.Disk, w.room)
		root.Src = g.disk.spy(root.Src)
		w.mu.Lock()
		w.wards[meta.Hostname] = g
		w.mu.Unlock()
	}
	ctx, g.stop = context.WithCancel(context.WithoutCancel(ctx))
	go g.watch(ctx)
	if g.disk != nil {
		go g.disk.watch(ctx)
	}
	return g, nil
}

// hit are the limits that were reached so far.
func (g *ward) hit() []engine.Reached {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.reached)
}

// note notes a limit, once for each resource.
func (g *ward) note(r engine.Reached) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !slices.ContainsFunc(g.reached, func(have engine.Reached) bool { return have.Resource == r.Resource }) {
		g.reached = append(g.reached, r)
	}
}

// watchEvery is how often a container is held against its limits.
const watchEvery = 50 * time.Millisecond

func (g *ward) watch(ctx context.Context) {
	defer close(g.stopped)
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		g.look(true)
		if g.ended {
			g.kill() // more than once, if it has to be: it may not have been met yet
		}
	}
}

// look notes the limits that are reached. Memory is the kernel's to end processes for, after which a container may go on;
// ends says whether it is ended for the others. What it reaches after that is of no interest.
func (g *ward) look(ends bool) {
	if g.ended {
		return
	}
	if g.group != nil && g.group.outOfMemory() {
		g.note(engine.Reached{Resource: engine.Memory, Limit: g.limits.Memory})
	}
	for _, r := range g.over() {
		r.Ended, g.ended = ends, ends
		g.note(r)
	}
}

// over are the limits that a container does not outlive. Processes are given no second chance: where none can
// be started, the helper can't be either.
func (g *ward) over() (all []engine.Reached) {
	add := func(what engine.Resource, taken, limit int64) {
		if limit > 0 && taken >= limit {
			all = append(all, engine.Reached{Resource: what, Limit: limit})
		}
	}
	if g.group != nil {
		add(engine.Processes, g.group.processes(), g.limits.Processes)
	} else {
		processes, memory := takenBeside(g.main(), g.limits)
		add(engine.Processes, processes, g.limits.Processes)
		add(engine.Memory, memory, g.limits.Memory)
	}
	if g.disk == nil {
		return all
	}
	written, noRoom := g.disk.look()
	add(engine.Disk, written, g.limits.Disk)
	if noRoom {
		all = append(all, engine.Reached{Resource: engine.Room, Limit: g.disk.room})
	}
	return all
}

// end is called when the container has ended, with the error that it ended with. It looks for the last time, and removes the
// group. The error of a step names the limits that it ran into: nobody asks for them.
func (g *ward) end(err error) error {
	g.stop()
	<-g.stopped
	g.look(false)
	if g.group != nil {
		g.of.mu.Lock()
		g.of.faults = append(g.of.faults, g.group.remove())
		g.of.mu.Unlock()
	}
	if !g.step || err == nil {
		return err
	}
	for _, r := range g.hit() {
		err = fmt.Errorf("the step ran into %s: %w", r, err)
	}
	return err
}
