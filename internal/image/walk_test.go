package image

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// imageFor has one layer that no other platform's has.
func imageFor(t *testing.T, platform string) v1.Image {
	t.Helper()
	img := imageOf(t, v1.Config{}, step("COPY "+platform, layerOf(t, archive(t, file{name: platform, body: strings.Repeat(platform, 100)}))))
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config.OS, config.Architecture, _ = strings.Cut(platform, "/")
	config.Architecture, config.Variant, _ = strings.Cut(config.Architecture, "/")
	if img, err = mutate.ConfigFile(img, config); err != nil {
		t.Fatal(err)
	}
	return img
}

// indexOf has an image for each platform, each with an attestation beside it.
func indexOf(t *testing.T, platforms ...string) v1.ImageIndex {
	t.Helper()
	index := v1.ImageIndex(empty.Index)
	for _, name := range platforms {
		platform, err := v1.ParsePlatform(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range []mutate.IndexAddendum{
			{Add: imageFor(t, name), Descriptor: v1.Descriptor{Platform: platform}},
			{Add: imageFor(t, "unknown/"+name), Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "unknown", Architecture: "unknown"},
				Annotations: map[string]string{"vnd.docker.reference.type": "attestation-manifest"}}},
		} {
			index = mutate.AppendManifests(index, m)
		}
	}
	return index
}

// layoutWith writes a folder with the image or index under each of the names.
func layoutWith(t *testing.T, what mutate.Appendable, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	to, err := layout.Write(dir, empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		named := layout.WithAnnotations(map[string]string{"io.containerd.image.name": name})
		switch w := what.(type) {
		case v1.Image:
			err = to.AppendImage(w, named)
		case v1.ImageIndex:
			err = to.AppendIndex(w, named)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// remove takes an image's manifest out of a layout, as an engine has it that fetched another platform's alone.
func remove(t *testing.T, dir string, img v1.Image) {
	t.Helper()
	digest, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "blobs", "sha256", digest.Hex)); err != nil {
		t.Fatal(err)
	}
}

func put(t *testing.T, dir, name string, content []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
		t.Fatal(err)
	}
}

// asDockerArchive adds to a layout what makes it a docker-archive as well, as today's "docker save" writes it.
func asDockerArchive(t *testing.T, dir string, img v1.Image, tags ...string) {
	t.Helper()
	manifest, err := img.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	blob := func(h v1.Hash) string { return "blobs/sha256/" + h.Hex }
	text, err := json.Marshal([]dockerManifest{{Config: blob(manifest.Config.Digest), RepoTags: tags, Layers: []string{blob(manifest.Layers[0].Digest)}}})
	if err != nil {
		t.Fatal(err)
	}
	put(t, dir, "manifest.json", text)
}

// asDir writes an image as skopeo's "dir:" does.
func asDir(t *testing.T, img v1.Image) string {
	t.Helper()
	dir := t.TempDir()
	manifest, err1 := img.RawManifest()
	config, err2 := img.RawConfigFile()
	name, err3 := img.ConfigName()
	if err1 != nil || err2 != nil || err3 != nil {
		t.Fatal(err1, err2, err3)
	}
	put(t, dir, "version", []byte("Directory Transport Version: 1.1\n"))
	put(t, dir, "manifest.json", manifest)
	put(t, dir, name.Hex, config)
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range layers {
		digest, err1 := l.Digest()
		content, err2 := l.Compressed()
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		var b bytes.Buffer
		if _, err := b.ReadFrom(content); err != nil {
			t.Fatal(err)
		}
		put(t, dir, digest.Hex, b.Bytes())
	}
	return dir
}

