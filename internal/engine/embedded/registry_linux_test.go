package embedded

import (
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/plimsoll/plimsoll/internal/engine"
)

// testRegistry is a registry on loopback that counts the layers that are asked for.
type testRegistry struct {
	host  string
	blobs atomic.Int32
}

func newRegistry(t *testing.T) *testRegistry {
	t.Helper()
	r := &testRegistry{}
	handler := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Method == http.MethodGet && strings.Contains(req.URL.Path, "/blobs/") {
			r.blobs.Add(1)
		}
		handler.ServeHTTP(w, req)
	}))
	t.Cleanup(server.Close)
	r.host = server.Listener.Addr().String()
	return r
}

func (r *testRegistry) image(t *testing.T, ref string) v1.Image {
	t.Helper()
	parsed, err := name.ParseReference(r.host+"/"+ref, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	img, err := remote.Image(parsed)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func TestPush(t *testing.T) {
	r := newRegistry(t)
	b := newBench(t, nil)
	req := b.request("RUN write /a a\n" + server)
	req.Push = r.host + "/app:1"
	res := b.build(req)
	img := r.image(t, "app:1")
	digest, err := img.Digest()
	if err != nil || digest.String() != res.Digest {
		t.Errorf("pushed %v (%v), reported %s", digest, err, res.Digest)
	}
	layers, err := img.Layers()
	if err != nil || len(layers) != 2 {
		t.Errorf("%d layers, %v", len(layers), err)
	}
	if res.Export <= 0 || res.Push <= 0 || res.Push > res.Export {
		t.Errorf("export %v, push %v", res.Export, res.Push)
	}
	t.Logf("solve %v, export %v, of it push %v", res.Solve, res.Export, res.Push)
	// A pushed image can be run all the same.
	b.run(engine.RunRequest{Image: res.Image})
}

func TestSourceDateEpoch(t *testing.T) {
	r := newRegistry(t)
	var digests []string
	for _, tag := range []string{"1", "2"} {
		b := newBench(t, nil)
		req := b.request("RUN write /a a\n" + server)
		at := time.Unix(1700000000, 0)
		req.SourceDateEpoch = &at
		req.Push = r.host + "/app:" + tag
		digests = append(digests, b.build(req).Digest)
	}
	if digests[0] != digests[1] || digests[0] == "" {
		t.Errorf("two builds of one source differ: %v", digests)
	}
}

func TestBaseImageThroughMirror(t *testing.T) {
	r := newRegistry(t)
	maker := newBench(t, nil)
	req := maker.request("RUN write /base base\n")
	req.Push = r.host + "/library/base:1"
	maker.build(req)

	b := newBench(t, map[string][]string{"docker.io": {r.host}})
	from := engine.BuildRequest{Name: "test", ContextDir: b.dir, Dockerfile: []byte("FROM base:1\nRUN [\"/bin/tool\", \"print\", \"x\"]\nCMD [\"/bin/tool\", \"show\", \"/base\"]\n")}
	cold := from
	cold.NoCache = true
	res := b.build(cold)
	c := b.run(engine.RunRequest{Image: res.Image})
	b.wait(c)
	if c.Output() != "base\n" {
		t.Errorf("printed %q", c.Output())
	}
	asked := r.blobs.Load()
	wantCached(t, b.build(cold), map[int]bool{1: true, 2: false})
	if again := r.blobs.Load(); again != asked {
		t.Errorf("the base was pulled again: %d blobs more", again-asked)
	}

	from.Dockerfile = []byte("FROM base:absent\n")
	_, err := b.engine.Build(t.Context(), from, nil)
	if err == nil || !strings.Contains(err.Error(), "docker.io/library/base:absent does not exist") {
		t.Errorf("a tag that is not there: %v", err)
	}
}

// A base that comes slowly must not make a cold build look slow.
func TestColdBuildDoesNotCountThePull(t *testing.T) {
	r := newRegistry(t)
	maker := newBench(t, nil)
	req := maker.request("RUN write /base base\n")
	req.Push = r.host + "/slow:1"
	maker.build(req)

	const delay = 3 * time.Second
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Method == http.MethodGet && strings.Contains(req.URL.Path, "/blobs/") {
			time.Sleep(delay)
		}
		out := req.Clone(req.Context())
		out.RequestURI, out.URL.Scheme, out.URL.Host = "", "http", r.host
		resp, err := http.DefaultTransport.RoundTrip(out)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer resp.Body.Close()
		for k, v := range resp.Header {
			w.Header()[k] = v
		}
		w.WriteHeader(resp.StatusCode)
		_, _ = io.Copy(w, resp.Body)
	}))
	defer slow.Close()
	_, port, _ := net.SplitHostPort(slow.Listener.Addr().String())

	b := newBench(t, nil)
	start := time.Now()
	res := b.build(engine.BuildRequest{Name: "test", ContextDir: b.dir, NoCache: true,
		Dockerfile: []byte("FROM 127.0.0.1:" + port + "/slow:1\nRUN [\"/bin/tool\", \"print\", \"x\"]\n")})
	if took := time.Since(start); took < delay {
		t.Fatalf("the base was not slow: %v", took)
	}
	if res.Solve >= delay {
		t.Errorf("the cold build's time %v has the pull in it", res.Solve)
	}
}
