package image

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// store is a set of named files: a folder, or a tar file with an index.
type store interface {
	// open opens a file. Names are slash-separated and relative.
	open(name string) (io.ReadCloser, int64, error)
}

// folderStore is a folder. Links inside that lead out of it are not followed.
type folderStore struct{ dir string }

func (f folderStore) open(name string) (io.ReadCloser, int64, error) {
	root, err := os.OpenRoot(f.dir)
	if err != nil {
		return nil, 0, err
	}
	defer root.Close()
	file, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // opening a pipe would wait for somebody to write to it
	if err != nil {
		return nil, 0, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no regular file", name)
	}
	if err != nil {
		file.Close()
		return nil, 0, err
	}
	return file, info.Size(), nil
}

// flatStore finds blobs where skopeo's "dir:" has them: by their digests, side by side with the manifest.
type flatStore struct{ store }

func (f flatStore) open(name string) (io.ReadCloser, int64, error) {
	return f.store.open(path.Base(name))
}

// atOnceLocal is how many layers of a local image are read at the same time.
const atOnceLocal = 4

// maxIndexDepth bounds indexes that name indexes.
const maxIndexDepth = 4

// walkStore reads an image from an OCI layout or a docker-archive.
func walkStore(ctx context.Context, place string, files store, opts Options, reader Reader) (*Contents, error) {
	src := &source{name: place, otherwise: alsoReference(place), atOnce: atOnceLocal, explain: func(err error) error { return fmt.Errorf("reading %s: %w", place, err) }}
	err := src.describeStore(files, opts)
	if err != nil {
		return nil, src.explain(err)
	}
	return src.walk(ctx, reader)
}

// describeStore finds the image in an OCI layout or a docker-archive.
func (s *source) describeStore(files store, opts Options) error {
	if err := s.findImage(files, opts); err != nil {
		return err
	}
	return opts.fits(s.config)
}

// findImage looks for an OCI layout first: the archives of today's Docker Engines are that as well as docker-archives, and only as
// layouts do they tell how layers are stored.
func (s *source) findImage(files store, opts Options) error {
	platform, err := opts.platform()
	if err != nil {
		return err
	}
	switch text, err := readSmall(files, "index.json"); {
	case err == nil:
		return s.describeIndex(files, text, platform, 0)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	text, err := readSmall(files, "manifest.json")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errors.New("it has neither an index.json (OCI layout) nor a manifest.json (docker-archive)" + s.otherwise)
	case err != nil:
		return err
	case bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")):
		s.digest = hashOfBytes(text)
		return s.describeManifest(flatStore{files}, text)
	}
	return s.describeDockerArchive(files, text)
}

// dockerManifest is one image of a docker-archive's manifest.json.
type dockerManifest struct {
	Config   string
	RepoTags []string
	Layers   []string
}

func parseDockerManifest(text []byte) (dockerManifest, error) {
	var images []dockerManifest
	if err := json.Unmarshal(text, &images); err != nil {
		return dockerManifest{}, fmt.Errorf("manifest.json: %w", err)
	}
	if len(images) != 1 {
		var names []string
		for _, image := range images {
			names = append(names, strings.Join(image.RepoTags, " "))
		}
		return dockerManifest{}, fmt.Errorf("the archive has %d images (%s): save one alone", len(images), printable(strings.Join(names, ", ")))
	}
	if n := len(images[0].Layers); n > maxImageLayers {
		return dockerManifest{}, fmt.Errorf("an image with %d layers is not read", n)
	}
	return images[0], nil
}

