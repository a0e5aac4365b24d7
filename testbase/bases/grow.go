package bases

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/plimsoll/plimsoll/testbase/chroot"
	"github.com/plimsoll/plimsoll/testbase/layer"
	"github.com/plimsoll/plimsoll/testbase/recipe"
)

// layerUnit is where the store keeps the layer of each step: the blob under
// its digest, and what is known of it.
const (
	layerUnit = "layer"
	layerInfo = "layer.json"
)

// grower makes the layers that are missing. A root file system lies in a
// folder named after the step that it has reached; it moves on with the last
// step on it, and the others get copies.
type grower struct {
	*Builder
	*plan
	roots string
	added map[string]func() (string, error)
}

func (b *Builder) grower(ctx context.Context, roots string) *grower {
	g := &grower{Builder: b, plan: b.plan(), roots: roots, added: map[string]func() (string, error){}}
	for name, a := range b.additions() {
		g.added[name] = a.once(ctx)
	}
	return g
}

// uses says whether a layer is missing that needs an addition.
func (g *grower) uses(addition string) bool {
	for _, s := range g.steps {
		if s.Add == addition && !g.has(s) {
			return true
		}
	}
	return false
}

func (g *grower) has(s recipe.Step) bool { return g.Store.Has(layerUnit, g.keys[s.Name]) }

// missing says whether a layer is missing at or above a step.
func (g *grower) missing(s recipe.Step) bool {
	if !g.has(s) {
		return true
	}
	for _, next := range g.above[s.Name] {
		if g.missing(next) {
			return true
		}
	}
	return false
}

// grow makes what is missing from a step upwards. root has what is below the
// step, and is grow's to change and to remove; "" if it is not there yet.
func (g *grower) grow(ctx context.Context, s recipe.Step, root string) (err error) {
	defer func() { os.RemoveAll(root) }()
	if !g.missing(s) {
		return nil
	}
	if !g.has(s) {
		if root, err = g.below(ctx, s, root); err != nil {
			return err
		}
		if err := g.layer(ctx, s, root); err != nil {
			return fmt.Errorf("making the layer %q: %w", s.Name, err)
		}
	} else if root != "" {
		// Made by an earlier run: what is on it starts from what that run made.
		os.RemoveAll(root)
		root = ""
	}
	return g.growAll(ctx, s, &root)
}

// growAll grows the steps on one whose root is given, side by side.
func (g *grower) growAll(ctx context.Context, s recipe.Step, root *string) error {
	var next []recipe.Step
	for _, n := range g.above[s.Name] {
		if g.missing(n) {
			next = append(next, n)
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	for i, n := range next {
		own := ""
		if *root != "" && i == len(next)-1 {
			own, *root = *root, ""
		} else if *root != "" {
			own = g.rootOf(n)
			if err := copyTree(ctx, *root, own); err != nil {
				return err
			}
		}
		group.Go(func() error { return g.grow(ctx, n, own) })
	}
	return group.Wait()
}

// rootOf names a root by the step that is made in it.
func (g *grower) rootOf(s recipe.Step) string {
	return filepath.Join(g.roots, strings.ReplaceAll(s.Name, " ", "-"))
}

// below returns a root with what is below a step: the given one, or one put
// together from the layers.
func (g *grower) below(ctx context.Context, s recipe.Step, root string) (string, error) {
	if root != "" {
		return root, nil
	}
	root = g.rootOf(s)
	if err := os.Mkdir(root, 0o755); err != nil {
		return "", err
	}
	if s.On == "" {
		base, err := g.base(ctx)
		if err != nil {
			return root, err
		}
		return root, copyTree(ctx, base, root)
	}
	for _, lower := range g.chain(s.On) {
		unit := g.Store.Path(layerUnit, g.keys[lower.Name])
		info, err := readLayer(unit)
		if err != nil {
			return root, err
		}
		if err := layer.Apply(ctx, filepath.Join(unit, hexOf(info)), root); err != nil {
			return root, err
		}
	}
	return root, nil
}

// layer runs a step in a root and keeps what it changed.
func (g *grower) layer(ctx context.Context, s recipe.Step, root string) error {
	start := time.Now()
	_, err := g.Store.Ensure(ctx, layerUnit, g.keys[s.Name], func(ctx context.Context, dir string) error {
		var before layer.Snapshot // the lowest layer takes everything
		if s.On != "" && s.On != recipe.Nothing {
			var err error
			if before, err = layer.Scan(root); err != nil {
				return err
			}
		}
		if err := g.run(ctx, s, root); err != nil {
			return err
		}
		info, _, err := layer.WriteChanges(root, before, dir, recipe.Epoch)
		if err != nil {
			return err
		}
		g.Store.Logf("layer: %s: %.1f MB (%.1f MB compressed) in %.1f s", s.Name,
			float64(info.Bytes)/1e6, float64(info.Size)/1e6, time.Since(start).Seconds())
		return writeLayer(dir, info)
	})
	return err
}

// run changes a root as a step says.
func (g *grower) run(ctx context.Context, s recipe.Step, root string) error {
	args := s.Args[:len(s.Args):len(s.Args)]
	if s.Add != "" {
		more, err := g.add(ctx, s.Add, root)
		if err != nil {
			return err
		}
		args = append(args, more...)
	}
	if err := g.CA.install(root); err != nil {
		return err
	}
	if s.Script == "" {
		return nil
	}
	if _, err := chroot.Run(ctx, root, recipe.Script(s.Script)+recipe.Script("tidy"), args...); err != nil {
		return err
	}
	// Installing ca-certificates writes the bundle anew.
	return g.CA.install(root)
}

// add copies an addition into a root and returns arguments for the step's script.
func (g *grower) add(ctx context.Context, name, root string) ([]string, error) {
	files, err := g.added[name]()
	if err != nil {
		return nil, err
	}
	a := g.additions()[name]
	args, err := a.arguments(files)
	if err != nil {
		return nil, err
	}
	return args, copyTree(ctx, files, filepath.Join(root, a.to))
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

func hexOf(info layer.Info) string { return strings.TrimPrefix(info.Digest, "sha256:") }

func writeLayer(unit string, info layer.Info) error {
	text, err := json.MarshalIndent(info, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding what is known of a layer: %w", err)
	}
	return os.WriteFile(filepath.Join(unit, layerInfo), append(text, '\n'), 0o644)
}

func readLayer(unit string) (info layer.Info, err error) {
	text, err := os.ReadFile(filepath.Join(unit, layerInfo))
	if err != nil {
		return info, fmt.Errorf("reading what is known of a layer: %w", err)
	}
	if err := json.Unmarshal(text, &info); err != nil {
		return info, fmt.Errorf("reading %s: %w", filepath.Join(unit, layerInfo), err)
	}
	return info, nil
}
