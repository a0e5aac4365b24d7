package bases

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/plimsoll/plimsoll/testbase/chroot"
	"github.com/plimsoll/plimsoll/testbase/recipe"
)

// extracted is a tree of Debian packages that are unpacked, not installed.
type extracted struct {
	unit     string
	packages []string
	script   string // runs where the tree is the folder files
}

// The trees of distroless images.
var (
	staticTree = extracted{"static", recipe.StaticPackages, recipe.Script("nonroot")}
	libcTree   = extracted{"libc", recipe.LibcPackages, ""}
)

func (e extracted) key() string {
	return recipe.Key("extracted 1", recipe.Script("fetch"), recipe.Script("extract"), e.packages, e.script, recipe.Suite, recipe.Mirror)
}

func (b *Builder) extract(e extracted) func(ctx context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		dir, err := b.Store.Ensure(ctx, e.unit, e.key(), func(ctx context.Context, dir string) error {
			args := append([]string{dir, recipe.Suite, recipe.Mirror}, e.packages...)
			if _, err := chroot.RunOnHost(ctx, recipe.Script("fetch")+recipe.Script("extract")+e.script, args...); err != nil {
				return fmt.Errorf("unpacking Debian packages: %w", err)
			}
			return nil
		})
		return filepath.Join(dir, "files"), err
	}
}
