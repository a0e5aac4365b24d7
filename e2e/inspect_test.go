package e2e

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/containerd/containerd/v2/pkg/archive"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// TestInspectBases holds the account of waste of every base image against
// unpacking it with containerd's own code, the way an engine does.
func TestInspectBases(t *testing.T) {
	needSuite(t)
	for _, image := range baseImages(t) {
		t.Run(image, func(t *testing.T) {
			t.Parallel()
			r := command(t, t.TempDir(), suite.program, "inspect", "docker.io/"+image, "--mirror", mirror(), "--mirror", "gcr.io="+suite.bases, "--no-secrets", "--format", "json")
			r.cmd.Env = append(os.Environ(), "XDG_CACHE_HOME="+t.TempDir())
			r.begin(t)
			res := r.wait(t)
			if res.code != 0 {
				t.Fatalf("exit code %d\n%s", res.code, res.stderr)
			}
			var got struct {
				LayerBytes       int64 `json:"layer_file_bytes"`
				FlatBytes        int64 `json:"flat_bytes"`
				ReclaimableBytes int64 `json:"reclaimable_bytes"`
			}
			if err := json.Unmarshal([]byte(res.stdout), &got); err != nil {
				t.Fatal(err)
			}
			sum, flat := unpacked(t, image)
			t.Logf("%d bytes in the layers' files, %d after unpacking: %d reclaimable", sum, flat, sum-flat)
			if sum == 0 || got.LayerBytes != sum || got.FlatBytes != flat || got.ReclaimableBytes != sum-flat {
				t.Errorf("inspect says %d, %d and %d", got.LayerBytes, got.FlatBytes, got.ReclaimableBytes)
			}
		})
	}
}

// baseImages are all images of the suite's registry, as repository:tag.
func baseImages(t *testing.T) (images []string) {
	t.Helper()
	var catalog struct{ Repositories []string }
	askRegistry(t, "_catalog", &catalog)
	for _, repository := range catalog.Repositories {
		var tags struct{ Tags []string }
		askRegistry(t, repository+"/tags/list", &tags)
		seen := map[string]bool{}
		for _, tag := range tags.Tags {
			ref := reference(t, repository+":"+tag)
			d, err := remote.Head(ref)
			if err != nil {
				t.Fatal(err)
			}
			if !seen[d.Digest.String()] {
				seen[d.Digest.String()] = true
				images = append(images, repository+":"+tag)
			}
		}
	}
	if len(images) < 8 {
		t.Fatalf("the registry has only %v", images)
	}
	return images
}

func askRegistry(t *testing.T, path string, answer any) {
	t.Helper()
	resp, err := http.Get("http://" + suite.bases + "/v2/" + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(answer); err != nil {
		t.Fatal(err)
	}
}

func reference(t *testing.T, image string) name.Reference {
	t.Helper()
	ref, err := name.ParseReference(suite.bases+"/"+image, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

// unpacked is what the files of all layers have, and what is on disk after they are applied.
func unpacked(t *testing.T, image string) (sum, flat int64) {
	t.Helper()
	img, err := remote.Image(reference(t, image), remote.WithPlatform(v1.Platform{OS: "linux", Architecture: "amd64"}))
	if err != nil {
		t.Fatal(err)
	}
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	for i, l := range layers {
		n, err := apply(root, l)
		if err != nil {
			t.Fatalf("layer %d: %v", i+1, err)
		}
		sum += n
	}
	return sum, sizeOnDisk(t, root)
}

// apply unpacks a layer on top of a folder, and adds up its files on the way.
func apply(root string, l v1.Layer) (int64, error) {
	r, err := l.Uncompressed()
	if err != nil {
		return 0, err
	}
	defer r.Close()
	again, w := io.Pipe()
	type result struct {
		sum int64
		err error
	}
	sizes := make(chan result, 1)
	go func() {
		sum, err := fileSizes(again)
		_, rest := io.Copy(io.Discard, again)
		sizes <- result{sum, errors.Join(err, rest)}
	}()
	_, err = archive.Apply(context.Background(), root, io.TeeReader(r, w))
	w.CloseWithError(err) // nil is the end
	counted := <-sizes
	return counted.sum, errors.Join(err, counted.err)
}

func fileSizes(r io.Reader) (sum int64, err error) {
	for entries := tar.NewReader(r); ; {
		h, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return sum, nil
		}
		if err != nil {
			return sum, err
		}
		sum += h.Size
	}
}

func sizeOnDisk(t *testing.T, root string) (sum int64) {
	t.Helper()
	seen := map[uint64]bool{}
	err := filepath.WalkDir(root, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if inode := info.Sys().(*syscall.Stat_t).Ino; !seen[inode] {
			seen[inode] = true
			sum += info.Size()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return sum
}
