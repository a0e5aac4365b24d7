package source

import (
	"context"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"

	"github.com/plimsoll/plimsoll/testbase/cache"
	"github.com/plimsoll/plimsoll/testbase/recipe"
)

// defaultRegistry is npm's own default.
const defaultRegistry = "https://registry.npmjs.org"

// EnsureNPM returns the path of a package's archive, which it fetches from the
// machine's npm registry where it is missing.
func EnsureNPM(ctx context.Context, store *cache.Store, pkg recipe.NPMPackage) (string, error) {
	name := path.Base(pkg.Name) + "-" + pkg.Version + ".tgz"
	dir, err := store.Ensure(ctx, "source", pkg.SHA256, func(ctx context.Context, dir string) error {
		url := npmRegistry(ctx) + "/" + pkg.Name + "/-/" + name
		return download(ctx, recipe.Download{URL: url, SHA256: pkg.SHA256}, filepath.Join(dir, name))
	})
	return filepath.Join(dir, name), err
}

// npmRegistry asks npm which registry this machine uses; without npm, or
// without an answer, it is npm's default.
func npmRegistry(ctx context.Context) string {
	address := os.Getenv("npm_config_registry")
	if address == "" {
		// A machine without npm is no error: the archives need no npm.
		out, _ := exec.CommandContext(ctx, "npm", "config", "get", "registry").Output()
		address = strings.TrimSpace(string(out))
	}
	if !strings.HasPrefix(address, "https://") && !strings.HasPrefix(address, "http://") {
		address = defaultRegistry
	}
	return strings.TrimRight(address, "/")
}
