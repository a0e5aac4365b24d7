// Package remote is the engine of a BuildKit daemon that is reached by its address: on this machine, on another, in a
// container, or in a pod of Kubernetes.
package remote

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/moby/buildkit/client"
	_ "github.com/moby/buildkit/client/connhelper/dockercontainer" // docker-container://
	_ "github.com/moby/buildkit/client/connhelper/kubepod"         // kube-pod://
	_ "github.com/moby/buildkit/client/connhelper/podmancontainer" // podman-container://
	_ "github.com/moby/buildkit/client/connhelper/ssh"             // ssh://
	"github.com/plimsoll/plimsoll/internal/engine"
	"github.com/plimsoll/plimsoll/internal/engine/buildkit"
	"github.com/plimsoll/plimsoll/internal/registry"
)

// Options says which daemon is used, and how.
type Options struct {
	// Address is where the daemon is: "tcp://HOST:PORT", "unix:///PATH", "kube-pod://POD", "docker-container://NAME",
	// "podman-container://NAME", "ssh://HOST".
	Address string
	// Certificates is a folder with ca.pem, cert.pem and key.pem, or ca.crt, tls.crt and tls.key, as "buildctl --tlsdir"
	// takes it; empty means no TLS.
	Certificates string
	// Chosen says why this engine serves, for the report.
	Chosen string
	// Helper is the static binary that is run inside containers.
	Helper string
	// Mirrors says where to look for a registry's images: "docker.io" → "127.0.0.1:5005". The daemon must be able to
	// reach them.
	Mirrors map[string]string
	// Network is the network of build steps: "host", "none", or the daemon's own when empty.
	Network string
	// Access is how registries are reached, for logins; nil takes all from the surroundings.
	Access *registry.Access
	// Limits are what containers are held to, from inside; see engine.Limits.
	Limits engine.Limits
}

// answerLimit bounds how long a daemon may take to say what it is.
const answerLimit = 20 * time.Second

// Unreachable is a daemon that does not answer, or can't be used.
type Unreachable struct {
	Address string
	Err     error
}

func (u *Unreachable) Error() string {
	return fmt.Sprintf("the BuildKit daemon at %s can't be used: %v", u.Address, u.Err)
}

func (u *Unreachable) Unwrap() error { return u.Err }

// New connects to a daemon and asks what it can do.
func New(ctx context.Context, opts Options) (engine.Engine, error) {
	if err := CheckAddress(opts.Address); err != nil {
		return nil, err
	}
	clientOpts, err := certificates(opts.Certificates)
	if err != nil {
		return nil, err
	}
	line := buildkit.NewLine()
	c, err := client.New(ctx, opts.Address, append(clientOpts, line.Options()...)...)
	if err != nil {
		return nil, &Unreachable{opts.Address, err}
	}
	asking, cancel := context.WithTimeoutCause(ctx, answerLimit, fmt.Errorf("no answer within %s", answerLimit))
	defer cancel()
	e, err := buildkit.New(asking, c, buildkit.Options{
		Name: "remote", Daemon: "buildkitd at " + opts.Address, Chosen: opts.Chosen,
		Helper: opts.Helper, Mirrors: opts.Mirrors, Network: opts.Network, Access: opts.Access, Line: line, Watch: &opts.Limits,
	})
	if err != nil {
		if cause := context.Cause(asking); cause != nil {
			err = cause
		}
		return nil, errors.Join(&Unreachable{opts.Address, err}, c.Close())
	}
	return e, nil
}

// schemes are the addresses that are understood.
const schemes = "tcp://HOST:PORT, unix:///PATH, kube-pod://POD, docker-container://NAME, podman-container://NAME or ssh://HOST"

// CheckAddress refuses what is no address of a daemon.
func CheckAddress(address string) error {
	u, err := url.Parse(address)
	if err == nil {
		switch u.Scheme {
		case "tcp", "kube-pod", "docker-container", "podman-container", "ssh":
			if u.Host != "" {
				return nil
			}
		case "unix":
			if u.Path != "" {
				return nil
			}
		}
	}
	return fmt.Errorf("%q is no address of a BuildKit daemon: want %s", address, schemes)
}

// certificates makes the options for TLS out of a folder.
func certificates(dir string) ([]client.ClientOpt, error) {
	if dir == "" {
		return nil, nil
	}
	ca, err := firstOf(dir, "ca.pem", "ca.crt")
	if err != nil {
		return nil, err
	}
	opts := []client.ClientOpt{client.WithServerConfig("", ca)}
	cert, err := firstOf(dir, "cert.pem", "tls.crt")
	if errors.Is(err, os.ErrNotExist) {
		return opts, nil // a daemon that trusts anybody
	}
	if err != nil {
		return nil, err
	}
	key, err := firstOf(dir, "key.pem", "tls.key")
	if err != nil {
		return nil, err
	}
	return append(opts, client.WithCredentials(cert, key)), nil
}

// firstOf is the path of the first file that there is.
func firstOf(dir string, names ...string) (path string, err error) {
	for _, name := range names {
		path = filepath.Join(dir, name)
		if _, err = os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			break
		}
	}
	if err != nil {
		return "", fmt.Errorf("reading the certificates for BuildKit: %w (want %s or %s in %s)", err, names[0], names[1], dir)
	}
	return path, nil
}
