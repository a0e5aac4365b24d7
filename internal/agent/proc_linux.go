package agent

import (
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/plimsoll/plimsoll/internal/procfs"
	"golang.org/x/sys/unix"
)

// sinceStart is how long ago a process was started, or released to become the program that it is for.
func sinceStart(s procfs.Stat) (time.Duration, error) {
	now, err := sinceBoot()
	return now - max(s.Start, startedByEnv()), err
}

// sinceBoot is the time in which start times are told.
func sinceBoot() (time.Duration, error) {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &now); err != nil {
		return 0, fmt.Errorf("reading the time since boot: %w", err)
	}
	return time.Duration(now.Nano()), nil
}

// pids lists the processes of this namespace, in ascending order.
func pids() ([]int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("listing processes: %w", err)
	}
	var all []int
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			all = append(all, pid)
		}
	}
	return all, nil
}

// family lists root and its descendants, root first, without this process and what it started.
func family(root int) ([]int, error) {
	all, err := pids()
	if err != nil {
		return nil, err
	}
	children := map[int][]int{}
	for _, pid := range all {
		if s, err := procfs.ReadStat(pid); err == nil && pid != os.Getpid() {
			children[s.PPID] = append(children[s.PPID], pid)
		}
	}
	if _, err := procfs.ReadStat(root); err != nil {
		return nil, fmt.Errorf("process %d is not running", root)
	}
	members := []int{root}
	for i := 0; i < len(members); i++ {
		members = append(members, children[members[i]]...)
	}
	return members, nil
}
