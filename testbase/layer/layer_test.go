package layer

import (
	"archive/tar"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
)

var epoch = time.Unix(1_600_000_000, 0)

func write(t *testing.T, root, name, text string) {
	t.Helper()
	p := filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, blobs string, info Info) map[string]*tar.Header {
	t.Helper()
	f, err := os.Open(filepath.Join(blobs, strings.TrimPrefix(info.Digest, "sha256:")))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	zip, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	entries := map[string]*tar.Header{}
	for r := tar.NewReader(zip); ; {
		head, err := r.Next()
		if err == io.EOF {
			return entries
		}
		if err != nil {
			t.Fatal(err)
		}
		entries[head.Name] = head
	}
}

func names(entries map[string]*tar.Header) []string {
	var all []string
	for n := range entries {
		all = append(all, n)
	}
	slices.Sort(all)
	return all
}

func TestSecondLayerHoldsOnlyChanges(t *testing.T) {
	root, blobs := t.TempDir(), t.TempDir()
	write(t, root, "etc/kept", "k")
	write(t, root, "etc/edited", "before")
	write(t, root, "opt/gone/file", "g")
	write(t, root, "proc/1", "never")
	write(t, root, "etc/resolv.conf", "never")
	first, snap, err := WriteChanges(root, nil, blobs, epoch)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"etc/", "etc/edited", "etc/kept", "opt/", "opt/gone/", "opt/gone/file", "proc/"}
	if got := names(read(t, blobs, first)); !slices.Equal(got, want) {
		t.Errorf("first layer holds %q, want %q", got, want)
	}
	if first.Bytes != int64(len("k")+len("before")+len("g")) {
		t.Errorf("first layer counts %d bytes", first.Bytes)
	}

	write(t, root, "etc/edited", "after!")
	write(t, root, "srv/new", "n")
	if err := os.RemoveAll(filepath.Join(root, "opt/gone")); err != nil {
		t.Fatal(err)
	}
	second, _, err := WriteChanges(root, snap, blobs, epoch)
	if err != nil {
		t.Fatal(err)
	}
	want = []string{"etc/edited", "opt/", "opt/.wh.gone", "srv/", "srv/new"}
	if got := names(read(t, blobs, second)); !slices.Equal(got, want) {
		t.Errorf("second layer holds %q, want %q", got, want)
	}
}

func TestLayersAreRepeatable(t *testing.T) {
	var digests []string
	for range 2 {
		root, blobs := t.TempDir(), t.TempDir()
		write(t, root, "a/one", "1")
		if err := os.Link(filepath.Join(root, "a/one"), filepath.Join(root, "a/two")); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("one", filepath.Join(root, "a/three")); err != nil {
			t.Fatal(err)
		}
		info, _, err := WriteChanges(root, nil, blobs, epoch)
		if err != nil {
			t.Fatal(err)
		}
		digests = append(digests, info.Digest)
		entries := read(t, blobs, info)
		if h := entries["a/two"]; h.Typeflag != tar.TypeLink || h.Linkname != "a/one" {
			t.Errorf("a/two is %c to %q, want a hard link to a/one", h.Typeflag, h.Linkname)
		}
		if h := entries["a/three"]; h.Typeflag != tar.TypeSymlink || h.Linkname != "one" {
			t.Errorf("a/three is %c to %q", h.Typeflag, h.Linkname)
		}
		if !entries["a/one"].ModTime.Equal(epoch) {
			t.Errorf("a time after the epoch was kept: %v", entries["a/one"].ModTime)
		}
	}
	if digests[0] != digests[1] {
		t.Errorf("the same tree gave %s and %s", digests[0], digests[1])
	}
}
