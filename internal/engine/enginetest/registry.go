package enginetest

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/plimsoll/plimsoll/internal/engine"
	"github.com/plimsoll/plimsoll/internal/image"
)

// testRegistry is a registry on loopback that counts the layers that are asked for, and may be slow to give them.
type testRegistry struct {
	host  string
	store *image.Registry
	blobs atomic.Int32
	delay atomic.Int64 // of a layer
}

// late lets a layer wait. What is small, as an image's config, comes at once.
type late struct {
	http.ResponseWriter
	delay time.Duration
}

// small is the size of a body up to which nothing waits.
const small = 64 << 10

func (l *late) Write(p []byte) (int, error) {
	if size, _ := strconv.Atoi(l.Header().Get("Content-Length")); size > small {
		time.Sleep(l.delay)
	}
	l.delay = 0
	return l.ResponseWriter.Write(p)
}

func newRegistry(t *testing.T) *testRegistry {
	t.Helper()
	store, err := image.StartRegistry(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	r := &testRegistry{store: store}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Method == http.MethodGet && strings.Contains(req.URL.Path, "/blobs/") {
			r.blobs.Add(1)
			w = &late{w, time.Duration(r.delay.Load())}
		}
		store.ServeHTTP(w, req)
	}))
	t.Cleanup(func() {
		server.Close()
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	r.host = server.Listener.Addr().String()
	return r
}

// pushed is what the registry has under a name.
func (r *testRegistry) pushed(b *Bench, ref string) image.Contents {
	b.Helper()
	got, err := image.Pull(b.Context(), r.host+"/"+ref, b.TempDir(), image.Options{}, nil)
	if err != nil {
		b.Fatal(err)
	}
	return got.Contents
}

func push(b *Bench) {
	r := newRegistry(b.T)
	req := b.Request("RUN write /a a\n" + Server)
	req.Push = r.host + "/app:1"
	res := b.Build(req)
	img := r.pushed(b, "app:1")
	if img.Digest != res.Digest {
		b.Errorf("pushed %s, reported %s", img.Digest, res.Digest)
	}
	if len(img.Layers) != 2 {
		b.Errorf("%d layers", len(img.Layers))
	}
	if res.Export <= 0 || res.Push <= 0 || res.Push > res.Export {
		b.Errorf("export %v, push %v", res.Export, res.Push)
	}
	b.Logf("solve %v, export %v, of it push %v", res.Solve, res.Export, res.Push)
	// A pushed image can be run all the same.
	b.Run(engine.RunRequest{Image: res.Image})

	req.Push = unreachable(b) + "/app:1"
	_, err := b.Engine.Build(b.Context(), req, nil)
	var refused *engine.PushError
	if !errors.As(err, &refused) || refused.Engine != b.Engine.Info().Name {
		b.Errorf("a registry that is not there: %v", err)
	}
}

// unreachable is an address on which nobody listens.
func unreachable(b *Bench) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// archive takes the image as an archive, and gives it to a registry.
func archive(b *Bench) {
	var text bytes.Buffer
	req := b.Request("RUN write /a a\n" + Server)
	req.Archive = &text
	res := b.Build(req)
	b.Run(engine.RunRequest{Image: res.Image})

	registry, err := image.StartRegistry(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer registry.Close()
	path := filepath.Join(b.Dir, "image.tar")
	b.Write("image.tar", text.String())
	if _, err := registry.Load(b.Context(), path, "app", "1"); err != nil {
		b.Fatal(err)
	}
	got, err := image.Pull(b.Context(), registry.Addr()+"/app:1", b.TempDir(), image.Options{}, nil)
	if err != nil {
		b.Fatal(err)
	}
	if len(got.Layers) != 2 || !strings.Contains(string(got.Config.Raw), `"/bin/tool"`) {
		b.Errorf("%d layers, config %s", len(got.Layers), got.Config.Raw)
	}
}

func sourceDateEpoch(b *Bench) {
	r := newRegistry(b.T)
	at := time.Unix(1700000000, 0)
	req := b.Request("RUN write /a a\n" + Server)
	req.SourceDateEpoch, req.NoCache = &at, true
	if !b.target.Repeatable {
		if _, err := b.Engine.Build(b.Context(), req, nil); err == nil || !strings.Contains(err.Error(), "can't set the times") {
			b.Errorf("an engine without an exporter that sets times does not say so: %v", err)
		}
		return
	}
	var digests []string
	for _, tag := range []string{"1", "2"} {
		req.Push = r.host + "/app:" + tag
		digests = append(digests, b.Build(req).Digest)
	}
	if digests[0] != digests[1] || digests[0] == "" {
		b.Errorf("two builds of one source differ: %v", digests)
	}
}

// base puts an image to build upon into the registry, which no engine has seen: the tool, and a file. It runs what it is
// given, if anything.
func (b *Bench) base(r *testRegistry, ref string, command ...string) {
	b.Helper()
	program, err := os.ReadFile(filepath.Join(b.another(b.T).Dir, "tool"))
	if err != nil {
		b.Fatal(err)
	}
	entrypoint, err := json.Marshal(command)
	if err != nil {
		b.Fatal(err)
	}
	layer := tarOf(b, map[string][]byte{"bin/tool": program, "base": []byte("base\n")})
	config := fmt.Sprintf(`{"architecture": %q, "os": "linux", "config": {"Entrypoint": %s}, "rootfs": {"type": "layers", "diff_ids": ["sha256:%x"]}}`,
		runtime.GOARCH, entrypoint, sha256.Sum256(layer))
	path := filepath.Join(b.Dir, "base.tar")
	b.Write("base.tar", string(tarOf(b, map[string][]byte{
		"manifest.json": []byte(`[{"Config": "config.json", "Layers": ["layer.tar"]}]`), "config.json": []byte(config), "layer.tar": layer,
	})))
	repository, tag, _ := strings.Cut(ref, ":")
	if _, err := r.store.Load(b.Context(), path, repository, tag); err != nil {
		b.Fatal(err)
	}
}

// tarOf is an archive of programs.
func tarOf(b *Bench, files map[string][]byte) []byte {
	b.Helper()
	var text bytes.Buffer
	w := tar.NewWriter(&text)
	for name, content := range files {
		err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o755, Size: int64(len(content))})
		if _, failed := w.Write(content); err != nil || failed != nil {
			b.Fatal(err, failed)
		}
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	return text.Bytes()
}

// attestations are pushed beside the image, in an index. The scanner stands in for BuildKit's.
func attestations(b *Bench) {
	r := newRegistry(b.T)
	b.base(r, "docker/buildkit-syft-scanner:stable-1", "/bin/tool", "write", "/run/out/sbom.spdx.json",
		`{"_type":"https://in-toto.io/Statement/v0.1","predicateType":"https://spdx.dev/Document","predicate":{"name":"made up"}}`)
	b = b.withMirrors(map[string]string{"docker.io": r.host})
	req := b.Request("RUN write /a a\n" + Server)
	req.Push = r.host + "/app:plain"
	plain := b.Build(req)
	req.Push, req.Attest = r.host+"/app:attested", []string{"provenance"}
	if b.target.Scans {
		req.Attest = append(req.Attest, "sbom")
	}
	b.Build(req)
	got, err := image.Fetch(b.Context(), req.Push, image.Options{})
	if err != nil {
		b.Fatal(err)
	}
	want := req.Attest
	if !b.target.Repeatable { // its exporter has no place for them either
		want = nil
	}
	if !slices.Equal(got.Attestations, want) {
		b.Errorf("attested are %v, want %v", got.Attestations, want)
	}
	if got.ImageDigest != plain.Digest {
		b.Errorf("the image changed with what is attested about it: %s and %s", plain.Digest, got.ImageDigest)
	}
}

func baseImageThroughMirror(b *Bench) {
	r := newRegistry(b.T)
	b.base(r, "library/base:1")
	b = b.withMirrors(map[string]string{"docker.io": r.host})
	from := engine.BuildRequest{Name: "test", ContextDir: b.Dir, Dockerfile: []byte("FROM base:1\nRUN [\"/bin/tool\", \"print\", \"x\"]\nCMD [\"/bin/tool\", \"show\", \"/base\"]\n")}
	cold := from
	cold.NoCache = true
	res := b.Build(cold)
	c := b.Run(engine.RunRequest{Image: res.Image})
	b.Wait(c)
	if c.Output() != "base\n" {
		b.Errorf("printed %q", c.Output())
	}
	asked := r.blobs.Load()
	b.WantCached(b.Build(cold), map[int]bool{1: true, 2: false})
	if again := r.blobs.Load(); again != asked {
		b.Errorf("the base was pulled again: %d blobs more", again-asked)
	}

	from.Dockerfile = []byte("FROM base:absent\n")
	_, err := b.Engine.Build(b.Context(), from, nil)
	if err == nil || !strings.Contains(err.Error(), "docker.io/library/base:absent does not exist") {
		b.Errorf("a tag that is not there: %v", err)
	}
}

// coldBuildDoesNotCountThePull: a base that comes slowly must not make a cold build look slow.
func coldBuildDoesNotCountThePull(b *Bench) {
	r := newRegistry(b.T)
	b.base(r, "library/slow:1")
	b = b.withMirrors(map[string]string{"docker.io": r.host})
	const delay = 8 * time.Second
	r.delay.Store(int64(delay))
	asked := r.blobs.Load()
	res := b.Build(engine.BuildRequest{Name: "test", ContextDir: b.Dir, NoCache: true,
		Dockerfile: []byte("FROM slow:1\nRUN [\"/bin/tool\", \"print\", \"x\"]\n")})
	if r.blobs.Load() == asked {
		b.Fatal("nothing was pulled: the test tells nothing")
	}
	if res.Solve >= delay {
		b.Errorf("the cold build's time %v has the pull in it", res.Solve)
	}
}
