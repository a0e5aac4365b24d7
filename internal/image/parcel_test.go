package image

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// attested is an index as BuildKit makes it: an image, and a manifest of statements about it.
func attested(t *testing.T, img v1.Image, predicates ...string) v1.ImageIndex {
	t.Helper()
	statements := empty.Image
	for _, predicate := range predicates {
		var err error
		statements, err = mutate.Append(statements, mutate.Addendum{
			Layer:       static.NewLayer([]byte(`{"predicateType":"`+predicate+`"}`), "application/vnd.in-toto+json"),
			Annotations: map[string]string{predicateType: predicate},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return mutate.AppendManifests(mutate.IndexMediaType(empty.Index, types.OCIImageIndex),
		mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "amd64"}}},
		mutate.IndexAddendum{Add: statements, Descriptor: v1.Descriptor{
			Platform:    &v1.Platform{OS: "unknown", Architecture: "unknown"},
			Annotations: map[string]string{attestationType: attestationValue},
		}},
	)
}

// parcelOf pushes an attested image to a registry and looks it up there.
func parcelOf(t *testing.T, r *Registry) (*Parcel, v1.Image) {
	t.Helper()
	img, err := random.Image(20_000, 3)
	if err != nil {
		t.Fatal(err)
	}
	index := attested(t, img, "https://slsa.dev/provenance/v1", "https://spdx.dev/Document")
	if err := remote.WriteIndex(r.ref(t, "app:1"), index); err != nil {
		t.Fatal(err)
	}
	p, err := Fetch(t.Context(), r.Addr()+"/app:1", Options{})
	if err != nil {
		t.Fatal(err)
	}
	whole, err1 := index.Digest()
	own, err2 := img.Digest()
	if err := errors.Join(err1, err2); err != nil || p.Digest != whole.String() || p.ImageDigest != own.String() || fmt.Sprint(p.Attestations) != "[provenance sbom]" {
		t.Fatalf("%+v, %v", p, err)
	}
	return p, img
}

// idle is shown a layer and looks at nothing.
type idle struct{}

func (idle) Entry(*tar.Header, io.Reader) error { return nil }
func (idle) Done(Layer)                         {}

