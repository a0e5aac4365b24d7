package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/plimsoll/plimsoll/internal/app"
	"github.com/plimsoll/plimsoll/internal/engine"
	"github.com/plimsoll/plimsoll/internal/engine/docker"
	"github.com/plimsoll/plimsoll/internal/engine/embedded"
	"github.com/plimsoll/plimsoll/internal/engine/remote"
	"github.com/spf13/pflag"
)

// The engines to choose from.
const (
	engineAuto     = "auto"
	engineEmbedded = "embedded"
	engineDocker   = "docker"
	engineRemote   = "remote"
)

// builderVariable names a BuildKit daemon, as buildctl reads it.
const builderVariable = "BUILDKIT_HOST"

// askingLimit bounds how long a Docker Engine that nobody asked for may take to answer.
const askingLimit = 5 * time.Second

// engineFlags say which engine builds and runs.
type engineFlags struct {
	kind         choice
	builders     []string
	certificates string
	network      choice
}

func newEngineFlags() engineFlags {
	return engineFlags{
		kind:    choice{engineAuto, []string{engineAuto, engineEmbedded, engineDocker, engineRemote}},
		network: choice{"default", []string{"default", "host", "none"}},
	}
}

func (f *engineFlags) register(flags *pflag.FlagSet) {
	flags.Var(&f.kind, "engine", "build and run here; auto takes BUILDKIT_HOST, else a Docker Engine that answers, else the embedded one")
	flags.StringArrayVar(&f.builders, "builder", nil, "build and run on the BuildKit daemon at `ADDR`, as tcp://builder:1234; given twice, before and after have one each")
	flags.StringVar(&f.certificates, "tlsdir", "", "reach builders over TLS with ca.pem, cert.pem and key.pem of `DIR`")
	flags.Var(&f.network, "network", "network of build steps, as docker build has it (the embedded engine gives them the host's)")
}

// options checks what was given.
func (f *engineFlags) options() (app.EngineOptions, error) {
	o := app.EngineOptions{Builders: f.builders, Certificates: f.certificates}
	if f.kind.value != engineAuto {
		o.Kind = f.kind.value
	}
	if f.network.value != "default" {
		o.Network = f.network.value
	}
	if len(o.Builders) > 0 && (o.Kind == engineEmbedded || o.Kind == engineDocker) {
		return o, fmt.Errorf("--builder and --engine %s exclude each other", o.Kind)
	}
	if o.Network == "none" && o.Kind == engineEmbedded {
		return o, errors.New("--network none: the embedded engine gives build steps the host's network")
	}
	for _, address := range o.Builders {
		if err := remote.CheckAddress(address); err != nil {
			return o, fmt.Errorf("--builder: %w", err)
		}
	}
	return o, nil
}

// openEngine opens the engine that a proof builds and runs on, and holds it to what plimsoll itself needs.
func (s *session) openEngine(ctx context.Context, opts app.ProveOptions) (engine.Engine, error) {
	e, err := s.chooseEngine(ctx, opts)
	if err != nil {
		return nil, err
	}
	return held(e)
}

