package image

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

func startRegistry(t *testing.T) *Registry {
	t.Helper()
	r, err := StartRegistry(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func (r *Registry) ref(t *testing.T, path string) name.Reference {
	t.Helper()
	ref, err := name.ParseReference(r.Addr() + "/" + path)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func TestRegistryRoundTrip(t *testing.T) {
	r := startRegistry(t)
	img, err := random.Image(100_000, 3)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(r.ref(t, "team/app:1"), img); err != nil {
		t.Fatal(err)
	}
	back, err := remote.Image(r.ref(t, "team/app:1"))
	if err != nil {
		t.Fatal(err)
	}
	sameImage(t, img, back)
	index, err := random.Index(1_000, 2, 2)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.WriteIndex(r.ref(t, "team/many:1"), index); err != nil {
		t.Fatal(err)
	}
	got, err := remote.Index(r.ref(t, "team/many:1"))
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := got.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	for _, child := range manifest.Manifests {
		sent, err := index.Image(child.Digest)
		if err != nil {
			t.Fatal(err)
		}
		received, err := got.Image(child.Digest)
		if err != nil {
			t.Fatal(err)
		}
		sameImage(t, sent, received)
	}
	tags, err := remote.List(r.ref(t, "team/app").Context())
	if err != nil || len(tags) != 1 || tags[0] != "1" {
		t.Errorf("tags: %v, %v", tags, err)
	}
}

// sameImage reads everything of an image; the library checks every digest on the way.
func sameImage(t *testing.T, want, got v1.Image) {
	t.Helper()
	wantDigest, err := want.Digest()
	if err != nil {
		t.Fatal(err)
	}
	gotDigest, err := got.Digest()
	if err != nil || gotDigest != wantDigest {
		t.Fatalf("digest %s, %v; want %s", gotDigest, err, wantDigest)
	}
	if _, err := got.ConfigFile(); err != nil {
		t.Error(err)
	}
	layers, err := got.Layers()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range layers {
		content, err := l.Compressed()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, content); err != nil {
			t.Error(err)
		}
		_ = content.Close()
	}
}

func TestRegistryResetForgetsEverything(t *testing.T) {
	dir := t.TempDir()
	r, err := StartRegistry(dir)
	if err != nil {
		t.Fatal(err)
	}
	img, err := random.Image(10_000, 1)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := remote.Write(r.ref(t, "app:1"), img); err != nil {
			t.Fatal(err)
		}
		if err := r.Reset(); err != nil {
			t.Fatal(err)
		}
		if _, err := remote.Image(r.ref(t, "app:1")); err == nil {
			t.Error("the manifest is still there")
		}
		layers, err := img.Layers()
		if err != nil {
			t.Fatal(err)
		}
		if status, _ := r.do(t, http.MethodHead, "/v2/app/blobs/"+hashOf(t, layers[0]), nil); status != http.StatusNotFound {
			t.Errorf("the blob is still there: %d", status)
		}
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func hashOf(t *testing.T, l v1.Layer) string {
	t.Helper()
	h, err := l.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return h.String()
}

// do sends one request; header is "Name: value".
func (r *Registry) do(t *testing.T, method, path string, body io.Reader, header ...string) (int, http.Header) {
	t.Helper()
	url := path
	if !strings.HasPrefix(path, "http") {
		url = "http://" + r.Addr() + path
	}
	req, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range header {
		k, v, _ := strings.Cut(h, ": ")
		req.Header.Set(k, v)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, resp.Header
}

func digestOf(data string) string {
	sum := sha256.Sum256([]byte(data))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// The ways in which clients send a blob: BuildKit and containerd POST and then
// PUT with the body, go-containerregistry PATCHes in between.
func TestRegistryTakesBlobsInEveryWay(t *testing.T) {
	const data = "hello, layer"
	digest := digestOf(data)
	for name, send := range map[string]func(r *Registry) int{
		"post, put with the body": func(r *Registry) int {
			status, _ := r.do(t, "PUT", r.begin(t)+"?digest="+digest, strings.NewReader(data))
			return status
		},
		"post, patch, patch, put": func(r *Registry) int {
			at := r.begin(t)
			if status, h := r.do(t, "PATCH", at, strings.NewReader(data[:5]), "Content-Range: 0-4"); status != 202 || h.Get("Range") != "0-4" {
				t.Errorf("first chunk: %d %v", status, h)
			}
			if status, h := r.do(t, "PATCH", at, strings.NewReader(data[5:]), "Content-Range: 5-11"); status != 202 || h.Get("Range") != "0-11" {
				t.Errorf("second chunk: %d %v", status, h)
			}
			status, _ := r.do(t, "PUT", at+"?digest="+digest, nil)
			return status
		},
		"post with the body": func(r *Registry) int {
			status, _ := r.do(t, "POST", "/v2/app/blobs/uploads/?digest="+digest, strings.NewReader(data))
			return status
		},
	} {
		r := startRegistry(t)
		if status := send(r); status != http.StatusCreated {
			t.Errorf("%s: status %d", name, status)
		}
		status, h := r.do(t, "HEAD", "/v2/app/blobs/"+digest, nil)
		if status != 200 || h.Get("Content-Length") != fmt.Sprint(len(data)) || h.Get("Docker-Content-Digest") != digest {
			t.Errorf("%s: not there afterwards: %d %v", name, status, h)
		}
		if status, h := r.do(t, "GET", "/v2/app/blobs/"+digest, nil, "Range: bytes=1-3"); status != 206 || h.Get("Content-Length") != "3" {
			t.Errorf("%s: range: %d %v", name, status, h)
		}
		if status, _ := r.do(t, "POST", "/v2/other/blobs/uploads/?from=app&mount="+digest, nil); status != 201 {
			t.Errorf("%s: mount: %d", name, status)
		}
	}
}

func (r *Registry) begin(t *testing.T) string {
	t.Helper()
	status, h := r.do(t, "POST", "/v2/app/blobs/uploads/", nil)
	if status != http.StatusAccepted {
		t.Fatalf("POST: status %d", status)
	}
	return "http://" + r.Addr() + h.Get("Location")
}

func TestRegistryRefuses(t *testing.T) {
	r := startRegistry(t)
	other := digestOf("something else")
	lacking := `{"schemaVersion":2,"layers":[{"digest":"` + other + `"}]}`
	for _, c := range []struct {
		name, method, path, body string
		header                   string
		want                     int
	}{
		{"a wrong digest", "PUT", r.begin(t) + "?digest=" + other, "data", "", 400},
		{"no digest", "PUT", r.begin(t), "data", "", 400},
		{"a digest that is a path", "PUT", r.begin(t) + "?digest=sha256:../../x", "data", "", 400},
		{"a gap", "PATCH", r.begin(t), "data", "Content-Range: 7-10", 416},
		{"an upload nobody began", "PATCH", "/v2/app/blobs/uploads/42", "data", "", 404},
		{"a manifest without its layers", "PUT", "/v2/app/manifests/1", lacking, "", 404},
		{"a manifest that is none", "PUT", "/v2/app/manifests/1", "<html>", "", 400},
		{"a manifest under another digest", "PUT", "/v2/app/manifests/" + other, "{}", "", 400},
		{"a huge manifest", "PUT", "/v2/app/manifests/1", strings.Repeat(" ", maxManifest+1), "", 413},
		{"an unknown manifest", "GET", "/v2/app/manifests/9", "", "", 404},
		{"an unknown blob", "GET", "/v2/app/blobs/" + other, "", "", 404},
		{"an unknown repository", "GET", "/v2/nothing/tags/list", "", "", 404},
		{"a path outside", "GET", "/v2/../../etc/passwd", "", "", 404},
		{"deletion", "DELETE", "/v2/app/manifests/1", "", "", 405},
	} {
		header := []string{}
		if c.header != "" {
			header = append(header, c.header)
		}
		if status, _ := r.do(t, c.method, c.path, strings.NewReader(c.body), header...); status != c.want {
			t.Errorf("%s: status %d, want %d", c.name, status, c.want)
		}
	}
	if left, err := filepath.Glob(filepath.Join(r.current().dir, "blobs", "*")); err != nil || len(left) != 0 {
		t.Errorf("blobs were kept: %v, %v", left, err)
	}
}

func TestRegistryStreamsBlobs(t *testing.T) {
	r := startRegistry(t)
	const size = 96 << 20
	digest := sha256.New()
	_, _ = io.Copy(digest, zeros(size))
	at := r.begin(t)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	status, _ := r.do(t, "PATCH", at, zeros(size))
	if status != http.StatusAccepted {
		t.Fatalf("PATCH: %d", status)
	}
	status, _ = r.do(t, "PUT", at+"?digest=sha256:"+hex.EncodeToString(digest.Sum(nil)), nil)
	runtime.ReadMemStats(&after)
	if status != http.StatusCreated {
		t.Fatalf("PUT: %d", status)
	}
	if allocated := after.TotalAlloc - before.TotalAlloc; allocated > size/8 {
		t.Errorf("%d bytes allocated for a blob of %d: it is held in memory", allocated, size)
	}
}

func zeros(n int64) io.Reader { return io.LimitReader(zeroReader{}, n) }

type zeroReader struct{}

func (zeroReader) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
