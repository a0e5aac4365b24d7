package inspect

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
)

// hostile is an image that someone made to do harm, or that was damaged.
type hostile struct {
	name string
	make func(t testing.TB) string
	// fails is a part of the error; "" where the image is read.
	fails string
	// sum and flat are the figures where it is read.
	sum, flat int64
}

func hostileCases() []hostile {
	layers := func(texts ...string) func(testing.TB) string {
		return func(t testing.TB) string {
			var all [][]byte
			for _, text := range texts {
				all = append(all, layerText(t, text))
			}
			return archiveOf(t, nil, all...)
		}
	}
	raw := func(make func(testing.TB) []byte) func(testing.TB) string {
		return func(t testing.TB) string { return archiveOf(t, nil, make(t)) }
	}
	layout := func(make func(testing.TB) blob) func(testing.TB) string {
		return func(t testing.TB) string { return layoutOf(t, make(t)) }
	}
	deep := strings.Repeat("d/", 2000)
	return []hostile{
		{name: "paths that lead out", make: layers("f ../../../etc/cron.d/x 100\nf /etc/y 10\nf a/../../z 1"), sum: 111, flat: 111},
		{name: "links that lead out", make: layers("l out /../../../..\nl up ../../..\nf out/x 100\nf up/y 10\nw out/gone"), sum: 110, flat: 110},
		{name: "links in a circle", make: layers("l a b\nl b a\nl c c\nf a/x 100\nf c/y 10", "w b/x\nw c/c/c"), sum: 110, flat: 10},
		{name: "a link to itself through many folders", make: layers("l a a/a/a/a/a/a/a/a\nf a/x 100"), sum: 100, flat: 100},
		{name: "a hard link to what leads out", make: layers("f x 100\nh y ../../../../x\nh z /proc/self/environ"), sum: 100, flat: 100},
		{name: "marks of deletion that lead out", make: layers("f x 100", "w ../../../x\nw ../../../../home"), sum: 100, flat: 0},
		{name: "the same path again and again", make: layers(strings.Repeat("f x 100\n", 1000)), sum: 100_000, flat: 100},
		{name: "a deep path", make: layers("f "+deep+"x 100", "w d"), sum: 100, flat: 0},
		{name: "a path that can't be", make: layers("f " + strings.Repeat("d/", 3000) + "x 100"), fails: "a path of more than 4096 characters"},
		{name: "a short path that stands for a longer one than can be", make: layers("l l " + strings.TrimSuffix(deep, "/") + "\nl " + deep + "m " + strings.TrimSuffix(deep, "/") + "\nf l/m/x 100"), fails: "a path of more than 4096 characters"},
		{name: "short paths that stand for long ones", make: raw(throughLink), fails: "paths of more than 256 MB in all"},
		{name: "links that take long to follow", make: raw(longWays), fails: "steps from folder to folder"},
		{name: "a million files", make: layout(manyFiles), sum: 1_000_000, flat: 1_000_000},
		{name: "a hole of nearly 9 GB", make: raw(sparse), fails: "holes in files of more than"},
		{name: "a file of nearly 9 GB that is not there", make: raw(claims), fails: "unexpected EOF"},
		{name: "a header of 64 MB", make: raw(longHeader), fails: "archive/tar"},
		{name: "a negative size", make: raw(negative), fails: "archive/tar"},
		{name: "10 GB in half a megabyte", make: layout(bomb), fails: "it is made to take up space"},
		{name: "10 GB in half a megabyte in an archive that is compressed once more", make: nestedBomb, fails: "it is made to take up space"},
		{name: "compressed twice", make: layout(func(t testing.TB) blob {
			once := gzipped(t, layerText(t, "f x 100"))
			return gzipped(t, once.content)
		}), fails: "reading the archive"},
		{name: "compressed with zstd", make: layout(func(t testing.TB) blob { return zstdCompressed(t, layerText(t, "f x 100")) }), sum: 100, flat: 100},
		{name: "compressed otherwise than it says", make: layout(func(t testing.TB) blob {
			b := zstdCompressed(t, layerText(t, "f x 100"))
			b.mediaType = gzipType
			return b
		}), sum: 100, flat: 100},
		{name: "cut off", make: raw(func(t testing.TB) []byte { return layerText(t, "f x 4000")[:2000] }), fails: "unexpected EOF"},
		{name: "compressed and cut off", make: layout(func(t testing.TB) blob {
			b := gzipped(t, layerText(t, "f x 4000"))
			b.content = b.content[:len(b.content)-20]
			return b
		}), fails: "unexpected EOF"},
		{name: "a bit of the content flipped", make: layout(func(t testing.TB) blob {
			archive := layerText(t, "f x 4000")
			b := blob{diffID: digestOf(archive), digest: digestOf(archive)}
			archive[1000] ^= 4
			b.content = archive
			return b
		}), fails: "the config says"},
		{name: "a bit of a header flipped", make: layout(func(t testing.TB) blob {
			archive := layerText(t, "f x 4000")
			b := blob{diffID: digestOf(archive), digest: digestOf(archive)}
			archive[100] ^= 4
			b.content = archive
			return b
		}), fails: "invalid tar header"},
		{name: "a bit of a compressed layer flipped", make: layout(func(t testing.TB) blob {
			b := gzipped(t, layerText(t, "f x 4000"))
			b.digest = digestOf(b.content)
			b.content[40] ^= 4
			return b
		}), fails: "layer 1 of 1"},
		{name: "another digest of the blob", make: layout(func(t testing.TB) blob {
			b := gzipped(t, layerText(t, "f x 100"))
			b.digest = digestOf([]byte("something else"))
			return b
		}), fails: "sha256:"},
		{name: "another digest of the archive", make: layout(func(t testing.TB) blob {
			b := gzipped(t, layerText(t, "f x 100"))
			b.diffID = digestOf([]byte("something else"))
			return b
		}), fails: "the config says"},
		{name: "a layer that is kept elsewhere", make: layout(func(t testing.TB) blob {
			b := gzipped(t, layerText(t, "f x 100"))
			b.mediaType, b.missing = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", true
			return b
		}), fails: "layers that are kept elsewhere are not read"},
		{name: "a layer that is none", make: layout(func(t testing.TB) blob {
			return blob{content: []byte("{}"), mediaType: "application/vnd.example.chart"}
		}), fails: "which is no file system layer"},
		{name: "no archive at all", make: layout(func(t testing.TB) blob {
			return blob{content: bytes.Repeat([]byte("no archive\n"), 1000)}
		}), fails: "reading the archive"},
	}
}