// held closes an engine whose containers could not run plimsoll's own program.
func held(e engine.Engine) (engine.Engine, error) {
	if err := checkPlatform(e.Info()); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

func (s *session) chooseEngine(ctx context.Context, opts app.ProveOptions) (engine.Engine, error) {
	builders, why := s.builders(opts)
	switch {
	case opts.Kind == engineEmbedded:
		return openEmbedded(ctx, opts, "--engine "+engineEmbedded)
	case opts.Kind == engineDocker:
		return s.openDocker(ctx, opts, "")
	case len(builders) > 0:
		return openRemote(ctx, opts, builders, why)
	case opts.Kind == engineRemote:
		return nil, errors.New("--engine remote: no BuildKit daemon is named: give its address with --builder or " + builderVariable)
	}
	return s.autoEngine(ctx, opts)
}

// autoEngine is a Docker Engine that answers, else the embedded one.
func (s *session) autoEngine(ctx context.Context, opts app.ProveOptions) (engine.Engine, error) {
	e, err := s.askDocker(ctx, opts, "it answers, and ")
	if err == nil || ctx.Err() != nil {
		return e, err
	}
	var unreachable *docker.Unreachable
	noDocker := err.Error()
	if errors.As(err, &unreachable) && unreachable.Silent() {
		noDocker = "no Docker Engine answers at " + unreachable.Host
	}
	e, failed := openEmbedded(ctx, opts, noDocker)
	var missing *embedded.Missing
	if errors.As(failed, &missing) {
		return nil, errors.Join(err, failed)
	}
	return e, failed
}

// builders are the BuildKit daemons that were named, and how.
func (s *session) builders(opts app.ProveOptions) (addresses []string, why string) {
	if len(opts.Builders) > 0 {
		return opts.Builders, "--builder"
	}
	if address, _ := s.getenv(builderVariable); address != "" {
		return []string{address}, builderVariable + " is set"
	}
	return nil, ""
}

func openEmbedded(ctx context.Context, opts app.ProveOptions, why string) (engine.Engine, error) {
	if opts.Network == "none" {
		return nil, errors.New("--network none: the embedded engine gives build steps the host's network")
	}
	mirrors := map[string][]string{}
	for host, at := range opts.Mirrors {
		mirrors[host] = []string{at}
	}
	return embedded.New(ctx, embedded.Options{OwnProcess: true, Root: opts.State, Mirrors: mirrors, Chosen: why, Access: opts.Access, Limits: opts.Limits})
}

// dockerEndpoint is where the Docker Engine is that the docker command would talk to.
func (s *session) dockerEndpoint() (*docker.Endpoint, error) {
	return docker.Resolve(func(name string) string {
		value, _ := s.getenv(name)
		return value
	})
}

func (s *session) openDocker(ctx context.Context, opts app.ProveOptions, why string) (engine.Engine, error) {
	endpoint, err := s.dockerEndpoint()
	if err != nil {
		return nil, err
	}
	helper, err := self()
	if err != nil {
		return nil, err
	}
	return docker.New(ctx, docker.Options{
		Endpoint: endpoint, Chosen: why + endpoint.Why, Helper: helper, Mirrors: opts.Mirrors, Network: opts.Network, Access: opts.Access, Limits: opts.Limits,
	})
}

// askDocker opens a Docker Engine that nobody asked for.
func (s *session) askDocker(ctx context.Context, opts app.ProveOptions, why string) (engine.Engine, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, askingLimit, fmt.Errorf("no answer within %s", askingLimit))
	defer cancel()
	return s.openDocker(ctx, opts, why)
}

func openRemote(ctx context.Context, opts app.ProveOptions, addresses []string, why string) (engine.Engine, error) {
	helper, err := self()
	if err != nil {
		return nil, err
	}
	return remote.NewFarm(ctx, addresses, remote.Options{
		Certificates: opts.Certificates, Chosen: why, Helper: helper, Mirrors: opts.Mirrors, Network: opts.Network, Access: opts.Access, Limits: opts.Limits,
	})
}

// self is plimsoll's own binary, which is run inside containers.
func self() (string, error) {
	if runtime.GOOS != "linux" {
		return "", fmt.Errorf("plimsoll's own program works inside of the containers, and this one is for %s: run plimsoll on Linux", runtime.GOOS)
	}
	path, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("looking for plimsoll's own binary, which is run inside containers: %w", err)
	}
	return path, nil
}

// checkPlatform refuses an engine whose containers could not run plimsoll's own program.
func checkPlatform(info engine.Info) error {
	if own := "linux/" + runtime.GOARCH; info.Platform != own && !strings.HasPrefix(info.Platform, own+"/") {
		return fmt.Errorf("the %s engine builds for %s, and this plimsoll, which works inside of its containers, is for %s: use the one for %s",
			info.Name, info.Platform, own, info.Platform)
	}
	return nil
}
