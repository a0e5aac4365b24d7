package engine

import "fmt"

// Limits bound what one container may take; steps of a build are not bound by them. 0 leaves a bound to the engine,
// less than 0 is none.
type Limits struct {
	Memory    int64 // bytes, of all its processes and of what they put into file systems in memory
	Processes int64 // processes and threads
	Disk      int64 // bytes, written to its file system
}

// Resource is something that containers take.
type Resource string

// Resources that are bounded. Room is what has to be left on the disk that containers write to. Watch is none: it stands for a
// container that got rid of the helper which watches it.
const (
	Memory    Resource = "memory"
	Processes Resource = "processes"
	Disk      Resource = "disk"
	Room      Resource = "room"
	Watch     Resource = "watch"
)

const (
	// defaultProcesses and processesPerCore are more than any server starts, and far less than a machine has room for.
	defaultProcesses = 1024
	processesPerCore = 64
	// defaultDisk bounds what a container writes: a database that is filled for a trial takes less.
	defaultDisk = 10e9
	// maxRoom bounds what is kept free on a disk, of which it is a twentieth at most.
	maxRoom = 1e9
)

// DefaultProcesses is how many processes and threads a container may have on a machine with so many cores.
func DefaultProcesses(cores int) int64 { return max(defaultProcesses, processesPerCore*int64(cores)) }

// OrDefault fills in what was left to the engine, for the machine that it runs on: of its memory, half.
func (l Limits) OrDefault(memory int64, cores int) Limits {
	if l.Memory == 0 {
		l.Memory = memory / 2
	}
	if l.Processes == 0 {
		l.Processes = DefaultProcesses(cores)
	}
	if l.Disk == 0 {
		l.Disk = defaultDisk
	}
	return l
}

// None says that nothing is bounded.
func (l Limits) None() bool { return l.Memory < 0 && l.Processes < 0 && l.Disk < 0 }

// RoomOn is what is kept free on a disk: on one that is nearly full, half of what is left.
func RoomOn(free, size int64) int64 { return min(maxRoom, size/20, free/2) }

// Reached is a limit that a container ran into.
type Reached struct {
	Resource Resource
	Limit    int64 // bytes, or processes and threads
	// Ended says that the engine ended the container for it. Where memory ends, the kernel ends a process, and the
	// container with it if that is the main one.
	Ended bool
}

// String says what was reached: "its memory limit of 268 MB".
func (r Reached) String() string {
	switch r.Resource {
	case Processes:
		return fmt.Sprintf("its limit of %d processes and threads", r.Limit)
	case Room:
		return fmt.Sprintf("the last %s of the disk, which are kept free", inBytes(r.Limit))
	case Watch:
		return "the end of its watch: something in it ended, or froze, the helper that holds it to its limits"
	}
	return fmt.Sprintf("its %s limit of %s", r.Resource, inBytes(r.Limit))
}

// inBytes writes a size in decimal units.
func inBytes(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.0f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%d bytes", n)
}

// DiskSpace is what is free on the disk of a folder.
type DiskSpace struct {
	Dir  string
	Free int64 // bytes
}

// Lacks says that there is less than what is needed, in bytes; empty means that there is enough, or that it is not known.
func (d DiskSpace) Lacks(need int64) string {
	if d.Dir == "" || need <= d.Free {
		return ""
	}
	return fmt.Sprintf("%s are needed, and %s are free in %s", inBytes(need), inBytes(d.Free), d.Dir)
}

// String says how much is free.
func (d DiskSpace) String() string { return inBytes(d.Free) + " free in " + d.Dir }