// throughLink puts files behind a link, whose paths are short as long as it is not followed.
func throughLink(t testing.TB) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "l l %s\n", strings.Repeat(strings.Repeat("d", 199)+"/", 20)+"d")
	for i := range 70_000 {
		fmt.Fprintf(&b, "l l/%d x\n", i)
	}
	return layerText(t, b.String())
}

// longWays has links whose targets lead back and forth, each forty times. Every other file
// is elsewhere, so that remembering the last folder does not help.
func longWays(t testing.TB) []byte {
	var b strings.Builder
	b.WriteString("d d\n")
	for i := range 40 {
		fmt.Fprintf(&b, "l l%d %s\n", i, strings.Repeat("d/../", 800)+fmt.Sprintf("l%d", i+1))
	}
	b.WriteString("d l40\n")
	for i := range 10_000 {
		fmt.Fprintf(&b, "l l0/%d x\nl d/%d x\n", i, i)
	}
	return layerText(t, b.String())
}

// manyFiles is a million files of one byte each.
func manyFiles(t testing.TB) blob {
	var out bytes.Buffer
	z, err := zstd.NewWriter(&out, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	digest := newDigest()
	w := tar.NewWriter(io.MultiWriter(z, digest))
	for i := range 1_000_000 {
		if err := w.WriteHeader(&tar.Header{Name: fmt.Sprintf("d%d/f%d", i/1000, i), Size: 1, Mode: 0o644, Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte{'x'}); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return blob{content: out.Bytes(), mediaType: zstdType, diffID: digest.String()}
}

// header writes one tar header by hand.
func header(name string, kind byte, size string, change func(block []byte)) []byte {
	block := make([]byte, 512)
	copy(block, name)
	copy(block[100:], "0000644\x000000000\x000000000\x00")
	copy(block[124:], size)
	copy(block[136:], "00000000000\x00")
	block[156] = kind
	copy(block[257:], "ustar  \x00") // GNU's
	if change != nil {
		change(block)
	}
	copy(block[148:], "        ")
	sum := 0
	for _, c := range block {
		sum += int(c)
	}
	copy(block[148:], fmt.Sprintf("%06o\x00 ", sum))
	return block
}

func octal(n int64) string { return fmt.Sprintf("%011o", n) }

// claimed is as much as eleven octal digits hold, nearly 9 GB.
const claimed = 8<<30 - 512

// sparse is a file of GNU tar's old format whose data are 512 bytes at its very end.
func sparse(testing.TB) []byte {
	const size = claimed
	block := header("sparse", 'S', octal(512), func(b []byte) {
		copy(b[386:], octal(size-512))
		copy(b[398:], octal(512))
		copy(b[483:], octal(size))
	})
	return append(append(block, make([]byte, 512)...), make([]byte, 1024)...)
}

func claims(testing.TB) []byte {
	return append(header("large", '0', octal(claimed), nil), make([]byte, 4096)...)
}

func longHeader(testing.TB) []byte {
	block := header("././@LongLink", 'L', octal(64<<20), nil)
	return append(block, bytes.Repeat([]byte("x"), 64<<20)...)
}

func negative(testing.TB) []byte {
	return append(header("x", '0', "", func(b []byte) {
		for i := 124; i < 136; i++ {
			b[i] = 0xff
		}
	}), make([]byte, 2048)...)
}

// zeros is a zstd frame of n times 128 KiB of zeros: four bytes each (RFC 8878, 3.1.1.2).
func zeros(n int) []byte {
	b := []byte{0x28, 0xb5, 0x2f, 0xfd, 0, 0x38} // no content size, a window of 128 KiB
	for i := range n {
		block := uint32(128<<10)<<3 | 1<<1 // run-length
		if i == n-1 {
			block |= 1
		}
		b = append(b, byte(block), byte(block>>8), byte(block>>16), 0)
	}
	return b
}

// bomb begins with a header, so that it is an archive.
func bomb(t testing.TB) blob {
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	start := z.EncodeAll(header("zeros", '0', octal(claimed), nil), nil)
	return blob{content: append(start, zeros(80_000)...), mediaType: zstdType, diffID: digestOf(nil)}
}

// nestedBomb is a bomb in a docker-archive that is compressed itself.
func nestedBomb(t testing.TB) string {
	layer := bomb(t).content
	name := archiveOf(t, nil, layer)
	archive, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, gzipped(t, archive).content, 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

const (
	hostileTime   = 2 * time.Minute // far more than any takes, for a busy machine
	hostileMemory = 600 << 20
)

// TestHostile inspects each with the search for secrets and a cache, in an
// empty world, in which nothing but the cache may be written.
func TestHostile(t *testing.T) {
	for _, c := range hostileCases() {
		t.Run(c.name, func(t *testing.T) {
			place := c.make(t)
			world, cache := emptyWorld(t), t.TempDir()
			ctx, cancel := context.WithTimeout(t.Context(), hostileTime)
			defer cancel()
			peak := watchMemory(t)
			r, err := Image(ctx, place, Options{Secrets: true, CacheDir: cache})
			most := peak()
			if t.Logf("at most %d MB", most>>20); most > hostileMemory {
				t.Errorf("allowed are %d MB", hostileMemory>>20)
			}
			switch {
			case c.fails == "" && err != nil:
				t.Fatal(err)
			case c.fails != "" && (err == nil || !strings.Contains(err.Error(), c.fails)):
				t.Fatalf("error %v, want one with %q", err, c.fails)
			case len(fmt.Sprint(err)) > 1000:
				t.Errorf("an error of %d characters", len(err.Error()))
			case err == nil:
				if r.LayerBytes != c.sum || r.FlatBytes != c.flat {
					t.Errorf("%d bytes in layers, %d in the tree; want %d and %d", r.LayerBytes, r.FlatBytes, c.sum, c.flat)
				}
				account(t, r)
			}
			for _, dir := range world {
				if files := filesBelow(t, dir); len(files) > 0 {
					t.Errorf("written outside of the cache: %v", files)
				}
			}
			for _, name := range filesBelow(t, cache) {
				if filepath.Ext(name) != ".gob" && filepath.Base(name) != "trimmed" { // records, and when they were last looked through
					t.Errorf("left in the cache: %s", name)
				}
			}
		})
	}
}

// emptyWorld makes all folders that a program writes to by itself empty ones.
func emptyWorld(t *testing.T) (dirs []string) {
	t.Helper()
	for _, variable := range []string{"HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"} {
		dirs = append(dirs, t.TempDir())
		t.Setenv(variable, dirs[len(dirs)-1])
	}
	dirs = append(dirs, t.TempDir())
	t.Chdir(dirs[len(dirs)-1])
	return dirs
}

func filesBelow(t *testing.T, dir string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// watchMemory samples the heap until the function that it returns is called, which tells the most it was.
func watchMemory(t *testing.T) func() uint64 {
	t.Helper()
	runtime.GC()
	stop, most := make(chan struct{}), make(chan uint64)
	go func() {
		var peak uint64
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			peak = max(peak, m.HeapAlloc)
			select {
			case <-stop:
				most <- peak
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	return func() uint64 { close(stop); return <-most }
}

// FuzzInspect holds the account of two layers against itself, whatever they are.
func FuzzInspect(f *testing.F) {
	for _, c := range wasteCases() {
		if len(c.layers) == 2 {
			f.Add(layerText(f, c.layers[0]), layerText(f, c.layers[1]))
		}
	}
	f.Add(negative(f), claims(f))
	f.Add(layerText(f, "l a b\nl b a\nf a/x 100"), gzipped(f, layerText(f, "w b/x\nw c/c/c")).content)
	f.Fuzz(func(t *testing.T, lower, upper []byte) {
		ctx, cancel := context.WithTimeout(t.Context(), hostileTime)
		defer cancel()
		r, err := Image(ctx, archiveOf(t, nil, lower, upper), Options{Secrets: true})
		if errors.Is(err, context.DeadlineExceeded) {
			t.Fatal("it takes too long")
		}
		if err == nil {
			account(t, r)
		}
	})
}
