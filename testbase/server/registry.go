package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/plimsoll/plimsoll/testbase/bases"
)

// newRegistry serves the catalog's images, read-only, and takes pushes to other names
// into the folder work. addr is written into the images' pip settings.
func newRegistry(catalog *bases.Catalog, addr, work string) (http.Handler, error) {
	store := &blobStore{built: catalog.Blobs(), work: work}
	inner := registry.New(registry.WithBlobHandler(store), registry.Logger(log.New(io.Discard, "", 0)))
	if err := publish(catalog, addr, store, inner); err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if standIn(catalog, r.URL.Path) && r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprintln(w, `{"errors":[{"code":"DENIED","message":"the stand-ins are read-only"}]}`)
			return
		}
		if digest, ok := blobOf(r); ok {
			store.serve(w, r, digest)
			return
		}
		inner.ServeHTTP(w, r)
	}), nil
}

// blobOf is the digest of the blob that a request asks for.
func blobOf(r *http.Request) (v1.Hash, bool) {
	dir, digest := path.Split(r.URL.Path)
	if r.Method != http.MethodGet || path.Base(dir) != "blobs" {
		return v1.Hash{}, false
	}
	h, err := v1.NewHash(digest)
	return h, err == nil
}

// standIn says whether the name of a resource of the registry belongs to an image of the
// catalog, or to the official images' own folder.
func standIn(catalog *bases.Catalog, name string) bool {
	if strings.HasPrefix(name, "/v2/library/") {
		return true
	}
	return slices.ContainsFunc(catalog.Images, func(img bases.Image) bool {
		return strings.HasPrefix(name, "/v2/"+img.Repository+"/")
	})
}

// blobStore finds blobs among the built layers first, then among what was
// pushed or made when serving began. It trusts the names of its files.
type blobStore struct{ built, work string }

func (b *blobStore) find(h v1.Hash) (string, error) {
	for _, dir := range []string{b.built, b.work} {
		name := filepath.Join(dir, h.Hex)
		if _, err := os.Stat(name); err == nil {
			return name, nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	return "", registry.ErrNotFound
}

// serve answers with a blob or, where a pull goes on that was interrupted, with the rest of it. The library's
// registry knows no ranges without an end.
func (b *blobStore) serve(w http.ResponseWriter, r *http.Request, h v1.Hash) {
	name, err := b.find(h)
	if err != nil {
		http.Error(w, `{"errors":[{"code":"BLOB_UNKNOWN","message":"there is no such blob"}]}`, http.StatusNotFound)
		return
	}
	f, err := os.Open(name)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer f.Close()
	w.Header().Set("Docker-Content-Digest", h.String())
	w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(w, r, "", time.Time{}, f)
}

// Stat implements registry.BlobStatHandler.
func (b *blobStore) Stat(_ context.Context, _ string, h v1.Hash) (int64, error) {
	name, err := b.find(h)
	if err != nil {
		return 0, err
	}
	info, err := os.Stat(name)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// Get implements registry.BlobHandler.
func (b *blobStore) Get(_ context.Context, _ string, h v1.Hash) (io.ReadCloser, error) {
	name, err := b.find(h)
	if err != nil {
		return nil, err
	}
	return os.Open(name)
}

// Put implements registry.BlobPutHandler; the registry checks the digest while it is read.
func (b *blobStore) Put(_ context.Context, _ string, h v1.Hash, rc io.ReadCloser) error {
	f, err := os.CreateTemp(b.work, ".upload-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if _, err := io.Copy(f, rc); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), filepath.Join(b.work, h.Hex))
}
