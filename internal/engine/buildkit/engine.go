package buildkit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/client"
	"github.com/plimsoll/plimsoll/internal/engine"
	"github.com/plimsoll/plimsoll/internal/registry"
)

// product names this client to the daemon, which keys capabilities by it.
const product = "plimsoll"

// Options describes the engine behind a client.
type Options struct {
	// Name of the engine, for people: "embedded".
	Name string
	// Daemon and Chosen are as in engine.Info.
	Daemon, Chosen string
	// Helper is the static binary that is run inside containers.
	Helper string
	// Signal sends a signal to the main process of the container with this
	// hostname, from outside its pid namespace. Nil means that the helper does, from inside.
	Signal func(hostname string, sig syscall.Signal) error
	// Limits are what the daemon holds containers to, and Reached those that the container with this hostname ran
	// into. Nil means that it is not known. Caveat is engine.Info's.
	Limits  engine.Limits
	Reached func(hostname string) []engine.Reached
	Caveat  string
	// Watch are limits that the helper holds containers to from inside, for daemons that have none. Those that are left to the
	// machine are known once a container was watched. Nil means that nothing is watched from inside.
	Watch *engine.Limits
	// LooksOnly says that nothing but looking at a container tells what it takes: what is over quickly is not seen.
	LooksOnly bool
	// Disk is engine.Info's.
	Disk engine.DiskSpace
	// Mirrors says where images of a registry are taken from: "docker.io" → "127.0.0.1:5005". They are put in place
	// on this side, for daemons whose configuration is not plimsoll's to make.
	Mirrors map[string]string
	// Network is the network of build steps: "host", "none", or what the daemon gives when empty.
	Network string
	// Line tells when the daemon is gone; nil for one that can't go alone.
	Line *Line
	// Images is the daemon's image store; nil if its BuildKit exports by itself.
	Images ImageStore
	// Access has the logins to registries that the daemon asks for; nil takes them from the surroundings.
	Access *registry.Access
}

// ImageStore is where a daemon keeps images whose BuildKit can do no more with them than leave them there.
type ImageStore interface {
	// Push pushes an image to the registry that its name begins with, and returns its manifest's digest.
	Push(ctx context.Context, ref string) (digest string, err error)
	// Save writes an image as an archive that "docker load" reads.
	Save(ctx context.Context, ref string, w io.Writer) error
	// ArchiveName is a name, of its own for each call, for an image that is about to be saved.
	ArchiveName() string
	// Remove removes an image by its name. One that is not there is no error.
	Remove(ctx context.Context, ref string) error
}

// Engine is an engine.Engine over a BuildKit client.
type Engine struct {
	client *client.Client
	opts   Options
	info   engine.Info

	mu         sync.Mutex
	images     map[string]*image
	containers map[*container]struct{}
	closed     bool

	closing   sync.Once
	closeFail error
}

var _ engine.Engine = (*Engine)(nil)

// New asks the daemon what it is and returns an engine that drives it. The
// client is closed by Close.
func New(ctx context.Context, c *client.Client, opts Options) (*Engine, error) {
	if _, err := os.Stat(opts.Helper); err != nil {
		return nil, fmt.Errorf("looking for the helper that runs inside containers: %w", err)
	}
	if opts.Access == nil {
		var err error
		if opts.Access, err = registry.New(registry.Options{}); err != nil {
			return nil, err
		}
	}
	workers, err := c.ListWorkers(ctx)
	if err != nil {
		return nil, fmt.Errorf("asking the %s engine for its workers: %w", opts.Name, err)
	}
	if len(workers) == 0 {
		return nil, fmt.Errorf("the %s engine has no worker: it can't build", opts.Name)
	}
	return &Engine{
		client:     c,
		opts:       opts,
		info:       infoOf(opts, workers[0]),
		images:     map[string]*image{},
		containers: map[*container]struct{}{},
	}, nil
}

// versionOf is the version of BuildKit as far as it is known. One that is linked into this
// program was built without its version stamp: the module's version stands for it.
func versionOf(said, daemon string) string {
	if !strings.Contains(said, "unknown") {
		return said
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || daemon != "" {
		return ""
	}
	for _, m := range info.Deps {
		if m.Path == "github.com/moby/buildkit" {
			return m.Version
		}
	}
	return ""
}

func infoOf(opts Options, w *client.WorkerInfo) engine.Info {
	info := engine.Info{
		Name: opts.Name, Version: versionOf(w.BuildkitVersion.Version, opts.Daemon), Daemon: opts.Daemon, Chosen: opts.Chosen,
		Limits: opts.Limits, Caveat: opts.Caveat, Disk: opts.Disk,
	}
	if opts.Watch != nil {
		info.Limits, info.Watched = *opts.Watch, true
	}
	if len(w.Platforms) > 0 {
		info.Platform = platforms.Format(w.Platforms[0])
	}
	for _, p := range w.Platforms {
		info.Platforms = append(info.Platforms, platforms.FormatAll(p))
	}
	return info
}

// Info describes the engine.
func (e *Engine) Info() engine.Info {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.info
}

// watches notes the limits that containers are held to where they run.
func (e *Engine) watches(l engine.Limits) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.info.Limits = l
}

// Close ends all containers, lets go of all images and closes the client. Closing again changes nothing.
func (e *Engine) Close() error {
	e.closing.Do(func() { e.closeFail = e.close() })
	return e.closeFail
}

func (e *Engine) close() error {
	e.mu.Lock()
	e.closed = true
	containers := keys(e.containers)
	images := values(e.images)
	e.mu.Unlock()

	var errs []error
	for _, c := range containers {
		errs = append(errs, c.Close())
	}
	for _, img := range images {
		img.close()
	}
	errs = append(errs, e.client.Close())
	return errors.Join(errs...)
}

func (e *Engine) image(id string) (*image, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, errors.New("the engine is closed")
	}
	img, ok := e.images[id]
	if !ok {
		return nil, fmt.Errorf("no image %q was built by this engine", id)
	}
	return img, nil
}

func (e *Engine) keep(img *image) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	id := fmt.Sprintf("%s#%d", img.build, len(e.images)+1)
	e.images[id] = img
	return id
}

func (e *Engine) track(c *container) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.containers[c] = struct{}{}
}

func (e *Engine) forget(c *container) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.containers, c)
}

func keys[K comparable, V any](m map[K]V) []K {
	out := make([]K, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	return out
}

func values[K comparable, V any](m map[K]V) []V {
	out := make([]V, 0, len(m))
	for _, v := range m {
		out = append(out, v)
	}
	return out
}
