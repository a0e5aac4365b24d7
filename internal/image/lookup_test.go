package image

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// fakeHub is a registry that counts what it is asked.
type fakeHub struct {
	*httptest.Server
	requests atomic.Int64
	fail     atomic.Int64 // answer this status to everything, if not 0
}

func newHub(t *testing.T) *fakeHub {
	t.Helper()
	h := &fakeHub{}
	inner := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.requests.Add(1)
		if code := h.fail.Load(); code != 0 {
			w.WriteHeader(int(code))
			return
		}
		inner.ServeHTTP(w, r)
	}))
	t.Cleanup(h.Close)
	return h
}

func (h *fakeHub) host() string { return strings.TrimPrefix(h.URL, "http://") }

func (h *fakeHub) options(cacheDir string) Options {
	return Options{Mirrors: map[string]string{"docker.io": h.host(), "mcr.microsoft.com": h.host()}, CacheDir: cacheDir}
}

// put publishes an image of random layers and returns their compressed size.
func (h *fakeHub) put(t *testing.T, ref string, layerBytes int64, layers int64) (v1.Image, int64) {
	t.Helper()
	img, err := random.Image(layerBytes, layers)
	if err != nil {
		t.Fatal(err)
	}
	h.write(t, ref, img)
	return img, transferBytes(t, img)
}

func (h *fakeHub) write(t *testing.T, ref string, img v1.Image) {
	t.Helper()
	at, err := name.ParseReference(h.host() + "/" + ref)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(at, img); err != nil {
		t.Fatal(err)
	}
}

func transferBytes(t *testing.T, img v1.Image) (sum int64) {
	t.Helper()
	m, err := img.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range m.Layers {
		sum += l.Size
	}
	return sum
}

func TestLookupReadsTheFamily(t *testing.T) {
	hub := newHub(t)
	img, full := hub.put(t, "library/python:3.11", 50_000, 4)
	_, slim := hub.put(t, "library/python:3.11-slim", 5_000, 2)

	f, err := Lookup(t.Context(), "python:3.11", hub.options(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	digest, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	asked, _ := f.Asked()
	want := Variant{Repository: "docker.io/library/python", Tag: "3.11", Kind: "full", Digest: digest.String(), TransferBytes: full, Layers: 4}
	if asked != want {
		t.Errorf("asked for: %+v\nwant %+v", asked, want)
	}
	if got, ok := f.Slim(); !ok || got.Tag != "3.11-slim" || got.TransferBytes != slim || got.Layers != 2 || got.Reference() != "docker.io/library/python:3.11-slim" {
		t.Errorf("slim: %+v, %v", got, ok)
	}
	if len(f.Variants) != 2 || f.Estimated || f.Note != "" {
		t.Errorf("the missing alpine must drop out and nothing else be said: %+v", f)
	}
}

func TestLookupReadsWhatABaseRunsInImagesBuiltOnIt(t *testing.T) {
	hub := newHub(t)
	img, _ := hub.put(t, "library/python:3-onbuild", 5_000, 2)
	img, err := mutate.Config(img, v1.Config{OnBuild: []string{"COPY . /usr/src/app", "RUN pip install -r requirements.txt"}})
	if err != nil {
		t.Fatal(err)
	}
	hub.write(t, "library/python:3-onbuild", img)
	dir := t.TempDir()
	for range 2 { // from the registry, and from what is kept of it
		f, err := Lookup(t.Context(), "python:3-onbuild", hub.options(dir))
		if asked, ok := f.Asked(); err != nil || !ok || asked.OnBuild != "COPY . /usr/src/app\nRUN pip install -r requirements.txt" {
			t.Errorf("got %+v, %v", asked, err)
		}
	}
}

func TestLookupTakesThePlatformFromAnIndex(t *testing.T) {
	hub := newHub(t)
	small, err := random.Image(1_000, 1)
	if err != nil {
		t.Fatal(err)
	}
	large, err := random.Image(9_000, 2)
	if err != nil {
		t.Fatal(err)
	}
	index := mutate.AppendManifests(empty.Index,
		mutate.IndexAddendum{Add: small, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "amd64"}}},
		mutate.IndexAddendum{Add: large, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "arm64"}}})
	at, err := name.ParseReference(hub.host() + "/library/ubuntu:24.04")
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.WriteIndex(at, index); err != nil {
		t.Fatal(err)
	}
	digest, err := index.Digest()
	if err != nil {
		t.Fatal(err)
	}
	opts := hub.options(t.TempDir())
	for platform, want := range map[string]int64{"": transferBytes(t, small), "linux/arm64": transferBytes(t, large)} {
		opts.Platform = platform
		f, err := Lookup(t.Context(), "ubuntu:24.04", opts)
		if err != nil {
			t.Fatal(err)
		}
		if v := f.Variants[0]; v.TransferBytes != want || v.Digest != digest.String() {
			t.Errorf("%q: %+v; want %d bytes and the digest of the index", platform, v, want)
		}
		if _, ok := f.Slim(); ok {
			t.Error("ubuntu has no slimmer variant")
		}
	}
	opts.Platform = "linux/s390x"
	if _, err := Lookup(t.Context(), "ubuntu:24.04", opts); err == nil || errors.Is(err, ErrUnreachable) {
		t.Errorf("a platform that is not there: %v", err)
	}
}