func (s *source) describeDockerArchive(files store, text []byte) error {
	manifest, err := parseDockerManifest(text)
	if err != nil {
		return err
	}
	config, err := readSmall(files, clean(manifest.Config))
	if err != nil {
		return fmt.Errorf("image config: %w", err)
	}
	layers := make([]v1.Descriptor, len(manifest.Layers))
	for i, name := range manifest.Layers {
		blob, size, err := files.open(clean(name))
		if err != nil {
			return fmt.Errorf("layer %d: %w", i+1, err)
		}
		blob.Close()
		layers[i] = v1.Descriptor{Size: size}
	}
	if err := s.describeLayers(layers, config); err != nil {
		return err
	}
	s.digest = hashOfBytes(config) // an archive of this kind has no digest but the image's ID
	for i := range s.layers {
		s.layers[i].Digest = s.layers[i].DiffID
	}
	s.fetch = func(ctx context.Context, i int) (io.ReadCloser, error) {
		blob, _, err := files.open(clean(manifest.Layers[i]))
		return untilDone{blob, ctx}, err
	}
	return nil
}

// describeIndex finds the platform's manifest in an index and describes it.
func (s *source) describeIndex(files store, text []byte, platform *v1.Platform, depth int) error {
	index, err := v1.ParseIndexManifest(bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("index: %w", err)
	}
	chosen, err := choose(kept(files, index.Manifests), platform)
	if err != nil {
		return err
	}
	if chosen.Size > maxConfig {
		return fmt.Errorf("a manifest of %d bytes is not read", chosen.Size)
	}
	blob, err := readVerified(files, chosen.Digest)
	if err != nil {
		return err
	}
	if chosen.MediaType.IsIndex() {
		if depth >= maxIndexDepth {
			return fmt.Errorf("indexes within indexes, more than %d deep", maxIndexDepth)
		}
		return s.describeIndex(files, blob, platform, depth+1)
	}
	s.digest = chosen.Digest
	return s.describeManifest(files, blob)
}

// kept are the manifests that the place has: an engine keeps the index of all platforms, and one platform's image. It
// is all of them where it has none.
func kept(files store, manifests []v1.Descriptor) (there []v1.Descriptor) {
	for _, m := range manifests {
		if blob, _, err := openBlob(files, m.Digest); err == nil {
			blob.Close()
			there = append(there, m)
		}
	}
	if imagesOf(there) == nil {
		return manifests
	}
	return there
}

// imagesOf leaves attestations out, and what is listed again for the sake of another name.
func imagesOf(manifests []v1.Descriptor) (images []v1.Descriptor) {
	for _, m := range manifests {
		if m.Platform != nil && m.Platform.OS == "unknown" || m.Annotations["vnd.docker.reference.type"] != "" ||
			slices.ContainsFunc(images, func(other v1.Descriptor) bool { return other.Digest == m.Digest }) {
			continue
		}
		images = append(images, m)
	}
	return images
}

// choose takes the manifest for the platform. One that is alone is taken as it is.
func choose(manifests []v1.Descriptor, platform *v1.Platform) (v1.Descriptor, error) {
	images := imagesOf(manifests)
	if len(images) == 1 {
		return images[0], nil
	}
	var offered []string
	for _, m := range images {
		if m.Platform == nil {
			continue
		}
		if m.Platform.Satisfies(*platform) {
			return m, nil
		}
		offered = append(offered, m.Platform.String())
	}
	if len(images) > 0 && len(offered) == 0 {
		return v1.Descriptor{}, fmt.Errorf("the index has %d images%s: keep one in a layout of its own", len(images), namesOf(images))
	}
	return v1.Descriptor{}, fmt.Errorf("no image for %s; --platform chooses from: %s", platform, strings.Join(offered, ", "))
}

// namesOf are those that an index gives to images.
func namesOf(images []v1.Descriptor) string {
	var names []string
	for _, m := range images {
		if name := cmp.Or(m.Annotations["io.containerd.image.name"], m.Annotations["org.opencontainers.image.ref.name"]); name != "" {
			names = append(names, name)
		}
	}
	if names == nil {
		return ""
	}
	return " (" + printable(strings.Join(names, ", ")) + ")"
}

