package image

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/gzip"
)

// Load puts the image of a tar file (an OCI layout, or what "docker save" writes) into the registry, as a push from
// elsewhere would. Layers that are not compressed are, with gzip at its default level, as engines do;
// then compressed is true.
func (r *Registry) Load(ctx context.Context, path, repository, tag string) (compressed bool, err error) {
	file, err := os.Open(path)
	if err != nil {
		return false, fmt.Errorf("reading the image: %w", err)
	}
	defer file.Close()
	files, err := indexTar(file)
	if err != nil {
		return false, fmt.Errorf("reading the image: %w", err)
	}
	src := &source{name: path, atOnce: atOnceLocal, explain: func(err error) error { return fmt.Errorf("reading the image: %w", err) }}
	if err := src.describeStore(files, Options{}); err != nil {
		return false, src.explain(err)
	}
	store := r.current()
	layers := make([]v1.Descriptor, len(src.layers))
	err = src.eachLayer(ctx, func(ctx context.Context, i int) (err error) {
		layers[i], err = src.storeLayer(ctx, store, i)
		return err
	})
	if err != nil {
		return false, err
	}
	compressed = slices.ContainsFunc(src.layers, func(l Layer) bool { return l.Digest == l.DiffID })
	return compressed, src.storeManifest(store, layers, repository, tag)
}

// storeLayer takes a layer over, compressed.
func (s *source) storeLayer(ctx context.Context, store *blobStore, i int) (v1.Descriptor, error) {
	blob, err := s.fetch(ctx, i)
	if err != nil {
		return v1.Descriptor{}, err
	}
	defer blob.Close()
	buffered := bufio.NewReaderSize(blob, 256<<10)
	if magic, err := buffered.Peek(4); err == nil && isCompressed(magic) {
		d := v1.Descriptor{MediaType: types.MediaType(s.layers[i].MediaType)}
		d.Digest, d.Size, err = store.put(buffered)
		return d, err
	}
	compressed, w := io.Pipe()
	plain := sha256.New()
	go func() {
		z := gzip.NewWriter(w)
		_, err := io.Copy(io.MultiWriter(z, plain), buffered)
		if err == nil {
			err = z.Close()
		}
		w.CloseWithError(err)
	}()
	d := v1.Descriptor{MediaType: types.OCILayer}
	if d.Digest, d.Size, err = store.put(compressed); err != nil {
		compressed.CloseWithError(err)
		return d, err
	}
	if got := hex.EncodeToString(plain.Sum(nil)); got != s.diffs[i].Hex {
		return d, fmt.Errorf("it has another content: its digest is sha256:%s, wanted %s", got, s.diffs[i])
	}
	return d, nil
}

func (s *source) storeManifest(store *blobStore, layers []v1.Descriptor, repository, tag string) error {
	digest, size, err := store.put(bytes.NewReader(s.config.Raw))
	if err != nil {
		return err
	}
	text, err := json.Marshal(v1.Manifest{
		SchemaVersion: 2, MediaType: types.OCIManifestSchema1,
		Config: v1.Descriptor{MediaType: types.OCIConfigJSON, Digest: digest, Size: size},
		Layers: layers,
	})
	if err != nil {
		return err
	}
	_, err = store.storeManifest(repository, tag, storedManifest{mediaType: string(types.OCIManifestSchema1), data: text})
	return err
}

// put makes a blob of what it reads, which then has that digest.
func (s *blobStore) put(r io.Reader) (digest v1.Hash, size int64, err error) {
	id, u, err := s.newUpload()
	if err != nil {
		return digest, 0, err
	}
	if size, err = u.append(r, -1); err != nil {
		u.discard()
		s.forget(id)
		return digest, 0, err
	}
	digest = v1.Hash{Algorithm: "sha256", Hex: u.sum()}
	return digest, size, s.commit(id, u, digest.String())
}

// sum is the digest of what was received so far, in hexadecimal.
func (u *upload) sum() string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return hex.EncodeToString(u.digest.Sum(nil))
}
