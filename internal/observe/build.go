package observe

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/plimsoll/plimsoll/internal/engine"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// Version is one version of a project: what to build, and what to run it with.
type Version struct {
	Build engine.BuildRequest
	// Env is given to its containers.
	Env []string
	// Entrypoint and Command replace the image's, as docker run does, when not nil.
	Entrypoint, Command []string
}

// Built is a version that was built.
type Built struct {
	Version
	Result *engine.BuildResult
	config imageConfig
}

// User is the user that the image's config names.
func (b *Built) User() string { return b.config.Config.User }

// Sets reports whether containers are given a variable, by the image or by the version.
func (b *Built) Sets(name string) bool {
	return slices.ContainsFunc(slices.Concat(b.config.Config.Env, b.Env), func(e string) bool { return strings.HasPrefix(e, name+"=") })
}

// Argv is what containers are started with in place of the image's own command; nil when that is used. Another entry
// point leaves the image's command out, as with docker run.
func (b *Built) Argv() []string {
	config := b.config.Config
	switch {
	case b.Entrypoint != nil:
		return slices.Concat(b.Entrypoint, b.Command)
	case b.Command != nil:
		return slices.Concat(config.Entrypoint, b.Command)
	}
	return nil
}

// StopSignal is the signal that the image asks to be stopped with; 0 when it names none.
func (b *Built) StopSignal() syscall.Signal {
	name := b.config.Config.StopSignal
	if n, err := strconv.Atoi(name); err == nil {
		return syscall.Signal(n)
	}
	if !strings.HasPrefix(name, "SIG") {
		name = "SIG" + name
	}
	return unix.SignalNum(name)
}

// Exposes reports whether the image declares a TCP port that it listens on.
func (b *Built) Exposes() bool {
	for port := range b.config.Config.ExposedPorts {
		if _, protocol, _ := strings.Cut(port, "/"); protocol == "" || protocol == "tcp" {
			return true
		}
	}
	return false
}

// Health is the image's health check; nil when it has none.
func (b *Built) Health() *HealthCheck { return b.config.healthCheck(b.Env) }

// BuildOne builds a version.
func BuildOne(ctx context.Context, e engine.Engine, v Version, progress func(engine.Event)) (*Built, error) {
	res, err := e.Build(ctx, v.Build, progress)
	if err != nil {
		return nil, err
	}
	config, err := parseConfig(res.Config)
	if err != nil {
		return nil, fmt.Errorf("building %s: %w", v.Build.Name, err)
	}
	return &Built{Version: v, Result: res, config: config}, nil
}

// BuildBoth builds versions side by side on one engine; cold executes every step.
// One that fails does not stop the others: errs has one entry per version.
func BuildBoth(ctx context.Context, e engine.Engine, versions []Version, cold bool, progress func(engine.Event)) (built []*Built, errs []error) {
	built, errs = make([]*Built, len(versions)), make([]error, len(versions))
	var group errgroup.Group
	for i, v := range versions {
		v.Build.NoCache = cold
		group.Go(func() error {
			built[i], errs[i] = BuildOne(ctx, e, v, progress)
			return nil
		})
	}
	_ = group.Wait() // errors are per version
	return built, errs
}

// Change is a change of one source file, as a developer would make.
type Change struct {
	Path string
	Text []byte
	// Comment begins a comment to the end of the line in this kind of file.
	Comment string
}

// Rebuild measures how long a version takes to build after the change, caches
// warm: wall time of the steps, without exporting. Each sample changes the
// file anew, until there are enough, or enough time was taken. The first build is not counted: it warms the caches that a
// build without cache leaves cold. The steps are those of the last build.
func Rebuild(ctx context.Context, e engine.Engine, v Version, c Change, samples int, enough time.Duration, progress func(engine.Event)) (seconds []float64, steps []engine.Step, err error) {
	taken := 0.0
	for n := 0; n == 0 || len(seconds) < samples && taken <= enough.Seconds(); n++ {
		req := v.Build
		stamp := fmt.Sprintf("\n%s rebuild %d at %d\n", c.Comment, n, time.Now().UnixNano())
		if n == 0 {
			stamp = ""
		}
		req.Overrides = map[string][]byte{c.Path: append(append([]byte{}, c.Text...), stamp...)}
		res, err := e.Build(ctx, req, progress)
		if err != nil {
			return nil, nil, fmt.Errorf("rebuilding %s after a change of %s: %w", v.Build.Name, c.Path, err)
		}
		if n > 0 {
			seconds = append(seconds, res.Solve.Seconds())
			taken += res.Solve.Seconds()
			steps = res.Steps
		}
	}
	return seconds, steps, nil
}
