package image

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// pushLarge publishes an image of about a gigabyte: 25,000 files in four
// layers, of which one holds half of all, compressed to about a third.
func pushLarge(b *testing.B) string {
	b.Helper()
	r, err := StartRegistry(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = r.Close() })
	random := rand.New(rand.NewPCG(1, 2))
	words := make([][]byte, 4096)
	for i := range words {
		words[i] = fmt.Appendf(nil, "%x ", random.Uint64()>>(random.IntN(40)))
	}
	var steps []mutate.Addendum
	for n, files := range []int{2_500, 5_000, 12_500, 5_000} {
		var data bytes.Buffer
		w := tar.NewWriter(&data)
		for i := range files {
			var body bytes.Buffer
			for body.Len() < 40_000 {
				body.Write(words[random.IntN(len(words))])
			}
			header := &tar.Header{Name: fmt.Sprintf("usr/lib/part%d/dir%d/file%d", n, i/50, i), Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(body.Len())}
			if err := w.WriteHeader(header); err != nil {
				b.Fatal(err)
			}
			if _, err := body.WriteTo(w); err != nil {
				b.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
		steps = append(steps, step("", layerOf(b, data.Bytes())))
	}
	img := imageOf(b, v1.Config{}, steps...)
	src := r.Addr() + "/large:1"
	at, err := (Options{}).endpoint(Reference{Host: r.Addr(), Path: "large", Tag: "1"})
	if err != nil {
		b.Fatal(err)
	}
	if err := remote.Write(at, img); err != nil {
		b.Fatal(err)
	}
	return src
}

func BenchmarkLargeImage(b *testing.B) {
	ref := pushLarge(b)
	values := [][]byte{[]byte("one-secret-value"), []byte("another-one-1234"), []byte("sk_live_0123456789abcdef")}
	b.Run("pull", func(b *testing.B) {
		dir := b.TempDir()
		for i := range b.N {
			store := filepath.Join(dir, fmt.Sprint(i))
			p, err := Pull(b.Context(), ref, store, Options{}, nil)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(p.UncompressedBytes)
			b.ReportMetric(float64(p.TransferBytes)/1e6, "transfer-MB")
			b.StopTimer()
			_ = os.RemoveAll(store)
			b.StartTimer()
		}
	})
	b.Run("scan", func(b *testing.B) {
		for range b.N {
			c, err := Scan(b.Context(), ref, Options{}, func(_ Layer, _ *tar.Header, r io.Reader) error { return nil })
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(c.UncompressedBytes)
		}
	})
	b.Run("search", func(b *testing.B) {
		for range b.N {
			c, places, err := NewSearcher(Options{}, NewFinder(values)).Search(b.Context(), ref)
			if err != nil || len(places) != 0 {
				b.Fatal(places, err)
			}
			b.SetBytes(c.UncompressedBytes)
		}
	})
}
