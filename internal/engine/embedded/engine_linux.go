package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/containerd/containerd/v2/core/mount"
	"github.com/plimsoll/plimsoll/internal/engine"
	"github.com/plimsoll/plimsoll/internal/engine/buildkit"
	"github.com/sirupsen/logrus"
)

// embedded is the client half over the daemon in this process.
type embedded struct {
	*buildkit.Engine
	daemon *daemon
	lock   *lock

	closing   sync.Once
	closeFail error
}

// New starts an engine. What the host lacks comes back as a *Missing, a state
// directory in use as a *Locked.
func New(ctx context.Context, opts Options) (engine.Engine, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := mayMount(); err != nil {
		return nil, err
	}
	if opts.Root, err = prepareRoot(opts.Root); err != nil {
		return nil, err
	}
	h, err := probe(ctx, opts.Root)
	if err != nil {
		return nil, err
	}
	l, err := takeLock(ctx, opts)
	if err != nil {
		return nil, err
	}
	// BuildKit and containerd log to the one standard logger of their library.
	logrus.SetOutput(opts.Log)
	e, err := start(ctx, opts, h)
	if err != nil {
		return nil, errors.Join(err, l.release())
	}
	e.lock = l
	return e, nil
}

// prepareRoot makes the state directory and resolves links, so that paths in mounts can be compared with it.
func prepareRoot(root string) (string, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(root, 0o711); err != nil {
		return "", fmt.Errorf("making the engine's state directory: %w (--state names another)", err)
	}
	return filepath.EvalSymlinks(root)
}

func start(ctx context.Context, opts Options, h *host) (*embedded, error) {
	if err := sweep(ctx, h, opts.Root); err != nil {
		return nil, err
	}
	if opts.OwnProcess {
		if err := os.Setenv("TMPDIR", temporary(opts.Root)); err != nil {
			return nil, err
		}
		if err := mount.SetTempMountLocation(temporary(opts.Root)); err != nil {
			return nil, err
		}
	}
	d, err := startDaemon(opts, h)
	if err != nil {
		return nil, err
	}
	c, err := d.dial(ctx)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("connecting to the engine: %w", err), d.close())
	}
	e, err := buildkit.New(ctx, c, buildkit.Options{
		Name: "embedded", Chosen: opts.Chosen, Helper: opts.HelperPath, Signal: d.executor.signal, Access: opts.Access,
		Limits: d.executor.warden.limits, Reached: d.executor.warden.reached, Caveat: d.caveat,
		LooksOnly: d.executor.warden.groups == nil,
		Disk:      spaceIn(opts.Root),
	})
	if err != nil {
		return nil, errors.Join(err, c.Close(), d.close())
	}
	return &embedded{Engine: e, daemon: d}, nil
}

// spaceIn is what is free below the state directory.
func spaceIn(root string) engine.DiskSpace {
	free, size := diskSpace(root)
	if size == 0 {
		return engine.DiskSpace{}
	}
	return engine.DiskSpace{Dir: root, Free: free}
}

// Close ends all containers and lets go of the state directory. Closing again changes nothing.
func (e *embedded) Close() error {
	e.closing.Do(func() {
		e.closeFail = errors.Join(e.Engine.Close(), e.daemon.close(), e.lock.release())
	})
	return e.closeFail
}
