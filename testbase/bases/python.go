package bases

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/plimsoll/plimsoll/testbase/chroot"
	"github.com/plimsoll/plimsoll/testbase/recipe"
	"github.com/plimsoll/plimsoll/testbase/source"
)

func pythonKey() string {
	return recipe.Key("python 1", recipe.Script("compile"), recipe.PythonSource, recipe.PythonBuildPackages, baseKey())
}

// python returns a compiled CPython for /usr/local; the file "runtime" beside it
// names the packages that it needs.
func (b *Builder) python(ctx context.Context) (string, error) {
	base, err := b.base(ctx)
	if err != nil {
		return "", err
	}
	archive, err := source.Ensure(ctx, b.Store, recipe.PythonSource)
	if err != nil {
		return "", err
	}
	dir, err := b.Store.Ensure(ctx, "cpython", pythonKey(), func(ctx context.Context, dir string) error {
		root := filepath.Join(dir, "root")
		defer os.RemoveAll(root)
		if err := copyTree(ctx, base, root); err != nil {
			return err
		}
		if err := os.Link(archive, filepath.Join(root, "usr/src/python.tar.gz")); err != nil {
			return fmt.Errorf("placing CPython's source: %w", err)
		}
		runtime, err := chroot.Run(ctx, root, recipe.Script("compile"), recipe.PythonBuildPackages...)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, "runtime"), []byte(runtime), 0o644); err != nil {
			return err
		}
		return os.Rename(filepath.Join(root, "usr/local"), filepath.Join(dir, "local"))
	})
	return filepath.Join(dir, "local"), err
}
