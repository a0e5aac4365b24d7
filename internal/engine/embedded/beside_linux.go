package embedded

import (
	"os"
	"path/filepath"
	"time"

	"github.com/moby/buildkit/solver/pb"
	"github.com/plimsoll/plimsoll/internal/engine"
	"github.com/plimsoll/plimsoll/internal/procfs"
	"golang.org/x/sys/unix"
)

// lookLimit bounds how long the processes of a container are looked at, one by one: where there are very many, looking takes
// so long that they could get ahead of it.
const lookLimit = 25 * time.Millisecond

// takenBeside is what a process takes together with those that share its pid namespace, at least: their number, threads
// included, and the memory behind no file. It is how a container is watched without a control group. Where the processes are
// too many for the limits, nothing else is asked for.
func takenBeside(main int, limits engine.Limits) (processes, memory int64) {
	namespace, err := os.Readlink(procfs.Path(main, "ns/pid"))
	if err != nil {
		return 0, 0 // it is not known, or gone
	}
	if n := countIn(main, namespace); limits.Processes > 0 && n >= limits.Processes {
		return n, 0
	}
	deadline := time.Now().Add(lookLimit)
	all := beside(namespace, deadline)
	for i, dir := range all {
		if time.Now().After(deadline) {
			processes += int64(len(all) - i)
			break
		}
		status, _ := os.ReadFile(filepath.Join(dir, "status"))
		processes += max(procfs.Field(status, "Threads:"), 1)
		memory += procfs.Memory(status)
	}
	if limits.Memory > 0 && memory >= limits.Memory {
		memory = shareOf(all)
	}
	return processes, memory
}

// countIn counts the processes of a pid namespace in the /proc that its main process has, which is quick. A container may have
// put something else in its place, which counts for nothing.
func countIn(main int, namespace string) (n int64) {
	fd, err := unix.Open(procfs.Path(main, "root/proc"), unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0
	}
	proc := os.NewFile(uintptr(fd), "proc")
	defer proc.Close()
	var fs unix.Statfs_t
	if unix.Fstatfs(fd, &fs) != nil || fs.Type != unix.PROC_SUPER_MAGIC {
		return 0
	}
	link := make([]byte, len(namespace)+1)
	if size, err := unix.Readlinkat(fd, "1/ns/pid", link); err != nil || string(link[:size]) != namespace {
		return 0
	}
	names, _ := proc.Readdirnames(-1)
	for _, name := range names {
		if procfs.IsProcess(name) {
			n++
		}
	}
	return n
}

// shareOf is the memory of processes with what they have in common counted once, which takes the kernel longer. Of one that this
// process may not look into so closely, and where the kernel does not say, it is all memory.
func shareOf(all []string) (memory int64) {
	for _, dir := range all {
		share, err := os.ReadFile(filepath.Join(dir, "smaps_rollup"))
		its, ok := procfs.Share(share)
		if err != nil || !ok {
			status, _ := os.ReadFile(filepath.Join(dir, "status"))
			its = procfs.Memory(status)
		}
		memory += its
	}
	return memory
}

// beside are the folders in /proc of the processes in a pid namespace; those that are found in time.
func beside(namespace string, deadline time.Time) (dirs []string) {
	all, _ := os.ReadDir("/proc")
	for _, e := range all {
		if time.Now().After(deadline) {
			break
		}
		dir := filepath.Join("/proc", e.Name())
		if !procfs.IsProcess(e.Name()) {
			continue
		}
		if ns, err := os.Readlink(filepath.Join(dir, "ns/pid")); err == nil && ns == namespace {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// spare is what a container may have in processes beyond its limit where the kernel counts those of its user.
const spare = 64

// processesOfUser bounds the processes of a container's user, so that one that forks without end does not get ahead of who looks
// at it now and then. The user's other processes are some of all that run now. The bound is not above the one in force, which
// only the host's root could raise.
func processesOfUser(limit int64) []*pb.Ulimit {
	var now unix.Rlimit
	var host unix.Sysinfo_t
	if limit <= 0 || unix.Getrlimit(unix.RLIMIT_NPROC, &now) != nil || unix.Sysinfo(&host) != nil {
		return nil
	}
	n := int64(min(uint64(limit)+uint64(host.Procs)+spare, now.Max))
	return []*pb.Ulimit{{Name: "nproc", Soft: n, Hard: n}}
}
