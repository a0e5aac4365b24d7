package agent

import (
	"bytes"
	"context"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/plimsoll/plimsoll/internal/procfs"
)

const (
	maxProcesses = 4096
	maxArgv      = 4 << 10 // bytes of one process's arguments
)

// processes describes the main process and its descendants. One that ends
// while it is being read is left out.
func processes(_ context.Context, r ProcessesRequest) (ProcessesAnswer, error) {
	members, err := family(mainPID(r.Main))
	if err != nil {
		return ProcessesAnswer{}, err
	}
	a := ProcessesAnswer{Proportional: true}
	for _, pid := range members[:min(len(members), maxProcesses)] {
		p, err := readProcess(pid)
		if err != nil {
			continue
		}
		a.add(p)
	}
	return a, nil
}

func (a *ProcessesAnswer) add(p Process) {
	a.Processes = append(a.Processes, p)
	a.PeakBytes += p.Peak
	a.ResidentBytes += p.Resident
	if p.Proportional < 0 {
		a.Proportional, a.ProportionalBytes = false, 0
	}
	if a.Proportional {
		a.ProportionalBytes += p.Proportional
	}
}

func readProcess(pid int) (Process, error) {
	p, err := readStatus(pid)
	if err != nil {
		return p, err
	}
	p.Argv = readArgv(pid)
	_ = readAsOwner(pid, func() error { // a zombie has none
		if p.Exe, err = os.Readlink(procfs.Path(pid, "exe")); err == nil {
			p.Dir, err = os.Readlink(procfs.Path(pid, "cwd"))
		}
		return err
	})
	if p.State != "Z" {
		p.Proportional = readProportional(pid)
	}
	return p, nil
}

// readStatus reads /proc/PID/status, which everybody may.
func readStatus(pid int) (Process, error) {
	data, err := os.ReadFile(procfs.Path(pid, "status"))
	if err != nil {
		return Process{}, err
	}
	return parseStatus(pid, string(data)), nil
}

func parseStatus(pid int, status string) Process {
	p := Process{PID: pid}
	for line := range strings.Lines(status) {
		key, value, _ := strings.Cut(line, ":")
		fields := strings.Fields(value)
		if len(fields) == 0 {
			continue
		}
		switch key {
		case "Name":
			p.Name = strings.TrimSpace(value)
		case "State":
			p.State = fields[0]
		case "PPid":
			p.PPID = number(fields[0])
		case "Threads":
			p.Threads = number(fields[0])
		case "Uid":
			p.UID = number(fields[min(1, len(fields)-1)])
		case "Gid":
			p.GID = number(fields[min(1, len(fields)-1)])
		case "Groups":
			for _, f := range fields {
				p.Groups = append(p.Groups, number(f))
			}
		case "VmHWM":
			p.Peak = kilobytes(fields)
		case "VmRSS":
			p.Resident = kilobytes(fields)
		}
	}
	return p
}

// readProportional reads the PSS of a process, -1 when it can't be read.
func readProportional(pid int) int64 {
	var data []byte
	err := readAsOwner(pid, func() (err error) {
		data, err = os.ReadFile(procfs.Path(pid, "smaps_rollup"))
		return err
	})
	if err != nil {
		return -1
	}
	for line := range strings.Lines(string(data)) {
		if value, ok := strings.CutPrefix(line, "Pss:"); ok {
			return kilobytes(strings.Fields(value))
		}
	}
	return -1
}

func readArgv(pid int) []string {
	f, err := os.Open(procfs.Path(pid, "cmdline"))
	if err != nil {
		return nil
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxArgv))
	if err != nil || len(data) == 0 {
		return nil
	}
	var argv []string
	for _, arg := range bytes.Split(bytes.TrimRight(data, "\x00"), []byte{0}) {
		argv = append(argv, text(arg))
	}
	return argv
}

// kilobytes reads "1234 kB" as bytes.
func kilobytes(fields []string) int64 {
	if len(fields) == 0 {
		return 0
	}
	return int64(number(fields[0])) * 1024
}

// number parses a number of /proc; the kernel writes no others.
func number(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}
