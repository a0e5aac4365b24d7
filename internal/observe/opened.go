package observe

import (
	"cmp"
	"context"
	"syscall"
	"time"

	"github.com/plimsoll/plimsoll/internal/agent"
	"github.com/plimsoll/plimsoll/internal/ecosystem"
)

// traceLimit bounds a run in which opened files are noted.
const traceLimit = time.Minute

// Opened runs a version's command once more, beside an agent that holds, and notes the files that are opened until it
// has answered the trial's requests and was asked to stop. One that serves nothing is ended after a while. What it wrote
// when it stopped, which no look into its own container shows, is added to what it was seen to write.
func (b *Built) Opened(ctx context.Context, c *agent.Client, t Trial, serves bool, seen *ecosystem.Observed) {
	r := agent.TraceRequest{Command: b.command(), Serves: serves, Port: t.Port, Path: t.Path, Requests: t.Requests, Timeout: traceLimit}
	r.Command.Stop = int(cmp.Or(t.StopSignal, syscall.SIGTERM))
	if !serves {
		r.For = workerTime
	}
	a, err := c.Trace(ctx, r)
	opened(seen, a, err)
	if seen.Untraced == "" && serves && !a.Up {
		seen.Untraced = "it did not answer all requests when its files were watched"
	}
	written, err := writesIn(ctx, c)
	seen.Writes = withWrites(seen.Writes, written)
	if err != nil {
		seen.Incomplete = append(seen.Incomplete, "what it wrote when it was stopped: "+err.Error())
	}
}

// withWrites adds what another run wrote, and where no run before wrote: names may be made up anew each time.
func withWrites(all, more []ecosystem.Write) []ecosystem.Write {
	known := map[string]bool{}
	for _, w := range all {
		known[w.Dirname()] = true
	}
	for _, w := range more {
		if !known[w.Dirname()] {
			all = append(all, w)
		}
	}
	return all
}

// workerTime is how long a worker is watched.
const workerTime = 3 * time.Second

// opened adds what a trace showed.
func opened(seen *ecosystem.Observed, a agent.TraceAnswer, err error) {
	seen.Opened, seen.Untraced = a.Opened, a.Incomplete
	mergePackages(seen, a.Packages)
	switch {
	case err != nil:
		seen.Untraced = err.Error()
	case a.Command.Error != "":
		seen.Untraced = a.Command.Error
	}
}
