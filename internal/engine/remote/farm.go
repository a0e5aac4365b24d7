package remote

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/plimsoll/plimsoll/internal/engine"
	"golang.org/x/sync/errgroup"
)

// farm is several daemons as one engine. All builds of one name go to the same daemon, and names are dealt out in turn: so
// the version before and the one after are built and run side by side without taking anything from each other.
type farm struct {
	engines []engine.Engine

	mu     sync.Mutex
	places map[string]int // which engine builds what, by name
}

// NewFarm connects to several daemons; one is as New has it.
func NewFarm(ctx context.Context, addresses []string, opts Options) (engine.Engine, error) {
	if len(addresses) == 1 {
		opts.Address = addresses[0]
		return New(ctx, opts)
	}
	f := &farm{engines: make([]engine.Engine, len(addresses)), places: map[string]int{}}
	var group errgroup.Group
	for i, address := range addresses {
		group.Go(func() (err error) {
			mine := opts
			mine.Address = address
			f.engines[i], err = New(ctx, mine)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, f.alike()
}

// alike refuses daemons of different platforms: what they built could not be compared.
func (f *farm) alike() error {
	first := f.engines[0].Info()
	for _, e := range f.engines[1:] {
		if info := e.Info(); info.Platform != first.Platform {
			return errors.Join(fmt.Errorf("%s builds for %s and %s for %s: give daemons of one platform",
				first.Daemon, first.Platform, info.Daemon, info.Platform), f.Close())
		}
	}
	return nil
}

// Info names all daemons. The version is the first one's.
func (f *farm) Info() engine.Info {
	info := f.engines[0].Info()
	var all []string
	for _, e := range f.engines {
		all = append(all, e.Info().Daemon)
	}
	info.Daemon = strings.Join(all, ", ")
	info.Caveat = "The versions were built and run on different machines: their times compare only if those are alike."
	for _, e := range f.engines {
		if e.Info().Limits != info.Limits {
			info.Caveat += " Their limits differ as well, with what the machines have: name them (--memory, --pids)."
			break
		}
	}
	return info
}

// place is the engine for builds of a name.
func (f *farm) place(name string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	i, ok := f.places[name]
	if !ok {
		i = len(f.places) % len(f.engines)
		f.places[name] = i
	}
	return i
}

// Build builds on the engine of the build's name. The image's identity begins with the engine's number.
func (f *farm) Build(ctx context.Context, req engine.BuildRequest, progress func(engine.Event)) (*engine.BuildResult, error) {
	i := f.place(req.Name)
	res, err := f.engines[i].Build(ctx, req, progress)
	if err != nil {
		return nil, err
	}
	res.Image = strconv.Itoa(i) + "/" + res.Image
	return res, nil
}

// Run runs an image where it was built.
func (f *farm) Run(ctx context.Context, req engine.RunRequest) (engine.Container, error) {
	number, image, _ := strings.Cut(req.Image, "/")
	i, err := strconv.Atoi(number)
	if err != nil || i < 0 || i >= len(f.engines) {
		return nil, fmt.Errorf("no image %q was built by these engines", req.Image)
	}
	req.Image = image
	return f.engines[i].Run(ctx, req)
}

// Close closes all engines that were opened.
func (f *farm) Close() error {
	var errs []error
	for _, e := range f.engines {
		if e != nil {
			errs = append(errs, e.Close())
		}
	}
	return errors.Join(errs...)
}
