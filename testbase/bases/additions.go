package bases

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"github.com/plimsoll/plimsoll/testbase/recipe"
	"github.com/plimsoll/plimsoll/testbase/source"
)

// addition is something that steps copy into a root, kept as a unit of its own.
type addition struct {
	key  string // of all that it is made from
	to   string // where its files go, below the root
	make func(ctx context.Context) (files string, err error)
	args string // a file beside files with more arguments for the step's script; "" for none
}

// additions are all, by the names that recipes use.
func (b *Builder) additions() map[string]addition {
	return map[string]addition{
		recipe.AddPython: {key: pythonKey(), to: "usr/local", args: "runtime", make: b.python},
		recipe.AddNode:   {key: nodeKey(), to: "usr/local", make: b.node},
		recipe.AddYarn:   {key: recipe.Key("yarn 1", recipe.Yarn), to: "opt/yarn-v" + recipe.YarnVersion, make: b.yarn},
		recipe.AddGo:     {key: recipe.Key("go 1", recipe.GoToolchain), to: "usr/local/go", make: b.golang},
		recipe.AddStatic: {key: staticTree.key(), make: b.extract(staticTree)},
		recipe.AddLibc:   {key: libcTree.key(), make: b.extract(libcTree)},
	}
}

// once makes each addition at most once in a run.
func (a addition) once(ctx context.Context) func() (string, error) {
	return sync.OnceValues(func() (string, error) { return a.make(ctx) })
}

// arguments reads what the addition wants its step's script to be told.
func (a addition) arguments(files string) ([]string, error) {
	if a.args == "" {
		return nil, nil
	}
	text, err := os.ReadFile(filepath.Join(filepath.Dir(files), a.args))
	if err != nil {
		return nil, fmt.Errorf("reading the arguments of an addition: %w", err)
	}
	return strings.Fields(string(text)), nil
}

func nodeKey() string {
	return recipe.Key("node 1", recipe.NodeBinary, recipe.NPM, recipe.Corepack)
}

// node returns what Node.js's release archive holds, put together from packages.
func (b *Builder) node(ctx context.Context) (string, error) {
	return b.unpacked(ctx, "node", nodeKey(), map[string]recipe.NPMPackage{
		"":                          recipe.NodeBinary,
		"lib/node_modules/npm":      recipe.NPM,
		"lib/node_modules/corepack": recipe.Corepack,
	})
}

func (b *Builder) yarn(ctx context.Context) (string, error) {
	return b.unpacked(ctx, "yarn", recipe.Key("yarn 1", recipe.Yarn), map[string]recipe.NPMPackage{"": recipe.Yarn})
}

// unpacked returns a folder with packages of the npm registry, each in a folder below it.
func (b *Builder) unpacked(ctx context.Context, unit, key string, packages map[string]recipe.NPMPackage) (string, error) {
	dir, err := b.Store.Ensure(ctx, unit, key, func(ctx context.Context, dir string) error {
		for below, pkg := range packages {
			archive, err := source.EnsureNPM(ctx, b.Store, pkg)
			if err != nil {
				return err
			}
			to := filepath.Join(dir, "files", below)
			if err := os.MkdirAll(to, 0o755); err != nil {
				return err
			}
			cmd := exec.CommandContext(ctx, "tar", "-xzf", archive, "--strip-components=1", "--no-same-owner", "-C", to)
			if out, err := cmd.CombinedOutput(); err != nil {
				return fmt.Errorf("unpacking %s: %w: %s", archive, err, out)
			}
		}
		return nil
	})
	return filepath.Join(dir, "files"), err
}
