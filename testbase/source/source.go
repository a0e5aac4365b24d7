// Package source fetches source archives once and checks what they are.
package source

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"

	"github.com/plimsoll/plimsoll/testbase/cache"
	"github.com/plimsoll/plimsoll/testbase/recipe"
)

// Ensure returns the path of an archive, which it fetches where it is missing.
func Ensure(ctx context.Context, store *cache.Store, what recipe.Download) (string, error) {
	name := path.Base(what.URL)
	dir, err := store.Ensure(ctx, "source", what.SHA256, func(ctx context.Context, dir string) error {
		return download(ctx, what, filepath.Join(dir, name))
	})
	return filepath.Join(dir, name), err
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
