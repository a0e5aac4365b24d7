package bases

import (
	"archive/zip"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/plimsoll/plimsoll/testbase/recipe"
	"github.com/plimsoll/plimsoll/testbase/source"
)

// golang returns a Go toolchain as it lies in /usr/local/go.
func (b *Builder) golang(ctx context.Context) (string, error) {
	dir, err := b.Store.Ensure(ctx, "go", recipe.Key("go 1", recipe.GoToolchain), func(ctx context.Context, dir string) error {
		archive, err := source.EnsureGoModule(ctx, b.Store, recipe.GoToolchain)
		if err != nil {
			return err
		}
		if err := unzipToolchain(archive, filepath.Join(dir, "files")); err != nil {
			return fmt.Errorf("unpacking %s: %w", archive, err)
		}
		return nil
	})
	return filepath.Join(dir, "files"), err
}

func unzipToolchain(archive, to string) error {
	z, err := zip.OpenReader(archive)
	if err != nil {
		return err
	}
	defer z.Close()
	top := recipe.GoToolchain.Path + "@" + recipe.GoToolchain.Version + "/"
	for _, f := range z.File {
		name, ok := strings.CutPrefix(f.Name, top)
		if !ok || !filepath.IsLocal(name) {
			return fmt.Errorf("unexpected file %q", f.Name)
		}
		if err := unzipFile(f, filepath.Join(to, toolchainName(name)), toolchainMode(name)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// toolchainName undoes that a module can't hold other modules: their go.mod
// files are called _go.mod in it.
func toolchainName(name string) string {
	if dir, base := path.Split(name); base == "_go.mod" {
		return dir + "go.mod"
	}
	return name
}

// toolchainMode makes programs of what lies where go itself expects programs:
// modules hold no modes.
func toolchainMode(name string) fs.FileMode {
	if strings.HasPrefix(name, "bin/") || strings.HasPrefix(name, "pkg/tool/") {
		return 0o755
	}
	return 0o644
}

func unzipFile(f *zip.File, to string, mode fs.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	in, err := f.Open()
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	defer out.Close()
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	return out.Close()
}
