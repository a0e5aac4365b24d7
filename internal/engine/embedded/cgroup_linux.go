package embedded

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/moby/sys/mountinfo"
	"github.com/plimsoll/plimsoll/internal/engine"
	"golang.org/x/sys/unix"
)

// cgroups makes the control groups that containers are put below, one each, in the kernel's own file system. The
// files are those of the kernel's documentation: admin-guide/cgroup-v1 and admin-guide/cgroup-v2.
type cgroups struct {
	unified bool
	memory  string   // where the memory controller is mounted
	pids    string   // where the one of processes is
	all     []string // all hierarchies: the runtime makes groups in each
	prefix  string   // of the names of this engine's groups
}

// cgroupRoot is where runtimes look for control groups.
const cgroupRoot = "/sys/fs/cgroup"

// hierarchies are the mounts of control groups that runtimes use.
func hierarchies() ([]*mountinfo.Info, error) {
	all, err := mountinfo.GetMounts(mountinfo.FSTypeFilter("cgroup", "cgroup2"))
	return slices.DeleteFunc(all, func(m *mountinfo.Info) bool {
		return m.Mountpoint != cgroupRoot && !isBelow(m.Mountpoint, cgroupRoot)
	}), err
}

// findCgroups finds out whether groups with limits can be made for the engine with this state directory. The error
// says why they can't.
func findCgroups(root string) (*cgroups, error) {
	mounts, err := hierarchies()
	if err != nil {
		return nil, err
	}
	g := &cgroups{prefix: CgroupPrefix(root)}
	for _, m := range mounts {
		g.all = append(g.all, m.Mountpoint)
		switch options := strings.Split(m.VFSOptions, ","); {
		case m.FSType == "cgroup2" && m.Mountpoint == cgroupRoot:
			g.unified, g.memory, g.pids = true, cgroupRoot, cgroupRoot
		case slices.Contains(options, "memory"):
			g.memory = m.Mountpoint
		case slices.Contains(options, "pids"):
			g.pids = m.Mountpoint
		}
	}
	if g.memory == "" || g.pids == "" {
		return nil, errors.New("the memory and pids controllers are not mounted")
	}
	if g.unified {
		if err := g.delegate(); err != nil {
			return nil, err
		}
	}
	// Whether it works is found out by doing it.
	group, err := g.make("probe-"+strconv.Itoa(os.Getpid()), engine.Limits{Memory: 1 << 30, Processes: 100})
	if err != nil {
		return nil, err
	}
	return g, group.remove()
}

// delegate has the controllers in the groups below the root, which the unified hierarchy wants.
func (g *cgroups) delegate() error {
	control := filepath.Join(g.memory, "cgroup.subtree_control")
	on, err := os.ReadFile(control)
	if err != nil {
		return err
	}
	for _, controller := range []string{"memory", "pids"} {
		if slices.Contains(strings.Fields(string(on)), controller) {
			continue
		}
		if err := writeText(control, "+"+controller); err != nil {
			return err
		}
	}
	return nil
}

// cgroup is the group of one container.
type cgroup struct {
	of   *cgroups
	name string
	// oom is an eventfd that counts how often memory ended, on the first version of control groups, which does not
	// keep count for a whole tree; -1 where there is none.
	oom int
}

// make makes a group with limits; those that are not above 0 are none.
func (g *cgroups) make(id string, limits engine.Limits) (*cgroup, error) {
	c := &cgroup{of: g, name: g.prefix + id, oom: -1}
	if err := c.set(limits); err != nil {
		return nil, errors.Join(err, c.remove())
	}
	return c, nil
}

