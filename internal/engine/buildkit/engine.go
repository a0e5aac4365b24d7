package buildkit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/client"
	"github.com/plimsoll/plimsoll/internal/engine"
)

const (
	// HelperDir is where containers see the helper's directory.
	HelperDir = "/.plimsoll"
	// HelperPath is the helper inside a container.
	HelperPath = HelperDir + "/" + helperName

	helperName = "plimsoll"
	// product names this client to the daemon, which keys capabilities by it.
	product = "plimsoll"
)

// Options describes the engine behind a client.
type Options struct {
	// Name of the engine, for people: "embedded".
	Name string
	// Helper is the static binary that is run inside containers.
	Helper string
	// Signal sends a signal to the main process of the container with this
	// hostname, from outside its pid namespace. Nil means that the daemon is asked
	// to, which can't freeze a process.
	Signal func(ctx context.Context, hostname string, sig syscall.Signal) error
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
}

var _ engine.Engine = (*Engine)(nil)

// New asks the daemon what it is and returns an engine that drives it. The
// client is closed by Close.
func New(ctx context.Context, c *client.Client, opts Options) (*Engine, error) {
	if _, err := os.Stat(opts.Helper); err != nil {
		return nil, fmt.Errorf("looking for the helper that runs inside containers: %w", err)
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
		info:       infoOf(opts.Name, workers[0]),
		images:     map[string]*image{},
		containers: map[*container]struct{}{},
	}, nil
}

// versionOf is what the daemon says of itself. One that is linked into this
// program was built without its version stamp: the module's version stands for it.
func versionOf(said string) string {
	if !strings.Contains(said, "unknown") {
		return said
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return said
	}
	for _, m := range info.Deps {
		if m.Path == "github.com/moby/buildkit" {
			return m.Version
		}
	}
	return said
}

func infoOf(name string, w *client.WorkerInfo) engine.Info {
	info := engine.Info{Name: name, Version: versionOf(w.BuildkitVersion.Version)}
	if len(w.Platforms) > 0 {
		info.Platform = platforms.Format(w.Platforms[0])
	}
	return info
}

// Info describes the engine.
func (e *Engine) Info() engine.Info { return e.info }

// Close ends all containers, lets go of all images and closes the client.
func (e *Engine) Close() error {
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
