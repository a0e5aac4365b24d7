package agent

import (
	"os"
	"strconv"
	"time"

	"github.com/plimsoll/plimsoll/internal/engine"
	"github.com/plimsoll/plimsoll/internal/procfs"
)

// taking is what a container's processes take, looked at again and again.
type taking struct {
	limits engine.Limits
	before int64 // how many processes there were when they were last looked at

	shared     int64     // what the processes had when what they share was counted once, each on its own
	sharedAt   time.Time // when that was
	sharedRest time.Duration
}

const (
	// lookLimit bounds how long processes are looked at, one by one: where there are very many, looking takes so long that they
	// could get ahead of it.
	lookLimit = 25 * time.Millisecond
	// agents is how many agents may be among the processes: they are told apart only when each is looked at.
	agents = 16
	// burst is how many processes may have come since the last look for each to be looked at. Where very many want to run, this one gets
	// its turn rarely: what it does then has to be little.
	burst = 32
	// shareGrowth is the part of the limit by which memory has to grow for what is shared to be counted again at once, and shareRest
	// how much longer than counting the pause is after it otherwise: the kernel has to look at every page.
	shareGrowth = 16
	shareRest   = 20
)

// look counts processes, threads included, and the memory behind no file, and says what of it is over the limits. Agents, which the
// container has not started, are left out.
func (t *taking) look() (processes, memory int64, over []engine.Reached) {
	all := processNames()
	n, before := int64(len(all)), t.before
	t.before = n
	switch {
	case t.limits.Processes > 0 && n >= t.limits.Processes+agents:
		return n, 0, []engine.Reached{{Resource: engine.Processes, Limit: t.limits.Processes}}
	case t.limits.Processes > 0 && n > before+burst:
		return n, 0, nil
	}
	processes, memory, counted := takenBy(all, time.Now().Add(lookLimit))
	if t.limits.Processes > 0 && processes >= t.limits.Processes {
		over = append(over, engine.Reached{Resource: engine.Processes, Limit: t.limits.Processes})
	}
	if t.limits.Memory > 0 && memory >= t.limits.Memory && t.overOnce(counted, memory) {
		over = append(over, engine.Reached{Resource: engine.Memory, Limit: t.limits.Memory})
	}
	return processes, memory, over
}

// overOnce says whether memory is over the limit, too, when what processes share is counted once. apart is what they have
// each on its own.
func (t *taking) overOnce(pids []string, apart int64) bool {
	if time.Since(t.sharedAt) < t.sharedRest && apart-t.shared < t.limits.Memory/shareGrowth {
		return false
	}
	begin := time.Now()
	var sum int64
	for _, pid := range pids {
		sum += shareOf(pid)
	}
	t.shared, t.sharedAt = apart, time.Now()
	t.sharedRest = shareRest * t.sharedAt.Sub(begin)
	return sum >= t.limits.Memory
}

// processNames are the processes of this namespace but this one, as /proc has them.
func processNames() (names []string) {
	proc, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer proc.Close()
	all, _ := proc.Readdirnames(-1)
	self := strconv.Itoa(os.Getpid())
	for _, name := range all {
		if procfs.IsProcess(name) && name != self {
			names = append(names, name)
		}
	}
	return names
}

// takenBy adds up what processes take. Those that there is no time for count as one each. counted are those that count.
func takenBy(all []string, deadline time.Time) (processes, memory int64, counted []string) {
	for i, pid := range all {
		if time.Now().After(deadline) {
			return processes + int64(len(all)-i), memory, counted
		}
		status, err := os.ReadFile("/proc/" + pid + "/status")
		if err != nil || pid != "1" && procfs.Field(status, "PPid:") == 0 {
			continue // it has ended, or is an agent
		}
		processes += max(procfs.Field(status, "Threads:"), 1)
		memory += procfs.Memory(status)
		counted = append(counted, pid)
	}
	return processes, memory, counted
}

// shareOf is the memory of a process behind no file, of which it has but a share where others have it too; where the kernel
// does not say, all of it.
func shareOf(pid string) int64 {
	number, _ := strconv.Atoi(pid)
	var share []byte
	err := readAsOwner(number, func() (err error) {
		share, err = os.ReadFile("/proc/" + pid + "/smaps_rollup")
		return err
	})
	if memory, ok := procfs.Share(share); err == nil && ok {
		return memory
	}
	status, _ := os.ReadFile("/proc/" + pid + "/status")
	return procfs.Memory(status)
}
