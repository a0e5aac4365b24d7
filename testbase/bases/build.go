package bases

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/plimsoll/plimsoll/testbase/cache"
	"github.com/plimsoll/plimsoll/testbase/chroot"
	"github.com/plimsoll/plimsoll/testbase/layer"
	"github.com/plimsoll/plimsoll/testbase/recipe"
)

// Builder makes images, keeping what it makes in a store.
type Builder struct {
	Store *cache.Store
	CA    HostCA
}

// Key is the hash of everything that the images are made from.
func (b *Builder) Key() string {
	return recipe.Key("images 1", recipe.Chains(), recipe.Script("install"), recipe.Script("slim"),
		recipe.Script("python"), recipe.Script("tidy"), recipe.Rootfs, recipe.Epoch.String(), b.CA.key(), baseKey(), pythonKey())
}

// Images returns the catalog of images and builds them first where they are missing.
func (b *Builder) Images(ctx context.Context) (*Catalog, error) {
	dir, err := b.Store.Ensure(ctx, "images", b.Key(), b.build)
	if err != nil {
		return nil, err
	}
	return load(dir)
}

// build runs all chains and the compilation of CPython side by side.
func (b *Builder) build(ctx context.Context, dir string) error {
	if err := checkHost(); err != nil {
		return err
	}
	base, err := b.base(ctx)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(blobs(dir), 0o755); err != nil {
		return err
	}
	chains := recipe.Chains()
	layers := make([][]layer.Info, len(chains))
	group, ctx := errgroup.WithContext(ctx)
	python := sync.OnceValues(func() (string, error) { return b.python(ctx, base) })
	group.Go(func() error { _, err := python(); return err })
	for i, chain := range chains {
		group.Go(func() error {
			run := &chainRun{Builder: b, chain: chain, root: filepath.Join(dir, "root-"+chain.Name), blobs: blobs(dir), python: python}
			defer os.RemoveAll(run.root)
			var err error
			layers[i], err = run.all(ctx, base)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	catalog := &Catalog{Dir: dir}
	for i, chain := range chains {
		catalog.add(chain, layers[i])
	}
	return catalog.save()
}

// chainRun grows one root step by step.
type chainRun struct {
	*Builder
	chain  recipe.Chain
	root   string
	blobs  string
	python func() (string, error)
	before layer.Snapshot
}

func (r *chainRun) all(ctx context.Context, base string) ([]layer.Info, error) {
	if err := copyTree(ctx, base, r.root); err != nil {
		return nil, err
	}
	var layers []layer.Info
	for _, step := range r.chain.Steps {
		start := time.Now()
		info, err := r.step(ctx, step)
		if err != nil {
			return nil, fmt.Errorf("making the layer %q of %s: %w", step.Name, r.chain.Name, err)
		}
		r.Store.Logf("images: %s, %s: %.1f MB (%.1f MB compressed) in %.1f s", r.chain.Name, step.Name,
			float64(info.Bytes)/1e6, float64(info.Size)/1e6, time.Since(start).Seconds())
		layers = append(layers, info)
	}
	return layers, nil
}

func (r *chainRun) step(ctx context.Context, step recipe.Step) (layer.Info, error) {
	args := step.Args
	if step.Python {
		runtime, err := r.addPython(ctx)
		if err != nil {
			return layer.Info{}, err
		}
		args = append(args[:len(args):len(args)], runtime...)
	}
	if err := r.CA.install(r.root); err != nil {
		return layer.Info{}, err
	}
	if _, err := chroot.Run(ctx, r.root, recipe.Script(step.Script)+recipe.Script("tidy"), args...); err != nil {
		return layer.Info{}, err
	}
	// Installing ca-certificates writes the bundle anew.
	if err := r.CA.install(r.root); err != nil {
		return layer.Info{}, err
	}
	info, after, err := layer.WriteChanges(r.root, r.before, r.blobs, recipe.Epoch)
	r.before = after
	return info, err
}

// addPython copies the compiled CPython in and returns the packages that it needs.
func (r *chainRun) addPython(ctx context.Context) ([]string, error) {
	dir, err := r.python()
	if err != nil {
		return nil, err
	}
	runtime, err := os.ReadFile(filepath.Join(dir, "runtime"))
	if err != nil {
		return nil, fmt.Errorf("reading what CPython needs: %w", err)
	}
	return strings.Fields(string(runtime)), copyTree(ctx, filepath.Join(dir, "local"), filepath.Join(r.root, "usr/local"))
}

func copyTree(ctx context.Context, from, to string) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return fmt.Errorf("copying %s: %w", from, err)
	}
	if out, err := exec.CommandContext(ctx, "cp", "-a", from+"/.", to).CombinedOutput(); err != nil {
		return fmt.Errorf("copying %s: %w: %s", from, err, out)
	}
	return nil
}
