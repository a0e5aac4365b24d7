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

// jobLimit bounds a job that is run to look at it.
const jobLimit = time.Minute

// Job runs a version's command once more, to see what it writes and loads: a container goes with its main process, so
// that here the agent is that, and the command is its neighbour.
func Job(ctx context.Context, e engine.Engine, b *Built) (*ecosystem.Observed, error) {
	seen := &ecosystem.Observed{}
	err := AtRest(ctx, e, b.Result.Image, func(c *agent.Client) error {
		a, err := c.Trace(ctx, agent.TraceRequest{Command: b.command(), Loaded: true, Timeout: jobLimit})
		opened(seen, a, err)
		seen.Programs, seen.Libraries = a.Loaded.Programs, a.Loaded.Libraries
		mergePackages(seen, a.Loaded.Packages)
		return errors.Join(err, failureOf(a.Command), writtenIn(ctx, c, seen))
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

// mergePackages adds packages to those of which files were seen before.
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