func TestLookupCaches(t *testing.T) {
	hub := newHub(t)
	hub.put(t, "library/python:3.11", 1_000, 1)
	opts := hub.options(t.TempDir())
	first, err := Lookup(t.Context(), "python:3.11", opts)
	if err != nil {
		t.Fatal(err)
	}
	before := hub.requests.Load()
	second, err := Lookup(t.Context(), "python:3.11", opts)
	if err != nil || len(second.Variants) != 1 || second.Variants[0] != first.Variants[0] {
		t.Fatalf("second time: %+v, %v", second, err)
	}
	if n := hub.requests.Load() - before; n != 0 {
		t.Errorf("%d requests although all was in the cache, the absence of variants included", n)
	}
	opts.Offline = true
	offline, err := Lookup(t.Context(), "python:3.11", opts)
	if err != nil || offline.Estimated || len(offline.Variants) != 1 {
		t.Errorf("offline, the cache comes before the table: %+v, %v", offline, err)
	}
	for _, path := range cacheFiles(t, opts.CacheDir) {
		if err := os.WriteFile(path, []byte(`{"digest": 7`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	opts.Offline = false
	healed, err := Lookup(t.Context(), "python:3.11", opts)
	if err != nil || healed.Variants[0] != first.Variants[0] {
		t.Errorf("a corrupt cache must be ignored: %+v, %v", healed, err)
	}
}

func cacheFiles(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "images", "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no cache files: %v", err)
	}
	return files
}

// A digest that was kept may be gone: the tag was moved, and the registry cleaned up.
func TestLookupAsksAnewForWhatIsGone(t *testing.T) {
	hub, dir := newHub(t), t.TempDir()
	hub.put(t, "library/python:3.11-slim", 5_000, 2)
	if _, err := Lookup(t.Context(), "python:3.11-slim", hub.options(dir)); err != nil {
		t.Fatal(err)
	}
	anew := newHub(t) // which has never seen the first image, under the same name
	img, _ := anew.put(t, "library/python:3.11-slim", 6_000, 3)
	hub.Config.Handler = anew.Config.Handler
	forgetSizes(t, dir)
	f, err := Lookup(t.Context(), "python:3.11-slim", hub.options(dir))
	if err != nil {
		t.Fatal(err)
	}
	want, err := img.Digest()
	if v, ok := f.Asked(); err != nil || !ok || v.Digest != want.String() || v.Layers != 3 || v.Stale {
		t.Errorf("got %+v, want %s, which the tag stands for now (%v)", v, want, err)
	}
}

// forgetSizes leaves tags alone in a cache.
func forgetSizes(t *testing.T, dir string) {
	t.Helper()
	kept, err := filepath.Glob(filepath.Join(dir, "images", "size-*"))
	if err != nil || len(kept) == 0 {
		t.Fatalf("no sizes are kept: %v", err)
	}
	for _, file := range kept {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLookupErrorsTellThingsApart(t *testing.T) {
	hub := newHub(t)
	opts := hub.options("")
	if _, err := Lookup(t.Context(), "no-such-thing:1", opts); !errors.Is(err, ErrNotFound) {
		t.Errorf("missing: %v", err)
	}
	for status, want := range map[int64]error{401: ErrAuth, 403: ErrAuth, 503: ErrUnreachable, 404: ErrUnreachable} {
		hub.fail.Store(status)
		if _, err := Lookup(t.Context(), "private/thing:1", opts); !errors.Is(err, want) {
			t.Errorf("status %d to everything: %v; want %v", status, err, want)
		}
	}
	if _, err := Lookup(t.Context(), "Not A Reference", opts); err == nil {
		t.Error("a malformed reference was accepted")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Lookup(ctx, "thing:1", opts); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestLookupEstimates(t *testing.T) {
	closed := Options{Mirrors: map[string]string{"docker.io": deadAddress(t)}}
	for name, opts := range map[string]Options{"offline": {Offline: true}, "unreachable": closed} {
		f, err := Lookup(t.Context(), "python:3.11.9-bookworm", opts)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		slim, ok := f.Slim()
		if !f.Estimated || !ok || slim.Tag != "3.11.9-slim-bookworm" || slim.Digest != "" || !strings.Contains(f.Note, "Docker Hub") {
			t.Errorf("%s: %+v", name, f)
		}
	}
	_, err := Lookup(t.Context(), "python:2.7", Options{Offline: true})
	if !errors.Is(err, ErrUnknownOffline) || !strings.Contains(err.Error(), "--mirror docker.io=") {
		t.Errorf("unknown offline: %v", err)
	}
	_, err = Lookup(t.Context(), "someone/thing:1", closed)
	if !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "--mirror docker.io=") {
		t.Errorf("unknown and unreachable: %v", err)
	}
}

// deadAddress is a loopback address where nobody listens.
func deadAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