func (c *cgroup) set(limits engine.Limits) error {
	for _, dir := range []string{c.memory(""), c.pids("")} {
		if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	if limits.Processes > 0 {
		if err := write(c.pids("pids.max"), limits.Processes); err != nil {
			return err
		}
	}
	if limits.Memory <= 0 {
		return nil
	}
	if c.of.unified {
		return errors.Join(write(c.memory("memory.max"), limits.Memory), writeIfThere(c.memory("memory.swap.max"), 0))
	}
	// Swap counts together with memory in the first version, and its limit may not be below that of memory.
	return errors.Join(
		writeIfThere(c.memory("memory.use_hierarchy"), 1),
		write(c.memory("memory.limit_in_bytes"), limits.Memory),
		writeIfThere(c.memory("memory.memsw.limit_in_bytes"), limits.Memory),
		c.listen(),
	)
}

func (c *cgroup) memory(file string) string { return filepath.Join(c.of.memory, c.name, file) }
func (c *cgroup) pids(file string) string   { return filepath.Join(c.of.pids, c.name, file) }

func write(file string, value int64) error { return writeText(file, strconv.FormatInt(value, 10)) }

func writeText(file, text string) error {
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// writeIfThere writes to a file that not every kernel has.
func writeIfThere(file string, value int64) error {
	if err := write(file, value); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// listen asks the kernel to count in an eventfd how often the group's memory ends.
func (c *cgroup) listen() error {
	control, err := os.Open(c.memory("memory.oom_control"))
	if err != nil {
		return err
	}
	defer control.Close()
	if c.oom, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return fmt.Errorf("making an eventfd: %w", err)
	}
	return writeText(c.memory("cgroup.event_control"), fmt.Sprintf("%d %d", c.oom, control.Fd()))
}

// outOfMemory says whether the group's memory has ended since it was last asked, on the first version of control
// groups, or ever, on the second.
func (c *cgroup) outOfMemory() bool {
	if c.of.unified {
		return counter(c.memory("memory.events"), "oom") > 0
	}
	if c.oom < 0 {
		return false
	}
	var count [8]byte
	n, err := unix.Read(c.oom, count[:]) // fails while nothing was counted
	return err == nil && n == len(count) && binary.NativeEndian.Uint64(count[:]) > 0
}

// processes is the largest number of processes and threads that the group has had, or has now where the kernel does
// not keep that (before Linux 6.1).
func (c *cgroup) processes() int64 {
	for _, file := range []string{"pids.peak", "pids.current"} {
		if text, err := os.ReadFile(c.pids(file)); err == nil {
			n, _ := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
			return n
		}
	}
	return 0
}

// counter reads a line "name 12" of one of the kernel's files.
func counter(file, name string) int64 {
	text, _ := os.ReadFile(file)
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), name+" "); ok {
			n, _ := strconv.ParseInt(value, 10, 64)
			return n
		}
	}
	return 0
}

// removeLimit bounds how long the kernel may take to let go of a group whose processes were killed.
const removeLimit = 5 * time.Second

// remove removes the group and those that the runtime made below it.
func (c *cgroup) remove() error {
	var errs []error
	if c.oom >= 0 {
		errs = append(errs, unix.Close(c.oom))
	}
	deadline := time.Now().Add(removeLimit)
	for _, hierarchy := range c.of.all {
		errs = append(errs, removeGroup(filepath.Join(hierarchy, c.name), deadline))
	}
	return errors.Join(errs...)
}

// removeGroup removes a group and all below it. Groups can't be removed like other directories: their files go with them.
func removeGroup(dir string, deadline time.Time) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var errs []error
	for _, e := range entries {
		if e.IsDir() {
			errs = append(errs, removeGroup(filepath.Join(dir, e.Name()), deadline))
		}
	}
	for ; ; time.Sleep(pollEvery) {
		err := unix.Rmdir(dir)
		switch {
		case err == nil || err == unix.ENOENT:
			return errors.Join(errs...)
		case err != unix.EBUSY || time.Now().After(deadline):
			return errors.Join(append(errs, fmt.Errorf("removing the control group %s: %w", dir, err))...)
		}
	}
}

// sweepCgroups removes the groups of an engine that was killed, whose containers are gone.
func sweepCgroups(root string) error {
	mounts, err := hierarchies()
	if err != nil {
		return fmt.Errorf("looking for left-over control groups: %w", err)
	}
	deadline := time.Now().Add(removeLimit)
	var errs []error
	for _, m := range mounts {
		left, err := filepath.Glob(filepath.Join(m.Mountpoint, CgroupPrefix(root)+"*"))
		errs = append(errs, err)
		for _, dir := range left {
			// One that is in use is that of an engine elsewhere whose state directory is called the same.
			if err := removeGroup(dir, deadline); !errors.Is(err, unix.EBUSY) {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}