func (s *source) describeManifest(files store, text []byte) error {
	manifest, err := v1.ParseManifest(bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("manifest: %w", err)
	}
	if err := checkBounds(manifest); err != nil {
		return err
	}
	if err := checkMediaTypes(manifest); err != nil {
		return err
	}
	config, err := readVerified(files, manifest.Config.Digest)
	if err != nil {
		return fmt.Errorf("image config: %w", err)
	}
	if err := s.describeLayers(manifest.Layers, config); err != nil {
		return err
	}
	s.fetch = func(ctx context.Context, i int) (io.ReadCloser, error) {
		digest := manifest.Layers[i].Digest
		blob, _, err := openBlob(files, digest)
		if err != nil || digest == s.diffs[i] { // what is not compressed is verified as the archive that it is
			return untilDone{blob, ctx}, err
		}
		return &verified{ReadCloser: untilDone{blob, ctx}, hash: sha256.New(), want: digest.Hex}, nil
	}
	return nil
}

// checkMediaTypes tells artifacts (charts, signatures, …) from images.
func checkMediaTypes(m *v1.Manifest) error {
	if t := m.Config.MediaType; t != "" && t != types.OCIConfigJSON && t != types.DockerConfigJSON {
		return fmt.Errorf("it is no image: its config is of type %s", printable(string(t)))
	}
	for i, l := range m.Layers {
		if l.MediaType != "" && !l.MediaType.IsLayer() && !strings.Contains(string(l.MediaType), "tar") {
			return fmt.Errorf("layer %d is of type %s, which is no file system layer", i+1, printable(string(l.MediaType)))
		}
	}
	return nil
}

func openBlob(files store, digest v1.Hash) (io.ReadCloser, int64, error) {
	if digest.Algorithm != "sha256" || len(digest.Hex) != 64 {
		return nil, 0, fmt.Errorf("digest %s: only SHA-256 is read", printable(digest.String()))
	}
	blob, size, err := files.open(path.Join("blobs", "sha256", digest.Hex))
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("blob %s is not there: layers that are kept elsewhere are not read (%w)", digest, err)
	}
	return blob, size, err
}

func readVerified(files store, digest v1.Hash) ([]byte, error) {
	blob, _, err := openBlob(files, digest)
	if err != nil {
		return nil, err
	}
	defer blob.Close()
	text, err := readBounded(blob)
	if err == nil && hashOfBytes(text) != digest {
		err = fmt.Errorf("blob %s has another content: its digest is %s", digest, hashOfBytes(text))
	}
	return text, err
}

func readSmall(files store, name string) ([]byte, error) {
	file, _, err := files.open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return readBounded(file)
}

func readBounded(r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxConfig+1))
	if err == nil && len(text) > maxConfig {
		err = fmt.Errorf("a description of more than %d bytes is not read", maxConfig)
	}
	return text, err
}

func hashOfBytes(b []byte) v1.Hash {
	sum := sha256.Sum256(b)
	return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum[:])}
}

// clean makes a name from a manifest relative, whatever it says.
func clean(name string) string { return strings.TrimPrefix(path.Clean("/"+name), "/") }

// untilDone is read no further once its context is done: a file by itself would be read to its end.
type untilDone struct {
	io.ReadCloser
	ctx context.Context
}

func (u untilDone) Read(p []byte) (int, error) {
	if u.ctx.Err() != nil {
		return 0, context.Cause(u.ctx)
	}
	return u.ReadCloser.Read(p)
}

// verified checks a digest when the last byte was read.
type verified struct {
	io.ReadCloser
	hash hash.Hash
	want string // hexadecimal
}

func (v *verified) Read(p []byte) (int, error) {
	n, err := v.ReadCloser.Read(p)
	v.hash.Write(p[:n])
	if errors.Is(err, io.EOF) {
		if got := hex.EncodeToString(v.hash.Sum(nil)); got != v.want {
			return n, fmt.Errorf("the blob has another content: its digest is sha256:%s, wanted sha256:%s", got, v.want)
		}
	}
	return n, err
}
