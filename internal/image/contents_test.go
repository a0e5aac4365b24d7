package image

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/compression"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// file is one entry of a layer in a test. Kind is a regular file unless set.
type file struct {
	name, body, link string
	kind             byte
	mode             int64
}

func archive(t testing.TB, files ...file) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		h := &tar.Header{Name: f.name, Linkname: f.link, Typeflag: f.kind, Mode: f.mode, Size: int64(len(f.body)), ModTime: time.Unix(1_700_000_000, 0), Uid: os.Getuid(), Gid: os.Getgid()}
		if h.Typeflag == 0 {
			h.Typeflag = tar.TypeReg
		}
		if h.Mode == 0 {
			h.Mode = 0o644
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, f.body); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func layerOf(t testing.TB, data []byte, opts ...tarball.LayerOption) v1.Layer {
	t.Helper()
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// step is a layer with the instruction that made it.
func step(createdBy string, l v1.Layer) mutate.Addendum {
	return mutate.Addendum{Layer: l, History: v1.History{CreatedBy: createdBy}}
}

func imageOf(t testing.TB, config v1.Config, steps ...mutate.Addendum) v1.Image {
	t.Helper()
	img, err := mutate.Append(empty.Image, steps...)
	if err != nil {
		t.Fatal(err)
	}
	if img, err = mutate.Config(img, config); err != nil {
		t.Fatal(err)
	}
	return img
}

func (r *Registry) push(t *testing.T, path string, img v1.Image) string {
	t.Helper()
	if err := remote.Write(r.ref(t, path), img); err != nil {
		t.Fatal(err)
	}
	return r.Addr() + "/" + path
}

func TestScan(t *testing.T) {
	r := startRegistry(t)
	first := archive(t, file{name: "etc/", kind: tar.TypeDir}, file{name: "etc/a", body: "hello"})
	second := archive(t, file{name: "etc/.wh.a"}, file{name: "b", body: strings.Repeat("x", 3000)})
	config := v1.Config{User: "1000:1000", Env: []string{"A=b"}, Cmd: []string{"run"}, Healthcheck: &v1.HealthConfig{Test: []string{"CMD", "ok"}}}
	for name, opts := range map[string][]tarball.LayerOption{
		"gzip": nil,
		"zstd": {tarball.WithCompression(compression.ZStd), tarball.WithMediaType(types.OCILayerZStd)},
	} {
		img := imageOf(t, config,
			step("COPY etc", layerOf(t, first, opts...)),
			mutate.Addendum{History: v1.History{CreatedBy: "ENV A=b", EmptyLayer: true}},
			step("RUN rm", layerOf(t, second, opts...)))
		var mu sync.Mutex
		var seen []string
		c, err := Scan(t.Context(), r.push(t, "app:"+name, img), Options{}, func(l Layer, h *tar.Header, content io.Reader) error {
			data, err := io.ReadAll(content)
			mu.Lock()
			defer mu.Unlock()
			if l.CreatedBy == "COPY etc" {
				seen = append(seen, h.Name+"="+string(data))
			}
			return err
		})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if want := []string{"etc/=", "etc/a=hello"}; !slices.Equal(seen, want) {
			t.Errorf("%s: saw %q, want %q", name, seen, want)
		}
		a, b := c.Layers[0], c.Layers[1]
		if a.Uncompressed != int64(len(first)) || a.FileBytes != 5 || a.Entries != 2 || b.Uncompressed != int64(len(second)) || b.Whiteouts != 1 || b.CreatedBy != "RUN rm" {
			t.Errorf("%s: layers %+v", name, c.Layers)
		}
		if c.TransferBytes != transferBytes(t, img) || c.UncompressedBytes != int64(len(first)+len(second)) {
			t.Errorf("%s: transfer %d, uncompressed %d", name, c.TransferBytes, c.UncompressedBytes)
		}
		if c.Config.User != "1000:1000" || len(c.Config.History) != 3 || !slices.Equal(c.Config.Healthcheck, []string{"CMD", "ok"}) {
			t.Errorf("%s: config %+v", name, c.Config)
		}
	}
}

func TestScanRejectsWhatIsNotAsSaid(t *testing.T) {
	good := archive(t, file{name: "a", body: strings.Repeat("0123456789", 2000)})
	for name, c := range map[string]struct {
		img     v1.Image
		corrupt func([]byte) []byte
		want    string
	}{
		"a blob that was changed": {imageOf(t, v1.Config{}, step("", layerOf(t, good))), func(b []byte) []byte {
			b[len(b)-1] ^= 1
			return b
		}, ""},
		"a blob that was cut off":     {imageOf(t, v1.Config{}, step("", layerOf(t, good))), func(b []byte) []byte { return b[:len(b)/2] }, ""},
		"a file of holes without end": {imageOf(t, v1.Config{}, step("", layerOf(t, holes(t)))), nil, "holes in files"},
		"a layer that is no archive":  {imageOf(t, v1.Config{}, step("", static.NewLayer([]byte("no archive at all"), types.OCILayer))), nil, "reading the archive"},
	} {
		r := startRegistry(t)
		ref := r.push(t, "app:1", c.img)
		if c.corrupt != nil {
			r.corrupt(t, c.img, c.corrupt)
		}
		readAll := func(_ Layer, _ *tar.Header, r io.Reader) error {
			_, err := io.Copy(io.Discard, onlyReader{r})
			return err
		}
		if got, err := Scan(t.Context(), ref, Options{}, readAll); err == nil || !strings.Contains(err.Error(), "layer 1 of 1") || !strings.Contains(err.Error(), c.want) || errors.Is(err, ErrUnreachable) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// holes is an archive with one file that claims 8 GiB and has none, in the
// old GNU format: its map is in the header.
func holes(t testing.TB) []byte {
	t.Helper()
	const size = "77777777777\x00" // 8 GiB
	data := archive(t, file{name: "sparse"})
	h := data[:512]
	h[156] = tar.TypeGNUSparse
	copy(h[257:], "ustar  \x00")
	clear(h[345:512])
	copy(h[386:], "00000000000\x0000000000000\x00")
	copy(h[483:], size)
	copy(h[148:], "        ")
	sum := 0
	for _, b := range h {
		sum += int(b)
	}
	copy(h[148:], fmt.Sprintf("%06o\x00 ", sum))
	return data
}

// corrupt changes the image's first layer on disk.
func (r *Registry) corrupt(t *testing.T, img v1.Image, change func([]byte) []byte) {
	t.Helper()
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	path, err := r.current().blobPath(hashOf(t, layers[0]))
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, change(data), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestScanErrors(t *testing.T) {
	r := startRegistry(t)
	if _, err := Scan(t.Context(), r.Addr()+"/none:1", Options{}, nil); !errors.Is(err, ErrNotFound) {
		t.Errorf("missing: %v", err)
	}
	if _, err := Scan(t.Context(), deadAddress(t)+"/none:1", Options{}, nil); !errors.Is(err, ErrUnreachable) {
		t.Errorf("unreachable: %v", err)
	}
	ref := r.push(t, "app:1", imageOf(t, v1.Config{}, step("", layerOf(t, archive(t, file{name: "a", body: "b"})))))
	stop := errors.New("stop here")
	_, err := Scan(t.Context(), ref, Options{}, func(Layer, *tar.Header, io.Reader) error { return stop })
	if !errors.Is(err, stop) {
		t.Errorf("the visitor's error: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Scan(ctx, ref, Options{}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// A registry that stops in the middle of a layer must not hold up a reader whose visitor gave up.
func TestScanDoesNotWaitForAStalledRegistry(t *testing.T) {
	r := startRegistry(t)
	noise := make([]byte, 4<<20)
	for i := range noise {
		noise[i] = byte(i * i >> 7 * 31)
	}
	ref := r.push(t, "app:1", imageOf(t, v1.Config{}, step("", layerOf(t, archive(t, file{name: "a", body: string(noise)}), tarball.WithCompression(compression.None)))))
	released := make(chan struct{})
	defer close(released)
	stalling := roundTripper(func(req *http.Request) (*http.Response, error) {
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err == nil && strings.Contains(req.URL.Path, "/blobs/") {
			resp.Body = &stalled{ReadCloser: resp.Body, left: 1 << 20, ctx: req.Context(), released: released}
		}
		return resp, err
	})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	stop := errors.New("stop here")
	_, err := Scan(ctx, ref, Options{transport: stalling}, func(Layer, *tar.Header, io.Reader) error { return stop })
	if !errors.Is(err, stop) || ctx.Err() != nil {
		t.Errorf("got %v, context %v", err, ctx.Err())
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// stalled gives some bytes and then nothing until its request is cancelled.
type stalled struct {
	io.ReadCloser
	left     int
	ctx      context.Context
	released chan struct{}
}

func (s *stalled) Read(p []byte) (int, error) {
	if s.left <= 0 {
		select {
		case <-s.ctx.Done():
		case <-s.released:
		}
		return 0, context.Canceled
	}
	n, err := s.ReadCloser.Read(p[:min(len(p), s.left)])
	s.left -= n
	return n, err
}

func TestPull(t *testing.T) {
	r := startRegistry(t)
	const mode = 0o750
	img := imageOf(t, v1.Config{},
		step("", layerOf(t, archive(t,
			file{name: "app/", kind: tar.TypeDir, mode: 0o555},
			file{name: "app/run", body: "#!/bin/sh\n", mode: 0o4000 | mode},
			file{name: "app/again", body: "old"},
			file{name: "app/again", body: "newer"},
			file{name: "app/soft", kind: tar.TypeSymlink, link: "/etc/passwd"},
			file{name: "app/hard", kind: tar.TypeLink, link: "app/run"},
			file{name: "deep/in/side", body: "x"},
			file{name: "empty"},
		))),
		step("", layerOf(t, archive(t, file{name: "app/.wh.run"}, file{name: "other", body: "y"}))))
	dir := filepath.Join(t.TempDir(), "store")
	var mu sync.Mutex
	visited := map[string]string{}
	p, err := Pull(t.Context(), r.push(t, "app:1", img), dir, Options{}, func(_ Layer, h *tar.Header, content io.Reader) error {
		start := make([]byte, 2) // part of the content alone; all of it must be written nevertheless
		n, _ := io.ReadFull(content, start)
		mu.Lock()
		defer mu.Unlock()
		visited[h.Name] = string(start[:n])
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"0/app/run": "#!/bin/sh\n", "0/app/again": "newer", "0/app/hard": "#!/bin/sh\n", "0/deep/in/side": "x", "0/empty": "", "1/other": "y"} {
		if got, err := os.ReadFile(filepath.Join(dir, path)); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", path, got, err)
		}
	}
	info, err := os.Stat(filepath.Join(dir, "0/app/run"))
	if err != nil || info.Mode() != mode || info.ModTime().Unix() != 1_700_000_000 {
		t.Errorf("mode %v, time %v, %v: set-user-id must be gone and the rest kept", info.Mode(), info.ModTime(), err)
	}
	if info, err := os.Stat(filepath.Join(dir, "0/app")); err != nil || info.Mode().Perm() != 0o755 || info.ModTime().Unix() != 1_700_000_000 {
		t.Errorf("the directory: %v, %v", info, err)
	}
	if link, err := os.Readlink(filepath.Join(dir, "0/app/soft")); err != nil || link != "/etc/passwd" {
		t.Errorf("link: %q, %v", link, err)
	}
	if _, err := os.Lstat(filepath.Join(dir, "1/app/.wh.run")); err == nil || p.Layers[1].Whiteouts != 1 {
		t.Errorf("whiteouts are counted, not written: %+v", p.Layers[1])
	}
	if visited["app/run"] != "#!" || p.Skipped != 0 || p.Seconds <= 0 || p.UncompressedBytes == 0 {
		t.Errorf("visited %q, %+v", visited, p)
	}
}

func TestPullStaysInside(t *testing.T) {
	outside := t.TempDir()
	for name, c := range map[string]struct {
		files   []file
		skipped int
	}{
		"dots":                       {[]file{{name: "../../evil", body: "x"}, {name: "/../evil2", body: "x"}}, 0}, // land inside
		"through a link up":          {[]file{{name: "up", kind: tar.TypeSymlink, link: "../.."}, {name: "up/evil", body: "x"}}, 1},
		"through an absolute link":   {[]file{{name: "abs", kind: tar.TypeSymlink, link: outside}, {name: "abs/evil", body: "x"}, {name: "abs/dir/", kind: tar.TypeDir}}, 2},
		"a hard link to the outside": {[]file{{name: "h", kind: tar.TypeLink, link: "../../etc/passwd"}}, 1},
		"a hard link through a link": {[]file{{name: "abs", kind: tar.TypeSymlink, link: "/etc"}, {name: "h", kind: tar.TypeLink, link: "abs/passwd"}}, 1},
		"a directory over a link":    {[]file{{name: "d", kind: tar.TypeSymlink, link: outside}, {name: "d/", kind: tar.TypeDir}, {name: "d/evil", body: "x"}}, 0},
		"devices and pipes":          {[]file{{name: "dev", kind: tar.TypeChar}, {name: "blk", kind: tar.TypeBlock}, {name: "pipe", kind: tar.TypeFifo}}, 3},
		"below a file":               {[]file{{name: "f", body: "x"}, {name: "f/g", body: "y"}, {name: "f/h/i", body: "z"}}, 2},
		"a link loop":                {[]file{{name: "l", kind: tar.TypeSymlink, link: "l"}, {name: "l/x", body: "x"}}, 1},
		"a file over a directory":    {[]file{{name: "d/x", body: "x"}, {name: "d", body: "now a file"}, {name: "d", kind: tar.TypeSymlink, link: outside}}, 0},
		"the layer itself":           {[]file{{name: "./", kind: tar.TypeDir, mode: 0o777}, {name: "..", kind: tar.TypeSymlink, link: outside}}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			r := startRegistry(t)
			top := t.TempDir()
			img := imageOf(t, v1.Config{}, step("", layerOf(t, archive(t, c.files...))))
			p, err := Pull(t.Context(), r.push(t, "app:1", img), filepath.Join(top, "store"), Options{}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if p.Skipped != c.skipped {
				t.Errorf("%d entries skipped, want %d", p.Skipped, c.skipped)
			}
			for _, dir := range []string{top, outside} {
				entries, err := os.ReadDir(dir)
				if err != nil || len(entries) > 1 || len(entries) == 1 && entries[0].Name() != "store" {
					t.Errorf("in %s: %v, %v", dir, entries, err)
				}
			}
		})
	}
}

func TestPullRefusesAnExistingStore(t *testing.T) {
	r := startRegistry(t)
	ref := r.push(t, "app:1", imageOf(t, v1.Config{}, step("", layerOf(t, archive(t, file{name: "a", body: "b"})))))
	dir := t.TempDir()
	if _, err := Pull(t.Context(), ref, dir, Options{}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := Pull(t.Context(), ref, dir, Options{}, nil); !errors.Is(err, os.ErrExist) {
		t.Errorf("files of two images would mix: %v", err)
	}
}

// A registry may declare a config of any size, and even one that it does not know. It is not asked for it.
func TestAConfigOfAnySizeIsNotRead(t *testing.T) {
	for _, size := range []int64{-1, 1 << 40} {
		for name, read := range map[string]func(ctx context.Context, ref string) error{
			"Scan":  func(ctx context.Context, ref string) error { _, err := Scan(ctx, ref, Options{}, nil); return err },
			"Fetch": func(ctx context.Context, ref string) error { _, err := Fetch(ctx, ref, Options{}); return err },
			"Lookup": func(ctx context.Context, ref string) error {
				_, err := Lookup(ctx, ref, Options{})
				return err
			},
		} {
			t.Run(fmt.Sprint(name, " ", size), func(t *testing.T) {
				digest := "sha256:" + strings.Repeat("a", 64)
				manifest := fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":%q,"size":%d,"digest":%q},"layers":[]}`,
					types.OCIManifestSchema1, types.OCIConfigJSON, size, digest)
				var asked atomic.Int64
				hub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					switch {
					case strings.Contains(r.URL.Path, "/blobs/"):
						asked.Add(1)
						w.WriteHeader(http.StatusNotFound)
					case strings.Contains(r.URL.Path, "/manifests/"):
						w.Header().Set("Content-Type", string(types.OCIManifestSchema1))
						w.Header().Set("Docker-Content-Digest", hashOfBytes([]byte(manifest)).String())
						w.Header().Set("Content-Length", fmt.Sprint(len(manifest)))
						if r.Method != http.MethodHead {
							fmt.Fprint(w, manifest)
						}
					}
				}))
				defer hub.Close()
				err := read(t.Context(), strings.TrimPrefix(hub.URL, "http://")+"/team/app:1")
				if err == nil || !strings.Contains(err.Error(), "is not read") || asked.Load() != 0 {
					t.Errorf("the config was asked for %d times: %v", asked.Load(), err)
				}
			})
		}
	}
}
