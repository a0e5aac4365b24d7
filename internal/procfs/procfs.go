// Package procfs reads what the kernel says of a process, in the files of proc(5).
package procfs

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// ClockTick is the unit of start times in /proc: USER_HZ, which is 100 in
// the ABI of every architecture that Go supports on Linux.
const ClockTick = time.Second / 100

// Path is a file of a process.
func Path(pid int, name string) string {
	return filepath.Join("/proc", strconv.Itoa(pid), name)
}

// IsProcess reports whether a name in /proc is that of a process.
func IsProcess(name string) bool { return name != "" && name[0] >= '1' && name[0] <= '9' }

// Stat is what /proc/PID/stat tells.
type Stat struct {
	State string // one letter
	PPID  int
	Flags uint64 // the kernel's PF_…
	// Start is when the process was forked, since boot, rounded down to ClockTick.
	Start time.Duration
}

// ReadStat reads /proc/PID/stat.
func ReadStat(pid int) (Stat, error) {
	data, err := os.ReadFile(Path(pid, "stat"))
	if err != nil {
		return Stat{}, err
	}
	return ParseStat(string(data))
}

// ParseStat parses proc(5)'s stat line. The second field is the program's name
// in parentheses and may itself hold spaces and parentheses.
func ParseStat(line string) (Stat, error) {
	fields := strings.Fields(line[strings.LastIndexByte(line, ')')+1:])
	if !strings.Contains(line, ")") || len(fields) < 20 {
		return Stat{}, fmt.Errorf("unexpected form of process status %.80q", line)
	}
	ppid, err1 := strconv.Atoi(fields[1])
	flags, err2 := strconv.ParseUint(fields[6], 10, 64)
	ticks, err3 := strconv.ParseInt(fields[19], 10, 64)
	if err := errors.Join(err1, err2, err3); err != nil {
		return Stat{}, fmt.Errorf("unexpected form of process status %.80q: %w", line, err)
	}
	return Stat{State: fields[0], PPID: ppid, Flags: flags, Start: time.Duration(ticks) * ClockTick}, nil
}

// Ended reports whether the process has ended. One that has may not have been waited for yet.
func (s Stat) Ended() bool { return s.State == "Z" || s.State == "X" }

// exiting is the kernel's PF_EXITING: the first process of a pid namespace sleeps with it until all others there are gone.
const exiting = 0x4

// Ending reports whether the process has ended or is about to.
func (s Stat) Ending() bool { return s.Ended() || s.Flags&exiting != 0 }

// Field is a number in the text of a file like /proc/self/status, without its unit; 0 where there is none. The name has its colon.
func Field(text []byte, name string) int64 {
	_, rest, _ := bytes.Cut(text, []byte("\n"+name))
	line, _, _ := bytes.Cut(rest, []byte{'\n'})
	n, _ := strconv.ParseInt(string(bytes.TrimSpace(bytes.TrimSuffix(line, []byte("kB")))), 10, 64)
	return n
}

// Memory is the memory behind no file that the text of a status tells of, in bytes.
func Memory(status []byte) int64 {
	return (Field(status, "RssAnon:") + Field(status, "RssShmem:") + Field(status, "VmSwap:")) << 10
}

// Share is the same of a process that has but a share in what others have too, from the text of its smaps_rollup. ok is false
// where the kernel does not say.
func Share(rollup []byte) (memory int64, ok bool) {
	if !bytes.Contains(rollup, []byte("\nPss_Anon:")) {
		return 0, false
	}
	return (Field(rollup, "Pss_Anon:") + Field(rollup, "Pss_Shmem:") + Field(rollup, "SwapPss:")) << 10, true
}
