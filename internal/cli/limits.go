package cli

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/plimsoll/plimsoll/internal/engine"
	"github.com/spf13/pflag"
)

// limitFlags bound what containers may take, as they were given.
type limitFlags struct{ memory, pids, disk string }

// No container starts below these.
const (
	leastMemory    = 16e6
	leastProcesses = 16
)

func (f *limitFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.memory, "memory", "", "end what takes more memory in a container than `SIZE`; 0 is no limit (default: half of the machine's)")
	flags.StringVar(&f.pids, "pids", "", "end a container that has `N` processes and threads; 0 is no limit (default: 1024, or 64 for each core)")
	flags.StringVar(&f.disk, "disk", "", "end a container that writes `SIZE` to disk; 0 is no limit (default: 10GB)")
}

// limits reads the flags.
func (f *limitFlags) limits() (l engine.Limits, err error) {
	var err1, err2, err3 error
	l.Memory, err1 = sizeLimit("memory", f.memory, leastMemory)
	l.Processes, err2 = f.processes()
	l.Disk, err3 = sizeLimit("disk", f.disk, 1)
	return l, errors.Join(err1, err2, err3)
}

// sizeLimit reads a limit as engine.Limits has it: 0 when it is not given, below 0 for none.
func sizeLimit(flag, text string, least int64) (int64, error) {
	if text == "" {
		return 0, nil
	}
	n, err := parseSize(flag, text)
	switch {
	case err != nil:
		return 0, err
	case n == 0:
		return -1, nil
	case n < least:
		return 0, fmt.Errorf("--%s %s: no container runs with less than %d bytes", flag, text, least)
	}
	return n, nil
}

func (f *limitFlags) processes() (int64, error) {
	if f.pids == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(f.pids, 10, 64)
	switch {
	case err != nil || n < 0:
		return 0, fmt.Errorf("--pids %q: want a number, or 0 for no limit", f.pids)
	case n == 0:
		return -1, nil
	case n < leastProcesses:
		return 0, fmt.Errorf("--pids %d: no container runs with less than %d", n, leastProcesses)
	}
	return n, nil
}
