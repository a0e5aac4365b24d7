package inspect

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/plimsoll/plimsoll/testbase/archive/large"
)

// TestLargeArchives holds the account of waste against really unpacking, and the
// credentials that are found against those that are planted. PLIMSOLL_LARGE=1 takes the
// archives of 1.1 and 2.8 GB, which needs as much room in the temporary folder, twice.
func TestLargeArchives(t *testing.T) {
	shapes := map[string]large.Shape{"60 MB": {Entries: 3000, Bytes: 60e6, Seed: 6}}
	if os.Getenv("PLIMSOLL_LARGE") != "" {
		shapes = large.Shapes()
	}
	for _, name := range slices.Sorted(maps.Keys(shapes)) {
		t.Run(name, func(t *testing.T) {
			archive := filepath.Join(t.TempDir(), "image.tar")
			planted, err := large.Write(archive, shapes[name])
			if err != nil {
				t.Fatal(err)
			}
			r, err := Image(t.Context(), archive, Options{Secrets: true})
			if err != nil {
				t.Fatal(err)
			}
			account(t, r)
			layers, sum := layersIn(t, archive)
			flat := extractedFrom(t, layers)
			t.Logf("%d bytes in the layers' files, %d after unpacking: %d reclaimable; inspect says %d", sum, flat, sum-flat, r.ReclaimableBytes())
			if r.LayerBytes != sum || r.FlatBytes != flat || r.ReclaimableBytes() != sum-flat {
				t.Errorf("inspect says %d bytes in layers, %d in the tree", r.LayerBytes, r.FlatBytes)
			}
			var want, got []string
			for _, p := range planted {
				want = append(want, fmt.Sprintf("%s layer %d %s:%d", p.Rule, p.Layer, p.Path, p.Line))
			}
			for _, s := range r.Secrets {
				got = append(got, fmt.Sprintf("%s layer %d %s:%d", s.Rule, s.Layer+1, s.Path, s.Line))
			}
			slices.Sort(want)
			slices.Sort(got)
			if len(want) == 0 || !slices.Equal(got, want) {
				t.Errorf("found %q, planted are %q", got, want)
			}
		})
	}
}

// layersIn returns the layers of a docker-archive, and the sum of the sizes of their files.
func layersIn(t *testing.T, archive string) (layers []*io.SectionReader, sum int64) {
	t.Helper()
	f, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	entries := tar.NewReader(f)
	for {
		h, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return layers, sum
		}
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(h.Name, "/layer.tar") {
			at, err := f.Seek(0, io.SeekCurrent)
			if err != nil {
				t.Fatal(err)
			}
			layers = append(layers, io.NewSectionReader(f, at, h.Size))
			sum += sizesIn(t, io.NewSectionReader(f, at, h.Size))
		}
	}
}

func sizesIn(t *testing.T, layer io.Reader) (sum int64) {
	t.Helper()
	for entries := tar.NewReader(layer); ; {
		h, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return sum
		}
		if err != nil {
			t.Fatal(err)
		}
		sum += h.Size
	}
}

// BenchmarkInspect compares with the plain walk in the same run, on one core:
// go test -run '^$' -bench Inspect -cpu 1,2 ./internal/inspect. PLIMSOLL_LARGE takes the archive of 1.1 GB.
func BenchmarkInspect(b *testing.B) {
	shape := large.Shape{Entries: 6000, Bytes: 250e6, Seed: 6}
	if os.Getenv("PLIMSOLL_LARGE") != "" {
		shape = large.Shapes()["1.1"]
	}
	archive, cache := filepath.Join(b.TempDir(), "image.tar"), b.TempDir()
	if _, err := large.Write(archive, shape); err != nil {
		b.Fatal(err)
	}
	info, err := os.Stat(archive)
	if err != nil {
		b.Fatal(err)
	}
	for _, kind := range []struct {
		name string
		run  func() error
	}{
		{"walk", func() error { _, _, err := large.Walk(archive); return err }},
		{"inspect", func() error { _, err := Image(b.Context(), archive, Options{}); return err }},
		{"inspect with secrets", func() error { _, err := Image(b.Context(), archive, Options{Secrets: true}); return err }},
		{"inspect from the cache", func() error { _, err := Image(b.Context(), archive, Options{CacheDir: cache}); return err }},
	} {
		b.Run(kind.name, func(b *testing.B) {
			if err := kind.run(); err != nil { // the files are in memory then, and the cache is filled
				b.Fatal(err)
			}
			b.SetBytes(info.Size())
			b.ReportAllocs()
			for b.Loop() {
				if err := kind.run(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
