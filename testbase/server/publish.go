package server

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/plimsoll/plimsoll/testbase/bases"
	"github.com/plimsoll/plimsoll/testbase/recipe"
)

var platform = v1.Platform{OS: "linux", Architecture: "amd64"}

// publish enters every image of the catalog, as an index of one platform like
// the official ones, under all its tags.
func publish(catalog *bases.Catalog, addr string, store *blobStore, registry http.Handler) error {
	for _, built := range catalog.Images {
		img, err := assemble(catalog, built, addr, store)
		if err != nil {
			return fmt.Errorf("assembling %s:%s: %w", built.Repository, built.Tags[0], err)
		}
		index := mutate.AppendManifests(mutate.IndexMediaType(empty.Index, types.OCIImageIndex),
			mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &platform}})
		if err := enter(built, img, index, store, registry); err != nil {
			return fmt.Errorf("publishing %s:%s: %w", built.Repository, built.Tags[0], err)
		}
	}
	return nil
}

// assemble makes an image of layers that lie in the cache; none is read.
func assemble(catalog *bases.Catalog, built bases.Image, addr string, store *blobStore) (v1.Image, error) {
	config := &v1.ConfigFile{
		OS: platform.OS, Architecture: platform.Architecture, Created: v1.Time{Time: recipe.Epoch},
		Config: containerConfig(built.Config),
		RootFS: v1.RootFS{Type: "layers"},
	}
	img, err := mutate.ConfigFile(mutate.MediaType(empty.Image, types.OCIManifestSchema1), config)
	if err != nil {
		return nil, err
	}
	img = mutate.ConfigMediaType(img, types.OCIConfigJSON)
	var add []mutate.Addendum
	for _, l := range built.Layers {
		cached, err := newCachedLayer(catalog.Blobs(), l)
		if err != nil {
			return nil, err
		}
		add = append(add, addendum(cached, l.CreatedBy))
	}
	if built.PipIndex {
		pip, err := pipLayer(addr, store)
		if err != nil {
			return nil, err
		}
		add = append(add, addendum(pip, "pip's index: "+addr))
	}
	return mutate.Append(img, add...)
}

func containerConfig(c recipe.Config) v1.Config {
	config := v1.Config{Env: c.Env, Entrypoint: c.Entrypoint, Cmd: c.Cmd, User: c.User, WorkingDir: c.WorkDir, StopSignal: c.StopSignal}
	for _, port := range c.Ports {
		if config.ExposedPorts == nil {
			config.ExposedPorts = map[string]struct{}{}
		}
		config.ExposedPorts[port] = struct{}{}
	}
	return config
}

func addendum(l v1.Layer, createdBy string) mutate.Addendum {
	return mutate.Addendum{Layer: l, MediaType: types.OCILayer,
		History: v1.History{Created: v1.Time{Time: recipe.Epoch}, CreatedBy: createdBy}}
}

// pipLayer is the one layer that depends on where testbase serves.
func pipLayer(addr string, store *blobStore) (v1.Layer, error) {
	text := fmt.Sprintf("[global]\nindex-url = http://%s/simple/\n", addr)
	var plain, packed bytes.Buffer
	out := tar.NewWriter(&plain)
	head := &tar.Header{Name: "etc/pip.conf", Mode: 0o644, Size: int64(len(text)), ModTime: recipe.Epoch}
	if err := out.WriteHeader(head); err != nil {
		return nil, err
	}
	if _, err := io.WriteString(out, text); err != nil {
		return nil, err
	}
	if err := out.Close(); err != nil {
		return nil, err
	}
	zip := gzip.NewWriter(&packed)
	if _, err := zip.Write(plain.Bytes()); err != nil {
		return nil, err
	}
	if err := zip.Close(); err != nil {
		return nil, err
	}
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(packed.Bytes())), nil },
		tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, err
	}
	digest, err := l.Digest()
	if err != nil {
		return nil, err
	}
	return l, store.Put(context.Background(), "", digest, io.NopCloser(&packed))
}

// enter puts the config, the manifest and the index into the registry.
func enter(built bases.Image, img v1.Image, index v1.ImageIndex, store *blobStore, registry http.Handler) error {
	config, err := img.RawConfigFile()
	if err != nil {
		return err
	}
	configName, err := img.ConfigName()
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(store.work, configName.Hex), config, 0o644); err != nil {
		return err
	}
	manifest, err := img.RawManifest()
	if err != nil {
		return err
	}
	digest, err := img.Digest()
	if err != nil {
		return err
	}
	if err := put(registry, built.Repository, digest.String(), types.OCIManifestSchema1, manifest); err != nil {
		return err
	}
	list, err := index.RawManifest()
	if err != nil {
		return err
	}
	for _, tag := range built.Tags {
		if err := put(registry, built.Repository, tag, types.OCIImageIndex, list); err != nil {
			return err
		}
	}
	return nil
}

// put hands a manifest to the registry's own handler, as a push would.
func put(registry http.Handler, repository, reference string, kind types.MediaType, text []byte) error {
	req := httptest.NewRequest(http.MethodPut, "/v2/"+repository+"/manifests/"+reference, bytes.NewReader(text))
	req.Header.Set("Content-Type", string(kind))
	answer := httptest.NewRecorder()
	registry.ServeHTTP(answer, req)
	if answer.Code != http.StatusCreated {
		return fmt.Errorf("the registry answered %d: %s", answer.Code, answer.Body)
	}
	return nil
}

// cachedLayer is a layer whose digests and size are known already.
type cachedLayer struct {
	path           string
	digest, diffID v1.Hash
	size           int64
}

func newCachedLayer(blobs string, l bases.Layer) (*cachedLayer, error) {
	digest, err := v1.NewHash(l.Digest)
	if err != nil {
		return nil, err
	}
	diffID, err := v1.NewHash(l.DiffID)
	if err != nil {
		return nil, err
	}
	return &cachedLayer{path: filepath.Join(blobs, digest.Hex), digest: digest, diffID: diffID, size: l.Size}, nil
}

func (l *cachedLayer) Digest() (v1.Hash, error)            { return l.digest, nil }
func (l *cachedLayer) DiffID() (v1.Hash, error)            { return l.diffID, nil }
func (l *cachedLayer) Size() (int64, error)                { return l.size, nil }
func (l *cachedLayer) MediaType() (types.MediaType, error) { return types.OCILayer, nil }
func (l *cachedLayer) Compressed() (io.ReadCloser, error)  { return os.Open(l.path) }
func (l *cachedLayer) Uncompressed() (rc io.ReadCloser, err error) {
	f, err := os.Open(l.path)
	if err != nil {
		return nil, err
	}
	zip, err := gzip.NewReader(f)
	if err != nil {
		f.Close()
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{zip, f}, nil
}