// packed makes one file of a folder, compressed or not.
func packed(t *testing.T, dir string, compressed bool) string {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.AddFS(os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if compressed {
		plain := b.Bytes()
		b = bytes.Buffer{}
		z := gzip.NewWriter(&b)
		if _, err := z.Write(plain); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
	}
	name := filepath.Join(t.TempDir(), "image.tar")
	if err := os.WriteFile(name, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestWalkChooses holds which image of a place is read, whatever the place is kept in, and that it is told as it is stored there.
func TestWalkChooses(t *testing.T) {
	both := indexOf(t, "linux/amd64", "linux/arm64")
	amd64, arm64 := imageFor(t, "linux/amd64"), imageFor(t, "linux/arm64")
	foreign := layoutWith(t, both, "docker.io/library/app:1")
	remove(t, foreign, amd64)
	saved := layoutWith(t, arm64, "docker.io/library/app:1", "docker.io/library/app:2")
	asDockerArchive(t, saved, arm64, "app:1", "app:2")
	two := layoutWith(t, amd64, "docker.io/library/app:1")
	if err := layout.Path(two).AppendImage(arm64); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, place, platform string
		want                  v1.Image
		refused               string
	}{
		{name: "the usual platform", place: layoutWith(t, both, "app"), want: amd64},
		{name: "another platform", place: layoutWith(t, both, "app"), platform: "linux/arm64", want: arm64},
		{name: "one that is not there", place: layoutWith(t, both, "app"), platform: "linux/s390x", refused: "no image for linux/s390x; --platform chooses from: linux/amd64, linux/arm64"},
		{name: "the only one that was fetched", place: foreign, want: arm64},
		{name: "one that was not fetched", place: foreign, platform: "linux/amd64", refused: "it is for linux/arm64, not linux/amd64"},
		{name: "one image alone, of another platform", place: layoutWith(t, arm64, "app"), want: arm64},
		{name: "one image alone, of another platform than the named one", place: layoutWith(t, arm64, "app"), platform: "linux/amd64", refused: "it is for linux/arm64, not linux/amd64"},
		{name: "a variant that it does not tell of", place: layoutWith(t, arm64, "app"), platform: "linux/arm64/v8", want: arm64},
		{name: "another variant", place: layoutWith(t, imageFor(t, "linux/arm/v7"), "app"), platform: "linux/arm/v6", refused: "it is for linux/arm/v7, not linux/arm/v6"},
		{name: "saved by today's Docker, under two names", place: saved, want: arm64},
		{name: "two images", place: two, refused: `the index has 2 images ("docker.io/library/app:1"): keep one in a layout of its own`},
		{name: "skopeo's dir", place: asDir(t, arm64), want: arm64},
	} {
		t.Run(c.name, func(t *testing.T) {
			for kind, place := range map[string]string{"folder": c.place, "tar": packed(t, c.place, false), "tar.gz": packed(t, c.place, true)} {
				got, err := Walk(t.Context(), place, Options{Platform: c.platform}, Reader{Start: func(Layer) LayerVisitor { return idle{} }})
				told(t, kind, got, err, c.want, c.refused)
			}
		})
	}
}

// TestWalkChoosesInRegistries holds the same for references.
func TestWalkChoosesInRegistries(t *testing.T) {
	r := startRegistry(t)
	if err := remote.WriteIndex(r.ref(t, "app:both"), indexOf(t, "linux/amd64", "linux/arm64")); err != nil {
		t.Fatal(err)
	}
	arm64 := imageFor(t, "linux/arm64")
	r.push(t, "app:arm64", arm64)
	for _, c := range []struct {
		tag, platform string
		want          v1.Image
		refused       string
	}{
		{"both", "", imageFor(t, "linux/amd64"), ""},
		{"both", "linux/arm64", arm64, ""},
		{"both", "linux/s390x", nil, "no image for linux/s390x; --platform chooses from: linux/amd64, linux/arm64"},
		{"arm64", "", arm64, ""},
		{"arm64", "linux/amd64", nil, "it is for linux/arm64, not linux/amd64"},
	} {
		got, err := Walk(t.Context(), r.Addr()+"/app:"+c.tag, Options{Platform: c.platform}, Reader{Start: func(Layer) LayerVisitor { return idle{} }})
		told(t, c.tag+" for "+c.platform, got, err, c.want, c.refused)
	}
}

// told holds an image that was read to the one that is wanted, or to the reason why none was.
func told(t *testing.T, what string, got *Contents, err error, want v1.Image, refused string) {
	t.Helper()
	if refused != "" {
		if err == nil || !strings.Contains(err.Error(), refused) {
			t.Errorf("%s: error %v, want %q", what, err, refused)
		}
		return
	}
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	manifest, err1 := want.Manifest()
	digest, err2 := want.Digest()
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	if layer := manifest.Layers[0]; got.Digest != digest.String() || got.Layers[0].Digest != layer.Digest.String() || got.Layers[0].Size != layer.Size {
		t.Errorf("%s: %s with %+v, want %s with %+v", what, got.Digest, got.Layers, digest, layer)
	}
}
