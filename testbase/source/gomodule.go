package source

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/plimsoll/plimsoll/testbase/cache"
	"github.com/plimsoll/plimsoll/testbase/recipe"
)

// EnsureGoModule returns the path of a module's archive, which go fetches from
// the machine's module proxy, and checks, where it is missing.
func EnsureGoModule(ctx context.Context, store *cache.Store, module recipe.GoModule) (string, error) {
	const name = "module.zip"
	dir, err := store.Ensure(ctx, "source", recipe.Key(module), func(ctx context.Context, dir string) error {
		zip, err := downloadModule(ctx, module, filepath.Join(dir, "modules"))
		if err != nil {
			return fmt.Errorf("fetching %s %s: %w", module.Path, module.Version, err)
		}
		if err := os.Rename(zip, filepath.Join(dir, name)); err != nil {
			return err
		}
		return os.RemoveAll(filepath.Join(dir, "modules"))
	})
	return filepath.Join(dir, name), err
}

// downloadModule has go download a module into a module cache of its own.
func downloadModule(ctx context.Context, module recipe.GoModule, modules string) (zip string, err error) {
	if err := os.Mkdir(modules, 0o755); err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "go", "mod", "download", "-json", module.Path+"@"+module.Version)
	cmd.Dir = modules // in no module
	cmd.Env = append(os.Environ(), "GOMODCACHE="+modules, "GOFLAGS=-modcacherw", "GOTOOLCHAIN=local", "GOWORK=off")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, failed := cmd.Output()
	var answer struct{ Zip, Sum, Error string }
	if err := json.Unmarshal(out, &answer); err != nil {
		return "", fmt.Errorf("go mod download: %w: %s", failed, bytes.TrimSpace(stderr.Bytes()))
	}
	if failed != nil || answer.Error != "" {
		return "", fmt.Errorf("go mod download: %s", answer.Error)
	}
	if answer.Sum != module.Sum {
		return "", fmt.Errorf("its checksum is %s, expected %s", answer.Sum, module.Sum)
	}
	return answer.Zip, nil
}
