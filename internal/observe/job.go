package observe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/plimsoll/plimsoll/internal/agent"
	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/engine"
)

const (
	// jobLimit bounds a job that is run to look at it.
	jobLimit = time.Minute
	// lookEvery is how often a job's processes are looked at: what one loads for a shorter time may be missed.
	lookEvery = 100 * time.Millisecond
)

// Job runs a version's command once more, to see what it writes and loads: a container goes with its main process, so
// that here the agent is that, and the command is its neighbour.
func Job(ctx context.Context, e engine.Engine, b *Built) (*ecosystem.Observed, error) {
	seen := &ecosystem.Observed{}
	err := AtRest(ctx, e, b.Result.Image, func(c *agent.Client) error {
		ended := make(chan error, 1)
		go func() {
			a, err := c.Trace(ctx, agent.TraceRequest{Command: b.command(), Timeout: jobLimit})
			opened(seen, a, err)
			ended <- errors.Join(err, failureOf(a.Command))
		}()
		tick := time.NewTicker(lookEvery)
		defer tick.Stop()
		var loaded []agent.LoadedAnswer
		for {
			if a, err := c.Loaded(ctx, agent.LoadedRequest{All: true, Timeout: 20 * time.Second}); err == nil {
				loaded = append(loaded, a)
			}
			select {
			case err := <-ended:
				for _, a := range loaded {
					merge(seen, a)
				}
				return errors.Join(err, writtenIn(ctx, c, seen))
			case <-tick.C:
			}
		}
	})
	return seen, err
}

// command is what the image would start, as the agent starts it.
func (b *Built) command() agent.ExecRequest {
	config := b.config.Config
	argv := b.Argv()
	if argv == nil {
		argv = slices.Concat(config.Entrypoint, config.Cmd)
	}
	return agent.ExecRequest{Argv: argv, Env: slices.Concat(config.Env, b.Env), Dir: config.WorkingDir, User: config.User}
}

func failureOf(a agent.ExecAnswer) error {
	switch {
	case a.Error != "":
		return errors.New(a.Error)
	case a.TimedOut:
		return fmt.Errorf("it did not end within %s", jobLimit)
	}
	return nil
}

// merge adds what was loaded at one moment to what was before.
func merge(seen *ecosystem.Observed, a agent.LoadedAnswer) {
	seen.Programs = union(seen.Programs, a.Programs)
	seen.Libraries = union(seen.Libraries, a.Libraries)
	mergePackages(seen, a.Packages)
}

func mergePackages(seen *ecosystem.Observed, packages []agent.LoadedPackage) {
	for _, p := range packages {
		i := slices.IndexFunc(seen.Packages, func(have ecosystem.Package) bool { return have.Name == p.Name })
		if i < 0 {
			seen.Packages = append(seen.Packages, ecosystem.Package{Name: p.Name})
			i = len(seen.Packages) - 1
		}
		seen.Packages[i].Files = union(seen.Packages[i].Files, p.Files)
		seen.Packages[i].Brings = union(seen.Packages[i].Brings, p.Brings)
	}
}

func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}
