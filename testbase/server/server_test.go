package server

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/plimsoll/plimsoll/testbase/bases"
	"github.com/plimsoll/plimsoll/testbase/layer"
	"github.com/plimsoll/plimsoll/testbase/recipe"
)

// smallCatalog holds library/tiny:1 with one layer of one file.
func smallCatalog(t *testing.T) *bases.Catalog {
	t.Helper()
	root := t.TempDir()
	if err := os.WriteFile(root+"/file", []byte("text"), 0o644); err != nil {
		t.Fatal(err)
	}
	c := &bases.Catalog{Dir: t.TempDir()}
	if err := os.MkdirAll(c.Blobs(), 0o755); err != nil {
		t.Fatal(err)
	}
	info, _, err := layer.WriteChanges(root, nil, c.Blobs(), time.Unix(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	c.Images = []bases.Image{{
		Repository: "library/tiny", Tags: []string{"1", "latest"}, Config: recipe.Config{Env: []string{"A=b"}, Cmd: []string{"/file"}, User: "7", Ports: []string{"80/tcp"}},
		PipIndex: true, Layers: []bases.Layer{{Info: info, CreatedBy: "test"}},
	}}
	return c
}

// listen serves the catalog and returns host:port.
func listen(t *testing.T) string {
	t.Helper()
	handler, err := newRegistry(smallCatalog(t), "127.0.0.1:1234", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func reference(t *testing.T, text string) name.Reference {
	t.Helper()
	ref, err := name.ParseReference(text, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

// checkLayers compares the layers with what the config says of them; the
// client itself checks them against the manifest.
func checkLayers(t *testing.T, img v1.Image) {
	t.Helper()
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	if len(layers) != len(config.RootFS.DiffIDs) {
		t.Fatalf("%d layers, the config has %d", len(layers), len(config.RootFS.DiffIDs))
	}
	for i, l := range layers {
		plain, err := l.Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		got, _, err := v1.SHA256(plain)
		if err != nil || got != config.RootFS.DiffIDs[i] {
			t.Errorf("layer %d is %s, the config says %s (%v)", i, got, config.RootFS.DiffIDs[i], err)
		}
		plain.Close()
	}
}

func TestPulledImageIsValid(t *testing.T) {
	addr := listen(t)
	for _, tag := range []string{"1", "latest"} {
		img, err := remote.Image(reference(t, addr+"/library/tiny:"+tag))
		if err != nil {
			t.Fatal(err)
		}
		checkLayers(t, img)
		config, err := img.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		if config.Config.Cmd[0] != "/file" || config.Config.Env[0] != "A=b" || config.Config.User != "7" ||
			len(config.Config.ExposedPorts) != 1 || config.Architecture != "amd64" || len(config.History) != 2 {
			t.Errorf("config %+v", config)
		}
		files, err := io.ReadAll(mutate.Extract(img))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(files), "index-url = http://127.0.0.1:1234/simple/") {
			t.Error("pip is not told where the index is")
		}
	}
}

func TestARestOfABlob(t *testing.T) {
	host := listen(t)
	img, err := remote.Image(reference(t, host+"/library/tiny:1"))
	if err != nil {
		t.Fatal(err)
	}
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	digest, err := layers[0].Digest()
	if err != nil {
		t.Fatal(err)
	}
	get := func(digest, part string) (int, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+host+"/v2/library/tiny/blobs/"+digest, nil)
		if err != nil {
			t.Fatal(err)
		}
		if part != "" {
			req.Header.Set("Range", part)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(body)
	}
	status, whole := get(digest.String(), "")
	if status != http.StatusOK || len(whole) < 20 {
		t.Fatalf("%d, %d bytes", status, len(whole))
	}
	if status, rest := get(digest.String(), "bytes=7-"); status != http.StatusPartialContent || rest != whole[7:] {
		t.Errorf("%d, %d bytes of %d", status, len(rest), len(whole))
	}
	if status, _ := get("sha256:"+strings.Repeat("0", 64), ""); status != http.StatusNotFound {
		t.Errorf("a blob that is not there: %d", status)
	}
}

func TestOtherNamesTakePushesAndLibraryDoesNot(t *testing.T) {
	addr := listen(t)
	img, err := random.Image(1000, 2)
	if err != nil {
		t.Fatal(err)
	}
	pushed := reference(t, addr+"/mine:1")
	if err := remote.Write(pushed, img); err != nil {
		t.Fatal(err)
	}
	back, err := remote.Image(pushed)
	if err != nil {
		t.Fatal(err)
	}
	checkLayers(t, back)
	if err := remote.Write(reference(t, addr+"/library/tiny:2"), img); err == nil {
		t.Error("library/ took a push")
	}
	if err := remote.Delete(reference(t, addr+"/library/tiny:1")); err == nil {
		t.Error("library/ lost an image")
	}
}

func TestWhoIsThere(t *testing.T) {
	answer := any(nil)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if err := json.NewEncoder(w).Encode(answer); err != nil {
			t.Error(err)
		}
	}))
	opts := Options{Addr: strings.TrimPrefix(server.URL, "http://"), Dir: t.TempDir()}
	_, b, err := builder(opts)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		answer any
		want   string
	}{
		{health{serviceName, recipeOf(b)}, ErrServing.Error()},
		{health{serviceName, "another"}, "other recipes"},
		{"hello", "something else"},
	} {
		answer = test.answer
		if err := findOther(context.Background(), opts); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v: got %v", test.answer, err)
		}
	}
	server.Close()
	if err := findOther(context.Background(), opts); err != nil {
		t.Errorf("nobody there: %v", err)
	}
}
