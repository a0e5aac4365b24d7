package agent

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// clockTick is the unit of start times in /proc: USER_HZ, which is 100 in
// the ABI of every architecture that Go supports on Linux.
const clockTick = time.Second / 100

func procPath(pid int, name string) string {
	return filepath.Join("/proc", strconv.Itoa(pid), name)
}

// procStat is what /proc/PID/stat tells.
type procStat struct {
	State string
	PPID  int
	// Start is when the process was forked, since boot, rounded down to clockTick.
	Start time.Duration
}

// readStat reads /proc/PID/stat.
func readStat(pid int) (procStat, error) {
	data, err := os.ReadFile(procPath(pid, "stat"))
	if err != nil {
		return procStat{}, err
	}
	return parseStat(string(data))
}

// parseStat parses proc(5)'s stat line. The second field is the program's name
// in parentheses and may itself hold spaces and parentheses.
func parseStat(line string) (procStat, error) {
	_, rest, ok := cutLast(line, ")")
	fields := strings.Fields(rest)
	if !ok || len(fields) < 20 {
		return procStat{}, fmt.Errorf("unexpected form of process status %.80q", line)
	}
	ppid, err1 := strconv.Atoi(fields[1])
	ticks, err2 := strconv.ParseInt(fields[19], 10, 64)
	if err := errors.Join(err1, err2); err != nil {
		return procStat{}, fmt.Errorf("unexpected form of process status %.80q: %w", line, err)
	}
	return procStat{State: fields[0], PPID: ppid, Start: time.Duration(ticks) * clockTick}, nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// alive reports whether a process exists and has not ended.
func alive(pid int) bool {
	s, err := readStat(pid)
	return err == nil && s.State != "Z" && s.State != "X"
}

// sinceStart is how long ago a process was started, or released to become the program that it is for.
func sinceStart(s procStat) (time.Duration, error) {
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
		if s, err := readStat(pid); err == nil && pid != os.Getpid() {
			children[s.PPID] = append(children[s.PPID], pid)
		}
	}
	if _, err := readStat(root); err != nil {
		return nil, fmt.Errorf("process %d is not running", root)
	}
	members := []int{root}
	for i := 0; i < len(members); i++ {
		members = append(members, children[members[i]]...)
	}
	return members, nil
}
