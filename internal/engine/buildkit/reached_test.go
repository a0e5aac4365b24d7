package buildkit

import (
	"slices"
	"testing"

	"github.com/plimsoll/plimsoll/internal/engine"
)

// A helper that can't start a thread tells of a limit that the daemon may not have noticed.
func TestReachedByTheHelper(t *testing.T) {
	noticed := engine.Reached{Resource: engine.Processes, Limit: 64, Ended: true}
	memory := engine.Reached{Resource: engine.Memory, Limit: 1e9}
	for _, c := range []struct {
		name, complaint string
		limit           int64
		daemon, want    []engine.Reached
	}{
		{"a thread", "runtime: failed to create new OS thread (have 4 already; errno=11)\n", 64, nil, []engine.Reached{{Resource: engine.Processes, Limit: 64}}},
		{"a process", "fork/exec /proc/self/exe: resource temporarily unavailable", 64, []engine.Reached{memory}, []engine.Reached{memory, {Resource: engine.Processes, Limit: 64}}},
		{"the daemon noticed", "runtime: failed to create new OS thread", 64, []engine.Reached{noticed}, []engine.Reached{noticed}},
		{"another fault", "panic: no such thing", 64, nil, nil},
		{"no limit", "runtime: failed to create new OS thread", -1, nil, nil},
	} {
		one := &container{engine: &Engine{opts: Options{
			Limits:  engine.Limits{Processes: c.limit},
			Reached: func(string) []engine.Reached { return c.daemon },
		}}}
		one.heed(c.complaint)
		if got := one.Reached(); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

// A program that can start no more says so, each in its own words.
func TestRefusedByItsOwnWords(t *testing.T) {
	for said, want := range map[string]bool{
		"sh: 0: Cannot fork\n":                                  true,
		"bash: fork: retry: Resource temporarily unavailable\n": true,
		"RuntimeError: can't start new thread\n":                true,
		"    self.pid = _fork_exec(\n               ^^^^^^^\nBlockingIOError: [Errno 11] Resource temporarily unavailable": true,
		"java.lang.OutOfMemoryError: unable to create native thread: possibly out of memory":                               true,
		"Error: spawn /usr/bin/convert EAGAIN\n":                                                                           true,
		"runtime: failed to create new OS thread (have 5 already; errno=11)":                                               true,
		"lmdb.LockError: Resource temporarily unavailable":                                                                 false,
		"can't start: no such file":                                                                                        false,
		"listening; 4 threads\nready\nready\nread: resource temporarily unavailable":                                       false,
	} {
		if got := refused.MatchString(said); got != want {
			t.Errorf("%q: %v", said, got)
		}
	}
}
