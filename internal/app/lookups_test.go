package app

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	ggcr "github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/plimsoll/plimsoll/internal/registry"
)

// countingHub is a registry that counts requests, and holds the first ones back until several are under way.
type countingHub struct {
	*httptest.Server
	inner    http.Handler
	requests atomic.Int64

	mu     sync.Mutex
	waits  int // how many requests must meet; 0 is none
	here   int
	met    chan struct{}
	missed atomic.Bool // they did not meet
}

func newCountingHub(t *testing.T, refs ...string) *countingHub {
	t.Helper()
	h := &countingHub{inner: ggcr.New(ggcr.Logger(log.New(io.Discard, "", 0))), met: make(chan struct{})}
	h.Server = httptest.NewServer(h)
	t.Cleanup(h.Close)
	for i, ref := range refs {
		img, err := random.Image(int64(100_000*(len(refs)-i)), 1) // each smaller than the one before
		if err != nil {
			t.Fatal(err)
		}
		at, err := name.ParseReference(h.host() + "/library/" + ref)
		if err == nil {
			err = remote.Write(at, img)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	h.requests.Store(0)
	return h
}

func (h *countingHub) host() string { return strings.TrimPrefix(h.URL, "http://") }

func (h *countingHub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.requests.Add(1)
	if strings.Contains(r.URL.Path, "/manifests/") {
		h.meet()
	}
	h.inner.ServeHTTP(w, r)
}

// meet returns when as many requests are under way as must meet.
func (h *countingHub) meet() {
	h.mu.Lock()
	if h.waits == 0 {
		h.mu.Unlock()
		return
	}
	h.here++
	if h.here == h.waits {
		close(h.met)
	}
	h.mu.Unlock()
	select {
	case <-h.met:
	case <-time.After(5 * time.Second):
		h.missed.Store(true)
	}
}

// TestBasesAreLookedUpAtOnceAndOnce: the bases of a project are asked for side by side, a second run asks nothing, and
// offline nothing is asked at all.
func TestBasesAreLookedUpAtOnceAndOnce(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	hub := newCountingHub(t, "python:3.11", "python:3.11-slim", "node:20", "golang:1.26")
	hub.waits = 6 // three bases, of which two have variants
	dir := t.TempDir()
	text := "FROM python:3.11 AS a\nFROM node:20 AS b\nFROM golang:1.26 AS c\nFROM python:3.11\nCMD [\"python3\"]\n"
	if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	access, err := registry.New(registry.Options{})
	if err != nil {
		t.Fatal(err)
	}
	check := func(offline bool) string {
		t.Helper()
		reports, err := Check(t.Context(), CheckOptions{
			Paths: []string{dir}, Mirrors: map[string]string{"docker.io": hub.host()}, Access: access, Offline: offline, Rules: []string{"heavy-base"},
		})
		if err != nil || len(reports) != 1 {
			t.Fatalf("%d reports, %v", len(reports), err)
		}
		var said strings.Builder
		for _, f := range reports[0].Findings {
			said.WriteString(f.Message + "\n")
		}
		return said.String()
	}

	first := check(false)
	if !strings.Contains(first, "3.11-slim") {
		t.Errorf("the look-up found %q", first)
	}
	if hub.missed.Load() {
		t.Error("the bases were not asked for side by side")
	}
	asked := hub.requests.Load()
	if again := check(false); again != first || hub.requests.Load() != asked {
		t.Errorf("a second run made %d requests, and found %q", hub.requests.Load()-asked, again)
	}
	if offline := check(true); offline != first || hub.requests.Load() != asked {
		t.Errorf("offline, %d requests were made, and %q found", hub.requests.Load()-asked, offline)
	}
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	if check(true); hub.requests.Load() != asked {
		t.Errorf("offline and without a cache, %d requests were made", hub.requests.Load()-asked)
	}
}
