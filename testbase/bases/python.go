package bases

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"

	"github.com/plimsoll/plimsoll/testbase/chroot"
	"github.com/plimsoll/plimsoll/testbase/recipe"
)

func pythonKey() string {
	return recipe.Key("python 1", recipe.Script("compile"), recipe.PythonSource, recipe.PythonBuildPackages, baseKey())
}

// python returns a folder with "local", a compiled CPython for /usr/local, and
// "runtime", the names of the packages that it needs.
func (b *Builder) python(ctx context.Context, base string) (string, error) {
	return b.Store.Ensure(ctx, "cpython", pythonKey(), func(ctx context.Context, dir string) error {
		root := filepath.Join(dir, "root")
		defer os.RemoveAll(root)
		if err := copyTree(ctx, base, root); err != nil {
			return err
		}
		if err := download(ctx, recipe.PythonSource, filepath.Join(root, "usr/src/python.tar.gz")); err != nil {
			return err
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
}

// download fetches a file and refuses one with another checksum.
func download(ctx context.Context, what recipe.Download, to string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, what.URL, nil)
	if err != nil {
		return fmt.Errorf("fetching %s: %w", what.URL, err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("fetching %s: %w", what.URL, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("fetching %s: %s", what.URL, resp.Status)
	}
	f, err := os.Create(to)
	if err != nil {
		return fmt.Errorf("fetching %s: %w", what.URL, err)
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(io.MultiWriter(f, sum), resp.Body); err != nil {
		return fmt.Errorf("fetching %s: %w", what.URL, err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != what.SHA256 {
		return fmt.Errorf("fetching %s: its checksum is %s, expected %s", what.URL, got, what.SHA256)
	}
	return f.Close()
}
