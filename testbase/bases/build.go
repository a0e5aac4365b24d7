package bases

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/plimsoll/plimsoll/testbase/cache"
	"github.com/plimsoll/plimsoll/testbase/recipe"
)

// Builder makes images, keeping what it makes in a store.
type Builder struct {
	Store *cache.Store
	CA    HostCA
}

// Key is the hash of everything that the images are made from.
func (b *Builder) Key() string {
	p := b.plan()
	parts := []any{"images 2", recipe.Images(), recipe.Epoch.String()}
	for _, s := range p.steps {
		parts = append(parts, s.Name, p.keys[s.Name])
	}
	return recipe.Key(parts...)
}

// Images returns the catalog of images and builds them first where they are missing.
func (b *Builder) Images(ctx context.Context) (*Catalog, error) {
	dir, err := b.Store.Ensure(ctx, "images", b.Key(), b.build)
	if err != nil {
		return nil, err
	}
	return load(dir)
}

// build makes the layers that are missing and gathers all in the catalog's folder.
func (b *Builder) build(ctx context.Context, dir string) error {
	if err := checkHost(); err != nil {
		return err
	}
	if err := os.MkdirAll(blobs(dir), 0o755); err != nil {
		return err
	}
	roots := filepath.Join(dir, "roots")
	if err := os.Mkdir(roots, 0o755); err != nil {
		return err
	}
	defer os.RemoveAll(roots)
	group, ctx := errgroup.WithContext(ctx)
	g := b.grower(ctx, roots)
	if g.uses(recipe.AddPython) {
		// Compiling takes longest: it begins at once.
		group.Go(func() error { _, err := g.added[recipe.AddPython](); return err })
	}
	for _, s := range slices.Concat(g.above[""], g.above[recipe.Nothing]) {
		group.Go(func() error { return g.grow(ctx, s, "") })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return b.gather(dir, g.plan)
}

// gather links all layers into the catalog's folder and writes the catalog.
func (b *Builder) gather(dir string, p *plan) error {
	catalog := &Catalog{Dir: dir}
	for _, img := range recipe.Images() {
		built := Image{Repository: img.Repository, Tags: img.Tags, Config: img.Config, PipIndex: img.PipIndex}
		for _, s := range p.chain(img.Top) {
			unit := b.Store.Path(layerUnit, p.keys[s.Name])
			info, err := readLayer(unit)
			if err != nil {
				return err
			}
			name := hexOf(info)
			if err := os.Link(filepath.Join(unit, name), filepath.Join(blobs(dir), name)); err != nil && !os.IsExist(err) {
				return fmt.Errorf("gathering layers: %w", err)
			}
			built.Layers = append(built.Layers, Layer{Info: info, CreatedBy: s.CreatedBy})
		}
		catalog.Images = append(catalog.Images, built)
	}
	return catalog.save()
}
