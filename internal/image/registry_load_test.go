package image

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// savedImage is an image in a file, as "docker save" writes it.
func savedImage(t *testing.T) string {
	t.Helper()
	img := imageOf(t, v1.Config{}, step("COPY a", layerOf(t, archive(t, file{name: "a", body: strings.Repeat("a", 100_000)}))))
	tag, err := name.NewTag("app:1")
	if err != nil {
		t.Fatal(err)
	}
	saved := filepath.Join(t.TempDir(), "image.tar")
	if err := tarball.WriteToFile(saved, tag, img); err != nil {
		t.Fatal(err)
	}
	return saved
}

func TestLoad(t *testing.T) {
	r, saved := startRegistry(t), savedImage(t)
	if _, err := r.Load(t.Context(), saved, "app", "1"); err != nil {
		t.Fatal(err)
	}
	if c, err := Scan(t.Context(), r.Addr()+"/app:1", Options{}, nil); err != nil || len(c.Layers) != 1 {
		t.Errorf("%+v, %v", c, err)
	}
}

// Who waits for an image to be taken over need not wait for its end.
func TestLoadEndsWithItsContext(t *testing.T) {
	r, saved := startRegistry(t), savedImage(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	interrupted := errors.New("interrupted")
	cancel(interrupted)
	if _, err := r.Load(ctx, saved, "app", "1"); !errors.Is(err, interrupted) {
		t.Errorf("got %v, want %v", err, interrupted)
	}
	if tags, ok := r.current().tagsOf("app"); ok {
		t.Errorf("it is there, as %q", tags)
	}
}