func TestParcelOfAPlainImage(t *testing.T) {
	r := startRegistry(t)
	img, err := random.Image(1000, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(r.ref(t, "app:1"), img); err != nil {
		t.Fatal(err)
	}
	p, err := Fetch(t.Context(), r.Addr()+"/app:1", Options{})
	if err != nil || p.Digest != p.ImageDigest || p.Attestations != nil {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestParcelsAreWrittenWhole(t *testing.T) {
	r := startRegistry(t)
	p, img := parcelOf(t, r)
	want, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{"layout", "image.tar", "empty"} {
		path := filepath.Join(dir, name)
		if name == "empty" {
			if err := os.Mkdir(path, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.WriteLayout(path); err != nil {
			t.Fatal(err)
		}
		got, err := Walk(t.Context(), path, Options{}, Reader{Start: func(Layer) LayerVisitor { return idle{} }})
		if err != nil || got.Digest != want.String() || len(got.Layers) != 3 {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	first, err := os.ReadFile(filepath.Join(dir, "image.tar"))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.WriteLayout(filepath.Join(dir, "image.tar")); err != nil {
		t.Errorf("an archive that is there is replaced: %v", err)
	}
	again, err := os.ReadFile(filepath.Join(dir, "image.tar"))
	if err != nil || !bytes.Equal(first, again) {
		t.Errorf("the same image gives another archive (%v)", err)
	}
	if names := namesIn(t, dir); fmt.Sprint(names) != "[empty image.tar layout]" {
		t.Errorf("left behind: %v", names)
	}
}

func namesIn(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestAnOutputThatBreaksOffLeavesNothing(t *testing.T) {
	r := startRegistry(t)
	p, _ := parcelOf(t, r)
	if err := r.Reset(); err != nil { // the layers are gone
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "there.tar"), []byte("before"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"layout", "image.tar", "there.tar"} {
		if err := p.WriteLayout(filepath.Join(dir, name)); err == nil {
			t.Errorf("%s was written without its layers", name)
		}
	}
	if text, err := os.ReadFile(filepath.Join(dir, "there.tar")); err != nil || string(text) != "before" {
		t.Errorf("the archive that was there is %q now, %v", text, err)
	}
	if names := namesIn(t, dir); fmt.Sprint(names) != "[there.tar]" {
		t.Errorf("left behind: %v", names)
	}
}

func TestCheckOutput(t *testing.T) {
	dir := t.TempDir()
	full := filepath.Join(dir, "full")
	if err := os.MkdirAll(filepath.Join(full, "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "folder.tar"), 0o755); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"new": "", "new.tar": "", "full": "is not empty", "file": "is a file", "folder.tar": "no file that could be replaced", "none/new": "there is no folder",
	} {
		err := CheckOutput(filepath.Join(dir, path))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
}

func TestParcelsArePushed(t *testing.T) {
	r := startRegistry(t)
	p, _ := parcelOf(t, r)
	for _, auth := range []string{"basic", "token"} {
		h, _ := newGuardedHub(t, auth)
		to := h.host() + "/team/proven:1"
		opts := h.options(t, "secret")
		if err := p.Push(t.Context(), to, opts); err != nil {
			t.Fatal(err)
		}
		got, err := Fetch(t.Context(), to, opts)
		if err != nil || got.Digest != p.Digest || !slices.Equal(got.Attestations, p.Attestations) {
			t.Errorf("%s: %+v, %v", auth, got, err)
		}
		err = p.Push(t.Context(), to, h.options(t, "wrong"))
		if !errors.Is(err, ErrAuth) || !strings.Contains(err.Error(), "docker login") || !strings.Contains(err.Error(), h.host()) {
			t.Errorf("%s: a wrong login: %v", auth, err)
		}
	}
}

func TestAPushThatBreaksOff(t *testing.T) {
	r := startRegistry(t)
	p, _ := parcelOf(t, r)
	h, _ := newGuardedHub(t, "")
	var uploads atomic.Int64
	h.fault = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPatch || uploads.Add(1) > 1 {
			return false
		}
		_, _ = io.CopyN(io.Discard, r.Body, 10)
		panic(http.ErrAbortHandler)
	}
	to, opts := h.host()+"/team/proven:1", h.options(t, "secret")
	if err := p.Push(t.Context(), to, opts); err != nil {
		t.Errorf("once: %v", err)
	}
	if _, err := Fetch(t.Context(), to, opts); err != nil {
		t.Error(err)
	}
	h.fault = func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPatch || r.Method == http.MethodPut {
			panic(http.ErrAbortHandler)
		}
		return false
	}
	to = h.host() + "/team/other:1"
	if err := p.Push(t.Context(), to, opts); err == nil || !strings.Contains(err.Error(), h.host()) {
		t.Errorf("for good: %v", err)
	}
	h.fault = nil
	if _, err := Fetch(t.Context(), to, opts); !errors.Is(err, ErrNotFound) {
		t.Errorf("half an image can be pulled: %v", err)
	}
}

func TestDockerArchiveOfAParcel(t *testing.T) {
	p, _ := parcelOf(t, startRegistry(t))
	var text bytes.Buffer
	if err := p.WriteDocker(&text, "shop:proven"); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "docker.tar")
	if err := os.WriteFile(path, text.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := Walk(t.Context(), path, Options{}, Reader{Start: func(Layer) LayerVisitor { return idle{} }})
	if err != nil || len(got.Layers) != 3 {
		t.Errorf("%+v, %v", got, err)
	}
	if !strings.Contains(text.String(), `shop:proven"]`) {
		t.Error("the archive does not name the image")
	}
	if err := p.WriteDocker(io.Discard, "shop@sha256:0"); err == nil {
		t.Error("a name that is none was taken")
	}
	if err := p.WriteDocker(failing{}, "shop:proven"); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("a reader that went away: %v", err)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, fs.ErrClosed }
