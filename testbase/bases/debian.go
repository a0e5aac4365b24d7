package bases

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/plimsoll/plimsoll/testbase/chroot"
	"github.com/plimsoll/plimsoll/testbase/recipe"
)

// checkHost says in one line what a host lacks.
func checkHost() error {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		return fmt.Errorf("base images are built for linux/amd64 on linux/amd64, this is %s/%s", runtime.GOOS, runtime.GOARCH)
	}
	if err := chroot.Check(); err != nil {
		return err
	}
	for _, tool := range []string{"mmdebstrap", "apt-get", "dpkg-deb"} {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("%s is missing: run scripts/install-deps", tool)
		}
	}
	return nil
}

func baseKey() string {
	return recipe.Key("base 1", recipe.Script("base"), recipe.Script("tidy"), recipe.Rootfs, recipe.Suite, recipe.Mirror)
}

// base returns a minimal Debian root with the settings of Debian's images.
func (b *Builder) base(ctx context.Context) (string, error) {
	return b.Store.Ensure(ctx, "base", baseKey(), func(ctx context.Context, dir string) error {
		if _, err := chroot.RunOnHost(ctx, recipe.Script("base"), dir, recipe.Suite, recipe.Mirror); err != nil {
			return fmt.Errorf("mmdebstrap: %w", err)
		}
		return addRootfs(dir)
	})
}

// addRootfs writes the files that images add. Programs are where programs lie.
func addRootfs(root string) error {
	return fs.WalkDir(recipe.Rootfs, "rootfs", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		to := filepath.Join(root, strings.TrimPrefix(path, "rootfs"))
		if entry.IsDir() {
			return os.MkdirAll(to, 0o755)
		}
		text, err := recipe.Rootfs.ReadFile(path)
		if err != nil {
			return err
		}
		mode := fs.FileMode(0o644)
		if strings.Contains(path, "bin/") {
			mode = 0o755
		}
		return os.WriteFile(to, text, mode)
	})
}
