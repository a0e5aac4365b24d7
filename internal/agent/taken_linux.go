package agent

import (
	"bytes"
	"os"
	"strconv"
	"time"

	"github.com/plimsoll/plimsoll/internal/engine"
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
		if name[0] >= '1' && name[0] <= '9' && name != self {
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
		if err != nil || pid != "1" && statusField(status, "PPid:") == 0 {
			continue // it has ended, or is an agent
		}
		processes += max(statusField(status, "Threads:"), 1)
		memory += (statusField(status, "RssAnon:") + statusField(status, "RssShmem:") + statusField(status, "VmSwap:")) << 10
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
	if err == nil && bytes.Contains(share, []byte("\nPss_Anon:")) {
		return (statusField(share, "Pss_Anon:") + statusField(share, "Pss_Shmem:") + statusField(share, "SwapPss:")) << 10
	}
	status, _ := os.ReadFile("/proc/" + pid + "/status")
	return (statusField(status, "RssAnon:") + statusField(status, "RssShmem:") + statusField(status, "VmSwap:")) << 10
}

// statusField is a number in a file like /proc/self/status.
func statusField(status []byte, name string) int64 {
	_, rest, _ := bytes.Cut(status, []byte("\n"+name))
	line, _, _ := bytes.Cut(rest, []byte{'\n'})
	n, _ := strconv.ParseInt(string(bytes.TrimSpace(bytes.TrimSuffix(line, []byte("kB")))), 10, 64)
	return n
}
