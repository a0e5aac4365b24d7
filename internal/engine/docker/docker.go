// Package docker is the engine of a Docker daemon, from 20.10 on: the BuildKit
// inside of it, through the daemon's own API, and the daemon's image store where that BuildKit
// has no exporter of its own.
package docker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/moby/buildkit/client"
	docker "github.com/moby/moby/client"
	"github.com/plimsoll/plimsoll/internal/engine"
	"github.com/plimsoll/plimsoll/internal/engine/buildkit"
	"github.com/plimsoll/plimsoll/internal/registry"
)

// Options says which daemon is used, and how.
type Options struct {
	Endpoint *Endpoint
	// Chosen says why this engine serves, for the report.
	Chosen string
	// Helper is the static binary that is run inside containers.
	Helper string
	// Mirrors says where to look for a registry's images: "docker.io" → "127.0.0.1:5005".
	// The daemon must be able to reach them.
	Mirrors map[string]string
	// Network is the network of build steps: "host", "none", or the daemon's own when empty.
	Network string
	// Access has the logins that the daemon asks for when it pulls; nil takes them from the surroundings.
	Access *registry.Access
	// Limits are what containers are held to, from inside; see engine.Limits.
	Limits engine.Limits
}

// answerLimit bounds how long a daemon may take to say what it is.
const answerLimit = 10 * time.Second

// sweepLimit bounds how much of that goes into taking away what earlier runs left. The next run goes on with it.
const sweepLimit = 2 * time.Second

// Unreachable is a daemon that does not answer, or can't be used.
type Unreachable struct {
	Host string
	Err  error
}

func (u *Unreachable) Error() string {
	return fmt.Sprintf("the Docker Engine at %s can't be used: %v", u.Host, u.Err)
}

func (u *Unreachable) Unwrap() error { return u.Err }

// Silent says that nobody answers there: most machines have no Docker Engine.
func (u *Unreachable) Silent() bool { return docker.IsErrConnectionFailed(u.Err) }

// dockerEngine is BuildKit's client half over a daemon's connection.
type dockerEngine struct {
	*buildkit.Engine
	api *docker.Client
}

// New connects to a daemon and asks what it can do.
func New(ctx context.Context, opts Options) (engine.Engine, error) {
	api, err := connect(opts.Endpoint)
	if err != nil {
		return nil, &Unreachable{opts.Endpoint.Host, err}
	}
	e, err := open(ctx, api, opts)
	if err != nil {
		return nil, errors.Join(err, api.Close())
	}
	return e, nil
}

func connect(e *Endpoint) (*docker.Client, error) {
	clientOpts, err := e.ClientOpts()
	if err != nil {
		return nil, err
	}
	return docker.New(clientOpts...)
}

func open(ctx context.Context, api *docker.Client, opts Options) (engine.Engine, error) {
	asking, answered := context.WithTimeoutCause(ctx, answerLimit, fmt.Errorf("no answer within %s", answerLimit))
	defer answered()
	info, err := api.Info(asking, docker.InfoOptions{})
	if err != nil {
		return nil, &Unreachable{opts.Endpoint.Host, withCause(asking, err)}
	}
	if info.Info.OSType != "linux" {
		return nil, &Unreachable{opts.Endpoint.Host, fmt.Errorf("it runs %s containers, and Linux ones are needed", info.Info.OSType)}
	}
	line := buildkit.NewLine()
	c, err := client.New(ctx, "", append(dialers(api), line.Options()...)...)
	if err != nil {
		return nil, &Unreachable{opts.Endpoint.Host, err}
	}
	inner := buildkit.Options{
		Name: "docker", Daemon: "Docker Engine " + info.Info.ServerVersion, Chosen: opts.Chosen, Helper: opts.Helper,
		Mirrors: opts.Mirrors, Network: opts.Network, Access: opts.Access, Line: line, Watch: &opts.Limits,
	}
	if !usesContainerd(info.Info.DriverStatus) {
		store := &imageStore{api}
		if inner.Images = store; strings.HasPrefix(opts.Endpoint.Host, "unix://") {
			sweeping, cancel := context.WithTimeoutCause(ctx, sweepLimit, fmt.Errorf("not done after %s", sweepLimit))
			defer cancel()
			if err := store.sweep(sweeping); err != nil {
				inner.Caveat = "Images that an earlier run left in the Docker Engine are still there: " + err.Error() + "."
			}
		}
	}
	e, err := buildkit.New(asking, c, inner)
	if err != nil {
		return nil, errors.Join(&Unreachable{opts.Endpoint.Host, withCause(asking, err)}, c.Close())
	}
	return &dockerEngine{Engine: e, api: api}, nil
}

// withCause tells why waiting ended, where it did.
func withCause(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// dialers reach the daemon's BuildKit, and hand it the sessions, through connections that the daemon's API
// turns into others.
func dialers(api *docker.Client) []client.ClientOpt {
	return []client.ClientOpt{
		client.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return api.DialHijack(ctx, "/grpc", "h2c", nil)
		}),
		client.WithSessionDialer(func(ctx context.Context, proto string, meta map[string][]string) (net.Conn, error) {
			return api.DialHijack(ctx, "/session", proto, meta)
		}),
	}
}

// usesContainerd says whether a daemon keeps images in containerd, whose BuildKit has all exporters.
func usesContainerd(status [][2]string) bool {
	for _, pair := range status {
		if pair[0] == "driver-type" && strings.HasPrefix(pair[1], "io.containerd.snapshotter.") {
			return true
		}
	}
	return false
}

// Close ends all containers and the connection.
func (e *dockerEngine) Close() error {
	return errors.Join(e.Engine.Close(), e.api.Close())
}
